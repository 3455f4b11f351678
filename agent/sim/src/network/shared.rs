//! What all connections of a simulation share: the world, the script, open enumerations, counters.
//!
//! Guarantees: one lock, never held across an await; a request is carried out, logged and saved under one hold of it, so that requests
//! of all callers have one order. The logs are bounded.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tracing::{error, warn};
use wsman::clock::SharedClock;

use super::PlainHttp;
use crate::event::subscription::Subscriptions;
use crate::image::{Rights, Winrm};
use crate::quota::{Crowd, Enumerations, Owner, Place};
use crate::respond::{self, Call, Mutation, Patience, Service};
use crate::script::{self, Act, Script, Seen, Verdict};
use crate::server::{ClientAuth, MAX_HANDSHAKES, Outcome, Peer, Tls};
use crate::world::{Caller, MachineId, World, WorldError};

/// How many mutations are remembered; the oldest go first.
const MAX_MUTATIONS: usize = 20_000;
/// Requests of more than a few kilobytes that are held at once, of all callers; further ones wait.
const MAX_LARGE_BODIES: usize = 64;

/// See the module.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    clock: SharedClock,
    tls: Tls,
    handshakes: Arc<Semaphore>,
    large_bodies: Arc<Semaphore>,
    crowd: Arc<Crowd>,
    plain_http: AtomicBool,
    changed: watch::Sender<u64>,
    /// The server side of in-memory connections; they end with the simulation.
    tasks: Mutex<JoinSet<()>>,
}

/// A request that was carried out, as far as it went.
struct Done {
    reply: respond::Reply,
    takes: Duration,
    waits: bool,
    wakes: Option<Timestamp>,
}

/// What the lock guards.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) script: Script,
    pub(crate) exchanges: BTreeMap<(MachineId, String), u64>,
    pub(crate) mutations: VecDeque<Mutation>,
    enumerations: Enumerations,
    subscriptions: Subscriptions,
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
            subscriptions: Subscriptions::default(),
            kept: None,
        };
        Self {
            state: Mutex::new(state),
            clock,
            tls: Tls::default(),
            handshakes: Arc::new(Semaphore::new(MAX_HANDSHAKES)),
            large_bodies: Arc::new(Semaphore::new(MAX_LARGE_BODIES)),
            crowd: Arc::default(),
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

    /// Whether the connection still leads to the machine that it was made to.
    pub(crate) fn reaches(&self, peer: &Peer) -> bool {
        self.lock().reaches(peer)
    }

    /// What accepts a TLS handshake in the name of `machine`, and the certificate that it shows.
    pub(crate) fn listener(&self, machine: &MachineId) -> Option<(TlsAcceptor, Vec<u8>)> {
        let state = self.lock();
        let identity = state.world.certificate(machine).cloned()?;
        let asks = state.world.winrm(machine).is_some_and(|winrm| winrm.certificate);
        drop(state);
        let client = if asks { ClientAuth::Asked } else { ClientAuth::Off };
        let acceptor = self.tls.acceptor(&identity, client);
        let acceptor = acceptor.inspect_err(|error| warn!(%machine, %error, "listener has no usable certificate")).ok()?;
        Some((acceptor, identity.certificate))
    }

    /// The turns of TLS handshakes.
    pub(crate) fn handshakes(&self) -> Arc<Semaphore> {
        Arc::clone(&self.handshakes)
    }

    /// The room for large bodies of requests.
    pub(crate) fn large_bodies(&self) -> Arc<Semaphore> {
        Arc::clone(&self.large_bodies)
    }

    /// A place among the requests that `machine` has under way, at most `limit`.
    pub(crate) fn enter(&self, machine: &MachineId, limit: usize) -> Option<Place> {
        self.crowd.enter(machine, limit)
    }

    /// What is answered to a request for which there is no place.
    pub(crate) fn refuse_crowd(&self, peer: &Peer, envelope: &str) -> Outcome {
        let call = Call::read(envelope);
        let mut state = self.lock();
        let computer = state.computer(peer);
        let reply = respond::refuse(&call, respond::QUOTA_LIMIT, &computer, state.enumerations.fresh());
        Outcome::Answer { status: reply.status, body: reply.body, delay: Duration::ZERO, cut: None }
    }

    /// Runs the server side of an in-memory connection.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Carries out one request, as far as it goes at once.
    pub(crate) fn exchange(&self, peer: &Peer, caller: Option<&Caller>, call: &Call) -> Outcome {
        self.announcing(|state| state.exchange(peer, caller, call))
    }

    /// Looks whether there is something to say by now to a request that waits.
    pub(crate) fn ask_again(&self, peer: &Peer, caller: Option<&Caller>, call: &Call, (verdict, patience): (Verdict, Patience)) -> Outcome {
        self.announcing(|state| state.answer(peer, caller, call, (verdict, patience)))
    }

    fn announcing(&self, act: impl FnOnce(&mut State) -> Outcome) -> Outcome {
        let mut state = self.lock();
        let before = state.world.dirty();
        let outcome = act(&mut state);
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
        while let Some(at) = self.subscriptions.next_look(&self.world).filter(|at| *at <= now) {
            self.world.advance(at);
            self.subscriptions.look(&mut self.world);
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

    fn exchange(&mut self, peer: &Peer, caller: Option<&Caller>, call: &Call) -> Outcome {
        if !self.reaches(peer) {
            return Outcome::Hangup { delay: Duration::ZERO };
        }
        let verdict = self.consult(peer, call);
        if verdict.wire == Some(Act::Drop) {
            return Outcome::Hangup { delay: verdict.delay };
        }
        *self.exchanges.entry((peer.machine.clone(), call.operation().to_owned())).or_default() += 1;
        self.answer(peer, caller, call, (verdict, Patience::Left))
    }

    /// What is answered, or that there is nothing to say yet.
    fn answer(&mut self, peer: &Peer, caller: Option<&Caller>, call: &Call, (verdict, patience): (Verdict, Patience)) -> Outcome {
        let mut delay = verdict.delay;
        if !self.reaches(peer) {
            return Outcome::Hangup { delay };
        }
        let reply = match verdict.wire {
            Some(Act::Status(status)) => return Outcome::Answer { status, body: String::new(), delay, cut: None },
            Some(Act::Fault(code)) => respond::refuse(call, code, &self.computer(peer), self.enumerations.fresh()),
            // Such a user is let in, and has no right to any resource.
            _ if caller.is_some_and(|caller| caller.rights == Rights::RemoteManagement) && call.operation() != "Identify" => {
                respond::refuse(call, respond::ACCESS_DENIED, &self.computer(peer), self.enumerations.fresh())
            }
            _ => {
                let done = self.carry_out(peer, caller.map(|caller| caller.account.as_str()), call, patience);
                if done.waits {
                    return Outcome::Waiting { verdict, wakes: self.next_change(done.wakes) };
                }
                delay += done.takes;
                done.reply
            }
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

    /// After how many bytes of a request to `machine` its connection shall end.
    pub(crate) fn cut_request(&mut self, machine: &MachineId) -> Option<usize> {
        let computer = self.world.computer_name(machine).unwrap_or_default().to_owned();
        let bytes = self.script.begin(machine, &computer, self.world.now())?;
        Some(usize::try_from(bytes).unwrap_or(usize::MAX))
    }

    /// What the script wants of a step of a handshake.
    pub(crate) fn meet_handshake(&mut self, peer: &Peer) -> Verdict {
        let computer = self.computer(peer);
        self.meet(&Seen { machine: &peer.machine, computer: &computer, operation: script::AUTHENTICATE, class: "", method: "" })
    }

    fn consult(&mut self, peer: &Peer, call: &Call) -> Verdict {
        let (computer, class) = (self.computer(peer), call.class());
        self.meet(&Seen { machine: &peer.machine, computer: &computer, operation: call.operation(), class: &class, method: call.method() })
    }

    fn meet(&mut self, seen: &Seen<'_>) -> Verdict {
        let now = self.world.now();
        let mut verdict = self.script.meet(seen, now);
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

    /// How long until something changes by itself that a waiting request may wait for.
    fn next_change(&mut self, wakes: Option<Timestamp>) -> Option<Duration> {
        let next = [wakes, self.world.next_event(), self.subscriptions.next_look(&self.world)].into_iter().flatten().min()?;
        Some(Duration::try_from(next.duration_since(self.world.now())).unwrap_or(Duration::ZERO))
    }

    fn carry_out(&mut self, peer: &Peer, user: Option<&str>, call: &Call, patience: Patience) -> Done {
        let before = self.world.dirty();
        let at = self.world.now();
        let profiles = self.world.winrm(&peer.machine).map(Winrm::profiles).unwrap_or_default();
        let done = match self.world.machine_mut(&peer.machine) {
            Some(mut machine) => {
                machine.called_by(user.unwrap_or_default());
                let owner = Owner { machine: peer.machine.clone(), user: user.unwrap_or_default().to_owned() };
                let mut service = Service {
                    machine: machine.as_mut(),
                    enumerations: &mut self.enumerations,
                    subscriptions: &mut self.subscriptions,
                    owner,
                    authenticated: user.is_some(),
                    profiles,
                    takes: Duration::ZERO,
                    patience,
                    waits: false,
                    wakes: None,
                    bookmark: None,
                };
                let reply = respond::respond(&mut service, call);
                Done { reply, takes: service.takes, waits: service.waits, wakes: service.wakes }
            }
            None => {
                let reply = respond::refuse(call, respond::UNREACHABLE, "", self.enumerations.fresh());
                Done { reply, takes: Duration::ZERO, waits: false, wakes: None }
            }
        };
        if self.world.dirty() != before {
            self.world.write_logs(peer.machine.host());
            self.remember(call.mutation(at, &peer.machine, done.reply.status));
            self.save();
        }
        done
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
