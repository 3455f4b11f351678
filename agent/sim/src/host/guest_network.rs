//! `Msvm_GuestNetworkAdapterConfiguration`: a guest's addresses, read and set through its host.
//!
//! Guarantees: works without any network between the two, by the exchange of key-value pairs.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use wsman::cim::{CimInstance, CimPath, CimValue, Namespace};

use crate::host::change::Change;
use crate::host::device::Device;
use crate::host::guest_service::GuestService;
use crate::host::machine::VirtualMachine;
use crate::host::{Host, Surroundings, computer_system, input};
use crate::job::{Failure, JobKind, code};
use crate::machine::Object;
use crate::machine::Output;
use crate::windows::address;

/// The addresses that one adapter of a guest is to have.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct GuestAddresses {
    mac: String,
    /// Empty means DHCP.
    addresses: Vec<IpNet>,
    gateways: Vec<IpAddr>,
    dns: Vec<IpAddr>,
}

fn instance_id(machine: &VirtualMachine, nic: usize) -> String {
    format!("Microsoft:GuestNetwork\\{}\\{}", machine.id, machine.adapters[nic].id)
}

impl Host {
    pub(crate) fn guest_network_objects(&self) -> Vec<Object> {
        self.machines.iter().flat_map(|m| (0..m.adapters.len()).map(move |n| self.guest_network(m, n))).collect()
    }

    fn guest_network(&self, machine: &VirtualMachine, nic: usize) -> Object {
        let mut view = CimInstance::new("Msvm_GuestNetworkAdapterConfiguration")
            .with("InstanceID", instance_id(machine, nic))
            .with("ProtocolIFType", 4096u16)
            .with("DHCPEnabled", true);
        let mac = &machine.adapters[nic].mac;
        let answers = self.serves(machine, GuestService::Exchange);
        let known = self.running_guest(machine).filter(|_| answers).and_then(|g| g.windows.adapters.iter().find(|a| a.mac == *mac));
        if let Some(adapter) = known {
            let texts = |list: Vec<String>| if list.is_empty() { CimValue::Null } else { list.into() };
            view.set("DHCPEnabled", adapter.dhcp);
            view.set("IPAddresses", texts(adapter.addresses.iter().map(|n| n.addr().to_string()).collect()));
            view.set("Subnets", texts(adapter.addresses.iter().map(address::subnet_text).collect()));
            view.set("DefaultGateways", texts(adapter.gateways.iter().map(ToString::to_string).collect()));
            view.set("DNSServers", texts(adapter.dns.iter().map(ToString::to_string).collect()));
        }
        Object::keyed(&Namespace::VIRTUALIZATION, view, &["InstanceID"])
    }

    /// `Msvm_SettingDataComponent`: from an adapter's settings to the guest's.
    pub(crate) fn guest_network_links(&self) -> Vec<(CimPath, CimPath)> {
        let link = |m: &VirtualMachine, n| (super::resource_view::path_of(m, Device::Nic(n)), self.guest_network(m, n).path);
        self.machines.iter().flat_map(|m| (0..m.adapters.len()).map(move |n| link(m, n))).collect()
    }

    /// `SetGuestNetworkAdapterConfiguration`.
    pub(crate) fn set_guest_addresses(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let machine = self.referred_machine(input, "ComputerSystem")?;
        let configurations = input::instances(input, "NetworkConfiguration")?;
        if configurations.is_empty() {
            return Err(input::missing("NetworkConfiguration"));
        }
        if !self.serves(machine, GuestService::Exchange) {
            return Err(Failure::new(code::INVALID_STATE, format!("nothing answers inside '{}'", machine.name)));
        }
        let addresses = configurations.into_iter().map(|c| read(machine, c)).collect::<Result<Vec<_>, _>>()?;
        let (vm, path) = (machine.id.clone(), computer_system::path_of(&machine.id));
        Ok(self.submit(JobKind::GuestExchange, Some(path), Change::GuestAddresses { vm, addresses }, cx).output())
    }

    pub(crate) fn apply_guest_addresses(&mut self, vm: &str, addresses: Vec<GuestAddresses>) -> Result<(), Failure> {
        let silent = || Failure::new(code::FAILED, "the system inside did not answer");
        let machine = self.machine(vm).filter(|m| self.serves(m, GuestService::Exchange)).ok_or_else(silent)?.id.clone();
        let guest = self.guest_mut(&machine).ok_or_else(silent)?;
        for GuestAddresses { mac, addresses, gateways, dns } in addresses {
            let adapter = guest.windows.adapters.iter_mut().find(|a| a.mac == mac).ok_or_else(silent)?;
            adapter.set_static(addresses);
            adapter.gateways = gateways;
            adapter.dns = dns;
        }
        Ok(())
    }
}

fn read(machine: &VirtualMachine, configuration: &CimInstance) -> Result<GuestAddresses, Failure> {
    let id = input::text(configuration, "InstanceID")?.ok_or_else(|| input::missing("InstanceID"))?;
    let nic = (0..machine.adapters.len()).find(|n| instance_id(machine, *n).eq_ignore_ascii_case(id));
    let nic = nic.ok_or_else(|| input::invalid(format!("`{id}` is no adapter of '{}'", machine.name)))?;
    let mac = machine.adapters[nic].mac.clone();
    let dhcp = input::truth(configuration, "DHCPEnabled")?.unwrap_or(false);
    let list = |name| input::text_array(configuration, name).map(Option::unwrap_or_default);
    let (addresses, masks) = (list("IPAddresses")?, list("Subnets")?);
    if dhcp != addresses.is_empty() || addresses.len() != masks.len() {
        return Err(input::invalid("static addresses come with one subnet each, DHCP with none"));
    }
    let nets = addresses.iter().zip(&masks).map(|(a, m)| address::network(a, m)).collect::<Result<Vec<_>, _>>();
    let hosts = |name| address::addresses(configuration, name).ok_or_else(|| input::invalid(format!("{name} holds no IP addresses")));
    Ok(GuestAddresses {
        mac,
        addresses: nets.map_err(|_| input::invalid("IPAddresses or Subnets holds no IP address"))?,
        gateways: hosts("DefaultGateways")?,
        dns: hosts("DNSServers")?,
    })
}
