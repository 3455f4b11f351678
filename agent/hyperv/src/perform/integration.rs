//! Offering an integration service to a guest, or not. It needs nobody off, and no caller notices.

use model::desired::{IntegrationService, Offer};

use crate::classes;
use crate::failure::Failure;
use crate::guid::Guid;
use crate::host::Host;
use crate::observe::integration;
use crate::perform::Check;
use crate::perform::call::Call;
use crate::perform::cx::Cx;
use crate::perform::target;
use crate::row::Row;
use crate::wql::Query;

/// Whether the host offers the service, or not.
pub(crate) async fn is_offered(cx: &Cx<'_>, service: IntegrationService, to: Offer) -> Result<Check, Failure> {
    let vm = cx.vm().await?;
    let (_, offer) = setting(cx.host, (&vm.guid, vm.settings.name.as_str()), service).await?;
    Ok(Check::done_if(offer == Some(to)))
}

/// Offers it, or no longer.
pub(crate) async fn set(cx: &Cx<'_>, service: IntegrationService, to: Offer) -> Result<(), Failure> {
    let vm = cx.vm().await?;
    offer(cx.host, (&vm.guid, vm.settings.name.as_str()), (service, to)).await
}

/// What the settings of a service are called, and whether the host offers it; `None` when they say neither.
pub(crate) async fn setting(
    host: &Host,
    (vm, name): (&Guid, &str),
    service: IntegrationService,
) -> Result<(String, Option<Offer>), Failure> {
    let (peer, class) = (host.peer(), classes::integration(service));
    let rows = peer.select(&Query::hyperv(class).of(vm)).await?;
    let row = rows.first().ok_or_else(|| Failure::Missing(format!("the {class} of `{name}`")))?;
    let offer = peer.read(class, integration::offer(row))?;
    Ok((peer.read(class, row.need("InstanceID"))?.to_owned(), offer.ok()))
}

/// Offers a service, or no longer.
pub(crate) async fn offer(host: &Host, (vm, name): (&Guid, &str), (service, to): (IntegrationService, Offer)) -> Result<(), Failure> {
    let (id, _) = setting(host, (vm, name), service).await?;
    // What was told before does not stand any more, whatever becomes of this.
    host.memory().offers.remove(&(vm.clone(), service));
    let change = target::change(classes::integration(service), &id).with("EnabledState", integration::state(to));
    Call::vms("ModifyGuestServiceSettings", name).with("GuestServiceSettings", vec![change]).run(host).await.map(drop)
}
