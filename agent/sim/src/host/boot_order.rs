//! What a VM boots from; on generation 2, in which order: `Msvm_BootSourceSettingData` and `BootSourceOrder`.
//!
//! Guarantees: a source is called like its drive or adapter with `\B` behind it; what an order does not name comes after what it names.
//! Deliberately absent: files as boot sources, and booting from a network, which nothing answers here.

use wsman::cim::{CimInstance, CimPath, Namespace};

use crate::host::device::{ControllerKind, Device, DriveKind};
use crate::host::machine::{Generation, VirtualMachine};
use crate::host::{Host, input};
use crate::job::Failure;
use crate::machine::Object;

const SUFFIX: &str = "\\B";
// Values of BootSourceType.
const DRIVE: u32 = 1;
const NETWORK: u32 = 2;

pub(crate) fn path_of(id: &str) -> CimPath {
    CimPath::class_of(Namespace::VIRTUALIZATION, "Msvm_BootSourceSettingData").with_key("InstanceID", format!("{id}{SUFFIX}"))
}

impl VirtualMachine {
    /// Everything that the VM can boot from, what it tries first in front. The BIOS of generation 1 has no driver for SCSI controllers.
    pub(crate) fn boot_sources(&self) -> Vec<Device> {
        let known = |c: usize| self.generation == Generation::Two || matches!(self.controllers[c].kind, ControllerKind::Ide(_));
        let bootable = |device: &Device| match device {
            Device::Drive(c, d) => known(*c) && matches!(self.controllers[*c].drives[*d].kind, DriveKind::Disk | DriveKind::Dvd),
            Device::Nic(_) => true,
            _ => false,
        };
        let mut sources: Vec<_> = self.devices().into_iter().filter(bootable).collect();
        let place = |device: &Device| {
            let id = self.instance_id(*device);
            self.boot_order.iter().position(|one| one.eq_ignore_ascii_case(&id)).unwrap_or(self.boot_order.len())
        };
        // A stable sort: those that no order names stay as they are listed.
        sources.sort_by_key(place);
        sources
    }

    /// Reads an order of paths into one of InstanceIDs.
    pub(crate) fn read_boot_order(&self, paths: &[String]) -> Result<Vec<String>, Failure> {
        if self.generation == Generation::One {
            return Err(input::invalid("generation 1 has no BootSourceOrder"));
        }
        let known: Vec<_> = self.boot_sources().into_iter().map(|d| self.instance_id(d)).collect();
        let mut order = Vec::new();
        for text in paths {
            let path = input::path(text)?;
            let right = path.class().as_str().eq_ignore_ascii_case("Msvm_BootSourceSettingData");
            let id = path.key("InstanceID").filter(|_| right).and_then(|id| id.strip_suffix(SUFFIX).or_else(|| id.strip_suffix("\\b")));
            let id = id.and_then(|id| known.iter().find(|one| one.eq_ignore_ascii_case(id)));
            let id = id.ok_or_else(|| input::invalid(format!("`{text}` is no boot source of '{}'", self.name)))?;
            if order.contains(id) {
                return Err(input::invalid(format!("`{text}` stands twice in the order")));
            }
            order.push(id.clone());
        }
        Ok(order)
    }
}

impl Host {
    pub(crate) fn boot_source_objects(&self) -> Vec<Object> {
        self.configurations().filter(|m| m.generation == Generation::Two).flat_map(|m| self.boot_sources_of(m)).collect()
    }

    pub(crate) fn boot_sources_of(&self, machine: &VirtualMachine) -> Vec<Object> {
        let view = |device: Device| {
            let (kind, description) = match device {
                Device::Nic(_) => (NETWORK, "EFI Network"),
                _ => (DRIVE, "EFI SCSI Device"),
            };
            let view = CimInstance::new("Msvm_BootSourceSettingData")
                .with("InstanceID", format!("{}{SUFFIX}", machine.instance_id(device)))
                .with("ElementName", description)
                .with("Caption", "Boot Source")
                .with("BootSourceDescription", description)
                .with("BootSourceType", kind);
            Object::keyed(&Namespace::VIRTUALIZATION, view, &["InstanceID"])
        };
        if machine.generation == Generation::One { Vec::new() } else { machine.boot_sources().into_iter().map(view).collect() }
    }

    /// `BootSourceOrder`, with the host's name in each path.
    pub(crate) fn boot_source_order(&self, machine: &VirtualMachine) -> Vec<String> {
        let host = self.windows.computer_name.as_str();
        let sources = if machine.generation == Generation::One { Vec::new() } else { machine.boot_sources() };
        sources.into_iter().map(|d| path_of(&machine.instance_id(d)).on_host(host)).collect()
    }
}
