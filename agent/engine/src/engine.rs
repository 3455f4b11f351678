//! The engine as its user holds it: `run` for ever, `settle` once, or `apply_once` what was shown.
//!
//! Guarantees: all three share every line but the loop's end; nothing is executed without the lock on the state directory.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::names::ApplianceName;
use model::snapshot::Snapshot;
use plan::step::Impact;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::context::{Context, Parts};
use crate::controller::{Controller, Scope};
use crate::event::Event;
use crate::lock::StateLock;
use crate::outcome::Outcome;

/// The engine.
#[derive(Debug)]
pub struct Engine {
    context: Arc<Context>,
    _lock: Arc<StateLock>,
}

impl Engine {
    /// An engine that does nothing yet. It keeps the lock until it is dropped.
    #[must_use]
    pub fn new(parts: Parts, lock: StateLock) -> Self {
        let lock = Arc::new(lock);
        Self { context: Arc::new(Context::new(parts).under(&lock)), _lock: lock }
    }

    /// Hears everything that happens from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Arc<Event>> {
        self.context.events.listen()
    }

    /// Converges whatever the newest snapshot describes, until `shutdown`. Steps that have begun come to their end first.
    pub async fn run(&self, snapshots: watch::Receiver<Snapshot>, shutdown: CancellationToken) {
        Controller::new(Arc::clone(&self.context), Scope::All, shutdown).run(snapshots).await;
    }

    /// Converges what `snapshot` describes as far as it goes without anybody from outside; how each appliance ended.
    pub async fn settle(&self, snapshot: &Snapshot, shutdown: CancellationToken) -> BTreeMap<ApplianceName, Outcome> {
        Controller::new(Arc::clone(&self.context), Scope::All, shutdown).settle(snapshot).await
    }

    /// The same for what was shown and agreed to: these appliances, each up to its impact. Their neighbours are looked at only.
    pub async fn apply_once(
        &self,
        snapshot: &Snapshot,
        shown: BTreeMap<ApplianceName, Impact>,
        shutdown: CancellationToken,
    ) -> BTreeMap<ApplianceName, Outcome> {
        Controller::new(Arc::clone(&self.context), Scope::Shown(shown), shutdown).settle(snapshot).await
    }
}
