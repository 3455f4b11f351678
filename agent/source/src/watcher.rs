//! Follows an origin and publishes what it asks for.
//!
//! One task owns everything; git's blocking calls run on threads beside it. Guarantees: what was published stays until something
//! newer was read; trouble is published as a status and tried again with growing waits; a remote that hangs costs its own thread and
//! never holds up what was already fetched; whoever saw [`Watcher::run`] end sees nothing below the state directory change any more but
//! by such a fetch. Deliberately absent: queues of events. A lost sign costs time, never correctness (law 2).

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::cause::chain;
use model::condition::Disposition;
use model::snapshot::Snapshot;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::credential::Access;
use crate::error::SourceError;
use crate::fetch::Call;
use crate::mirror::{self, Place};
use crate::origin::{Location, Origin};
use crate::pace::{Jitter, Pace};
use crate::reader::{Reader, Reading};
use crate::status::{SourceStatus, Trouble};
use crate::watch::Watch;

/// Fetches that hang in the network at most; further ones wait until one of them ends. (libgit2 cannot be interrupted while it waits
/// for an answer.)
const MAX_HANGING: usize = 3;

/// Asks a watcher to read at once. Asking twice is asking once.
#[derive(Debug, Clone)]
pub struct Waker(mpsc::Sender<()>);

impl Waker {
    /// Reads soon; never blocks.
    pub fn wake(&self) {
        // Full means that a wish to read is already waiting; closed, that nobody reads any more.
        let _ = self.0.try_send(());
    }
}

/// The ends that the rest of the agent holds.
#[derive(Debug)]
pub struct Subscription {
    /// What is asked for; `Snapshot::unread()` until the first reading.
    pub snapshots: watch::Receiver<Snapshot>,
    /// How the origin is doing.
    pub status: watch::Receiver<SourceStatus>,
    /// Asks to read at once.
    pub waker: Waker,
}

/// Follows an origin until it is stopped.
#[derive(Debug)]
pub struct Watcher {
    origin: Origin,
    access: Access,
    pace: Pace,
    jitter: Jitter,
    place: Place,
    /// Away while a thread has it.
    reader: Option<Box<Reader>>,
    state: PathBuf,
    snapshots: watch::Sender<Snapshot>,
    status: watch::Sender<SourceStatus>,
    watched: Option<Watch>,
    waker: Waker,
    woken: mpsc::Receiver<()>,
    /// Ends the fetches that were started since the last one that succeeded.
    stop: Arc<AtomicBool>,
    /// Fetches, among them those that were given up.
    fetches: JoinSet<Result<(), SourceError>>,
    /// Readings, among them one that nobody waits for any more.
    readings: TaskTracker,
    failures: u32,
}

impl Watcher {
    /// A watcher of an origin, with its state below `state`.
    #[must_use]
    pub fn new(origin: Origin, state: PathBuf, access: Access, pace: Pace) -> (Self, Subscription) {
        let (snapshots, seen_snapshots) = watch::channel(Snapshot::unread());
        let status = SourceStatus { origin: origin.to_string(), revision: None, trouble: None, rewrite: None };
        let (status, seen_status) = watch::channel(status);
        let (wake, woken) = mpsc::channel(1);
        let waker = Waker(wake);
        let watcher = Self {
            place: Place::of(&state, &origin),
            jitter: Jitter::new(pace.seed),
            reader: None,
            stop: Arc::default(),
            fetches: JoinSet::new(),
            readings: TaskTracker::new(),
            failures: 0,
            watched: None,
            waker: waker.clone(),
            origin,
            access,
            pace,
            state,
            snapshots,
            status,
            woken,
        };
        (watcher, Subscription { snapshots: seen_snapshots, status: seen_status, waker })
    }

    /// Follows the origin until `stopped`, and ends when a reading has ended that was under way. A fetch that waits for an answer keeps its
    /// thread until the answer or the end of the process, so the runtime should be shut down without waiting for blocking threads.
    pub async fn run(mut self, stopped: CancellationToken) {
        loop {
            let wait = tokio::select! {
                // Cancel-safe: what a pass has published stays, and the threads hear of it through `stop`.
                () = stopped.cancelled() => break,
                wait = self.pass() => wait,
            };
            tokio::select! {
                // Cancel-safe: nothing is under way.
                () = stopped.cancelled() => break,
                // Cancel-safe: a wish to read that is taken and lost here is followed by the reading itself.
                Some(()) = self.woken.recv() => {
                    tokio::time::sleep(self.pace.settle).await;
                    while self.woken.try_recv().is_ok() {}
                }
                // Cancel-safe: a timer.
                () = tokio::time::sleep(wait) => {}
            }
        }
        self.stop.store(true, Ordering::Relaxed);
        self.fetches.detach_all();
        self.readings.close();
        self.readings.wait().await;
    }

    /// Fetches and reads once. Returns how long to wait.
    async fn pass(&mut self) -> Duration {
        // Before anything is read, so that no change falls between reading and watching.
        let armed = self.work(Reader::watch).await;
        self.watched = armed.ok().flatten();
        let fetched = self.fetch().await;
        let read = self.work(|reader, _| reader.read()).await.and_then(|read| read);
        let (reading, error) = match (fetched, read) {
            (fetched, Ok(reading)) => (reading, fetched.err()),
            // That nothing was fetched yet is a consequence of the first error.
            (Err(error), Err(_)) | (Ok(()), Err(error)) => (None, Some(error)),
        };
        let wait = self.report(reading.as_ref(), error);
        if let Some(reading) = reading {
            self.publish(reading);
        }
        wait
    }

    async fn fetch(&mut self) -> Result<(), SourceError> {
        let Location::Remote { url, .. } = &self.origin.location else { return Ok(()) };
        let after = self.pace.fetch_within;
        // Those that were given up and have ended meanwhile; their outcome is history.
        while self.fetches.try_join_next().is_some() {}
        if self.fetches.len() >= MAX_HANGING {
            return Err(SourceError::TimedOut { url: url.clone(), after });
        }
        let call = Call { url: url.clone(), access: self.access.clone(), stop: Arc::clone(&self.stop) };
        let (origin, place) = (self.origin.clone(), self.place.clone());
        let started = self.fetches.spawn_blocking(move || mirror::refresh(&place, &call, &origin)).id();
        let ended = async {
            loop {
                match self.fetches.join_next_with_id().await {
                    Some(Ok((id, outcome))) if id == started => return outcome,
                    Some(Err(source)) if source.id() == started => return Err(SourceError::Ended { origin: url.clone(), source }),
                    Some(_) => {}
                    None => return Ok(()),
                }
            }
        };
        let outcome = tokio::time::timeout(after, ended).await.unwrap_or_else(|_| Err(SourceError::TimedOut { url: url.clone(), after }));
        if outcome.is_ok() {
            // What those say that were given up is older. Until then they count: a remote may always take longer than we wait.
            std::mem::take(&mut self.stop).store(true, Ordering::Relaxed);
        }
        outcome
    }

    /// Lends the reader to a thread.
    async fn work<T, F>(&mut self, act: F) -> Result<T, SourceError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Reader, &Waker) -> T + Send + 'static,
    {
        // A reader is gone only if its thread died; the next one learns everything again.
        let mut reader = self.reader.take().unwrap_or_else(|| Box::new(Reader::new(self.origin.clone(), Some(&self.state))));
        let waker = self.waker.clone();
        let thread = self.readings.spawn_blocking(move || {
            let done = act(&mut reader, &waker);
            (reader, done)
        });
        match thread.await {
            Ok((reader, done)) => {
                self.reader = Some(reader);
                Ok(done)
            }
            Err(source) => Err(SourceError::Ended { origin: self.origin.to_string(), source }),
        }
    }

    fn publish(&mut self, reading: Reading) {
        let Reading { snapshot, rewrite } = reading;
        if let Some(rewrite) = &rewrite {
            tracing::warn!(from = %rewrite.from, to = %rewrite.to, "history was rewritten; the new revision is accepted");
        }
        tracing::info!(
            revision = %snapshot.revision,
            appliances = snapshot.desired.len(),
            refused = snapshot.refused.len(),
            complete = snapshot.complete,
            "revision read"
        );
        self.snapshots.send_replace(snapshot);
    }

    /// Publishes in one word what was read and what could not be, and says how long to wait.
    fn report(&mut self, reading: Option<&Reading>, error: Option<SourceError>) -> Duration {
        let usual = match self.origin.location {
            Location::Local(_) => self.pace.fallback,
            Location::Remote { .. } => self.pace.poll,
        };
        let (trouble, wait) = match error {
            None => {
                self.failures = 0;
                (None, self.jitter.spread(usual))
            }
            Some(error) => {
                self.failures = self.failures.saturating_add(1);
                let disposition = error.disposition();
                let wait = match disposition {
                    Disposition::Retry => self.pace.after_failures(self.failures),
                    Disposition::Wait { .. } => usual,
                    Disposition::Stall(_) => self.pace.retry_at_most,
                };
                let retry_in = self.jitter.spread(wait);
                let message = chain(&error);
                // Whoever has the status says it to people, once; this is for whoever looks closely.
                tracing::debug!(error = message, failures = self.failures, ?retry_in, "the origin cannot be read");
                (Some(Trouble { message, disposition, failures: self.failures, retry_in }), retry_in)
            }
        };
        self.status.send_if_modified(|status| {
            let news = reading.is_some() || status.trouble != trouble;
            status.trouble = trouble;
            if let Some(Reading { snapshot, rewrite }) = reading {
                status.revision = Some(snapshot.revision.clone());
                if rewrite.is_some() {
                    status.rewrite.clone_from(rewrite);
                }
            }
            news
        });
        wait
    }
}
