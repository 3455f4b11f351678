//! What a generation 2 VM boots from, and in which order.

use model::names::VmName;

use super::Operations;
use crate::classes;
use crate::failure::Failure;
use crate::perform::call::Call;
use crate::perform::target;
use crate::row::Row;
use crate::wql::Query;

/// Something that a VM can boot from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootSource {
    /// `InstanceID`: that of the drive or adapter, with `\B` behind it.
    pub id: String,
    /// What it is.
    pub kind: BootSourceKind,
}

/// What a VM boots from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootSourceKind {
    /// A drive, of whatever kind.
    Drive,
    /// An adapter.
    Network,
    /// A file, or what no page lists.
    Other,
}

impl Operations<'_> {
    /// The VM's boot sources, what is tried first in front.
    ///
    /// # Errors
    /// `Failure::Missing` when there is no such VM.
    pub async fn boot_order(&self, vm: &VmName) -> Result<Vec<BootSource>, Failure> {
        let (guid, settings) = self.vm(vm).await?;
        let peer = self.host.peer();
        let own = peer.select(&Query::hyperv(classes::SYSTEM_SETTINGS).equal("InstanceID", &settings.id)).await?;
        let order = own.first().map(|row| row.texts("BootSourceOrder").map_err(Into::into)).transpose();
        let order: Vec<String> = peer.read(classes::SYSTEM_SETTINGS, order)?.unwrap_or_default().into_iter().map(str::to_owned).collect();
        let mut sources = Vec::new();
        for row in peer.select(&Query::hyperv(classes::BOOT_SOURCE).of(&guid)).await? {
            let kind = match peer.read(classes::BOOT_SOURCE, row.number("BootSourceType"))? {
                1 => BootSourceKind::Drive,
                2 => BootSourceKind::Network,
                _ => BootSourceKind::Other,
            };
            sources.push(BootSource { id: peer.read(classes::BOOT_SOURCE, row.need("InstanceID"))?.to_owned(), kind });
        }
        // Paths escape their backslashes, so an id is looked for in the same form.
        let place = |source: &BootSource| {
            let escaped = source.id.replace('\\', "\\\\").to_lowercase();
            order.iter().position(|path| path.to_lowercase().contains(&escaped)).unwrap_or(order.len())
        };
        sources.sort_by_key(place);
        Ok(sources)
    }

    /// Lets the VM, which is off, try these sources in this order; what is not named comes later.
    ///
    /// # Errors
    /// `Failure::Refused` with 32775 unless the VM is off, 32773 for a source that is not the VM's.
    pub async fn set_boot_order(&self, vm: &VmName, ids: &[&str]) -> Result<(), Failure> {
        let (_, settings) = self.vm(vm).await?;
        let host = self.host.name().await?;
        let order: Vec<String> = ids.iter().map(|id| target::settings(classes::BOOT_SOURCE, id).on_host(host)).collect();
        let change = target::change(classes::SYSTEM_SETTINGS, &settings.id).with("BootSourceOrder", order);
        Call::vms("ModifySystemSettings", vm.as_str()).with("SystemSettings", change).run(self.host).await.map(drop)
    }
}
