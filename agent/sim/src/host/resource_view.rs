//! The settings of a VM's devices: the `…AllocationSettingData` family, processor and memory included.
//!
//! Guarantees: `Parent` and `HostResource` are paths as text, with the host's name, as Hyper-V writes them.

use wsman::cim::{CimInstance, CimPath, CimValue, Namespace};

use crate::host::Host;
use crate::host::device::{ControllerKind, Device, DriveKind, MacOrigin};
use crate::host::machine::{MemoryMode, VirtualMachine};
use crate::host::switch::{Port, Switch};
use crate::machine::Object;

/// The class of the settings of `device`.
pub(crate) fn class_of(device: Device) -> &'static str {
    match device {
        Device::Processor => "Msvm_ProcessorSettingData",
        Device::Memory => "Msvm_MemorySettingData",
        Device::Controller(_) | Device::Drive(..) => "Msvm_ResourceAllocationSettingData",
        Device::Medium(..) => "Msvm_StorageAllocationSettingData",
        Device::Nic(_) => "Msvm_SyntheticEthernetPortSettingData",
        Device::Connection(_) => "Msvm_EthernetPortAllocationSettingData",
        Device::Serial(_) => "Msvm_SerialPortSettingData",
    }
}

pub(crate) fn path_of(machine: &VirtualMachine, device: Device) -> CimPath {
    CimPath::class_of(Namespace::VIRTUALIZATION, class_of(device)).with_key("InstanceID", machine.instance_id(device))
}

pub(crate) fn switch_path(switch: &str) -> CimPath {
    CimPath::class_of(Namespace::VIRTUALIZATION, "Msvm_VirtualEthernetSwitch")
        .with_key("CreationClassName", "Msvm_VirtualEthernetSwitch")
        .with_key("Name", switch)
}

/// What every settings instance of this family says.
fn base(class: &'static str, id: String, kind: u16, sub_type: &'static str) -> CimInstance {
    CimInstance::new(class)
        .with("InstanceID", id)
        .with("ResourceType", kind)
        .with("ResourceSubType", sub_type)
        .with("AutomaticAllocation", true)
        .with("AutomaticDeallocation", true)
        .with("ConsumerVisibility", 3u16)
        .with("PoolID", "")
        .with("AllocationUnits", "count")
}

impl Host {
    /// The settings of every device of every VM, of the class `class`.
    pub(crate) fn resource_objects(&self, class: &str) -> Vec<Object> {
        let of = |m: &VirtualMachine| self.resources_of(m);
        self.configurations().flat_map(of).filter(|o| o.instance.class().as_str() == class).collect()
    }

    pub(crate) fn resources_of(&self, machine: &VirtualMachine) -> Vec<Object> {
        let view = |device| Object::keyed(&Namespace::VIRTUALIZATION, self.resource_view(machine, device), &["InstanceID"]);
        machine.devices().into_iter().map(view).collect()
    }

    fn resource_view(&self, machine: &VirtualMachine, device: Device) -> CimInstance {
        let (class, id) = (class_of(device), machine.instance_id(device));
        let host = self.windows.computer_name.as_str();
        let parent = |device| path_of(machine, device).on_host(host);
        match device {
            Device::Processor => processor(machine, base(class, id, 3, "Microsoft:Hyper-V:Processor")),
            Device::Memory => memory(machine, base(class, id, 4, "Microsoft:Hyper-V:Memory")),
            Device::Controller(c) => {
                let controller = &machine.controllers[c];
                let (kind, sub_type, name) = match controller.kind {
                    ControllerKind::Ide(n) => (5, "Microsoft:Hyper-V:Emulated IDE Controller", format!("IDE Controller {n}")),
                    ControllerKind::Scsi => (6, "Microsoft:Hyper-V:Synthetic SCSI Controller", "SCSI Controller".to_owned()),
                    ControllerKind::Floppy => (1, "Microsoft:Hyper-V:Emulated Diskette Controller", "Diskette Controller".to_owned()),
                };
                base(class, id, kind, sub_type).with("ElementName", name).with("Address", controller.number().to_string())
            }
            Device::Drive(c, d) => {
                let drive = &machine.controllers[c].drives[d];
                let (kind, sub_type, name) = match drive.kind {
                    DriveKind::Disk => (17, "Microsoft:Hyper-V:Synthetic Disk Drive", "Hard Drive"),
                    DriveKind::Dvd => (16, "Microsoft:Hyper-V:Synthetic DVD Drive", "DVD Drive"),
                    DriveKind::Floppy => (14, "Microsoft:Hyper-V:Synthetic Diskette Drive", "Diskette Drive"),
                };
                base(class, id, kind, sub_type)
                    .with("ElementName", name)
                    .with("AddressOnParent", drive.slot.to_string())
                    .with("Parent", parent(Device::Controller(c)))
            }
            Device::Medium(c, d) => {
                let drive = &machine.controllers[c].drives[d];
                let (sub_type, name) = match drive.kind {
                    DriveKind::Disk => ("Microsoft:Hyper-V:Virtual Hard Disk", "Hard Disk Image"),
                    DriveKind::Dvd => ("Microsoft:Hyper-V:Virtual CD/DVD Disk", "ISO Disk Image"),
                    DriveKind::Floppy => ("Microsoft:Hyper-V:Virtual Floppy Disk", "Floppy Disk Image"),
                };
                base(class, id, 31, sub_type)
                    .with("ElementName", name)
                    .with("Parent", parent(Device::Drive(c, d)))
                    .with("HostResource", drive.medium.iter().map(String::as_str).collect::<Vec<_>>())
                    .with("Access", 3u16)
                    .with("VirtualResourceBlockSize", 512u64)
                    .with("IgnoreFlushes", false)
                    .with("PersistentReservationsSupported", false)
            }
            Device::Nic(n) => {
                let nic = &machine.adapters[n];
                base(class, id, 10, "Microsoft:Hyper-V:Synthetic Ethernet Port")
                    .with("ElementName", nic.name.as_str())
                    .with("Address", nic.mac.as_str())
                    .with("StaticMacAddress", nic.mac_origin == MacOrigin::Static)
                    .with("VirtualSystemIdentifiers", vec![format!("{{{}}}", nic.id)])
                    .with("VirtualQuantity", 1u64)
                    .with("ClusterMonitored", true)
                    .with("DeviceNamingEnabled", false)
            }
            Device::Connection(n) => self.connection(machine, n, base(class, id, 33, CONNECTION).with("Parent", parent(Device::Nic(n)))),
            Device::Serial(n) => {
                let view = base(class, id, 21, "Microsoft:Hyper-V:Serial Port").with("ElementName", format!("COM {}", n + 1));
                match machine.serial[n].as_slice() {
                    [] => view,
                    pipes => view.with("Connection", pipes.to_vec()),
                }
            }
        }
    }

    fn connection(&self, machine: &VirtualMachine, nic: usize, view: CimInstance) -> CimInstance {
        let Some(connection) = &machine.adapters[nic].connection else { return view };
        let mut view = view
            .with("ElementName", "Dynamic Ethernet Switch Port")
            .with("EnabledState", if connection.enabled { 2u16 } else { 3u16 })
            .with("VirtualQuantity", 1u64);
        if let Some(switch) = &connection.switch {
            view.set("HostResource", vec![switch_path(switch).on_host(&self.windows.computer_name)]);
        }
        if let Some(name) = &connection.switch_name {
            view.set("LastKnownSwitchName", name.as_str());
        }
        view
    }

    /// The settings of the ports of a switch.
    pub(crate) fn port_objects(&self, switch: &Switch) -> Vec<Object> {
        let host = self.windows.computer_name.as_str();
        let view = |(port, id): (Port, String)| {
            let view = base("Msvm_EthernetPortAllocationSettingData", id, 33, CONNECTION).with("EnabledState", 2u16);
            let view = match port {
                Port::Host => {
                    let name = switch.host_port.as_ref().map_or(switch.name.as_str(), |p| &p.name);
                    view.with("ElementName", name).with("HostResource", vec![super::computer_system::path_of(host).on_host(host)])
                }
                Port::Uplink => {
                    let nic = switch.uplink.as_ref().and_then(|u| self.nics.iter().find(|n| n.id == u.nic));
                    let view = view.with("ElementName", format!("{}_External", switch.name));
                    match nic {
                        Some(nic) => view.with("HostResource", vec![super::ethernet_port::path_of(nic, host).on_host(host)]),
                        None => view,
                    }
                }
            };
            Object::keyed(&Namespace::VIRTUALIZATION, view, &["InstanceID"])
        };
        switch.ports().map(view).collect()
    }
}

const CONNECTION: &str = "Microsoft:Hyper-V:Ethernet Connection";

fn processor(machine: &VirtualMachine, view: CimInstance) -> CimInstance {
    let processor = &machine.processor;
    view.with("ElementName", "Processor")
        .with("VirtualQuantity", u64::from(processor.count))
        .with("VirtualQuantityUnits", "count")
        .with("Limit", processor.limit)
        .with("Reservation", processor.reservation)
        .with("Weight", processor.weight)
        .with("AllocationUnits", "percent / 1000")
        .with("LimitCPUID", false)
        .with("LimitProcessorFeatures", false)
        .with("ExposeVirtualizationExtensions", false)
        .with("HwThreadsPerCore", 1u64)
        .with("MaxProcessorsPerNumaNode", 16u64)
        .with("MaxNumaNodesPerSocket", 1u64)
}

fn memory(machine: &VirtualMachine, view: CimInstance) -> CimInstance {
    let memory = &machine.memory;
    view.with("ElementName", "Memory")
        .with("VirtualQuantity", memory.startup)
        .with("VirtualQuantityUnits", "byte * 2^20")
        .with("Limit", memory.maximum)
        .with("Reservation", memory.minimum)
        .with("Weight", memory.weight)
        .with("AllocationUnits", "byte * 2^20")
        .with("DynamicMemoryEnabled", memory.mode == MemoryMode::Dynamic)
        .with("TargetMemoryBuffer", memory.buffer)
        .with("SwapFilesInUse", false)
        .with("HugePagesEnabled", false)
        .with("IsVirtualized", true)
        .with("SgxEnabled", false)
        .with("MaxMemoryBlocksPerNumaNode", CimValue::Unsigned(65536))
}
