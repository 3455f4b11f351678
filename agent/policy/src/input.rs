//! What a policy sees as `input`; its shape is described in `policies/README.md`.
//!
//! Guarantees: built once for all policies, from the types that plans and reports are printed from.

use std::collections::BTreeMap;

use model::desired::Desired;
use model::names::{ApplianceName, InstanceId};
use plan::given::Peer;
use plan::graph::Plan;
use plan::render;
use plan::report::PlanReport;
use plan::step::Step;
use regorus::Value;
use serde::Serialize;

/// What is judged: one appliance's wish, and what would be done about it.
#[derive(Debug, Clone)]
pub struct Input {
    pub(crate) value: Value,
    pub(crate) appliance: String,
}

/// A part of the input cannot be written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("cannot hand the wish and plan of `{appliance}` to the policies")]
pub struct InputError {
    /// The appliance.
    pub appliance: String,
    /// Why not.
    pub source: serde_json::Error,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    now: jiff::Timestamp,
    desired: &'a Desired,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<ShownPlan<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a PlanReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peers: Option<&'a BTreeMap<ApplianceName, Peer>>,
}

/// A plan whose steps say in words what they do.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownPlan<'a> {
    appliance: &'a ApplianceName,
    instance: &'a InstanceId,
    steps: Vec<ShownStep<'a>>,
}

#[derive(Serialize)]
struct ShownStep<'a> {
    #[serde(flatten)]
    step: &'a Step,
    says: String,
}

impl<'a> From<&'a Plan> for ShownPlan<'a> {
    fn from(Plan { appliance, instance, steps }: &'a Plan) -> Self {
        let steps = steps.iter().map(|step| ShownStep { step, says: render::act(&step.act) }).collect();
        Self { appliance, instance, steps }
    }
}

/// What is planned and what stands around it.
#[derive(Debug, Clone, Copy)]
pub struct Proposal<'a> {
    /// The steps.
    pub plan: &'a Plan,
    /// What they wait on, and the posture.
    pub report: &'a PlanReport,
    /// The other appliances of the site, as far as they were seen.
    pub peers: &'a BTreeMap<ApplianceName, Peer>,
}

impl Input {
    /// The wish alone (`proposal: None`), or with what would be done about it. `now` is the only clock that policies have.
    ///
    /// # Errors
    /// `InputError` when a part has no JSON form.
    pub fn new(desired: &Desired, now: jiff::Timestamp, proposal: Option<Proposal<'_>>) -> Result<Self, InputError> {
        let document = Document {
            now,
            desired,
            plan: proposal.map(|proposal| proposal.plan.into()),
            report: proposal.map(|proposal| proposal.report),
            peers: proposal.map(|proposal| proposal.peers),
        };
        Self::of(&document, desired.appliance.as_str())
    }

    pub(crate) fn of(document: &impl Serialize, appliance: &str) -> Result<Self, InputError> {
        let value = serde_json::to_value(document).and_then(serde_json::from_value);
        let value = value.map_err(|source| InputError { appliance: appliance.to_owned(), source })?;
        Ok(Self { value, appliance: appliance.to_owned() })
    }
}
