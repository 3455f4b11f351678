//! Definitions: the settings of each resource that a new device gets, and the least and the most that the host allows.
//!
//! Guarantees: their InstanceIDs begin with `Microsoft:Definition\`, so no VM's settings can be taken for one.
//! Deliberately absent: faithful pool GUIDs; some are made up, and a client finds a pool by its sub type.

use wsman::cim::{CimInstance, Namespace};

use crate::host::Host;
use crate::machine::Object;

/// One kind of resource: class, resource type, sub type, the GUID of its primordial pool, name.
struct Kind(&'static str, u16, &'static str, &'static str, &'static str);

const KINDS: [Kind; 14] = [
    Kind("Msvm_ProcessorSettingData", 3, "Microsoft:Hyper-V:Processor", "B637F346-6A0E-4DEC-AF52-BD70CB80A21D", "Processor"),
    Kind("Msvm_MemorySettingData", 4, "Microsoft:Hyper-V:Memory", "4764334D-E001-4176-82EE-5594EC9B530E", "Memory"),
    Kind(RASD, 5, "Microsoft:Hyper-V:Emulated IDE Controller", "83F8638B-8DCA-4152-9EDA-2CA8B33039B4", "IDE Controller"),
    Kind(RASD, 6, "Microsoft:Hyper-V:Synthetic SCSI Controller", "D422512D-2BF2-4752-809D-7B82B5FCB1B4", "SCSI Controller"),
    Kind(RASD, 14, "Microsoft:Hyper-V:Synthetic Diskette Drive", "A1A2C3B4-4B5F-4C4F-8F4B-3C4A0B0F0C0D", "Diskette Drive"),
    Kind(RASD, 16, "Microsoft:Hyper-V:Synthetic DVD Drive", "9E1A1B8F-F8F7-4B8A-9E6D-7A0D8F5B9C11", "DVD Drive"),
    Kind(RASD, 17, "Microsoft:Hyper-V:Synthetic Disk Drive", "04C3A0C7-7A5B-4E9A-8C0D-5B4F2E0F1A12", "Hard Drive"),
    Kind(RASD, 17, "Microsoft:Hyper-V:Physical Disk Drive", "353B3BE8-310C-4CF4-839E-4E1B14616136", "Physical Disk Drive"),
    Kind(
        "Msvm_StorageAllocationSettingData",
        31,
        "Microsoft:Hyper-V:Virtual Hard Disk",
        "70BB60D2-A9D3-46AA-B654-3DE53004B4F8",
        "Hard Disk Image",
    ),
    Kind(
        "Msvm_StorageAllocationSettingData",
        31,
        "Microsoft:Hyper-V:Virtual CD/DVD Disk",
        "09C82D6B-49C8-4E7A-8B1D-6A8B2F0C1D13",
        "ISO Disk Image",
    ),
    Kind(
        "Msvm_StorageAllocationSettingData",
        31,
        "Microsoft:Hyper-V:Virtual Floppy Disk",
        "4F6B3C2A-1D5E-4A7F-9C8B-2E0D1F3A4B14",
        "Floppy Disk Image",
    ),
    Kind(
        "Msvm_SyntheticEthernetPortSettingData",
        10,
        "Microsoft:Hyper-V:Synthetic Ethernet Port",
        "6A45335D-4C3A-44B7-B61F-C9808BBDF8ED",
        "Network Adapter",
    ),
    Kind(
        "Msvm_EthernetPortAllocationSettingData",
        33,
        "Microsoft:Hyper-V:Ethernet Connection",
        "72027ECE-E44A-446E-AF2B-8D8C4B8A2279",
        "Ethernet Connection",
    ),
    Kind("Msvm_SerialPortSettingData", 21, "Microsoft:Hyper-V:Serial Port", "8E3A359F-559A-4B6A-98A9-1690A6100ED7", "Serial Port"),
];

const RASD: &str = "Msvm_ResourceAllocationSettingData";

impl Host {
    /// The definitions of the class `class`.
    pub(crate) fn definitions(&self, class: &str) -> Vec<Object> {
        let wanted = KINDS.iter().filter(|kind| kind.0 == class);
        wanted.flat_map(|kind| ["Default", "Minimum", "Maximum", "Increment"].map(|range| self.definition(kind, range))).collect()
    }

    fn definition(&self, Kind(class, kind, sub_type, pool, name): &Kind, range: &str) -> Object {
        let mut view = CimInstance::new(*class)
            .with("InstanceID", format!("Microsoft:Definition\\{pool}\\{range}"))
            .with("ElementName", *name)
            .with("ResourceType", *kind)
            .with("ResourceSubType", *sub_type)
            .with("ConsumerVisibility", 3u16)
            .with("AutomaticAllocation", true)
            .with("AutomaticDeallocation", true)
            .with("PoolID", "")
            .with("VirtualQuantity", self.quantity(*kind, range))
            .with("VirtualQuantityUnits", if *kind == 4 { "byte * 2^20" } else { "count" });
        match kind {
            3 => {
                view.set("Limit", 100_000u64);
                view.set("Reservation", 0u64);
                view.set("Weight", 100u32);
            }
            4 => {
                view.set("Limit", 1_048_576u64);
                view.set("Reservation", 512u64);
                view.set("Weight", 5000u32);
                view.set("DynamicMemoryEnabled", false);
            }
            10 => view.set("StaticMacAddress", false),
            33 => view.set("EnabledState", 2u16),
            _ => {}
        }
        Object::keyed(&Namespace::VIRTUALIZATION, view, &["InstanceID"])
    }

    fn quantity(&self, kind: u16, range: &str) -> u64 {
        match (kind, range) {
            (3, "Maximum") => u64::from(self.logical_processors()),
            (4, "Maximum") => self.memory,
            (4, "Default") => 1024,
            (4, "Minimum") => 32,
            (4, "Increment") => 2,
            (6, "Maximum") => 4,
            (10, "Maximum") => 8,
            _ => 1,
        }
    }
}
