//! What an observation says of one thing: it is so, it is not there, or we could not see.
//!
//! Guarantees: `Unknown` never compares as absent. Under an absent parent all is `Absent`; under one that is off or
//! unreachable, `Unknown`. Deliberately absent: a conversion that turns `Unknown` into anything else.

use serde::{Deserialize, Serialize};

/// One observed thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Seen<T> {
    /// It was seen, like this.
    Known(T),
    /// It was looked for and is not there.
    Absent,
    /// It could not be seen.
    Unknown(Cause),
}

/// Why something could not be seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// Its VM is off, saved or paused.
    PoweredOff,
    /// Its VM runs, but the guest has not come up yet (no heartbeat, no listener published).
    Booting,
    /// The guest or host does not answer at this address.
    Unreachable(String),
    /// It answers, but refused our credentials; the text says who refused which.
    Refused(String),
    /// The query for it failed; the text is the fault's reason.
    Failed(String),
    /// Nobody looked (a plan between revisions, a step whose effect cannot be foretold).
    NotObserved,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PoweredOff => f.write_str("the VM is not running"),
            Self::Booting => f.write_str("the guest is still starting"),
            Self::Unreachable(at) => write!(f, "no answer from {at}"),
            Self::Refused(whom) => f.write_str(whom),
            Self::Failed(reason) => write!(f, "the query failed: {reason}"),
            Self::NotObserved => f.write_str("nobody looked"),
        }
    }
}

impl<T> Seen<T> {
    /// The value, when it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Absent | Self::Unknown(_) => None,
        }
    }

    /// The value to change, when it is known.
    pub fn known_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Absent | Self::Unknown(_) => None,
        }
    }

    /// Whether it was looked for and is not there.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Why it could not be seen, when it could not.
    pub fn unknown(&self) -> Option<&Cause> {
        match self {
            Self::Unknown(cause) => Some(cause),
            Self::Known(_) | Self::Absent => None,
        }
    }

    /// The same of a reference.
    pub fn as_ref(&self) -> Seen<&T> {
        match self {
            Self::Known(value) => Seen::Known(value),
            Self::Absent => Seen::Absent,
            Self::Unknown(cause) => Seen::Unknown(cause.clone()),
        }
    }

    /// A part of it; what is absent or unknown stays so.
    pub fn map<U>(self, part: impl FnOnce(T) -> U) -> Seen<U> {
        match self {
            Self::Known(value) => Seen::Known(part(value)),
            Self::Absent => Seen::Absent,
            Self::Unknown(cause) => Seen::Unknown(cause),
        }
    }
}

impl<T> From<Option<T>> for Seen<T> {
    /// For what was looked for: `None` is `Absent`.
    fn from(found: Option<T>) -> Self {
        found.map_or(Self::Absent, Self::Known)
    }
}
