//! The shipped policies over plans that the planner really makes.

use model::desired::Desired;
use model::observed::Observed;
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
    insta::assert_snapshot!(said(&verdict), @r#"deny availability_promise sea-1: step "2.1/edge/hold-service/RTCSRV" ends serving while at most 0 others serve; seattle promises 1 (bring back first: sea-2) at shipped:policies/availability_promise.rego:7:1"#);
    assert!(!verdict.allows());
}

#[test]
fn setting_up_a_bare_host_is_allowed_whatever_the_peers_do() {
    let desired = fixtures::cloud_connector();
    let verdict = review(&desired, &fixtures::bare(&desired), &fixtures::given());
    assert!(verdict.allows(), "{}", said(&verdict));
}
