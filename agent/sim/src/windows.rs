//! One installed Windows: its services, rules, adapters, names. Hosts and guests have one each.
//!
//! Guarantees: what a boot resets is reset in [`Windows::boot`] and nowhere else.
//! Deliberately absent: what it runs on. The views get the hardware handed in.

pub(crate) mod activity;
pub(crate) mod address;
pub(crate) mod certificate_blob;
pub(crate) mod certificate_store;
pub(crate) mod clock;
pub(crate) mod counter;
pub(crate) mod defender;
pub(crate) mod domain;
pub(crate) mod firewall;
pub(crate) mod key_drawer;
pub(crate) mod log_view;
pub(crate) mod provider;
pub(crate) mod registry;
pub(crate) mod service;
pub(crate) mod setup;
pub(crate) mod software;
pub(crate) mod system;
pub(crate) mod update;
pub(crate) mod winrm;

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::log::EventLog;
use crate::ids::{Ids, ListenerIdentity};
use crate::image::Account;
use activity::Activity;
use address::Adapter;
use certificate_store::CertificateStores;
use domain::{Domain, Membership};
use firewall::Rule;
use service::Service;
use setup::Setup;
use software::Software;
use winrm::{Failures, Winrm};

/// The state of one installed Windows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Windows {
    pub(crate) computer_name: String,
    pub(crate) pending_name: Option<String>,
    pub(crate) version: String,
    pub(crate) caption: String,
    pub(crate) membership: Membership,
    pub(crate) pending_membership: Option<Membership>,
    /// The domain that this system is the directory of.
    pub(crate) hosts_domain: Option<Domain>,
    pub(crate) services: Vec<Service>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) accounts: Vec<Account>,
    #[serde(default)]
    pub(crate) winrm: Winrm,
    /// Wrong passwords, and the accounts that they have locked.
    #[serde(default)]
    pub(crate) failures: Failures,
    /// Every adapter that this system has ever seen; those that are plugged in now come from the hardware.
    pub(crate) adapters: Vec<Adapter>,
    pub(crate) last_boot: Timestamp,
    pub(crate) installed: Timestamp,
    pub(crate) listener: ListenerIdentity,
    /// Items that a guest publishes to its host.
    pub(crate) published: BTreeMap<String, String>,
    /// Items that its host has handed in.
    pub(crate) received: BTreeMap<String, String>,
    /// What else it is set up with.
    pub(crate) setup: Setup,
    #[serde(default)]
    pub(crate) certificates: CertificateStores,
    #[serde(default)]
    pub(crate) software: Software,
    #[serde(default)]
    pub(crate) activity: Activity,
    #[serde(default)]
    pub(crate) log: EventLog,
}

/// An adapter as the hardware shows it at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plugged {
    /// Hardware address, 12 upper hex digits.
    pub(crate) mac: String,
    /// What the driver calls itself.
    pub(crate) description: String,
    /// The connection name that Windows gives when it first sees it.
    pub(crate) name: String,
    /// Where its cable ends; `None` is no link.
    pub(crate) segment: Option<Segment>,
}

/// One broadcast domain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Segment {
    /// A network outside of the hosts.
    Outside(String),
    /// A switch without a physical NIC.
    Inside(String),
}

impl Segment {
    /// Whether it leads out of all hosts.
    pub(crate) fn is_outside(&self) -> bool {
        matches!(self, Self::Outside(_))
    }
}

impl Windows {
    /// What happens when the system comes up: names take effect, automatic services run, new adapters are found.
    pub(crate) fn boot(&mut self, at: Timestamp, plugged: &[Plugged], ids: &mut Ids) {
        self.last_boot = at;
        if let Some(name) = self.pending_name.take() {
            self.computer_name = name;
        }
        if let Some(membership) = self.pending_membership.take() {
            self.membership = membership;
        }
        self.software.boot();
        self.activity.boot();
        self.find_adapters(plugged, ids);
        self.setup.updates.boot(at, &mut self.software);
        let member = self.is_domain_member();
        service::boot(&mut self.services, member, ids);
    }

    /// Notices adapters that were plugged in.
    pub(crate) fn find_adapters(&mut self, plugged: &[Plugged], ids: &mut Ids) {
        for nic in plugged {
            if !self.adapters.iter().any(|a| a.mac == nic.mac) {
                let index = self.adapters.iter().map(|a| a.index).max().unwrap_or(0) + 1;
                let alias = self.free_alias(&nic.name);
                self.adapters.push(Adapter::new(&nic.mac, index, ids.guid(), alias));
            }
        }
    }

    /// In a domain, as a member or as its directory.
    pub(crate) fn is_domain_member(&self) -> bool {
        self.hosts_domain.is_some() || matches!(self.membership, Membership::Domain(_))
    }

    /// The local account called `user`.
    pub(crate) fn account_mut(&mut self, user: &str) -> Option<&mut Account> {
        self.accounts.iter_mut().find(|account| account.user.eq_ignore_ascii_case(user))
    }

    /// The plugged adapters with their settings, in the order of their index.
    pub(crate) fn adapters_in<'a>(&'a self, plugged: &'a [Plugged]) -> impl Iterator<Item = (&'a Adapter, &'a Plugged)> {
        self.adapters.iter().filter_map(|a| plugged.iter().find(|p| p.mac == a.mac).map(|p| (a, p)))
    }

    /// Every address that answers at this moment, with the segment it answers on.
    pub(crate) fn addresses_in(&self, plugged: &[Plugged]) -> Vec<(IpNet, Segment)> {
        self.adapters_in(plugged)
            .filter_map(|(a, p)| p.segment.as_ref().map(|s| (a, s)))
            .filter(|(a, _)| a.enabled)
            .flat_map(|(a, s)| a.addresses.iter().map(move |net| (*net, s.clone())))
            .collect()
    }

    /// Whether its WS-Management listener is there: it is a service like any other.
    pub(crate) fn listens(&self) -> bool {
        self.service("WinRM").is_some_and(|at| self.services[at].run == service::Run::Running)
    }

    /// The DNS servers that the system asks at this moment.
    pub(crate) fn dns_servers(&self, plugged: &[Plugged]) -> Vec<IpAddr> {
        self.adapters_in(plugged).filter(|(_, p)| p.segment.is_some()).flat_map(|(a, _)| a.dns.iter().copied()).collect()
    }

    /// The next instant at which something changes by itself.
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        let services = self.services.iter().filter_map(|s| s.until);
        services.chain(self.setup.updates.next_event()).chain(self.activity.next_event()).min()
    }

    /// Lets time pass: pending states and installations end.
    pub(crate) fn advance(&mut self, now: Timestamp, ids: &mut Ids) {
        self.advance_services(now, ids);
        self.setup.updates.advance(now, &mut self.software);
    }

    fn free_alias(&self, wanted: &str) -> String {
        let taken = |name: &str| self.adapters.iter().any(|a| a.alias.eq_ignore_ascii_case(name));
        if !taken(wanted) {
            return wanted.to_owned();
        }
        (2u32..).map(|n| format!("{wanted} {n}")).find(|name| !taken(name)).unwrap_or_default()
    }
}
