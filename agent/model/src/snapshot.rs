//! What a revision of the repository asks for, as it travels from `source` to `engine`.
//!
//! Guarantees: an appliance that a faulty document touches is in `refused` and never in `desired`; no removal may be
//! believed while `complete` is false. Cheap to clone. `assemble` fills what one revision says; `source` alone fills `kept`, as only it
//! remembers earlier revisions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::desired::Desired;
use crate::diagnostic::Diagnostic;
use crate::names::ApplianceName;
use crate::validate::{Approval, Fleet};

/// Where a state was read from: `main@sha1:1f2e…`, or `directory` when it is a plain directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(Arc<str>);

impl Revision {
    /// A commit on a reference.
    #[must_use]
    pub fn of_commit(reference: &str, sha1: &str) -> Self {
        Self(format!("{reference}@sha1:{sha1}").into())
    }

    /// Nothing was read yet.
    #[must_use]
    pub fn unread() -> Self {
        Self("unread".into())
    }

    /// A directory without history.
    #[must_use]
    pub fn of_directory() -> Self {
        Self("directory".into())
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Revision {
    /// `{}` the whole text; `{:#}` the commit cut to twelve digits, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (f.alternate(), self.0.split_once("@sha1:")) {
            (true, Some((reference, sha1))) => write!(f, "{reference}@{}", sha1.get(..12).unwrap_or(sha1)),
            _ => f.write_str(&self.0),
        }
    }
}

/// The wish of a whole repository at one revision.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Where it was read from.
    pub revision: Revision,
    /// One wish per sound appliance.
    pub desired: Arc<BTreeMap<ApplianceName, Arc<Desired>>>,
    /// Appliances whose closure holds a fault; their last good wish stays in force.
    pub refused: Arc<BTreeMap<ApplianceName, Vec<Diagnostic>>>,
    /// Every finding, faults and warnings, in the order of files and lines.
    pub diagnostics: Arc<Vec<Diagnostic>>,
    /// Whether every document was sound; if not, an appliance that is missing here was not removed.
    pub complete: bool,
    /// Last good wishes of appliances that this revision refuses, or lacks while it is not complete. They stay in force.
    pub kept: Arc<BTreeMap<ApplianceName, Kept>>,
    /// The repository's own policies (`*.rego`), in the order of their paths.
    pub policies: Arc<Vec<PolicyFile>>,
    /// Consents in git.
    pub approvals: Arc<Vec<Approval>>,
    /// What holds for the whole fleet; `None` while its document cannot be read.
    pub fleet: Option<Fleet>,
}

/// A wish of an earlier revision that stays in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The last revision that asked for it.
    pub revision: Revision,
    /// The wish.
    pub desired: Arc<Desired>,
}

/// A policy that came with the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// Its path in the repository.
    pub path: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
}

impl Snapshot {
    /// Before anything was read: it asks for nothing, and nothing that it lacks was removed.
    #[must_use]
    pub fn unread() -> Self {
        Self {
            revision: Revision::unread(),
            desired: Arc::default(),
            refused: Arc::default(),
            diagnostics: Arc::default(),
            complete: false,
            kept: Arc::default(),
            policies: Arc::default(),
            approvals: Arc::default(),
            fleet: None,
        }
    }

    /// The wish in force for an appliance, and the revision that asked for it.
    #[must_use]
    pub fn in_force(&self, appliance: &ApplianceName) -> Option<(&Revision, &Arc<Desired>)> {
        let kept = || self.kept.get(appliance).map(|kept| (&kept.revision, &kept.desired));
        self.desired.get(appliance).map(|desired| (&self.revision, desired)).or_else(kept)
    }
}
