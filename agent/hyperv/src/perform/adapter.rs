//! Adapters of a VM: adding, plugging in, unplugging, removing; each told by its hardware address.

use model::names::{AdapterName, SwitchName};
use model::units::MacAddress;
use plan::step::StepId;
use uuid::Uuid;
use wsman::cim::CimInstance;

use crate::classes;
use crate::failure::Failure;
use crate::observe::adapter::{self, Adapter, Connection};
use crate::observe::roster::OurVm;
use crate::perform::call::Call;
use crate::perform::cx::Cx;
use crate::perform::{Check, drive, switch, target};
use crate::wql::Query;

/// The adapters of the VM that have this address; more than one only where a person made a second.
async fn find(cx: &Cx<'_>, vm: &OurVm, mac: MacAddress) -> Result<Option<Adapter>, Failure> {
    let rows = cx.select(&Query::hyperv(classes::ADAPTER).of(&vm.guid)).await?;
    let adapters = cx.read(classes::ADAPTER, adapter::adapters(&rows))?;
    Ok(adapters.into_iter().find(|adapter| adapter.vm == vm.guid && adapter.mac == Some(mac)))
}

async fn need(cx: &Cx<'_>, vm: &OurVm, mac: MacAddress) -> Result<Adapter, Failure> {
    find(cx, vm, mac).await?.ok_or_else(|| Failure::Missing(format!("adapter {mac} of `{}`", vm.settings.name)))
}

async fn connection(cx: &Cx<'_>, vm: &OurVm, adapter: &Adapter) -> Result<Option<Connection>, Failure> {
    let rows = cx.select(&Query::hyperv(classes::CONNECTION).of(&vm.guid)).await?;
    let connections = cx.read(classes::CONNECTION, adapter::connections(&rows))?;
    Ok(adapter::connection_of(adapter, &connections).cloned())
}

/// Whether our VM has the adapter; another VM with its address is in the way.
pub(crate) async fn is_added(cx: &Cx<'_>, mac: MacAddress) -> Result<Check, Failure> {
    let roster = cx.roster().await?;
    let vm = cx.vm_in(&roster)?;
    let rows = cx.select(&Query::hyperv(classes::ADAPTER)).await?;
    let adapters = cx.read(classes::ADAPTER, adapter::adapters(&rows))?;
    let mut holders = adapters.iter().filter(|adapter| adapter.mac == Some(mac)).map(|adapter| &adapter.vm);
    if holders.clone().any(|holder| *holder == vm.guid) {
        return Ok(Check::Done);
    }
    match holders.find_map(|holder| drive::name(&roster, holder)) {
        Some(other) => Err(Failure::InTheWay { object: format!("hardware address {mac}"), why: format!("`{other}` has it") }),
        None => Ok(Check::Open),
    }
}

/// Adds the adapter, unconnected.
pub(crate) async fn add(cx: &Cx<'_>, name: &AdapterName, mac: MacAddress) -> Result<(), Failure> {
    let vm = cx.vm().await?;
    let settings = target::new(classes::ADAPTER, classes::ETHERNET_PORT)
        .with("ElementName", name.as_str())
        .with("StaticMacAddress", true)
        .with("Address", mac.to_string())
        .with("VirtualSystemIdentifiers", vec![identifier(&cx.step.id)]);
    drive::add(cx, &vm, settings).await
}

/// The identifier of the adapter that the guest sees: the same each time that the same adapter is added.
fn identifier(step: &StepId) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, step.as_str().as_bytes()).braced().to_string().to_uppercase()
}

/// Whether the adapter is plugged into the switch.
pub(crate) async fn is_connected(cx: &Cx<'_>, mac: MacAddress, name: &SwitchName) -> Result<Check, Failure> {
    let vm = cx.vm().await?;
    let adapter = need(cx, &vm, mac).await?;
    let switch = switch::find(cx, name).await?.ok_or_else(|| Failure::NoSwitch(name.clone()))?;
    let connection = connection(cx, &vm, &adapter).await?;
    Ok(Check::done_if(connection.is_some_and(|connection| connection.switch() == Some(&switch))))
}

/// Plugs the adapter into the switch: through the connection that it has, else through a new one.
pub(crate) async fn connect(cx: &Cx<'_>, mac: MacAddress, name: &SwitchName) -> Result<(), Failure> {
    let vm = cx.vm().await?;
    let adapter = need(cx, &vm, mac).await?;
    let switch = switch::find(cx, name).await?.ok_or_else(|| Failure::NoSwitch(name.clone()))?;
    let host = cx.host.name().await?;
    let resource = vec![target::switch(&switch).on_host(host)];
    match connection(cx, &vm, &adapter).await? {
        Some(connection) => {
            let change = target::change(classes::CONNECTION, &connection.id);
            modify(cx, &vm, change.with("EnabledState", classes::PLUGGED).with("HostResource", resource)).await
        }
        None => {
            let settings = target::new(classes::CONNECTION, classes::ETHERNET_CONNECTION)
                .with("EnabledState", classes::PLUGGED)
                .with("HostResource", resource)
                .with("Parent", target::settings(classes::ADAPTER, &adapter.id).on_host(host));
            drive::add(cx, &vm, settings).await
        }
    }
}

/// Whether the adapter is unplugged.
pub(crate) async fn is_disconnected(cx: &Cx<'_>, mac: MacAddress) -> Result<Check, Failure> {
    let vm = cx.vm().await?;
    let Some(adapter) = find(cx, &vm, mac).await? else { return Ok(Check::Done) };
    let connection = connection(cx, &vm, &adapter).await?;
    Ok(Check::done_if(connection.is_none_or(|connection| connection.switch().is_none())))
}

/// Unplugs the adapter; its connection remembers the switch.
pub(crate) async fn disconnect(cx: &Cx<'_>, mac: MacAddress) -> Result<(), Failure> {
    let vm = cx.vm().await?;
    let Some(adapter) = find(cx, &vm, mac).await? else { return Ok(()) };
    let Some(connection) = connection(cx, &vm, &adapter).await? else { return Ok(()) };
    let change = target::change(classes::CONNECTION, &connection.id).with("EnabledState", classes::UNPLUGGED);
    modify(cx, &vm, change).await
}

/// Whether the adapter is gone.
pub(crate) async fn is_removed(cx: &Cx<'_>, mac: MacAddress) -> Result<Check, Failure> {
    let vm = cx.vm().await?;
    Ok(Check::done_if(find(cx, &vm, mac).await?.is_none()))
}

/// Removes the adapter; its connection goes with it.
pub(crate) async fn remove(cx: &Cx<'_>, mac: MacAddress) -> Result<(), Failure> {
    let vm = cx.vm().await?;
    let Some(adapter) = find(cx, &vm, mac).await? else { return Ok(()) };
    let call = Call::vms("RemoveResourceSettings", vm.settings.name.as_str())
        .with("ResourceSettings", vec![target::settings(classes::ADAPTER, &adapter.id)]);
    call.run(cx.host).await.map(drop)
}

async fn modify(cx: &Cx<'_>, vm: &OurVm, change: CimInstance) -> Result<(), Failure> {
    let call = Call::vms("ModifyResourceSettings", vm.settings.name.as_str()).with("ResourceSettings", vec![change]);
    call.run(cx.host).await.map(drop)
}
