//! What every pass needs and no pass owns: the clock, the state directory, the site store, and the way to a host.
//!
//! Guarantees: made once; shared by all workers. Deliberately absent: anything of a single appliance.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyperv::HostContext;
use model::desired::DesiredHost;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wsman::clock::SharedClock;

use crate::breaker::Breaker;
use crate::event::Events;
use crate::hold::Holds;
use crate::interrupt::KillSwitch;
use crate::lock::StateLock;
use crate::place::StateDirectory;
use crate::store::SiteStore;

/// How much is done at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Appliances that are looked at and planned for at once: what costs memory and requests.
    pub looks: usize,
    /// Appliances that planned work is done on at once: installations, changes, removals. Repairs are not counted, as none may wait for
    /// an installation, and what has begun goes on.
    pub works: usize,
    /// Steps under way at once on one appliance. A host's disks are soon busier than its queue.
    pub steps: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // A host that is away keeps its look until the connection is given up, so there is room for many such. Work keeps a journal open
        // and its connections busy for an hour.
        Self { looks: 256, works: 256, steps: 4 }
    }
}

/// The way to each host. A seam, since two hosts may use equal addresses behind their own switches.
pub trait Hosts: Send + Sync + std::fmt::Debug {
    /// What the connection to `host`, and to the guests on it, is made with.
    fn way_to(&self, host: &DesiredHost) -> HostContext;
}

impl Hosts for HostContext {
    fn way_to(&self, _: &DesiredHost) -> HostContext {
        self.clone()
    }
}

/// What an engine is made of.
#[derive(Debug)]
pub struct Parts {
    /// Tells wall time.
    pub clock: SharedClock,
    /// Where state is kept.
    pub state: StateDirectory,
    /// What the appliances of a site tell each other.
    pub store: Arc<dyn SiteStore>,
    /// The way to the hosts.
    pub hosts: Arc<dyn Hosts>,
    /// How much is done at once.
    pub limits: Limits,
    /// Where a test stops the engine.
    pub kill: KillSwitch,
}

/// What every pass needs and no pass owns.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) parts: Parts,
    pub(crate) holds: Holds,
    pub(crate) events: Events,
    /// Places of those who look.
    pub(crate) looks: Arc<Semaphore>,
    /// Places of those whom planned work is done on.
    pub(crate) works: Arc<Semaphore>,
    // Never held across an await.
    breaker: Mutex<Breaker>,
}

impl Context {
    pub(crate) fn new(parts: Parts) -> Self {
        let holds = Holds::of(&parts.state);
        let events = Events::new(Arc::clone(&parts.clock));
        let places = |count: usize| Arc::new(Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS)));
        let (looks, works) = (places(parts.limits.looks), places(parts.limits.works));
        Self { parts, holds, events, looks, works, breaker: Mutex::default() }
    }

    /// The same for an engine, which works under the lock on the state directory.
    pub(crate) fn under(self, lock: &Arc<StateLock>) -> Self {
        Self { holds: self.holds.under(lock), ..self }
    }

    /// Who looks, once there is a place for one more.
    pub(crate) async fn look(&self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes the semaphore, so a place is always given in the end.
        Arc::clone(&self.looks).acquire_owned().await.ok()
    }

    /// How many appliances are worked on, when there is no place for one more.
    pub(crate) fn crowd(&self) -> Option<usize> {
        (self.works.available_permits() == 0).then_some(self.parts.limits.works.max(1))
    }

    pub(crate) fn now(&self) -> jiff::Timestamp {
        self.parts.clock.now()
    }

    pub(crate) fn breaker(&self) -> MutexGuard<'_, Breaker> {
        // Nothing panics while it holds the lock; if something did, the counts would still be whole.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
