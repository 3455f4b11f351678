//! Who answers where: addresses, segments, listeners.
//!
//! Guarantees: a guest answers only while its system is up and its cable leads to the caller.
//! Deliberately absent: routing. A caller reaches the segments it stands on, and the outside from anywhere.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::guest::GuestMachine;
use crate::host::Host;
use crate::host::machine::VirtualMachine;
use crate::host::provider::HostMachine;
use crate::ids::ListenerIdentity;
use crate::machine::Machine;
use crate::windows::Segment;
use crate::windows::domain::Domain;
use crate::world::{Endpoint, HostName, MachineId, Place, World};

/// WS-Management over HTTP and over TLS. Guests listen on the second only.
const HTTP: u16 = 5985;
const HTTPS: u16 = 5986;

impl World {
    /// Who answers a caller at `from` on `address` and `port`; `None` when nobody listens there or nothing leads there.
    #[must_use]
    pub fn machine_at(&self, from: &Place, address: IpAddr, port: u16) -> Option<MachineId> {
        if let Place::OnHost(name) = from {
            let own = self.hosts.get(name).filter(|h| h.is_reachable(self.now) && h.windows.listens())?;
            let listens = matches!(port, HTTP | HTTPS);
            if listens && (address.is_loopback() || own.addresses().iter().any(|(net, _)| net.addr() == address)) {
                return Some(MachineId::Host(name.clone()));
            }
        }
        self.listeners()
            .find(|l| l.net.addr() == address && l.ports.contains(&port) && self.leads(from, &l.net, &l.segment))
            .map(|l| l.machine)
    }

    /// Every address where somebody answers at this moment, by place.
    #[must_use]
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let places = self.hosts.keys().cloned().map(Place::OnHost).chain([Place::Remote]);
        let mut found = Vec::new();
        for from in places {
            for listener in self.listeners() {
                for port in listener.ports {
                    // Asking again settles who answers where two have one address.
                    let address = listener.net.addr();
                    if self.machine_at(&from, address, *port).as_ref() == Some(&listener.machine) {
                        found.push(Endpoint { from: from.clone(), address, port: *port, machine: listener.machine.clone() });
                    }
                }
            }
        }
        found
    }

    /// The machine's WMI view; `None` when it does not run.
    pub fn machine_mut(&mut self, id: &MachineId) -> Option<Box<dyn Machine + '_>> {
        match id {
            MachineId::Host(name) => Some(Box::new(HostMachine::new(self, name)?)),
            MachineId::Guest { host, vm } => Some(Box::new(GuestMachine::new(self, host, vm)?)),
        }
    }

    /// The certificate and key of the machine's listener.
    #[must_use]
    pub fn certificate(&self, id: &MachineId) -> Option<&ListenerIdentity> {
        match id {
            MachineId::Host(name) => self.hosts.get(name).map(|h| &h.windows.listener),
            MachineId::Guest { host, vm } => {
                let host = self.hosts.get(host)?;
                host.guest(host.machine(vm)?).map(|g| &g.windows.listener)
            }
        }
    }

    /// The domain that a running guest's DNS questions lead to: some directory answers on a server address that the guest reaches.
    pub(crate) fn domain_reached_from(&self, host: &HostName, vm: &str) -> Option<Domain> {
        let owner = self.hosts.get(host)?;
        let machine = owner.machine(vm)?;
        let (guest, plugged) = (owner.running_guest(machine)?, owner.plugged_in(machine));
        let (servers, own) = (guest.windows.dns_servers(&plugged), guest.windows.addresses_in(&plugged));
        let directories = self.guests().filter_map(|(h, m)| Some((h, m, h.running_guest(m)?)));
        directories
            .filter(|(h, m, directory)| {
                directory.windows.addresses_in(&h.plugged_in(m)).iter().any(|(net, segment)| {
                    let asked = servers.contains(&net.addr());
                    asked && own.iter().any(|(mine, here)| here == segment && mine.contains(&net.addr()))
                })
            })
            .find_map(|(_, _, directory)| directory.windows.hosts_domain.clone())
    }

    fn guests(&self) -> impl Iterator<Item = (&Host, &VirtualMachine)> {
        self.hosts.values().filter(|h| h.is_up()).flat_map(|h| h.machines.iter().map(move |m| (h, m)))
    }

    fn listeners(&self) -> impl Iterator<Item = Listener> {
        let hosts = self.hosts.values().filter(|h| h.is_reachable(self.now) && h.windows.listens()).flat_map(|h| {
            let machine = MachineId::Host(h.name.clone());
            h.addresses().into_iter().map(move |(net, segment)| Listener { net, segment, ports: &[HTTP, HTTPS], machine: machine.clone() })
        });
        let guests = self.guests().filter(|(_, m)| !self.unreachable.contains_key(&m.id)).flat_map(|(h, m)| {
            let machine = MachineId::Guest { host: h.name.clone(), vm: m.id.clone() };
            let addresses =
                h.running_guest(m).filter(|g| g.windows.listens()).map(|g| g.windows.addresses_in(&h.plugged_in(m))).unwrap_or_default();
            addresses.into_iter().map(move |(net, segment)| Listener { net, segment, ports: &[HTTPS], machine: machine.clone() })
        });
        hosts.chain(guests)
    }

    /// Whether a caller at `from` stands on `segment`, in the subnet that contains `net`'s address.
    fn leads(&self, from: &Place, net: &IpNet, segment: &Segment) -> bool {
        match from {
            Place::Remote => matches!(segment, Segment::Outside(_)),
            Place::OnHost(name) => {
                self.hosts.get(name).is_some_and(|h| h.addresses().iter().any(|(mine, here)| here == segment && mine.contains(&net.addr())))
            }
        }
    }
}

struct Listener {
    net: IpNet,
    segment: Segment,
    ports: &'static [u16],
    machine: MachineId,
}

impl Host {
    fn addresses(&self) -> Vec<(IpNet, Segment)> {
        self.windows.addresses_in(&self.plugged())
    }
}
