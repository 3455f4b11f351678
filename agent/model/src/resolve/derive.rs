//! Names and numbers that are worked out, never written.
//!
//! Guarantees: they depend on names only, so an agent that lost its disk, or another one, finds what the first one made.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use sha2::{Digest, Sha256};

use crate::names::{ApplianceName, FleetName, HostPath, InstanceId, NetworkName, RoleName};
use crate::units::MacAddress;

/// What a VM is, in names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity<'a> {
    pub(crate) fleet: &'a FleetName,
    pub(crate) appliance: &'a ApplianceName,
    pub(crate) role: &'a RoleName,
    pub(crate) instance: &'a InstanceId,
}

impl Identity<'_> {
    fn digest(&self, purpose: &str) -> [u8; 32] {
        // A zero byte cannot stand in a name, so no two different lists of names give the same text.
        let mut hash = Sha256::new();
        for part in [self.fleet.as_str(), self.appliance.as_str(), self.role.as_str(), self.instance.as_str(), purpose] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hash.finalize().into()
    }

    /// The hardware address of the adapter on a network: locally administered, unicast.
    pub(crate) fn mac(&self, network: &NetworkName) -> MacAddress {
        let [first, second, third, fourth, fifth, sixth, ..] = self.digest(network.as_str());
        MacAddress::new([(first & 0xfc) | 0x02, second, third, fourth, fifth, sixth])
    }

    /// The path of the VM's own disk below the appliance directory.
    pub(crate) fn disk(&self, root: &HostPath) -> String {
        format!(r"{root}\Instances\{}\{}.vhdx", self.instance, self.role)
    }
}

/// How many instances a management subnet has room for, with that many roles each.
pub(crate) fn management_slots(subnet: IpNet, roles: usize) -> u64 {
    // The first address is the host's, the last of an IPv4 subnet is its broadcast address.
    let room = match subnet {
        IpNet::V4(net) => 1u64 << (32 - net.prefix_len()),
        IpNet::V6(net) => 1u64 << (128 - net.prefix_len()).min(32),
    };
    room.saturating_sub(3) / (roles.max(1) as u64)
}

/// The part of a management subnet that an instance uses.
pub(crate) fn management_slot(instance: &InstanceId, slots: u64) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&Sha256::digest(instance.as_str().as_bytes())[..8]);
    u64::from_le_bytes(first) % slots.max(1)
}

/// The address of the host on a management subnet: its first.
pub(crate) fn management_host(subnet: IpNet) -> IpNet {
    offset(subnet, 1)
}

/// The addresses of one instance on a management subnet: one a role, side by side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ManagementBlock {
    subnet: IpNet,
    first: u64,
}

impl ManagementBlock {
    /// The block of an instance whose profile has that many roles.
    pub(crate) fn new(subnet: IpNet, instance: &InstanceId, roles: usize) -> Self {
        Self { subnet, first: 2 + management_slot(instance, management_slots(subnet, roles)) * roles as u64 }
    }

    /// The address of a role, by its place in the profile.
    pub(crate) fn address(self, role: usize) -> IpNet {
        offset(self.subnet, self.first + role as u64)
    }
}

fn offset(subnet: IpNet, offset: u64) -> IpNet {
    match subnet {
        IpNet::V4(net) => {
            let bits = u32::from(net.network()).wrapping_add(u32::try_from(offset).unwrap_or(0));
            Ipv4Net::new(bits.into(), net.prefix_len()).map_or(subnet, IpNet::V4)
        }
        IpNet::V6(net) => {
            let bits = u128::from(net.network()).wrapping_add(u128::from(offset));
            Ipv6Net::new(bits.into(), net.prefix_len()).map_or(subnet, IpNet::V6)
        }
    }
}

/// The address as an interface writes it: with its subnet's prefix length.
pub(crate) fn on_subnet(address: IpAddr, subnet: IpNet) -> IpNet {
    IpNet::new(address, subnet.prefix_len()).unwrap_or_else(|_| IpNet::from(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity<'a>(names: &'a (FleetName, ApplianceName, RoleName, InstanceId)) -> Identity<'a> {
        Identity { fleet: &names.0, appliance: &names.1, role: &names.2, instance: &names.3 }
    }

    fn names(instance: &str) -> (FleetName, ApplianceName, RoleName, InstanceId) {
        (
            FleetName::new("contoso").unwrap(),
            ApplianceName::new("sea-1").unwrap(),
            RoleName::new("edge").unwrap(),
            InstanceId::new(instance).unwrap(),
        )
    }

    #[test]
    fn a_hardware_address_is_local_unicast_and_differs_by_instance() {
        let (old, new) = (names("2.0.1"), names("2.1"));
        let corpnet = NetworkName::new("corpnet").unwrap();
        let (old, new) = (identity(&old).mac(&corpnet), identity(&new).mac(&corpnet));
        assert_ne!(old, new);
        assert_eq!(old.bytes()[0] & 0x03, 0x02);
    }

    #[test]
    fn two_instances_have_different_management_addresses() {
        let subnet: IpNet = "192.168.213.0/24".parse().unwrap();
        let address = |instance: &str, role| ManagementBlock::new(subnet, &InstanceId::new(instance).unwrap(), 4).address(role).to_string();
        assert_eq!(management_host(subnet).to_string(), "192.168.213.1/24");
        assert_ne!(address("2.0.1", 0), address("2.1", 0));
        assert_ne!(address("2.1", 0), address("2.1", 1));
    }
}
