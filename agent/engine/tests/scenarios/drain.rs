//! Calls that run are let finish before planned work stops anything, and what happens when they do not.

use std::sync::Arc;
use std::time::Duration;

use engine::event::{Event, Happening};
use engine::interrupt::KillSwitch;
use engine::outcome::Outcome;
use model::condition::Posture;
use model::desired::{DrainMode, Grade, OnDrainTimeout, PlannedOutage};
use model::units::{MemorySize, Span};
use model::window::Window;
use plan::fixtures;
use sim::world::Fault;
use tokio::sync::broadcast;

use crate::support::{Stage, WORLD, heard, is_done, log};

const DRAINED: &str = "2.1/app/drain-service/AppSvc";
const HELD: &str = "2.1/app/hold-service/AppSvc";
const CHANGED: &str = "2.1/app/set-processors";

/// An appliance in force that carries twelve calls, and a commit that wants its VM off. Calls take so long each to end, one after another.
async fn busy(each: &str) -> Stage {
    log();
    let counters = "counters: [{class: Win32_PerfFormattedData_Calls, property: Current}]";
    let calls = format!("services: [{{name: AppSvc}}]\n    setup: {{calls: {{service: AppSvc, active: 12, each: {each}, {counters}}}}}");
    let mut stage = Stage::in_world(&WORLD.replace("services: [{name: AppSvc}]", &calls), 1);
    let always = Window { duration: Span::from_secs(86_400), ..fixtures::nights() };
    stage.desired.windows = Arc::new([(fixtures::of("always"), always)].into());
    let outage = PlannedOutage { windows: vec![fixtures::of("always")], at_most: Span::from_secs(86_400) };
    stage.desired.availability.planned_outage = Some(outage);
    stage.desired.roles[0].services = Arc::new([fixtures::service(&["AppSvc"], Grade::CallPath)]);
    fixtures::count_calls(&mut stage.desired, "app");
    assert_eq!(stage.settle(KillSwitch::default()).await, Outcome::Converged);
    stage.desired.roles[0].processors = Some(4);
    stage
}

async fn done(events: &mut broadcast::Receiver<Arc<Event>>, step: &str) -> jiff::Timestamp {
    heard(events, |event| is_done(event, step)).await.at
}

#[tokio::test(start_paused = true)]
async fn planned_work_begins_when_the_last_call_has_ended() {
    let stage = busy("60s").await;
    stage
        .while_running(&stage.snapshot(), async |events| {
            heard(events, |event| matches!(&event.what, Happening::StepStarted { step, .. } if step.as_str() == DRAINED)).await;
            let posture = stage.status(&stage.name()).posture;
            assert!(
                matches!(&posture, Some(Posture::Down(faults)) if faults[0].says == "is taken out of service by us"),
                "it is told as soon as it begins: {posture:?}"
            );
            let drains = done(events, DRAINED).await;
            let says =
                heard(events, |event| matches!(&event.what, Happening::Waiting { on, .. } if on.iter().any(|on| on.contains("call"))))
                    .await;
            assert!(says.what.to_string().starts_with("waiting: 12 calls are still running, for "), "{}", says.what);
            let held = done(events, HELD).await;
            let took = held.duration_since(drains).as_secs();
            assert!((12 * 60..12 * 60 + 30).contains(&took), "{took} s");
            done(events, CHANGED).await;
            heard(events, |event| matches!(event.what, Happening::Converged { .. })).await;
        })
        .await;
    assert_eq!(stage.status(&stage.name()).posture, Some(Posture::Serving));
}

#[tokio::test(start_paused = true)]
async fn calls_that_do_not_end_in_time_are_cut_where_that_is_wished() {
    let mut stage = busy("1h").await;
    (stage.desired.drain.timeout, stage.desired.drain.on_timeout) = (Span::from_secs(300), OnDrainTimeout::Force);
    stage
        .while_running(&stage.snapshot(), async |events| {
            let drains = done(events, DRAINED).await;
            let held = done(events, HELD).await;
            let took = held.duration_since(drains).as_secs();
            assert!((300..330).contains(&took), "{took} s");
            heard(events, |event| matches!(event.what, Happening::Converged { .. })).await;
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn calls_that_do_not_end_in_time_go_on_where_that_is_wished_and_the_work_is_tried_again_later() {
    let mut stage = busy("1h").await;
    (stage.desired.drain.timeout, stage.desired.drain.on_timeout) = (Span::from_secs(300), OnDrainTimeout::Abort);
    let before = stage.methods().get("ModifyResourceSettings").copied();
    stage
        .while_running(&stage.snapshot(), async |events| {
            let drains = done(events, DRAINED).await;
            let resumed = done(events, "2.1/app/start-service/AppSvc").await;
            let took = resumed.duration_since(drains).as_secs();
            assert!((300..480).contains(&took), "{took} s");
            heard(events, |event| event.what == Happening::Posture { now: Posture::Serving }).await;
            let says = heard(events, |event| matches!(event.what, Happening::Waiting { .. })).await.what.to_string();
            assert!(says.contains("calls did not end within 5m (`drain.timeout`) and go on; next attempt at "), "{says}");
            let next = heard(events, |event| is_done(event, DRAINED) || is_done(event, HELD)).await;
            assert!(is_done(&next, DRAINED) && next.at.duration_since(drains).as_secs() > 3600, "{} at {}", next.what, next.at);
        })
        .await;
    assert_eq!(stage.methods().get("ModifyResourceSettings").copied(), before, "nothing was changed");
}

#[tokio::test(start_paused = true)]
async fn calls_that_cannot_be_counted_keep_the_work_back_until_it_is_to_be_immediate() {
    let mut stage = busy("60s").await;
    let mut unknown = stage.desired.roles[0].calls[0].clone();
    unknown.classes = vec![fixtures::of("Win32_PerfFormattedData_Other")];
    stage.desired.roles[0].calls = Arc::new([unknown]);
    let (outcome, steps) = stage.steps_of(&stage.snapshot()).await;
    assert_eq!(steps, Vec::<String>::new());
    let Outcome::Waiting { waits, .. } = &outcome else { panic!("{outcome:?}") };
    assert!(waits.iter().any(|wait| wait.says.starts_with("how many calls run in app cannot be seen")), "{waits:?}");

    stage.desired.drain.mode = DrainMode::Immediate;
    let (outcome, steps) = stage.steps_of(&stage.snapshot()).await;
    assert_eq!(outcome, Outcome::Converged);
    assert!(steps.contains(&CHANGED.to_owned()) && !steps.contains(&DRAINED.to_owned()), "{steps:?}");
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_room_goes_while_calls_end_takes_them_away_twice_in_its_first_window_and_once_in_the_next() {
    let mut stage = busy("5h").await;
    stage.open_twice();
    (stage.desired.roles[0].processors, stage.desired.roles[0].memory) = (Some(2), Some(MemorySize::from_mib(8192)));
    let take = |mib| stage.sim.apply(Fault::MemoryTaken { host: stage.host(), mib }).unwrap();
    let (mut drained, mut stalls) = (Vec::new(), Vec::new());
    stage
        .while_running(&stage.snapshot(), async |events| {
            let all = async {
                while let Ok(event) = events.recv().await {
                    match &event.what {
                        _ if is_done(&event, DRAINED) => {
                            drained.push(event.at.to_string()[11..13].to_owned());
                            // Never the same amount.
                            take(8192 + drained.len() as u64);
                        }
                        Happening::Posture { now: Posture::Serving } => take(0),
                        Happening::Stalled { says, .. } => stalls.push(says.clone()),
                        _ => {}
                    }
                }
            };
            let _ = tokio::time::timeout(Duration::from_hours(4), all).await;
        })
        .await;
    assert_eq!(drained, ["11", "11", "14"]);
    stalls.dedup();
    assert_eq!(stalls.len(), 1, "{stalls:#?}");
}
