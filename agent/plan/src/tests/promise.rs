//! What a site was promised, and the Approval that lets an interruption go all the same.

use model::desired::{Desired, PlannedOutage};
use model::manifest::Approved;
use model::observed::Observed;
use model::units::Span;
use model::validate::Approval;

use crate::fixtures::{add_window, branch_bundle, cloud_connector, converged, given, nights, now, of};
use crate::gate::{Gated, gate};
use crate::given::{Given, TurnState};
use crate::plan;
use crate::report::PlanReport;

/// A serving appliance whose only peer nobody sees, with a commit that needs a VM off.
fn lonely() -> (Desired, Observed) {
    let mut desired = cloud_connector();
    let observed = converged(&desired);
    desired.roles[2].processors = Some(4);
    (desired, observed)
}

fn verdict(desired: &Desired, observed: &Observed, given: &Given) -> (PlanReport, Gated) {
    let (plan, report) = plan(desired, observed, given);
    let gated = gate(&plan, &report, desired, given);
    (report, gated)
}

fn kinds(gated: &Gated) -> Vec<&'static str> {
    gated.waits.iter().map(|wait| wait.on.kind()).collect()
}

fn approval(appliance: &str, plan: &str) -> Approval {
    Approval {
        name: "tonight".to_owned(),
        appliance: of(appliance),
        allow: Approved::Interrupt,
        plan: plan.to_owned(),
        expires: of("2026-03-04T00:00:00Z"),
        reason: "the other one is being repaired".to_owned(),
    }
}

fn digest(report: &PlanReport) -> String {
    report.interruption.as_ref().unwrap().digest.clone()
}

#[test]
fn an_interruption_that_breaks_the_promise_says_which_approval_would_let_it_go() {
    let (desired, observed) = lonely();
    let (report, gated) = verdict(&desired, &observed, &given());
    assert_eq!((kinds(&gated), gated.go), (vec!["peer"], vec![]));
    let says = gated.waits[0].on.to_string().replace(&digest(&report), "<digest>");
    insta::assert_snapshot!(says, @"1 other appliances must be seen serving, 0 are; it goes all the same with an Approval (`allow: interrupt`) of plan <digest>");
}

#[test]
fn with_an_approval_of_just_that_plan_it_goes_and_takes_the_turn() {
    let (desired, observed) = lonely();
    let mut given = given();
    given.approvals = vec![approval("sea-1", &digest(&verdict(&desired, &observed, &given).0))];
    let (report, gated) = verdict(&desired, &observed, &given);
    assert_eq!((kinds(&gated), gated.takes_turn), (vec![], true));
    assert!(report.notes.iter().any(|note| note == "an Approval allows to interrupt whatever the site was promised"), "{report:?}");

    // Another commit needs another consent.
    let mut other = desired.clone();
    other.roles[1].processors = Some(4);
    assert_eq!(kinds(&verdict(&other, &observed, &given).1), ["peer"]);
}

#[test]
fn an_approval_that_does_not_do_is_named_with_the_reason() {
    let (desired, observed) = lonely();
    let mut given = given();
    let plan = digest(&verdict(&desired, &observed, &given).0);
    let right = approval("sea-1", &plan);
    let late = Approval { name: "late".to_owned(), expires: now(), ..right.clone() };
    let other = Approval { name: "other".to_owned(), plan: "0".repeat(64), ..right.clone() };
    let fierce = Approval { name: "fierce".to_owned(), allow: Approved::Destroy, ..right.clone() };
    let unrelated = Approval { plan: "1".repeat(64), ..fierce.clone() };
    given.approvals = vec![late, other, fierce, unrelated, approval("sea-2", &plan)];
    let (_, gated) = verdict(&desired, &observed, &given);
    let says = gated.waits[0].on.to_string();
    let unfit: Vec<&str> = says.split("; ").skip(2).collect();
    assert_eq!(unfit, ["`late` expired at 2026-03-03T11:30:00Z", "`other` is of another plan", "`fierce` allows to destroy only"]);
}

#[test]
fn a_consent_to_interrupt_opens_no_window_and_takes_nobodys_turn() {
    let (mut desired, observed) = lonely();
    add_window(&mut desired, "nights", nights());
    let mut given = Given { now: of("2026-03-03T20:00:00Z"), turn: TurnState::Held { by: of("sea-2") }, ..given() };
    given.approvals = vec![approval("sea-1", &digest(&verdict(&desired, &observed, &given).0))];
    assert_eq!(kinds(&verdict(&desired, &observed, &given).1), ["window", "turn"]);
}

#[test]
fn it_stands_for_an_outage_that_takes_longer_than_the_site_allows() {
    let mut desired = branch_bundle();
    let observed = converged(&desired);
    desired.roles[0].processors = Some(4);
    add_window(&mut desired, "nights", nights());
    desired.availability.planned_outage = Some(PlannedOutage { windows: vec![of("nights")], at_most: Span::from_secs(60) });
    let mut given = Given { now: of("2026-03-04T10:30:00Z"), ..given() };
    let (report, gated) = verdict(&desired, &observed, &given);
    assert_eq!(kinds(&gated), ["outage"]);
    given.approvals = vec![Approval { expires: of("2026-03-05T00:00:00Z"), ..approval("branch-1", &digest(&report)) }];
    assert_eq!(kinds(&verdict(&desired, &observed, &given).1), Vec::<&str>::new());
}

#[test]
fn where_nothing_is_interrupted_nobody_is_asked() {
    let desired = cloud_connector();
    assert_eq!(verdict(&desired, &converged(&desired), &given()).0.interruption, None);
    let bare = crate::fixtures::bare(&desired);
    assert_eq!(verdict(&desired, &bare, &given()).0.interruption, None, "an installation interrupts nobody");
}
