//! What is wrong with a repository, for people and for programs.
//!
//! Guarantees: a diagnostic is complete in itself (it carries its source line), has a stable [`Code`], names a file, line and
//! column, and says which appliances it refuses. Deliberately absent: colours, and any decision about what a refusal means.

mod code;
mod render;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

pub use code::Code;
pub use render::{render_all, to_json};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Refuses what it touches.
    Error,
    /// Refuses nothing.
    Warning,
}

/// A place in a file. Lines and columns count from 1; columns and lengths count characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The file's path in the repository, or `profile:<name>` for a shipped profile.
    #[schemars(with = "String")]
    pub file: Arc<str>,
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
    /// The length; 0 when it is about the whole file.
    pub length: u32,
}

/// Whose desired state is refused: the last good one stays in force.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Refuses {
    /// Nobody's: a warning.
    Nothing,
    /// That of every appliance of the named sites.
    Sites(Vec<Arc<str>>),
    /// That of every appliance.
    Everything,
}

/// Something else that the diagnostic is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Related {
    /// Where.
    pub place: Place,
    /// What stands there, in relation to the fault.
    pub message: String,
    /// The line of the file.
    pub source_line: Option<String>,
}

/// One fault or warning. Ordered by place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// Where.
    pub place: Place,
    /// Which rule.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// What the place wants.
    pub expected: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    /// Other places it is about.
    pub related: Vec<Related>,
    /// Whom it refuses.
    pub refuses: Refuses,
    /// The line of the file.
    pub source_line: Option<String>,
}
