//! Adapters, addresses, routes and name servers, as the machine itself has them.
//!
//! Deliberately absent: writing. Addresses are injected by the host (guests) or set the classic, documented way (hosts).

use std::net::IpAddr;

use ipnet::IpNet;
use wsman::cim::CimInstance;

use super::{Windows, WindowsError};
use crate::classes;
use crate::row::{Malformed, Row};
use crate::wql::Query;

/// An address of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The interface's index.
    pub interface: u64,
    /// With its prefix.
    pub net: IpNet,
    /// Whether somebody set it (`PrefixOrigin` 1) rather than a protocol.
    pub is_manual: bool,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The interface's index.
    pub interface: u64,
    /// Where it leads to; `0.0.0.0/0` is everywhere.
    pub to: IpNet,
    /// The next hop; unspecified when the network is right there.
    pub via: IpAddr,
}

/// An adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapter {
    /// The index of its interface.
    pub interface: u64,
    /// Its connection name.
    pub name: String,
    /// Whether its cable ends somewhere.
    pub is_connected: bool,
}

/// The name servers of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServers {
    /// The interface's index.
    pub interface: u64,
    /// In order.
    pub servers: Vec<IpAddr>,
}

impl Windows {
    /// Its addresses.
    ///
    /// # Errors
    /// `Talk`.
    pub async fn addresses(&self) -> Result<Vec<Address>, WindowsError> {
        self.rows(classes::IP_ADDRESS, address).await
    }

    /// Its routes.
    ///
    /// # Errors
    /// `Talk`.
    pub async fn routes(&self) -> Result<Vec<Route>, WindowsError> {
        self.rows(classes::ROUTE, route).await
    }

    /// Its adapters.
    ///
    /// # Errors
    /// `Talk`.
    pub async fn adapters(&self) -> Result<Vec<Adapter>, WindowsError> {
        self.rows(classes::NET_ADAPTER, adapter).await
    }

    /// The name servers that it asks.
    ///
    /// # Errors
    /// `Talk`.
    pub async fn name_servers(&self) -> Result<Vec<NameServers>, WindowsError> {
        self.rows(classes::NAME_SERVERS, name_servers).await
    }

    async fn rows<T>(&self, class: &'static str, read: fn(&CimInstance) -> Result<T, Malformed>) -> Result<Vec<T>, WindowsError> {
        let rows = self.peer().select(&Query::standard(class)).await?;
        Ok(self.peer().read(class, rows.iter().map(read).collect())?)
    }
}

fn address(row: &CimInstance) -> Result<Address, Malformed> {
    let length = row.number("PrefixLength")?;
    let bare: IpAddr = row.name("IPAddress").or_else(|_| scoped(row))?;
    let wrong = || Malformed::Meaningless { class: row.class().to_string(), property: "PrefixLength", found: length.to_string() };
    let net = u8::try_from(length).ok().and_then(|length| IpNet::new(bare, length).ok()).ok_or_else(wrong)?;
    Ok(Address { interface: row.number("InterfaceIndex")?, net, is_manual: row.unsigned("PrefixOrigin")? == Some(1) })
}

/// A link-local address of IPv6 stands with its interface behind a percent sign.
fn scoped(row: &CimInstance) -> Result<IpAddr, Malformed> {
    let text = row.need("IPAddress")?;
    let bare = text.split('%').next().unwrap_or_default();
    let wrong = || Malformed::Meaningless { class: row.class().to_string(), property: "IPAddress", found: text.to_owned() };
    bare.parse().map_err(|_| wrong())
}

fn route(row: &CimInstance) -> Result<Route, Malformed> {
    Ok(Route { interface: row.number("InterfaceIndex")?, to: row.name("DestinationPrefix")?, via: row.name("NextHop")? })
}

fn adapter(row: &CimInstance) -> Result<Adapter, Malformed> {
    let is_connected = row.unsigned("MediaConnectState")? == Some(1);
    Ok(Adapter { interface: row.number("InterfaceIndex")?, name: row.need("Name")?.to_owned(), is_connected })
}

fn name_servers(row: &CimInstance) -> Result<NameServers, Malformed> {
    let read = |text: &str| {
        let wrong = || Malformed::Meaningless { class: row.class().to_string(), property: "ServerAddresses", found: text.to_owned() };
        text.parse().map_err(|_| wrong())
    };
    let servers = row.texts("ServerAddresses")?.into_iter().map(read).collect::<Result<_, _>>()?;
    Ok(NameServers { interface: row.number("InterfaceIndex")?, servers })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(address: &str, prefix: u16) -> CimInstance {
        CimInstance::new("MSFT_NetIPAddress").with("IPAddress", address).with("PrefixLength", prefix).with("InterfaceIndex", 7_u32)
    }

    #[test]
    fn a_link_local_address_is_read_without_its_interface() {
        let read = address(&row("fe80::1%7", 64)).unwrap();
        assert_eq!((read.net.to_string().as_str(), read.is_manual), ("fe80::1/64", false));
    }

    #[test]
    fn a_prefix_longer_than_its_address_means_nothing() {
        insta::assert_snapshot!(address(&row("192.168.0.4", 33)).unwrap_err(), @"`PrefixLength` of a MSFT_NetIPAddress is `33`, which means nothing");
    }
}
