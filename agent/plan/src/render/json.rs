//! Plans as JSON, with a published schema: `schemas/plan.v1.json`, which is that of the list that `trunkline plan -o json` prints.
//!
//! Guarantees: the document changes only by additions within its `apiVersion`; times are RFC 3339 in UTC, durations whole
//! seconds. Deliberately absent: what only steps need to be done (policies and people judge by what stands here).

use model::condition::{Posture, Reason};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::say;
use crate::decision::Decision;
use crate::diff::Change;
use crate::gate::Gated;
use crate::graph::Plan;
use crate::report::{PlanReport, Wait, WaitingOn};
use crate::step::{Impact, Purpose, Step};

/// The document's version.
pub const API_VERSION: &str = "trunkline.dev/plan.v1";

/// The plan of one appliance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanDocument {
    /// `trunkline.dev/plan.v1`.
    pub api_version: String,
    /// The appliance.
    pub appliance: String,
    /// The instance that is to serve.
    pub instance: String,
    /// Whether it takes calls now.
    pub posture: PostureDocument,
    /// Where sight differs from wish.
    pub changes: Vec<ChangeDocument>,
    /// What is to be done, in an order that honours `after`.
    pub steps: Vec<StepDocument>,
    /// The repairs that run meanwhile, when they would stand behind steps that may not begin.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub repairs: Vec<StepDocument>,
    /// What is waited for.
    pub waits: Vec<WaitDocument>,
    /// What waits for a person.
    pub stalls: Vec<StallDocument>,
    /// What is worth knowing.
    pub notes: Vec<String>,
    /// The worst that the plan does to serving.
    pub impact: String,
    /// How long the longest chain of steps is expected to take, in seconds.
    pub expected_seconds: u64,
}

/// Whether an appliance takes calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PostureDocument {
    /// `serving`, `in maintenance`, `serving, degraded` or `down`.
    pub is: String,
    /// Every bad signal.
    pub faults: Vec<String>,
    /// Every signal that could not be seen.
    pub unseen: Vec<String>,
}

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeDocument {
    /// Which: `roles.mediation.processors`.
    pub path: String,
    /// What it is; absent when it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What it is to be; absent when it is no longer wished for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// `none`, `serviceRestart`, `drain`, `vmPowerOff`, `hostReboot` or `siteOutage`.
    pub impact: String,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepDocument {
    /// Its stable name.
    pub id: String,
    /// The instance that it works on.
    pub instance: String,
    /// The role that it works on; absent for the host itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What it does, in a word: `set-processors`.
    pub verb: String,
    /// What it does it to, where that is not clear from verb and role.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub object: String,
    /// What it does, in words.
    pub says: String,
    /// `setUp`, `repair`, `close`, `drain`, `change`, `return` or `prune`.
    pub purpose: String,
    /// What it does to serving.
    pub impact: String,
    /// The steps that come first.
    pub after: Vec<String>,
    /// How long it is expected to take, in seconds.
    pub expected_seconds: u64,
    /// Whether the gate lets it run now; absent when the gate was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub may_run: Option<bool>,
}

/// Something that is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaitDocument {
    /// What kind: `window`, `turn`, `peer` …
    pub on: String,
    /// What exactly, in words.
    pub says: String,
    /// When it is over, to the second, when that is known from what was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The digest that an Approval must name, when one is waited for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub plan: Option<String>,
    /// The steps that it keeps back.
    pub blocks: Vec<String>,
}

/// Something that only a person can mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StallDocument {
    /// Which kind, from the closed list of reasons.
    pub reason: String,
    /// What, in a sentence.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// The document of a plan.
#[must_use]
pub fn document(plan: &Plan, report: &PlanReport, gated: Option<&Gated>) -> PlanDocument {
    let texts = |faults: &[model::condition::Fault]| faults.iter().map(ToString::to_string).collect();
    PlanDocument {
        api_version: API_VERSION.to_owned(),
        appliance: plan.appliance.to_string(),
        instance: plan.instance.to_string(),
        posture: PostureDocument {
            is: say::posture(&report.posture).0.to_owned(),
            faults: texts(match &report.posture {
                Posture::Down(faults) | Posture::Degraded(faults) => faults,
                Posture::Serving | Posture::Maintenance => &report.faults,
            }),
            unseen: texts(&report.unseen),
        },
        changes: report.changes.iter().map(change_document).collect(),
        steps: step_documents(plan, gated),
        repairs: Vec::new(),
        waits: gated.map_or(&report.waits, |gated| &gated.waits).iter().map(wait_document).collect(),
        stalls: report.stalls.iter().map(stall_document).collect(),
        notes: report.notes.clone(),
        impact: impact_name(plan.impact()).to_owned(),
        expected_seconds: plan.expected().secs(),
    }
}

/// The document of a decision: the whole plan, and the repairs that run alone when the rest may not begin.
#[must_use]
pub fn decided(decision: &Decision) -> PlanDocument {
    let repairs = decision.repairs.as_ref().map_or_else(Vec::new, |(plan, gated)| step_documents(plan, Some(gated)));
    PlanDocument { repairs, ..document(&decision.plan, &decision.report, Some(&decision.gated)) }
}

/// The document as text, with a newline at its end.
///
/// # Errors
/// Never for what [`document`] makes; the writer's signature says so.
pub fn json(plan: &Plan, report: &PlanReport, gated: Option<&Gated>) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&document(plan, report, gated)).map(|text| text + "\n")
}

/// The document of one change.
#[must_use]
pub fn change_document(change: &Change) -> ChangeDocument {
    let Change { path, from, to, impact } = change.clone();
    ChangeDocument { path, from, to, impact: impact_name(impact).to_owned() }
}

/// The JSON Schema of a list of [`PlanDocument`], as it is printed: one for each appliance.
#[must_use]
pub fn schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(Vec<PlanDocument>);
    schema.insert("title".to_owned(), "Plans".into());
    schema.insert("description".to_owned(), "What `trunkline plan -o json` prints: the plan of each appliance.".into());
    schema
}

fn step_documents(plan: &Plan, gated: Option<&Gated>) -> Vec<StepDocument> {
    let go: Option<std::collections::BTreeSet<_>> = gated.map(|gated| gated.go.iter().collect());
    plan.steps.iter().map(|step| step_document(step, go.as_ref().map(|go| go.contains(&step.id)))).collect()
}

fn step_document(step: &Step, may_run: Option<bool>) -> StepDocument {
    StepDocument {
        id: step.id.to_string(),
        instance: step.instance.to_string(),
        role: step.role.as_ref().map(ToString::to_string),
        verb: step.act.verb().to_owned(),
        object: step.act.object().to_owned(),
        says: say::act(&step.act),
        purpose: purpose_name(step.purpose).to_owned(),
        impact: impact_name(step.impact).to_owned(),
        after: step.after.iter().map(ToString::to_string).collect(),
        expected_seconds: step.time.expected.secs(),
        may_run,
    }
}

fn wait_document(wait: &Wait) -> WaitDocument {
    WaitDocument {
        on: wait.on.kind().to_owned(),
        says: wait.on.to_string(),
        until: wait.on.until().map(|at| format!("{at:.0}")),
        plan: match &wait.on {
            WaitingOn::Approval { plan, .. } => Some(plan.clone()),
            _ => None,
        },
        blocks: wait.blocks.iter().map(ToString::to_string).collect(),
    }
}

fn stall_document(stall: &crate::report::Stall) -> StallDocument {
    let reason: Reason = stall.reason;
    StallDocument { reason: format!("{reason:?}"), message: stall.message.clone(), hint: stall.hint.clone() }
}

fn purpose_name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::SetUp => "setUp",
        Purpose::Repair => "repair",
        Purpose::Close => "close",
        Purpose::Drain => "drain",
        Purpose::Change => "change",
        Purpose::Return => "return",
        Purpose::Prune => "prune",
    }
}

fn impact_name(impact: Impact) -> &'static str {
    match impact {
        Impact::None => "none",
        Impact::ServiceRestart => "serviceRestart",
        Impact::Drain => "drain",
        Impact::VmPowerOff => "vmPowerOff",
        Impact::HostReboot => "hostReboot",
        Impact::SiteOutage => "siteOutage",
    }
}
