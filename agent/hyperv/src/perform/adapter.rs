//! Adapters of a VM: adding, plugging in, unplugging, removing; each told by its hardware address.

use model::names::{AdapterName, SwitchName};
use model::seen::Seen;
use model::units::MacAddress;
use plan::step::StepId;
use uuid::Uuid;
use wsman::cim::CimInstance;

use crate::classes;
use crate::failure::Failure;
use crate::observe::adapter::{self, Adapter, Connection};
use crate::observe::roster::OurVm;
use crate::observe::vlan::{self, Vlan};
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

/// Whether the adapter is plugged into the switch, and in the VLAN where one is named.
pub(crate) async fn is_connected(cx: &Cx<'_>, mac: MacAddress, name: &SwitchName, wanted: Option<u16>) -> Result<Check, Failure> {
    let vm = cx.vm().await?;
    let adapter = need(cx, &vm, mac).await?;
    let switch = switch::find(cx, name).await?.ok_or_else(|| Failure::NoSwitch(name.clone()))?;
    let connection = connection(cx, &vm, &adapter).await?;
    if connection.is_none_or(|connection| connection.switch() != Some(&switch)) {
        return Ok(Check::Open);
    }
    match wanted {
        None => Ok(Check::Done),
        Some(wanted) => Ok(Check::done_if(vlan(cx, &vm, &adapter).await?.is_some_and(|vlan| vlan.access() == Seen::Known(wanted)))),
    }
}

/// Plugs the adapter into the switch: through the connection that it has, else through a new one. With a VLAN the cable goes in last,
/// so that the guest is never anywhere else.
pub(crate) async fn connect(cx: &Cx<'_>, mac: MacAddress, name: &SwitchName, wanted: Option<u16>) -> Result<(), Failure> {
    let vm = cx.vm().await?;
    let adapter = need(cx, &vm, mac).await?;
    let switch = switch::find(cx, name).await?.ok_or_else(|| Failure::NoSwitch(name.clone()))?;
    let host = cx.host.name().await?;
    let resource = vec![target::switch(&switch).on_host(host)];
    let mut found = connection(cx, &vm, &adapter).await?;
    if found.is_none() {
        let settings = target::new(classes::CONNECTION, classes::ETHERNET_CONNECTION)
            .with("EnabledState", if wanted.is_some() { classes::UNPLUGGED } else { classes::PLUGGED })
            .with("HostResource", resource.clone())
            .with("Parent", target::settings(classes::ADAPTER, &adapter.id).on_host(host));
        drive::add(cx, &vm, settings).await?;
        let Some(wanted) = wanted else { return Ok(()) };
        set_vlan(cx, mac, wanted).await?;
        found = connection(cx, &vm, &adapter).await?;
    } else if let Some(wanted) = wanted {
        set_vlan(cx, mac, wanted).await?;
    }
    let missing = || Failure::Missing(format!("the connection of adapter {mac} of `{}`", vm.settings.name));
    let change = target::change(classes::CONNECTION, &found.ok_or_else(missing)?.id);
    modify(cx, &vm, change.with("EnabledState", classes::PLUGGED).with("HostResource", resource)).await
}

async fn vlan(cx: &Cx<'_>, vm: &OurVm, adapter: &Adapter) -> Result<Option<Vlan>, Failure> {
    let rows = cx.select(&Query::hyperv(classes::VLAN).of(&vm.guid)).await?;
    let mut vlans = cx.read(classes::VLAN, vlan::vlans(&rows))?;
    Ok(adapter.device.as_ref().and_then(|device| vlans.remove(&(vm.guid.clone(), device.clone()))))
}

/// Whether the adapter's port is in the VLAN.
pub(crate) async fn is_in_vlan(cx: &Cx<'_>, mac: MacAddress, to: u16) -> Result<Check, Failure> {
    let vm = cx.vm().await?;
    let adapter = need(cx, &vm, mac).await?;
    Ok(Check::done_if(vlan(cx, &vm, &adapter).await?.is_some_and(|vlan| vlan.access() == Seen::Known(to))))
}

/// Puts the adapter's port into the VLAN: through the settings that it has, else through new ones.
pub(crate) async fn set_vlan(cx: &Cx<'_>, mac: MacAddress, to: u16) -> Result<(), Failure> {
    let vm = cx.vm().await?;
    let adapter = need(cx, &vm, mac).await?;
    let name = vm.settings.name.as_str();
    let call = match vlan(cx, &vm, &adapter).await? {
        Some(vlan) => {
            let change = vlan::in_vlan(target::change(classes::VLAN, &vlan.id), to);
            Call::vms("ModifyFeatureSettings", name).with("FeatureSettings", vec![change])
        }
        None => {
            let missing = || Failure::Missing(format!("the connection of adapter {mac} of `{name}`"));
            let connection = connection(cx, &vm, &adapter).await?.ok_or_else(missing)?;
            Call::vms("AddFeatureSettings", name)
                .with("AffectedConfiguration", target::settings(classes::CONNECTION, &connection.id))
                .with("FeatureSettings", vec![vlan::in_vlan(CimInstance::new(classes::VLAN), to)])
        }
    };
    call.run(cx.host).await.map(drop)
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
