//! Every change that the host's services make, as data, so that a job can carry it until it ends.
//!
//! Guarantees: a change is checked again when it is applied; the world may have moved while the job ran.
//! Deliberately absent: changes from inside a guest, and faults.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::host::checkpoint::Checkpoint;
use crate::host::device::{Controller, Drive, VirtualNic};
use crate::host::disk::File;
use crate::host::guest_network::GuestAddresses;
use crate::host::guest_service::ServiceChange;
use crate::host::machine::VirtualMachine;
use crate::host::power::{Power, PowerRequest};
use crate::host::resource_change::ResourceChange;
use crate::host::switch::{HostPort, Switch, Uplink};
use crate::host::system_settings::SystemChange;
use crate::host::vlan::Vlan;
use crate::host::{Host, Surroundings};
use crate::job::{Failure, code};

/// One change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Change {
    DefineSystem(Box<VirtualMachine>),
    DestroySystem {
        vm: String,
    },
    ModifySystem {
        vm: String,
        change: SystemChange,
    },
    AddDevices {
        vm: String,
        devices: Vec<NewDevice>,
    },
    ModifyDevices {
        changes: Vec<(String, ResourceChange)>,
    },
    RemoveDevices {
        instance_ids: Vec<String>,
    },
    Power {
        vm: String,
        before: Power,
        request: PowerRequest,
    },
    CreateDisk(Box<File>),
    ResizeDisk {
        path: String,
        size: u64,
    },
    SetParent {
        child: String,
        parent: String,
        any_id: bool,
    },
    ValidateDisk {
        path: String,
    },
    CreateCheckpoint {
        vm: String,
        checkpoint: Box<Checkpoint>,
    },
    ApplyCheckpoint {
        vm: String,
        id: String,
    },
    DestroyCheckpoints {
        vm: String,
        ids: Vec<String>,
    },
    /// The VLAN settings of connections, by their InstanceID.
    Vlans {
        of: Vec<(String, Option<Vlan>)>,
    },
    GuestServices {
        changes: Vec<ServiceChange>,
    },
    DefineSwitch(Switch),
    ModifySwitch {
        switch: String,
        name: Option<String>,
        notes: Option<Vec<String>>,
    },
    AddPorts {
        switch: String,
        uplink: Option<Uplink>,
        host_port: Option<HostPort>,
    },
    RemovePorts {
        instance_ids: Vec<String>,
    },
    DestroySwitch {
        switch: String,
    },
    KvpItems {
        vm: String,
        items: BTreeMap<String, Option<String>>,
    },
    GuestAddresses {
        vm: String,
        addresses: Vec<GuestAddresses>,
    },
}

impl Change {
    /// `Msvm_ConcreteJob.JobType`, as its page numbers them; switches and disks have none there.
    pub(crate) fn job_type(&self) -> Option<u16> {
        match self {
            Self::DefineSystem(_) => Some(1),
            Self::ModifySystem { .. } | Self::KvpItems { .. } | Self::GuestAddresses { .. } => Some(2),
            Self::DestroySystem { .. } => Some(3),
            Self::Power { before, request, .. } => Some(match request {
                PowerRequest::Start if *before == Power::Saved => 15,
                PowerRequest::Start => 12,
                PowerRequest::TurnOff => 13,
                PowerRequest::Save => 14,
                PowerRequest::Pause => 26,
                PowerRequest::Resume => 27,
                PowerRequest::Reset => 28,
                PowerRequest::Reboot => 29,
            }),
            Self::AddDevices { .. } => Some(30),
            Self::ModifyDevices { .. } => Some(31),
            Self::RemoveDevices { .. } => Some(32),
            Self::GuestServices { .. } => Some(2),
            Self::Vlans { .. } => Some(31),
            Self::CreateCheckpoint { .. } => Some(70),
            Self::ApplyCheckpoint { .. } => Some(71),
            Self::DestroyCheckpoints { .. } => Some(72),
            Self::CreateDisk(_)
            | Self::ResizeDisk { .. }
            | Self::SetParent { .. }
            | Self::ValidateDisk { .. }
            | Self::DefineSwitch(_)
            | Self::ModifySwitch { .. }
            | Self::AddPorts { .. }
            | Self::RemovePorts { .. }
            | Self::DestroySwitch { .. } => None,
        }
    }
}

impl Change {
    /// The VMs whose configuration it changes; those that it makes or removes are not among them.
    fn configures(&self) -> Vec<String> {
        // Devices are called `Microsoft:<VM>\…`.
        let owner = |id: &String| id.split(['\\', ':']).nth(1).unwrap_or_default().to_owned();
        match self {
            Self::ModifySystem { vm, .. }
            | Self::AddDevices { vm, .. }
            | Self::CreateCheckpoint { vm, .. }
            | Self::ApplyCheckpoint { vm, .. }
            | Self::DestroyCheckpoints { vm, .. }
            | Self::KvpItems { vm, .. } => vec![vm.clone()],
            Self::ModifyDevices { changes } => changes.iter().map(|(id, _)| owner(id)).collect(),
            Self::RemoveDevices { instance_ids } => instance_ids.iter().map(owner).collect(),
            Self::Vlans { of } => of.iter().map(|(id, _)| owner(id)).collect(),
            Self::GuestServices { changes } => changes.iter().map(|change| change.vm().to_owned()).collect(),
            Self::DefineSystem(_)
            | Self::DestroySystem { .. }
            | Self::Power { .. }
            | Self::CreateDisk(_)
            | Self::ResizeDisk { .. }
            | Self::SetParent { .. }
            | Self::ValidateDisk { .. }
            | Self::DefineSwitch(_)
            | Self::ModifySwitch { .. }
            | Self::AddPorts { .. }
            | Self::RemovePorts { .. }
            | Self::DestroySwitch { .. }
            | Self::GuestAddresses { .. } => Vec::new(),
        }
    }
}

/// A device to add; its identity is settled when it is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum NewDevice {
    Controller(Controller),
    /// On the controller with this InstanceID.
    Drive(String, Drive),
    /// The file at a path, into the drive with this InstanceID.
    Medium(String, String),
    Nic(VirtualNic),
    /// On the adapter with this InstanceID.
    Connection(String, super::device::Connection),
}

impl Host {
    /// Makes `change` real.
    pub(crate) fn apply(&mut self, change: Change, cx: &mut Surroundings<'_>) -> Result<(), Failure> {
        let bound = self.bound_nics();
        let configured = change.configures();
        match change {
            Change::DefineSystem(machine) => {
                self.machines.push(*machine);
                Ok(())
            }
            Change::DestroySystem { vm } => self.apply_destroy_system(&vm),
            Change::ModifySystem { vm, change } => self.with_machine(&vm, |m| change.apply(m)),
            Change::AddDevices { vm, devices } => self.apply_add_devices(&vm, devices),
            Change::ModifyDevices { changes } => self.apply_modify_devices(changes),
            Change::RemoveDevices { instance_ids } => self.apply_remove_devices(&instance_ids),
            Change::Power { vm, request, .. } => self.apply_power(&vm, request, cx),
            Change::CreateDisk(file) => self.apply_create_disk(*file),
            Change::ResizeDisk { path, size } => self.apply_resize_disk(&path, size),
            Change::SetParent { child, parent, any_id } => self.apply_set_parent(&child, &parent, any_id),
            Change::ValidateDisk { path } => self.check_chain(&path),
            Change::CreateCheckpoint { vm, checkpoint } => self.apply_create_checkpoint(&vm, *checkpoint, cx),
            Change::ApplyCheckpoint { vm, id } => self.apply_checkpoint(&vm, &id, cx),
            Change::DestroyCheckpoints { vm, ids } => self.apply_destroy_checkpoints(&vm, &ids),
            Change::Vlans { of } => self.apply_vlans(of),
            Change::GuestServices { changes } => self.apply_guest_services(&changes),
            Change::DefineSwitch(switch) => {
                self.apply_define_switch(switch);
                Ok(())
            }
            Change::ModifySwitch { switch, name, notes } => self.apply_modify_switch(&switch, name, notes),
            Change::AddPorts { switch, uplink, host_port } => self.apply_add_ports(&switch, uplink, host_port),
            Change::RemovePorts { instance_ids } => {
                self.apply_remove_ports(&instance_ids);
                Ok(())
            }
            Change::DestroySwitch { switch } => self.apply_destroy_switch(&switch),
            Change::KvpItems { vm, items } => self.apply_kvp_items(&vm, items),
            Change::GuestAddresses { vm, addresses } => self.apply_guest_addresses(&vm, addresses),
        }?;
        for vm in configured {
            if let Some(machine) = self.machine_mut(&vm) {
                machine.configured = Some(cx.now);
            }
        }
        self.notice_moved_nics(&bound, cx);
        self.find_new_adapters(cx);
        Ok(())
    }

    /// What a change leaves behind that did not happen.
    pub(crate) fn undo(&mut self, change: &Change, cx: &Surroundings<'_>) {
        if let Change::Power { vm, before, request } = change
            && let Some(machine) = self.machine_mut(vm)
            && machine.power == request.meanwhile()
        {
            machine.set_power(*before, cx.now);
        }
    }

    /// Systems that are up notice what was plugged into them.
    pub(crate) fn find_new_adapters(&mut self, cx: &mut Surroundings<'_>) {
        let own = self.plugged();
        self.windows.find_adapters(&own, cx.ids);
        let up: Vec<_> = self.machines.iter().filter(|m| m.is_up()).map(|m| (m.id.clone(), self.plugged_in(m))).collect();
        for (vm, plugged) in up {
            if let Some(guest) = self.guest_mut(&vm) {
                guest.windows.find_adapters(&plugged, cx.ids);
            }
        }
    }

    fn with_machine(&mut self, vm: &str, act: impl FnOnce(&mut VirtualMachine) -> Result<(), Failure>) -> Result<(), Failure> {
        act(self.machine_mut(vm).ok_or_else(|| Failure::new(code::FAILED, "the virtual machine is gone"))?)
    }

    fn apply_destroy_system(&mut self, vm: &str) -> Result<(), Failure> {
        self.with_machine(vm, |m| {
            if m.power.can_be_destroyed() { Ok(()) } else { Err(Failure::new(code::INVALID_STATE, format!("'{}' is not off", m.name))) }
        })?;
        // Its checkpoints go with it, and their disks are merged into those that it leaves.
        let all: Vec<_> = self.machine(vm).map(|m| m.checkpoints.iter().map(|c| c.id.clone()).collect()).unwrap_or_default();
        self.apply_destroy_checkpoints(vm, &all)?;
        self.machines.retain(|m| !m.id.eq_ignore_ascii_case(vm));
        Ok(())
    }
}
