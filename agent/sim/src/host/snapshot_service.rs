//! `Msvm_VirtualSystemSnapshotService`: makes, applies and deletes checkpoints, always as jobs.

use wsman::cim::{CimInstance, CimPath, CimValue, Namespace};

use crate::host::change::Change;
use crate::host::checkpoint::Checkpoint;
use crate::host::machine::VirtualMachine;
use crate::host::power::Power;
use crate::host::service::Service;
use crate::host::{Host, Surroundings, computer_system, input, system_settings};
use crate::job::{Failure, JobKind, code};
use crate::machine::{Object, Output};

/// Hyper-V keeps no more of one VM.
const MOST: usize = 50;

/// The service, and what it can do.
pub(super) const SERVICE: Service = Service {
    class: "Msvm_VirtualSystemSnapshotService",
    methods: &[
        ("CreateSnapshot", |host, input, cx| Ok(host.create_snapshot(input, cx)?)),
        ("ApplySnapshot", |host, input, cx| Ok(host.apply_snapshot(input, cx)?)),
        ("DestroySnapshot", |host, input, cx| Ok(host.destroy_snapshot(input, "AffectedSnapshot", cx)?)),
        ("DestroySnapshotTree", |host, input, cx| Ok(host.destroy_snapshot(input, "SnapshotSettingData", cx)?)),
    ],
};

impl Host {
    fn create_snapshot(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let machine = self.referred_machine(input, "AffectedSystem")?;
        // 2 is the whole VM, 3 its disks; what is kept of it here is the same.
        if !matches!(input::number(input, "SnapshotType")?, Some(2 | 3)) {
            return Err(input::invalid("SnapshotType is 2, full, or 3, disks"));
        }
        if !matches!(machine.power, Power::Off | Power::Saved | Power::Running | Power::Paused) {
            return Err(Failure::new(code::INVALID_STATE, format!("'{}' is on its way to another state", machine.name)));
        }
        if machine.checkpoints.len() >= MOST {
            return Err(Failure::new(code::FAILED, format!("a virtual machine has at most {MOST} checkpoints")));
        }
        let wished = match input.get("SnapshotSettings") {
            CimValue::Instance(settings) => input::text(settings, "ElementName")?.map(ToOwned::to_owned),
            // The parameter may be left out, or be an empty text.
            _ => None,
        };
        let name = wished.unwrap_or_else(|| format!("{} - ({})", machine.name, cx.now));
        let checkpoint = Checkpoint::of(machine, cx.ids.guid(), &name, cx.now);
        let (vm, result) = (machine.id.clone(), system_settings::path_of(&checkpoint.settings.settings_id()));
        let change = Change::CreateCheckpoint { vm: vm.clone(), checkpoint: Box::new(checkpoint) };
        let submitted = self.submit(JobKind::CreateCheckpoint, Some(computer_system::path_of(&vm)), change, cx);
        Ok(submitted.output_with("ResultingSnapshot", result))
    }

    fn referred_checkpoint(&self, input: &CimInstance, name: &str) -> Result<(&VirtualMachine, &Checkpoint), Failure> {
        let path = input::reference(input, name)?;
        let id = path.key("InstanceID").and_then(|id| id.split_once(':')).map(|(_, id)| id);
        id.and_then(|id| self.owner_of_checkpoint(id)).ok_or_else(|| input::invalid(format!("{name} refers to no checkpoint")))
    }

    fn apply_snapshot(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let (machine, checkpoint) = self.referred_checkpoint(input, "Snapshot")?;
        if !machine.power.can_be_destroyed() {
            return Err(Failure::new(code::INVALID_STATE, format!("'{}' is neither off nor saved", machine.name)));
        }
        let (vm, id) = (machine.id.clone(), checkpoint.id.clone());
        let path = computer_system::path_of(&vm);
        Ok(self.submit(JobKind::ApplyCheckpoint, Some(path), Change::ApplyCheckpoint { vm, id }, cx).output())
    }

    /// The tree of a checkpoint is itself with all that went on from it.
    fn destroy_snapshot(&mut self, input: &CimInstance, parameter: &str, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let (machine, checkpoint) = self.referred_checkpoint(input, parameter)?;
        let mut ids = vec![checkpoint.id.clone()];
        if parameter != "AffectedSnapshot" {
            // Those that went on from one are later in the list than it.
            for later in &machine.checkpoints {
                if later.parent.as_ref().is_some_and(|parent| ids.contains(parent)) {
                    ids.push(later.id.clone());
                }
            }
            ids.reverse();
        }
        let (vm, path) = (machine.id.clone(), computer_system::path_of(&machine.id));
        Ok(self.submit(JobKind::DestroyCheckpoint, Some(path), Change::DestroyCheckpoints { vm, ids }, cx).output())
    }

    /// The settings of every checkpoint: the VM's as they were, under the checkpoint's own identity.
    pub(crate) fn checkpoint_settings(&self) -> Vec<Object> {
        let of = |m: &VirtualMachine| m.checkpoints.iter().map(|c| settings(m, c)).collect::<Vec<_>>();
        self.machines.iter().flat_map(of).collect()
    }

    /// Which checkpoints are a VM's, and which of them its present state goes on from.
    pub(crate) fn checkpoint_links(&self, association: &str) -> Vec<(CimPath, CimPath)> {
        let path = |id: &str| system_settings::path_of(&format!("Microsoft:{id}"));
        let of = |m: &VirtualMachine| -> Vec<(CimPath, CimPath)> {
            let system = computer_system::path_of(&m.id);
            match association {
                "Msvm_MostCurrentSnapshotInBranch" => m.latest.iter().map(|id| (system.clone(), path(id))).collect(),
                _ => m.checkpoints.iter().map(|c| (system.clone(), path(&c.id))).collect(),
            }
        };
        self.machines.iter().flat_map(of).collect()
    }
}

fn settings(machine: &VirtualMachine, checkpoint: &Checkpoint) -> Object {
    let Object { mut instance, .. } = system_settings::object(&checkpoint.settings);
    instance.set("VirtualSystemIdentifier", machine.id.as_str());
    instance.set("VirtualSystemType", "Microsoft:Hyper-V:Snapshot:Realized");
    instance.set("Description", "Checkpoint settings.");
    instance.set("CreationTime", crate::windows::system::instant(checkpoint.created));
    if let Some(parent) = &checkpoint.parent {
        instance.set("Parent", system_settings::path_of(&format!("Microsoft:{parent}")).to_string());
    }
    Object::keyed(&Namespace::VIRTUALIZATION, instance, &["InstanceID"])
}
