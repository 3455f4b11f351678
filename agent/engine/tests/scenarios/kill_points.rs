//! The agent dies at every point of every step of a full installation, and each new life ends in the same state.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine::interrupt::{Interrupt, KillPoint, KillSwitch};
use engine::outcome::Outcome;
use plan::step::StepId;
use sim::script::Script;

use crate::support::{Stage, log};

/// Dies once: when the point is passed for the n-th time.
#[derive(Debug)]
struct DieOnce {
    point: KillPoint,
    nth: usize,
    after: Duration,
    passed: AtomicUsize,
}

impl DieOnce {
    fn at(point: KillPoint, nth: usize, after: Duration) -> Arc<Self> {
        Arc::new(Self { point, nth, after, passed: AtomicUsize::new(0) })
    }

    fn is_now(&self) -> bool {
        self.passed.fetch_add(1, Ordering::Relaxed) + 1 == self.nth
    }
}

impl Interrupt for DieOnce {
    fn dies_at(&self, point: KillPoint, _: &StepId) -> bool {
        point == self.point && self.is_now()
    }

    fn dies_after(&self, _: &StepId) -> Option<Duration> {
        (self.point == KillPoint::Performing && self.is_now()).then_some(self.after)
    }
}

/// Every changing request is answered a tenth of a second after it was carried out.
fn slow() -> Script {
    Script::parse(r#"[{"on":{"operation":"Invoke","times":null},"do":{"slow":"100ms"}}]"#).unwrap()
}

fn stage() -> Stage {
    let stage = Stage::new();
    stage.sim.play(&slow()).unwrap();
    stage
}

async fn dies_everywhere(point: KillPoint, after: Duration) {
    log();
    let whole = stage();
    assert_eq!(whole.settle(KillSwitch::default()).await, Outcome::Converged);
    let expected = whole.methods();
    for nth in 1.. {
        let mut stage = stage();
        let death = DieOnce::at(point, nth, after);
        let first = stage.settle(KillSwitch::held_by(death.clone())).await;
        if death.passed.load(Ordering::Relaxed) < nth {
            assert!(nth > 5, "an installation has more steps than {nth}");
            assert_eq!(first, Outcome::Converged);
            return;
        }
        if nth % 2 == 0 {
            // Every other time its disk dies with it.
            stage.directory = tempfile::tempdir().unwrap();
        }
        let second = stage.settle(KillSwitch::default()).await;
        assert_eq!(second, Outcome::Converged, "died at {point:?} of step {nth}");
        for method in ["DefineSystem", "CreateVirtualHardDisk", "AddResourceSettings"] {
            assert_eq!(stage.methods().get(method), expected.get(method), "{method}, died at {point:?} of step {nth}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn before_intent() {
    dies_everywhere(KillPoint::BeforeIntent, Duration::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn after_intent() {
    dies_everywhere(KillPoint::AfterIntent, Duration::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn sent_without_an_answer() {
    dies_everywhere(KillPoint::Performing, Duration::from_millis(50)).await;
}

#[tokio::test(start_paused = true)]
async fn while_a_job_runs() {
    dies_everywhere(KillPoint::Performing, Duration::from_millis(700)).await;
}

#[tokio::test(start_paused = true)]
async fn done_and_not_verified() {
    dies_everywhere(KillPoint::Performed, Duration::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn verified_and_not_written_down() {
    dies_everywhere(KillPoint::Verified, Duration::ZERO).await;
}
