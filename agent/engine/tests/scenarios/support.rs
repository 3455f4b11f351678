//! A bare host that carries one VM's image, the wish for it, and engines that live and die above it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engine::event::{Event, Happening};
use engine::interrupt::KillSwitch;
use engine::lock::{LockHolder, StateLock};
use engine::outcome::Outcome;
use engine::place::StateDirectory;
use engine::status::{ApplianceStatus, read_all};
use engine::store::memory::{MemoryStore, Ownership};
use engine::{Engine, Hosts, Limits, Parts};
use hyperv::{Credential, CredentialError, Credentials, HostContext};
use model::desired::{Desired, DesiredHost, ManagementLifetime, NetworkKind, PlannedOutage, RoleImage};
use model::names::{ApplianceName, CredentialName, WindowName};
use model::snapshot::{Revision, Snapshot};
use model::units::Span;
use model::window::Window;
use plan::fixtures;
use sim::network::Simulator;
use sim::world::{HostName, MachineId, Place, World, WorldFile};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use wsman::Secret;
use wsman::auth::Refusals;
use wsman::clock::{SharedClock, TokioClock};
use wsman::tls::Trust;

/// Two hosts of one site; most tests use the first only.
pub const WORLD: &str = r"
apiVersion: trunkline.dev/sim/v1alpha1
kind: World
seed: 7
start: 2026-03-03T11:00:00Z
networks:
  - {name: corpnet, subnet: 192.168.0.0/24}
images:
  - name: app
    computerName: TEMPLATE
    accounts: [{user: Administrator, password: guest-secret}]
    services: [{name: AppSvc}]
hosts:
  - name: hv-1
    computerName: HV-1
    memoryGib: 16
    volumes: [{letter: C, gib: 100}, {letter: D, gib: 500}]
    accounts: [{user: trunkline, password: host-secret}]
    nics: [{name: Ethernet, network: corpnet, addresses: [192.168.0.10/24]}]
    switches: [{name: Corpnet, type: external, nic: Ethernet, allowManagementOs: true}]
    files: [{path: 'D:\Images\app.vhdx', gib: 12, image: app}]
  - name: hv-2
    computerName: HV-2
    memoryGib: 16
    volumes: [{letter: C, gib: 100}, {letter: D, gib: 500}]
    accounts: [{user: trunkline, password: host-secret}]
    nics: [{name: Ethernet, network: corpnet, addresses: [192.168.0.20/24]}]
    switches: [{name: Corpnet, type: external, nic: Ethernet, allowManagementOs: true}]
    files: [{path: 'D:\Images\app.vhdx', gib: 12, image: app}]
";

/// The agent runs on each host as it were, so that it reaches the guests over their management switches.
#[derive(Debug)]
struct OnEachHost {
    sim: Simulator,
    clock: SharedClock,
    credentials: Arc<dyn Credentials>,
    refusals: Refusals,
}

impl Hosts for OnEachHost {
    fn way_to(&self, host: &DesiredHost) -> HostContext {
        let at = self.sim.world().machine_at(&Place::Remote, host.address.parse().unwrap(), host.port);
        let place = match at {
            Some(MachineId::Host(name)) => Place::OnHost(name),
            _ => Place::Remote,
        };
        let connect = Arc::new(self.sim.connect_from(place));
        HostContext {
            connect,
            credentials: Arc::clone(&self.credentials),
            trust: Trust::System,
            clock: Arc::clone(&self.clock),
            refusals: self.refusals.clone(),
            trace: None,
        }
    }
}

/// Knows these names with their users and passwords.
#[derive(Debug, Clone, Copy)]
pub struct Known(pub &'static [(&'static str, &'static str, &'static str)]);

impl Credentials for Known {
    fn resolve(&self, name: &CredentialName) -> Result<Credential, CredentialError> {
        let (_, user, secret) = self.0.iter().find(|(known, ..)| *known == name.as_str()).ok_or(CredentialError::Unknown)?;
        Ok(Credential::new(*user, Secret::new(*secret)))
    }
}

fn certificate(world: &World, host: &str) -> String {
    world.certificate(&MachineId::Host(HostName::new(host))).unwrap().thumbprint.clone()
}

/// A host, a wish for it, and a state directory. Lives longer than the engines above it.
pub struct Stage {
    pub sim: Simulator,
    pub desired: Desired,
    pub clock: SharedClock,
    pub directory: tempfile::TempDir,
    pub limits: Limits,
    pub credentials: Arc<dyn Credentials>,
}

impl Stage {
    pub fn new() -> Self {
        Self::in_world(WORLD, 1)
    }

    /// The same over other hosts, with the first so many of the roles `app` (support) and `gateway` (in the call path).
    pub fn in_world(world: &str, roles: usize) -> Self {
        let clock: SharedClock = Arc::new(TokioClock::starting_at("2026-03-03T11:30:00Z".parse().unwrap()));
        let world = World::from_file(WorldFile::parse(world).unwrap()).unwrap();
        let mut desired = fixtures::branch_bundle();
        desired.host.address = "192.168.0.10".to_owned();
        desired.host.fingerprint = Some(certificate(&world, "hv-1"));
        desired.watch.network = fixtures::of("corpnet");
        let networks = Arc::make_mut(&mut desired.networks);
        for network in networks.values_mut() {
            if let NetworkKind::Management { lifetime, .. } = &mut network.kind {
                *lifetime = ManagementLifetime::Temporary;
            }
        }
        // Open at this hour, and the only time at which the only appliance of its site may be out.
        let outage = PlannedOutage { windows: vec![fixtures::of("nights")], at_most: Span::from_secs(2700) };
        desired.availability.planned_outage = Some(outage);
        desired.windows = Arc::new([(fixtures::of("nights"), fixtures::nights())].into());
        networks.retain(|name, _| name.as_str() != "internet");
        desired.roles.truncate(roles);
        for role in &mut desired.roles {
            role.image = RoleImage { size: None, ..role.image.clone() };
        }
        let known = Known(&[("host-admin", "trunkline", "host-secret"), ("guest-admin", "Administrator", "guest-secret")]);
        Self::with(world, (desired, clock), known)
    }

    /// The hosts of a world file, and a wish for the one of them that is called `host`.
    pub fn of(world: &str, mut desired: Desired, host: &str, known: Known) -> Self {
        let world = World::from_file(WorldFile::parse(world).unwrap()).unwrap();
        let clock: SharedClock = Arc::new(TokioClock::starting_at(world.now()));
        desired.host.fingerprint = Some(certificate(&world, host));
        Self::with(world, (desired, clock), known)
    }

    fn with(world: World, (desired, clock): (Desired, SharedClock), known: Known) -> Self {
        Self {
            sim: Simulator::new(world, Arc::clone(&clock)),
            desired,
            clock,
            directory: tempfile::tempdir().unwrap(),
            limits: Limits::default(),
            credentials: Arc::new(known),
        }
    }

    /// Gives the only appliance of its site two windows, the first open until 13:00 and the second one from 14:00 on.
    pub fn open_twice(&mut self) {
        let later = Window { start: fixtures::of("06:00"), duration: Span::from_secs(3600), ..fixtures::nights() };
        let windows: [(WindowName, Window); 2] = [(fixtures::of("nights"), fixtures::nights()), (fixtures::of("mornings"), later)];
        let outage = PlannedOutage { windows: windows.iter().map(|(name, _)| name.clone()).collect(), at_most: Span::from_secs(2700) };
        self.desired.windows = Arc::new(windows.into());
        self.desired.availability.planned_outage = Some(outage);
    }

    pub fn name(&self) -> ApplianceName {
        self.desired.appliance.clone()
    }

    pub fn host(&self) -> HostName {
        HostName::new("hv-1")
    }

    pub fn snapshot(&self) -> Snapshot {
        let desired = BTreeMap::from([(self.name(), Arc::new(self.desired.clone()))]);
        let revision = Revision::of_commit("main", "1f2e3d4c5b6a79881f2e3d4c5b6a79881f2e3d4c");
        Snapshot { revision, desired: Arc::new(desired), complete: true, ..Snapshot::unread() }
    }

    /// The wish for a second appliance of the same site, on the second host; the first one leads. Each must be left by the other.
    pub fn pair(&self) -> (Desired, Desired) {
        let mut first = self.desired.clone();
        first.windows = Arc::default();
        (first.availability.min_serving, first.availability.planned_outage) = (1, None);
        let mut second = first.clone();
        second.appliance = fixtures::of("branch-2");
        second.host.address = "192.168.0.20".to_owned();
        second.host.fingerprint = Some(certificate(&self.sim.world(), "hv-2"));
        for adapter in second.roles.iter_mut().flat_map(|role| &mut role.adapters).filter(|adapter| adapter.name.as_str() == "corpnet") {
            adapter.addresses = vec![fixtures::of("192.168.0.138/24")];
            adapter.mac = fixtures::of("00155D0002FF");
        }
        first.peers = vec![second.appliance.clone()];
        second.peers = vec![first.appliance.clone()];
        (first, second)
    }

    pub fn state(&self) -> StateDirectory {
        StateDirectory::open(self.directory.path()).unwrap()
    }

    pub fn parts(&self, kill: KillSwitch) -> Parts {
        let (clock, credentials) = (Arc::clone(&self.clock), Arc::clone(&self.credentials));
        Parts {
            clock: Arc::clone(&clock),
            state: self.state(),
            store: Arc::new(MemoryStore::new(Arc::clone(&clock), Ownership::All)),
            hosts: Arc::new(OnEachHost { sim: self.sim.clone(), clock, credentials, refusals: Refusals::default() }),
            limits: self.limits,
            kill,
        }
    }

    /// Lets an engine go on for ever, or for as long as `story` takes.
    pub async fn while_running(&self, snapshot: &Snapshot, story: impl AsyncFnOnce(&mut broadcast::Receiver<Arc<Event>>)) {
        let engine = self.engine(KillSwitch::default());
        let mut events = engine.listen();
        while_running(&engine, snapshot, async |_| story(&mut events).await).await;
    }

    /// The status that the state directory holds of an appliance.
    pub fn status(&self, appliance: &ApplianceName) -> ApplianceStatus {
        read_all(&self.state()).0.into_iter().find(|status| status.appliance == *appliance).unwrap()
    }

    /// A new life of the agent.
    pub fn engine(&self, kill: KillSwitch) -> Engine {
        let me = LockHolder { pid: 1, command: "run".to_owned(), since: self.clock.now() };
        Engine::new(self.parts(kill), StateLock::take(&self.state(), &me).unwrap())
    }

    /// One life that goes as far as it can; how the appliance ended.
    pub async fn settle(&self, kill: KillSwitch) -> Outcome {
        let engine = self.engine(kill);
        engine.settle(&self.snapshot(), CancellationToken::new()).await.remove(&self.name()).unwrap()
    }

    /// A new life, under which everything that `snapshot` wishes has converged.
    pub async fn converged(&self, snapshot: &Snapshot) -> Engine {
        let engine = self.engine(KillSwitch::default());
        converge(&engine, snapshot).await;
        engine
    }

    /// What a life that goes as far as it can does: how the appliance ended, and which steps were done.
    pub async fn steps_of(&self, snapshot: &Snapshot) -> (Outcome, Vec<String>) {
        let engine = self.engine(KillSwitch::default());
        let mut events = engine.listen();
        let outcome = engine.settle(snapshot, CancellationToken::new()).await.remove(&self.name()).unwrap();
        let done = |event: Arc<Event>| match &event.what {
            Happening::StepDone { step, .. } => Some(step.to_string()),
            _ => None,
        };
        (outcome, std::iter::from_fn(|| events.try_recv().ok()).filter_map(done).collect())
    }

    /// How often each changing method was carried out on the host.
    pub fn methods(&self) -> BTreeMap<String, usize> {
        let mut methods = BTreeMap::new();
        for mutation in self.sim.mutations().into_iter().filter(|mutation| mutation.status == 200) {
            *methods.entry(if mutation.method.is_empty() { mutation.operation } else { mutation.method }).or_default() += 1;
        }
        methods
    }
}

/// Some wishes as a directory holds them.
pub fn snapshot<'a>(of: impl IntoIterator<Item = &'a Desired>) -> Snapshot {
    let desired: BTreeMap<_, _> = of.into_iter().map(|one| (one.appliance.clone(), Arc::new(one.clone()))).collect();
    Snapshot { revision: Revision::of_directory(), desired: Arc::new(desired), complete: true, ..Snapshot::unread() }
}

/// Goes on until everything that `snapshot` wishes has converged.
pub async fn converge(engine: &Engine, snapshot: &Snapshot) {
    let ended = engine.settle(snapshot, CancellationToken::new()).await;
    assert!(ended.values().all(|outcome| *outcome == Outcome::Converged), "{ended:#?}");
}

/// Lets `engine` go on for as long as `story` takes, which may send other wishes than `snapshot`.
pub async fn while_running(engine: &Engine, snapshot: &Snapshot, story: impl AsyncFnOnce(&watch::Sender<Snapshot>)) {
    let (snapshots, receiver) = watch::channel(snapshot.clone());
    let shutdown = CancellationToken::new();
    let told = async {
        story(&snapshots).await;
        shutdown.cancel();
    };
    tokio::join!(engine.run(receiver, shutdown.clone()), told);
}

/// The next event that `wanted` takes, and when it came; an hour is long enough for all of them.
pub async fn heard(events: &mut broadcast::Receiver<Arc<Event>>, wanted: impl Fn(&Event) -> bool) -> Arc<Event> {
    let mut told = Vec::new();
    loop {
        let event = tokio::time::timeout(Duration::from_secs(3 * 3600), events.recv()).await;
        let Ok(Ok(event)) = event else { panic!("it was not told: {told:#?}") };
        if wanted(&event) {
            return event;
        }
        told.push(format!("{} {}: {}", event.at, event.appliance, event.what));
    }
}

/// Whether this step was done.
pub fn is_done(event: &Event, step: &str) -> bool {
    matches!(&event.what, Happening::StepDone { step: done, .. } if done.as_str() == step)
}

/// Lets a failing test tell what the engine logged: `RUST_LOG=debug`.
pub fn log() {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
}
