//! What others hold of a VM: checkpoints, replicas, a failover cluster. What would harm them is left to a person.
//!
//! Guarantees: a VM that is bound is not turned off, deleted, given other disks or, where others decide about its power, started;
//! a bond that could not be seen keeps back what it would keep back. Deliberately absent: undoing any bond.

use model::condition::Reason;
use model::desired::DesiredRole;
use model::names::VmName;
use model::observed::{ObservedVm, ReplicaRole};
use model::seen::{Cause, Seen};

use crate::draft::Draft;

/// Why a VM is to be left alone.
pub(crate) enum Bond {
    Held { reason: Reason, says: String, hint: String },
    Unseen { what: &'static str, cause: Cause },
}

/// What keeps us from turning the VM off, deleting it and changing its disks; the first that there is.
pub(crate) fn of(vm: &ObservedVm) -> Option<Bond> {
    if !vm.checkpoints.is_empty() {
        let names: Vec<String> = vm.checkpoints.iter().map(|name| format!("`{name}`")).collect();
        let says = format!("`{}` has the checkpoints {}", vm.name, names.join(", "));
        let hint =
            "apply or delete them in Hyper-V Manager (`Get-VMCheckpoint`, `Remove-VMCheckpoint`) and wait until their disks are merged";
        return Some(Bond::Held { reason: Reason::Checkpointed, says, hint: hint.to_owned() });
    }
    of_power(vm)
}

/// What keeps us from deciding about the VM's power at all.
fn of_power(vm: &ObservedVm) -> Option<Bond> {
    match &vm.replica {
        Seen::Absent => {}
        Seen::Unknown(cause) => return Some(Bond::Unseen { what: "whether Hyper-V Replica copies", cause: cause.clone() }),
        Seen::Known(role) => {
            let says = match role {
                ReplicaRole::Primary => format!("Hyper-V Replica copies `{}` to another host", vm.name),
                ReplicaRole::Replica => format!("`{}` is a copy that Hyper-V Replica keeps here", vm.name),
                ReplicaRole::Other(code) => format!("`{}` takes part in Hyper-V Replica (mode {code})", vm.name),
            };
            let hint = "end its replication (`Remove-VMReplication`), or do this work by hand and take the copy along";
            return Some(Bond::Held { reason: Reason::Replicated, says, hint: hint.to_owned() });
        }
    }
    match &vm.clustered {
        Seen::Absent | Seen::Known(false) => None,
        Seen::Unknown(cause) => Some(Bond::Unseen { what: "whether a failover cluster has", cause: cause.clone() }),
        Seen::Known(true) => {
            let says = format!("a failover cluster has `{}` as a role, and decides where it runs and when", vm.name);
            let hint =
                format!("take it out of the cluster (`Remove-ClusterGroup -Name '{}' -RemoveResources`), which leaves the VM", vm.name);
            Some(Bond::Held { reason: Reason::Clustered, says, hint })
        }
    }
}

/// Whether the VM of `role` is bound.
pub(crate) fn binds(draft: &Draft<'_>, role: &DesiredRole) -> bool {
    draft.vm(role).and_then(of).is_some()
}

/// Whether others decide about the power of the VM: whoever starts it here may start it twice. Replication to elsewhere does not
/// care whether the VM runs.
pub(crate) fn binds_power(vm: &ObservedVm) -> Option<Bond> {
    of_power(vm).filter(|bond| {
        matches!(bond, Bond::Held { reason: Reason::Clustered, .. }) || vm.replica.known().is_some_and(|role| *role != ReplicaRole::Primary)
    })
}

/// Says what is not done because of a bond.
pub(crate) fn say(draft: &mut Draft<'_>, vm: &VmName, bond: Bond, undone: &str) {
    match bond {
        Bond::Held { reason, says, hint } => draft.stall(reason, format!("{says}, so it is not {undone}"), hint),
        Bond::Unseen { what, cause } => draft.unknown(format!("{what} `{vm}`"), cause),
    }
}

/// Says it of the VM of a role, where it is bound.
pub(crate) fn stall(draft: &mut Draft<'_>, role: &DesiredRole, undone: &str) {
    if let Some((bond, name)) = draft.vm(role).and_then(|vm| Some((of(vm)?, vm.name.clone()))) {
        say(draft, &name, bond, undone);
    }
}

/// Says that a VM which is not here is a role of the host's cluster: it runs on another node, and nothing is built in its place.
pub(crate) fn stall_elsewhere(draft: &mut Draft<'_>, role: &DesiredRole) {
    match &draft.world.host.cluster {
        Seen::Absent => {}
        Seen::Unknown(cause) => {
            let cause = cause.clone();
            draft.unknown("the roles of the host's failover cluster", cause);
        }
        Seen::Known(roles) => {
            let Some(elsewhere) = roles.iter().find(|one| one.vm == role.vm) else { return };
            let node = elsewhere.node.as_ref().map_or_else(|| "another node".to_owned(), |node| format!("node {node}"));
            let message = format!("`{}` is a role of the host's failover cluster and is on {node}, so it is not made anew", role.vm);
            draft.stall(Reason::Clustered, message, "move it back to this host and take it out of the cluster, or remove it there");
        }
    }
}
