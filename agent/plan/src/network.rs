//! How the adapters of an appliance hang on its networks: which are ours, which last, over which one guests are reached.
//!
//! Guarantees: answers come from the wish alone. Deliberately absent: addresses.

use ipnet::IpNet;
use model::desired::{Desired, DesiredAdapter, DesiredNetwork, DesiredRole, ManagementLifetime, NetworkKind};
use model::names::SwitchName;
use model::observed::Reach;

/// A management network: our own internal switch.
#[derive(Debug, Clone, Copy)]
pub struct Management<'a> {
    /// Its switch.
    pub switch: &'a SwitchName,
    /// How long it lives.
    pub lifetime: ManagementLifetime,
    /// The host's address on it.
    pub host: IpNet,
}

fn management_of(network: &DesiredNetwork) -> Option<Management<'_>> {
    match &network.kind {
        NetworkKind::Existing => None,
        NetworkKind::Management { lifetime, host } => Some(Management { switch: &network.switch, lifetime: *lifetime, host: *host }),
    }
}

/// Every management network of the appliance.
pub fn managements(desired: &Desired) -> impl Iterator<Item = Management<'_>> {
    desired.networks.values().filter_map(management_of)
}

/// The management network that an adapter hangs on.
#[must_use]
pub fn management<'a>(desired: &'a Desired, adapter: &DesiredAdapter) -> Option<Management<'a>> {
    management_of(desired.networks.get(&adapter.network)?)
}

/// Whether an adapter stays once its VM is set up.
#[must_use]
pub fn is_lasting(desired: &Desired, adapter: &DesiredAdapter) -> bool {
    management(desired, adapter).is_none_or(|management| management.lifetime == ManagementLifetime::Permanent)
}

/// The adapter over which a guest is reached while it is set up.
#[must_use]
pub fn management_adapter<'a>(desired: &Desired, role: &'a DesiredRole) -> Option<&'a DesiredAdapter> {
    role.adapters.iter().find(|adapter| management(desired, adapter).is_some())
}

/// The switch that an adapter is to be connected to.
#[must_use]
pub fn switch_of<'a>(desired: &'a Desired, adapter: &DesiredAdapter) -> Option<&'a SwitchName> {
    desired.networks.get(&adapter.network).map(|network| &network.switch)
}

/// The VLAN that an adapter's port is to be in; `None` when the wish does not say.
#[must_use]
pub fn vlan_of(desired: &Desired, adapter: &DesiredAdapter) -> Option<u16> {
    desired.networks.get(&adapter.network)?.vlan
}

/// How a guest is reached once it is set up: over the network that the profile watches.
#[must_use]
pub fn watch_reach(desired: &Desired) -> Reach {
    match desired.networks.get(&desired.watch.network).and_then(management_of) {
        Some(_) => Reach::Management,
        None => Reach::Serving,
    }
}
