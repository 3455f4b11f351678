//! Doors into a guest: addresses at which it may answer us, and the certificate that proves it is the one.
//!
//! Guarantees: no door without the thumbprint that the guest itself published through the authenticated host; another machine with
//! the same address is refused by TLS. Pure: opening a door is `guest`'s.

use std::net::IpAddr;

use model::desired::{Desired, DesiredNetwork, DesiredRole, NetworkKind, Place};
use model::names::{InstanceId, NetworkName};
use model::observed::{ObservedAdapter, Reach};
use model::seen::{Cause, Seen};

use crate::guid::Guid;
use crate::observe::vitals::Vitals;

/// One way in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Door {
    pub(crate) address: IpAddr,
    /// SHA-1 of the certificate, upper-case hexadecimal digits.
    pub(crate) thumbprint: String,
    pub(crate) reach: Reach,
}

/// The doors of the VM `vm` of `role` in `instance`, best first: the watched network, whose word counts, then the
/// management networks, over which a guest is set up.
pub(crate) fn doors(desired: &Desired, instance: &InstanceId, role: &DesiredRole, seen: (&Guid, &Vitals)) -> Result<Vec<Door>, Cause> {
    let (vm, vitals) = seen;
    if let Some(cause) = vitals.silence(vm) {
        return Err(cause);
    }
    let thumbprint = match vitals.listener(vm) {
        Seen::Known(thumbprint) => thumbprint,
        Seen::Absent => return Err(Cause::Booting),
        Seen::Unknown(cause) => return Err(cause),
    };
    let adapters = match vitals.adapters(vm) {
        Seen::Known(adapters) => adapters,
        Seen::Absent => return Err(Cause::NotObserved),
        Seen::Unknown(cause) => return Err(cause),
    };
    let mut doors = Vec::new();
    for (network, reach) in networks(desired) {
        let addresses = adapters.values().filter_map(|adapter| address(desired, network, adapter));
        let wished = (*instance == desired.instance).then(|| wished(role, network, &adapters)).flatten();
        for address in addresses.chain(wished) {
            let door = Door { address, thumbprint: thumbprint.clone(), reach };
            if !doors.contains(&door) {
                doors.push(door);
            }
        }
    }
    if doors.is_empty() {
        return Err(Cause::Unreachable(format!("`{}`: no adapter of it is plugged into a network that we reach", role.vm)));
    }
    Ok(doors)
}

/// The networks that may lead from us to guests, and how far: nobody but the host itself stands on its internal switch. Only the
/// watched network may be one of the product's; what else the product has is none of our ways.
fn networks(desired: &Desired) -> impl Iterator<Item = (&NetworkName, Reach)> {
    let reach = |network: &DesiredNetwork| match (&network.kind, desired.host.place) {
        (NetworkKind::Existing, _) => Some(Reach::Serving),
        (NetworkKind::Management { .. }, Place::OnHost) => Some(Reach::Management),
        (NetworkKind::Management { .. }, Place::Remote) => None,
    };
    let watched = desired.networks.get_key_value(&desired.watch.network);
    let others = desired.networks.iter().filter(|(name, _)| **name != desired.watch.network);
    let management = others.filter(|(_, network)| matches!(network.kind, NetworkKind::Management { .. }));
    watched.into_iter().chain(management).filter_map(move |(name, network)| Some((name, reach(network)?)))
}

/// The address that `adapter` has in `network`, when it is plugged in there.
fn address(desired: &Desired, network: &NetworkName, adapter: &ObservedAdapter) -> Option<IpAddr> {
    let network = desired.networks.get(network)?;
    adapter.switch.known().filter(|switch| **switch == network.switch)?;
    let config = adapter.config.known()?;
    config.addresses.iter().map(ipnet::IpNet::addr).find(|address| network.subnet.contains(address))
}

/// The address that the wish gives it there, when the adapter is plugged in but reports none.
fn wished(
    role: &DesiredRole,
    network: &NetworkName,
    adapters: &std::collections::BTreeMap<model::units::MacAddress, ObservedAdapter>,
) -> Option<IpAddr> {
    let adapter = role.adapters.iter().find(|adapter| adapter.network == *network)?;
    let plugged = adapters.get(&adapter.mac).is_some_and(|seen| seen.switch.known().is_some());
    plugged.then(|| adapter.addresses.first().map(ipnet::IpNet::addr)).flatten()
}
