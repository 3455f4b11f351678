//! One Hyper-V host: its hardware, switches, files, VMs and jobs.
//!
//! Guarantees: everything that changes a VM goes through [`change::Change`], at once or when a job ends.
//! Deliberately absent: who may call; the protocol side asks `World::accepts`.

pub(crate) mod boot_order;
pub(crate) mod change;
pub(crate) mod checkpoint;
pub(crate) mod cluster;
pub(crate) mod component;
pub(crate) mod computer_system;
pub(crate) mod data_file;
pub(crate) mod definition;
pub(crate) mod device;
pub(crate) mod disk;
pub(crate) mod disk_change;
pub(crate) mod ethernet_port;
pub(crate) mod guest_network;
pub(crate) mod guest_service;
pub(crate) mod image_service;
pub(crate) mod input;
pub(crate) mod machine;
pub(crate) mod power;
pub(crate) mod provider;
pub(crate) mod replication;
pub(crate) mod resource_add;
pub(crate) mod resource_change;
pub(crate) mod resource_view;
pub(crate) mod service;
pub(crate) mod snapshot_service;
pub(crate) mod submit;
pub(crate) mod summary;
pub(crate) mod switch;
pub(crate) mod switch_service;
pub(crate) mod system_service;
pub(crate) mod system_settings;
pub(crate) mod vlan;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::guest::Guest;
use crate::ids::Ids;
use crate::image::Image;
use crate::job::{Failure, Job, JobKind};
use crate::timing::Timing;
use crate::windows::system::{Hardware, Hypervisor, LogicalDisk};
use crate::windows::{Plugged, Segment, Windows};
use crate::world::HostName;
use crate::world::file::Volume;
use disk::{File, FileKey};
use machine::VirtualMachine;
use switch::Switch;

/// The state of one host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Host {
    pub(crate) name: HostName,
    pub(crate) uuid: String,
    pub(crate) windows: Windows,
    pub(crate) sockets: u32,
    pub(crate) cores_per_socket: u32,
    /// MiB.
    pub(crate) memory: u64,
    /// What of it programs of the host have taken, MiB.
    #[serde(default)]
    pub(crate) taken_memory: u64,
    pub(crate) volumes: Vec<Volume>,
    pub(crate) nics: Vec<PhysicalNic>,
    pub(crate) switches: Vec<Switch>,
    pub(crate) files: BTreeMap<FileKey, File>,
    pub(crate) machines: Vec<VirtualMachine>,
    pub(crate) jobs: Vec<Job>,
    /// Failures that wait for the next job of their kind.
    pub(crate) planned_failures: Vec<(JobKind, Failure)>,
    /// While it restarts: when it is back.
    pub(crate) down_until: Option<Timestamp>,
    /// VMs that ran when the host went down.
    pub(crate) ran_before: Vec<String>,
    /// The failover cluster that it is a node of.
    #[serde(default)]
    pub(crate) cluster: Option<String>,
    /// While its own NIC moves below a switch or out again: until when nobody reaches it.
    #[serde(default)]
    pub(crate) cut_off_until: Option<Timestamp>,
}

/// A physical NIC.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PhysicalNic {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) mac: String,
    /// The outside network at the other end of the cable.
    pub(crate) network: Option<String>,
}

/// What behaviour needs beside the host itself.
pub(crate) struct Surroundings<'a> {
    pub(crate) now: Timestamp,
    pub(crate) ids: &'a mut Ids,
    pub(crate) images: &'a BTreeMap<String, Image>,
    pub(crate) timing: &'a Timing,
}

/// What a host keeps for itself before it gives memory to VMs, MiB.
const RESERVED_MEMORY: u64 = 2048;

impl Host {
    pub(crate) fn is_up(&self) -> bool {
        self.down_until.is_none()
    }

    pub(crate) fn machine(&self, id: &str) -> Option<&VirtualMachine> {
        self.machines.iter().find(|m| m.id.eq_ignore_ascii_case(id))
    }

    pub(crate) fn machine_mut(&mut self, id: &str) -> Option<&mut VirtualMachine> {
        self.machines.iter_mut().find(|m| m.id.eq_ignore_ascii_case(id))
    }

    /// Every set of settings that there is: of the VMs as they are, and of their checkpoints.
    pub(crate) fn configurations(&self) -> impl Iterator<Item = &VirtualMachine> {
        self.machines.iter().flat_map(|m| std::iter::once(m).chain(m.checkpoints.iter().map(|c| &*c.settings)))
    }

    /// Whether it answers at `now`.
    pub(crate) fn is_reachable(&self, now: Timestamp) -> bool {
        self.is_up() && self.cut_off_until.is_none_or(|until| until <= now)
    }

    pub(crate) fn logical_processors(&self) -> u32 {
        self.sockets * self.cores_per_socket
    }

    /// Whether static memory of a VM that runs can be changed: Windows Server 2016 and later.
    pub(crate) fn changes_running_memory(&self) -> bool {
        let build = self.windows.version.rsplit('.').next().and_then(|b| b.parse::<u32>().ok());
        build.is_some_and(|build| build >= 14_393)
    }

    /// Memory that no VM uses, MiB.
    pub(crate) fn free_memory(&self) -> u64 {
        let used: u64 = self.machines.iter().filter(|m| m.power.holds_memory()).map(|m| m.memory.startup).sum();
        self.memory.saturating_sub(RESERVED_MEMORY).saturating_sub(self.taken_memory).saturating_sub(used)
    }

    pub(crate) fn free_space(&self, letter: char) -> u64 {
        let size = self.volumes.iter().find(|v| v.letter.eq_ignore_ascii_case(&letter)).map_or(0, |v| v.gib << 30);
        let used: u64 = self.files.values().filter(|f| f.volume().is_some_and(|l| l.eq_ignore_ascii_case(&letter))).map(|f| f.bytes).sum();
        size.saturating_sub(used)
    }

    pub(crate) fn hardware(&self) -> Hardware {
        Hardware {
            uuid: self.uuid.clone(),
            vendor: "Dell Inc.",
            model: "PowerEdge R650",
            sockets: self.sockets,
            cores_per_socket: self.cores_per_socket,
            memory: self.memory << 20,
            free_memory: self.free_memory() << 20,
            disks: self
                .volumes
                .iter()
                .map(|v| LogicalDisk { letter: v.letter, size: v.gib << 30, free: self.free_space(v.letter) })
                .collect(),
            hypervisor: Hypervisor::Present,
        }
    }

    /// The adapters that the host's own system has: free physical NICs, and its ports on switches.
    pub(crate) fn plugged(&self) -> Vec<Plugged> {
        let bound = |nic: &PhysicalNic| self.switches.iter().any(|s| s.uplink.as_ref().is_some_and(|u| u.nic == nic.id));
        let physical = self.nics.iter().filter(|n| !bound(n)).map(|nic| Plugged {
            mac: nic.mac.clone(),
            description: "Broadcom NetXtreme Gigabit Ethernet".to_owned(),
            name: nic.name.clone(),
            segment: nic.network.clone().map(Segment::Outside),
        });
        let ports = self.switches.iter().filter_map(|s| {
            let port = s.host_port.as_ref()?;
            Some(Plugged {
                mac: port.mac.clone(),
                description: "Hyper-V Virtual Ethernet Adapter".to_owned(),
                name: s.host_adapter_name(),
                segment: Some(self.segment(s).in_vlan(port.vlan)),
            })
        });
        physical.chain(ports).collect()
    }

    /// Where a switch leads.
    pub(crate) fn segment(&self, switch: &Switch) -> Segment {
        let network = switch.uplink.as_ref().and_then(|u| self.nics.iter().find(|n| n.id == u.nic)).and_then(|n| n.network.clone());
        network.map_or_else(|| Segment::Inside(switch.id.clone()), Segment::Outside)
    }

    /// The adapters that a VM's system has.
    pub(crate) fn plugged_in(&self, machine: &VirtualMachine) -> Vec<Plugged> {
        let segment = |switch: &str| self.switches.iter().find(|s| s.id == switch).map(|s| self.segment(s));
        machine
            .adapters
            .iter()
            .map(|nic| Plugged {
                mac: nic.mac.clone(),
                description: "Microsoft Hyper-V Network Adapter".to_owned(),
                name: "Ethernet".to_owned(),
                segment: nic.connected_switch().and_then(segment).map(|s| s.in_vlan(nic.vlan())),
            })
            .collect()
    }

    /// The guest that lies on the machine's boot disk, running or not.
    pub(crate) fn guest(&self, machine: &VirtualMachine) -> Option<&Guest> {
        self.files.get(&FileKey::new(machine.boot_disk()?))?.disk.as_ref()?.guest.as_deref()
    }

    pub(crate) fn guest_mut(&mut self, machine: &str) -> Option<&mut Guest> {
        let path = self.machine(machine)?.boot_disk()?.to_owned();
        self.files.get_mut(&FileKey::new(&path))?.disk.as_mut()?.guest.as_deref_mut()
    }

    /// What the guest in `machine` runs on.
    pub(crate) fn hardware_of(&self, machine: &VirtualMachine) -> Hardware {
        let memory = machine.memory.startup << 20;
        Hardware {
            uuid: machine.id.clone(),
            vendor: "Microsoft Corporation",
            model: "Virtual Machine",
            sockets: 1,
            cores_per_socket: machine.processor.count,
            memory,
            free_memory: memory / 2,
            disks: vec![LogicalDisk { letter: 'C', size: 127 << 30, free: 90 << 30 }],
            hypervisor: Hypervisor::Present,
        }
    }
}
