//! What is wished of the throwaway VM, worked out of the wish for the appliance.
//!
//! Guarantees: pure. An appliance name, an instance, a VM name, a directory and hardware addresses of its own: whatever looks for the
//! appliance's own VMs takes it for foreign, and it takes theirs for foreign. It hangs on the management network only.
//! Deliberately absent: the product's networks, on which a fresh image has no business.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;
use model::desired::{
    Desired, DesiredAdapter, DesiredHost, DesiredNetwork, DesiredRole, ManagementLifetime, Membership, Mode, NetworkKind, Place,
    StartAction, StopAction,
};
use model::names::{ApplianceName, HostPath, InstanceId, InvalidName, NetworkName, RoleName, VmName};
use model::observed::{Observed, SwitchMark};
use model::seen::Seen;
use model::units::{MacAddress, MemorySize};

use super::ImageCheckError;

/// The instance of every check; with it the name of the VM and the appliance's name in the mark end.
pub(super) const INSTANCE: &str = "imagecheck";
/// The directory below the appliance's own.
const DIRECTORY: &str = "ImageCheck";
/// A look into a fresh guest needs no more, and the appliance beside it needs its own.
const MOST_MEMORY: MemorySize = MemorySize::from_mib(4096);
const MOST_PROCESSORS: u32 = 2;
/// How many addresses from the end of the management network are tried.
const CANDIDATES: usize = 64;

/// The wish for a VM of the image of `role`, and that role in it; on a management switch of our own until the host has been looked at.
pub(super) fn of(desired: &Desired, role: &RoleName) -> Result<(Desired, DesiredRole), ImageCheckError> {
    let no_role = || ImageCheckError::NoRole { appliance: desired.appliance.clone(), role: role.clone() };
    let real = desired.roles.iter().find(|one| one.role == *role).ok_or_else(no_role)?;
    let managed = |adapter: &&DesiredAdapter| desired.networks.get(&adapter.network).is_some_and(is_management);
    let adapter = real.adapters.iter().find(managed).ok_or_else(|| ImageCheckError::NoManagement { role: role.clone() })?;
    let root = HostPath::new(&format!(r"{}\{DIRECTORY}", desired.host.root.as_str().trim_end_matches('\\')))?;
    let network = adapter.network.clone();
    let networks = desired.networks.get(&network).map(|one| (network.clone(), temporary(one))).into_iter().collect();
    let role = role_of(real, adapter, &root)?;
    let wish = Desired {
        appliance: ApplianceName::new(&format!("{}.{INSTANCE}", desired.appliance))?,
        instance: InstanceId::new(INSTANCE)?,
        // A person asks for it by name.
        mode: Mode::Converge,
        maintenance: None,
        prune: false,
        networks: Arc::new(networks),
        roles: vec![role.clone()],
        watch: model::desired::Watch { network, ..desired.watch.clone() },
        host: DesiredHost { root, ..desired.host.clone() },
        leader: desired.appliance.clone(),
        peers: Vec::new(),
        windows: Arc::default(),
        ..desired.clone()
    };
    Ok((wish, role))
}

fn is_management(network: &DesiredNetwork) -> bool {
    matches!(network.kind, NetworkKind::Management { .. })
}

/// The same network, whose switch goes when the check ends.
fn temporary(network: &DesiredNetwork) -> DesiredNetwork {
    let kind = match &network.kind {
        NetworkKind::Management { host, lifetime: _ } => NetworkKind::Management { lifetime: ManagementLifetime::Temporary, host: *host },
        NetworkKind::Existing => NetworkKind::Existing,
    };
    DesiredNetwork { kind, ..network.clone() }
}

fn role_of(real: &DesiredRole, adapter: &DesiredAdapter, root: &HostPath) -> Result<DesiredRole, ImageCheckError> {
    Ok(DesiredRole {
        vm: VmName::new(&format!("{}.{INSTANCE}", real.computer))?,
        processors: real.processors.map(|count| count.min(MOST_PROCESSORS)),
        memory: Some(real.memory.map_or(MOST_MEMORY, |memory| memory.min(MOST_MEMORY))),
        disk: disk(root, &real.role)?,
        adapters: vec![DesiredAdapter { mac: other(adapter.mac), gateway: None, dns: Vec::new(), ..adapter.clone() }],
        // A member joins later; a directory brings its domain.
        membership: match &real.membership {
            Membership::Hosts(domain) => Membership::Hosts(domain.clone()),
            Membership::None | Membership::Joins { .. } => Membership::None,
        },
        holds: false,
        // Whatever happens to the host: a VM of a check does not come up by itself.
        start_action: StartAction::Nothing,
        stop_action: StopAction::TurnOff,
        ..real.clone()
    })
}

/// Where the disk of a check of `role` lies.
pub(super) fn disk(root: &HostPath, role: &RoleName) -> Result<HostPath, InvalidName> {
    HostPath::new(&format!(r"{root}\{role}.vhdx"))
}

/// Another hardware address than the real VM's, and as unlike any other as that one.
fn other(mac: MacAddress) -> MacAddress {
    let [first, rest @ ..] = mac.bytes();
    let [second, third, fourth, fifth, sixth] = rest;
    MacAddress::new([first ^ 0x04, second, third, fourth, fifth, sixth])
}

/// The wish once the host has been looked at: on the management switch that is there, whosever it is, or on one that we make; with an
/// address that nobody has.
pub(super) fn settled(wish: &Desired, desired: &[IpAddr], observed: &Observed) -> Result<Desired, ImageCheckError> {
    let mut settled = wish.clone();
    let Some((name, network)) = wish.networks.iter().next() else { return Ok(settled) };
    let kind = kind_of(wish, network, observed)?;
    let mut taken: BTreeSet<IpAddr> = desired.iter().copied().collect();
    taken.extend(observed.foreign.iter().flat_map(|vm| vm.addresses.iter().copied()));
    if let NetworkKind::Management { host, .. } = &network.kind {
        taken.insert(host.addr());
    }
    if let Seen::Known(switches) = &observed.host.switches {
        taken.extend(switches.values().flat_map(|switch| switch.host_addresses.iter().map(IpNet::addr)));
    }
    let address = from_the_end(network.subnet).take(CANDIDATES).find(|address| !taken.contains(&address.addr()));
    let address = address.ok_or(ImageCheckError::NoAddress)?;
    let network = DesiredNetwork { kind, vlan: None, ..network.clone() };
    settled.networks = Arc::new([(NetworkName::clone(name), network)].into());
    for adapter in settled.roles.iter_mut().flat_map(|role| &mut role.adapters) {
        adapter.addresses = vec![address];
    }
    Ok(settled)
}

fn kind_of(wish: &Desired, network: &DesiredNetwork, observed: &Observed) -> Result<NetworkKind, ImageCheckError> {
    let found = observed.host.switches.known().and_then(|switches| switches.get(&network.switch));
    let ours = SwitchMark { fleet: wish.fleet.clone(), appliance: wish.appliance.clone() };
    match found {
        Some(switch) if switch.mark.as_ref() != Some(&ours) => {
            let leads = switch.host_addresses.iter().any(|address| network.subnet.contains(&address.addr()));
            if leads { Ok(NetworkKind::Existing) } else { Err(ImageCheckError::Switch { switch: network.switch.clone() }) }
        }
        Some(_) | None => Ok(network.kind.clone()),
    }
}

/// The addresses of a network that a machine can have, last first.
fn from_the_end(subnet: IpNet) -> impl Iterator<Item = IpNet> {
    let last = subnet.broadcast();
    let address = move |back: u32| {
        let address = match last {
            IpAddr::V4(last) => IpAddr::V4(Ipv4Addr::from(u32::from(last).checked_sub(back)?)),
            IpAddr::V6(last) => IpAddr::V6(Ipv6Addr::from(u128::from(last).checked_sub(u128::from(back))?)),
        };
        (address > subnet.network()).then(|| IpNet::new(address, subnet.prefix_len()).ok()).flatten()
    };
    (1u32..).map_while(address)
}

/// The same wish of an agent that stands on the host. Building the VM and taking it away is done through the host alone, which a plan
/// does not know of an agent that stands elsewhere.
pub(super) fn as_on_host(wish: &Desired) -> Desired {
    Desired { host: DesiredHost { place: Place::OnHost, ..wish.host.clone() }, ..wish.clone() }
}

/// The wish for nothing, with which the planner removes whatever bears our mark.
pub(super) fn emptied(wish: &Desired) -> Desired {
    Desired { roles: Vec::new(), prune: true, ..wish.clone() }
}

#[cfg(test)]
mod tests {
    use plan::fixtures::{self, bare, cloud_connector, of as text};

    use super::*;

    fn wish() -> Desired {
        of(&cloud_connector(), &text("edge")).unwrap().0
    }

    fn on_switch(mark: Option<&str>, addresses: &[&str]) -> Observed {
        let mut observed = bare(&cloud_connector());
        let mark = mark.map(|appliance| SwitchMark { fleet: text("contoso"), appliance: text(appliance) });
        let switch = model::observed::ObservedSwitch {
            kind: model::observed::SwitchKind::Internal,
            mark,
            host_addresses: addresses.iter().map(|address| text(address)).collect(),
            connected: 0,
        };
        observed.host.switches.known_mut().unwrap().insert(text("Trunkline Management"), switch);
        observed
    }

    fn kind(settled: &Desired) -> &NetworkKind {
        &settled.networks[&text::<NetworkName>("management")].kind
    }

    #[test]
    fn nothing_of_it_is_the_appliances_own() {
        let (real, wish) = (cloud_connector(), wish());
        let edge = real.roles.iter().find(|role| role.role.as_str() == "edge").unwrap();
        let [role] = wish.roles.as_slice() else { panic!("one role") };
        insta::assert_snapshot!(
            format!("{} {} {} {}", wish.appliance, wish.instance, role.vm, role.disk),
            @r"sea-1.imagecheck imagecheck edge1.imagecheck D:\Trunkline\ImageCheck\edge.vhdx"
        );
        assert_eq!(role.image, edge.image);
        assert_eq!(wish.networks.keys().map(NetworkName::as_str).collect::<Vec<_>>(), ["management"]);
        let macs: Vec<_> = real.roles.iter().flat_map(|role| role.adapters.iter().map(|adapter| adapter.mac)).collect();
        assert!(role.adapters.len() == 1 && !macs.contains(&role.adapters[0].mac));
    }

    #[test]
    fn a_wish_that_leads_into_no_guest_is_refused() {
        assert!(matches!(of(&cloud_connector(), &text("proxy")), Err(ImageCheckError::NoRole { .. })));
        let mut closed = cloud_connector();
        closed.roles[0] = fixtures::role(1, "ad", &["corpnet"]);
        assert!(matches!(of(&closed, &text("ad")), Err(ImageCheckError::NoManagement { .. })));
    }

    #[test]
    fn the_switch_that_is_there_is_used_and_a_missing_one_is_made() {
        let temporary = NetworkKind::Management { lifetime: ManagementLifetime::Temporary, host: text("192.168.213.1/24") };
        let settle = |observed: &Observed| settled(&wish(), &[], observed);
        assert_eq!(kind(&settle(&bare(&cloud_connector())).unwrap()), &temporary);
        assert_eq!(kind(&settle(&on_switch(Some("sea-1.imagecheck"), &[])).unwrap()), &temporary, "left by an earlier check");
        assert_eq!(kind(&settle(&on_switch(Some("sea-1"), &["192.168.213.1/24"])).unwrap()), &NetworkKind::Existing);
        assert_eq!(kind(&settle(&on_switch(None, &["192.168.213.1/24"])).unwrap()), &NetworkKind::Existing);
        assert!(matches!(settle(&on_switch(None, &["10.0.0.1/8"])), Err(ImageCheckError::Switch { .. })));
    }

    #[test]
    fn the_guest_gets_the_last_address_that_nobody_has() {
        let mut observed = bare(&cloud_connector());
        observed.foreign = vec![fixtures::foreign("web01")];
        observed.foreign[0].addresses = vec![text("192.168.213.254")];
        let settled = settled(&wish(), &[text("192.168.213.253")], &observed).unwrap();
        assert_eq!(settled.roles[0].adapters[0].addresses, [text::<IpNet>("192.168.213.252/24")]);
        assert_eq!(from_the_end(text("10.0.0.0/30")).map(|net| net.addr().to_string()).collect::<Vec<_>>(), ["10.0.0.2", "10.0.0.1"]);
        assert_eq!(from_the_end(text("fd00::/126")).count(), 2);
    }
}
