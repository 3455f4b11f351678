//! What `trunkline plan --base REV --head REV -o json` prints, with a published schema: `schemas/comparison.v1.json`.
//!
//! Guarantees: the document changes only by additions within its `apiVersion`. Deliberately absent: steps, which follow from what is seen.

use model::names::ApplianceName;
use plan::render::json::ChangeDocument;
use policy::Verdict;
use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;

/// The document's version.
pub const API_VERSION: &str = "trunkline.dev/comparison.v1";

/// What a change of the repository asks for.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Comparison<'a> {
    /// `trunkline.dev/comparison.v1`.
    pub api_version: &'static str,
    /// The older revision.
    pub base: &'a str,
    /// The newer revision.
    pub head: &'a str,
    /// The appliances that change, or of which a policy says something.
    pub appliances: Vec<Compared<'a>>,
    /// The policies that have more to say once hosts are seen.
    pub need_plans: Vec<&'a str>,
}

/// What it asks of one appliance.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Compared<'a> {
    /// The appliance.
    #[schemars(with = "String")]
    pub appliance: &'a ApplianceName,
    /// How it stands in the newer revision.
    pub is: Standing,
    /// The fields that differ, where both revisions describe it.
    pub changes: Vec<ChangeDocument>,
    /// What the policies say of it.
    pub policies: &'a Verdict,
}

/// How an appliance stands in the newer revision.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// It will be installed.
    Added,
    /// It is no longer described; its VMs are left as they are.
    Removed,
    /// Both revisions describe it.
    Changed,
    /// The older revision is faulty and does not say how it was.
    Unknown,
}

/// The JSON Schema of [`Comparison`].
pub fn schema() -> Schema {
    schema_for!(Comparison<'_>)
}
