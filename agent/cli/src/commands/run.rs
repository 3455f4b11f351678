//! `trunkline run`: watches the repository and converges until stopped.

use engine::Engine;
use model::diagnostic::Severity;
use model::snapshot::Snapshot;
use source::{Pace, SourceStatus, Watcher};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::access::access;
use crate::console::Console;
use crate::error::{Ending, Failure};
use crate::fleet::{self, Purpose};
use crate::progress::{Detail, Progress};
use crate::runtime::block_on;
use crate::settings::Settings;
use crate::signals;
use crate::wiring::Wiring;

/// Runs until a signal comes; steps that have begun come to their end first.
///
/// # Errors
/// When the settings are faulty or another agent works here. Trouble with hosts or the repository is a status, never an end.
pub fn run(settings: &Settings, console: &Console) -> Result<Ending, Failure> {
    let wiring = Wiring::new(settings)?;
    let origin = fleet::origin(settings)?;
    if fleet::plain_directory(&origin).is_some() {
        // A directory without history fails here and now instead of being asked for ever.
        fleet::read(settings, Purpose::Act)?;
    }
    block_on(async {
        let engine = Engine::new(wiring.parts()?, wiring.lock("run")?);
        let pace = Pace { seed: u64::from(std::process::id()), ..Pace::default() };
        let (watcher, subscription) = Watcher::new(origin.clone(), settings.state_dir().to_owned(), access(settings)?, pace);
        let stop = CancellationToken::new();
        let mut beside = JoinSet::new();
        beside.spawn(signals::watch(stop.clone()));
        beside.spawn(watcher.run(stop.clone()));
        beside.spawn(tell_of_source(subscription.snapshots.clone(), subscription.status.clone()));
        beside.spawn(Progress::new(console, Detail::Log).follow(engine.listen()));
        console.line(&format!("following {origin}; Ctrl-C ends after the step in hand"));
        engine.run(subscription.snapshots, stop).await;
        drop(engine);
        beside.shutdown().await;
        console.line("stopped");
        Ok(Ending::Done)
    })
}

/// Says once what is refused of each revision, and whenever the origin cannot be read or can be read again.
async fn tell_of_source(mut snapshots: watch::Receiver<Snapshot>, mut status: watch::Receiver<SourceStatus>) {
    let mut trouble = None;
    loop {
        tokio::select! {
            // Cancel-safe: `changed` leaves the newest to be seen next time.
            changed = snapshots.changed() => {
                if changed.is_err() {
                    return;
                }
                refused(&snapshots.borrow_and_update());
            }
            // Cancel-safe: as above.
            changed = status.changed() => {
                if changed.is_err() {
                    return;
                }
                let now = status.borrow_and_update().trouble.as_ref().map(|trouble| trouble.message.clone());
                if now != trouble {
                    match &now {
                        Some(says) => tracing::warn!(target: "trunkline::source", "{says}; the last good state stays in force"),
                        None => tracing::warn!(target: "trunkline::source", "the repository can be read again"),
                    }
                    trouble = now;
                }
            }
        }
    }
}

fn refused(snapshot: &Snapshot) {
    for fault in snapshot.diagnostics.iter().filter(|finding| finding.severity == Severity::Error) {
        let (file, line, column) = (&fault.place.file, fault.place.line, fault.place.column);
        tracing::warn!(target: "trunkline::source", "{:#} is refused in part: {file}:{line}:{column}: {}", snapshot.revision, fault.message);
    }
}
