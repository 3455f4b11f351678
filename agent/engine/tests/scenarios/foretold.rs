//! What would be done is told without doing it, and is what is done.

use engine::event::Happening;
use engine::interrupt::KillSwitch;
use engine::preview::preview;
use plan::step::Impact;
use tokio_util::sync::CancellationToken;

use crate::support::{Stage, log};

#[tokio::test(start_paused = true)]
async fn a_preview_changes_nothing_and_names_the_steps_that_are_done_then() {
    log();
    let stage = Stage::new();
    let wanted = [stage.name()].into();
    let told = preview(stage.parts(KillSwitch::default()), &stage.snapshot(), &wanted).await.remove(&stage.name()).unwrap().unwrap();
    assert_eq!(stage.methods().len(), 0);
    assert_eq!(std::fs::read_dir(stage.directory.path()).unwrap().count(), 0, "nothing was written");
    let decision = told.decision;
    assert_eq!(decision.plan.impact(), Impact::None, "nobody is served by a bare host");
    assert_eq!(decision.gated.go.len(), decision.plan.steps.len());

    let engine = stage.engine(KillSwitch::default());
    let mut events = engine.listen();
    engine.apply_once(&stage.snapshot(), [(stage.name(), decision.plan.impact())].into(), CancellationToken::new()).await;
    let events = std::iter::from_fn(|| events.try_recv().ok());
    let begun: Vec<_> =
        events.filter_map(|event| if let Happening::StepStarted { step, .. } = &event.what { Some(step.clone()) } else { None }).collect();
    for step in &decision.gated.go {
        assert!(begun.contains(step), "`{step}` was foretold and not begun");
    }
}

#[tokio::test(start_paused = true)]
async fn an_appliance_that_cannot_be_seen_is_told_as_such() {
    log();
    let mut stage = Stage::new();
    stage.desired.host.address = "192.168.0.77".to_owned();
    let unseen =
        preview(stage.parts(KillSwitch::default()), &stage.snapshot(), &[stage.name()].into()).await.remove(&stage.name()).unwrap();
    insta::assert_snapshot!(unseen.unwrap_err(), @"nothing can be planned: the host of `branch-1` could not be observed: `192.168.0.77:5986` does not answer: `Enumerate` was not sent: `https://192.168.0.77:5986/wsman` cannot be reached: nobody listens on 192.168.0.77:5986");
}
