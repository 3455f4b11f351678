//! The one entry: wish, sight and what is given become a plan with its report.
//!
//! Guarantees: pure; equal inputs give equal plans to the byte; folding the effects of the plan over the sight leaves nothing to
//! do, and the plan after k steps is the rest of the plan. Deliberately absent: whether it may run now (that is `gate`'s).

use model::desired::Desired;
use model::observed::Observed;

use crate::belief;
use crate::consent;
use crate::diff::diff;
use crate::draft::Draft;
use crate::gate::is_disruption;
use crate::given::{Given, PlannedWork};
use crate::graph::Plan;
use crate::names;
use crate::outage::has_begun;
use crate::posture::assess;
use crate::report::PlanReport;
use crate::rules;
use crate::standing;
use crate::step::{Impact, Purpose, Step};

/// Works out what to do next.
pub fn plan(desired: &Desired, observed: &Observed, given: &Given) -> (Plan, PlanReport) {
    let Some(standing) = standing::wish(desired, observed, &given.memory) else { return plan_for(desired, observed, given) };
    let repairs = Given { planned_work: PlannedWork::Standing, ..given.clone() };
    let (plan, mut report) = plan_for(&standing, observed, &repairs);
    standing::tell(desired, &standing, observed, &mut report);
    (plan, report)
}

/// The same for the instance that `desired` names.
fn plan_for(desired: &Desired, observed: &Observed, given: &Given) -> (Plan, PlanReport) {
    let lost = belief::lost(desired, observed, &given.memory);
    let observed = &*belief::believed(desired, observed, &lost);
    let sight = assess(desired, observed, given);
    let mut draft = Draft::new(desired, observed, given, &sight);
    draft.lost = lost;
    rules::all(&mut draft);
    names::tell_assumed(&mut draft);
    let notes = std::mem::take(&mut draft.notes);
    let requests = std::mem::take(&mut draft.requests);
    let (consent, waits) = consent::judge(&desired.appliance, requests, draft.steps(), given);
    draft.waits.extend(waits);
    let begun = has_begun(desired, observed, given, &sight);
    let mut report = PlanReport {
        posture: sight.posture.clone(),
        unseen: sight.unseen(),
        faults: sight.faults(),
        changes: diff(desired, observed),
        waits: std::mem::take(&mut draft.waits),
        stalls: std::mem::take(&mut draft.stalls),
        consent,
        interruption: None,
        begun,
        withdrawn: begun && draft.barred,
        notes,
    };
    let plan = draft.into_plan();
    if !report.begun {
        let ends: Vec<&Step> = plan.steps.iter().filter(|step| is_disruption(step)).collect();
        report.interruption = consent::interruption(&desired.appliance, &ends, given);
        if report.interruption.as_ref().is_some_and(|interruption| interruption.given_by.is_some()) {
            report.notes.push("an Approval allows to interrupt whatever the site was promised".to_owned());
        }
    }
    let works = plan.steps.iter().any(|step| matches!(step.purpose, Purpose::Change | Purpose::Prune) && step.impact >= Impact::Drain);
    if report.takes_calls() && works {
        report.notes.insert(0, capacity(desired, given, &plan));
    }
    (plan, report)
}

/// What is left of a site while an appliance of it is worked on.
fn capacity(desired: &Desired, given: &Given, plan: &Plan) -> String {
    let takes = plan.expected();
    let (others, serving) = (desired.peers.len(), given.serving_peers());
    let promise = desired.availability.min_serving;
    match others {
        0 => format!("{} takes no calls for about {takes}, and its site has no other appliance", desired.appliance),
        _ => format!(
            "{} takes no calls for about {takes}; others seen serving: {serving} of {others}, promised: {promise}",
            desired.appliance
        ),
    }
}
