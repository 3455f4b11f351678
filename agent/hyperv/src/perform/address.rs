//! Addresses: the host's own on our switch, and those inside a guest, set through the host.

use std::collections::BTreeSet;

use ipnet::IpNet;
use model::names::SwitchName;
use model::observed::AdapterConfig;
use model::seen::Seen;
use model::units::MacAddress;
use wsman::cim::{CimInstance, CimPath, CimValue, Namespace};

use crate::classes;
use crate::failure::{Blocker, Failure};
use crate::observe::adapter::{self, Far};
use crate::observe::address::mask;
use crate::observe::switch::{self, HostAdapter};
use crate::observe::vitals::Vitals;
use crate::pause::Pause;
use crate::perform::call::Call;
use crate::perform::cx::Cx;
use crate::perform::{Check, switch as switches, target};
use crate::return_code::{Family, RESTART_NEEDED};
use crate::wql::Query;

/// The host's adapter on the switch; `None` while Windows has not brought it up.
async fn host_adapter(cx: &Cx<'_>, name: &SwitchName) -> Result<Option<HostAdapter>, Failure> {
    let switch = switches::find(cx, name).await?.ok_or_else(|| Failure::NoSwitch(name.clone()))?;
    let (connections, ports, adapters) =
        (Query::hyperv(classes::CONNECTION), Query::hyperv(classes::INTERNAL_PORT), Query::windows(classes::IP_CONFIGURATION));
    let (connections, ports, adapters) = tokio::join!(cx.select(&connections), cx.select(&ports), cx.select(&adapters));
    let connections = cx.read(classes::CONNECTION, adapter::connections(&connections?))?;
    let ports = cx.read(classes::INTERNAL_PORT, switch::host_ports(&ports?))?;
    let adapters = cx.read(classes::IP_CONFIGURATION, switch::host_adapters(&adapters?))?;
    let end = connections.iter().find(|connection| connection.owner == switch && connection.far == Far::Host);
    Ok(end.and_then(|end| switch::host_adapter_of(end, name, &ports, &adapters)).cloned())
}

/// Whether the host has the address on the switch.
pub(crate) async fn is_host_addressed(cx: &Cx<'_>, name: &SwitchName, address: IpNet) -> Result<Check, Failure> {
    let adapter = host_adapter(cx, name).await?;
    Ok(Check::done_if(adapter.is_some_and(|adapter| adapter.addresses.contains(&address))))
}

/// Gives the host the address, as its only one there.
pub(crate) async fn address_host(cx: &Cx<'_>, name: &SwitchName, address: IpNet) -> Result<(), Failure> {
    let mut pause = Pause::for_state();
    let adapter = loop {
        match host_adapter(cx, name).await? {
            Some(adapter) => break adapter,
            // A switch is there some moments before the host's adapter on it.
            None => pause.sleep().await,
        }
    };
    let path = CimPath::class_of(Namespace::CIMV2, classes::IP_CONFIGURATION).with_key("Index", adapter.index.to_string());
    let call = Call::on(path, "EnableStatic", name.as_str(), Family::Adapter)
        .with("IPAddress", vec![address.addr().to_string()])
        .with("SubnetMask", vec![mask(address)]);
    match call.code(cx.peer()).await? {
        0 | RESTART_NEEDED => Ok(()),
        value => Err(call.refused(value)),
    }
}

/// Whether the guest reports these addresses. Without a heartbeat it can neither report nor take any.
pub(crate) async fn is_injected(cx: &Cx<'_>, mac: MacAddress, wanted: &AdapterConfig) -> Result<Check, Failure> {
    let vm = cx.vm().await?;
    let vitals = Vitals::of_one(cx.peer(), &vm.guid).await?;
    let blocked = |cause| Ok(Check::Blocked(Blocker::Guest(vm.settings.name.clone(), cause)));
    let missing = || Failure::Missing(format!("adapter {mac} of `{}`", vm.settings.name));
    let seen = match vitals.adapters(&vm.guid) {
        Seen::Known(mut adapters) => adapters.remove(&mac).ok_or_else(missing)?,
        Seen::Absent => return Err(missing()),
        Seen::Unknown(cause) => return blocked(cause),
    };
    match seen.config {
        Seen::Known(config) => Ok(Check::done_if(is_same(&config, wanted))),
        Seen::Absent => Ok(Check::Open),
        Seen::Unknown(cause) => blocked(cause),
    }
}

/// Whether two configurations mean the same: addresses and gateways in any order, name servers in theirs.
fn is_same(a: &AdapterConfig, b: &AdapterConfig) -> bool {
    let AdapterConfig { addresses, gateways, dns, dhcp } = a;
    let set = |nets: &[IpNet]| nets.iter().copied().collect::<BTreeSet<_>>();
    let hosts = |gateways: &[std::net::IpAddr]| gateways.iter().copied().collect::<BTreeSet<_>>();
    set(addresses) == set(&b.addresses) && hosts(gateways) == hosts(&b.gateways) && *dns == b.dns && *dhcp == b.dhcp
}

/// Sets the addresses inside the guest; needs no network to it.
pub(crate) async fn inject(cx: &Cx<'_>, mac: MacAddress, config: &AdapterConfig) -> Result<(), Failure> {
    let vm = cx.vm().await?;
    let rows = cx.select(&Query::hyperv(classes::ADAPTER).of(&vm.guid)).await?;
    let adapters = cx.read(classes::ADAPTER, adapter::adapters(&rows))?;
    let mine = adapters.into_iter().find(|adapter| adapter.vm == vm.guid && adapter.mac == Some(mac));
    let device =
        mine.and_then(|adapter| adapter.device).ok_or_else(|| Failure::Missing(format!("adapter {mac} of `{}`", vm.settings.name)))?;
    let settings = settings(&format!(r"Microsoft:GuestNetwork\{}\{device}", vm.guid), config);
    let call = Call::vms("SetGuestNetworkAdapterConfiguration", vm.settings.name.as_str())
        .with("ComputerSystem", target::vm(&vm.guid))
        .with("NetworkConfiguration", vec![settings]);
    call.run(cx.host).await.map(drop)
}

fn settings(id: &str, config: &AdapterConfig) -> CimInstance {
    let texts = |all: &[std::net::IpAddr]| CimValue::from(all.iter().map(ToString::to_string).collect::<Vec<_>>());
    let v4 = config.addresses.iter().any(|net| net.addr().is_ipv4());
    let v6 = config.addresses.iter().any(|net| net.addr().is_ipv6());
    // `ProtocolIFType`: 4096 IPv4, 4097 IPv6, 4098 both.
    let protocol: u16 = match (v4, v6) {
        (true, true) => 4098,
        (false, true) => 4097,
        (_, false) => 4096,
    };
    CimInstance::new(classes::GUEST_NETWORK)
        .with("InstanceID", id)
        .with("ProtocolIFType", protocol)
        .with("DHCPEnabled", config.dhcp)
        .with("IPAddresses", config.addresses.iter().map(|net| net.addr().to_string()).collect::<Vec<_>>())
        .with("Subnets", config.addresses.iter().map(|net| mask(*net)).collect::<Vec<_>>())
        .with("DefaultGateways", texts(&config.gateways))
        .with("DNSServers", texts(&config.dns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::address::{GUEST, config};

    #[test]
    fn what_is_injected_is_what_is_read_back() {
        let wanted = AdapterConfig {
            addresses: vec!["192.168.213.5/24".parse().unwrap(), "2001:db8::5/64".parse().unwrap()],
            gateways: vec!["192.168.213.1".parse().unwrap()],
            dns: vec!["192.168.213.2".parse().unwrap()],
            dhcp: false,
        };
        let sent = settings(r"Microsoft:GuestNetwork\A\B", &wanted);
        assert_eq!(sent.get("ProtocolIFType").as_u64(), Some(4098));
        assert!(is_same(&config(&sent, GUEST).unwrap(), &wanted));
    }

    #[test]
    fn the_order_of_name_servers_counts_and_that_of_addresses_does_not() {
        let of = |addresses: [&str; 2], dns: [&str; 2]| AdapterConfig {
            addresses: addresses.map(|net| net.parse().unwrap()).to_vec(),
            dns: dns.map(|host| host.parse().unwrap()).to_vec(),
            ..AdapterConfig::default()
        };
        let one = of(["10.0.0.1/8", "10.0.0.2/8"], ["10.0.0.3", "10.0.0.4"]);
        assert!(is_same(&one, &of(["10.0.0.2/8", "10.0.0.1/8"], ["10.0.0.3", "10.0.0.4"])));
        assert!(!is_same(&one, &of(["10.0.0.1/8", "10.0.0.2/8"], ["10.0.0.4", "10.0.0.3"])));
    }
}
