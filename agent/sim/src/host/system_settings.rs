//! `Msvm_VirtualSystemSettingData`: what a VM's definition says of the VM itself.
//!
//! Guarantees: only a minimal instance is taken as a change; a whole one that was read and sent back is refused, as Hyper-V does.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wsman::cim::{CimInstance, CimPath, CimValue, Namespace};

use crate::host::machine::{Automatic, Generation, Roots, SecureBoot, VirtualMachine};
use crate::host::{Host, input};
use crate::job::{Failure, code};
use crate::machine::Object;
use crate::windows::system::instant;

/// Settings to change; what is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SystemChange {
    name: Option<String>,
    notes: Option<Vec<String>>,
    start: Option<u16>,
    stop: Option<u16>,
    recovery: Option<u16>,
    secure_boot: Option<bool>,
    template: Option<String>,
    /// Paths of boot sources.
    #[serde(default)]
    boot_order: Option<Vec<String>>,
}

/// The secure boot templates that Hyper-V brings: Windows, the UEFI authority, open source shielded.
const TEMPLATES: [&str; 3] =
    ["1734C6E8-3154-4DDA-BA5F-A874CC483422", "272E7447-90A4-4563-A4B9-8E4AB00526CE", "4292AE2B-EE2C-42B5-A969-DD8F8689F6F3"];

// What Hyper-V alone decides. A settings instance that carries one of these was read, not written.
const DERIVED: [&str; 8] = [
    "ConfigurationFile",
    "ConfigurationID",
    "CreationTime",
    "VirtualSystemType",
    "VirtualSystemIdentifier",
    "RecoveryFile",
    "GuestStateFile",
    "IsSaved",
];

impl SystemChange {
    pub(crate) fn read(settings: &CimInstance) -> Result<Self, Failure> {
        if let Some(name) = DERIVED.iter().find(|p| *settings.get(p) != CimValue::Null) {
            return Err(Failure::new(code::FAILED, format!("{name} cannot be set")));
        }
        let action = |name, known: &[u64]| match input::number(settings, name)? {
            None => Ok(None),
            Some(n) if known.contains(&n) => Ok(u16::try_from(n).ok()),
            Some(n) => Err(input::invalid(format!("{n} is no {name}"))),
        };
        let template = input::text(settings, "SecureBootTemplateId")?.map(|t| t.trim_matches(['{', '}']).to_ascii_uppercase());
        if let Some(unknown) = template.as_ref().filter(|t| !TEMPLATES.contains(&t.as_str())) {
            return Err(input::invalid(format!("`{unknown}` is no secure boot template")));
        }
        let name = input::text(settings, "ElementName")?;
        if name.is_some_and(|n| n.trim().is_empty() || n.len() > 100) {
            return Err(input::invalid("a virtual machine needs a name of at most 100 characters"));
        }
        Ok(Self {
            name: name.map(ToOwned::to_owned),
            notes: input::text_array(settings, "Notes")?.map(|n| n.into_iter().map(ToOwned::to_owned).collect()),
            start: action("AutomaticStartupAction", &[2, 3, 4])?,
            stop: action("AutomaticShutdownAction", &[2, 3, 4])?,
            recovery: action("AutomaticRecoveryAction", &[2, 3, 4])?,
            secure_boot: input::truth(settings, "SecureBootEnabled")?,
            template,
            boot_order: input::text_array(settings, "BootSourceOrder")?.map(|o| o.into_iter().map(ToOwned::to_owned).collect()),
        })
    }

    /// Firmware can be changed only while the VM is off.
    pub(crate) fn apply(self, machine: &mut VirtualMachine) -> Result<(), Failure> {
        let firmware = self.secure_boot.is_some() || self.template.is_some() || self.boot_order.is_some();
        if firmware && !machine.power.is_off() {
            return Err(Failure::new(code::INVALID_STATE, format!("'{}' is not off", machine.name)));
        }
        match &mut machine.secure_boot {
            None if firmware => return Err(input::invalid("generation 1 has neither secure boot nor BootSourceOrder")),
            None => {}
            Some(boot) => {
                boot.enabled = self.secure_boot.unwrap_or(boot.enabled);
                boot.template = self.template.unwrap_or_else(|| boot.template.clone());
            }
        }
        if let Some(paths) = self.boot_order {
            machine.boot_order = machine.read_boot_order(&paths)?;
        }
        let Automatic { start, stop, recovery } = &mut machine.automatic;
        *start = self.start.unwrap_or(*start);
        *stop = self.stop.unwrap_or(*stop);
        *recovery = self.recovery.unwrap_or(*recovery);
        if let Some(name) = self.name {
            machine.name = name;
        }
        if let Some(notes) = self.notes {
            machine.notes = notes;
        }
        Ok(())
    }
}

/// The generation that new settings ask for; 1 when they do not say.
pub(crate) fn generation(settings: &CimInstance) -> Result<Generation, Failure> {
    match input::text(settings, "VirtualSystemSubType")? {
        None => Ok(Generation::One),
        Some(text) => [Generation::One, Generation::Two]
            .into_iter()
            .find(|g| g.sub_type().eq_ignore_ascii_case(text))
            .ok_or_else(|| input::invalid(format!("`{text}` is no generation"))),
    }
}

/// The roots that new settings ask for.
pub(crate) fn set_roots(machine: &mut VirtualMachine, settings: &CimInstance) -> Result<(), Failure> {
    let Roots { configuration, snapshots, suspend, swap } = &mut machine.roots;
    for (name, root) in [
        ("ConfigurationDataRoot", configuration),
        ("SnapshotDataRoot", snapshots),
        ("SuspendDataRoot", suspend),
        ("SwapFileDataRoot", swap),
    ] {
        if let Some(path) = input::text(settings, name)? {
            if super::disk::volume_of(path).is_none() && !path.starts_with("\\\\") {
                return Err(input::invalid(format!("{name} `{path}` is no absolute path")));
            }
            path.clone_into(root);
        }
    }
    Ok(())
}

pub(crate) fn path_of(settings_id: &str) -> CimPath {
    CimPath::class_of(Namespace::VIRTUALIZATION, "Msvm_VirtualSystemSettingData").with_key("InstanceID", settings_id)
}

impl Host {
    /// The settings of every VM that is told of, and of every checkpoint.
    pub(crate) fn system_settings(&self, now: Timestamp) -> Vec<Object> {
        let own = |machine: &VirtualMachine| {
            let Object { path, mut instance } = object(machine);
            if machine.generation == Generation::Two {
                instance.set("BootSourceOrder", self.boot_source_order(machine));
            }
            if let Some(latest) = &machine.latest {
                instance.set("Parent", path_of(&format!("Microsoft:{latest}")).on_host(&self.windows.computer_name));
            }
            Object { path, instance }
        };
        self.machines
            .iter()
            .filter(|m| m.untold_until.is_none_or(|until| until <= now))
            .map(own)
            .chain(self.checkpoint_settings())
            .collect()
    }
}

pub(crate) fn object(machine: &VirtualMachine) -> Object {
    let Automatic { start, stop, recovery } = machine.automatic;
    let mut view = CimInstance::new("Msvm_VirtualSystemSettingData")
        .with("InstanceID", machine.settings_id())
        .with("ElementName", machine.name.as_str())
        .with("Caption", "Virtual Machine Settings")
        .with("Description", "Active settings for the virtual machine.")
        .with("VirtualSystemIdentifier", machine.id.as_str())
        .with("VirtualSystemType", "Microsoft:Hyper-V:System:Realized")
        .with("VirtualSystemSubType", machine.generation.sub_type())
        .with("ConfigurationID", machine.id.as_str())
        .with("ConfigurationDataRoot", machine.roots.configuration.as_str())
        .with("ConfigurationFile", format!("Virtual Machines\\{}.vmcx", machine.id))
        .with("SnapshotDataRoot", machine.roots.snapshots.as_str())
        .with("SuspendDataRoot", machine.roots.suspend.as_str())
        .with("SwapFileDataRoot", machine.roots.swap.as_str())
        .with("LogDataRoot", machine.roots.configuration.as_str())
        .with("CreationTime", instant(machine.created))
        .with("AutomaticStartupAction", start)
        .with("AutomaticStartupActionDelay", CimValue::Datetime(wsman::cim::CimDatetime::Interval(jiff::SignedDuration::ZERO)))
        .with("AutomaticStartupActionSequenceNumber", 0u16)
        .with("AutomaticShutdownAction", stop)
        .with("AutomaticRecoveryAction", recovery)
        .with("AutomaticSnapshotsEnabled", false)
        .with("AllowFullSCSICommandSet", false)
        .with("AllowReducedFcRedundancy", false)
        .with("Architecture", "x64")
        .with("BIOSGUID", format!("{{{}}}", machine.id))
        .with("BIOSNumLock", true)
        .with("BIOSSerialNumber", machine.id.as_str())
        .with("ChassisSerialNumber", machine.id.as_str())
        .with("BaseBoardSerialNumber", machine.id.as_str())
        .with("DebugChannelId", 0u32)
        .with("DebugPort", 0u32)
        .with("DebugPortEnabled", 0u16)
        .with("IncrementalBackupEnabled", false)
        .with("IsSaved", machine.power == super::power::Power::Saved)
        .with("LockOnDisconnect", false)
        .with("TurnOffOnGuestRestart", false)
        .with("UserSnapshotType", 3u16)
        .with("Version", "10.0")
        .with("VirtualNumaEnabled", true);
    if !machine.notes.is_empty() {
        view.set("Notes", machine.notes.clone());
    }
    if let Some(SecureBoot { enabled, template }) = &machine.secure_boot {
        view.set("SecureBootEnabled", *enabled);
        view.set("SecureBootTemplateId", template.as_str());
    }
    Object::keyed(&Namespace::VIRTUALIZATION, view, &["InstanceID"])
}
