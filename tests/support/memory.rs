//! A machine room in memory: the simulated hosts of an example on driven time, the wish for one appliance, and lives of the agent.
//!
//! Guarantees: every byte of TLS, HTTP and the envelope runs; a room that was photographed goes on elsewhere as if its agent had died
//! at that instant.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use engine::interrupt::KillSwitch;
use engine::lock::{LockHolder, StateLock};
use engine::outcome::Outcome;
use engine::place::StateDirectory;
use engine::store::memory::{MemoryStore, Ownership};
use engine::{Engine, Hosts, Limits, Parts};
use hyperv::{Credential, CredentialError, Credentials, Host, HostContext};
use model::desired::{Desired, DesiredHost};
use model::names::{ApplianceName, CredentialName};
use model::snapshot::{Revision, Snapshot};
use serde_json::Value;
use sim::network::{Mutation, Simulator};
use sim::world::{HostName, MachineId, Place, World, WorldFile};
use tokio_util::sync::CancellationToken;
use wsman::Secret;
use wsman::auth::Refusals;
use wsman::clock::{SharedClock, TokioClock};
use wsman::tls::Trust;

use super::example::{CREDENTIALS, Example};
use super::sight::timeless;

/// When worlds of tests begin: a Wednesday noon in Europe, when no window is open.
const BEGIN: &str = "2026-03-04T11:30:00Z";

/// The hosts of an example, and the wish for one of its appliances.
#[derive(Debug)]
pub struct Room {
    /// The hosts.
    pub sim: Simulator,
    /// The wish.
    pub desired: Arc<Desired>,
    clock: SharedClock,
    /// What hosts were told before this room's simulator began.
    before: Vec<Mutation>,
}

/// A room at an instant, with what the agent had on its disk.
#[derive(Debug, Clone)]
pub struct Photograph {
    /// The hosts.
    pub world: World,
    /// What they had been told.
    pub mutations: Vec<Mutation>,
    /// The agent's files, by path.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Photograph {
    /// The hosts as they are now, and the agent's disk.
    pub fn of(sim: &Simulator, disk: &Path) -> Self {
        let world = sim.world().clone();
        Self { world, mutations: sim.mutations(), files: files_below(disk) }
    }
}

impl Room {
    /// Bare hosts.
    pub fn bare(example: Example, appliance: &str) -> Self {
        let desired = wish(example, appliance);
        let mut file = WorldFile::parse(&example.world_text()).unwrap();
        file.start = Some(BEGIN.parse().unwrap());
        Self::around(World::from_file(file).unwrap(), desired, Vec::new())
    }

    /// The hosts of a photograph, from its instant on.
    pub fn of(photograph: &Photograph, example: Example, appliance: &str) -> Self {
        Self::around(photograph.world.clone(), wish(example, appliance), photograph.mutations.clone())
    }

    fn around(world: World, desired: Arc<Desired>, before: Vec<Mutation>) -> Self {
        let clock: SharedClock = Arc::new(TokioClock::starting_at(world.now()));
        Self { sim: Simulator::new(world, Arc::clone(&clock)), desired, clock, before }
    }

    /// The appliance.
    pub fn name(&self) -> ApplianceName {
        self.desired.appliance.clone()
    }

    /// Everything that changed a machine, in this room and in the one that it was photographed in.
    pub fn mutations(&self) -> Vec<Mutation> {
        self.before.iter().cloned().chain(self.sim.mutations()).collect()
    }

    /// How often each method was carried out on hosts and on guests. Who tells a guest its address twice has told it once.
    pub fn deeds(&self) -> BTreeMap<String, usize> {
        let mut deeds = BTreeMap::new();
        let mut addresses = BTreeSet::new();
        for mutation in self.mutations().into_iter().filter(|mutation| mutation.status == 200) {
            if mutation.method == "SetGuestNetworkAdapterConfiguration"
                && !addresses.insert((mutation.target.clone(), mutation.input.clone()))
            {
                continue;
            }
            let machine = match mutation.machine {
                MachineId::Host(_) => "host",
                MachineId::Guest { .. } => "guest",
            };
            let what = if mutation.method.is_empty() { mutation.operation } else { mutation.method };
            *deeds.entry(format!("{machine} {what}")).or_default() += 1;
        }
        deeds
    }

    /// A snapshot that describes this appliance alone.
    pub fn snapshot(&self) -> Snapshot {
        let desired = BTreeMap::from([(self.name(), Arc::clone(&self.desired))]);
        let revision = Revision::of_commit("main", "1f2e3d4c5b6a79881f2e3d4c5b6a79881f2e3d4c");
        Snapshot { revision, desired: Arc::new(desired), complete: true, ..Snapshot::unread() }
    }

    /// One life of the agent, with its disk; how the appliance ended.
    pub async fn live(&self, disk: &Path, kill: KillSwitch) -> Outcome {
        self.live_within(disk, kill, Limits::default()).await
    }

    /// The same, one step at a time.
    pub async fn live_slowly(&self, disk: &Path, kill: KillSwitch) -> Outcome {
        self.live_within(disk, kill, Limits { steps: 1, ..Limits::default() }).await
    }

    async fn live_within(&self, disk: &Path, kill: KillSwitch, limits: Limits) -> Outcome {
        let state = StateDirectory::open(disk).unwrap();
        let me = LockHolder { pid: 1, command: "run".to_owned(), since: self.clock.now() };
        let lock = StateLock::take(&state, &me).unwrap();
        let parts = Parts {
            clock: Arc::clone(&self.clock),
            state,
            store: Arc::new(MemoryStore::new(Arc::clone(&self.clock), Ownership::All)),
            hosts: Arc::new(OnHost { sim: self.sim.clone(), clock: Arc::clone(&self.clock) }),
            limits,
            kill,
        };
        Engine::new(parts, lock).settle(&self.snapshot(), CancellationToken::new()).await.remove(&self.name()).unwrap()
    }

    /// What is there now, without instants.
    pub async fn look(&self) -> Value {
        let hosts = OnHost { sim: self.sim.clone(), clock: Arc::clone(&self.clock) };
        let host = Host::new(&self.desired.host, hosts.way_to(&self.desired.host)).unwrap();
        timeless(&host.observe(&self.desired).await.unwrap())
    }
}

/// The wish for one appliance of an example, as its files say.
fn wish(example: Example, appliance: &str) -> Arc<Desired> {
    let snapshot = source::read_directory(&example.directory()).unwrap();
    Arc::clone(&snapshot.desired[&ApplianceName::new(appliance).unwrap()])
}

/// The agent runs on the appliance's own host.
#[derive(Debug)]
struct OnHost {
    sim: Simulator,
    clock: SharedClock,
}

impl Hosts for OnHost {
    fn way_to(&self, host: &DesiredHost) -> HostContext {
        let world = self.sim.world();
        let address = host.address.parse().unwrap();
        let machine = world.machine_at(&Place::Remote, address, host.port).unwrap();
        let pem = world.certificate(&machine).unwrap().certificate_pem();
        let MachineId::Host(name) = machine else { panic!("{address} is no host's") };
        drop(world);
        HostContext {
            connect: Arc::new(self.sim.connect_from(Place::OnHost(HostName::new(name.as_str())))),
            credentials: Arc::new(Known),
            trust: Trust::Authorities(pem.into_bytes()),
            clock: Arc::clone(&self.clock),
            refusals: Refusals::default(),
            trace: None,
        }
    }
}

/// Knows the examples' passwords.
#[derive(Debug)]
struct Known;

impl Credentials for Known {
    fn resolve(&self, name: &CredentialName) -> Result<Credential, CredentialError> {
        let (_, user, password) = CREDENTIALS.iter().find(|(known, ..)| *known == name.as_str()).ok_or(CredentialError::Unknown)?;
        Ok(Credential::new(*user, Secret::new(*password)))
    }
}

/// Runs on driven time: it stands still while anybody works, and jumps when all wait.
pub fn driven<T>(story: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(story)
}

/// Every file below a directory, by path.
pub fn files_below(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(at) = open.pop() {
        for entry in std::fs::read_dir(&at).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                files.insert(path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned(), bytes);
            }
        }
    }
    files
}

/// Puts files back.
pub fn put_files(directory: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in files {
        let path = directory.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}
