//! All simulated hosts with their guests: plain data, and a function of time.
//!
//! Guarantees: the same file, seed and calls at the same times give the same world; nothing happens but in [`World::advance`] and in calls.
//! Deliberately absent: timers, threads, sockets.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::machine::Machine;

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

/// Where a caller stands: it decides which networks the caller reaches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Place {
    /// A process on this host.
    OnHost(HostName),
    /// Any other machine, outside of all hosts.
    Remote,
}

/// What a listener shows to a TLS client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerIdentity {
    /// The self-signed certificate, DER.
    pub certificate: Vec<u8>,
    /// Its private key, PKCS#8 DER.
    pub key: Vec<u8>,
    /// SHA-1 over the certificate, upper hex: what Windows calls the thumbprint.
    pub thumbprint: String,
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
    hosts: BTreeMap<HostName, ()>,
}

impl World {
    /// Lets time pass until `now`: jobs end, guests boot, services start. Time never goes back.
    pub fn advance(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

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

    /// Who answers a caller at `from` on `address` and `port`; `None` when nobody listens there or nothing leads there.
    #[must_use]
    pub fn machine_at(&self, _from: &Place, _address: IpAddr, _port: u16) -> Option<MachineId> {
        None
    }

    /// Every address where somebody answers at this moment, by place.
    #[must_use]
    pub fn endpoints(&self) -> Vec<Endpoint> {
        Vec::new()
    }

    /// The machine's WMI view; `None` when it does not run.
    pub fn machine_mut(&mut self, _id: &MachineId) -> Option<Box<dyn Machine + '_>> {
        None
    }

    /// The certificate and key of the machine's listener.
    #[must_use]
    pub fn certificate(&self, _id: &MachineId) -> Option<&ListenerIdentity> {
        None
    }

    /// Whether the machine lets `user` in with `password` (a local account, or one of the domain it belongs to).
    #[must_use]
    pub fn accepts(&self, _id: &MachineId, _user: &str, _password: &str) -> bool {
        false
    }
}

// Skeleton of what SIM.md promises, so that the protocol side compiles until the world stands.

/// Something that happens to the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Fault {
    /// The host restarts.
    HostRestarts {
        /// Which.
        host: HostName,
    },
}

/// The world refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the world has no `{0}`")]
pub struct WorldError(pub String);

impl World {
    /// Something happens.
    ///
    /// # Errors
    /// The fault names what the world does not have.
    pub fn apply(&mut self, fault: Fault) -> Result<(), WorldError> {
        let Fault::HostRestarts { host } = fault;
        Err(WorldError(host.to_string()))
    }

    /// Writes the state into `directory`.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self, _directory: &std::path::Path) -> Result<(), WorldError> {
        Ok(())
    }
}

impl std::fmt::Display for MachineId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host(host) => write!(f, "{host}"),
            Self::Guest { host, vm } => write!(f, "{host}/{vm}"),
        }
    }
}
