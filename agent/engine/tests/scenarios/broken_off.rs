//! Planned work that fails after it has ended serving: calls come back first, and it takes them away once more in that window and once in
//! each later one, whatever goes on failing.

use std::sync::Arc;
use std::time::Duration;

use engine::event::{Event, Happening};
use engine::interrupt::KillSwitch;
use engine::outcome::Outcome;
use jiff::Timestamp;
use model::condition::Posture;
use model::desired::Grade;
use model::units::Span;
use plan::fixtures;
use sim::world::{Fault, JobKind};

use crate::support::{Stage, is_done, log};

const SHUT_DOWN: &str = "2.1/app/shut-down-vm";
const CHANGED: &str = "2.1/app/set-processors";

/// An appliance in force with two windows, the first open until 13:00 and the second one from 14:00 on; and a commit that wants its VM off
/// for what fails so often.
async fn failing(times: usize) -> Stage {
    log();
    let mut stage = Stage::new();
    stage.open_twice();
    stage.desired.roles[0].services = Arc::new([fixtures::service(&["AppSvc"], Grade::CallPath)]);
    assert_eq!(stage.settle(KillSwitch::default()).await, Outcome::Converged);
    stage.desired.roles[0].processors = Some(4);
    for _ in 0..times {
        let fails = Fault::JobFails { host: stage.host(), kind: JobKind::ModifyResources, message: "The disk is full.".to_owned() };
        stage.sim.apply(fails).unwrap();
    }
    stage
}

/// What is told meanwhile.
async fn told(stage: &Stage, minutes: u64) -> Vec<Arc<Event>> {
    let mut told = Vec::new();
    stage
        .while_running(&stage.snapshot(), async |events| {
            let all = async {
                while let Ok(event) = events.recv().await {
                    told.push(event);
                }
            };
            let _ = tokio::time::timeout(Duration::from_mins(minutes), all).await;
        })
        .await;
    told
}

fn when(told: &[Arc<Event>], what: impl Fn(&Event) -> bool) -> Vec<Timestamp> {
    told.iter().filter(|event| what(event)).map(|event| event.at).collect()
}

fn serves(event: &Event) -> bool {
    matches!(&event.what, Happening::Posture { now: Posture::Serving })
}

#[tokio::test(start_paused = true)]
async fn a_change_that_goes_on_failing_takes_calls_away_twice_in_its_first_window_and_once_in_the_next() {
    let stage = failing(99).await;
    let told = told(&stage, 240).await;
    let off = when(&told, |event| is_done(event, SHUT_DOWN));
    let hours: Vec<_> = off.iter().map(|at| at.to_string()[11..13].to_owned()).collect();
    assert_eq!(hours, ["11", "11", "14"], "{off:?}");
    let back = when(&told, serves);
    for (index, went) in off.iter().enumerate() {
        let next = off.get(index + 1).copied().unwrap_or(Timestamp::MAX);
        let back = back.iter().find(|at| **at > *went && **at < next);
        let took = back.unwrap_or_else(|| panic!("it did not come back: {off:?}")).duration_since(*went).as_secs();
        assert!(took < 5 * 60, "calls came back after {took} s");
    }
    let status = stage.status(&stage.name());
    let says: Vec<_> = status.waits.iter().filter(|wait| wait.on == "brokenOff").map(|wait| wait.says.as_str()).collect();
    insta::assert_snapshot!(says.join("; "), @"calls were stopped for it 3 times and it failed each time; they are stopped again at 2026-03-04T10:00:00Z");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_failed_once_is_made_in_the_same_window_when_calls_have_come_back() {
    let stage = failing(1).await;
    let told = told(&stage, 30).await;
    let failed = when(&told, |event| matches!(&event.what, Happening::StepFailed { step, .. } if step.as_str() == CHANGED));
    let (changed, back) = (when(&told, |event| is_done(event, CHANGED)), when(&told, serves));
    assert_eq!((failed.len(), changed.len()), (1, 1), "{told:#?}");
    assert!(back.iter().any(|at| *at > failed[0] && *at < changed[0]), "it served between {} and {}: {back:?}", failed[0], changed[0]);
    assert!(told.iter().any(|event| matches!(event.what, Happening::Converged { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_failed_and_whose_window_closed_meanwhile_waits_for_the_next_one() {
    let mut stage = failing(1).await;
    // Calls return after an hour and a half.
    stage.desired.watch.stable_for = Span::from_secs(5400);
    stage.desired.availability.planned_outage.as_mut().unwrap().at_most = Span::from_secs(9000);
    let told = told(&stage, 360).await;
    let off = when(&told, |event| is_done(event, SHUT_DOWN));
    let hours: Vec<_> = off.iter().map(|at| at.to_string()[11..13].to_owned()).collect();
    assert_eq!(hours, ["11", "14"], "{off:?}");
}
