//! The system itself: `Win32_ComputerSystem`, `Win32_ComputerSystemProduct`, `Win32_OperatingSystem`, `Win32_Processor`, `Win32_LogicalDisk`.
//!
//! Deliberately absent: what a restart does; the owner of the hardware does it.

use jiff::Timestamp;
use wsman::cim::{CimDatetime, CimInstance, CimValue, Namespace};

use crate::machine::Object;
use crate::windows::Windows;
use crate::windows::domain::Membership;

/// What a system runs on, as it is at this moment.
#[derive(Debug, Clone)]
pub(crate) struct Hardware {
    pub(crate) uuid: String,
    pub(crate) vendor: &'static str,
    pub(crate) model: &'static str,
    pub(crate) sockets: u32,
    pub(crate) cores_per_socket: u32,
    pub(crate) memory: u64,
    pub(crate) free_memory: u64,
    pub(crate) disks: Vec<LogicalDisk>,
    pub(crate) hypervisor: Hypervisor,
}

/// Whether the system sees a hypervisor below itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hypervisor {
    /// A Hyper-V host's own system runs on its hypervisor, and so does a guest's.
    Present,
}

/// A volume with a drive letter, bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogicalDisk {
    pub(crate) letter: char,
    pub(crate) size: u64,
    pub(crate) free: u64,
}

/// A point in time as a property.
pub(crate) fn instant(at: Timestamp) -> CimValue {
    CimValue::Datetime(CimDatetime::Instant(at))
}

impl Windows {
    pub(crate) fn system_objects(&self, class: &str, hardware: &Hardware, now: Timestamp) -> Vec<Object> {
        let keyed = |view, keys: &[&str]| Object::keyed(&Namespace::CIMV2, view, keys);
        match class {
            "Win32_ComputerSystem" => vec![keyed(self.computer_system(hardware), &["Name"])],
            "Win32_OperatingSystem" => vec![keyed(self.operating_system(hardware, now), &["Name"])],
            "Win32_ComputerSystemProduct" => vec![keyed(product(hardware), &["IdentifyingNumber", "Name", "Version"])],
            "Win32_Processor" => (0..hardware.sockets).map(|n| keyed(processor(hardware, n, &self.computer_name), &["DeviceID"])).collect(),
            _ => hardware.disks.iter().map(|d| keyed(logical_disk(*d, &self.computer_name), &["DeviceID"])).collect(),
        }
    }

    fn computer_system(&self, hardware: &Hardware) -> CimInstance {
        let (domain, part_of_domain, role) = match (&self.hosts_domain, &self.membership) {
            (Some(domain), _) => (&domain.name, true, 5u16),
            (None, Membership::Domain(name)) => (name, true, 3u16),
            (None, Membership::Workgroup(name)) => (name, false, 2u16),
        };
        let mut view = CimInstance::new("Win32_ComputerSystem")
            .with("Name", self.computer_name.as_str())
            .with("Caption", self.computer_name.as_str())
            .with("DNSHostName", self.computer_name.as_str())
            .with("CreationClassName", "Win32_ComputerSystem")
            .with("Description", "AT/AT COMPATIBLE")
            .with("Domain", domain.as_str())
            .with("PartOfDomain", part_of_domain)
            .with("DomainRole", role)
            .with("Manufacturer", hardware.vendor)
            .with("Model", hardware.model)
            .with("SystemType", "x64-based PC")
            .with("Status", "OK")
            .with("BootupState", "Normal boot")
            .with("HypervisorPresent", hardware.hypervisor == Hypervisor::Present)
            .with("NumberOfProcessors", hardware.sockets)
            .with("NumberOfLogicalProcessors", hardware.sockets * hardware.cores_per_socket)
            .with("TotalPhysicalMemory", hardware.memory)
            .with("CurrentTimeZone", CimValue::Signed(self.setup.clock.offset()))
            .with("PrimaryOwnerName", "Windows User");
        if !part_of_domain {
            view.set("Workgroup", domain.as_str());
        }
        view
    }

    fn operating_system(&self, hardware: &Hardware, now: Timestamp) -> CimInstance {
        let build = self.version.rsplit('.').next().unwrap_or_default();
        CimInstance::new("Win32_OperatingSystem")
            .with("Name", format!("{}|C:\\Windows|\\Device\\Harddisk0\\Partition4", self.caption))
            .with("Caption", self.caption.as_str())
            .with("CreationClassName", "Win32_OperatingSystem")
            .with("CSCreationClassName", "Win32_ComputerSystem")
            .with("CSName", self.computer_name.as_str())
            .with("Version", self.version.as_str())
            .with("BuildNumber", build)
            .with("BuildType", "Multiprocessor Free")
            .with("Status", "OK")
            .with("InstallDate", instant(self.installed))
            .with("LastBootUpTime", instant(self.last_boot))
            .with("LocalDateTime", instant(self.setup.clock.at(now)))
            .with("CurrentTimeZone", CimValue::Signed(self.setup.clock.offset()))
            .with("OSType", 18u16)
            .with("ProductType", if self.hosts_domain.is_some() { 2u32 } else { 3u32 })
            .with("OperatingSystemSKU", 7u32)
            .with("OSArchitecture", "64-bit")
            .with("OSLanguage", 1033u32)
            .with("Locale", "0409")
            .with("Manufacturer", "Microsoft Corporation")
            .with("Primary", true)
            .with("Distributed", false)
            .with("NumberOfProcesses", 60u32)
            .with("NumberOfUsers", 1u32)
            .with("FreePhysicalMemory", hardware.free_memory / 1024)
            .with("FreeVirtualMemory", hardware.free_memory / 1024)
            .with("TotalVisibleMemorySize", hardware.memory / 1024)
            .with("TotalVirtualMemorySize", hardware.memory / 1024)
            .with("SystemDirectory", "C:\\Windows\\system32")
            .with("SystemDrive", "C:")
            .with("WindowsDirectory", "C:\\Windows")
    }
}

fn product(hardware: &Hardware) -> CimInstance {
    CimInstance::new("Win32_ComputerSystemProduct")
        .with("IdentifyingNumber", &hardware.uuid[..8.min(hardware.uuid.len())])
        .with("Name", hardware.model)
        .with("Version", "1.0")
        .with("Caption", "Computer System Product")
        .with("Description", "Computer System Product")
        .with("Vendor", hardware.vendor)
        .with("UUID", hardware.uuid.as_str())
}

fn processor(hardware: &Hardware, socket: u32, computer: &str) -> CimInstance {
    CimInstance::new("Win32_Processor")
        .with("DeviceID", format!("CPU{socket}"))
        .with("CreationClassName", "Win32_Processor")
        .with("SystemCreationClassName", "Win32_ComputerSystem")
        .with("SystemName", computer)
        .with("Name", "Intel(R) Xeon(R) Silver 4314 CPU @ 2.40GHz")
        .with("Manufacturer", "GenuineIntel")
        .with("SocketDesignation", format!("CPU{socket}"))
        .with("Status", "OK")
        .with("Architecture", 9u16)
        .with("AddressWidth", 64u16)
        .with("MaxClockSpeed", 2400u32)
        .with("CurrentClockSpeed", 2400u32)
        .with("NumberOfCores", hardware.cores_per_socket)
        .with("NumberOfEnabledCore", hardware.cores_per_socket)
        .with("NumberOfLogicalProcessors", hardware.cores_per_socket)
        .with("LoadPercentage", 5u16)
}

fn logical_disk(disk: LogicalDisk, computer: &str) -> CimInstance {
    let name = format!("{}:", disk.letter);
    CimInstance::new("Win32_LogicalDisk")
        .with("DeviceID", name.as_str())
        .with("Name", name.as_str())
        .with("Caption", name.as_str())
        .with("CreationClassName", "Win32_LogicalDisk")
        .with("SystemCreationClassName", "Win32_ComputerSystem")
        .with("SystemName", computer)
        .with("Description", "Local Fixed Disk")
        .with("DriveType", 3u32)
        .with("MediaType", 12u32)
        .with("FileSystem", "NTFS")
        .with("Size", disk.size)
        .with("FreeSpace", disk.free)
}
