//! Virtual switches and their ports.
//!
//! Guarantees: what kind a switch is follows from its ports, as in Hyper-V.

use serde::{Deserialize, Serialize};

/// A virtual switch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Switch {
    /// GUID, upper case.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) notes: Vec<String>,
    /// The physical NIC below.
    pub(crate) uplink: Option<Uplink>,
    /// The host's own port.
    pub(crate) host_port: Option<HostPort>,
}

/// The port to a physical NIC.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Uplink {
    pub(crate) port: String,
    /// The NIC's id.
    pub(crate) nic: String,
}

/// The port to the host's own system.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct HostPort {
    pub(crate) port: String,
    pub(crate) name: String,
    /// Taken over from the NIC where there is one, so that the host keeps its addresses.
    pub(crate) mac: String,
    /// The VLAN that the host's port is in.
    #[serde(default)]
    pub(crate) vlan: Option<u16>,
}

/// One of a switch's ports, as its settings are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    Uplink,
    Host,
}

impl Switch {
    pub(crate) fn settings_id(&self) -> String {
        format!("Microsoft:{}", self.id)
    }

    pub(crate) fn ports(&self) -> impl Iterator<Item = (Port, String)> {
        let uplink = self.uplink.as_ref().map(|u| (Port::Uplink, format!("Microsoft:{}\\{}", self.id, u.port)));
        let host = self.host_port.as_ref().map(|p| (Port::Host, format!("Microsoft:{}\\{}", self.id, p.port)));
        uplink.into_iter().chain(host)
    }

    /// What Windows calls the adapter that the host has on it.
    pub(crate) fn host_adapter_name(&self) -> String {
        format!("vEthernet ({})", self.host_port.as_ref().map_or(&self.name, |p| &p.name))
    }
}
