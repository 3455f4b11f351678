//! The subscriptions that clients hold, by the context that they pull with.
//!
//! Guarantees: each belongs to the user who made it, on the boot of the machine that it was made on; a spent context pulls nothing.
//! Deliberately absent: events themselves, which each subscription finds its own way.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use wsman::envelope::Markup;

use super::log_query::LogQuery;
use super::rendering::ContentFormat;
use super::watch::Watch;
use crate::quota::{MAX_OPEN, Owner};
use crate::world::World;

/// Where a reader of event logs stands: the number of the last record that it has seen, by log.
pub(crate) type Places = BTreeMap<String, u64>;

/// A subscription to event logs.
#[derive(Debug)]
pub(crate) struct LogReader {
    pub(crate) query: LogQuery,
    pub(crate) places: Places,
    pub(crate) format: ContentFormat,
    pub(crate) sends_bookmarks: bool,
}

/// What is subscribed to.
#[derive(Debug)]
pub(crate) enum Source {
    Wmi(Box<Watch>),
    Log(LogReader),
}

/// One subscription.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) owner: Owner,
    pub(crate) context: String,
    /// Which boot of the machine it belongs to.
    pub(crate) boot: Timestamp,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) heartbeat: Option<SignedDuration>,
    /// When it last said something.
    pub(crate) spoke: Timestamp,
    pub(crate) source: Source,
}

impl Subscription {
    /// When a sign of life is due.
    pub(crate) fn heartbeat_due(&self) -> Option<Timestamp> {
        self.spoke.saturating_add(self.heartbeat?).ok()
    }
}

/// Every subscription, and the lists that somebody enumerates beside instances.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    all: BTreeMap<String, Subscription>,
    lists: HashMap<String, (Owner, tokio::time::Instant, Vec<Markup>)>,
}

/// How long a list is kept for who does not pull it.
const LISTED: Duration = Duration::from_secs(60);

impl Subscriptions {
    /// Whether `owner` may hold one more.
    pub(crate) fn has_room(&self, owner: &Owner) -> bool {
        self.all.values().filter(|held| held.owner == *owner).count() < MAX_OPEN
    }

    pub(crate) fn add(&mut self, id: String, subscription: Subscription) {
        self.all.insert(id, subscription);
    }

    /// The subscription that `owner` pulls from with `context` at `now`.
    pub(crate) fn with_context(&mut self, owner: &Owner, context: &str, now: Timestamp) -> Option<&mut Subscription> {
        let bare = |text: &str| text.trim().trim_start_matches("uuid:").to_ascii_uppercase();
        self.forget_expired(now);
        self.all.values_mut().find(|held| held.owner == *owner && bare(&held.context) == bare(context))
    }

    fn forget_expired(&mut self, now: Timestamp) {
        self.all.retain(|_, held| held.expires.is_none_or(|at| at > now));
    }

    /// Ends a subscription; `false` when `owner` holds none of that name at `now`.
    pub(crate) fn remove(&mut self, owner: &Owner, id: &str, now: Timestamp) -> bool {
        self.forget_expired(now);
        let known = self.all.keys().find(|known| known.eq_ignore_ascii_case(id.trim_start_matches("uuid:"))).cloned();
        known.is_some_and(|known| self.all.get(&known).is_some_and(|held| held.owner == *owner) && self.all.remove(&known).is_some())
    }

    /// Ends the subscription that is pulled with `context`.
    pub(crate) fn release(&mut self, owner: &Owner, context: &str, now: Timestamp) -> bool {
        let Some(context) = self.with_context(owner, context, now).map(|held| held.context.clone()) else { return false };
        self.all.retain(|_, held| held.context != context);
        true
    }

    /// Keeps a list until it is pulled.
    pub(crate) fn list(&mut self, owner: Owner, context: &str, items: Vec<Markup>) {
        let now = tokio::time::Instant::now();
        self.lists.retain(|_, (_, until, _)| *until > now);
        self.lists.insert(context.to_ascii_uppercase(), (owner, now + LISTED, items));
    }

    /// Takes a list out; `None` when there is none of that name, it is somebody else's, or its time is over.
    pub(crate) fn take_list(&mut self, owner: &Owner, context: &str) -> Option<Vec<Markup>> {
        let key = context.trim().to_ascii_uppercase();
        let (own, until, _) = self.lists.get(&key)?;
        if own != owner || *until <= tokio::time::Instant::now() {
            return None;
        }
        self.lists.remove(&key).map(|(_, _, items)| items)
    }

    fn watches(&mut self) -> impl Iterator<Item = (&Owner, &mut Watch)> {
        self.all.values_mut().filter_map(|held| match &mut held.source {
            Source::Wmi(watch) => Some((&held.owner, watch.as_mut())),
            Source::Log(_) => None,
        })
    }

    /// When the next look at instances is worth it.
    pub(crate) fn next_look(&mut self, world: &World) -> Option<Timestamp> {
        let (generation, now, change) = (world.dirty(), world.now(), world.next_event());
        self.watches().filter_map(|(_, watch)| watch.next_look(generation, now, change)).min()
    }

    /// Lets every watch look whose time has come.
    pub(crate) fn look(&mut self, world: &mut World) {
        let (now, generation, change) = (world.now(), world.dirty(), world.next_event());
        // A machine that went away has forgotten who listened to it; nobody would look there, and its look would be due for ever.
        self.all.retain(|_, held| world.machine_mut(&held.owner.machine).is_some());
        for (owner, watch) in self.watches() {
            if watch.next_look(generation, now, change).is_some_and(|at| at <= now)
                && let Some(machine) = world.machine_mut(&owner.machine)
            {
                watch.look(machine.as_ref(), now, generation);
            }
        }
    }
}
