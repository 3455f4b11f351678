//! Asks the policies about the plan. Pure.
//!
//! Guarantees: a policy that cannot be asked denies (a guard that is asleep lets nobody through). Deliberately absent: what a denial
//! keeps back (that is the gate's).

use model::cause::chain;
use model::desired::Desired;
use plan::given::{Given, Ruling, Verdict};
use plan::graph::Plan;
use plan::report::PlanReport;
use policy::{Input, Policies, Violation};

/// What the policies say.
pub(crate) fn review(policies: &Policies, desired: &Desired, given: &Given, (plan, report): (&Plan, &PlanReport)) -> Vec<Verdict> {
    let judged = policy::Proposal { plan, report, peers: &given.peers };
    let input = match Input::new(desired, given.now, Some(judged)) {
        Ok(input) => input,
        Err(error) => return vec![Verdict { policy: "trunkline".to_owned(), ruling: Ruling::Deny, message: chain(&error) }],
    };
    let policy::Verdict { denied, warned } = policies.review(&input);
    let denials = denied.into_iter().map(|violation| ruling(Ruling::Deny, violation));
    denials.chain(warned.into_iter().map(|violation| ruling(Ruling::Warn, violation))).collect()
}

fn ruling(ruling: Ruling, violation: Violation) -> Verdict {
    let Violation { policy, message, hint, appliance: _, place: _ } = violation;
    let message = hint.map_or_else(|| message.clone(), |hint| format!("{message}; {hint}"));
    Verdict { policy, ruling, message }
}
