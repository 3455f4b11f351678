//! The failover cluster of a host: `root/mscluster`, which exists on its nodes only.
//!
//! Deliberately absent: other nodes and the moving of roles; a world file and faults say what is a role.

use wsman::cim::{CimInstance, Namespace};

use crate::host::Host;
use crate::machine::Object;

// Values of MSCluster_Resource.State.
const ONLINE: u32 = 2;
const OFFLINE: u32 = 3;

impl Host {
    pub(crate) fn cluster_objects(&self, class: &str) -> Vec<Object> {
        let Some(cluster) = &self.cluster else { return Vec::new() };
        match class {
            "MSCluster_Cluster" => {
                vec![Object::keyed(&Namespace::CLUSTER, CimInstance::new("MSCluster_Cluster").with("Name", cluster.as_str()), &["Name"])]
            }
            _ => self.cluster_resources(),
        }
    }

    /// A VM that is a role has two resources: itself and its configuration.
    fn cluster_resources(&self) -> Vec<Object> {
        let mut all = Vec::new();
        for machine in self.machines.iter().filter(|m| m.clustered) {
            for kind in ["Virtual Machine", "Virtual Machine Configuration"] {
                let runs = machine.power.holds_memory() || kind != "Virtual Machine";
                let view = CimInstance::new("MSCluster_Resource")
                    .with("Name", format!("{kind} {}", machine.name))
                    .with("Type", kind)
                    .with("OwnerGroup", machine.name.as_str())
                    .with("OwnerNode", self.windows.computer_name.as_str())
                    .with("CoreResource", false)
                    .with("State", if runs { ONLINE } else { OFFLINE })
                    .with("PrivateProperties", CimInstance::new("MSCluster_Property").with("VmID", machine.id.to_ascii_lowercase()));
                all.push(Object::keyed(&Namespace::CLUSTER, view, &["Name"]));
            }
        }
        all
    }
}
