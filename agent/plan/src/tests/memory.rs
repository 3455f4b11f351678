//! What a pass remembers, and what it costs to forget.

use jiff::Timestamp;
use model::condition::Posture;
use model::desired::{Grade, StartMode};
use model::observed::ServiceState;
use model::units::Span;

use crate::fixtures::{branch_bundle, converged, given, now, service, set_service, turn_off};
use crate::given::Memory;
use crate::posture::{posture, stable_from};
use crate::step::{Act, StepTime};

fn at(second: i64) -> Timestamp {
    now() + jiff::SignedDuration::from_secs(second)
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
        waits.push(stable_from(&desired, &given).duration_since(given.now).as_secs());
    }
    assert_eq!(waits, [60, 120, 240, 480, 960, 1800, 1800]);
    given.peers.clear();
    assert_eq!(stable_from(&desired, &given).duration_since(given.now).as_secs(), 60);
}

#[test]
fn a_learned_duration_replaces_the_declared_one() {
    let mut memory = Memory::default();
    assert_eq!(memory.time_of(&Act::StartVm), StepTime::declared(&Act::StartVm));
    memory.durations.insert("start-vm".to_owned(), Span::from_secs(200));
    let time = memory.time_of(&Act::StartVm);
    assert_eq!((time.expected.secs(), time.timeout.secs()), (200, 800));
}
