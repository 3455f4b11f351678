//! What every pass needs and no pass owns: the clock, the state directory, the site store, and the way to a host.
//!
//! Guarantees: made once; shared by all workers. Deliberately absent: the lock on the state directory, which is the engine's.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyperv::HostContext;
use model::desired::DesiredHost;
use wsman::clock::SharedClock;

use crate::breaker::Breaker;
use crate::event::Events;
use crate::hold::Holds;
use crate::interrupt::KillSwitch;
use crate::place::StateDirectory;
use crate::store::SiteStore;

/// How much is done at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Appliances in work at once.
    pub appliances: usize,
    /// Steps under way at once on one appliance. A host's disks are soon busier than its queue.
    pub steps: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // A pass keeps its place while its steps run, and an installation takes an hour: enough places that those of many sites do not
        // keep the others from being watched. A pass that waits for its host costs a few kilobytes.
        Self { appliances: 256, steps: 4 }
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
    // Never held across an await.
    breaker: Mutex<Breaker>,
}

impl Context {
    pub(crate) fn new(parts: Parts) -> Self {
        let holds = Holds::of(&parts.state);
        let events = Events::new(Arc::clone(&parts.clock));
        Self { parts, holds, events, breaker: Mutex::default() }
    }

    pub(crate) fn now(&self) -> jiff::Timestamp {
        self.parts.clock.now()
    }

    pub(crate) fn breaker(&self) -> MutexGuard<'_, Breaker> {
        // Nothing panics while it holds the lock; if something did, the counts would still be whole.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
