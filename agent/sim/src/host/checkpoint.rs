//! Checkpoints: what a VM was at an instant, and the disks that it has written to since.
//!
//! Guarantees: from its creation on a checkpoint's disks are never written to; the VM goes on in differencing disks (`.avhdx`) on them.
//! Where a checkpoint goes, the disk above is merged into the one that it held, unless another still needs that.
//! Deliberately absent: saved memory; a checkpoint that is applied leaves the VM off, as a production checkpoint does.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::file_tree::Content;
use crate::host::device::DriveKind;
use crate::host::disk::{Disk, DiskKind, FRESH_BYTES, File, FileKey};
use crate::host::machine::VirtualMachine;
use crate::host::power::Power;
use crate::host::{Host, Surroundings};
use crate::job::{Failure, code};

/// One checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// GUID, upper case.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created: Timestamp,
    /// The checkpoint that this one went on from.
    pub(crate) parent: Option<String>,
    /// The VM as it was, under this checkpoint's GUID.
    pub(crate) settings: Box<VirtualMachine>,
}

impl Checkpoint {
    /// Of `machine` as it is now.
    pub(crate) fn of(machine: &VirtualMachine, id: String, name: &str, at: Timestamp) -> Self {
        let mut settings = machine.clone();
        (settings.id, settings.checkpoints, settings.latest) = (id.clone(), Vec::new(), None);
        (settings.power, settings.run, settings.replication, settings.clustered) = (Power::Off, None, None, false);
        name.clone_into(&mut settings.name);
        Self { id, name: name.to_owned(), created: at, parent: machine.latest.clone(), settings: Box::new(settings) }
    }
}

/// Where a VM goes on writing once the disk at `path` is a checkpoint's.
fn next_path(path: &str, id: &str) -> String {
    let (stem, extension) = path.rsplit_once('.').unwrap_or((path, "vhdx"));
    // The name of the file below keeps only the first of such suffixes.
    let stem = stem.split_once('_').filter(|(_, rest)| uuid::Uuid::try_parse(rest).is_ok()).map_or(stem, |(first, _)| first);
    let extension = if extension.to_ascii_lowercase().ends_with("vhdx") { "avhdx" } else { "avhd" };
    format!("{stem}_{id}.{extension}")
}

fn is_above_a_checkpoint(path: &str) -> bool {
    matches!(super::disk::extension(path).as_deref(), Some("avhdx" | "avhd"))
}

impl Host {
    /// The VM that has the checkpoint `id`.
    pub(crate) fn owner_of_checkpoint(&self, id: &str) -> Option<(&VirtualMachine, &Checkpoint)> {
        let of = |m: &'_ VirtualMachine| m.checkpoints.iter().position(|c| c.id.eq_ignore_ascii_case(id));
        self.machines.iter().find_map(|m| of(m).map(|at| (m, &m.checkpoints[at])))
    }

    pub(crate) fn apply_create_checkpoint(&mut self, vm: &str, checkpoint: Checkpoint, cx: &mut Surroundings<'_>) -> Result<(), Failure> {
        let machine = self.machine(vm).ok_or_else(|| Failure::new(code::FAILED, "the virtual machine is gone"))?;
        let mut next = machine.clone();
        // What has happened to the VM since the job began belongs to the checkpoint.
        let checkpoint = Checkpoint::of(&next, checkpoint.id, &checkpoint.name, cx.now);
        self.branch(&mut next, cx)?;
        next.latest = Some(checkpoint.id.clone());
        next.checkpoints.push(checkpoint);
        self.replace(next);
        Ok(())
    }

    pub(crate) fn apply_checkpoint(&mut self, vm: &str, id: &str, cx: &mut Surroundings<'_>) -> Result<(), Failure> {
        let (machine, checkpoint) =
            self.owner_of_checkpoint(id).ok_or_else(|| Failure::new(code::INVALID_PARAMETER, "the checkpoint is gone"))?;
        if !machine.id.eq_ignore_ascii_case(vm) || !machine.power.can_be_destroyed() {
            return Err(Failure::new(code::INVALID_STATE, format!("'{}' is not off", machine.name)));
        }
        let mut next = (*checkpoint.settings).clone();
        (next.id, next.name, next.created) = (machine.id.clone(), machine.name.clone(), machine.created);
        (next.checkpoints, next.latest) = (machine.checkpoints.clone(), Some(checkpoint.id.clone()));
        (next.replication, next.clustered) = (machine.replication, machine.clustered);
        next.set_power(Power::Off, cx.now);
        let left: Vec<String> = machine.media().filter(|path| is_above_a_checkpoint(path)).map(ToOwned::to_owned).collect();
        self.branch(&mut next, cx)?;
        self.replace(next);
        // What was written since is lost, which is what applying means.
        left.iter().for_each(|path| self.tidy(path));
        Ok(())
    }

    pub(crate) fn apply_destroy_checkpoints(&mut self, vm: &str, ids: &[String]) -> Result<(), Failure> {
        for id in ids {
            let Some(machine) = self.machine_mut(vm) else { return Err(Failure::new(code::FAILED, "the virtual machine is gone")) };
            let Some(at) = machine.checkpoints.iter().position(|c| c.id.eq_ignore_ascii_case(id)) else { continue };
            let gone = machine.checkpoints.remove(at);
            for child in machine.checkpoints.iter_mut().filter(|c| c.parent.as_ref() == Some(&gone.id)) {
                child.parent.clone_from(&gone.parent);
            }
            if machine.latest.as_ref() == Some(&gone.id) {
                machine.latest = gone.parent;
            }
            for path in gone.settings.media() {
                self.tidy(path);
            }
        }
        Ok(())
    }

    /// Somebody makes a checkpoint by hand.
    pub(crate) fn take_checkpoint(&mut self, vm: &str, name: &str, cx: &mut Surroundings<'_>) {
        let id = cx.ids.guid();
        let checkpoint = self.machine(vm).map(|m| Checkpoint::of(m, id, name, cx.now));
        // A disk whose chain is broken cannot have one, and nobody is told.
        let _ = checkpoint.map(|checkpoint| self.apply_create_checkpoint(vm, checkpoint, cx));
    }

    fn replace(&mut self, next: VirtualMachine) {
        if let Some(machine) = self.machine_mut(&next.id.clone()) {
            *machine = next;
        }
    }

    /// Puts a differencing disk above each hard disk of `machine`, with all that lies on that.
    fn branch(&mut self, machine: &mut VirtualMachine, cx: &mut Surroundings<'_>) -> Result<(), Failure> {
        let drives = machine.controllers.iter_mut().flat_map(|c| &mut c.drives).filter(|d| d.kind == DriveKind::Disk);
        let mut made = Vec::new();
        for medium in drives.filter_map(|d| d.medium.as_mut()) {
            let below = self.whole_chain(medium).map_err(|broken| Failure::new(code::FAILED, broken.to_string()))?;
            let Some(&Disk { ref id, size, ref guest, .. }) = below.first().copied() else { continue };
            let kind = DiskKind::Differencing { parent: medium.clone(), parent_id: Some(id.clone()) };
            let disk = Disk { id: cx.ids.guid(), kind, size, image: None, guest: guest.clone() };
            let path = next_path(medium, &cx.ids.guid());
            medium.clone_from(&path);
            made.push(File { path, bytes: FRESH_BYTES, created: cx.now, disk: Some(disk), content: Content::Opaque });
        }
        self.files.extend(made.into_iter().map(|file| (FileKey::new(&file.path), file)));
        Ok(())
    }

    fn is_held(&self, path: &str) -> bool {
        self.configurations().flat_map(VirtualMachine::media).any(|medium| medium.eq_ignore_ascii_case(path))
    }

    /// A disk that a checkpoint held: deleted when nothing needs it, merged with what lies above when only that does.
    fn tidy(&mut self, path: &str) {
        if self.is_held(path) {
            return;
        }
        match self.children(path).as_slice() {
            [] if is_above_a_checkpoint(path) => {
                let below = self.files.remove(&FileKey::new(path)).and_then(|file| file.disk);
                // Without it the disk beneath may be needed by nobody, or by one.
                if let Some(DiskKind::Differencing { parent, .. }) = below.map(|d| d.kind) {
                    self.tidy(&parent);
                }
            }
            [child] if is_above_a_checkpoint(child) => self.merge(&child.clone(), path),
            _ => {}
        }
    }

    /// The disk at `child` becomes one with its parent, the one at `path`, and whoever used it uses that.
    fn merge(&mut self, child: &str, path: &str) {
        let Some(above) = self.files.remove(&FileKey::new(child)) else { return };
        let Some(below) = self.files.get_mut(&FileKey::new(path)) else { return };
        below.bytes = below.bytes.max(above.bytes);
        let (path, id) = (below.path.clone(), below.disk.as_ref().map(|d| d.id.clone()));
        if let (Some(below), Some(above)) = (&mut below.disk, above.disk) {
            below.guest = above.guest;
            below.size = above.size;
        }
        for machine in &mut self.machines {
            let kept = machine.checkpoints.iter_mut().map(|c| &mut *c.settings).flat_map(|m| &mut m.controllers);
            let media = kept.chain(&mut machine.controllers).flat_map(|c| &mut c.drives).filter_map(|d| d.medium.as_mut());
            media.filter(|medium| medium.eq_ignore_ascii_case(child)).for_each(|medium| medium.clone_from(&path));
        }
        for disk in self.files.values_mut().filter_map(|f| f.disk.as_mut()) {
            if let DiskKind::Differencing { parent, parent_id } = &mut disk.kind
                && parent.eq_ignore_ascii_case(child)
            {
                parent.clone_from(&path);
                parent_id.clone_from(&id);
            }
        }
    }
}
