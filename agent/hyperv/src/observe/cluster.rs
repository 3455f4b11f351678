//! The failover cluster of a host: which VMs are its roles, here or on another node.
//!
//! Guarantees: a host without the cluster's namespace is in none; one whose cluster cannot be asked is not known to be in none.
//! A VM is told by its GUID where the cluster tells it, else by its name. That there is none is believed for an hour, and not across a
//! restart of the host, without which no host joins one; whoever is about to end something asks anew.

use jiff::Timestamp;
use model::names::{ComputerName, VmName};
use model::observed::ClusterRole;
use model::seen::Seen;
use wsman::cim::{CimInstance, CimValue};

use crate::classes;
use crate::failure::Failure;
use crate::guid::Guid;
use crate::host::{Host, KEPT};
use crate::observe::sight::Sight;
use crate::observe::vitals::{Rows, Told};
use crate::peer::Peer;
use crate::perform::cx::Cx;
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

/// Asks it, where there is something to ask.
pub(crate) async fn ask(peer: &Peer, query: Option<&Query>) -> Option<Rows> {
    match query {
        Some(query) => Some(peer.select(query).await),
        None => None,
    }
}

/// A host that said that it is in no cluster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Alone {
    said: Timestamp,
    /// Since when that host has run.
    booted_at: Timestamp,
}

impl Host {
    /// The question for the cluster; `None` while an earlier answer stands.
    pub(crate) fn cluster_query(&self) -> Option<Query> {
        let now = self.context().clock.now();
        let stands = self.memory().alone.is_some_and(|alone| now.duration_since(alone.said).abs() < KEPT);
        (!stands).then(query)
    }

    /// Asks after all when the host has restarted since it said so, and notes what it says now.
    pub(crate) async fn settle_cluster(&self, was_asked: WasAsked, sight: &mut Sight) {
        let booted_at = sight.machine.booted_at;
        let same_boot = self.memory().alone.is_some_and(|alone| alone.booted_at == booted_at);
        if was_asked == WasAsked::No {
            if same_boot {
                return;
            }
            sight.cluster = told(&self.peer().select(&query()).await);
        }
        let said = self.context().clock.now();
        self.memory().alone = matches!(sight.cluster, Ok(None)).then_some(Alone { said, booted_at });
    }
}

/// Whether a look put the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WasAsked {
    Yes,
    No,
}

impl Cx<'_> {
    /// Refuses when the host's cluster has the VM of the step, here or on another node.
    pub(crate) async fn refuse_clustered(&self) -> Result<(), Failure> {
        let roles = match self.peer().select(&query()).await {
            Err(error) if error.is_absent() => return Ok(()),
            rows => self.read(classes::CLUSTER_RESOURCE, roles(&rows?))?,
        };
        // What an earlier look was told does not stand any more.
        self.host.memory().alone = None;
        let bound = match self.find_vm().await? {
            Some(vm) => (has(&Ok(Some(roles)), &vm.guid, &vm.settings.name) == Seen::Known(true)).then_some(vm.settings.name),
            // It may be on another node.
            None => self.wish().ok().map(|wish| wish.vm.clone()).filter(|vm| roles.iter().any(|one| one.role.vm == *vm)),
        };
        bound.map_or(Ok(()), |vm| Err(Failure::Clustered { vm }))
    }
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
