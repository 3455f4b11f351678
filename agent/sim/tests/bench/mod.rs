//! What the tests of the whole wire are tried on: one simulated host, `hv-1` at `10.1.0.10`, and our own client of it.

#![allow(dead_code, reason = "each binary of tests needs a part of it")]

use std::sync::Arc;

use sim::network::Simulator;
use sim::world::{HostName, MachineId, Place, World, WorldFile};
use trunkline_sim as sim;
use wsman::auth::{Authenticate, Basic, Cleartext};
use wsman::clock::{SharedClock, SystemClock, TokioClock};
use wsman::connect::{Connect, Endpoint};
use wsman::tls::{Fingerprint, Trust};
use wsman::{Access, Client, Secret, Settings};

/// Where the host listens.
pub const ADDRESS: &str = "10.1.0.10";

/// One simulation with its clock.
pub struct Bench {
    /// The simulation.
    pub simulator: Simulator,
    /// Its clock, and its clients'.
    pub clock: SharedClock,
}

impl Bench {
    /// A host on driven time; `more` are further lines of it in the world file, each with four spaces before it.
    pub fn new(more: &str) -> Self {
        Self::at(Arc::new(TokioClock::starting_at("2026-03-01T02:00:00Z".parse().expect("an instant"))), more)
    }

    /// A host in real time.
    pub fn in_real_time() -> Self {
        Self::at(Arc::new(SystemClock), "")
    }

    fn at(clock: SharedClock, more: &str) -> Self {
        let world = format!(
            "apiVersion: trunkline.dev/sim/v1alpha1\nkind: World\nnetworks: [{{name: lan, subnet: 10.1.0.0/24}}]\nimages: [{{name: web, \
             computerName: WEB01, accounts: [{{user: Administrator, password: guest}}], winrm: {{basic: true}}, services: [{{name: Web}}]}}]\n\
             hosts:\n  - name: hv-1\n    computerName: HV01\n    accounts: [{{user: trunkline, password: right}}]\n    winrm: {{basic: true}}\n    \
             nics: [{{name: Ethernet, network: lan, addresses: [10.1.0.10/24]}}]\n{more}"
        );
        let world = World::from_file(WorldFile::parse(&world).expect("a world file")).expect("a world");
        Self { simulator: Simulator::new(world, Arc::clone(&clock)), clock }
    }

    /// The certificate that the host shows.
    pub fn thumbprint(&self) -> Fingerprint {
        let world = self.simulator.world();
        world.certificate(&machine()).expect("a listener").thumbprint.parse().expect("a thumbprint")
    }

    /// The way to `endpoint` from another machine, over a stream in memory.
    pub fn access(&self, endpoint: Endpoint, authenticate: Arc<dyn Authenticate>, trust: Trust) -> Access {
        let connect: Arc<dyn Connect> = Arc::new(self.simulator.connect_from(Place::Remote));
        Access { endpoint, connect, trust, authenticate, clock: Arc::clone(&self.clock) }
    }

    /// A client that trusts the host and knows its password.
    pub fn client_with(&self, settings: Settings) -> Client {
        let access = self.access(Endpoint::https(ADDRESS), basic("right"), Trust::Pinned(self.thumbprint()));
        Client::new(access, settings).expect("a client")
    }
}

/// The host's name in the world.
pub fn host() -> HostName {
    HostName::new("hv-1")
}

/// The host as a machine.
pub fn machine() -> MachineId {
    MachineId::Host(host())
}

/// The host's account, with a password that may be wrong.
pub fn basic(password: &str) -> Arc<dyn Authenticate> {
    Arc::new(Basic { cleartext: Cleartext::Allowed, ..Basic::new("trunkline", Secret::new(password)) })
}
