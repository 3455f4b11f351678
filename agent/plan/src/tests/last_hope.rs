//! An appliance that could take the calls of its site, alone, while one of its support VMs does not come up.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use model::condition::Posture;
use model::desired::{Desired, StartMode};
use model::observed::{Observed, PowerState, ServiceState};
use model::seen::{Cause, Seen};

use crate::fixtures::{apply, cloud_connector, converged, given, given_with_peer, now, of, set_service, turn_off, vm};
use crate::gate::gate;
use crate::given::{Attempts, Given};
use crate::plan;
use crate::step::{Act, StepId};

/// Held while its peer served, noted as down, its directory's VM in this state; by now it is alone and well for long enough.
fn held(ad: impl FnOnce(&mut Observed)) -> (Desired, Observed, Given) {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    for (role, service) in [("mediation", "RTCSRV"), ("mediation", "MEDSVC"), ("edge", "RTCSRV")] {
        set_service(&mut observed, role, service, ServiceState::Stopped, StartMode::Manual);
    }
    for role in ["cms", "mediation", "edge"] {
        vm(&mut observed, role).remarks.down = Some("ad is off".to_owned());
    }
    ad(&mut observed);
    let mut given = given();
    given.memory.well_since = None;
    given.memory.call_path_well_since = Some(of("2026-03-03T11:00:00Z"));
    (desired, observed, given)
}

fn boots(observed: &mut Observed) {
    let vm = vm(observed, "ad");
    (vm.power, vm.guest) = (PowerState::Running, Seen::Unknown(Cause::Booting));
}

fn id(role: &str, act: &Act) -> StepId {
    StepId::of(&of("2.1"), Some(&of(role)), act)
}

fn calls_return() -> StepId {
    id("edge", &Act::StartService { service: of("RTCSRV") })
}

/// Whether calls return, and whether they do so without waiting for anything on the directory.
fn returns(desired: &Desired, observed: &Observed, given: &Given) -> (bool, bool) {
    let (plan, report) = plan(desired, observed, given);
    let gated = gate(&plan, &report, desired, given);
    let mut before = vec![calls_return()];
    let mut seen = BTreeSet::new();
    while let Some(step) = before.pop().and_then(|id| plan.steps.iter().find(|step| step.id == id)) {
        if seen.insert(step.id.clone()) {
            before.extend(step.after.iter().chain(&step.behind).cloned());
        }
    }
    let waits = seen.iter().any(|id| id.as_str().starts_with("2.1/ad/"));
    (gated.go.contains(&calls_return()), !waits)
}

fn failed(given: &mut Given, act: &Act, retry_at: Timestamp) {
    let attempts = Attempts { failed: 1, proven: 1, ended: now(), retry_at, boots: std::collections::BTreeMap::new() };
    given.memory.attempts.insert(id("ad", act), attempts);
}

#[test]
fn at_first_calls_wait_for_the_directory_to_start() {
    let (desired, observed, given) = held(|observed| turn_off(observed, "ad"));
    assert_eq!(returns(&desired, &observed, &given), (true, false));
}

#[test]
fn a_directory_that_will_not_start_holds_the_last_hope_back_no_longer() {
    let (desired, observed, mut given) = held(|observed| turn_off(observed, "ad"));
    failed(&mut given, &Act::StartVm, of("2026-03-03T11:30:10Z"));
    assert_eq!(returns(&desired, &observed, &given), (true, true), "while the next attempt is waited for");
    failed(&mut given, &Act::StartVm, now());
    assert_eq!(returns(&desired, &observed, &given), (true, true), "and while it is made");
    let (plan, _) = plan(&desired, &observed, &given);
    assert!(plan.steps.iter().any(|step| step.id == id("ad", &Act::StartVm)), "it is tried again all the same");
}

#[test]
fn a_guest_that_takes_longer_than_guests_take_is_waited_for_no_longer() {
    let (desired, observed, mut given) = held(boots);
    given.memory.unseen_since.insert("ad".to_owned(), now() - SignedDuration::from_secs(179));
    assert_eq!(returns(&desired, &observed, &given), (true, false));
    given.memory.unseen_since.insert("ad".to_owned(), now() - SignedDuration::from_secs(180));
    assert_eq!(returns(&desired, &observed, &given), (true, true));
    let (_, report) = plan(&desired, &observed, &given);
    let says: Vec<String> = report.waits.iter().map(|wait| wait.on.to_string()).collect();
    assert!(says.iter().any(|says| says.starts_with("the guest ad cannot be seen")), "{says:?}");
}

#[test]
fn with_a_serving_peer_all_must_be_well_before_calls_return() {
    for state in [boots as fn(&mut Observed), |observed| turn_off(observed, "ad")] {
        let (desired, observed, alone) = held(state);
        let mut given = given_with_peer();
        given.memory = alone.memory;
        failed(&mut given, &Act::StartVm, of("2026-03-03T11:30:10Z"));
        given.memory.unseen_since.insert("ad".to_owned(), now() - SignedDuration::from_hours(1));
        assert!(!returns(&desired, &observed, &given).0);
    }
}

#[test]
fn what_carries_calls_is_waited_for_however_long_it_takes() {
    let (desired, mut observed, mut given) = held(|_| {});
    vm(&mut observed, "mediation").guest = Seen::Unknown(Cause::Booting);
    given.memory.unseen_since.insert("mediation".to_owned(), now() - SignedDuration::from_hours(1));
    let (plan, _) = plan(&desired, &observed, &given);
    let look = id("mediation", &Act::AwaitGuest { over: model::observed::Reach::Serving });
    assert!(plan.steps.iter().any(|step| step.id == look), "{plan:?}");
}

/// The same, held as a whole: a support service among them, whose start has failed so often.
fn with_a_service_that_will_not_start(times: u32, retry_at: Timestamp) -> (Desired, Observed, Given) {
    let (desired, observed, mut given) = held(|observed| set_service(observed, "cms", "MASTER", ServiceState::Stopped, StartMode::Manual));
    let boots = |observed: &Observed, role: &str| vm(&mut observed.clone(), role).guest.known().unwrap().booted_at;
    let boots = ["cms", "mediation", "edge"].map(|role| (of(role), boots(&observed, role))).into();
    let attempts = Attempts { failed: times, proven: times, ended: now(), retry_at, boots };
    given.memory.attempts.insert(id("cms", &Act::StartService { service: of("MASTER") }), attempts);
    (desired, observed, given)
}

#[test]
fn a_held_support_service_that_will_not_start_keeps_the_calls_of_the_last_hope_waiting_once() {
    let (desired, observed, mut given) = with_a_service_that_will_not_start(1, of("2026-03-03T11:30:10Z"));
    assert!(returns(&desired, &observed, &given).0, "while the next attempt is waited for");
    let (_, _, again) = with_a_service_that_will_not_start(3, of("2026-03-03T11:30:10Z"));
    let (plan_of_third, report) = plan(&desired, &observed, &again);
    let restarts = plan_of_third.steps.iter().filter(|step| step.act.verb() == "restart-guest").count();
    assert_eq!(restarts, 0, "no guest that carries calls is restarted for it");
    let go = gate(&plan_of_third, &report, &desired, &again).go;
    assert!(go.contains(&calls_return()));

    // Once all that goes is done it takes calls, says what is ill, and tries it again.
    let going: Vec<_> = plan_of_third.steps.iter().filter(|step| go.contains(&step.id)).collect();
    let mut after = observed.clone();
    apply(&desired, &mut after, going);
    given.memory = again.memory;
    given.memory.bad_since.insert("cms/MASTER".to_owned(), now() - SignedDuration::from_mins(1));
    let (rest, report) = plan(&desired, &after, &given);
    assert!(matches!(&report.posture, Posture::Degraded(faults) if faults[0].signal == "cms/MASTER"), "{:?}", report.posture);
    assert_eq!(rest.steps.iter().map(|step| step.id.as_str()).collect::<Vec<_>>(), ["2.1/cms/start-service/MASTER"]);
}

#[test]
fn with_a_serving_peer_a_held_support_service_that_will_not_start_keeps_the_others_held() {
    let (desired, observed, alone) = with_a_service_that_will_not_start(1, of("2026-03-03T11:30:10Z"));
    let mut given = given_with_peer();
    given.memory.attempts = alone.memory.attempts;
    assert!(!returns(&desired, &observed, &given).0);
}

#[test]
fn a_closing_of_the_last_hope_waits_for_no_support_service_that_cannot_be_stopped_now() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    set_service(&mut observed, "edge", "RTCSRV", ServiceState::Stopped, StartMode::Automatic);
    let holds = |observed: &Observed, mut given: Given| -> Vec<String> {
        given.memory.bad_since.insert("edge/RTCSRV".to_owned(), now() - SignedDuration::from_mins(1));
        let held = |step: &&crate::step::Step| step.act.verb() == "hold-service" && step.id.as_str().contains("MASTER");
        plan(&desired, observed, &given).0.steps.iter().filter(held).map(|step| step.id.to_string()).collect()
    };
    for state in [ServiceState::Starting, ServiceState::Stopping] {
        set_service(&mut observed, "cms", "MASTER", state, StartMode::Automatic);
        assert_eq!(holds(&observed, given()), [""; 0], "{state:?}");
        assert_eq!(holds(&observed, given_with_peer()), ["2.1/cms/hold-service/MASTER"], "{state:?}: its peer serves");
    }
    set_service(&mut observed, "cms", "MASTER", ServiceState::Running, StartMode::Automatic);
    assert_eq!(holds(&observed, given()), ["2.1/cms/hold-service/MASTER"]);
}

#[test]
fn since_when_something_is_unseen_is_remembered_until_it_is_seen() {
    let (desired, mut observed, given) = held(boots);
    let mut memory = given.memory;
    memory.note(&desired, &observed, now());
    memory.note(&desired, &observed, now() + SignedDuration::from_mins(5));
    assert_eq!(memory.unseen_since.get("ad"), Some(&now()));
    assert!(memory.call_path_well_since.is_some(), "it carries no call");
    vm(&mut observed, "ad").guest = vm(&mut converged(&desired), "ad").guest.clone();
    memory.note(&desired, &observed, now());
    assert!(memory.unseen_since.is_empty());
}
