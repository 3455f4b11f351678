//! VLANs of ports, by VM and adapter.
//!
//! Guarantees: the host's definition of new settings is left out. Deliberately absent: what a trunk and a private VLAN hold; such a port is
//! somebody's own work, and we leave it alone.

use std::collections::BTreeMap;

use model::seen::{Cause, Seen};
use wsman::cim::CimInstance;

use crate::classes;
use crate::guid::Guid;
use crate::row::{Malformed, Row};

/// The VLAN settings of one port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vlan {
    /// `InstanceID`.
    pub(crate) id: String,
    mode: u64,
    access: u64,
}

impl Vlan {
    /// The one VLAN that the port is in.
    pub(crate) fn access(&self) -> Seen<u16> {
        match (self.mode, u16::try_from(self.access)) {
            (0, _) | (1, Ok(0)) => Seen::Absent,
            (1, Ok(id)) => Seen::Known(id),
            _ => Seen::Unknown(Cause::Failed("its port is a trunk, or in a private VLAN".to_owned())),
        }
    }
}

/// The settings of every port that has some: the first two GUIDs of their `InstanceID` are the VM's and the adapter's.
pub(crate) fn vlans(rows: &[CimInstance]) -> Result<BTreeMap<(Guid, Guid), Vlan>, Malformed> {
    let mut found = BTreeMap::new();
    for row in rows {
        let id = row.need("InstanceID")?;
        if let Some(port) = Guid::owner(id).zip(Guid::device(id)) {
            let mode = row.unsigned("OperationMode")?.unwrap_or(0);
            found.insert(port, Vlan { id: id.to_owned(), mode, access: row.unsigned("AccessVlanId")?.unwrap_or(0) });
        }
    }
    Ok(found)
}

/// What is set on a port to put it into a VLAN.
pub(crate) fn in_vlan(row: CimInstance, vlan: u16) -> CimInstance {
    row.with("OperationMode", classes::VLAN_ACCESS).with("AccessVlanId", vlan)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: &str = "Microsoft:2B0E83F8-1111-2222-3333-444455556666\\AAAABBBB-1111-2222-3333-444455556666\\C\\F\\1";

    fn row(id: &str, mode: u32, access: u16) -> CimInstance {
        CimInstance::new(classes::VLAN).with("InstanceID", id).with("OperationMode", mode).with("AccessVlanId", access)
    }

    #[test]
    fn a_port_is_in_one_vlan_in_none_or_somebodys_own_work() {
        let read = |mode, access| vlans(&[row(PORT, mode, access)]).unwrap().into_values().next().unwrap().access();
        assert_eq!(read(1, 10), Seen::Known(10));
        assert_eq!((read(0, 10), read(1, 0)), (Seen::Absent, Seen::Absent));
        assert!(read(2, 10).unknown().is_some());
    }

    #[test]
    fn the_hosts_definition_is_no_port() {
        assert!(vlans(&[row("Microsoft:Definition\\952C5004-4465-451C-8CB8-FA9AB382B773\\Default", 0, 0)]).unwrap().is_empty());
    }
}
