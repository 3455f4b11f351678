//! `trunkline run`: watches the repository and converges until stopped.

use std::sync::Arc;

use engine::Engine;
use source::{Pace, Watcher};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::console::Console;
use crate::error::{Ending, Failure};
use crate::fleet;
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
    block_on(async {
        let engine = Engine::new(wiring.parts()?, wiring.lock("run")?);
        let pace = Pace { seed: u64::from(std::process::id()), ..Pace::default() };
        let (watcher, subscription) =
            Watcher::new(origin.clone(), settings.state_dir().to_owned(), Arc::clone(&wiring.credentials) as Arc<dyn source::Credentials>, pace);
        let stop = CancellationToken::new();
        let mut beside = JoinSet::new();
        beside.spawn(signals::watch(stop.clone()));
        beside.spawn(watcher.run(stop.clone()));
        beside.spawn(Progress::new(console, Detail::Steps).follow(engine.listen()));
        console.line(&format!("following {origin}; Ctrl-C ends after the step in hand"));
        engine.run(subscription.snapshots, stop).await;
        drop(engine);
        beside.shutdown().await;
        console.line("stopped");
        Ok(Ending::Done)
    })
}
