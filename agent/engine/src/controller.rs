//! The loop: takes snapshots, queues appliances, hands them to workers, and takes them back.
//!
//! Guarantees: an appliance is in one pass at a time; what changed while it was in work is looked at afterwards; no more than the limits
//! look, or are worked on, at once, and who is worked on keeps nobody from being looked at; nothing outlives the controller. No removal is
//! believed while a document is faulty (law 10).
//! Deliberately absent: git, and any idea of what a pass does.

mod listeners;
mod slot;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use model::cause::chain;
use model::names::ApplianceName;
use model::snapshot::{PolicyFile, Snapshot};
use plan::step::Impact;
use policy::{Limits, Policies};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::context::Context;
use crate::event::Happening;
use crate::outcome::Outcome;
use crate::queue::{Trigger, WorkQueue};
use crate::reconcile::{Pass, Passage, reconcile};
use crate::resident::Resident;
use crate::stage::report;
use crate::wish::{Limit, Wish, approvals_of, digest, of_peers, refusal};
use listeners::Listeners;
use slot::Slot;

/// When nobody waits for more: so many attempts in a row may fail before a single run gives up.
const GIVE_UP_AFTER: u32 = 3;
/// An appliance whose worker panicked, or whose files cannot be read, is looked at again after this.
const AFTER_CRASH: std::time::Duration = std::time::Duration::from_secs(60);

/// Which appliances may be changed, and how far.
#[derive(Debug, Clone)]
pub(crate) enum Scope {
    /// All, as far as the gate lets them.
    All,
    /// These, up to the impact that was shown; their neighbours are looked at, the others are nobody's business.
    Shown(BTreeMap<ApplianceName, Impact>),
}

/// The loop's state.
#[derive(Debug)]
pub(crate) struct Controller {
    context: Arc<Context>,
    scope: Scope,
    shutdown: CancellationToken,
    queue: WorkQueue,
    slots: BTreeMap<ApplianceName, Slot>,
    fleet_size: usize,
    // Compiled from these files of the snapshot.
    policies: (Arc<Vec<PolicyFile>>, Arc<Policies>),
    workers: JoinSet<Finished>,
    names: HashMap<Id, ApplianceName>,
    // Whose last pass ended because there was no place to work on it.
    waiting_for_room: BTreeSet<ApplianceName>,
    // Only who goes on for ever listens: a single run has looked at everything itself.
    listeners: Option<Listeners>,
}

struct Finished {
    resident: Box<Resident>,
    passage: Passage,
}

/// The shipped policies and the repository's own. A faulty one denies, so nothing is lost by only logging its fault here.
pub(crate) fn compile(own: &[PolicyFile]) -> Policies {
    let (policies, faults) = Policies::load(&policy::shipped(), own, Limits::default());
    for fault in faults {
        tracing::warn!(file = %fault.place.file, line = fault.place.line, "a policy is faulty and denies: {}", fault.message);
    }
    policies
}

impl Controller {
    pub(crate) fn new(context: Arc<Context>, scope: Scope, shutdown: CancellationToken) -> Self {
        Self {
            context,
            scope,
            shutdown,
            queue: WorkQueue::default(),
            slots: BTreeMap::new(),
            fleet_size: 0,
            policies: (Arc::default(), Arc::new(compile(&[]))),
            workers: JoinSet::new(),
            names: HashMap::new(),
            waiting_for_room: BTreeSet::new(),
            listeners: None,
        }
    }

    /// Converges whatever the newest snapshot describes, until told to stop. Steps that have begun come to their end first.
    pub(crate) async fn run(mut self, mut snapshots: watch::Receiver<Snapshot>) {
        self.listeners = Some(Listeners::default());
        let first = snapshots.borrow_and_update().clone();
        self.adopt(&first).await;
        let shutdown = self.shutdown.clone();
        let mut source_lives = true;
        while !shutdown.is_cancelled() {
            self.hand_out();
            tokio::select! {
                // Cancel-safe: it only waits.
                () = shutdown.cancelled() => {}
                // Cancel-safe: a change that is not taken here is still there next time.
                changed = snapshots.changed(), if source_lives => match changed {
                    Ok(()) => {
                        let snapshot = snapshots.borrow_and_update().clone();
                        self.adopt(&snapshot).await;
                    }
                    // Nobody reads the source any more; what is in force stays so.
                    Err(_) => source_lives = false,
                },
                // Cancel-safe: see there.
                () = self.next() => {}
            }
        }
        self.wind_down().await;
    }

    /// Brings what a snapshot describes as far as it goes without anybody from outside; how each appliance ended.
    pub(crate) async fn settle(mut self, snapshot: &Snapshot) -> BTreeMap<ApplianceName, Outcome> {
        self.adopt(snapshot).await;
        let shutdown = self.shutdown.clone();
        while !shutdown.is_cancelled() {
            self.hand_out();
            if self.rests() {
                break;
            }
            tokio::select! {
                // Cancel-safe: it only waits.
                () = shutdown.cancelled() => {}
                // Cancel-safe: see there.
                () = self.next() => {}
            }
        }
        self.wind_down().await;
        let ended = |(name, slot): (ApplianceName, Slot)| Some((name, slot.outcome?));
        self.slots.into_iter().filter_map(ended).collect()
    }

    /// Waits until a worker ends, a key is due and may be looked at, or a machine tells that something changed. Cancel-safe: a worker that
    /// has ended is taken back in the same breath, and so is a wake-up; the sleep loses nothing, and a place in the line costs time.
    async fn next(&mut self) {
        let due = self.queue.next_due();
        let context = Arc::clone(&self.context);
        tokio::select! {
            Some(ended) = self.workers.join_next_with_id() => self.take_back(ended),
            Some(name) = woken(&mut self.listeners) => self.wake(&name),
            Some(place) = place_at(&context, due), if due.is_some() => self.hand_out_one(place),
            else => std::future::pending().await,
        }
    }

    /// Whether nothing would happen any more without anybody from outside.
    fn rests(&self) -> bool {
        let goes_on =
            |slot: &Slot| slot.wish.is_some() && slot.outcome.as_ref().is_none_or(|outcome| outcome.is_soon() && !slot.gives_up());
        let due_at_once = || self.queue.next_due().is_some_and(|due| due <= Instant::now());
        self.workers.is_empty() && !self.slots.values().any(goes_on) && !due_at_once()
    }

    /// Takes a snapshot: what is new or changed is queued, what is gone is let go of.
    async fn adopt(&mut self, snapshot: &Snapshot) {
        let judged_anew = self.policies.0 != snapshot.policies;
        if judged_anew {
            self.policies = (Arc::clone(&snapshot.policies), Arc::new(compile(&snapshot.policies)));
        }
        let named = snapshot.desired.keys().chain(snapshot.kept.keys()).chain(snapshot.refused.keys());
        let names: BTreeSet<_> = named.cloned().collect();
        self.fleet_size = names.len();
        let neighbours = self.neighbourhood(snapshot);
        for name in names {
            let Some(limit) = self.limit(&name, snapshot, &neighbours) else { continue };
            if self.adopt_one(&name, snapshot, limit) || judged_anew {
                // A pass under way goes by what is no longer in force: what has begun comes to its end, and the next pass follows at once.
                if let Some(slot) = self.slots.get(&name) {
                    slot.stop.cancel();
                }
                self.queue.add(&name, Instant::now(), Trigger::WishChanged);
            }
        }
        if snapshot.complete {
            let gone =
                |(name, slot): (&ApplianceName, &Slot)| (slot.wish.is_some() && snapshot.in_force(name).is_none()).then(|| name.clone());
            let gone: Vec<_> = self.slots.iter().filter_map(gone).collect();
            for name in gone {
                self.let_go(&name).await;
            }
        }
    }

    /// The sites of the appliances that may be changed.
    fn neighbourhood(&self, snapshot: &Snapshot) -> Vec<model::names::SiteName> {
        match &self.scope {
            Scope::All => Vec::new(),
            Scope::Shown(shown) => shown.keys().filter_map(|name| Some(snapshot.in_force(name)?.1.site.clone())).collect(),
        }
    }

    fn limit(&self, name: &ApplianceName, snapshot: &Snapshot, neighbours: &[model::names::SiteName]) -> Option<Limit> {
        match &self.scope {
            Scope::All => Some(Limit::Gate),
            Scope::Shown(shown) => match shown.get(name) {
                Some(impact) => Some(Limit::UpTo(*impact)),
                // Who serves beside them must be known before anything is disrupted.
                None => snapshot.in_force(name).filter(|(_, desired)| neighbours.contains(&desired.site)).map(|_| Limit::Look),
            },
        }
    }

    /// Takes one appliance's wish; whether it must be looked at now.
    fn adopt_one(&mut self, name: &ApplianceName, snapshot: &Snapshot, limit: Limit) -> bool {
        let refused = snapshot.refused.get(name).map(|faults| refusal(&snapshot.revision, faults));
        let slot = self.slots.entry(name.clone()).or_default();
        let Some((revision, desired)) = snapshot.in_force(name) else {
            // Refused, and there never was a good one: nothing can be done but to say so.
            if let Some(refused) = refused {
                slot.refuse(&self.context, name, &refused);
            }
            return false;
        };
        let before = slot.wish.take();
        let same = before.as_ref().filter(|wish| Arc::ptr_eq(&wish.desired, desired) || wish.desired == *desired);
        let (digest, since) = same.map_or_else(|| (digest(desired), Instant::now()), |wish| (Arc::clone(&wish.digest), wish.since));
        let approvals = approvals_of(&snapshot.approvals, name);
        let as_before = |wish: &Wish| wish.refused == refused && wish.approvals == approvals;
        let unchanged = same.is_some() && before.as_ref().is_some_and(as_before);
        if same.is_none() {
            self.context.events.tell(name, Happening::WishChanged { revision: revision.clone() });
        }
        if let Some(wish) = before.as_ref().filter(|wish| wish.desired.site != desired.site) {
            slot.left.insert(wish.desired.site.clone());
        }
        // Who came back before a pass could give it up has left nothing.
        slot.left.remove(&desired.site);
        let fleet_size = self.fleet_size;
        let (revision, desired) = (revision.clone(), Arc::clone(desired));
        let policies = Arc::clone(&self.policies.1);
        // Its peers' wishes may not be adopted yet: they are looked up when a pass begins.
        let peers = BTreeMap::new();
        slot.wish = Some(Wish { revision, desired, digest, since, refused, limit, fleet_size, policies, approvals, peers });
        !unchanged
    }

    /// The repository no longer describes it: its VMs stay as they are, its place stays kept, and its turn is free for others.
    async fn let_go(&mut self, name: &ApplianceName) {
        self.queue.forget(name);
        self.waiting_for_room.remove(name);
        let Some(slot) = self.slots.get_mut(name) else { return };
        let Some(wish) = slot.wish.take() else { return };
        slot.stop.cancel();
        if let Some(listeners) = &mut self.listeners {
            listeners.leave(name);
        }
        slot.left.insert(wish.desired.site.clone());
        for site in std::mem::take(&mut slot.left) {
            if let Err(error) = self.context.parts.store.give_back(&site, name).await {
                tracing::warn!(appliance = %name, error = chain(&error), "the turn cannot be given back");
            }
        }
        if let Some(resident) = &mut slot.resident {
            report::gone(&self.context, name, resident);
        }
    }

    /// Hands out all that is due, as far as there are places to look from.
    fn hand_out(&mut self) {
        while self.queue.next_due().is_some_and(|due| due <= Instant::now())
            && let Ok(place) = Arc::clone(&self.context.looks).try_acquire_owned()
        {
            self.hand_out_one(place);
        }
    }

    fn hand_out_one(&mut self, place: OwnedSemaphorePermit) {
        if let Some(work) = self.queue.take(Instant::now())
            && !self.begin((&work.appliance, place), work.trigger)
        {
            self.queue.done(&work.appliance);
        }
    }

    fn begin(&mut self, (name, place): (&ApplianceName, OwnedSemaphorePermit), trigger: Trigger) -> bool {
        let Some(mut wish) = self.slots.get(name).and_then(|slot| slot.wish.clone()) else { return false };
        let known = |peer: &ApplianceName| self.slots.get(peer)?.wish.as_ref().map(|wish| (&wish.revision, &wish.digest));
        wish.peers = of_peers((&wish.revision, &wish.desired), known);
        let Some(slot) = self.slots.get_mut(name) else { return false };
        let mut resident = slot.take_resident(&self.context, name);
        slot.stop = self.shutdown.child_token();
        let span = tracing::info_span!("pass", appliance = %name, revision = %format_args!("{:#}", wish.revision), ?trigger);
        let pass = Pass { context: Arc::clone(&self.context), wish, shutdown: slot.stop.clone(), left: std::mem::take(&mut slot.left) };
        let work = async move {
            let passage = reconcile(&pass, &mut resident, place).await;
            Finished { resident, passage }
        };
        let handle = self.workers.spawn(work.instrument(span));
        self.names.insert(handle.id(), name.clone());
        true
    }

    fn take_back(&mut self, ended: Result<(Id, Finished), JoinError>) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let Some(name) = self.names.remove(&id) else { return };
        self.queue.done(&name);
        let Some(slot) = self.slots.get_mut(&name) else { return };
        match ended {
            Ok((_, Finished { mut resident, passage: Passage { outcome, moved } })) => {
                if slot.wish.is_none() {
                    report::gone(&self.context, &name, &mut resident);
                }
                if let Some(listeners) = &mut self.listeners {
                    match &resident.host {
                        Some((_, host)) if slot.wish.is_some() => listeners.follow(&name, host.sources()),
                        _ => listeners.leave(&name),
                    }
                }
                slot.resident = Some(resident);
                let due = slot.wish.as_ref().map(|wish| outcome.due(self.context.now(), wish.desired.watch.probe_every));
                let trigger = if outcome.is_soon() { Trigger::Due } else { Trigger::Probe };
                match due.is_some() && outcome.waits_for_room() {
                    true => self.waiting_for_room.insert(name.clone()),
                    false => self.waiting_for_room.remove(&name),
                };
                slot.outcome = Some(outcome);
                if let Some(due) = due {
                    self.queue.add(&name, self.instant(due), trigger);
                }
                self.share_room();
                if moved {
                    self.wake_peers(&name);
                }
            }
            // The panic itself is told where it happens; its words may quote what the worker had in hand.
            Err(_) => {
                tracing::error!(appliance = %name, "a worker ended in a panic");
                self.queue.add(&name, Instant::now() + AFTER_CRASH, Trigger::Due);
            }
        }
    }

    /// After a pass has ended: the next one that waits for a place looks again at once, if there is one. Its own end wakes the next.
    fn share_room(&mut self) {
        if self.context.crowd().is_none()
            && let Some(name) = self.waiting_for_room.pop_first()
        {
            self.queue.add(&name, Instant::now(), Trigger::RoomMade);
        }
    }

    /// A machine of it told that something changed.
    fn wake(&mut self, name: &ApplianceName) {
        if self.slots.get(name).is_some_and(|slot| slot.wish.is_some()) {
            self.queue.add(name, Instant::now(), Trigger::HostMoved);
        }
    }

    /// Whoever waits for this appliance looks again at once.
    fn wake_peers(&mut self, name: &ApplianceName) {
        let Some(wish) = self.slots.get(name).and_then(|slot| slot.wish.as_ref()) else { return };
        let peers = wish.desired.peers.clone();
        let hopes =
            |peer: &ApplianceName| self.slots.get(peer).and_then(|slot| slot.outcome.as_ref()).is_some_and(Outcome::hopes_for_peers);
        let peers: Vec<_> = peers.into_iter().filter(hopes).collect();
        for peer in &peers {
            self.queue.add(peer, Instant::now(), Trigger::PeerMoved);
        }
    }

    fn instant(&self, at: Timestamp) -> Instant {
        let wait = at.duration_since(self.context.now());
        Instant::now() + std::time::Duration::try_from(wait).unwrap_or_default()
    }

    /// Takes back whoever is in work. Each was told to stop, and stops after the steps that have begun.
    async fn wind_down(&mut self) {
        while let Some(ended) = self.workers.join_next_with_id().await {
            self.take_back(ended);
        }
    }
}

/// A place to look from, once a key is due. Cancel-safe: a place that is not taken here goes to the next in line.
async fn place_at(context: &Context, due: Option<Instant>) -> Option<OwnedSemaphorePermit> {
    sleep_until(due.unwrap_or_else(Instant::now)).await;
    context.look().await
}

/// The next wake-up, for ever none where nobody listens.
async fn woken(listeners: &mut Option<Listeners>) -> Option<ApplianceName> {
    match listeners {
        Some(listeners) => listeners.woken().await,
        None => None,
    }
}
