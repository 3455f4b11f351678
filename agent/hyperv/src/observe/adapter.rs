//! Adapters of VMs, and what they and the host's ports are connected to.
//!
//! Guarantees: an adapter is told by its hardware address, since names repeat; a connection that is unplugged but remembers its switch
//! counts as unplugged.

use std::collections::BTreeMap;

use model::names::AdapterName;
use model::observed::AdapterConfig;
use model::units::MacAddress;
use wsman::cim::CimInstance;

use crate::classes;
use crate::guid::Guid;
use crate::observe::address;
use crate::row::{Malformed, Row};

/// An adapter of a VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Adapter {
    /// `InstanceID`.
    pub(crate) id: String,
    /// The VM, or the snapshot.
    pub(crate) vm: Guid,
    /// The adapter's own GUID.
    pub(crate) device: Option<Guid>,
    pub(crate) name: AdapterName,
    /// `None` while Hyper-V has not chosen a dynamic one.
    pub(crate) mac: Option<MacAddress>,
}

/// Adapters of all VMs; definitions are left out.
pub(crate) fn adapters(rows: &[CimInstance]) -> Result<Vec<Adapter>, Malformed> {
    let mut found = Vec::new();
    for row in rows {
        let id = row.need("InstanceID")?;
        let Some(vm) = Guid::owner(id) else { continue };
        let mac = row.text("Address")?.and_then(|text| text.parse::<MacAddress>().ok()).filter(|mac| mac.bytes() != [0; 6]);
        found.push(Adapter { id: id.to_owned(), vm, device: Guid::device(id), name: row.name("ElementName")?, mac });
    }
    Ok(found)
}

/// What the other end of a connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Far {
    /// This switch: the connection is an adapter's.
    Switch(Guid),
    /// The host itself: the connection is a switch's, the host has a port there.
    Host,
    /// A physical adapter: the connection is a switch's.
    Physical,
    /// Nothing.
    Nothing,
}

/// One connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Connection {
    /// `InstanceID`.
    pub(crate) id: String,
    /// The VM or the switch that it belongs to.
    pub(crate) owner: Guid,
    /// The port's own GUID.
    pub(crate) port: Option<Guid>,
    /// `InstanceID` of the adapter, for an adapter's connection.
    pub(crate) adapter: Option<String>,
    /// Hardware address of the host's port, where it is told.
    pub(crate) mac: Option<MacAddress>,
    pub(crate) plugged: bool,
    pub(crate) far: Far,
}

impl Connection {
    /// The switch that an adapter is really connected to.
    pub(crate) fn switch(&self) -> Option<&Guid> {
        match &self.far {
            Far::Switch(switch) if self.plugged => Some(switch),
            _ => None,
        }
    }
}

/// Connections of all VMs and switches; definitions are left out.
pub(crate) fn connections(rows: &[CimInstance]) -> Result<Vec<Connection>, Malformed> {
    let mut found = Vec::new();
    for row in rows {
        let id = row.need("InstanceID")?;
        let Some(owner) = Guid::owner(id) else { continue };
        let far = match row.path("HostResource") {
            Some(path) if path.class() == classes::SWITCH => path.key("Name").and_then(Guid::read).map_or(Far::Nothing, Far::Switch),
            Some(path) if path.class() == classes::COMPUTER_SYSTEM => Far::Host,
            Some(_) => Far::Physical,
            None => Far::Nothing,
        };
        found.push(Connection {
            id: id.to_owned(),
            owner,
            port: Guid::device(id),
            adapter: row.path("Parent").and_then(|path| path.key("InstanceID").map(str::to_owned)),
            mac: row.text("Address")?.and_then(|text| text.parse().ok()),
            plugged: row.unsigned("EnabledState")?.is_none_or(|state| state == u64::from(classes::PLUGGED)),
            far,
        });
    }
    Ok(found)
}

/// The connection of `adapter`.
pub(crate) fn connection_of<'c>(adapter: &Adapter, connections: &'c [Connection]) -> Option<&'c Connection> {
    connections.iter().find(|c| c.owner == adapter.vm && c.adapter.as_ref().is_some_and(|id| id.eq_ignore_ascii_case(&adapter.id)))
}

/// What integration services report of adapters, by VM and adapter.
pub(crate) fn guest_configs(rows: &[CimInstance]) -> Result<BTreeMap<(Guid, Guid), AdapterConfig>, Malformed> {
    let mut found = BTreeMap::new();
    for row in rows {
        if let Some(key) = Guid::guest_network(row.need("InstanceID")?) {
            found.insert(key, address::config(row, address::GUEST)?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VM: &str = "2B0E83F8-1111-2222-3333-444455556666";
    const NIC: &str = "AAAABBBB-1111-2222-3333-444455556666";
    const SWITCH: &str = "CCCCDDDD-1111-2222-3333-444455556666";

    fn port() -> CimInstance {
        CimInstance::new(classes::ADAPTER)
            .with("InstanceID", format!("Microsoft:{VM}\\{NIC}"))
            .with("ElementName", "corpnet")
            .with("Address", "00155D010203")
    }

    fn connection(state: u16) -> CimInstance {
        CimInstance::new(classes::CONNECTION)
            .with("InstanceID", format!("Microsoft:{VM}\\{NIC}\\C"))
            .with(
                "Parent",
                format!(r#"\\HV01\Root\Virtualization\V2:Msvm_SyntheticEthernetPortSettingData.InstanceID="Microsoft:{VM}\\{}""#, NIC.to_lowercase()),
            )
            .with(
                "HostResource",
                vec![format!(
                    r#"\\HV01\root\virtualization\v2:Msvm_VirtualEthernetSwitch.CreationClassName="Msvm_VirtualEthernetSwitch",Name="{SWITCH}""#
                )],
            )
            .with("EnabledState", state)
    }

    #[test]
    fn an_adapter_finds_its_connection_and_its_switch() {
        let adapters = adapters(&[port()]).unwrap();
        let connections = connections(&[connection(2)]).unwrap();
        let mine = connection_of(&adapters[0], &connections).unwrap();
        assert_eq!(mine.switch().unwrap().as_str(), SWITCH);
        assert_eq!(adapters[0].mac.unwrap().to_string(), "00155D010203");
    }

    #[test]
    fn an_unplugged_connection_remembers_its_switch_and_has_none() {
        let read = connections(&[connection(3)]).unwrap();
        assert_eq!(read[0].switch(), None);
        assert_eq!(read[0].far, Far::Switch(Guid::read(SWITCH).unwrap()));
    }

    #[test]
    fn a_dynamic_address_that_is_not_chosen_yet_is_none() {
        let read = adapters(&[port().with("Address", "000000000000")]).unwrap();
        assert_eq!(read[0].mac, None);
    }

    #[test]
    fn the_ends_of_a_switch_are_the_host_or_a_physical_adapter() {
        let row = |resource: &str| {
            CimInstance::new(classes::CONNECTION)
                .with("InstanceID", format!("Microsoft:{SWITCH}\\{NIC}"))
                .with("HostResource", vec![resource])
        };
        let host = row(r#"\\HV01\root\virtualization\v2:Msvm_ComputerSystem.CreationClassName="Msvm_ComputerSystem",Name="HV01""#);
        let physical = row(
            r#"\\HV01\root\virtualization\v2:Msvm_ExternalEthernetPort.CreationClassName="Msvm_ExternalEthernetPort",DeviceID="Microsoft:{1}""#,
        );
        let read = connections(&[host, physical]).unwrap();
        assert_eq!(read.into_iter().map(|c| c.far).collect::<Vec<_>>(), [Far::Host, Far::Physical]);
    }
}
