//! The networks of an appliance: what the profile says there is, with the switches and subnets of this place.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::address::{Fact, FactKey, Numbers, Owner, check_address, check_gateway, overlap};
use super::closure::Resolver;
use super::derive::{self, ManagementBlock};
use crate::desired::{DesiredNetwork, ManagementLifetime, NetworkKind};
use crate::diagnostic::Code;
use crate::manifest::{Fault, Layer, NetworkSpec, ProfileNetwork, Spanned, Subnet, SwitchOwner, one_of, suggest};
use crate::names::NetworkName;

/// A network and what is needed to check addresses on it.
pub(super) struct Resolved<'a> {
    pub(super) desired: DesiredNetwork,
    pub(super) subnet: &'a Spanned<Subnet>,
    pub(super) nat: Option<&'a Spanned<bool>>,
    /// The addresses of this instance, where the network is for management.
    pub(super) block: Option<ManagementBlock>,
}

/// The networks of an appliance, by name. A handful, so looking through them is all it takes to find one.
pub(super) struct Networks<'a>(Vec<(&'a NetworkName, Resolved<'a>)>);

impl<'a> Networks<'a> {
    pub(super) fn get(&self, name: &NetworkName) -> Option<&Resolved<'a>> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, network)| network)
    }

    /// As the wish has them; a neighbour's where those are the same.
    pub(super) fn into_desired(
        self,
        neighbours: &[Arc<BTreeMap<NetworkName, DesiredNetwork>>],
    ) -> Arc<BTreeMap<NetworkName, DesiredNetwork>> {
        let own = || self.0.iter().map(|(name, network)| (*name, &network.desired));
        match neighbours.iter().find(|known| known.iter().eq(own())) {
            Some(known) => known.clone(),
            None => Arc::new(self.0.into_iter().map(|(name, network)| (name.clone(), network.desired)).collect()),
        }
    }
}

impl<'a> Resolver<'a> {
    pub(super) fn networks(&mut self) -> Networks<'a> {
        let profile = self.cx.profile;
        self.unknown_networks();
        let known = profile.spec().networks.iter();
        let networks = Networks(known.filter_map(|(name, network)| Some((name, self.network(name, &network.value)?))).collect());
        self.overlaps(&networks);
        self.host_addresses(&networks);
        networks
    }

    fn network_value<T>(
        &self,
        name: &'a NetworkName,
        key: &str,
        get: impl Fn(&'a NetworkSpec) -> Option<&'a Spanned<T>>,
        profile: Option<&'a Spanned<T>>,
    ) -> Option<&'a Spanned<T>> {
        let get = |layer: &'a Layer| layer.networks.get(name).and_then(|network| get(&network.value));
        self.stack.pick(|| format!("spec.networks.{name}.{key}"), get, profile)
    }

    fn network(&mut self, name: &'a NetworkName, profile: &'a ProfileNetwork) -> Option<Resolved<'a>> {
        let switch = self.network_value(name, "switch", |network| network.switch.as_ref(), profile.switch.as_ref());
        let subnet = self.network_value(name, "subnet", |network| network.subnet.as_ref(), profile.subnet.as_ref());
        let origin = self.network_origin(name);
        for (key, there) in [("switch", switch.is_some()), ("subnet", subnet.is_some())] {
            if !there {
                self.missing(Code::NetworkIncomplete, &format!("spec.networks.{name}.{key}"), origin);
            }
        }
        let gateway = self.network_value(name, "gateway", |network| network.gateway.as_ref(), None);
        let dns = self.network_value(name, "dns", |network| network.dns.as_ref(), None);
        let nat = self.network_value(name, "nat", |network| network.nat.as_ref(), None);
        let vlan = self.network_value(name, "vlan", |network| network.vlan.as_ref(), None);
        let (switch, subnet) = (switch?, subnet?);
        if let Some(fault) = gateway.and_then(|gateway| check_gateway(gateway, subnet)) {
            self.faults.push(fault);
        }
        let kind = self.network_kind(profile, subnet)?;
        if let Some(vlan) = vlan.filter(|_| matches!(kind, NetworkKind::Management { .. })) {
            // The host's own port on our switch is in none, so it would lose its guests.
            let message = format!("`{name}` is our own internal switch, which has no VLANs");
            self.faults.push(Fault::new(Code::NetworkIncomplete, vlan.origin, message).hint("leave `vlan` out"));
        }
        let block = matches!(kind, NetworkKind::Management { .. })
            .then(|| ManagementBlock::new(subnet.value.0, &self.instance, self.cx.profile.spec().roles.len()));
        let desired = DesiredNetwork {
            kind,
            switch: switch.value.clone(),
            subnet: subnet.value.0,
            gateway: gateway.map(|gateway| gateway.value),
            dns: dns.iter().flat_map(|dns| &dns.value).map(|server| server.value).collect(),
            vlan: vlan.and_then(|vlan| u16::try_from(vlan.value.get()).ok()),
        };
        Some(Resolved { desired, subnet, nat, block })
    }

    fn network_kind(&mut self, profile: &ProfileNetwork, subnet: &Spanned<Subnet>) -> Option<NetworkKind> {
        if profile.owner.value == SwitchOwner::Administrator {
            return Some(NetworkKind::Existing);
        }
        let roles = self.cx.profile.spec().roles.len();
        if derive::management_slots(subnet.value.0, roles) < 2 {
            let message = format!("{} has no room for the host and two instances of {roles} VMs", subnet.value.0);
            self.faults.push(Fault::new(Code::ManagementTooSmall, subnet.origin, message).hint("use a /24"));
            return None;
        }
        Some(NetworkKind::Management {
            lifetime: profile.lifetime.as_ref().map_or(ManagementLifetime::Temporary, |lifetime| lifetime.value),
            host: derive::on_subnet(derive::management_host(subnet.value.0).addr(), subnet.value.0),
        })
    }

    /// Where a network is spoken of, or the appliance.
    fn network_origin(&self, name: &NetworkName) -> crate::manifest::Origin {
        self.stack.layers().find_map(|layer| layer.networks.get(name)).map_or(self.cx.appliance.origin, |network| network.origin)
    }

    fn unknown_networks(&mut self) {
        let known = &self.cx.profile.spec().networks;
        let names = || known.keys().map(NetworkName::as_str);
        let mut faults = Vec::new();
        for layer in self.stack.layers() {
            let hosts = layer.host.iter().flat_map(|host| host.addresses.iter().map(|(name, address)| (name, address.origin)));
            let networks = layer.networks.iter().map(|(name, network)| (name, network.origin));
            for (name, origin) in networks.chain(hosts).filter(|(name, _)| !known.contains_key(*name)) {
                let fault = Fault::new(Code::UnknownNetwork, origin, format!("the profile has no network `{name}`"));
                faults.push(Fault { hint: suggest(name.as_str(), names()), ..fault.expected(one_of(names())) });
            }
        }
        self.faults.append(&mut faults);
    }

    fn overlaps(&mut self, networks: &Networks<'a>) {
        for (index, (name, network)) in networks.0.iter().enumerate() {
            for (other_name, other) in &networks.0[..index] {
                let (one, two) = (network.subnet.value.0, other.subnet.value.0);
                if overlap(one, two) {
                    let message = format!("`{name}` ({one}) overlaps `{other_name}` ({two})");
                    let fault = Fault::new(Code::NetworksOverlap, network.subnet.origin, message);
                    self.faults.push(fault.related(other.subnet.origin, "the other network"));
                }
            }
        }
    }

    /// The host's own addresses: claimed, and inside their networks.
    fn host_addresses(&mut self, networks: &Networks<'a>) {
        for (name, network) in &networks.0 {
            let get = |layer: &'a Layer| layer.host.as_ref().and_then(|host| host.addresses.get(*name));
            let Some(address) = self.stack.pick(|| format!("spec.host.addresses.{name}"), get, None) else { continue };
            self.faults.extend(check_address(address, network.numbers(name)));
            self.facts.push(Fact::own(FactKey::Address(address.value), address.origin));
        }
        self.endpoint_address(networks);
    }

    /// The address by which the agent finds the host, where that is one of numbers and none of those stated by network.
    fn endpoint_address(&mut self, networks: &Networks<'a>) {
        let host = |layer: &'a Layer| layer.host.as_ref();
        let Some(stated) = self.stack.layers().find_map(|layer| host(layer)?.address.as_ref()) else { return };
        let Ok(value) = stated.value.as_str().parse() else { return };
        if self.stack.layers().filter_map(host).flat_map(|host| host.addresses.values()).any(|known| known.value == value) {
            return;
        }
        let address = Spanned { value, origin: stated.origin };
        for (name, network) in networks.0.iter().filter(|(_, network)| network.subnet.value.0.contains(&value)) {
            self.faults.extend(check_address(&address, network.numbers(name)));
        }
        self.facts.push(Fact { key: FactKey::Address(value), origin: stated.origin, owner: Owner::Endpoint });
    }
}

impl Resolved<'_> {
    pub(super) fn numbers<'n>(&'n self, name: &'n NetworkName) -> Numbers<'n> {
        Numbers { name: name.as_str(), subnet: self.subnet, gateway: self.desired.gateway }
    }

    pub(super) fn translates(&self) -> bool {
        self.nat.is_some_and(|nat| nat.value)
    }

    pub(super) fn first_dns(&self) -> Vec<IpAddr> {
        self.desired.dns.clone()
    }
}
