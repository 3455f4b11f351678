//! A VM's devices, and how their settings are called.
//!
//! Guarantees: [`VirtualMachine::device`] finds a device by the InstanceID that the views give it, in any case.
//! Deliberately absent: what the settings hold; see the views.

use serde::{Deserialize, Serialize};

use crate::host::machine::VirtualMachine;
use crate::host::vlan::Vlan;

/// A disk controller.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Controller {
    /// GUID; the IDE and floppy controllers have the same one in every VM.
    pub(crate) id: String,
    pub(crate) kind: ControllerKind,
    pub(crate) drives: Vec<Drive>,
}

/// What a controller is, with its number where there are two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ControllerKind {
    Ide(u8),
    Scsi,
    Floppy,
}

/// A drive on a controller.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Drive {
    /// `AddressOnParent`.
    pub(crate) slot: u32,
    pub(crate) kind: DriveKind,
    /// The path of the file in it.
    pub(crate) medium: Option<String>,
}

/// What a drive takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DriveKind {
    Disk,
    Dvd,
    Floppy,
}

/// A synthetic network adapter.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct VirtualNic {
    pub(crate) id: String,
    pub(crate) name: String,
    /// 12 upper hex digits.
    pub(crate) mac: String,
    pub(crate) mac_origin: MacOrigin,
    pub(crate) connection: Option<Connection>,
}

/// Who chose the hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MacOrigin {
    Static,
    Dynamic,
}

/// An adapter's connection to a switch: `Msvm_EthernetPortAllocationSettingData`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Connection {
    /// The switch's GUID; kept when the connection is disabled.
    pub(crate) switch: Option<String>,
    /// The name of that switch, which outlives it.
    pub(crate) switch_name: Option<String>,
    pub(crate) enabled: bool,
    /// The VLAN settings of the port.
    #[serde(default)]
    pub(crate) vlan: Option<Vlan>,
}

/// Where a device stands in its VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Device {
    Processor,
    Memory,
    Controller(usize),
    Drive(usize, usize),
    Medium(usize, usize),
    Nic(usize),
    Connection(usize),
    Serial(usize),
}

const PROCESSOR: &str = "b637f346-6a0e-4dec-af52-bd70cb80a21d\\0";
const MEMORY: &str = "4764334d-e001-4176-82ee-5594ec9b530e";
const SERIAL: &str = "8e3a359f-559a-4b6a-98a9-1690a6100ed7";
const IDE: &str = "83F8638B-8DCA-4152-9EDA-2CA8B33039B4";
const FLOPPY: &str = "8F0D2762-0B00-4E04-AF4F-19010527CB93";

impl Controller {
    /// Generation 1 always has two IDE controllers and a floppy drive. Its usual DVD drive is added by who makes the VM: clients that
    /// define one themselves (libvirt, OpenStack) find its place, the first on the second controller, free.
    pub(crate) fn generation_one() -> Vec<Self> {
        let ide = |number| Self { id: IDE.to_owned(), kind: ControllerKind::Ide(number), drives: Vec::new() };
        let floppy = Drive { slot: 0, kind: DriveKind::Floppy, medium: None };
        vec![ide(0), ide(1), Self { id: FLOPPY.to_owned(), kind: ControllerKind::Floppy, drives: vec![floppy] }]
    }

    pub(crate) fn scsi(id: String) -> Self {
        Self { id, kind: ControllerKind::Scsi, drives: Vec::new() }
    }

    pub(crate) fn slots(&self) -> u32 {
        match self.kind {
            ControllerKind::Ide(_) => 2,
            ControllerKind::Scsi => 64,
            ControllerKind::Floppy => 1,
        }
    }

    pub(crate) fn number(&self) -> u8 {
        match self.kind {
            ControllerKind::Ide(number) => number,
            ControllerKind::Scsi | ControllerKind::Floppy => 0,
        }
    }

    pub(crate) fn drive_at(&self, slot: u32) -> Option<usize> {
        self.drives.iter().position(|d| d.slot == slot)
    }
}

impl VirtualNic {
    /// The GUID of the switch that the cable is in at this moment.
    pub(crate) fn connected_switch(&self) -> Option<&str> {
        self.connection.as_ref().filter(|c| c.enabled).and_then(|c| c.switch.as_deref())
    }
}

impl VirtualMachine {
    /// The InstanceID of the settings of `device`.
    pub(crate) fn instance_id(&self, device: Device) -> String {
        let controller = |c: usize| format!("Microsoft:{}\\{}\\{}", self.id, self.controllers[c].id, self.controllers[c].number());
        match device {
            Device::Processor => format!("Microsoft:{}\\{PROCESSOR}", self.id),
            Device::Memory => format!("Microsoft:{}\\{MEMORY}", self.id),
            Device::Controller(c) => controller(c),
            Device::Drive(c, d) => format!("{}\\{}\\D", controller(c), self.controllers[c].drives[d].slot),
            Device::Medium(c, d) => format!("{}\\{}\\L", controller(c), self.controllers[c].drives[d].slot),
            Device::Nic(n) => format!("Microsoft:{}\\{}", self.id, self.adapters[n].id),
            Device::Connection(n) => format!("Microsoft:{}\\{}\\C", self.id, self.adapters[n].id),
            Device::Serial(n) => format!("Microsoft:{}\\{SERIAL}\\{n}", self.id),
        }
    }

    /// Every device, in the order in which Hyper-V lists them.
    pub(crate) fn devices(&self) -> Vec<Device> {
        let mut all = vec![Device::Processor, Device::Memory];
        for (c, controller) in self.controllers.iter().enumerate() {
            all.push(Device::Controller(c));
            for (d, drive) in controller.drives.iter().enumerate() {
                all.push(Device::Drive(c, d));
                if drive.medium.is_some() {
                    all.push(Device::Medium(c, d));
                }
            }
        }
        for (n, nic) in self.adapters.iter().enumerate() {
            all.push(Device::Nic(n));
            if nic.connection.is_some() {
                all.push(Device::Connection(n));
            }
        }
        all.extend((0..self.serial.len()).map(Device::Serial));
        all
    }

    /// The device whose settings are called `instance_id`.
    pub(crate) fn device(&self, instance_id: &str) -> Option<Device> {
        // Strangers' ids are the common case: their VM's GUID differs.
        let ours = instance_id.get(..10 + self.id.len())?.eq_ignore_ascii_case(&self.settings_id());
        ours.then(|| self.devices().into_iter().find(|d| self.instance_id(*d).eq_ignore_ascii_case(instance_id)))?
    }
}
