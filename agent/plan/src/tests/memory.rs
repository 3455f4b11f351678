//! What a pass remembers, and what it costs to forget.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use model::condition::Posture;
use model::desired::{Desired, Grade, StartMode};
use model::names::RoleName;
use model::observed::{Observed, Remarks, ServiceState};
use model::seen::Seen;
use model::units::{MemorySize, Span};

use crate::decide;
use crate::fixtures::{
    add_window, branch_bundle, cloud_connector, converged, given, given_with_peer, guest, nights, now, of, service, set_service, turn_off,
    vm,
};
use crate::given::{Attempts, Given, Memory};
use crate::plan;
use crate::posture::{posture, stable_for};
use crate::step::{Act, Impact, Purpose, StepId, StepTime};

fn at(second: i64) -> Timestamp {
    now() + SignedDuration::from_secs(second)
}

#[test]
fn a_fault_counts_from_when_it_was_first_seen_without_a_break() {
    let desired = branch_bundle();
    let well = converged(&desired);
    let mut ill = well.clone();
    set_service(&mut ill, "gateway", "GateSvc", ServiceState::Stopped, StartMode::Automatic);
    let mut given = given();
    let mut see = |observed: &_, second| {
        given.now = at(second);
        given.memory.note(&desired, observed, given.now);
        matches!(posture(&desired, observed, &given), Posture::Down(_))
    };
    let down = [see(&ill, 0), see(&ill, 9), see(&well, 10), see(&ill, 11), see(&ill, 20), see(&ill, 21)];
    assert_eq!(down, [false, false, false, false, false, true]);
}

#[test]
fn a_service_that_came_into_the_watch_later_counts_once_it_was_seen_good() {
    let mut desired = branch_bundle();
    let mut observed = converged(&desired);
    let mut memory = Memory::default();
    memory.note(&desired, &observed, at(0));
    let mut watched = desired.roles[1].services.to_vec();
    watched.push(service(&["NewSvc"], Grade::CallPath));
    desired.roles[1].services = watched.into();
    let down = |memory: &Memory, observed: &_| {
        let mut given = given();
        given.now = at(1000);
        given.memory = memory.clone();
        matches!(posture(&desired, observed, &given), Posture::Down(_))
    };
    set_service(&mut observed, "gateway", "NewSvc", ServiceState::Stopped, StartMode::Automatic);
    memory.note(&desired, &observed, at(10));
    assert!(!down(&memory, &observed), "it was never seen good");
    set_service(&mut observed, "gateway", "NewSvc", ServiceState::Running, StartMode::Automatic);
    memory.note(&desired, &observed, at(20));
    set_service(&mut observed, "gateway", "NewSvc", ServiceState::Stopped, StartMode::Automatic);
    memory.note(&desired, &observed, at(30));
    assert!(down(&memory, &observed), "it was seen good");
}

#[test]
fn what_failed_for_a_service_is_forgotten_once_it_stays_up_whoever_started_it() {
    let desired = branch_bundle();
    let well = converged(&desired);
    let mut ill = well.clone();
    set_service(&mut ill, "gateway", "GateSvc", ServiceState::Stopped, StartMode::Manual);
    let mut memory = Memory::default();
    let id = |role: &str, act: &Act| StepId::of(&desired.instance, Some(&of(role)), act);
    let failed = [
        id("gateway", &Act::StartService { service: of("GateSvc") }),
        id("gateway", &Act::StartVm),
        id("gateway", &Act::SetProcessors { to: 4 }),
    ];
    for step in &failed {
        let attempts = Attempts { failed: 3, proven: 3, ended: at(0), retry_at: at(10), boots: BTreeMap::new() };
        memory.attempts.insert(step.clone(), attempts);
    }
    let mut left = |observed: &_, second| {
        memory.note(&desired, observed, at(second));
        failed.iter().map(|step| memory.attempts.contains_key(step)).collect::<Vec<_>>()
    };
    let mut dead = ill.clone();
    turn_off(&mut dead, "gateway");
    assert_eq!(left(&dead, 0), [true, true, true]);
    assert_eq!(left(&ill, 60), [true, true, true], "it has just come up");
    assert_eq!(left(&ill, 120), [true, false, true], "the VM is up, its service is still held");
    set_service(&mut ill, "gateway", "GateSvc", ServiceState::Stopped, StartMode::Automatic);
    assert_eq!(left(&ill, 180), [true, false, true]);
    assert_eq!(left(&well, 190), [true, false, true], "it may die at once again");
    assert_eq!(left(&well, 250), [false, false, true], "the change is no matter of the watch");
}

#[test]
fn an_agent_that_forgot_everything_believes_the_notes() {
    let desired = branch_bundle();
    let mut observed = converged(&desired);
    set_service(&mut observed, "gateway", "GateSvc", ServiceState::Stopped, StartMode::Automatic);
    let mut given = given();
    given.memory = Memory::default();
    given.memory.note(&desired, &observed, at(0));
    given.now = at(10);
    assert!(matches!(posture(&desired, &observed, &given), Posture::Down(_)));
}

#[test]
fn an_appliance_that_flaps_waits_longer_each_time_unless_it_is_the_last() {
    let desired = branch_bundle();
    let well = converged(&desired);
    let mut ill = well.clone();
    turn_off(&mut ill, "gateway");
    let mut given = crate::fixtures::given_with_peer();
    let mut waits = Vec::new();
    for round in 0..7 {
        given.memory.note(&desired, &ill, at(round * 300));
        given.memory.note(&desired, &well, at(round * 300 + 10));
        given.now = at(round * 300 + 10);
        waits.push(stable_for(&desired, &given).secs());
    }
    assert_eq!(waits, [60, 120, 240, 480, 960, 1800, 1800]);
    given.peers.clear();
    assert_eq!(stable_for(&desired, &given).secs(), 60);
}

#[test]
fn a_learned_duration_replaces_the_declared_one() {
    let mut memory = Memory::default();
    assert_eq!(memory.time_of(&Act::StartVm), StepTime::declared(&Act::StartVm));
    memory.durations.insert("start-vm".to_owned(), Span::from_secs(200));
    let time = memory.time_of(&Act::StartVm);
    assert_eq!((time.expected.secs(), time.timeout.secs()), (200, 800));
}

#[test]
fn a_role_that_came_into_the_profile_later_is_built_while_the_others_serve() {
    let desired = branch_bundle();
    let whole = converged(&desired);
    let mut observed = whole.clone();
    observed.instances.get_mut(&desired.instance).unwrap().vms.remove(&of("gateway"));
    let mut given = given();
    assert!(matches!(posture(&desired, &observed, &given), Posture::Down(_)), "nobody remembers: it may have been lost");
    let before = Desired { roles: desired.roles[..1].to_vec(), ..desired.clone() };
    given.memory.note(&before, &whole, now());
    given.memory.note(&desired, &observed, now());
    assert_eq!(posture(&desired, &observed, &given), Posture::Serving);
    assert!(given.memory.well_since.is_some(), "what has never been there keeps nothing else from coming back");
    let (plan, _) = plan(&desired, &observed, &given);
    let verbs: Vec<&str> = plan.steps.iter().map(|step| step.act.verb()).collect();
    assert!(verbs.contains(&"define-vm") && !verbs.contains(&"hold-service"), "{verbs:?}");
    for step in &plan.steps {
        assert_eq!(posture(&desired, &observed, &given), Posture::Serving, "before {}", step.id);
        step.effect(&desired, &mut observed);
    }
    given.memory.note(&desired, &observed, now());
    observed.instances.get_mut(&desired.instance).unwrap().vms.remove(&of("gateway"));
    assert!(matches!(posture(&desired, &observed, &given), Posture::Down(_)), "it was there once");
}

#[test]
fn a_service_or_rule_that_was_good_once_and_is_gone_counts() {
    let desired = cloud_connector();
    let well = converged(&desired);
    let mut given = given_with_peer();
    given.memory.note(&desired, &well, at(0));
    let mut without_service = well.clone();
    guest(&mut without_service, "mediation").services.known_mut().unwrap().remove(&of("RTCSRV"));
    let mut without_rule = well.clone();
    guest(&mut without_rule, "edge").rules.known_mut().unwrap().remove(&of("CS RTCSRV"));
    for (observed, signal) in [(without_service, "mediation/RTCSRV"), (without_rule, "edge/CS RTCSRV")] {
        let mut given = given.clone();
        assert_eq!(posture(&desired, &observed, &Given { memory: Memory::default(), ..given.clone() }), Posture::Serving, "never seen");
        given.memory.note(&desired, &observed, at(10));
        given.memory.note(&desired, &observed, at(30));
        given.now = at(30);
        let Posture::Down(faults) = posture(&desired, &observed, &given) else { panic!("{signal} does not count") };
        assert_eq!(faults[0].to_string(), format!("{signal} is gone"));
        let mut forgot = Memory::default();
        forgot.note(&desired, &observed, at(10));
        given.memory = forgot;
        assert_eq!(posture(&desired, &observed, &given), Posture::Serving, "whoever forgot cannot tell whether it ever was there");
    }
}

#[test]
fn a_clock_that_is_set_back_keeps_nothing_waiting_for_what_it_once_said() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    set_service(&mut observed, "edge", "RTCSRV", ServiceState::Stopped, StartMode::Automatic);
    let mut memory = Memory::default();
    let ahead: Timestamp = of("2026-03-09T00:00:00Z");
    memory.note(&desired, &observed, ahead);
    let id = StepId::of(&desired.instance, None, &Act::StartVm);
    memory.attempts.insert(id.clone(), Attempts { failed: 1, proven: 1, ended: ahead, retry_at: ahead, boots: BTreeMap::new() });
    memory.note(&desired, &observed, now());
    assert!(memory.bad_since.values().chain(&memory.downs).all(|at| *at <= now()), "{memory:#?}");
    assert_eq!(memory.attempts[&id].retry_at.duration_since(now()).as_secs(), 3600);
}

/// A commit changes the memory of `app`, and a person writes over its notes but for the mark.
fn overwritten() -> (Desired, Observed, Given) {
    let mut desired = branch_bundle();
    add_window(&mut desired, "nights", nights());
    let mut observed = converged(&desired);
    let mut given = given();
    given.memory.note(&desired, &observed, given.now);
    desired.roles[0].memory = Some(MemorySize::from_mib(8192));
    given.now = of("2026-03-03T20:00:00Z");
    vm(&mut observed, "app").remarks = Remarks::default();
    given.memory.note(&desired, &observed, given.now);
    (desired, observed, given)
}

#[test]
fn a_vm_that_served_is_not_built_anew_because_its_notes_were_lost() {
    let (desired, mut observed, given) = overwritten();
    assert_eq!(posture(&desired, &observed, &given), Posture::Serving);
    let decision = decide(&desired, &observed, &given, |_, _| vec![]);
    let off = decision.plan.steps.iter().find(|step| step.act == Act::ShutDownVm).expect("its memory is to be changed");
    assert_eq!((off.purpose, off.impact), (Purpose::Change, Impact::VmPowerOff), "it waits for its window");
    let go: Vec<String> = decision.to_run().1.go.iter().map(ToString::to_string).collect();
    assert_eq!(go, ["2.1/app/restore-set-up"], "the line is written at once");

    let (plan, _) = decision.to_run();
    plan.steps.iter().for_each(|step| step.effect(&desired, &mut observed));
    assert_eq!(vm(&mut observed, "app").remarks, Remarks { set_up: true, down: None });
    assert!(decide(&desired, &observed, &given, |_, _| vec![]).to_run().1.go.is_empty());
}

#[test]
fn a_vm_that_was_gone_meanwhile_is_set_up_in_full() {
    let (desired, observed, mut given) = overwritten();
    let mut gone = observed.clone();
    gone.instances.get_mut(&desired.instance).unwrap().vms.remove(&of("app"));
    given.memory.note(&desired, &gone, given.now);
    assert!(matches!(posture(&desired, &gone, &given), Posture::Down(_)), "its loss is none the less one");
    // Made anew by now, and on the way.
    given.memory.note(&desired, &observed, given.now);
    let (plan, _) = plan(&desired, &observed, &given);
    let purposes: Vec<Purpose> = plan.steps.iter().filter(|step| step.role == Some(of("app"))).map(|step| step.purpose).collect();
    assert!(purposes.contains(&Purpose::SetUp), "{purposes:?}");
    assert!(!posture(&desired, &observed, &given).eq(&Posture::Serving));
}

/// What is remembered of RTCSRV on the edge, started now and stopped so long after, at the look that confirms it; how often it was ill soon
/// after, and how many failed starts of this boot that makes.
fn relapses(after: SignedDuration, memory: &mut Memory, spoil: impl FnOnce(&mut Observed)) -> (u32, Option<u32>) {
    let desired = cloud_connector();
    let well = converged(&desired);
    let step = StepId::of(&desired.instance, Some(&of("edge")), &Act::StartService { service: of("RTCSRV") });
    let role: RoleName = of("edge");
    let boots = BTreeMap::from([(role.clone(), well.instances[&desired.instance].vms[&role].guest.known().unwrap().booted_at)]);
    memory.start(&step, Some(&role), (now(), &boots));
    memory.note(&desired, &well, now() + SignedDuration::from_secs(1));
    let mut ill = well.clone();
    set_service(&mut ill, "edge", "RTCSRV", ServiceState::Stopped, StartMode::Automatic);
    spoil(&mut ill);
    memory.note(&desired, &ill, now() + after);
    memory.note(&desired, &ill, now() + after + desired.watch.confirm.as_duration());
    let relapses = memory.started.get(&step).map_or(0, |started| started.relapses);
    (relapses, memory.attempts.get(&step).map(|attempts| attempts.proven))
}

#[test]
fn a_start_counts_as_failed_when_the_service_is_ill_again_within_half_an_hour() {
    let mut memory = Memory::default();
    assert_eq!(relapses(SignedDuration::from_mins(29), &mut memory, |_| ()), (1, Some(1)));
    memory.attempts.clear();
    assert_eq!(relapses(SignedDuration::from_secs(20), &mut memory, |_| ()), (2, Some(2)), "in a row");
    memory.attempts.clear();
    assert_eq!(relapses(SignedDuration::from_mins(31), &mut memory, |_| ()), (0, None), "it stayed up");
}

#[test]
fn a_service_that_went_with_its_guest_is_no_start_that_failed() {
    let restarted = |observed: &mut Observed| {
        if let Seen::Known(guest) = &mut vm(observed, "edge").guest {
            guest.booted_at = now() + SignedDuration::from_mins(4);
        }
    };
    assert_eq!(relapses(SignedDuration::from_mins(5), &mut Memory::default(), restarted), (0, None));
}
