//! The demo's tour: scene by scene, each with what is done and what is then seen.
//!
//! Guarantees: a scene that does not end as it should fails the command; a signal ends whatever scene there is. Deliberately absent:
//! sleeping; scenes end when the engine says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use engine::Engine;
use engine::event::{Event, Happening};
use engine::preview::{Preview, Unseen, preview};
use model::names::ApplianceName;
use model::snapshot::Snapshot;
use sim::world::{Fault, HostName};
use source::{Pace, Subscription, Watcher};
use tokio::sync::broadcast;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::stage::Stage;
use crate::args::Demo;
use crate::commands::plan::{Planned, show_text, sound};
use crate::console::Console;
use crate::error::{Context as _, Ending, Failure};
use crate::following::Following;
use crate::progress::{Detail, Progress};
use crate::signals;
use crate::wiring::Wiring;

/// No scene takes longer on a machine that works at all.
const PATIENCE: Duration = Duration::from_secs(240);

struct Tour<'a> {
    stage: Stage,
    engine: Engine,
    wiring: Wiring,
    snapshots: watch::Receiver<Snapshot>,
    waker: source::Waker,
    console: &'a Console,
    appliances: [ApplianceName; 2],
}

/// Sets the stage, runs the tour, and stays up unless `--once`.
pub(super) async fn run(args: &Demo, console: &Console) -> Result<Ending, Failure> {
    let began = Instant::now();
    let stop = CancellationToken::new();
    let mut beside = JoinSet::new();
    // Before there is anything to clean up.
    beside.spawn(signals::watch(stop.clone(), console));
    let stage = Stage::set(args).await?;
    let wiring = Wiring::new(&stage.settings)?;
    let engine = Engine::new(wiring.parts()?, wiring.lock("demo")?);
    let origin = crate::fleet::origin(&stage.settings)?;
    let access = crate::access::access(&stage.settings, Arc::clone(&wiring.credentials))?;
    let following = Following::new(&wiring, &origin, console)?;
    let (watcher, subscription) = Watcher::new(origin, stage.settings.state_dir().to_owned(), access, Pace::default());
    let Subscription { snapshots, status, waker } = subscription;
    beside.spawn(following.follow(snapshots.clone(), status));
    beside.spawn(Progress::new(console, Detail::Turns).follow(engine.listen()));

    let name = |text: &str| text.parse().context("an example's name");
    let tour = Tour { stage, engine, wiring, snapshots: snapshots.clone(), waker, console, appliances: [name("sea-1")?, name("sea-2")?] };
    let converging = tour.engine.run(snapshots, stop.clone());
    let scenes = async {
        let toured = tokio::select! {
            biased;
            // Cancel-safe: it only waits.
            () = stop.cancelled() => None,
            // Dropped only to stop: the demo's hosts go with it.
            toured = tour.scenes() => Some(toured),
        };
        let ending = match toured {
            None => {
                console.line("stopped");
                Ok(Ending::Unfinished)
            }
            Some(Err(failure)) => Err(failure),
            Some(Ok(())) => {
                tour.epilogue(began, args.once);
                if !args.once {
                    stop.cancelled().await;
                }
                Ok(Ending::Done)
            }
        };
        stop.cancel();
        ending
    };
    // The watcher has ended before the demo's directory goes.
    let (ending, (), ()) = tokio::join!(scenes, watcher.run(stop.clone()), async {
        tokio::select! {
            // Cancel-safe: the tour is over, and the demo's hosts go with it.
            () = stop.cancelled() => {}
            () = converging => {}
        }
    });
    beside.shutdown().await;
    ending
}

impl Tour<'_> {
    async fn scenes(&self) -> Result<(), Failure> {
        self.install().await?;
        self.nothing_to_do("2. A second look: nothing to do").await?;
        self.change().await?;
        self.repairs().await?;
        self.nothing_to_do("5. And again: nothing to do").await
    }

    fn heading(&self, text: &str) {
        self.console.line(&format!("\n{}", self.console.paint.strong(text)));
    }

    async fn install(&self) -> Result<(), Failure> {
        self.heading("1. Two bare hosts, one commit: both appliances are installed, leader first");
        self.console.line(&format!("   repository {}", self.stage.directory.join("fleet").display()));
        self.console.line("   simulated hosts boot in seconds; estimates are those of real ones");
        let mut events = self.engine.listen();
        let all = self.appliances.iter().cloned().collect();
        converged(&mut events, all, |_| true).await
    }

    async fn nothing_to_do(&self, heading: &str) -> Result<(), Failure> {
        self.heading(heading);
        let planned = self.plan().await?;
        show_text(&planned, self.console);
        if planned.iter().any(Planned::is_due) {
            return Err(Failure::new("the plan should be empty and is not"));
        }
        Ok(())
    }

    async fn plan(&self) -> Result<Vec<Planned>, Failure> {
        let snapshot = self.snapshots.borrow().clone();
        let all = self.appliances.iter().cloned().collect();
        seen(preview(self.wiring.parts()?, &snapshot, &all).await)
    }

    async fn change(&self) -> Result<(), Failure> {
        self.heading("3. A commit: sea-1's mediation gets 4 processors instead of 2");
        let mut events = self.engine.listen();
        let commit = self.stage.commit_processors(2, 4)?;
        self.waker.wake();
        let [sea_1, _] = &self.appliances;
        // The engine begins at once; what it will do is planned beside it, from the same commit.
        let mut snapshots = self.snapshots.clone();
        let arrived = snapshots.wait_for(|snapshot| snapshot.revision.as_str().contains(&commit));
        let snapshot =
            tokio::time::timeout(PATIENCE, arrived).await.context("the commit was not seen")?.context("the watcher ended")?.clone();
        let planned = seen(preview(self.wiring.parts()?, &snapshot, &BTreeSet::from([sea_1.clone()])).await)?;
        show_text(&planned, self.console);
        self.console.line("");
        converged(&mut events, BTreeSet::from([sea_1.clone()]), |revision| revision.contains(&commit)).await
    }

    async fn repairs(&self) -> Result<(), Failure> {
        self.heading("4. Drift: four accidents on sea-1, each found and repaired");
        let host = HostName::new("hv-sea-1");
        let vm = |name: &str| format!("{name}.2.1");
        let service = Fault::ServiceStops { host: host.clone(), vm: Some(vm("sea1-ms")), service: "RTCMEDSRV".to_owned() };
        self.repair("a service dies: RTCMEDSRV on mediation", service).await?;
        let adapter = Fault::NicUnplugged { host: host.clone(), vm: vm("sea1-edge"), adapter: "internet".to_owned() };
        self.repair("an adapter is unplugged: internet on edge", adapter).await?;
        let rule = Fault::RuleDisabled { host: host.clone(), vm: Some(vm("sea1-edge")), rule: "CS-RTCSRV".to_owned() };
        self.repair("a firewall rule is disabled: CS RTCSRV on edge", rule).await?;
        self.repair("a VM loses power: cms", Fault::VmOff { host, vm: vm("sea1-cms") }).await
    }

    async fn repair(&self, says: &str, fault: Fault) -> Result<(), Failure> {
        self.console.line(&format!("   {}", self.console.paint.caution(says)));
        let [sea_1, _] = &self.appliances;
        let mut events = self.engine.listen();
        self.stage.simulator.apply(fault).context("the accident did not happen")?;
        let began = Instant::now();
        // Converged counts only after work: a look that was under way when the accident happened may still say so.
        let mut worked = Worked::No;
        let mended = async {
            loop {
                let event = next(&mut events).await?;
                match &event.what {
                    Happening::Begun { .. } if event.appliance == *sea_1 => worked = Worked::Yes,
                    Happening::Converged { .. } if event.appliance == *sea_1 && worked == Worked::Yes => return Ok(()),
                    _ => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, mended).await.context(format!("not repaired in time: {says}"))??;
        self.console.line(&format!("   {} after {:.1} s", self.console.paint.good("repaired"), began.elapsed().as_secs_f64()));
        Ok(())
    }

    fn epilogue(&self, began: Instant, once: bool) {
        let paint = self.console.paint;
        self.console.line(&format!(
            "\n{} in {:.0} s, over real sockets of this machine",
            paint.good("the tour is over"),
            began.elapsed().as_secs_f64()
        ));
        if once {
            return;
        }
        let directory = self.stage.directory.display();
        self.heading("The hosts stay up and the agent goes on. In another terminal:");
        for line in [
            format!("cd {directory}"),
            "trunkline status".to_owned(),
            "trunkline plan".to_owned(),
            "trunkline explain appliance sea-1 spec.roles.mediation.memory".to_owned(),
            "$EDITOR fleet/sites/seattle/sea-2.yaml   # then commit it".to_owned(),
            "trunkline simulate --endpoints endpoints.yaml inject \\".to_owned(),
            r#"  '{"world": {"vmOff": {"host": "hv-sea-2", "vm": "sea2-edge.2.1"}}}'"#.to_owned(),
        ] {
            self.console.line(&format!("   {line}"));
        }
        self.console.line("\nCtrl-C ends the demo.");
    }
}

/// The plans; in a demo every host can be seen.
fn seen(previews: BTreeMap<ApplianceName, Result<Preview, Unseen>>) -> Result<Vec<Planned>, Failure> {
    match sound(previews) {
        (_, Some(failure)) => Err(failure),
        (planned, None) => Ok(planned),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worked {
    No,
    Yes,
}

async fn next(events: &mut broadcast::Receiver<Arc<Event>>) -> Result<Arc<Event>, Failure> {
    loop {
        match events.recv().await {
            Ok(event) => return Ok(event),
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return Err(Failure::new("the engine ended")),
        }
    }
}

/// Waits until each of `waited` has converged on a revision that `counts`; a stall ends the wait at once.
async fn converged(
    events: &mut broadcast::Receiver<Arc<Event>>,
    mut waited: BTreeSet<ApplianceName>,
    counts: impl Fn(&str) -> bool,
) -> Result<(), Failure> {
    let all = async {
        while !waited.is_empty() {
            let event = next(events).await?;
            match &event.what {
                Happening::Converged { revision, .. } if counts(revision.as_str()) => {
                    waited.remove(&event.appliance);
                }
                Happening::Stalled { says, .. } => return Err(Failure::new(format!("{} stalled: {says}", event.appliance))),
                _ => {}
            }
        }
        Ok(())
    };
    tokio::time::timeout(PATIENCE, all).await.context("the appliances did not converge in time")?
}
