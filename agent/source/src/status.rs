//! What is known about an origin, for conditions and for people.
//!
//! Guarantees: level-triggered: it says how things are, so a reader that missed a change misses nothing. Deliberately absent: wall
//! time; whoever keeps conditions stamps them.

use std::time::Duration;

use model::condition::{Disposition, Reason};
use model::snapshot::Revision;

/// What is known about an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceStatus {
    /// The origin, as the settings name it.
    pub origin: String,
    /// The newest revision that was read; `None` before the first.
    pub revision: Option<Revision>,
    /// Why it cannot be read at present.
    pub trouble: Option<Trouble>,
    /// The newest time that history was rewritten under us.
    pub rewrite: Option<Rewrite>,
}

/// Why an origin cannot be read at present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// A sentence for people, causes included.
    pub message: String,
    /// What it asks for.
    pub disposition: Disposition,
    /// Failures in a row.
    pub failures: u32,
    /// How long until the next attempt, counted from this one.
    pub retry_in: Duration,
}

/// History was rewritten: the new tip does not descend from the old one. It is accepted, and said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// What was read before.
    pub from: Revision,
    /// What is read now.
    pub to: Revision,
}

impl SourceStatus {
    /// The reason for a condition, while there is trouble.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.trouble.as_ref().map(|_| Reason::SourceUnavailable)
    }
}
