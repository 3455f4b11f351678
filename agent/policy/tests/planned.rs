//! The shipped policies over plans that the planner really makes.

use std::collections::BTreeSet;

use model::desired::{Desired, StartMode};
use model::observed::{Observed, ServiceState};
use plan::fixtures;
use plan::given::{Given, PeerSight};
use policy::{Input, Limits, Policies, Proposal, Verdict, shipped};

use crate::support::said;

fn review(desired: &Desired, observed: &Observed, given: &Given) -> Verdict {
    let (plan, report) = plan::plan(desired, observed, given);
    assert!(!plan.is_empty(), "{report:#?}");
    let proposal = Proposal { plan: &plan, report: &report, peers: &given.peers };
    let input = Input::new(desired, given.now, Some(proposal)).unwrap();
    Policies::load(&shipped(), &[], Limits::default()).0.review(&input)
}

/// The wish of an appliance that serves, with one more processor for its mediation server.
fn changed() -> (Desired, Observed) {
    let mut desired = fixtures::cloud_connector();
    let observed = fixtures::converged(&desired);
    let role = desired.roles.iter_mut().find(|role| role.role.as_str() == "mediation").unwrap();
    role.processors = role.processors.map(|count| count + 1);
    (desired, observed)
}

#[test]
fn a_change_that_drains_first_while_a_peer_serves_is_allowed() {
    let (desired, observed) = changed();
    let verdict = review(&desired, &observed, &fixtures::given_with_peer());
    insta::assert_snapshot!(said(&verdict), @"");
    assert!(verdict.allows());
}

#[test]
fn the_same_change_is_denied_while_the_peer_is_out() {
    let (desired, observed) = changed();
    let mut given = fixtures::given_with_peer();
    given.peers.values_mut().for_each(|peer| peer.serving = PeerSight::NotServing);
    let verdict = review(&desired, &observed, &given);
    insta::assert_snapshot!(said(&verdict), @"deny availability_promise sea-1: `hold RTCSRV` on edge1.2.1 ends serving while at most 0 others serve; seattle promises 1 (bring back first: sea-2) at shipped:policies/availability_promise.rego:7:1");
    assert!(!verdict.allows());
}

/// A change while the only peer is out, of an appliance whose edge service was stopped: by planned work as its notes say, or by a fault.
fn stopped(note: Option<&str>) -> (Desired, Observed, Given) {
    let (desired, mut observed) = changed();
    let mut given = fixtures::given_with_peer();
    given.peers.values_mut().for_each(|peer| peer.serving = PeerSight::NotServing);
    fixtures::set_service(&mut observed, "edge", "RTCSRV", ServiceState::Stopped, StartMode::Manual);
    fixtures::vm(&mut observed, "edge").remarks.down = note.map(str::to_owned);
    (desired, observed, given)
}

#[test]
fn the_promise_is_asked_for_exactly_where_the_gate_asks_for_it() {
    for (note, asks) in [(None, true), (Some("`edge/RTCSRV` is stopped"), true), (Some("planned work: processors"), false)] {
        let (desired, observed, given) = stopped(note);
        let (plan, report) = plan::plan(&desired, &observed, &given);
        let gated = plan::gate::gate(&plan, &report, &desired, &given);
        assert_eq!(gated.waits.iter().any(|wait| wait.on.kind() == "peer"), asks, "{note:?}: {:#?}", gated.waits);
        let verdict = review(&desired, &observed, &given);
        assert_eq!(!verdict.allows(), asks, "{note:?}: {}", said(&verdict));
    }
}

/// Each key of an object, and of what is in its lists.
fn keys(value: &serde_json::Value) -> BTreeSet<String> {
    match value {
        serde_json::Value::Object(fields) => fields.keys().cloned().collect(),
        serde_json::Value::Array(items) => items.iter().flat_map(keys).collect(),
        _ => BTreeSet::new(),
    }
}

#[test]
fn whatever_a_policy_may_read_is_described() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/README.md")).unwrap();
    let described: BTreeSet<&str> = readme.split('`').skip(1).step_by(2).collect();
    let (desired, observed, given) = stopped(None);
    let (plan, report) = plan::plan(&desired, &observed, &given);
    let [desired, plan, report, peers] =
        [serde_json::to_value(&desired), serde_json::to_value(&plan), serde_json::to_value(&report), serde_json::to_value(&given.peers)]
            .map(Result::unwrap);
    let peer = peers.as_object().unwrap().values().next().unwrap();
    let network = desired["networks"].as_object().unwrap().values().next().unwrap();
    let parts = [&desired, &desired["host"], network, &desired["roles"], &desired["availability"], &desired["drain"]];
    let of_plan =
        [&plan, &plan["steps"], &plan["steps"][0]["time"], &report, &report["interruption"], &report["changes"], &report["waits"], peer];
    for key in parts.into_iter().chain(of_plan).flat_map(keys) {
        assert!(described.contains(key.as_str()), "`{key}` is not in policies/README.md");
    }
}

#[test]
fn setting_up_a_bare_host_is_allowed_whatever_the_peers_do() {
    let desired = fixtures::cloud_connector();
    let verdict = review(&desired, &fixtures::bare(&desired), &fixtures::given());
    assert!(verdict.allows(), "{}", said(&verdict));
}
