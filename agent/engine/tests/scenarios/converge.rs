//! A wish is brought into force, kept in force, and changed.

use engine::event::Happening;
use engine::interrupt::KillSwitch;
use engine::outcome::Outcome;
use model::condition::Posture;
use plan::step::Impact;
use tokio_util::sync::CancellationToken;

use crate::support::{Stage, log};

#[tokio::test(start_paused = true)]
async fn a_bare_host_converges_and_a_second_life_finds_nothing_to_do() {
    log();
    let stage = Stage::new();
    let engine = stage.engine(KillSwitch::default());
    let mut events = engine.listen();
    let outcome = engine.settle(&stage.snapshot(), CancellationToken::new()).await.remove(&stage.name()).unwrap();
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        told.push(event.what.to_string());
    }
    assert_eq!(outcome, Outcome::Converged, "{told:#?}");
    drop(engine);
    let status = engine::status::read_all(&stage.state()).unwrap().remove(0);
    assert_eq!(status.posture, Some(Posture::Serving));
    assert!(status.is_ready(), "{status:#?}");
    let done = stage.sim.mutations().len();

    let engine = stage.engine(KillSwitch::default());
    let mut events = engine.listen();
    let outcome = engine.settle(&stage.snapshot(), CancellationToken::new()).await.remove(&stage.name()).unwrap();
    assert_eq!(outcome, Outcome::Converged);
    assert_eq!(stage.sim.mutations().len(), done, "the second life changed something");
    let steps = std::iter::from_fn(|| events.try_recv().ok()).filter(|event| matches!(event.what, Happening::StepStarted { .. })).count();
    assert_eq!(steps, 0);
}

#[tokio::test(start_paused = true)]
async fn only_what_was_shown_is_applied() {
    log();
    let mut stage = Stage::new();
    assert_eq!(stage.settle(KillSwitch::default()).await, Outcome::Converged);
    stage.desired.roles[0].processors = Some(4);
    let apply = async |shown: Impact| {
        let engine = stage.engine(KillSwitch::default());
        let shown = [(stage.name(), shown)].into();
        engine.apply_once(&stage.snapshot(), shown, CancellationToken::new()).await.remove(&stage.name()).unwrap()
    };
    let before = stage.sim.mutations().len();
    assert!(matches!(apply(Impact::None).await, Outcome::Beyond { .. }));
    assert_eq!(stage.sim.mutations().len(), before);
    assert_eq!(apply(Impact::VmPowerOff).await, Outcome::Converged);
}
