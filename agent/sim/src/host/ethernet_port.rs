//! `Msvm_ExternalEthernetPort` and `Msvm_InternalEthernetPort`: the host's ends of its switches.

use wsman::cim::{CimInstance, CimPath, Namespace};

use crate::host::{Host, PhysicalNic};
use crate::machine::Object;

const KEYS: [&str; 4] = ["CreationClassName", "DeviceID", "SystemCreationClassName", "SystemName"];

fn port(class: &'static str, device: &str, computer: &str) -> CimInstance {
    CimInstance::new(class)
        .with("CreationClassName", class)
        .with("DeviceID", format!("Microsoft:{device}"))
        .with("SystemCreationClassName", "Msvm_ComputerSystem")
        .with("SystemName", computer)
        .with("EnabledDefault", 2u16)
        .with("RequestedState", 12u16)
        .with("HealthState", 5u16)
        .with("OperationalStatus", vec![2u16])
        .with("FullDuplex", true)
        .with("LinkTechnology", 2u16)
        .with("PortType", 53u16)
        .with("MaxDataSize", 1500u32)
}

/// The path of a NIC's port.
pub(crate) fn path_of(nic: &PhysicalNic, computer: &str) -> CimPath {
    Object::keyed(&Namespace::VIRTUALIZATION, port("Msvm_ExternalEthernetPort", &nic.id, computer), &KEYS).path
}

impl Host {
    pub(crate) fn external_ports(&self) -> Vec<Object> {
        let computer = self.windows.computer_name.as_str();
        let view = |nic: &PhysicalNic| {
            let bound = self.switches.iter().any(|s| s.uplink.as_ref().is_some_and(|u| u.nic == nic.id));
            let view = port("Msvm_ExternalEthernetPort", &nic.id, computer)
                .with("ElementName", nic.name.as_str())
                .with("Name", nic.name.as_str())
                .with("PermanentAddress", nic.mac.as_str())
                .with("NetworkAddresses", vec![nic.mac.as_str()])
                .with("IsBound", bound)
                .with("EnabledState", if nic.network.is_some() { 2u16 } else { 3u16 })
                .with("Speed", 1_000_000_000u64)
                .with("MaxSpeed", 1_000_000_000u64);
            Object::keyed(&Namespace::VIRTUALIZATION, view, &KEYS)
        };
        self.nics.iter().map(view).collect()
    }

    pub(crate) fn internal_ports(&self) -> Vec<Object> {
        let computer = self.windows.computer_name.as_str();
        let ports = self.switches.iter().filter_map(|s| s.host_port.as_ref());
        ports
            .map(|p| {
                let view = port("Msvm_InternalEthernetPort", &p.port, computer)
                    .with("ElementName", p.name.as_str())
                    .with("Name", p.name.as_str())
                    .with("PermanentAddress", p.mac.as_str())
                    .with("NetworkAddresses", vec![p.mac.as_str()])
                    .with("EnabledState", 2u16)
                    .with("Speed", 10_000_000_000u64);
                Object::keyed(&Namespace::VIRTUALIZATION, view, &KEYS)
            })
            .collect()
    }
}
