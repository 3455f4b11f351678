//! The one entry: wish, sight and what is given become a plan with its report.
//!
//! Guarantees: pure; equal inputs give equal plans to the byte; folding the effects of the plan over the sight leaves nothing to
//! do, and the plan after k steps is the rest of the plan. Deliberately absent: whether it may run now (that is `gate`'s).

use model::desired::Desired;
use model::observed::Observed;

use crate::diff::diff;
use crate::draft::Draft;
use crate::given::Given;
use crate::graph::Plan;
use crate::posture::assess;
use crate::report::PlanReport;
use crate::rules;

/// Works out what to do next.
pub fn plan(desired: &Desired, observed: &Observed, given: &Given) -> (Plan, PlanReport) {
    let sight = assess(desired, observed, given);
    let mut draft = Draft::new(desired, observed, given, &sight);
    rules::all(&mut draft);
    let report = PlanReport {
        posture: sight.posture.clone(),
        unseen: sight.unseen(),
        faults: sight.faults(),
        changes: diff(desired, observed),
        waits: std::mem::take(&mut draft.waits),
        stalls: std::mem::take(&mut draft.stalls),
        notes: std::mem::take(&mut draft.notes),
    };
    (draft.into_plan(), report)
}
