//! Switches: how they are bound, whose they are, and the host's own addresses on them.
//!
//! Guarantees: the kind comes from the ports, as Hyper-V itself has no property for it. An internal port is tied to the host's
//! adapter by GUID or hardware address, and by name only where neither is told.

use std::collections::BTreeMap;

use ipnet::IpNet;
use model::mark::UnreadableMark;
use model::names::SwitchName;
use model::observed::{ObservedSwitch, SwitchKind, SwitchMark};
use model::units::MacAddress;
use wsman::cim::CimInstance;

use crate::guid::Guid;
use crate::observe::adapter::{Connection, Far};
use crate::observe::address;
use crate::row::{Malformed, Row};

/// Names of the switches, by GUID.
pub(crate) fn names(rows: &[CimInstance]) -> Result<BTreeMap<Guid, SwitchName>, Malformed> {
    let mut found = BTreeMap::new();
    for row in rows {
        if let Some(switch) = Guid::read(row.need("Name")?) {
            found.insert(switch, row.name("ElementName")?);
        }
    }
    Ok(found)
}

/// Notes of the switches, by GUID.
pub(crate) fn notes(rows: &[CimInstance]) -> Result<BTreeMap<Guid, String>, Malformed> {
    let mut found = BTreeMap::new();
    for row in rows {
        let named = row.text("VirtualSystemIdentifier")?.and_then(Guid::read);
        if let Some(switch) = named.or_else(|| Guid::owner(row.text("InstanceID").ok().flatten()?)) {
            found.insert(switch, row.lines("Notes")?);
        }
    }
    Ok(found)
}

/// An adapter of the host on a switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostPort {
    guid: Option<Guid>,
    mac: Option<MacAddress>,
    name: String,
}

/// The host's adapters on switches.
pub(crate) fn host_ports(rows: &[CimInstance]) -> Result<Vec<HostPort>, Malformed> {
    let read = |row: &CimInstance| {
        Ok(HostPort {
            guid: Guid::read(row.need("DeviceID")?.trim_start_matches("Microsoft:")),
            mac: row.text("PermanentAddress")?.and_then(|text| text.parse().ok()),
            name: row.text("ElementName")?.unwrap_or_default().to_owned(),
        })
    };
    rows.iter().map(read).collect()
}

/// IP configuration of one of the host's adapters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostAdapter {
    /// `Index`, the key.
    pub(crate) index: u64,
    pub(crate) addresses: Vec<IpNet>,
    guid: Option<Guid>,
    mac: Option<MacAddress>,
}

/// IP configuration of the host's adapters.
pub(crate) fn host_adapters(rows: &[CimInstance]) -> Result<Vec<HostAdapter>, Malformed> {
    let read = |row: &CimInstance| {
        Ok(HostAdapter {
            index: row.number("Index")?,
            addresses: address::config(row, address::WINDOWS)?.addresses,
            guid: row.text("SettingID")?.and_then(Guid::read),
            mac: row.text("MACAddress")?.and_then(|text| text.parse().ok()),
        })
    };
    rows.iter().map(read).collect()
}

/// The host's adapter behind the port `connection` of the switch `name`.
pub(crate) fn host_adapter_of<'a>(
    connection: &Connection,
    name: &SwitchName,
    ports: &[HostPort],
    adapters: &'a [HostAdapter],
) -> Option<&'a HostAdapter> {
    let same = |a: &Option<Guid>, b: &Option<Guid>| a.is_some() && a == b;
    let port = ports
        .iter()
        .find(|port| same(&port.guid, &connection.port))
        .or_else(|| ports.iter().find(|port| connection.mac.is_some() && port.mac == connection.mac))
        .or_else(|| ports.iter().find(|port| port.name.eq_ignore_ascii_case(name.as_str())));
    let mac = connection.mac.or(port.and_then(|port| port.mac));
    let guid = port.and_then(|port| port.guid.clone());
    adapters
        .iter()
        .find(|adapter| same(&adapter.guid, &connection.port) || same(&adapter.guid, &guid))
        .or_else(|| adapters.iter().find(|adapter| mac.is_some() && adapter.mac == mac))
}

/// All that is needed to tell of the switches.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) names: &'a BTreeMap<Guid, SwitchName>,
    pub(crate) notes: &'a BTreeMap<Guid, String>,
    pub(crate) connections: &'a [Connection],
    pub(crate) ports: &'a [HostPort],
    pub(crate) adapters: &'a [HostAdapter],
}

/// The switches by name. Of two with one name, the one that is ours counts, else the first by GUID.
pub(crate) fn switches(parts: &Parts<'_>) -> Result<BTreeMap<SwitchName, ObservedSwitch>, (SwitchName, UnreadableMark)> {
    let mut found: BTreeMap<SwitchName, ObservedSwitch> = BTreeMap::new();
    for (guid, name) in parts.names {
        let ends: Vec<&Connection> = parts.connections.iter().filter(|c| c.owner == *guid).collect();
        let host = ends.iter().find(|end| end.far == Far::Host);
        let kind = if ends.iter().any(|end| end.far == Far::Physical) {
            SwitchKind::External { host_shares: host.is_some() }
        } else if host.is_some() {
            SwitchKind::Internal
        } else {
            SwitchKind::Private
        };
        let adapter = host.and_then(|end| host_adapter_of(end, name, parts.ports, parts.adapters));
        let notes = parts.notes.get(guid).map_or("", String::as_str);
        let mark = SwitchMark::read(notes).map_err(|unreadable| (name.clone(), unreadable))?;
        let connected = parts.connections.iter().filter(|c| c.switch() == Some(guid)).count();
        let switch = ObservedSwitch {
            kind,
            mark,
            host_addresses: adapter.map(|adapter| adapter.addresses.clone()).unwrap_or_default(),
            connected: u32::try_from(connected).unwrap_or(u32::MAX),
        };
        let known = found.get(name);
        if known.is_none_or(|known| known.mark.is_none() && switch.mark.is_some()) {
            found.insert(name.clone(), switch);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classes;
    use crate::observe::adapter::connections;

    const INTERNAL: &str = "11111111-1111-2222-3333-444455556666";
    const EXTERNAL: &str = "22222222-1111-2222-3333-444455556666";
    const PRIVATE: &str = "33333333-1111-2222-3333-444455556666";
    const PORT: &str = "AAAABBBB-1111-2222-3333-444455556666";

    fn switch(guid: &str, name: &str) -> CimInstance {
        CimInstance::new(classes::SWITCH).with("Name", guid).with("ElementName", name)
    }

    fn end(guid: &str, port: &str, resource: &str) -> CimInstance {
        CimInstance::new(classes::CONNECTION)
            .with("InstanceID", format!("Microsoft:{guid}\\{port}"))
            .with("HostResource", vec![format!(r"\\HV01\root\virtualization\v2:{resource}")])
    }

    fn host() -> &'static str {
        r#"Msvm_ComputerSystem.CreationClassName="Msvm_ComputerSystem",Name="HV01""#
    }

    fn nic() -> &'static str {
        r#"Msvm_ExternalEthernetPort.CreationClassName="Msvm_ExternalEthernetPort",DeviceID="1""#
    }

    #[test]
    fn kind_mark_and_host_address_are_put_together() {
        let names = names(&[switch(INTERNAL, "Trunkline"), switch(EXTERNAL, "Corpnet"), switch(PRIVATE, "Lab")]).unwrap();
        let settings = CimInstance::new(classes::SWITCH_SETTINGS)
            .with("InstanceID", format!("Microsoft:{INTERNAL}"))
            .with("Notes", vec!["trunkline/1 fleet=contoso appliance=sea-1"]);
        let notes = notes(&[settings]).unwrap();
        let connections = connections(&[end(INTERNAL, PORT, host()), end(EXTERNAL, PORT, nic())]).unwrap();
        let port = CimInstance::new(classes::INTERNAL_PORT)
            .with("DeviceID", format!("Microsoft:{PORT}"))
            .with("PermanentAddress", "00155DAABBCC")
            .with("ElementName", "Trunkline");
        let adapter = CimInstance::new(classes::IP_CONFIGURATION)
            .with("Index", 7_u32)
            .with("MACAddress", "00:15:5D:AA:BB:CC")
            .with("IPAddress", vec!["192.168.213.1", "fe80::1"])
            .with("IPSubnet", vec!["255.255.255.0", "64"]);
        let ports = host_ports(&[port]).unwrap();
        let adapters = host_adapters(&[adapter]).unwrap();
        let read =
            switches(&Parts { names: &names, notes: &notes, connections: &connections, ports: &ports, adapters: &adapters }).unwrap();
        let ours = &read[&"trunkline".parse::<SwitchName>().unwrap()];
        assert_eq!(ours.kind, SwitchKind::Internal);
        assert_eq!(ours.mark.as_ref().unwrap().appliance.as_str(), "sea-1");
        assert_eq!(ours.host_addresses, ["192.168.213.1/24".parse().unwrap()]);
        assert_eq!(read[&"Corpnet".parse::<SwitchName>().unwrap()].kind, SwitchKind::External { host_shares: false });
        assert_eq!(read[&"Lab".parse::<SwitchName>().unwrap()].kind, SwitchKind::Private);
    }
}
