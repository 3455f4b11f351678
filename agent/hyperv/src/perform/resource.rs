//! Processors and memory of a VM that is off.

use model::units::MemorySize;
use wsman::cim::CimInstance;

use crate::classes;
use crate::failure::Failure;
use crate::guid::Guid;
use crate::observe::roster::OurVm;
use crate::perform::Check;
use crate::perform::call::Call;
use crate::perform::cx::Cx;
use crate::perform::target;
use crate::row::Row;
use crate::wql::Query;

/// Whether the VM has so many processors.
pub(crate) async fn has_processors(cx: &Cx<'_>, to: u32) -> Result<Check, Failure> {
    let vm = cx.vm().await?;
    let row = settings(cx, &vm, classes::PROCESSOR).await?;
    if cx.read(classes::PROCESSOR, row.number("VirtualQuantity"))? == u64::from(to) {
        return Ok(Check::Done);
    }
    cx.open_when_off(&vm).await
}

/// Sets the number of processors.
pub(crate) async fn set_processors(cx: &Cx<'_>, to: u32) -> Result<(), Failure> {
    modify(cx, classes::PROCESSOR, |change| change.with("VirtualQuantity", u64::from(to))).await
}

/// Whether the VM has so much memory, and has it always.
pub(crate) async fn has_memory(cx: &Cx<'_>, to: MemorySize) -> Result<Check, Failure> {
    let vm = cx.vm().await?;
    let row = settings(cx, &vm, classes::MEMORY).await?;
    let size = cx.read(classes::MEMORY, row.number("VirtualQuantity"))?;
    let dynamic = cx.read(classes::MEMORY, row.boolean("DynamicMemoryEnabled").map_err(Into::into))?.unwrap_or(false);
    if size == to.mib() && !dynamic {
        return Ok(Check::Done);
    }
    cx.open_when_off(&vm).await
}

/// Sets the memory. Least and most follow, since Hyper-V refuses a size outside of them even where nothing is dynamic.
pub(crate) async fn set_memory(cx: &Cx<'_>, to: MemorySize) -> Result<(), Failure> {
    let set = |change: CimInstance| {
        let change = change.with("DynamicMemoryEnabled", false).with("VirtualQuantity", to.mib());
        change.with("Reservation", to.mib()).with("Limit", to.mib())
    };
    modify(cx, classes::MEMORY, set).await
}

async fn settings(cx: &Cx<'_>, vm: &OurVm, class: &'static str) -> Result<CimInstance, Failure> {
    let rows = cx.select(&Query::hyperv(class).of(&vm.guid)).await?;
    let is_mine = |row: &CimInstance| row.need("InstanceID").ok().and_then(Guid::owner).as_ref() == Some(&vm.guid);
    rows.into_iter().find(is_mine).ok_or_else(|| Failure::Missing(format!("the {class} of `{}`", vm.settings.name)))
}

async fn modify(cx: &Cx<'_>, class: &'static str, set: impl FnOnce(CimInstance) -> CimInstance) -> Result<(), Failure> {
    let vm = cx.vm().await?;
    let row = settings(cx, &vm, class).await?;
    let change = set(target::change(class, cx.read(class, row.need("InstanceID"))?));
    let call = Call::vms("ModifyResourceSettings", vm.settings.name.as_str()).with("ResourceSettings", vec![change]);
    call.run(cx.host).await.map(drop)
}
