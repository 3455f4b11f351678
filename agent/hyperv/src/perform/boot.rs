//! The boot order of a VM that is off.
//!
//! Guarantees: sources of one kind keep their order among themselves, and none is lost; what the wish does not name comes later.

use model::desired::BootDevice;

use crate::classes;
use crate::failure::Failure;
use crate::observe::boot::{self, Source};
use crate::observe::roster::OurVm;
use crate::perform::Check;
use crate::perform::cx::Cx;
use crate::perform::vm::modify;
use crate::wql::Query;

/// Whether the VM boots in this order.
pub(crate) async fn is_ordered(cx: &Cx<'_>, to: &[BootDevice]) -> Result<Check, Failure> {
    let vm = cx.vm().await?;
    if sources(cx, &vm).await?.is_sorted_by_key(|source| source.device.place_in(to)) {
        return Ok(Check::Done);
    }
    cx.open_when_off(&vm).await
}

/// Sets that.
pub(crate) async fn set_order(cx: &Cx<'_>, to: &[BootDevice]) -> Result<(), Failure> {
    let vm = cx.vm().await?;
    let mut sources = sources(cx, &vm).await?;
    sources.sort_by_key(|source| source.device.place_in(to));
    let order: Vec<String> = sources.into_iter().map(|source| source.path).collect();
    modify(cx, "BootSourceOrder", order.into()).await
}

async fn sources(cx: &Cx<'_>, vm: &OurVm) -> Result<Vec<Source>, Failure> {
    let settings = Query::hyperv(classes::SYSTEM_SETTINGS).equal("InstanceID", &vm.settings.id);
    let storage = Query::hyperv(classes::STORAGE).of(&vm.guid);
    let (settings, storage) = tokio::join!(cx.select(&settings), cx.select(&storage));
    let mut all = cx.read(classes::SYSTEM_SETTINGS, boot::sources(&settings?, &storage?))?;
    all.remove(&vm.guid).ok_or_else(|| Failure::Missing(format!("the boot order of `{}`", vm.settings.name)))
}
