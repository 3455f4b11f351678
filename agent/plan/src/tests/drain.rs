//! Calls that run finish before services stop for work that somebody decided on.

use jiff::{SignedDuration, Timestamp};
use model::condition::Posture;
use model::desired::{Desired, DrainMode, Maintenance, OnDrainTimeout, OnExpiry, StartMode};
use model::observed::{Observed, ServiceState};
use model::seen::{Cause, Seen};

use super::{gated, shown};
use crate::fixtures::{branch_bundle, converged, count_calls, given, of, set_calls, set_service};
use crate::gate::gate;
use crate::given::Given;
use crate::posture::posture;
use crate::report::WaitingOn;
use crate::step::Act;
use crate::{decide, plan};

/// A serving appliance whose gateway carries twelve calls and whose maintenance begins.
fn busy() -> (Desired, Observed) {
    let mut desired = branch_bundle();
    count_calls(&mut desired, "gateway");
    let mut observed = converged(&desired);
    set_calls(&mut observed, "gateway", Seen::Known(12));
    let until = of("2026-03-03T18:00:00Z");
    desired.maintenance = Some(Maintenance { reason: "cabling".to_owned(), until, on_expiry: OnExpiry::Resume });
    (desired, observed)
}

fn after(minutes: i64) -> Timestamp {
    given().now + SignedDuration::from_mins(minutes)
}

/// One pass: what was seen is noted, planned, judged, and what may go is done.
fn pass(desired: &Desired, observed: &mut Observed, memory: &mut Given, at: Timestamp) -> Vec<String> {
    memory.now = at;
    memory.memory.note(desired, observed, at);
    let (plan, report) = plan(desired, observed, memory);
    let gated = gate(&plan, &report, desired, memory);
    let go: Vec<_> = plan.steps.iter().filter(|step| gated.go.contains(&step.id)).collect();
    go.iter().for_each(|step| step.effect(desired, observed));
    go.iter().map(|step| format!("{} {}", step.act.verb(), step.act.object())).collect()
}

fn waits(desired: &Desired, observed: &Observed, given: &Given) -> Vec<String> {
    plan(desired, observed, given).1.waits.iter().map(|wait| wait.on.to_string()).collect()
}

#[test]
fn calls_are_let_finish_before_anything_stops() {
    let (desired, observed) = busy();
    insta::assert_snapshot!(gated(&desired, &observed, &given()), @"
    branch-1 (instance 2.1)
      serving

    5 steps, about 1m 9s: takes no calls meanwhile
       1  gateway  let GateSvc take no new calls
    .  2  gateway  hold GateSvc
    .  3  app      hold AppSvc
    .  4  app      note why no calls are taken
    .  5  gateway  note why no calls are taken

    waits for
      drain    running calls are let finish first, for 30m at most (2 steps)

      note: maintenance: services are held, nothing else is done
    ");
}

#[test]
fn a_change_begins_with_letting_calls_finish_unless_it_may_not_begin_at_all() {
    let (mut desired, mut observed) = busy();
    desired.maintenance = None;
    desired.roles[0].processors = Some(4);
    let go = |observed: &Observed, given: &Given| {
        let decision = decide(&desired, observed, given, |_, _| Vec::new());
        decision.to_run().1.go.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let mut memory = given();
    assert_eq!(go(&observed, &memory), ["2.1/gateway/drain-service/GateSvc"]);
    let waiting = Given { crowd: Some(1), ..given() };
    assert_eq!(go(&observed, &waiting), Vec::<String>::new());

    pass(&desired, &mut observed, &mut memory, after(0));
    memory.memory.note(&desired, &observed, after(1));
    memory.now = after(1);
    assert_eq!(go(&observed, &memory), Vec::<String>::new(), "neither stopped nor brought back while calls run");
    set_calls(&mut observed, "gateway", Seen::Known(0));
    assert_eq!(go(&observed, &memory).first().map(String::as_str), Some("2.1/gateway/hold-service/GateSvc"));
}

#[test]
fn a_drain_ends_with_its_last_call() {
    let (desired, mut observed) = busy();
    let mut memory = given();
    assert_eq!(pass(&desired, &mut observed, &mut memory, after(0)), ["drain-service GateSvc"]);
    assert_eq!(posture(&desired, &observed, &memory), Posture::Maintenance);
    set_calls(&mut observed, "gateway", Seen::Known(1));
    assert_eq!(pass(&desired, &mut observed, &mut memory, after(10)), [""; 0]);
    assert_eq!(waits(&desired, &observed, &memory), ["1 call is still running, for 30m at most"]);
    set_calls(&mut observed, "gateway", Seen::Known(0));
    let done = pass(&desired, &mut observed, &mut memory, after(20));
    assert_eq!(&done[..2], ["hold-service GateSvc", "hold-service AppSvc"]);
}

#[test]
fn a_drain_that_takes_too_long_is_given_up_and_tried_again_later() {
    let (desired, mut observed) = busy();
    let mut memory = given();
    pass(&desired, &mut observed, &mut memory, after(0));
    assert_eq!(pass(&desired, &mut observed, &mut memory, after(10)), [""; 0], "twelve calls still run");
    assert_eq!(pass(&desired, &mut observed, &mut memory, after(39)), [""; 0]);
    let mut resumed = pass(&desired, &mut observed, &mut memory, after(40));
    let told = waits(&desired, &observed, &memory);
    assert!(told.iter().any(|wait| wait.contains("calls did not end within 30m (`drain.timeout`) and go on")), "{told:?}");
    // All must be well for a minute first, as whenever calls return.
    resumed.extend(pass(&desired, &mut observed, &mut memory, after(42)));
    assert_eq!(resumed, ["start-service GateSvc", "restore-start-mode GateSvc"]);
    assert_eq!(posture(&desired, &observed, &memory), Posture::Serving);
    assert_eq!(pass(&desired, &mut observed, &mut memory, after(90)), [""; 0], "not again within the hour");
    assert_eq!(pass(&desired, &mut observed, &mut memory, after(101)), ["drain-service GateSvc"]);
}

#[test]
fn a_drain_that_is_to_be_forced_cuts_the_calls_that_are_left() {
    let (mut desired, mut observed) = busy();
    desired.drain.on_timeout = OnDrainTimeout::Force;
    let mut memory = given();
    pass(&desired, &mut observed, &mut memory, after(0));
    assert_eq!(pass(&desired, &mut observed, &mut memory, after(10)), [""; 0]);
    assert_eq!(pass(&desired, &mut observed, &mut memory, after(39)), [""; 0]);
    assert_eq!(&pass(&desired, &mut observed, &mut memory, after(41))[..1], ["hold-service GateSvc"]);
}

#[test]
fn an_agent_that_forgot_when_the_drain_began_waits_anew() {
    let (desired, mut observed) = busy();
    let mut memory = given();
    pass(&desired, &mut observed, &mut memory, after(0));
    let mut forgetful = given();
    assert_eq!(pass(&desired, &mut observed, &mut forgetful, after(25)), [""; 0]);
    assert_eq!(waits(&desired, &observed, &forgetful), ["12 calls are still running, for 30m at most"]);
}

#[test]
fn calls_that_cannot_be_counted_keep_the_drain_from_beginning() {
    let (desired, mut observed) = busy();
    set_calls(&mut observed, "gateway", Seen::Unknown(Cause::Failed("no counter class Win32_PerfFormattedData_Calls".to_owned())));
    let mut memory = given();
    assert_eq!(pass(&desired, &mut observed, &mut memory, after(0)), [""; 0]);
    let waits = plan(&desired, &observed, &memory).1.waits;
    assert!(matches!(&waits[0].on, WaitingOn::Unknown { what, .. } if what == "how many calls run in gateway"), "{waits:?}");
    assert_eq!(posture(&desired, &observed, &memory), Posture::Serving);
}

#[test]
fn once_what_carries_calls_has_stopped_its_counters_are_not_asked() {
    let (desired, mut observed) = busy();
    set_service(&mut observed, "gateway", "GateSvc", ServiceState::Stopped, StartMode::Manual);
    set_calls(&mut observed, "gateway", Seen::Unknown(Cause::Failed("no class".to_owned())));
    assert_eq!(&pass(&desired, &mut observed, &mut given(), after(0))[..1], ["hold-service AppSvc"]);
}

#[test]
fn an_immediate_drain_and_a_profile_without_counters_wait_for_no_call() {
    let (mut desired, observed) = busy();
    desired.drain.mode = DrainMode::Immediate;
    let (immediate, _) = plan(&desired, &observed, &given());
    assert!(immediate.steps.iter().all(|step| !matches!(step.act, Act::DrainService { .. })));
    let (mut desired, observed) = busy();
    desired.roles[1].calls = std::sync::Arc::new([]);
    assert!(!shown(&desired, &observed, &given()).contains("no new calls"));
}

#[test]
fn a_fault_waits_for_no_call() {
    let (mut desired, mut observed) = busy();
    desired.maintenance = None;
    desired.watch.on_last_serving = model::desired::OnLastServing::Any;
    set_service(&mut observed, "app", "AppSvc", ServiceState::Stopped, StartMode::Automatic);
    let mut memory = given();
    pass(&desired, &mut observed, &mut memory, after(0));
    let done = pass(&desired, &mut observed, &mut memory, after(1));
    assert_eq!(&done[..1], ["hold-service GateSvc"]);
}

#[test]
fn what_drains_is_brought_back_when_nobody_wants_the_work_any_more() {
    let (mut desired, mut observed) = busy();
    let mut memory = given();
    pass(&desired, &mut observed, &mut memory, after(0));
    desired.maintenance = None;
    let done = pass(&desired, &mut observed, &mut memory, after(1));
    assert_eq!(done, ["start-service GateSvc", "restore-start-mode GateSvc"]);
    assert_eq!(posture(&desired, &observed, &memory), Posture::Serving);
}
