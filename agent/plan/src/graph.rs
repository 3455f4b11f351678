//! The steps of a plan with their order.
//!
//! Guarantees: the list is a topological order, ids are unique, and every id in an `after` or a `behind` is an earlier step of the list.
//! Deliberately absent: anything general. One graph, one ready set.

use std::collections::BTreeSet;

use model::names::{ApplianceName, InstanceId};
use model::units::Span;
use serde::{Deserialize, Serialize};

use crate::step::{Impact, Purpose, Step, StepId};

/// What is to be done on one appliance.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Where.
    pub appliance: ApplianceName,
    /// The instance that is to serve.
    pub instance: InstanceId,
    /// The steps.
    pub steps: StepGraph,
}

impl Plan {
    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The worst that it does to serving.
    #[must_use]
    pub fn impact(&self) -> Impact {
        self.steps.iter().map(|step| step.impact).max().unwrap_or(Impact::None)
    }

    /// What it does to serving, in a few words for people.
    #[must_use]
    pub fn says(&self) -> &'static str {
        let builds = self.steps.iter().any(|step| step.purpose == Purpose::SetUp);
        match self.impact() {
            Impact::None if builds => "builds what serves nobody yet",
            impact => impact.says(),
        }
    }

    /// How long the longest chain of steps is expected to take.
    #[must_use]
    pub fn expected(&self) -> Span {
        self.steps.expected()
    }
}

/// Steps in an order that honours what must come first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepGraph {
    steps: Vec<Step>,
}

impl StepGraph {
    /// From steps that stand in order already.
    pub(crate) fn in_order(steps: Vec<Step>) -> Self {
        Self { steps }
    }

    /// The steps, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Step> {
        self.steps.iter()
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The step of that id.
    #[must_use]
    pub fn get(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }

    /// The steps that are not done and wait for no step that is not done, in order, where all goes well.
    #[must_use]
    pub fn ready(&self, done: &BTreeSet<StepId>) -> Vec<&Step> {
        self.steps
            .iter()
            .filter(|step| !done.contains(&step.id) && step.after.iter().chain(&step.behind).all(|id| done.contains(id)))
            .collect()
    }

    /// How long the longest chain is expected to take.
    #[must_use]
    pub fn expected(&self) -> Span {
        let mut ends: std::collections::BTreeMap<&StepId, u64> = std::collections::BTreeMap::new();
        let mut longest = 0;
        for step in &self.steps {
            let begins = step.after.iter().chain(&step.behind).filter_map(|id| ends.get(id)).max().copied().unwrap_or(0);
            let end = begins.saturating_add(step.time.expected.secs());
            longest = longest.max(end);
            ends.insert(&step.id, end);
        }
        Span::from_secs(longest)
    }
}

impl<'a> IntoIterator for &'a StepGraph {
    type Item = &'a Step;
    type IntoIter = std::slice::Iter<'a, Step>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
