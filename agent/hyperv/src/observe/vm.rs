//! VMs: their settings, power states, processors, memory and disks, each joined by GUID.
//!
//! Guarantees: a snapshot's settings are never taken for its VM's, and what it holds is its VM's; the host's own `Msvm_ComputerSystem` is
//! never taken for a VM, and no localised text decides either.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::desired::{SecureBoot, StartAction, StopAction};
use model::names::{HostPath, VmName};
use model::observed::{PowerState, ReplicaRole};
use model::seen::{Cause, Seen};
use model::units::MemorySize;
use wsman::cim::{CimInstance, CimValue};

use crate::classes;
use crate::guid::Guid;
use crate::row::{Malformed, Row};

/// The settings that a VM has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// `InstanceID`: `Microsoft:<GUID>`.
    pub(crate) id: String,
    pub(crate) name: VmName,
    /// The notes, one text.
    pub(crate) notes: String,
    pub(crate) start_action: Seen<StartAction>,
    pub(crate) stop_action: Seen<StopAction>,
    /// `Absent` on generation 1.
    pub(crate) secure_boot: Seen<SecureBoot>,
    /// Names of the checkpoints, of whatever kind.
    pub(crate) checkpoints: Vec<String>,
}

/// The realized settings of every VM.
pub(crate) fn settings(rows: &[CimInstance]) -> Result<BTreeMap<Guid, Settings>, Malformed> {
    let mut found = BTreeMap::new();
    for row in rows {
        let Some(vm) = realized(row)? else { continue };
        let settings = Settings {
            id: row.need("InstanceID")?.to_owned(),
            name: row.name("ElementName")?,
            notes: row.lines("Notes")?,
            start_action: action(row, "AutomaticStartupAction", |code| match code {
                2 => Some(StartAction::Nothing),
                3 => Some(StartAction::StartIfRunning),
                4 => Some(StartAction::AlwaysStart),
                _ => None,
            })?,
            stop_action: action(row, "AutomaticShutdownAction", |code| match code {
                2 => Some(StopAction::TurnOff),
                3 => Some(StopAction::Save),
                4 => Some(StopAction::ShutDown),
                _ => None,
            })?,
            secure_boot: secure_boot(row)?,
            checkpoints: Vec::new(),
        };
        found.insert(vm, settings);
    }
    for row in rows {
        if let Some((_, vm)) = snapshot(row)?
            && let Some(settings) = found.get_mut(&vm)
        {
            settings.checkpoints.push(row.text("ElementName")?.unwrap_or("without a name").to_owned());
        }
    }
    Ok(found)
}

/// A VM that stands and that no settings tell of: it is not absent, and nobody knows whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Untold {
    guid: Guid,
    pub(crate) name: VmName,
}

impl Untold {
    /// What is wrong with that.
    pub(crate) fn malformed(&self) -> Malformed {
        Malformed::Untold { class: classes::SYSTEM_SETTINGS, object: self.guid.to_string() }
    }
}

/// Those of the VMs that stand.
pub(crate) fn untold(states: &BTreeMap<Guid, State>, settings: &BTreeMap<Guid, Settings>) -> Vec<Untold> {
    let untold = states.iter().filter(|(vm, _)| !settings.contains_key(vm));
    untold.map(|(vm, state)| Untold { guid: vm.clone(), name: state.name.clone() }).collect()
}

/// The VM that these settings are in force for. Planned VMs, snapshots and recovery points have settings too, some below the VM's own
/// identifier.
pub(crate) fn realized(row: &CimInstance) -> Result<Option<Guid>, Malformed> {
    if row.text("VirtualSystemType")?.is_some_and(|kind| !kind.eq_ignore_ascii_case(classes::REALIZED)) {
        return Ok(None);
    }
    let Some(vm) = Guid::owner(row.need("InstanceID")?) else { return Ok(None) };
    let another = row.text("VirtualSystemIdentifier")?.and_then(Guid::read).is_some_and(|named| named != vm);
    Ok((!another).then_some(vm))
}

fn secure_boot(row: &CimInstance) -> Result<Seen<SecureBoot>, Malformed> {
    let Some(enabled) = row.boolean("SecureBootEnabled")? else { return Ok(Seen::Absent) };
    if !enabled {
        return Ok(Seen::Known(SecureBoot::Disabled));
    }
    let template = row.text("SecureBootTemplateId")?.unwrap_or_default();
    let is = |known: &str| Guid::read(template).is_some_and(|id| id.as_str() == known);
    Ok(match () {
        () if is(classes::TEMPLATE_WINDOWS) => Seen::Known(SecureBoot::Windows),
        () if is(classes::TEMPLATE_UEFI) => Seen::Known(SecureBoot::UefiAuthority),
        () if is(classes::TEMPLATE_SHIELDED) => Seen::Known(SecureBoot::OpenSourceShielded),
        () => Seen::Unknown(Cause::Failed(format!("its secure boot template is `{template}`, which we do not know"))),
    })
}

/// Which VM each snapshot is of.
pub(crate) fn snapshots(rows: &[CimInstance]) -> Result<BTreeMap<Guid, Guid>, Malformed> {
    let mut found = BTreeMap::new();
    for row in rows {
        found.extend(snapshot(row)?);
    }
    Ok(found)
}

/// The snapshot that the settings are of, with its VM.
fn snapshot(row: &CimInstance) -> Result<Option<(Guid, Guid)>, Malformed> {
    let is_snapshot = row.text("VirtualSystemType")?.is_some_and(|kind| kind.to_ascii_lowercase().contains(classes::SNAPSHOT));
    let vm = row.text("VirtualSystemIdentifier")?.and_then(Guid::read);
    Ok(Guid::owner(row.need("InstanceID")?).zip(vm).filter(|(snapshot, vm)| is_snapshot && snapshot != vm))
}

/// The disks of each VM with those that its snapshots hold: once there is a checkpoint, the VM writes to another file and its own
/// disk lies beneath.
pub(crate) fn with_snapshots(disks: BTreeMap<Guid, Vec<HostPath>>, snapshots: &BTreeMap<Guid, Guid>) -> BTreeMap<Guid, Vec<HostPath>> {
    let (beneath, mut all): (BTreeMap<_, _>, BTreeMap<_, _>) = disks.into_iter().partition(|(holder, _)| snapshots.contains_key(holder));
    for (snapshot, paths) in beneath {
        let Some(vm) = snapshots.get(&snapshot) else { continue };
        let of_vm: &mut Vec<HostPath> = all.entry(vm.clone()).or_default();
        for path in paths {
            if !of_vm.contains(&path) {
                of_vm.push(path);
            }
        }
    }
    all
}

fn action<T>(row: &CimInstance, property: &'static str, read: impl Fn(u64) -> Option<T>) -> Result<Seen<T>, Malformed> {
    let Some(code) = row.unsigned(property)? else { return Ok(Seen::Absent) };
    Ok(read(code).map_or_else(|| Seen::Unknown(Cause::Failed(format!("{property} is {code}, which means nothing"))), Seen::Known))
}

/// How a VM stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    /// `ElementName`; the GUID where the host tells none.
    name: VmName,
    /// `EnabledState`.
    pub(crate) enabled: u16,
    /// When its configuration last changed, where the host tells.
    pub(crate) configured: Option<Timestamp>,
}

/// How every VM stands; the host's own object, whose name is no GUID, is left out.
pub(crate) fn states(rows: &[CimInstance]) -> Result<BTreeMap<Guid, State>, Malformed> {
    let mut found = BTreeMap::new();
    for row in rows {
        if let Some(vm) = Guid::read(row.need("Name")?) {
            let name = row.name("ElementName").or_else(|_| row.name("Name"))?;
            let enabled = u16::try_from(row.number("EnabledState")?).unwrap_or(u16::MAX);
            // Nothing rests on it but how often something else is asked.
            let configured = match row.get("TimeOfLastConfigurationChange") {
                CimValue::Null => None,
                _ => row.instant("TimeOfLastConfigurationChange").ok(),
            };
            found.insert(vm, State { name, enabled, configured });
        }
    }
    Ok(found)
}

/// What every VM is to Hyper-V Replica; those that are not replicated are left out.
pub(crate) fn replicas(rows: &[CimInstance]) -> Result<BTreeMap<Guid, ReplicaRole>, Malformed> {
    let mut found = BTreeMap::new();
    for row in rows {
        let Some(vm) = Guid::read(row.need("Name")?) else { continue };
        let role = match row.unsigned("ReplicationMode")? {
            None | Some(0) => continue,
            Some(1) => ReplicaRole::Primary,
            Some(2) => ReplicaRole::Replica,
            Some(other) => ReplicaRole::Other(u16::try_from(other).unwrap_or(u16::MAX)),
        };
        found.insert(vm, role);
    }
    Ok(found)
}

/// What an `EnabledState` means for whoever plans.
pub(crate) fn power(state: u16) -> PowerState {
    match state {
        2 => PowerState::Running,
        3 => PowerState::Off,
        6 | 32779 => PowerState::Saved,
        9 => PowerState::Paused,
        4 | 10 | 11 | 32770..=32778 | 32780 => PowerState::Changing,
        other => PowerState::Other(other),
    }
}

/// Why the guest cannot be looked into, when its VM's state alone tells.
pub(crate) fn silent(state: u16) -> Option<Cause> {
    match power(state) {
        PowerState::Running => None,
        // 10 starting, 32777 resuming: what begins to run is still starting, what ends is as good as off.
        PowerState::Changing if matches!(state, 10 | 11 | 32770 | 32777) => Some(Cause::Booting),
        PowerState::Off | PowerState::Saved | PowerState::Paused | PowerState::Changing | PowerState::Other(_) => Some(Cause::PoweredOff),
    }
}

/// Virtual processors by VM.
pub(crate) fn processors(rows: &[CimInstance]) -> Result<BTreeMap<Guid, u32>, Malformed> {
    quantities(rows, |count| u32::try_from(count).unwrap_or(u32::MAX))
}

/// Startup memory by VM.
pub(crate) fn memory(rows: &[CimInstance]) -> Result<BTreeMap<Guid, MemorySize>, Malformed> {
    quantities(rows, MemorySize::from_mib)
}

/// Whether the host changes the memory of each VM while it runs.
pub(crate) fn dynamic_memory(rows: &[CimInstance]) -> Result<BTreeMap<Guid, bool>, Malformed> {
    let mut found = BTreeMap::new();
    for row in rows {
        if let Some(vm) = Guid::owner(row.need("InstanceID")?) {
            found.insert(vm, row.boolean("DynamicMemoryEnabled")?.unwrap_or(false));
        }
    }
    Ok(found)
}

fn quantities<T>(rows: &[CimInstance], of: impl Fn(u64) -> T) -> Result<BTreeMap<Guid, T>, Malformed> {
    let mut found = BTreeMap::new();
    for row in rows {
        if let Some(vm) = Guid::owner(row.need("InstanceID")?) {
            found.insert(vm, of(row.number("VirtualQuantity")?));
        }
    }
    Ok(found)
}

/// Disk files by VM (or snapshot), in the order of their `InstanceID`.
pub(crate) fn disks(rows: &[CimInstance]) -> Result<BTreeMap<Guid, Vec<HostPath>>, Malformed> {
    let mut found: BTreeMap<Guid, Vec<(String, HostPath)>> = BTreeMap::new();
    for row in rows {
        let id = row.need("InstanceID")?;
        let Some(vm) = Guid::owner(id) else { continue };
        if !is_hard_disk(row)? || row.texts("HostResource")?.is_empty() {
            continue;
        }
        let path = row.texts("HostResource")?[0];
        let path = path.parse().map_err(|_| Malformed::Meaningless {
            class: classes::STORAGE.to_owned(),
            property: "HostResource",
            found: path.chars().take(80).collect(),
        })?;
        found.entry(vm).or_default().push((id.to_owned(), path));
    }
    let sorted = found.into_iter().map(|(vm, mut disks)| {
        disks.sort();
        (vm, disks.into_iter().map(|(_, path)| path).collect())
    });
    Ok(sorted.collect())
}

/// Whether settings of storage are of a hard disk: optical media have the same class, and an empty drive has no file.
pub(crate) fn is_hard_disk(row: &CimInstance) -> Result<bool, Malformed> {
    Ok(row.text("ResourceSubType")?.is_none_or(|kind| kind.eq_ignore_ascii_case(classes::HARD_DISK.sub_type)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VM: &str = "2B0E83F8-1111-2222-3333-444455556666";
    const SNAPSHOT: &str = "99999999-1111-2222-3333-444455556666";

    fn vssd(guid: &str, kind: &str) -> CimInstance {
        CimInstance::new("Msvm_VirtualSystemSettingData")
            .with("InstanceID", format!("Microsoft:{guid}"))
            .with("VirtualSystemIdentifier", VM)
            .with("VirtualSystemType", kind)
            .with("ElementName", "ad.2.1")
            .with("Notes", vec!["trunkline/1 fleet=f", "second"])
            .with("AutomaticStartupAction", 4_u16)
            .with("AutomaticShutdownAction", 9_u16)
    }

    #[test]
    fn a_snapshot_is_not_its_vm() {
        let rows = [vssd(SNAPSHOT, "Microsoft:Hyper-V:Snapshot:Realized"), vssd(VM, "Microsoft:Hyper-V:System:Realized")];
        let read = settings(&rows).unwrap();
        assert_eq!(read.len(), 1);
        let mine = &read[&Guid::read(VM).unwrap()];
        assert_eq!(mine.notes, "trunkline/1 fleet=f\nsecond");
        assert_eq!(mine.start_action, Seen::Known(StartAction::AlwaysStart));
        assert!(mine.stop_action.unknown().is_some(), "a code that means nothing is unknown");
        assert_eq!(mine.checkpoints, ["ad.2.1"], "it is told as what it is");
        assert_eq!(mine.secure_boot, Seen::Absent, "generation 1 has none");
    }

    #[test]
    fn a_vm_that_stands_without_settings_is_told_of_in_part() {
        let system = CimInstance::new("Msvm_ComputerSystem").with("Name", VM).with("EnabledState", 2_u16);
        let read = |system: CimInstance, rows: &[CimInstance]| untold(&states(&[system]).unwrap(), &settings(rows).unwrap());
        let named = || system.clone().with("ElementName", "ad.2.1");
        assert_eq!(read(named(), &[vssd(VM, "Microsoft:Hyper-V:System:Realized")]), []);
        for rows in [&[][..], &[vssd(VM, "Microsoft:Hyper-V:System:Planned")]] {
            let [vm] = &read(named(), rows)[..] else { panic!("it is there") };
            assert_eq!(vm.name.as_str(), "ad.2.1");
            assert_eq!(vm.malformed().to_string(), format!("no Msvm_VirtualSystemSettingData tells of `{VM}`, which is there"));
        }
        assert_eq!(read(system, &[])[0].name.as_str(), VM);
    }

    #[test]
    fn secure_boot_is_a_template_or_off() {
        let read = |row: CimInstance| settings(&[row]).unwrap().into_values().next().unwrap().secure_boot;
        let row = || vssd(VM, "Microsoft:Hyper-V:System:Realized").with("SecureBootEnabled", true);
        assert_eq!(read(row().with("SecureBootTemplateId", classes::TEMPLATE_WINDOWS.to_lowercase())), Seen::Known(SecureBoot::Windows));
        assert_eq!(read(row().with("SecureBootTemplateId", classes::TEMPLATE_UEFI)), Seen::Known(SecureBoot::UefiAuthority));
        assert_eq!(read(row().with("SecureBootEnabled", false)), Seen::Known(SecureBoot::Disabled));
        assert!(read(row().with("SecureBootTemplateId", VM)).unknown().is_some(), "somebody's own");
    }

    #[test]
    fn a_mode_of_replication_says_who_copies_whom() {
        let vm = |mode: Option<u16>| {
            let row = CimInstance::new("Msvm_ComputerSystem").with("Name", VM);
            mode.into_iter().fold(row, |row, mode| row.with("ReplicationMode", mode))
        };
        let read = |mode| replicas(&[vm(mode)]).unwrap().into_values().next();
        assert_eq!((read(None), read(Some(0))), (None, None));
        assert_eq!((read(Some(1)), read(Some(2))), (Some(ReplicaRole::Primary), Some(ReplicaRole::Replica)));
        assert_eq!(read(Some(3)), Some(ReplicaRole::Other(3)));
    }

    #[test]
    fn a_disk_beneath_a_checkpoint_is_still_its_vms() {
        let rows = [vssd(SNAPSHOT, "Microsoft:Hyper-V:Snapshot:Realized"), vssd(VM, "Microsoft:Hyper-V:System:Realized")];
        let disk = |owner: &str, path: &str| {
            CimInstance::new("Msvm_StorageAllocationSettingData")
                .with("InstanceID", format!("Microsoft:{owner}\\83F8638B\\0\\0\\L"))
                .with("HostResource", path)
        };
        let held = [disk(SNAPSHOT, r"D:\ad.vhdx"), disk(VM, r"D:\ad_1.avhdx")];
        let read = with_snapshots(disks(&held).unwrap(), &snapshots(&rows).unwrap());
        let told: Vec<_> = read.into_iter().map(|(vm, disks)| (vm.to_string(), disks)).collect();
        assert_eq!(told, [(VM.to_owned(), vec![r"D:\ad_1.avhdx".parse().unwrap(), r"D:\ad.vhdx".parse().unwrap()])]);
    }

    #[test]
    fn the_host_is_no_vm_whatever_its_caption_says() {
        let host =
            CimInstance::new("Msvm_ComputerSystem").with("Name", "HV01").with("Caption", "Virtueller Computer").with("EnabledState", 2_u16);
        let vm =
            CimInstance::new("Msvm_ComputerSystem").with("Name", VM.to_lowercase()).with("Caption", "Hôte").with("EnabledState", 6_u16);
        let read = states(&[host, vm]).unwrap();
        assert_eq!(
            read.into_iter().map(|(vm, state)| (vm.to_string(), power(state.enabled))).collect::<Vec<_>>(),
            [(VM.to_owned(), PowerState::Saved)]
        );
    }

    #[test]
    fn a_vm_that_stops_is_as_good_as_off_and_one_that_starts_boots() {
        assert_eq!(silent(2), None);
        assert_eq!(silent(10), Some(Cause::Booting));
        assert_eq!(silent(4), Some(Cause::PoweredOff));
        assert_eq!(silent(32773), Some(Cause::PoweredOff));
    }

    #[test]
    fn definitions_and_empty_drives_count_for_nothing() {
        let definition = CimInstance::new("Msvm_ProcessorSettingData")
            .with("InstanceID", "Microsoft:Definition\\4764334D-E001-4176-82EE-5594EC9B530E\\Maximum")
            .with("VirtualQuantity", 240_u64);
        let mine = CimInstance::new("Msvm_ProcessorSettingData")
            .with("InstanceID", format!("Microsoft:{VM}\\b637f346-6a0e-4dec-af52-bd70cb80a21d\\0"))
            .with("VirtualQuantity", "4");
        assert_eq!(processors(&[definition, mine]).unwrap().into_values().collect::<Vec<_>>(), [4]);
        let empty = CimInstance::new("Msvm_StorageAllocationSettingData").with("InstanceID", format!("Microsoft:{VM}\\83F8638B\\0\\1\\L"));
        let disk = empty.clone().with("HostResource", r"D:\a.vhdx");
        assert_eq!(disks(&[empty, disk]).unwrap().into_values().flatten().map(|p| p.to_string()).collect::<Vec<_>>(), [r"D:\a.vhdx"]);
    }
}
