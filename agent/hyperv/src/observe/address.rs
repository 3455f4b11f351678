//! Addresses as Windows writes them: an array of addresses beside an array of masks or prefix lengths.
//!
//! Guarantees: what Windows gives itself (link-local and the old site-local name servers) is left out: nobody wished it, and it
//! comes and goes by itself.

use std::net::IpAddr;

use ipnet::{IpNet, ip_mask_to_prefix};
use model::observed::AdapterConfig;
use wsman::cim::CimInstance;

use crate::row::Malformed;

/// The names of the properties, which differ between the classes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    pub(crate) addresses: &'static str,
    pub(crate) masks: &'static str,
    pub(crate) gateways: &'static str,
    pub(crate) dns: &'static str,
    pub(crate) dhcp: &'static str,
}

/// Of `Msvm_GuestNetworkAdapterConfiguration`.
pub(crate) const GUEST: Columns =
    Columns { addresses: "IPAddresses", masks: "Subnets", gateways: "DefaultGateways", dns: "DNSServers", dhcp: "DHCPEnabled" };
/// Of `Win32_NetworkAdapterConfiguration`.
pub(crate) const WINDOWS: Columns =
    Columns { addresses: "IPAddress", masks: "IPSubnet", gateways: "DefaultIPGateway", dns: "DNSServerSearchOrder", dhcp: "DHCPEnabled" };

/// The configuration in one row.
pub(crate) fn config(row: &CimInstance, columns: Columns) -> Result<AdapterConfig, Malformed> {
    let masks = row.texts(columns.masks)?;
    let mut addresses = Vec::new();
    for (at, text) in row.texts(columns.addresses)?.into_iter().enumerate() {
        let net = net(text, masks.get(at).copied().unwrap_or_default()).ok_or_else(|| Malformed::Meaningless {
            class: row.class().to_string(),
            property: columns.addresses,
            found: text.to_owned(),
        })?;
        if !is_self_made(net.addr()) {
            addresses.push(net);
        }
    }
    Ok(AdapterConfig {
        addresses,
        gateways: hosts(row, columns.gateways)?,
        dns: hosts(row, columns.dns)?,
        dhcp: row.boolean(columns.dhcp)?.unwrap_or(false),
    })
}

fn hosts(row: &CimInstance, property: &'static str) -> Result<Vec<IpAddr>, Malformed> {
    let read = |text: &&str| bare(text).is_none_or(|address| !is_self_made(address));
    row.texts(property)?
        .into_iter()
        .filter(|text| !text.trim().is_empty())
        .filter(read)
        .map(|text| bare(text).ok_or_else(|| Malformed::Meaningless { class: row.class().to_string(), property, found: text.to_owned() }))
        .collect()
}

/// An address without the zone that Windows may add (`fe80::1%7`).
fn bare(text: &str) -> Option<IpAddr> {
    text.trim().split('%').next()?.parse().ok()
}

fn net(address: &str, mask: &str) -> Option<IpNet> {
    let address = bare(address)?;
    let mask = mask.trim().trim_start_matches('/');
    let prefix = match mask.parse::<u8>() {
        Ok(prefix) => prefix,
        Err(_) if mask.is_empty() => {
            if address.is_ipv4() {
                32
            } else {
                128
            }
        }
        Err(_) => ip_mask_to_prefix(mask.parse().ok()?).ok()?,
    };
    IpNet::new(address, prefix).ok()
}

fn is_self_made(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        // fec0::/10 are the name servers that Windows assumes where none was set.
        IpAddr::V6(address) => matches!(address.segments()[0] & 0xffc0, 0xfe80 | 0xfec0),
    }
}

/// The mask of a network as Windows wants it written: dotted for IPv4, a length for IPv6.
pub(crate) fn mask(net: IpNet) -> String {
    match net {
        IpNet::V4(net) => net.netmask().to_string(),
        IpNet::V6(net) => net.prefix_len().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_and_prefixes_are_read_and_self_made_addresses_left_out() {
        let row = CimInstance::new("Msvm_GuestNetworkAdapterConfiguration")
            .with("IPAddresses", vec!["192.168.213.2", "fe80::1ff:fe23:4567:890a%3", "2001:db8::5"])
            .with("Subnets", vec!["255.255.255.0", "64", "/64"])
            .with("DefaultGateways", "192.168.213.1")
            .with("DNSServers", vec!["192.168.213.1", "fec0:0:0:ffff::1"])
            .with("DHCPEnabled", "FALSE");
        let read = config(&row, GUEST).unwrap();
        assert_eq!(read.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(), ["192.168.213.2/24", "2001:db8::5/64"]);
        assert_eq!(read.gateways.iter().map(ToString::to_string).collect::<Vec<_>>(), ["192.168.213.1"]);
        assert_eq!(read.dns.iter().map(ToString::to_string).collect::<Vec<_>>(), ["192.168.213.1"]);
        assert!(!read.dhcp);
    }

    #[test]
    fn an_address_that_is_none_is_an_error() {
        let row = CimInstance::new("Win32_NetworkAdapterConfiguration").with("IPAddress", "192.168.213").with("IPSubnet", "255.255.255.0");
        insta::assert_snapshot!(
            config(&row, WINDOWS).unwrap_err(),
            @"`IPAddress` of a Win32_NetworkAdapterConfiguration is `192.168.213`, which means nothing"
        );
    }

    #[test]
    fn a_mask_is_written_as_windows_wants_it() {
        assert_eq!(mask("10.0.0.5/22".parse().unwrap()), "255.255.252.0");
        assert_eq!(mask("2001:db8::5/64".parse().unwrap()), "64");
    }
}
