//! `trunkline run`: watches the repository and converges until stopped.

use std::sync::Arc;

use engine::Engine;
use source::{Location, Origin, Pace, Watcher};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::access::access;
use crate::console::Console;
use crate::error::{Ending, Failure};
use crate::fleet::{self, Purpose};
use crate::following::Following;
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
    if fleet::plain_directory(&origin).is_some() || is_missing(&origin) {
        // A directory without history, or none at all, fails here and now instead of being asked for ever.
        fleet::read(settings, Purpose::Act)?;
    }
    block_on(async {
        let engine = Engine::new(wiring.parts()?, wiring.lock("run")?);
        let following = Following::new(&wiring, &origin, console)?;
        let pace = Pace { seed: u64::from(std::process::id()), ..Pace::default() };
        let access = access(settings, Arc::clone(&wiring.credentials))?;
        let (watcher, subscription) = Watcher::new(origin.clone(), settings.state_dir().to_owned(), access, pace);
        let stop = CancellationToken::new();
        let mut beside = JoinSet::new();
        beside.spawn(signals::watch(stop.clone(), console));
        beside.spawn(watcher.run(stop.clone()));
        beside.spawn(following.follow(subscription.snapshots.clone(), subscription.status.clone()));
        beside.spawn(Progress::new(console, Detail::Log).follow(engine.listen()));
        console.milestone(&format!("following {origin}; Ctrl-C ends after the step in hand"));
        engine.run(subscription.snapshots, stop).await;
        drop(engine);
        beside.shutdown().await;
        console.milestone("stopped");
        Ok(Ending::Done)
    })
}

/// Whether it is a path where nothing lies: mistyped, most likely.
fn is_missing(origin: &Origin) -> bool {
    matches!(&origin.location, Location::Local(path) if !path.exists())
}
