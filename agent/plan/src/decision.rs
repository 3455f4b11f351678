//! Plan, policies and gate in one: what is shown, and what may run.
//!
//! Guarantees: dry run and real run decide by the same lines; repairs never stand behind planned work that may not begin.
//! Deliberately absent: taking the turn, and doing anything.

use model::desired::Desired;
use model::observed::Observed;

use crate::gate::{Gated, gate};
use crate::given::{Given, PlannedWork, Verdict};
use crate::graph::Plan;
use crate::plan;
use crate::report::PlanReport;

/// What is to be done, and what of it may be done now.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Everything that is to be done.
    pub plan: Plan,
    /// What stands around it.
    pub report: PlanReport,
    /// The gate's verdict on it, with what the repairs wait for when they run alone.
    pub gated: Gated,
    /// What the policies say of it.
    pub verdicts: Vec<Verdict>,
    /// Repairs alone, when they would stand behind planned work that may not begin.
    pub repairs: Option<(Plan, Gated)>,
}

impl Decision {
    /// The plan to run, with the gate's verdict on it. People are shown the whole one.
    pub fn to_run(&self) -> (&Plan, &Gated) {
        self.repairs.as_ref().map_or((&self.plan, &self.gated), |(plan, gated)| (plan, gated))
    }
}

/// Decides. `review` asks the policies; whoever cannot ask them denies.
pub fn decide(
    desired: &Desired,
    observed: &Observed,
    given: &Given,
    mut review: impl FnMut(&Plan, &PlanReport) -> Vec<Verdict>,
) -> Decision {
    let mut given = given.clone();
    let (whole, report) = plan(desired, observed, &given);
    if !whole.is_empty() {
        // There is nothing to deny about an empty plan, and most looks have one.
        given.verdicts = review(&whole, &report);
    }
    let mut gated = gate(&whole, &report, desired, &given);
    let verdicts = given.verdicts.clone();
    let repairs = gated.plan_repairs_alone.then(|| {
        let mut without = |planned_work| {
            given.planned_work = planned_work;
            let (repairs, report) = plan(desired, observed, &given);
            let gated = gate(&repairs, &report, desired, &given);
            (repairs, gated)
        };
        if report.takes_calls() {
            return without(PlannedWork::Withheld);
        }
        // What is still to be built may be what calls wait for, and does not wait with what would end serving.
        let built = without(PlannedWork::SetUpOnly);
        if built.1.plan_repairs_alone { without(PlannedWork::Withheld) } else { built }
    });
    if let Some((_, of_repairs)) = &repairs {
        gated.add_waits_of(of_repairs);
    }
    Decision { plan: whole, report, gated, verdicts, repairs }
}
