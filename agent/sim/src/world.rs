//! All simulated hosts with their guests: plain data, and a function of time.
//!
//! Guarantees: the same file, seed and calls at the same times give the same world; nothing happens but in [`World::advance`] and in calls.
//! Deliberately absent: timers, threads, sockets.

mod build;
mod clockwork;
mod error;
mod fault;
pub mod file;
mod logon;
pub mod outside;
mod reach;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::{Host, Surroundings};
use crate::ids::Ids;
use crate::image::Image;

pub use crate::ids::{IdentityError, ListenerIdentity};
pub use crate::job::JobKind;
pub use crate::timing::Timing;
pub use error::WorldError;
pub use fault::Fault;
pub use file::WorldFile;
pub(crate) use logon::{Caller, Principal};

/// The name by which the world file and its users call a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct HostName(String);

impl HostName {
    /// The name as it stands in the world file.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for HostName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One machine that can answer: a host, or the guest in one of its VMs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MachineId {
    /// The host itself.
    Host(HostName),
    /// The guest in the VM with this GUID (upper case).
    Guest {
        /// The host that carries the VM.
        host: HostName,
        /// The VM's GUID.
        vm: String,
    },
}

impl MachineId {
    /// The host that it is, or that carries it.
    #[must_use]
    pub fn host(&self) -> &HostName {
        match self {
            Self::Host(host) | Self::Guest { host, .. } => host,
        }
    }
}

impl std::fmt::Display for MachineId {
    /// `hv-1`, or `hv-1/<GUID>` for a guest.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host(host) => write!(f, "{host}"),
            Self::Guest { host, vm } => write!(f, "{host}/{vm}"),
        }
    }
}

/// Where a caller stands: it decides which networks the caller reaches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Place {
    /// A process on this host.
    OnHost(HostName),
    /// Any other machine, outside of all hosts.
    Remote,
}

/// An address where some machine would answer at this moment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// Where the caller has to stand.
    pub from: Place,
    /// The address in that place's view.
    pub address: IpAddr,
    /// The TCP port.
    pub port: u16,
    /// Who answers.
    pub machine: MachineId,
}

/// All hosts, and the present instant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct World {
    now: Timestamp,
    #[serde(skip)]
    generation: u64,
    ids: Ids,
    timing: Timing,
    images: BTreeMap<String, Image>,
    hosts: BTreeMap<HostName, Host>,
    /// What lies beyond the hosts.
    #[serde(default)]
    pub(crate) outside: outside::Outside,
    /// VMs whose guests do not answer on the network, until when.
    unreachable: BTreeMap<String, Timestamp>,
}

impl World {
    /// The instant of the last `advance`.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Grows with each change that is worth saving.
    #[must_use]
    pub fn dirty(&self) -> u64 {
        self.generation
    }

    /// Every host, by name.
    pub fn hosts(&self) -> impl Iterator<Item = &HostName> {
        self.hosts.keys()
    }

    /// The machine in the VM called `vm` (name or GUID) on `host`, whether it runs or not.
    #[must_use]
    pub fn guest_of(&self, host: &HostName, vm: &str) -> Option<MachineId> {
        self.vm(host, vm).ok().map(|vm| MachineId::Guest { host: host.clone(), vm })
    }

    /// Writes what has changed on a host and in its machines since the last look into their logs.
    pub(crate) fn write_logs(&mut self, host: &HostName) {
        let now = self.now;
        if let Some(host) = self.hosts.get_mut(host) {
            host.write_logs(now);
        }
    }

    pub(crate) fn ids_mut(&mut self) -> &mut Ids {
        &mut self.ids
    }

    pub(crate) fn touched(&mut self) {
        self.generation += 1;
    }

    pub(crate) fn host(&self, name: &HostName) -> Option<&Host> {
        self.hosts.get(name)
    }

    pub(crate) fn host_mut(&mut self, name: &HostName) -> Option<&mut Host> {
        self.hosts.get_mut(name)
    }

    pub(crate) fn host_and_surroundings(&mut self, name: &HostName) -> Option<(&mut Host, Surroundings<'_>)> {
        let Self { now, ids, timing, images, hosts, .. } = self;
        Some((hosts.get_mut(name)?, Surroundings { now: *now, ids, images, timing }))
    }
}
