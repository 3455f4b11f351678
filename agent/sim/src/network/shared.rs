//! What all connections of a simulation share: the world, the script, open enumerations, counters.
//!
//! Guarantees: one lock, never held across an await; a request is carried out, logged and saved under one hold of it, so that requests
//! of all callers have one order. The logs are bounded.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tracing::{error, warn};
use wsman::clock::SharedClock;

use super::PlainHttp;
use crate::quota::{Enumerations, Owner};
use crate::respond::{self, Call, Mutation, Service};
use crate::script::{Act, Script, Seen, Verdict};
use crate::server::{Credentials, Outcome, Peer, Tls};
use crate::world::{MachineId, World, WorldError};

/// How many mutations are remembered; the oldest go first.
const MAX_MUTATIONS: usize = 20_000;

/// See the module.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    clock: SharedClock,
    tls: Tls,
    plain_http: AtomicBool,
    changed: watch::Sender<u64>,
    /// The server side of in-memory connections; they end with the simulation.
    tasks: Mutex<JoinSet<()>>,
}

/// What the lock guards.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) script: Script,
    pub(crate) exchanges: BTreeMap<(MachineId, String), u64>,
    pub(crate) mutations: VecDeque<Mutation>,
    enumerations: Enumerations,
    kept: Option<(PathBuf, u64)>,
}

impl Shared {
    pub(crate) fn new(world: World, clock: SharedClock) -> Self {
        let mut script = Script::default();
        script.start(clock.now());
        let state = State {
            world,
            script,
            exchanges: BTreeMap::new(),
            mutations: VecDeque::new(),
            enumerations: Enumerations::default(),
            kept: None,
        };
        Self {
            state: Mutex::new(state),
            clock,
            tls: Tls::default(),
            plain_http: AtomicBool::new(false),
            changed: watch::Sender::new(0),
            tasks: Mutex::default(),
        }
    }

    /// The state, at the clock's present instant.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.advance(self.clock.now());
        state
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Changes whenever something in the world has.
    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Tells the connections to look whether their machine is still there.
    pub(crate) fn publish(&self) {
        let generation = self.lock().world.dirty();
        self.announce(generation);
    }

    pub(crate) fn announce(&self, generation: u64) {
        self.changed.send_if_modified(|known| std::mem::replace(known, generation) != generation);
    }

    pub(crate) fn set_plain_http(&self, plain: PlainHttp) {
        self.plain_http.store(plain == PlainHttp::Allowed, Ordering::Relaxed);
    }

    pub(crate) fn plain_http(&self) -> bool {
        self.plain_http.load(Ordering::Relaxed)
    }

    pub(crate) fn accepts(&self, machine: &MachineId, given: &Credentials) -> bool {
        self.lock().world.accepts(machine, &given.user, &given.password)
    }

    /// Whether the connection still leads to the machine that it was made to.
    pub(crate) fn reaches(&self, peer: &Peer) -> bool {
        self.lock().reaches(peer)
    }

    /// What accepts a TLS handshake in the name of `machine`.
    pub(crate) fn acceptor(&self, machine: &MachineId) -> Option<TlsAcceptor> {
        let identity = self.lock().world.certificate(machine).cloned()?;
        self.tls.acceptor(&identity).inspect_err(|error| warn!(%machine, %error, "listener has no usable certificate")).ok()
    }

    /// Runs the server side of an in-memory connection.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Carries out one request.
    pub(crate) fn exchange(&self, peer: &Peer, user: Option<&str>, envelope: &str) -> Outcome {
        // Read before the lock is taken, so that callers wait for each other's deeds only.
        let call = Call::read(envelope);
        let mut state = self.lock();
        let before = state.world.dirty();
        let outcome = state.exchange(peer, user, &call);
        let after = state.world.dirty();
        drop(state);
        if before != after {
            self.announce(after);
        }
        outcome
    }
}

impl State {
    fn advance(&mut self, now: Timestamp) {
        for (at, fault) in self.script.due(now) {
            self.world.advance(at);
            if let Err(error) = self.world.apply(fault) {
                warn!(%error, "a fault of the script does not fit the world");
            }
        }
        self.world.advance(now);
    }

    pub(super) fn reaches(&self, peer: &Peer) -> bool {
        self.world.machine_at(&peer.from, peer.address, peer.port).as_ref() == Some(&peer.machine)
    }

    pub(super) fn keep_in(&mut self, directory: PathBuf) -> Result<(), WorldError> {
        self.world.save(&directory)?;
        self.kept = Some((directory, self.world.dirty()));
        Ok(())
    }

    fn exchange(&mut self, peer: &Peer, user: Option<&str>, call: &Call) -> Outcome {
        if !self.reaches(peer) {
            return Outcome::Hangup { delay: Duration::ZERO };
        }
        let verdict = self.consult(peer, call);
        let delay = verdict.delay;
        if verdict.wire == Some(Act::Drop) || !self.reaches(peer) {
            return Outcome::Hangup { delay };
        }
        *self.exchanges.entry((peer.machine.clone(), call.operation().to_owned())).or_default() += 1;
        let reply = match verdict.wire {
            Some(Act::Status(status)) => return Outcome::Answer { status, body: String::new(), delay, cut: None },
            Some(Act::Fault(code)) => respond::refuse(call, code, &self.computer(peer), self.enumerations.fresh()),
            _ => self.carry_out(peer, user, call),
        };
        if verdict.wire == Some(Act::CutBeforeAnswer) {
            return Outcome::Hangup { delay };
        }
        let cut = match verdict.wire {
            Some(Act::CutAfter(bytes)) => Some(usize::try_from(bytes).unwrap_or(usize::MAX)),
            _ => None,
        };
        match call.timeout() {
            // The host gives up first; what it did stays done.
            Some(timeout) if delay > timeout => {
                let late = respond::refuse(call, respond::TIMED_OUT, &self.computer(peer), self.enumerations.fresh());
                Outcome::Answer { status: late.status, body: late.body, delay: timeout, cut }
            }
            _ => Outcome::Answer { status: reply.status, body: reply.body, delay, cut },
        }
    }

    fn consult(&mut self, peer: &Peer, call: &Call) -> Verdict {
        let computer = self.computer(peer);
        let seen =
            Seen { machine: &peer.machine, computer: &computer, operation: call.operation(), class: &call.class(), method: call.method() };
        let now = self.world.now();
        let mut verdict = self.script.meet(&seen, now);
        for fault in verdict.world.drain(..) {
            if let Err(error) = self.world.apply(fault) {
                warn!(%error, "a fault of the script does not fit the world");
            }
        }
        verdict
    }

    fn computer(&mut self, peer: &Peer) -> String {
        self.world.machine_mut(&peer.machine).map(|machine| machine.computer_name().to_owned()).unwrap_or_default()
    }

    fn carry_out(&mut self, peer: &Peer, user: Option<&str>, call: &Call) -> respond::Reply {
        let before = self.world.dirty();
        let at = self.world.now();
        let reply = match self.world.machine_mut(&peer.machine) {
            Some(mut machine) => {
                let owner = Owner { machine: peer.machine.clone(), user: user.unwrap_or_default().to_owned() };
                let mut service =
                    Service { machine: machine.as_mut(), enumerations: &mut self.enumerations, owner, authenticated: user.is_some() };
                respond::respond(&mut service, call)
            }
            None => respond::refuse(call, respond::UNREACHABLE, "", self.enumerations.fresh()),
        };
        if self.world.dirty() != before {
            self.remember(call.mutation(at, &peer.machine, reply.status));
            self.save();
        }
        reply
    }

    fn remember(&mut self, mutation: Mutation) {
        if self.mutations.len() >= MAX_MUTATIONS {
            self.mutations.pop_front();
        }
        self.mutations.push_back(mutation);
    }

    fn save(&mut self) {
        let Some((directory, saved)) = &mut self.kept else { return };
        match self.world.save(directory) {
            Ok(()) => *saved = self.world.dirty(),
            Err(error) => error!(%error, directory = %directory.display(), "the world's state is not saved"),
        }
    }
}
