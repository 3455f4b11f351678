//! Adapters: which a VM has, what they hang on, and their addresses inside the guest.
//!
//! Guarantees: an adapter whose hardware address is not in the wish is never touched; product networks are connected last.

use std::net::IpAddr;

use ipnet::IpNet;
use model::condition::Reason;
use model::desired::{Desired, DesiredAdapter, DesiredRole};
use model::names::SwitchName;
use model::observed::{AdapterConfig, ObservedAdapter, PowerState};
use model::seen::{Cause, Seen};

use super::{Round, power};
use crate::draft::Draft;
use crate::network;
use crate::step::{Act, Purpose};

/// Whether every role that is not set up hangs on every lasting network, so that guest set-up has come to its end. Not so
/// while something keeps us from building.
pub(crate) fn all_connected(draft: &Draft<'_>) -> bool {
    draft.roles().iter().filter(|role| !draft.is_set_up(role)).all(|role| {
        let mut lasting = role.adapters.iter().filter(|adapter| network::is_lasting(draft.desired, adapter));
        draft.is_building(role) && draft.vm(role).is_some() && lasting.all(|adapter| is_connected(draft, role, adapter))
    })
}

fn seen<'a>(draft: &'a Draft<'_>, role: &DesiredRole, adapter: &DesiredAdapter) -> Option<&'a ObservedAdapter> {
    draft.vm(role)?.adapters.known()?.get(&adapter.mac)
}

fn is_connected(draft: &Draft<'_>, role: &DesiredRole, adapter: &DesiredAdapter) -> bool {
    let switch = seen(draft, role, adapter).and_then(|seen| seen.switch.known());
    switch.is_some() && switch == network::switch_of(draft.desired, adapter)
}

/// What an adapter is to be inside the guest.
fn config(adapter: &DesiredAdapter) -> AdapterConfig {
    AdapterConfig {
        addresses: adapter.addresses.clone(),
        gateways: adapter.gateway.into_iter().collect(),
        dns: adapter.dns.clone(),
        dhcp: false,
    }
}

/// Whether the guest has the wished addresses, and no other of their family that anybody gave it. What a family is to be that
/// the wish does not speak of is the guest's own business (routers hand out IPv6 addresses unasked).
pub(crate) fn has_addresses(adapter: &DesiredAdapter, seen: &AdapterConfig) -> bool {
    // Windows adds link-local addresses by itself.
    let link_local = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    let wished = |address: IpAddr| adapter.addresses.iter().any(|one| one.addr().is_ipv4() == address.is_ipv4());
    let given = |address: &&IpNet| wished(address.addr()) && !link_local(address.addr());
    let has = |address: &IpNet| seen.addresses.contains(address);
    !seen.dhcp && adapter.addresses.iter().all(has) && seen.addresses.iter().filter(given).all(|one| adapter.addresses.contains(one))
}

/// Whether gateway and name servers are as wished, where anything is wished.
pub(crate) fn has_routes(adapter: &DesiredAdapter, seen: &AdapterConfig) -> bool {
    has_gateway(adapter, seen) && has_dns(adapter, seen)
}

/// Whether the guest has the wished gateway and no other of its family.
pub(crate) fn has_gateway(adapter: &DesiredAdapter, seen: &AdapterConfig) -> bool {
    adapter.gateway.is_none_or(|gateway| {
        let mut family = seen.gateways.iter().filter(|one| one.is_ipv4() == gateway.is_ipv4());
        family.next() == Some(&gateway) && family.next().is_none()
    })
}

/// Whether the guest asks the wished name servers, in order, and no other of their family.
pub(crate) fn has_dns(adapter: &DesiredAdapter, seen: &AdapterConfig) -> bool {
    let wished = |address: &&IpAddr| adapter.dns.iter().any(|one| one.is_ipv4() == address.is_ipv4());
    adapter.dns.is_empty() || seen.dns.iter().filter(wished).eq(&adapter.dns)
}

/// Addresses for people.
pub(crate) fn list(addresses: &[IpNet]) -> String {
    if addresses.is_empty() {
        return "none".to_owned();
    }
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn connection(desired: &Desired, adapter: &DesiredAdapter, switch: &SwitchName) -> Act {
    let vlan = network::vlan_of(desired, adapter);
    Act::ConnectAdapter { adapter: adapter.name.clone(), mac: adapter.mac, switch: switch.clone(), vlan }
}

fn add_one(draft: &mut Draft<'_>, role: &DesiredRole, adapter: &DesiredAdapter, purpose: Purpose) {
    if seen(draft, role, adapter).is_none() {
        draft.step(role, Act::AddAdapter { adapter: adapter.name.clone(), mac: adapter.mac }, purpose);
    }
}

fn connect_one(draft: &mut Draft<'_>, role: &DesiredRole, adapter: &DesiredAdapter, purpose: Purpose) {
    let desired: &Desired = draft.desired;
    let Some(switch) = network::switch_of(desired, adapter) else { return };
    if is_connected(draft, role, adapter) || draft.rival.is_some() {
        return;
    }
    let act = connection(desired, adapter, switch);
    // Networks are connected one role after the other, so that what others depend on is there first.
    draft.step_in_line(role, act, purpose);
}

/// Puts a connected adapter's port into its VLAN, where the wish names one and another is known.
fn tag_one(draft: &mut Draft<'_>, role: &DesiredRole, adapter: &DesiredAdapter, purpose: Purpose) {
    if let Some(to) = wanted_vlan(draft, role, adapter) {
        draft.step(role, Act::SetVlan { adapter: adapter.name.clone(), mac: adapter.mac, to }, purpose);
    }
}

/// The VLAN that the port of a connected adapter is to be put into.
fn wanted_vlan(draft: &Draft<'_>, role: &DesiredRole, adapter: &DesiredAdapter) -> Option<u16> {
    let wanted = network::vlan_of(draft.desired, adapter)?;
    let seen = seen(draft, role, adapter).filter(|seen| seen.switch.known().is_some())?;
    match seen.vlan {
        Seen::Known(is) if is == wanted => None,
        Seen::Known(_) | Seen::Absent => Some(wanted),
        Seen::Unknown(_) => None,
    }
}

/// Whether a port of a VM that is set up is to be in another VLAN.
pub(crate) fn is_to_be_tagged(draft: &Draft<'_>, role: &DesiredRole) -> bool {
    let mut lasting = role.adapters.iter().filter(|adapter| network::is_lasting(draft.desired, adapter));
    draft.is_set_up(role) && lasting.any(|adapter| wanted_vlan(draft, role, adapter).is_some())
}

/// Sets the addresses of an adapter inside the guest when they are known to differ, or cannot be told on a VM under set-up.
pub(crate) fn inject(draft: &mut Draft<'_>, role: &DesiredRole, adapter: &DesiredAdapter, purpose: Purpose) {
    let Some(seen) = seen(draft, role, adapter) else { return };
    let right = seen.config.known().is_some_and(|seen| has_addresses(adapter, seen) && has_routes(adapter, seen));
    if !right && !adapter.addresses.is_empty() {
        let act = Act::InjectAddress { adapter: adapter.name.clone(), mac: adapter.mac, config: config(adapter) };
        draft.step(role, act, purpose);
    }
}

/// The adapters of a role that is being built. Without a management network there is nothing to wait for with connecting.
pub(crate) fn add(draft: &mut Draft<'_>, role: &DesiredRole, connected: bool) {
    if !draft.is_building(role) {
        return;
    }
    let managed = network::management_adapter(draft.desired, role).is_some();
    for adapter in &role.adapters {
        if connected && !network::is_lasting(draft.desired, adapter) {
            continue;
        }
        add_one(draft, role, adapter, Purpose::SetUp);
        if !managed || network::management(draft.desired, adapter).is_some() {
            let Some(switch) = network::switch_of(draft.desired, adapter).filter(|_| !is_connected(draft, role, adapter)) else { continue };
            let act = connection(draft.desired, adapter, switch);
            draft.step(role, act, Purpose::SetUp);
        }
    }
}

/// Connects what is being built to the product networks.
pub(crate) fn connect(draft: &mut Draft<'_>) {
    for role in draft.roles() {
        if !draft.is_building(role) {
            continue;
        }
        for adapter in role.adapters.iter().filter(|adapter| network::is_lasting(draft.desired, adapter)) {
            connect_one(draft, role, adapter, Purpose::SetUp);
            // One that an older wish connected is in no VLAN, or in another.
            tag_one(draft, role, adapter, Purpose::SetUp);
        }
    }
}

/// Removes adapters on a temporary network once every VM is connected to the networks that last.
pub(crate) fn remove_management(draft: &mut Draft<'_>) {
    if !all_connected(draft) {
        return;
    }
    for role in draft.roles() {
        for adapter in role.adapters.iter().filter(|adapter| !network::is_lasting(draft.desired, adapter)) {
            if seen(draft, role, adapter).is_some() {
                draft.step(role, Act::RemoveAdapter { adapter: adapter.name.clone(), mac: adapter.mac }, Purpose::SetUp);
            }
        }
    }
}

/// Plugs in what is unplugged on VMs that are set up, and gives back what is gone.
pub(crate) fn repair(draft: &mut Draft<'_>, round: Round) {
    for role in draft.roles() {
        let Some(vm) = draft.vm(role).filter(|vm| vm.remarks.set_up && vm.adapters.known().is_some()) else { continue };
        let runs = vm.power == PowerState::Running;
        for adapter in role.adapters.iter().filter(|adapter| network::is_lasting(draft.desired, adapter)) {
            let name = format!("{}/{}", role.role, adapter.name);
            // Whoever moves what is plugged in takes calls away: that is no repair.
            let to_be_left = seen(draft, role, adapter).is_some_and(|seen| !seen.switch.is_absent());
            if to_be_left || !round.takes(draft, &name) || lacks_switch(draft, role, adapter) {
                continue;
            }
            add_one(draft, role, adapter, Purpose::Repair);
            // Where nothing is plugged in, nobody notices; an adapter that came anew has no address yet.
            let told = |seen: &ObservedAdapter| !matches!(&seen.config, Seen::Unknown(cause) if *cause != Cause::NotObserved);
            if runs && seen(draft, role, adapter).is_some_and(told) {
                inject(draft, role, adapter, Purpose::Repair);
            }
            connect_one(draft, role, adapter, Purpose::Repair);
        }
    }
}

/// Whether the switch that an adapter is to hang on is missing; says so.
fn lacks_switch(draft: &mut Draft<'_>, role: &DesiredRole, adapter: &DesiredAdapter) -> bool {
    let desired: &Desired = draft.desired;
    let Some(switch) = network::switch_of(desired, adapter) else { return true };
    match draft.world.host.switches.as_ref().map(|switches| switches.contains_key(switch)) {
        Seen::Known(true) => false,
        Seen::Known(false) | Seen::Absent => {
            let message = format!("the host has no switch `{switch}`, which {}/{} hangs on", role.role, adapter.name);
            draft.stall(Reason::SwitchMissing, message, "make it in Hyper-V (it is bound to a physical adapter), or name another one");
            true
        }
        Seen::Unknown(cause) => {
            draft.unknown("the host's switches", cause);
            true
        }
    }
}

/// Adapters of a VM that is set up which are plugged in, but not where they are to be.
fn misplaced<'r>(draft: &Draft<'_>, role: &'r DesiredRole) -> Vec<&'r DesiredAdapter> {
    if !draft.is_set_up(role) {
        return Vec::new();
    }
    let lasting = role.adapters.iter().filter(|adapter| network::is_lasting(draft.desired, adapter));
    let elsewhere = |adapter: &&DesiredAdapter| {
        let is = seen(draft, role, adapter).and_then(|seen| seen.switch.known());
        is.zip(network::switch_of(draft.desired, adapter)).is_some_and(|(is, wanted)| is != wanted)
    };
    lasting.filter(elsewhere).collect()
}

/// Whether an adapter of a VM that is set up is to hang on another switch, which is there.
pub(crate) fn is_to_be_moved(draft: &Draft<'_>, role: &DesiredRole) -> bool {
    let switches = draft.world.host.switches.known();
    let exists = |adapter: &&DesiredAdapter| {
        switches.zip(network::switch_of(draft.desired, adapter)).is_some_and(|(all, wanted)| all.contains_key(wanted))
    };
    misplaced(draft, role).iter().any(exists)
}

/// Says which switches are missing that adapters are to be moved to.
pub(crate) fn stall_missing_switches(draft: &mut Draft<'_>, role: &DesiredRole) {
    for adapter in misplaced(draft, role) {
        lacks_switch(draft, role, adapter);
    }
}

/// Moves adapters of VMs that are set up to their other switches.
pub(crate) fn reconnect(draft: &mut Draft<'_>) {
    if !power::may_disrupt(draft) {
        return;
    }
    for role in draft.roles().iter().filter(|role| is_to_be_moved(draft, role) || is_to_be_tagged(draft, role)).collect::<Vec<_>>() {
        for adapter in misplaced(draft, role) {
            let there = draft.world.host.switches.known().zip(network::switch_of(draft.desired, adapter));
            if there.is_some_and(|(all, wanted)| all.contains_key(wanted)) {
                connect_one(draft, role, adapter, Purpose::Change);
            }
        }
        for adapter in role.adapters.iter().filter(|adapter| network::is_lasting(draft.desired, adapter)) {
            tag_one(draft, role, adapter, Purpose::Change);
        }
    }
}

/// Whether a guest that is set up is to get another gateway or other name servers. Other addresses need a rebuild.
pub(crate) fn is_to_be_readdressed(draft: &Draft<'_>, role: &DesiredRole) -> bool {
    wrong_routes(draft, role).next().is_some()
}

fn wrong_routes<'r>(draft: &Draft<'_>, role: &'r DesiredRole) -> impl Iterator<Item = &'r DesiredAdapter> {
    let runs = draft.vm(role).is_some_and(|vm| vm.remarks.set_up && vm.power == PowerState::Running);
    let lasting = role.adapters.iter().filter(|adapter| network::is_lasting(draft.desired, adapter));
    lasting.filter(move |adapter| {
        let seen = seen(draft, role, adapter).and_then(|seen| seen.config.known());
        runs && seen.is_some_and(|seen| has_addresses(adapter, seen) && !has_routes(adapter, seen))
    })
}

/// Gives guests that are set up their other gateways and name servers.
pub(crate) fn readdress(draft: &mut Draft<'_>) {
    if !power::may_disrupt(draft) {
        return;
    }
    for role in draft.roles() {
        let wrong: Vec<&DesiredAdapter> = wrong_routes(draft, role).collect();
        for adapter in wrong {
            inject(draft, role, adapter, Purpose::Change);
        }
    }
}
