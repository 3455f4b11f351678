//! Repairs go on while planned work waits.

use std::sync::Arc;
use std::time::Duration;

use engine::event::Happening;
use engine::interrupt::KillSwitch;
use engine::outcome::Outcome;
use engine::preview::preview;
use model::snapshot::{PolicyFile, Snapshot};
use sim::script::Script;
use sim::world::Fault;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::support::{Stage, log};

const VM: &str = "app1.2.1";

/// An appliance that serves, and a commit that wants a VM off.
async fn with_a_change() -> Stage {
    log();
    let mut stage = Stage::new();
    assert_eq!(stage.settle(KillSwitch::default()).await, Outcome::Converged);
    stage.desired.roles[0].processors = Some(4);
    stage
}

fn kinds(outcome: &Outcome) -> Vec<&str> {
    match outcome {
        Outcome::Waiting { waits, .. } => waits.iter().map(|wait| wait.on.as_str()).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stops_while_a_change_waits_for_its_window_is_started() {
    let stage = with_a_change().await;
    // The window closes at 13:00.
    tokio::time::sleep(Duration::from_secs(3 * 3600)).await;
    let (outcome, done) = stage.steps_of(&stage.snapshot()).await;
    assert_eq!((kinds(&outcome), done), (vec!["window"], vec![]));
    stage.sim.apply(Fault::ServiceStops { host: stage.host(), vm: Some(VM.to_owned()), service: "AppSvc".to_owned() }).unwrap();
    let (outcome, done) = stage.steps_of(&stage.snapshot()).await;
    assert_eq!(done, ["2.1/app/start-service/AppSvc"]);
    assert_eq!(kinds(&outcome), ["window"], "the change still waits");
}

#[tokio::test(start_paused = true)]
async fn a_vm_that_goes_off_while_a_policy_denies_a_change_is_started_unchanged() {
    let stage = with_a_change().await;
    let text = "package site.freeze\n\ndeny contains {\"msg\": \"quarter end\"} if { count(input.plan.steps) > 0 }\n";
    let freeze = PolicyFile { path: "policies/freeze.rego".into(), text: text.into() };
    let snapshot = Snapshot { policies: Arc::new(vec![freeze]), ..stage.snapshot() };
    let (outcome, done) = stage.steps_of(&snapshot).await;
    assert_eq!((kinds(&outcome), done), (vec!["policy"], vec![]));
    stage.sim.apply(Fault::VmOff { host: stage.host(), vm: VM.to_owned() }).unwrap();

    let told = preview(stage.parts(KillSwitch::default()), &snapshot, &[stage.name()].into()).await.remove(&stage.name()).unwrap();
    let foretold: Vec<_> = told.unwrap().decision.to_run().1.go.iter().map(ToString::to_string).collect();
    let (outcome, done) = stage.steps_of(&snapshot).await;
    assert_eq!(kinds(&outcome), ["policy"]);
    assert!(done.contains(&"2.1/app/start-vm".to_owned()), "{done:?}");
    assert!(!done.iter().any(|step| step.contains("set-processors")), "{done:?}");
    assert_eq!(done[..foretold.len()], foretold, "what runs is what was foretold");
}

#[tokio::test(start_paused = true)]
async fn a_pass_under_way_leaves_a_wish_that_is_no_longer_in_force() {
    log();
    let mut stage = Stage::new();
    let engine = stage.engine(KillSwitch::default());
    let (snapshots, receiver) = tokio::sync::watch::channel(stage.snapshot());
    stage.desired.roles[0].processors = Some(4);
    let changed = stage.snapshot();
    let shutdown = CancellationToken::new();
    let mut events = engine.listen();
    let story = async {
        let mut set = 0;
        while let Ok(event) = events.recv().await {
            match &event.what {
                Happening::StepStarted { step, .. } if step.as_str() == "2.1/app/create-disk" => {
                    snapshots.send(changed.clone()).unwrap();
                }
                Happening::StepDone { step, .. } if step.as_str().contains("set-processors") => set += 1,
                Happening::Converged { .. } => break,
                _ => {}
            }
        }
        shutdown.cancel();
        set
    };
    let ((), set) = tokio::join!(engine.run(receiver, shutdown.clone()), story);
    assert_eq!(set, 1, "it was built as it is wished for now, and never as it was");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_a_host_that_stays_silent() {
    log();
    let stage = Stage::new();
    stage.sim.play(&Script::parse(r#"[{"on":{"times":null},"do":{"slow":"1h"}}]"#).unwrap()).unwrap();
    let began = Instant::now();
    stage.while_running(&stage.snapshot(), async |_| tokio::time::sleep(Duration::from_secs(4)).await).await;
    assert_eq!(began.elapsed().as_secs(), 4, "the look was dropped");
    assert!(stage.sim.mutations().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_wish_that_changes_during_a_look_is_looked_at_anew_at_once() {
    log();
    let mut stage = Stage::new();
    stage.sim.play(&Script::parse(r#"[{"on":{},"do":{"slow":"1m"}}]"#).unwrap()).unwrap();
    let engine = stage.engine(KillSwitch::default());
    let (snapshots, receiver) = tokio::sync::watch::channel(stage.snapshot());
    stage.desired.mode = model::desired::Mode::Observe;
    let changed = stage.snapshot();
    let shutdown = CancellationToken::new();
    let story = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        snapshots.send(changed).unwrap();
        tokio::time::sleep(Duration::from_secs(10)).await;
        let seen = stage.status(&stage.name());
        shutdown.cancel();
        seen
    };
    let ((), seen) = tokio::join!(engine.run(receiver, shutdown.clone()), story);
    assert!(
        seen.condition(model::condition::ConditionKind::Ready).is_some_and(|ready| ready.reason == model::condition::Reason::ModeForbids)
    );
    assert!(stage.sim.mutations().is_empty());
}
