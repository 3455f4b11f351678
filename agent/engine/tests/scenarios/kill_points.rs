//! The agent dies at a point of every step of a full installation; each life begins where the host is, every other one without its
//! disk, and what is there in the end is what an undisturbed life leaves.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::interrupt::{Interrupt, KillPoint, KillSwitch};
use engine::outcome::Outcome;
use plan::step::StepId;
use sim::script::Script;

use crate::support::{Stage, log};

/// Dies once for each step, over all lives.
#[derive(Debug)]
struct DieOfEachStep {
    point: KillPoint,
    after: Duration,
    died_of: Mutex<BTreeSet<StepId>>,
}

impl Interrupt for DieOfEachStep {
    fn dies_at(&self, point: KillPoint, step: &StepId) -> bool {
        point == self.point && self.died_of.lock().unwrap().insert(step.clone())
    }

    fn dies_after(&self, step: &StepId) -> Option<Duration> {
        self.dies_at(KillPoint::Performing, step).then_some(self.after)
    }
}

/// Every changing request is answered a tenth of a second after it was carried out.
fn stage() -> Stage {
    let stage = Stage::new();
    let slow = Script::parse(r#"[{"on":{"operation":"Invoke","times":null},"do":{"slow":"100ms"}}]"#).unwrap();
    stage.sim.play(&slow).unwrap();
    stage
}

/// `least`: so many steps are long enough to die of.
async fn die_of_each_step(point: KillPoint, after: Duration, least: usize) {
    log();
    let undisturbed = stage();
    assert_eq!(undisturbed.settle(KillSwitch::default()).await, Outcome::Converged);

    let mut stage = stage();
    let death = Arc::new(DieOfEachStep { point, after, died_of: Mutex::default() });
    let mut deaths = 0;
    loop {
        match stage.settle(KillSwitch::held_by(death.clone())).await {
            Outcome::Converged => break,
            Outcome::Stopped => deaths += 1,
            other => panic!("after {deaths} deaths, of {:?}: {other:?}", death.died_of.lock().unwrap()),
        }
        if deaths % 2 == 0 {
            stage.directory = tempfile::tempdir().unwrap();
        }
    }
    assert!(deaths >= least, "an installation has more than {deaths} steps to die of");
    let once = ["DefineSystem", "CreateVirtualHardDisk", "AddResourceSettings"];
    for method in once {
        assert_eq!(stage.methods().get(method), undisturbed.methods().get(method), "{method}");
    }
    assert_eq!(stage.settle(KillSwitch::default()).await, Outcome::Converged, "and there is nothing left to do");
}

#[tokio::test(start_paused = true)]
async fn before_intent() {
    die_of_each_step(KillPoint::BeforeIntent, Duration::ZERO, 15).await;
}

#[tokio::test(start_paused = true)]
async fn after_intent() {
    die_of_each_step(KillPoint::AfterIntent, Duration::ZERO, 15).await;
}

#[tokio::test(start_paused = true)]
async fn sent_without_an_answer() {
    die_of_each_step(KillPoint::Performing, Duration::from_millis(50), 15).await;
}

#[tokio::test(start_paused = true)]
async fn while_a_job_runs() {
    die_of_each_step(KillPoint::Performing, Duration::from_millis(700), 5).await;
}

#[tokio::test(start_paused = true)]
async fn done_and_not_verified() {
    die_of_each_step(KillPoint::Performed, Duration::ZERO, 15).await;
}

#[tokio::test(start_paused = true)]
async fn verified_and_not_written_down() {
    die_of_each_step(KillPoint::Verified, Duration::ZERO, 15).await;
}
