//! What a pass that finds nothing to do costs a resident agent, and how many requests it makes.
//!
//! The appliances of `examples/seattle` converge on driven time; then an engine runs above them on real time, on a thread of its own,
//! and the simulated hosts on another. What the engine's thread used is the agent's own CPU: envelopes, TLS, comparing, planning.
//! Guarantees: nothing is asserted about time. Deliberately absent: sockets, which cost the same for any agent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../../cli/benches/bars/table.rs"]
mod table;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyperv::{Credential, CredentialError, Credentials, Host, HostContext};
use model::desired::{Desired, DesiredHost, Grade, StartMode, WatchedService};
use model::names::{ApplianceName, CredentialName};
use model::resolve::ParsedFile;
use model::snapshot::{Revision, Snapshot};
use model::units::Span;
use model::validate::Assembler;
use sim::network::{Memory, Simulator};
use sim::world::{HostName, MachineId, Place, World, WorldFile};
use table::Row;
use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use trunkline_engine::interrupt::KillSwitch;
use trunkline_engine::lock::{LockHolder, StateLock};
use trunkline_engine::outcome::Outcome;
use trunkline_engine::place::StateDirectory;
use trunkline_engine::store::memory::{MemoryStore, Ownership};
use trunkline_engine::{Engine, Hosts, Limits, Parts};
use wsman::Secret;
use wsman::auth::Refusals;
use wsman::clock::{Clock, SharedClock, TokioClock};
use wsman::connect::{BoxFuture, Connect, Endpoint, Stream};
use wsman::tls::Trust;

const EXAMPLE: [&str; 5] =
    ["repository.yaml", "releases/2.1.yaml", "sites/seattle/site.yaml", "sites/seattle/sea-1.yaml", "sites/seattle/sea-2.yaml"];
/// Passes are counted over so many spans of time.
const SPANS: usize = 6;
const SPAN: Duration = Duration::from_secs(2);
/// The bar, for one appliance of four VMs.
const BAR: Duration = Duration::from_millis(3);

fn main() {
    let clock = Arc::new(TwoPhase(Mutex::default()));
    let shared: SharedClock = clock.clone();
    // What a disk does with a new file is no part of the agent's own CPU.
    let state = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let paused = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (simulator, desired) = paused.block_on(async {
        clock.set(Phase::Driven(TokioClock::starting_at("2026-03-03T11:30:00Z".parse().unwrap())));
        let simulator = Simulator::new(world(0), shared.clone());
        let desired = wishes(&simulator);
        let way = Arc::new(Way { simulator: simulator.clone(), beyond: None, clock: shared.clone() });
        let engine = engine(state.path(), way, &shared);
        let outcomes = engine.settle(&snapshot(&desired), CancellationToken::new()).await;
        assert!(outcomes.values().all(|outcome| *outcome == Outcome::Converged), "{outcomes:#?}");
        clock.stop_driving();
        (simulator, desired)
    });
    drop(paused);
    table::heading();
    requests(&simulator, &desired, &shared);
    passes(&simulator, desired, &shared, state.path());
}

/// Requests of one look: with one VM of others and eight, with the services of the profile and fifty of them.
fn requests(simulator: &Simulator, desired: &BTreeMap<ApplianceName, Arc<Desired>>, clock: &SharedClock) {
    let wish = desired.values().next().unwrap();
    let with_others = |count| look(&Simulator::new(world(count), Arc::clone(clock)), wish, clock).0;
    println!("{}", Row::constant("requests to a host with 2 other VMs, and with 8", [with_others(2), with_others(8)]));
    let (_, few) = look(simulator, wish, clock);
    let mut wide = Desired::clone(wish);
    // A role that watches nothing is not asked about services at all.
    for role in wide.roles.iter_mut().filter(|role| !role.services.is_empty()) {
        let watched = |n| WatchedService {
            names: vec![format!("Service{n}").parse().unwrap()],
            grade: Grade::Support,
            start_mode: StartMode::Automatic,
        };
        role.services = role.services.iter().cloned().chain((role.services.len()..50).map(watched)).collect();
    }
    let (_, many) = look(simulator, &wide, clock);
    println!("{}", Row::constant("requests to all four guests, few services each, and fifty", [few, many]));
}

/// Requests of the second look of an agent, to the host and to all guests: what the first was told and still stands is not asked again.
fn look(simulator: &Simulator, desired: &Desired, clock: &SharedClock) -> (u64, u64) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let way = Way { simulator: simulator.clone(), beyond: None, clock: Arc::clone(clock) };
        let host = Host::new(&desired.host, way.way_to(&desired.host)).unwrap();
        host.observe(desired).await.unwrap();
        let before = answered(simulator);
        host.observe(desired).await.unwrap();
        let after = answered(simulator);
        (after.0 - before.0, after.1 - before.1)
    })
}

fn total(simulator: &Simulator) -> u64 {
    let (hosts, guests) = answered(simulator);
    hosts + guests
}

/// Requests that hosts have answered, and guests.
fn answered(simulator: &Simulator) -> (u64, u64) {
    let (hosts, guests): (Vec<_>, Vec<_>) =
        simulator.exchanges().into_iter().partition(|(machine, _, _)| matches!(machine, MachineId::Host(_)));
    let sum = |all: Vec<(MachineId, String, u64)>| all.into_iter().map(|(_, _, count)| count).sum();
    (sum(hosts), sum(guests))
}

/// The CPU of passes that find nothing to do.
fn passes(simulator: &Simulator, mut desired: BTreeMap<ApplianceName, Arc<Desired>>, clock: &SharedClock, state: &Path) {
    let per_look: u64 = desired.values().map(|wish| look(simulator, wish, clock)).map(|(host, guests)| host + guests).sum();
    let mutations = simulator.mutations().len();
    for wish in desired.values_mut() {
        Arc::make_mut(wish).watch.probe_every = Span::from_secs(1);
    }
    let appliances = desired.len() as f64;
    let theirs = Builder::new_current_thread().enable_all().build().unwrap();
    let way = Arc::new(Way { simulator: simulator.clone(), beyond: Some(theirs.handle().clone()), clock: Arc::clone(clock) });
    let over = CancellationToken::new();
    let until = over.clone();
    let hosts = std::thread::spawn(move || theirs.block_on(until.cancelled()));
    let ours = Builder::new_current_thread().enable_all().build().unwrap();
    let spans = ours.block_on(async {
        let engine = engine(state, way, clock);
        let shutdown = CancellationToken::new();
        let (_sender, receiver) = watch::channel(snapshot(&desired));
        let measuring = async {
            // The first passes connect.
            tokio::time::sleep(Duration::from_secs(3)).await;
            let mut spans = Vec::new();
            for _ in 0..SPANS {
                let before = (thread_cpu(), total(simulator));
                tokio::time::sleep(SPAN).await;
                spans.push((thread_cpu() - before.0, total(simulator) - before.1));
            }
            shutdown.cancel();
            spans
        };
        tokio::join!(engine.run(receiver, shutdown.clone()), measuring).1
    });
    over.cancel();
    hosts.join().unwrap();
    assert_eq!(simulator.mutations().len(), mutations, "nothing was to be done");
    let passes = |requests: u64| requests as f64 / per_look as f64 * appliances;
    println!("{}", Row::told("passes counted", format!("{:.0}", passes(spans.iter().map(|(_, requests)| requests).sum()))));
    // The best span: the others had more of whatever else this machine does.
    let each = spans.iter().map(|(cpu, requests)| cpu.div_f64(passes(*requests))).min().unwrap();
    println!("{}", Row::told("requests of a pass", format!("{:.0}", per_look as f64 / appliances)));
    println!("{}", Row::within("resident pass with nothing to do, own CPU per appliance", [Duration::ZERO, each], BAR));
}

/// What this thread has used. The kernel brings the number up to date whenever the thread sleeps.
///
/// Kept as a call of its own: `valgrind --tool=callgrind --dump-before=*thread_cpu* --separate-threads=yes` counts a span by it.
#[inline(never)]
fn thread_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split_ascii_whitespace().next().and_then(|number| number.parse().ok());
    Duration::from_nanos(nanos.expect("this benchmark needs Linux"))
}

fn world(others: usize) -> World {
    let text = include_str!("../../../examples/seattle.world.yaml");
    let one = |n: usize| format!("{{name: other{n}, adapters: [{{switch: SfB CCE Corpnet Switch}}]}}");
    let machines = (0..others).map(one).collect::<Vec<_>>().join(", ");
    let text = text.replace("  - name: hv-sea-1\n", &format!("  - name: hv-sea-1\n    machines: [{machines}]\n"));
    World::from_file(WorldFile::parse(&text).unwrap()).unwrap()
}

/// The example's wishes, at any hour, pinned to the simulated hosts' certificates.
fn wishes(simulator: &Simulator) -> BTreeMap<ApplianceName, Arc<Desired>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/seattle");
    let files = EXAMPLE.map(|path| Arc::new(ParsedFile::new(path, &std::fs::read(root.join(path)).unwrap())));
    let assembled = Assembler::new(env!("CARGO_PKG_VERSION")).assemble(files);
    assert!(assembled.complete, "{:#?}", assembled.diagnostics);
    let mut desired = BTreeMap::clone(&assembled.desired);
    for wish in desired.values_mut().map(Arc::make_mut) {
        let listener = simulator.world().certificate(&MachineId::Host(host_at(&wish.host.address))).unwrap().thumbprint.clone();
        wish.host.fingerprint = Some(listener);
        wish.windows = Arc::default();
    }
    desired
}

fn snapshot(desired: &BTreeMap<ApplianceName, Arc<Desired>>) -> Snapshot {
    let revision = Revision::of_commit("main", "1f2e3d4c5b6a79881f2e3d4c5b6a79881f2e3d4c");
    Snapshot { revision, desired: Arc::new(desired.clone()), complete: true, ..Snapshot::unread() }
}

fn engine(state: &Path, hosts: Arc<Way>, clock: &SharedClock) -> Engine {
    let state = StateDirectory::open(state).unwrap();
    let me = LockHolder { pid: std::process::id(), command: "bench".to_owned(), since: clock.now() };
    let lock = StateLock::take(&state, &me).unwrap();
    let store = Arc::new(MemoryStore::new(Arc::clone(clock), Ownership::All));
    let parts = Parts { clock: Arc::clone(clock), state, store, hosts, limits: Limits::default(), kill: KillSwitch::default() };
    Engine::new(parts, lock)
}

fn host_at(address: &str) -> HostName {
    HostName::new(if address == "192.168.0.12" { "hv-sea-2" } else { "hv-sea-1" })
}

/// The way to the simulated hosts, which may live on a runtime of their own.
#[derive(Debug)]
struct Way {
    simulator: Simulator,
    beyond: Option<Handle>,
    clock: SharedClock,
}

impl Hosts for Way {
    fn way_to(&self, host: &DesiredHost) -> HostContext {
        let memory = self.simulator.connect_from(Place::OnHost(host_at(&host.address)));
        let connect: Arc<dyn Connect> = match &self.beyond {
            None => Arc::new(memory),
            Some(runtime) => Arc::new(Beyond { memory, runtime: runtime.clone() }),
        };
        HostContext {
            connect,
            credentials: Arc::new(Known),
            trust: Trust::System,
            clock: Arc::clone(&self.clock),
            refusals: Refusals::default(),
            trace: None,
        }
    }
}

/// Connects to a server that another runtime drives.
#[derive(Debug)]
struct Beyond {
    memory: Memory,
    runtime: Handle,
}

impl Connect for Beyond {
    fn connect<'a>(&'a self, to: &'a Endpoint) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        let (memory, to) = (self.memory.clone(), to.clone());
        let opened = self.runtime.spawn(async move { memory.open(&to.host, to.port) });
        Box::pin(async move { Ok(Box::new(opened.await.map_err(io::Error::other)??) as Box<dyn Stream>) })
    }
}

/// The example's passwords.
#[derive(Debug)]
struct Known;

impl Credentials for Known {
    fn resolve(&self, name: &CredentialName) -> Result<Credential, CredentialError> {
        let (user, secret) = match name.as_str() {
            "hyperv-host" => ("trunkline", "example-host"),
            "guest-admin" => ("Administrator", "example-guest"),
            "domain-admin" => ("VDOMAIN\\Administrator", "example-domain"),
            _ => return Err(CredentialError::Unknown),
        };
        Ok(Credential::new(user, Secret::new(secret)))
    }
}

/// Driven while the hosts converge; real, from the same instant on, while passes are measured.
#[derive(Debug)]
struct TwoPhase(Mutex<Phase>);

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Unset,
    Driven(TokioClock),
    Real {
        from: jiff::Timestamp,
        since: std::time::Instant,
    },
}

impl TwoPhase {
    fn set(&self, phase: Phase) {
        *self.0.lock().unwrap() = phase;
    }

    #[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
    fn stop_driving(&self) {
        let now = std::time::Instant::now();
        let mut phase = self.0.lock().unwrap();
        if let Phase::Driven(clock) = &*phase {
            *phase = Phase::Real { from: clock.now(), since: now };
        }
    }
}

impl Clock for TwoPhase {
    fn now(&self) -> jiff::Timestamp {
        match &*self.0.lock().unwrap() {
            Phase::Unset => jiff::Timestamp::UNIX_EPOCH,
            Phase::Driven(clock) => clock.now(),
            Phase::Real { from, since } => *from + jiff::SignedDuration::try_from(since.elapsed()).unwrap(),
        }
    }
}
