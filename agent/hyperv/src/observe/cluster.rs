//! The failover cluster of a host: which VMs are its roles, here or on another node.
//!
//! Guarantees: a host without the cluster's namespace is in none; one whose cluster cannot be asked is not known to be in none.
//! A VM is told by its GUID where the cluster tells it, else by its name.

use model::names::{ComputerName, VmName};
use model::observed::ClusterRole;
use model::seen::Seen;
use wsman::cim::{CimInstance, CimValue};

use crate::classes;
use crate::guid::Guid;
use crate::observe::vitals::{Rows, Told};
use crate::row::Malformed;
use crate::wql::Query;

/// One VM that is a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Role {
    vm: Option<Guid>,
    pub(crate) role: ClusterRole,
}

/// Whether there is a cluster, and its roles.
pub(crate) type Roles = Told<Option<Vec<Role>>>;

/// The query for VMs that are roles.
pub(crate) fn query() -> Query {
    Query::cluster(classes::CLUSTER_RESOURCE).equal("Type", classes::CLUSTER_VM)
}

/// What the query brought.
pub(crate) fn told(rows: &Rows) -> Roles {
    match rows {
        Err(error) if error.is_absent() => Ok(None),
        _ => super::vitals::told(rows, roles).map(Some),
    }
}

fn roles(rows: &[CimInstance]) -> Result<Vec<Role>, Malformed> {
    let mut found = Vec::new();
    for row in rows {
        let private = match row.get("PrivateProperties") {
            CimValue::Instance(private) => private.text("VmID").ok().flatten().and_then(Guid::read),
            _ => None,
        };
        // The resource is called `Virtual Machine <name>`; its group is called like the VM, until somebody renames it.
        let named = row.text("Name")?.and_then(|name| name.strip_prefix(classes::CLUSTER_VM)).map(str::trim);
        let name = [named, row.text("OwnerGroup")?].into_iter().flatten().find_map(|name| name.parse::<VmName>().ok());
        let Some(vm) = name else { continue };
        let node = row.text("OwnerNode")?.and_then(|node| node.parse::<ComputerName>().ok());
        found.push(Role { vm: private, role: ClusterRole { vm, node } });
    }
    Ok(found)
}

/// Whether a VM of this host is a role.
pub(crate) fn has(roles: &Roles, vm: &Guid, name: &VmName) -> Seen<bool> {
    match roles {
        Err(cause) => Seen::Unknown(cause.clone()),
        Ok(None) => Seen::Known(false),
        Ok(Some(roles)) => Seen::Known(roles.iter().any(|role| match &role.vm {
            Some(id) => id == vm,
            None => role.role.vm == *name,
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VM: &str = "2B0E83F8-1111-2222-3333-444455556666";

    fn resource() -> CimInstance {
        CimInstance::new(classes::CLUSTER_RESOURCE)
            .with("Name", "Virtual Machine ad1.2.1")
            .with("OwnerGroup", "the directory")
            .with("OwnerNode", "HV02")
    }

    #[test]
    fn a_role_is_told_by_guid_and_else_by_name() {
        let (vm, name) = (Guid::read(VM).unwrap(), "ad1.2.1".parse().unwrap());
        let by_name = Ok(Some(roles(&[resource()]).unwrap()));
        assert_eq!(has(&by_name, &vm, &name), Seen::Known(true));
        let id = |id: &str| CimInstance::new("MSCluster_Property").with("VmID", id.to_lowercase());
        let of = |row: CimInstance| Ok(Some(roles(&[row]).unwrap()));
        assert_eq!(has(&of(resource().with("PrivateProperties", id(VM))), &vm, &"renamed".parse().unwrap()), Seen::Known(true));
        let other = resource().with("PrivateProperties", id("99999999-1111-2222-3333-444455556666"));
        assert_eq!(has(&of(other), &vm, &name), Seen::Known(false), "another VM of that name");
        assert_eq!(has(&Ok(None), &vm, &name), Seen::Known(false));
    }
}
