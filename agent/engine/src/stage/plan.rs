//! Works out what is left to do. Pure.
//!
//! Guarantees: the same function that a dry run calls. Deliberately absent: everything else.

use plan::graph::Plan;
use plan::report::PlanReport;

use crate::stage::observe::Sight;
use crate::wish::{Wish, digest_of};

/// What is to be done, and what stands around it.
#[derive(Debug)]
pub(crate) struct Proposal {
    pub(crate) plan: Plan,
    pub(crate) report: PlanReport,
}

impl Proposal {
    /// The plan's digest, for the journal.
    pub(crate) fn digest(&self) -> String {
        // A plan is plain data, so this cannot fail.
        digest_of(&serde_json::to_vec(&self.plan).unwrap_or_default())
    }
}

/// Plans.
pub(crate) fn plan(wish: &Wish, sight: &Sight) -> Proposal {
    let (plan, report) = plan::plan(&wish.desired, &sight.observed, &sight.given);
    Proposal { plan, report }
}
