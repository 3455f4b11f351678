//! When a plan may begin, and which of its steps.

use jiff::Timestamp;
use model::desired::{Desired, Maintenance, Mode, OnExpiry, PlannedOutage, StartMode};
use model::observed::{Observed, ServiceState};
use model::units::Span;

use super::gated;
use crate::fixtures::{
    add_window, bare, branch_bundle, cloud_connector, converged, given, given_with_peer, nights, now, of, set_rule, set_service, vm,
};
use crate::gate::{Gated, gate};
use crate::given::{Attempts, BrokenOff, Given, HostHold, PeerSight, Ruling, TurnState, Verdict};
use crate::report::WaitingOn;
use crate::step::{Act, Purpose, StepId};
use crate::{decide, plan};

fn verdict(desired: &Desired, observed: &Observed, given: &Given) -> Gated {
    let (plan, report) = plan(desired, observed, given);
    gate(&plan, &report, desired, given)
}

fn kinds(gated: &Gated) -> Vec<&'static str> {
    gated.waits.iter().map(|wait| wait.on.kind()).collect()
}

fn of_step(role: &str, act: &Act) -> StepId {
    StepId::of(&of("2.1"), Some(&of(role)), act)
}

/// A serving appliance with a commit that needs a VM off.
fn with_a_change() -> (Desired, Observed) {
    let mut desired = cloud_connector();
    let observed = converged(&desired);
    desired.roles[2].processors = Some(4);
    (desired, observed)
}

#[test]
fn a_change_runs_when_a_peer_serves_and_takes_the_turn() {
    let (desired, observed) = with_a_change();
    let gated = verdict(&desired, &observed, &given_with_peer());
    assert_eq!((kinds(&gated), gated.takes_turn), (vec![], true));
    assert_eq!(gated.go.len(), plan(&desired, &observed, &given_with_peer()).0.steps.len());
}

#[test]
fn with_the_turn_ours_it_is_not_taken_again() {
    let (desired, observed) = with_a_change();
    let given = Given { turn: TurnState::Ours, ..given_with_peer() };
    assert!(!verdict(&desired, &observed, &given).takes_turn);
}

#[test]
fn a_closed_window_says_when_it_opens() {
    let (mut desired, observed) = with_a_change();
    add_window(&mut desired, "nights", nights());
    let mut given = given_with_peer();
    given.now = of("2026-03-03T20:00:00Z");
    let text = gated(&desired, &observed, &given);
    insta::assert_snapshot!(text.split("waits for\n").nth(1).unwrap(), @"
    window   window `nights` opens at 2026-03-04T10:00:00Z (11 steps)

    note: sea-1 takes no calls for about 15m 45s; others seen serving: 1 of 1,
          promised: 1
    ");
    assert_eq!(verdict(&desired, &observed, &given).look_again, Some(of("2026-03-04T10:00:00Z")));
}

/// Los Angeles goes from 02:00 to 03:00 on 8 March 2026 and from 02:00 back to 01:00 on 1 November 2026.
#[test]
fn windows_open_and_close_as_people_expect_when_the_clocks_change() {
    let (mut desired, observed) = with_a_change();
    add_window(&mut desired, "nights", nights());
    let table = [
        ("2026-03-07T09:59:59Z", Some("2026-03-07T10:00:00Z")),
        ("2026-03-07T10:00:00Z", None),
        // 02:00 does not exist: the window opens at 03:00 summer time and stays open for three hours.
        ("2026-03-08T09:59:59Z", Some("2026-03-08T10:00:00Z")),
        ("2026-03-08T12:59:59Z", None),
        ("2026-03-08T13:00:00Z", Some("2026-03-09T09:00:00Z")),
        // The second 01:00 of the night is still before two.
        ("2026-11-01T09:30:00Z", Some("2026-11-01T10:00:00Z")),
        ("2026-11-01T10:00:00Z", None),
        ("2026-11-01T13:00:00Z", Some("2026-11-02T10:00:00Z")),
    ];
    for (at, opens) in table {
        let mut given = given_with_peer();
        given.now = of(at);
        let gated = verdict(&desired, &observed, &given);
        let found = gated.waits.iter().find(|wait| wait.on.kind() == "window").and_then(|wait| wait.on.until());
        assert_eq!(found, opens.map(of::<Timestamp>), "at {at}");
    }
}

#[test]
fn an_appliance_that_serves_nobody_needs_neither_window_nor_turn_nor_peer() {
    let (mut desired, mut observed) = with_a_change();
    add_window(&mut desired, "nights", nights());
    let given = Given { now: of("2026-03-03T20:00:00Z"), turn: TurnState::Held { by: of("sea-2") }, ..given() };
    set_service(&mut observed, "edge", "RTCSRV", ServiceState::Stopped, StartMode::Manual);
    vm(&mut observed, "edge").remarks.down = Some("planned work: processors of mediation 2 -> 4; by hand: …".to_owned());
    assert_eq!(kinds(&verdict(&desired, &observed, &given)), Vec::<&str>::new(), "a disruption that has begun goes on");
    assert_eq!(kinds(&verdict(&cloud_connector(), &bare(&desired), &given)), Vec::<&str>::new());
}

#[test]
fn work_that_failed_while_nobody_was_served_is_no_beginning_and_ends_serving_once_in_each_later_window() {
    let (mut desired, serves) = with_a_change();
    add_window(&mut desired, "nights", nights());
    let mut out = serves.clone();
    set_service(&mut out, "edge", "RTCSRV", ServiceState::Stopped, StartMode::Manual);
    vm(&mut out, "edge").remarks.down = Some("planned work: processors of mediation 2 -> 4; by hand: …".to_owned());
    let at = |observed, times, is_out, hour: &str| {
        let mut given = Given { now: of(&format!("2026-03-0{hour}:00:00Z")), ..given_with_peer() };
        given.memory.broken_off = Some(BrokenOff { times, at: of("2026-03-03T11:00:00Z"), out: is_out });
        let gated = verdict(&desired, observed, &given);
        (kinds(&gated), gated.go.contains(&of_step("mediation", &Act::ShutDownVm)))
    };
    // The windows are open from 10:00 to 13:00.
    assert_eq!(at(&out, 1, true, "3T12"), (vec!["brokenOff"], false), "calls come back first");
    assert_eq!(at(&serves, 1, false, "3T12"), (vec![], true), "once more in the same window");
    assert_eq!(at(&serves, 1, false, "3T20"), (vec!["window"], false), "the window is asked anew");
    assert_eq!(at(&serves, 2, false, "3T12"), (vec!["brokenOff"], false), "and no more");
    assert_eq!(at(&serves, 2, false, "4T10"), (vec![], true), "but in the next one");
    assert_eq!(at(&out, 2, true, "4T10"), (vec![], true), "though calls could not come back: it may be what mends that");
    assert_eq!(at(&out, 2, false, "3T20"), (vec![], true), "what has begun anew goes on");
}

/// A change that waits for the night, at noon, while the only other appliance has the turn and is out.
fn at_noon() -> (Desired, Observed, Given) {
    let (mut desired, observed) = with_a_change();
    add_window(&mut desired, "nights", nights());
    let mut given = Given { now: of("2026-03-03T20:00:00Z"), turn: TurnState::Held { by: of("sea-2") }, ..given_with_peer() };
    given.peers.get_mut(&of("sea-2")).unwrap().serving = PeerSight::NotServing;
    (desired, observed, given)
}

/// What runs, without the appliance and its instance.
fn runs(desired: &Desired, observed: &Observed, given: &Given) -> Vec<String> {
    let decision = decide(desired, observed, given, |_, _| Vec::new());
    decision.to_run().1.go.iter().map(|id| id.as_str().trim_start_matches("2.1/").to_owned()).collect()
}

#[test]
fn a_fault_closes_and_is_mended_without_the_work_that_waits_for_the_night() {
    let (desired, mut observed, mut given) = at_noon();
    set_service(&mut observed, "edge", "RTCSRV", ServiceState::Stopped, StartMode::Automatic);
    given.memory.bad_since.insert("edge/RTCSRV".to_owned(), of("2026-03-03T19:59:49Z"));
    let steps = runs(&desired, &observed, &given);
    assert!(!steps.iter().any(|id| id.contains("shut-down-vm")), "{steps:?}");
    assert!(steps.contains(&"mediation/hold-service/RTCSRV".to_owned()), "it closes: {steps:?}");
    assert!(steps.contains(&"edge/start-service/RTCSRV".to_owned()), "and is mended: {steps:?}");
    let waits = kinds(&decide(&desired, &observed, &given, |_, _| Vec::new()).gated);
    assert!(["window", "peer", "turn"].iter().all(|kind| waits.contains(kind)), "{waits:?}");
    // Nor does it become ours by what the notes say of the fault.
    vm(&mut observed, "edge").remarks.down = Some("edge/RTCSRV is stopped although it starts automatically; by hand: …".to_owned());
    let steps = runs(&desired, &observed, &given);
    assert!(!steps.iter().any(|id| id.contains("shut-down-vm")), "{steps:?}");
}

#[test]
fn a_service_that_somebody_stopped_by_hand_begins_no_planned_work() {
    let (desired, mut observed, given) = at_noon();
    set_service(&mut observed, "cms", "REPLICA", ServiceState::Stopped, StartMode::Manual);
    let steps = runs(&desired, &observed, &given);
    assert_eq!(steps[0], "cms/start-service/REPLICA", "{steps:?}");
    assert!(!steps.iter().any(|id| id.contains("hold-service") || id.contains("shut-down-vm")), "{steps:?}");
    // Not even with the turn, or while notes of ours were left behind: calls run.
    let ours = Given { turn: TurnState::Ours, ..given };
    vm(&mut observed, "edge").remarks.down = Some("planned work: processors of mediation 2 -> 4; by hand: …".to_owned());
    let steps = runs(&desired, &observed, &ours);
    assert!(!steps.iter().any(|id| id.contains("hold-service") || id.contains("shut-down-vm")), "{steps:?}");
}

#[test]
fn a_vm_that_was_lost_is_built_anew_without_the_work_that_waits_for_the_night() {
    let (desired, mut observed, given) = at_noon();
    observed.instances.get_mut(&desired.instance).unwrap().vms.remove(&of::<model::names::RoleName>("edge"));
    observed.host.files.insert(desired.roles[3].disk.clone(), model::seen::Seen::Absent);
    let steps = runs(&desired, &observed, &given);
    assert!(steps.contains(&"edge/define-vm".to_owned()), "{steps:?}");
    assert!(!steps.iter().any(|id| id.contains("mediation/shut-down-vm")), "{steps:?}");
    // Whoever may build nothing at all still repairs.
    let crowded = Given { crowd: Some(256), ..given };
    let steps = runs(&desired, &observed, &crowded);
    assert!(!steps.iter().any(|id| id.contains("define-vm") || id.contains("shut-down-vm")), "{steps:?}");
    assert!(steps.contains(&"mediation/hold-service/RTCSRV".to_owned()), "it closes: {steps:?}");
}

#[test]
fn who_has_the_turn_of_the_site_is_not_counted_on() {
    let given = Given { turn: TurnState::Held { by: of("sea-2") }, ..given_with_peer() };
    assert_eq!((given_with_peer().serving_peers(), given.serving_peers()), (1, 0));
}

#[test]
fn work_waits_for_room_and_neither_a_repair_nor_what_has_begun_does() {
    let (desired, mut observed) = with_a_change();
    let crowded = Given { crowd: Some(256), ..given_with_peer() };
    let waiting = verdict(&desired, &observed, &crowded);
    assert_eq!((kinds(&waiting), waiting.go, waiting.takes_room), (vec!["room"], vec![], false));
    let says = waiting.waits[0].on.to_string();
    insta::assert_snapshot!(says, @"256 other appliances are being worked on, which is as many as this agent does at once");
    assert!(verdict(&desired, &observed, &given_with_peer()).takes_room);
    let installing = verdict(&desired, &bare(&desired), &crowded);
    assert_eq!((kinds(&installing), installing.go), (vec!["room"], vec![]));

    set_rule(&mut observed, "edge", "CS RTCSRV", model::observed::RuleState::Disabled);
    let repairing = decide(&desired, &observed, &crowded, |_, _| Vec::new());
    let (_, repairs) = repairing.to_run();
    assert_eq!(repairs.go.iter().map(StepId::as_str).collect::<Vec<_>>(), ["2.1/edge/enable-rule/CS RTCSRV"]);
    assert!(!repairs.takes_room && kinds(&repairing.gated).contains(&"room"));

    set_service(&mut observed, "edge", "RTCSRV", ServiceState::Stopped, StartMode::Manual);
    let ours = Given { turn: TurnState::Ours, ..crowded };
    let begun = verdict(&desired, &observed, &ours);
    assert_eq!((kinds(&begun), begun.takes_room), (vec![], false), "it serves nobody: what has begun goes on");
}

#[test]
fn a_peer_that_nobody_could_see_does_not_count() {
    let (desired, observed) = with_a_change();
    let mut given = given_with_peer();
    given.peers.get_mut(&of("sea-2")).unwrap().serving = PeerSight::Unknown;
    let gated = verdict(&desired, &observed, &given);
    assert!(matches!(gated.waits[0].on, WaitingOn::Peer { needed: 1, serving: 0, .. }), "{gated:?}");
    assert_eq!(gated.go, []);
}

#[test]
fn another_ones_turn_and_a_turn_that_is_not_shared_keep_a_change_back() {
    let (desired, observed) = with_a_change();
    for (turn, held_by) in [(TurnState::Held { by: of("sea-2") }, Some(of("sea-2"))), (TurnState::NotShared, None)] {
        let gated = verdict(&desired, &observed, &Given { turn, ..given_with_peer() });
        assert!(gated.waits.iter().any(|wait| wait.on == WaitingOn::Turn { held_by: held_by.clone() }), "{gated:?}");
    }
}

#[test]
fn alone_at_its_site_an_appliance_needs_no_shared_turn() {
    let mut desired = branch_bundle();
    let observed = converged(&desired);
    desired.roles[0].processors = Some(4);
    assert_eq!(kinds(&verdict(&desired, &observed, &Given { turn: TurnState::NotShared, ..given() })), Vec::<&str>::new());
}

#[test]
fn alone_at_its_site_only_the_windows_of_the_planned_outage_bind() {
    let mut desired = branch_bundle();
    let observed = converged(&desired);
    desired.roles[0].processors = Some(4);
    add_window(&mut desired, "nights", nights());
    add_window(&mut desired, "always", model::window::Window { duration: Span::from_secs(86_400), ..nights() });
    desired.availability.planned_outage = Some(PlannedOutage { windows: vec![of("nights")], at_most: Span::from_secs(2700) });
    let given = Given { now: of("2026-03-03T20:00:00Z"), ..given() };
    assert_eq!(kinds(&verdict(&desired, &observed, &given)), ["window"]);
    desired.availability.planned_outage = Some(PlannedOutage { windows: vec![of("always")], at_most: Span::from_secs(2700) });
    assert_eq!(kinds(&verdict(&desired, &observed, &given)), Vec::<&str>::new());
}

#[test]
fn who_is_not_the_leader_waits_for_the_leader_to_serve_and_to_have_finished() {
    let mut desired = cloud_connector();
    desired.leader = of("sea-2");
    let mut given = given_with_peer();
    assert_eq!(kinds(&verdict(&desired, &bare(&desired), &given)), Vec::<&str>::new());
    given.peers.get_mut(&of("sea-2")).unwrap().finished = false;
    let gated = verdict(&desired, &bare(&desired), &given);
    assert_eq!((gated.waits[0].on.to_string().as_str(), gated.go.len()), ("sea-2 goes first and has not finished", 0));
}

#[test]
fn repairs_wait_for_no_leader_no_policy_and_no_window() {
    let mut desired = cloud_connector();
    desired.leader = of("sea-2");
    add_window(&mut desired, "nights", nights());
    let mut observed = converged(&desired);
    set_rule(&mut observed, "edge", "CS RTCSRV", model::observed::RuleState::Disabled);
    let mut given = Given { now: of("2026-03-03T20:00:00Z"), ..given() };
    given.verdicts = vec![Verdict { policy: "availability".to_owned(), ruling: Ruling::Deny, message: "no".to_owned() }];
    let gated = verdict(&desired, &observed, &given);
    assert_eq!(gated.go.len(), 1);
}

#[test]
fn a_denial_keeps_planned_work_back_and_a_warning_does_not() {
    let (desired, observed) = with_a_change();
    let mut given = given_with_peer();
    let verdict_of = |ruling| Verdict { policy: "friday".to_owned(), ruling, message: "not on a Friday".to_owned() };
    given.verdicts = vec![verdict_of(Ruling::Warn)];
    assert_eq!(kinds(&verdict(&desired, &observed, &given)), Vec::<&str>::new());
    given.verdicts = vec![verdict_of(Ruling::Deny)];
    let gated = verdict(&desired, &observed, &given);
    assert_eq!(gated.waits[0].on.to_string(), "policy `friday` denies it: not on a Friday");
    assert_eq!(gated.go, []);
}

#[test]
fn observe_and_plan_do_nothing_repair_repairs_and_a_person_stops_all() {
    let mut desired = cloud_connector();
    let mut observed = converged(&desired);
    set_rule(&mut observed, "edge", "CS RTCSRV", model::observed::RuleState::Disabled);
    for (mode, steps) in [(Mode::Observe, 0), (Mode::Plan, 0), (Mode::Repair, 1), (Mode::Converge, 1)] {
        desired.mode = mode;
        assert_eq!(verdict(&desired, &observed, &given_with_peer()).go.len(), steps, "{mode:?}");
    }
    let mut given = given_with_peer();
    given.hold = Some(HostHold { until: of("2026-03-03T12:00:00Z"), reason: "Ann works on the host".to_owned() });
    assert_eq!(verdict(&desired, &observed, &given).go, []);
    given.hold = Some(HostHold { until: now(), reason: "Ann works on the host".to_owned() });
    assert_eq!(verdict(&desired, &observed, &given).go.len(), 1, "the hold has expired");
}

#[test]
fn in_mode_repair_nothing_is_installed() {
    let mut desired = branch_bundle();
    desired.mode = Mode::Repair;
    assert_eq!(verdict(&desired, &bare(&desired), &given()).go, []);
}

#[test]
fn a_step_that_failed_waits_and_what_follows_it_waits_too() {
    let desired = branch_bundle();
    let mut given = given();
    let act = Act::CreateDisk { path: desired.roles[0].disk.clone(), parent: desired.roles[0].image.path.clone() };
    let id = StepId::of(&desired.instance, Some(&desired.roles[0].role), &act);
    given.memory.attempts.insert(
        id.clone(),
        Attempts { failed: 4, proven: 4, ended: now(), retry_at: of("2026-03-03T11:30:20Z"), boots: Default::default() },
    );
    let gated = verdict(&desired, &bare(&desired), &given);
    assert_eq!(gated.waits[0].on.to_string(), "it failed 4 times in a row; next attempt at 2026-03-03T11:30:20Z");
    assert_eq!(gated.look_again, Some(of("2026-03-03T11:30:20Z")));
    let roles: std::collections::BTreeSet<&str> = gated.go.iter().filter_map(|id| id.as_str().split('/').nth(1)).collect();
    assert_eq!(roles.into_iter().collect::<Vec<_>>(), ["gateway", "host"], "the other role goes on");
}

#[test]
fn a_suspicion_of_ourselves_keeps_an_appliance_open_and_says_so() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    crate::fixtures::turn_off(&mut observed, "edge");
    let mut given = given_with_peer();
    let closes = |plan: &crate::graph::Plan| plan.steps.iter().any(|step| step.purpose == Purpose::Close);
    assert!(closes(&plan(&desired, &observed, &given).0));
    given.breaker = Some("RTCSRV would close 3 of 4 appliances within 10 min".to_owned());
    let (plan, report) = plan(&desired, &observed, &given);
    let gated = gate(&plan, &report, &desired, &given);
    assert!(!closes(&plan));
    assert_eq!(kinds(&gated), ["breaker", "unknown"], "what becomes of the guest is seen once its VM is started");
    assert_eq!(gated.go.len(), plan.steps.len(), "what mends it in place goes on");
}

#[test]
fn an_appliance_that_is_closed_already_is_closed_whole_whatever_we_suspect() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    crate::fixtures::turn_off(&mut observed, "edge");
    set_service(&mut observed, "mediation", "RTCSRV", ServiceState::Stopped, StartMode::Manual);
    let given = Given { breaker: Some("RTCSRV would close 3 of 4 appliances within 10 min".to_owned()), ..given_with_peer() };
    let (plan, report) = plan(&desired, &observed, &given);
    let gated = gate(&plan, &report, &desired, &given);
    assert_eq!(kinds(&gated).iter().filter(|kind| **kind == "breaker").count(), 0);
    assert!(plan.steps.iter().any(|step| step.purpose == Purpose::Close && gated.go.contains(&step.id)));
}

#[test]
fn maintenance_needs_peers_and_turn_but_no_window() {
    let mut desired = cloud_connector();
    let observed = converged(&desired);
    add_window(&mut desired, "nights", nights());
    let until = of("2026-03-04T14:00:00Z");
    desired.maintenance = Some(Maintenance { reason: "cabling".to_owned(), until, on_expiry: OnExpiry::Resume });
    let at = of("2026-03-03T20:00:00Z");
    assert_eq!(kinds(&verdict(&desired, &observed, &Given { now: at, ..given_with_peer() })), Vec::<&str>::new());
    assert_eq!(kinds(&verdict(&desired, &observed, &Given { now: at, ..given() })), ["peer"]);
}

#[test]
fn a_change_that_takes_longer_than_the_site_may_be_out_does_not_begin() {
    let mut desired = branch_bundle();
    let observed = converged(&desired);
    desired.roles[0].processors = Some(4);
    add_window(&mut desired, "nights", nights());
    desired.availability.planned_outage = Some(PlannedOutage { windows: vec![of("nights")], at_most: Span::from_secs(300) });
    let gated = verdict(&desired, &observed, &given());
    let says = gated.waits[0].on.to_string();
    assert!(says.starts_with("it takes about 8m 56s, and the site may be out for 5m (`plannedOutage.atMost`); "), "{says}");
}

#[test]
fn notes_say_nothing_before_the_window_opens() {
    let mut desired = branch_bundle();
    for role in &mut desired.roles {
        role.services = [].into();
    }
    let observed = converged(&desired);
    desired.roles[0].processors = Some(4);
    add_window(&mut desired, "nights", nights());
    let closed = Given { now: of("2026-03-03T20:00:00Z"), ..given() };
    assert_eq!(verdict(&desired, &observed, &closed).go, []);
}
