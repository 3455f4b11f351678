//! Hyper-V Replica as a host tells of it: `Msvm_ReplicationRelationship`.
//!
//! Deliberately absent: replication itself, and its service; a world file and faults say what is replicated.

use wsman::cim::{CimInstance, Namespace};

use crate::host::Host;
use crate::host::machine::VirtualMachine;
use crate::machine::Object;

impl Host {
    pub(crate) fn replication_objects(&self) -> Vec<Object> {
        self.machines.iter().filter_map(relationship).collect()
    }
}

fn relationship(machine: &VirtualMachine) -> Option<Object> {
    let replication = machine.replication?;
    let view = CimInstance::new("Msvm_ReplicationRelationship")
        .with("InstanceID", format!("{}\\HVR\\0", machine.settings_id()))
        .with("ReplicationState", replication.state)
        .with("ReplicationHealth", replication.health)
        .with("FailedOverReplicationType", 0u16)
        .with("LastReplicationType", 1u16);
    Some(Object::keyed(&Namespace::VIRTUALIZATION, view, &["InstanceID"]))
}
