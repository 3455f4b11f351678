//! Checkpoints: made, gone back to, deleted; each told by its name.

use model::names::VmName;
use wsman::cim::CimPath;

use super::Operations;
use crate::classes;
use crate::failure::Failure;
use crate::guid::Guid;
use crate::perform::call::Call;
use crate::perform::target;
use crate::row::Row;
use crate::wql::Query;

/// `SnapshotType`: the whole VM.
const FULL: u16 = 2;

impl Operations<'_> {
    /// Makes a checkpoint; Hyper-V chooses its name.
    ///
    /// # Errors
    /// `Failure::Refused` with 32775 while the VM is between two states.
    pub async fn checkpoint(&self, vm: &VmName) -> Result<(), Failure> {
        let (guid, _) = self.vm(vm).await?;
        let call = snapshots("CreateSnapshot", vm).with("AffectedSystem", target::vm(&guid)).with("SnapshotType", FULL);
        call.run(self.host).await.map(drop)
    }

    /// Goes back to a checkpoint; what came after it is lost, and the VM is off afterwards.
    ///
    /// # Errors
    /// `Failure::Refused` with 32775 unless the VM is off or saved.
    pub async fn apply_checkpoint(&self, vm: &VmName, name: &str) -> Result<(), Failure> {
        let path = self.snapshot(vm, name).await?;
        snapshots("ApplySnapshot", vm).with("Snapshot", path).run(self.host).await.map(drop)
    }

    /// Deletes a checkpoint; its disks are merged.
    ///
    /// # Errors
    /// `Failure::Missing` when the VM has none of that name.
    pub async fn delete_checkpoint(&self, vm: &VmName, name: &str) -> Result<(), Failure> {
        let path = self.snapshot(vm, name).await?;
        snapshots("DestroySnapshot", vm).with("AffectedSnapshot", path).run(self.host).await.map(drop)
    }

    async fn snapshot(&self, vm: &VmName, name: &str) -> Result<CimPath, Failure> {
        let (guid, _) = self.vm(vm).await?;
        let peer = self.host.peer();
        for row in peer.select(&Query::hyperv(classes::SYSTEM_SETTINGS)).await? {
            let of = peer.read(classes::SYSTEM_SETTINGS, row.text("VirtualSystemIdentifier").map_err(Into::into))?.and_then(Guid::read);
            let id = peer.read(classes::SYSTEM_SETTINGS, row.need("InstanceID"))?;
            let called = peer.read(classes::SYSTEM_SETTINGS, row.text("ElementName").map_err(Into::into))?;
            if of.as_ref() == Some(&guid) && Guid::owner(id).as_ref() != Some(&guid) && called == Some(name) {
                return Ok(target::settings(classes::SYSTEM_SETTINGS, id));
            }
        }
        Err(Failure::Missing(format!("checkpoint `{name}` of `{vm}`")))
    }
}

fn snapshots<'v>(method: &'static str, vm: &'v VmName) -> Call<'v> {
    Call::service(classes::SNAPSHOT_SERVICE, method, vm.as_str())
}
