//! Adapters and their IP settings: `Win32_NetworkAdapterConfiguration`, `MSFT_NetAdapter`, `MSFT_NetIPAddress`,
//! `MSFT_NetIPInterface`, `MSFT_NetRoute`, `MSFT_DNSClientServerAddress`.
//!
//! Guarantees: settings belong to the hardware address, so they come back with the adapter.
//! Deliberately absent: DHCP leases; an adapter set to DHCP has no address.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use wsman::cim::{CimInstance, CimValue, Namespace};

use crate::machine::{Object, Output, WmiCode, WmiError};
use crate::windows::{Plugged, Windows};

/// What one system knows of one adapter.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Adapter {
    pub(crate) mac: String,
    pub(crate) index: u32,
    guid: String,
    pub(crate) alias: String,
    pub(crate) enabled: bool,
    pub(crate) dhcp: bool,
    pub(crate) addresses: Vec<IpNet>,
    pub(crate) gateways: Vec<IpAddr>,
    pub(crate) dns: Vec<IpAddr>,
}

// Return codes of Win32_NetworkAdapterConfiguration's methods.
const INVALID_MASK: u32 = 66;
const INVALID_PARAMETER: u32 = 68;
const INVALID_ADDRESS: u32 = 70;
const INVALID_GATEWAY: u32 = 71;
const NOT_IP_ENABLED: u32 = 84;

impl Adapter {
    pub(crate) fn new(mac: &str, index: u32, guid: String, alias: String) -> Self {
        Self {
            mac: mac.to_owned(),
            index,
            guid,
            alias,
            enabled: true,
            dhcp: true,
            addresses: Vec::new(),
            gateways: Vec::new(),
            dns: Vec::new(),
        }
    }

    /// Fixed addresses instead of DHCP.
    pub(crate) fn set_static(&mut self, addresses: Vec<IpNet>) {
        (self.dhcp, self.addresses) = (addresses.is_empty(), addresses);
    }

    fn ip_enabled(&self, plugged: &Plugged) -> bool {
        self.enabled && plugged.segment.is_some()
    }

    fn configuration(&self, plugged: &Plugged, computer: &str) -> CimInstance {
        let up = self.ip_enabled(plugged);
        let mut view = CimInstance::new("Win32_NetworkAdapterConfiguration")
            .with("Index", self.index)
            .with("InterfaceIndex", self.index)
            .with("Caption", format!("[{:08}] {}", self.index, plugged.description))
            .with("Description", plugged.description.as_str())
            .with("SettingID", format!("{{{}}}", self.guid))
            .with("ServiceName", "netvsc")
            .with("MACAddress", colons(&self.mac))
            .with("DHCPEnabled", self.dhcp)
            .with("IPEnabled", up);
        if up {
            view.set("DNSHostName", computer);
            let texts = |list: Vec<String>| if list.is_empty() { CimValue::Null } else { list.into() };
            view.set("IPAddress", texts(self.addresses.iter().map(|n| n.addr().to_string()).collect()));
            view.set("IPSubnet", texts(self.addresses.iter().map(subnet_text).collect()));
            view.set("DefaultIPGateway", texts(self.gateways.iter().map(ToString::to_string).collect()));
            view.set("DNSServerSearchOrder", texts(self.dns.iter().map(ToString::to_string).collect()));
        }
        view
    }

    fn adapter(&self, plugged: &Plugged, computer: &str) -> CimInstance {
        let linked = plugged.segment.is_some();
        CimInstance::new("MSFT_NetAdapter")
            .with("CreationClassName", "MSFT_NetAdapter")
            .with("DeviceID", format!("{{{}}}", self.guid))
            .with("SystemCreationClassName", "CIM_NetworkPort")
            .with("SystemName", computer)
            .with("Name", self.alias.as_str())
            .with("InterfaceDescription", plugged.description.as_str())
            .with("InterfaceGuid", format!("{{{}}}", self.guid))
            .with("InterfaceIndex", self.index)
            .with("InterfaceAdminStatus", if self.enabled { 1u32 } else { 2u32 })
            .with("InterfaceOperationalStatus", if self.ip_enabled(plugged) { 1u32 } else { 2u32 })
            .with("MediaConnectState", if linked { 1u32 } else { 2u32 })
            .with("State", if self.enabled { 2u32 } else { 3u32 })
            .with("PermanentAddress", self.mac.as_str())
            .with("NetworkAddresses", vec![self.mac.as_str()])
            .with("MtuSize", 1500u32)
            .with("Speed", 10_000_000_000u64)
            .with("Virtual", true)
            .with("HardwareInterface", true)
    }

    fn interface(&self, plugged: &Plugged) -> CimInstance {
        CimInstance::new("MSFT_NetIPInterface")
            .with("CreationClassName", "")
            .with("Name", format!("{}??55?55;", self.index))
            .with("SystemCreationClassName", "")
            .with("SystemName", "")
            .with("InterfaceAlias", self.alias.as_str())
            .with("InterfaceIndex", self.index)
            .with("AddressFamily", 2u16)
            .with("ConnectionState", CimValue::Unsigned(u64::from(self.ip_enabled(plugged))))
            .with("Dhcp", CimValue::Unsigned(u64::from(self.dhcp)))
            .with("NlMtu", 1500u32)
    }

    fn address(&self, net: &IpNet) -> CimInstance {
        let family = if net.addr().is_ipv4() { 2u16 } else { 23u16 };
        let text = net.addr().to_string();
        CimInstance::new("MSFT_NetIPAddress")
            .with("CreationClassName", "")
            .with("Name", format!("{}??{text}?55;", self.index))
            .with("SystemCreationClassName", "")
            .with("SystemName", "")
            .with("Address", text.as_str())
            .with("IPAddress", text.as_str())
            .with(if family == 2 { "IPv4Address" } else { "IPv6Address" }, text.as_str())
            .with("AddressFamily", family)
            .with("AddressState", 4u16)
            .with("PrefixLength", CimValue::Unsigned(net.prefix_len().into()))
            .with("PrefixOrigin", 1u16)
            .with("SuffixOrigin", 1u16)
            .with("InterfaceAlias", self.alias.as_str())
            .with("InterfaceIndex", self.index)
            .with("SkipAsSource", false)
            .with("Type", CimValue::Unsigned(1))
            .with("Store", CimValue::Unsigned(1))
    }

    /// The routes that its addresses and gateways make.
    fn routes(&self) -> Vec<CimInstance> {
        let route = |prefix: String, hop: &str, v4: bool| {
            let family = if v4 { 2u16 } else { 23u16 };
            CimInstance::new("MSFT_NetRoute")
                .with("InstanceID", format!("{};{prefix};{hop}", self.index))
                .with("DestinationPrefix", prefix)
                .with("NextHop", hop)
                .with("InterfaceAlias", self.alias.as_str())
                .with("InterfaceIndex", self.index)
                .with("AddressFamily", family)
                .with("RouteMetric", 256u16)
        };
        let (any, none) = (|v4: bool| if v4 { "0.0.0.0/0" } else { "::/0" }, |v4: bool| if v4 { "0.0.0.0" } else { "::" });
        let direct = self.addresses.iter().map(|net| route(net.trunc().to_string(), none(net.addr().is_ipv4()), net.addr().is_ipv4()));
        let default = self.gateways.iter().map(|hop| route(any(hop.is_ipv4()).to_owned(), &hop.to_string(), hop.is_ipv4()));
        direct.chain(default).collect()
    }

    fn dns_servers(&self) -> CimInstance {
        let mut view = CimInstance::new("MSFT_DNSClientServerAddress")
            .with("CreationClassName", "")
            .with("Name", format!("{};2", self.index))
            .with("SystemCreationClassName", "")
            .with("SystemName", "")
            .with("InterfaceAlias", self.alias.as_str())
            .with("InterfaceIndex", self.index)
            .with("AddressFamily", 2u16);
        if !self.dns.is_empty() {
            view.set("ServerAddresses", self.dns.iter().map(ToString::to_string).collect::<Vec<_>>());
        }
        view
    }
}

const MSFT_KEYS: [&str; 4] = ["CreationClassName", "Name", "SystemCreationClassName", "SystemName"];

impl Windows {
    pub(crate) fn address_objects(&self, class: &str, plugged: &[Plugged]) -> Vec<Object> {
        let std = Namespace::STANDARD_CIMV2;
        let computer = self.computer_name.as_str();
        let each = |view: &dyn Fn(&Adapter, &Plugged) -> Object| self.adapters_in(plugged).map(|(a, p)| view(a, p)).collect();
        match class {
            "Win32_NetworkAdapterConfiguration" => each(&|a, p| Object::keyed(&Namespace::CIMV2, a.configuration(p, computer), &["Index"])),
            "MSFT_NetAdapter" => {
                let keys = ["CreationClassName", "DeviceID", "SystemCreationClassName", "SystemName"];
                each(&|a, p| Object::keyed(&std, a.adapter(p, computer), &keys))
            }
            "MSFT_NetIPInterface" => each(&|a, p| Object::keyed(&std, a.interface(p), &MSFT_KEYS)),
            "MSFT_NetRoute" => {
                let linked = self.adapters_in(plugged).filter(|(_, p)| p.segment.is_some());
                linked.flat_map(|(a, _)| a.routes()).map(|route| Object::keyed(&std, route, &["InstanceID"])).collect()
            }
            "MSFT_DNSClientServerAddress" => each(&|a, _| Object::keyed(&std, a.dns_servers(), &MSFT_KEYS)),
            _ => self
                .adapters_in(plugged)
                .flat_map(|(a, _)| a.addresses.iter().map(|net| Object::keyed(&std, a.address(net), &MSFT_KEYS)))
                .collect(),
        }
    }

    pub(crate) fn adapter_mut(&mut self, index: u32) -> Option<&mut Adapter> {
        self.adapters.iter_mut().find(|a| a.index == index)
    }

    /// A method of `Win32_NetworkAdapterConfiguration` on the adapter `index`.
    pub(crate) fn invoke_configuration(
        &mut self,
        index: u32,
        method: &str,
        input: &CimInstance,
        plugged: &[Plugged],
    ) -> Result<Output, WmiError> {
        let absent = || WmiError::new(WmiCode::NotFound, format!("no adapter has the index {index}"));
        let (_, nic) = self.adapters_in(plugged).find(|(a, _)| a.index == index).ok_or_else(absent)?;
        let linked = nic.segment.is_some();
        let adapter = self.adapter_mut(index).ok_or_else(absent)?;
        if !(adapter.enabled && linked) {
            return Ok(Output::code(NOT_IP_ENABLED));
        }
        let code = match () {
            () if method.eq_ignore_ascii_case("EnableStatic") => match static_addresses(input) {
                Ok(addresses) => {
                    adapter.set_static(addresses);
                    0
                }
                Err(code) => code,
            },
            () if method.eq_ignore_ascii_case("EnableDHCP") => {
                adapter.set_static(Vec::new());
                adapter.gateways.clear();
                0
            }
            () if method.eq_ignore_ascii_case("SetGateways") => match addresses(input, "DefaultIPGateway") {
                Some(gateways) => {
                    adapter.gateways = gateways;
                    0
                }
                None => INVALID_GATEWAY,
            },
            () if method.eq_ignore_ascii_case("SetDNSServerSearchOrder") => match addresses(input, "DNSServerSearchOrder") {
                Some(servers) => {
                    adapter.dns = servers;
                    0
                }
                None => INVALID_ADDRESS,
            },
            () => return Err(WmiError::method("Win32_NetworkAdapterConfiguration", method)),
        };
        Ok(Output::code(code))
    }

    /// `MSFT_NetAdapter.Enable`, `Disable`, `Rename`, `Restart`.
    pub(crate) fn invoke_adapter(&mut self, device: &str, method: &str, input: &CimInstance) -> Result<Output, WmiError> {
        let guid = device.trim_matches(['{', '}']);
        let adapter = self
            .adapters
            .iter_mut()
            .find(|a| a.guid.eq_ignore_ascii_case(guid))
            .ok_or_else(|| WmiError::new(WmiCode::NotFound, format!("no adapter has the id {device}")))?;
        match () {
            () if method.eq_ignore_ascii_case("Enable") => adapter.enabled = true,
            () if method.eq_ignore_ascii_case("Disable") => adapter.enabled = false,
            () if method.eq_ignore_ascii_case("Restart") => {}
            () if method.eq_ignore_ascii_case("Rename") => match input.text("NewName") {
                Ok(Some(name)) if !name.is_empty() => name.clone_into(&mut adapter.alias),
                _ => return Err(WmiError::new(WmiCode::InvalidParameter, "an adapter needs a name")),
            },
            () => return Err(WmiError::method("MSFT_NetAdapter", method)),
        }
        Ok(Output::code(0))
    }

    /// `MSFT_NetIPAddress.Create`, by index or alias.
    pub(crate) fn create_address(&mut self, input: &CimInstance) -> Result<Output, WmiError> {
        let invalid = |what: String| WmiError::new(WmiCode::InvalidParameter, what);
        let text = input.text("IPAddress").ok().flatten().unwrap_or_default();
        let address: IpAddr = text.parse().map_err(|_| invalid(format!("`{text}` is no IP address")))?;
        let length = input.unsigned("PrefixLength").ok().flatten().and_then(|n| u8::try_from(n).ok()).unwrap_or(32);
        let net = IpNet::new(address, length).map_err(|e| invalid(e.to_string()))?;
        let index = input.unsigned("InterfaceIndex").ok().flatten();
        let alias = input.text("InterfaceAlias").ok().flatten();
        let adapter = self
            .adapters
            .iter_mut()
            .find(|a| index.is_some_and(|n| n == u64::from(a.index)) || alias.is_some_and(|n| a.alias.eq_ignore_ascii_case(n)))
            .ok_or_else(|| WmiError::new(WmiCode::NotFound, "no such interface"))?;
        if adapter.addresses.iter().any(|n| n.addr() == address) {
            return Err(WmiError::new(WmiCode::Failed, format!("the interface has {address} already")));
        }
        adapter.dhcp = false;
        adapter.addresses.push(net);
        if let Some(gateway) = input.text("DefaultGateway").ok().flatten().and_then(|g| g.parse().ok()) {
            adapter.gateways.push(gateway);
        }
        Ok(Output::code(0))
    }

    /// Deletes the `MSFT_NetIPAddress` with the opaque key `name`.
    pub(crate) fn delete_address(&mut self, name: &str) -> Result<(), WmiError> {
        for adapter in &mut self.adapters {
            let index = adapter.index;
            let before = adapter.addresses.len();
            adapter.addresses.retain(|net| format!("{index}??{}?55;", net.addr()) != name);
            if adapter.addresses.len() < before {
                return Ok(());
            }
        }
        Err(WmiError::new(WmiCode::NotFound, "no such address"))
    }
}

/// Pairs the addresses and masks of `EnableStatic`.
fn static_addresses(input: &CimInstance) -> Result<Vec<IpNet>, u32> {
    let (addresses, masks) =
        (input.texts("IPAddress").map_err(|_| INVALID_PARAMETER)?, input.texts("SubnetMask").map_err(|_| INVALID_PARAMETER)?);
    if addresses.is_empty() || addresses.len() != masks.len() {
        return Err(INVALID_PARAMETER);
    }
    addresses.iter().zip(masks).map(|(address, mask)| network(address, mask)).collect()
}

/// One address with a dotted mask or a prefix length.
pub(crate) fn network(address: &str, mask: &str) -> Result<IpNet, u32> {
    let address: IpAddr = address.parse().map_err(|_| INVALID_ADDRESS)?;
    let length = match (mask.parse::<u8>(), mask.parse::<IpAddr>()) {
        (Ok(length), _) => length,
        (_, Ok(mask)) => ipnet::ip_mask_to_prefix(mask).map_err(|_| INVALID_MASK)?,
        _ => return Err(INVALID_MASK),
    };
    IpNet::new(address, length).map_err(|_| INVALID_MASK)
}

/// A list of addresses; `None` when one of them is none.
pub(crate) fn addresses(input: &CimInstance, parameter: &str) -> Option<Vec<IpAddr>> {
    input.texts(parameter).ok()?.iter().map(|text| text.parse().ok()).collect()
}

pub(crate) fn subnet_text(net: &IpNet) -> String {
    match net {
        IpNet::V4(net) => net.netmask().to_string(),
        IpNet::V6(net) => net.prefix_len().to_string(),
    }
}

fn colons(mac: &str) -> String {
    mac.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).into_owned()).collect::<Vec<_>>().join(":")
}
