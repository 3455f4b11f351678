//! What must be unique in a repository, and the checks of a single address.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::diagnostic::Code;
use crate::manifest::{Fault, Origin, Spanned};
use crate::names::{ComputerName, HostPath};

/// Something that belongs to one thing of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum FactKey {
    /// An address of a VM or a host.
    Address(IpAddr),
    /// A computer name of a guest or a host.
    Computer(ComputerName),
    /// A host's endpoint.
    Endpoint(Arc<str>),
    /// A site's directory.
    Directory(HostPath),
    /// The value of a setting that must be unique: path and value.
    Setting(Arc<(Arc<str>, String)>),
}

/// Who claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The appliance for itself.
    Appliance,
    /// The site for all of its appliances.
    Site,
    /// The appliance for its host's endpoint. Several may share an address, told apart by their ports.
    Endpoint,
}

/// A claim to something, and where it is made.
#[derive(Debug, Clone)]
pub(crate) struct Fact {
    /// What is claimed.
    pub(crate) key: FactKey,
    /// Where.
    pub(crate) origin: Origin,
    /// For whom.
    pub(crate) owner: Owner,
}

impl Fact {
    /// A claim of an appliance for itself.
    pub(crate) fn own(key: FactKey, origin: Origin) -> Self {
        Self { key, origin, owner: Owner::Appliance }
    }
}

/// A network's numbers, as far as they are known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbers<'a> {
    /// The network's name, for messages.
    pub(crate) name: &'a str,
    /// Its subnet and where it is stated.
    pub(crate) subnet: &'a Spanned<crate::manifest::Subnet>,
    /// Its gateway.
    pub(crate) gateway: Option<IpAddr>,
}

/// Checks that an address can be used on a network.
pub(crate) fn check_address(address: &Spanned<IpAddr>, numbers: Numbers<'_>) -> Option<Fault> {
    let Numbers { name, subnet, gateway } = numbers;
    let net = subnet.value.0;
    let ip = address.value;
    if !net.contains(&ip) {
        let fault = Fault::new(Code::AddressOutside, address.origin, format!("{ip} is outside `{name}`"));
        return Some(fault.expected(format!("an address in {net}")).related(subnet.origin, "the subnet"));
    }
    let what = if ip == net.network() && !is_point_to_point(net) {
        "the subnet itself"
    } else if matches!(ip, IpAddr::V4(_)) && ip == net.broadcast() && !is_point_to_point(net) {
        "the subnet's broadcast address"
    } else if Some(ip) == gateway {
        "the subnet's gateway"
    } else {
        return None;
    };
    let fault = Fault::new(Code::AddressReserved, address.origin, format!("{ip} is {what}"));
    Some(fault.hint("choose a free address of the subnet"))
}

/// Checks that a gateway lies in its subnet.
pub(crate) fn check_gateway(gateway: &Spanned<IpAddr>, subnet: &Spanned<crate::manifest::Subnet>) -> Option<Fault> {
    if subnet.value.0.contains(&gateway.value) {
        return None;
    }
    let fault = Fault::new(Code::GatewayOutside, gateway.origin, format!("the gateway {} is outside its subnet", gateway.value));
    Some(fault.expected(format!("an address in {}", subnet.value.0)).related(subnet.origin, "the subnet"))
}

fn is_point_to_point(net: IpNet) -> bool {
    net.prefix_len() + 1 >= net.max_prefix_len()
}

/// Whether two subnets share an address.
pub(crate) fn overlap(one: IpNet, other: IpNet) -> bool {
    one.contains(&other.network()) || other.contains(&one.network())
}
