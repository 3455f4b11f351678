//! How a pass over one appliance ended, and when the next one is due.
//!
//! Guarantees: a pass ends in exactly one of these, and each says when to look again. Deliberately absent: what people are told
//! (that is `stage::report`'s).

use jiff::{SignedDuration, Timestamp};
use model::condition::Reason;
use model::seen::Cause;
use model::units::Span;
use plan::report::{Ends, WaitingOn};
use plan::step::Impact;
use serde::{Deserialize, Serialize};

use crate::status::Wait;

/// When to look again at what passes by itself, soon, nobody knows when.
const SOON: SignedDuration = SignedDuration::from_secs(10);

/// How a pass ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// The wish is in force and nothing is left to do.
    Converged,
    /// Something must happen first.
    Waiting {
        /// What.
        waits: Vec<Wait>,
        /// Who can make it happen.
        patience: Patience,
        /// When it is over at the latest, if that can be told.
        until: Option<Timestamp>,
    },
    /// The attempt failed and will be made again.
    Retrying {
        /// Why, with the whole chain of causes.
        says: String,
        /// How many attempts in a row have failed.
        attempts: u32,
        /// When the next one begins.
        next: Timestamp,
    },
    /// The host could not be observed.
    Blind {
        /// Why, for conditions.
        reason: Reason,
        /// Why, with the whole chain of causes.
        says: String,
        /// How often in a row.
        attempts: u32,
        /// When it is tried again.
        next: Timestamp,
    },
    /// Nothing helps until somebody acts.
    Stalled {
        /// Why, for conditions.
        reason: Reason,
        /// Why, and what to do.
        says: String,
        /// What else is waited for is over then, if that can be told: a stall of one part keeps nothing else waiting longer, and a refused
        /// password is tried again then.
        #[serde(default)]
        until: Option<Timestamp>,
    },
    /// What is left goes beyond what was shown; somebody must be asked again.
    Beyond {
        /// How far it would go.
        impact: Impact,
    },
    /// It was looked at and nothing more was asked for.
    Watched,
    /// The engine was told to stop.
    Stopped,
}

/// Who can make a wait end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Patience {
    /// It passes by itself, soon.
    Soon,
    /// Another appliance must move first: one of the site, or one that is being worked on.
    Peers,
    /// Somebody or something outside: a person, a window, a network.
    Outside,
}

impl Patience {
    /// Of one wait.
    pub(crate) fn of(on: &WaitingOn) -> Self {
        match on {
            // What other things keep from beginning ends no sooner than they do.
            WaitingOn::Drain { ends: Ends::Untold, .. } | WaitingOn::Stable { ends: Ends::Untold, .. } => Self::Outside,
            WaitingOn::Drain { .. }
            | WaitingOn::DrainGivenUp { .. }
            | WaitingOn::Confirm { .. }
            | WaitingOn::Stable { .. }
            | WaitingOn::Backoff { .. }
            | WaitingOn::Job { .. }
            | WaitingOn::Unknown { cause: Cause::Booting, .. } => Self::Soon,
            // Policies see the peers, so what they deny now they may allow once a peer has moved.
            WaitingOn::Turn { .. }
            | WaitingOn::Peer { .. }
            | WaitingOn::Leader { .. }
            | WaitingOn::Room { .. }
            | WaitingOn::Policy { .. } => Self::Peers,
            WaitingOn::Window { .. }
            | WaitingOn::Outage { .. }
            | WaitingOn::Approval { .. }
            | WaitingOn::Reach { .. }
            | WaitingOn::Unknown { .. }
            | WaitingOn::BrokenOff { .. }
            | WaitingOn::Hold { .. }
            | WaitingOn::Mode { .. }
            | WaitingOn::Breaker { .. } => Self::Outside,
        }
    }
}

impl Outcome {
    /// When the appliance is to be looked at again, `probe_every` after `now` at the latest.
    pub(crate) fn due(&self, now: Timestamp, probe_every: Span) -> Timestamp {
        let probe = now.saturating_add(probe_every.as_duration()).unwrap_or(Timestamp::MAX);
        match self {
            Self::Converged | Self::Beyond { .. } | Self::Watched | Self::Stopped => probe,
            Self::Waiting { until: Some(until), .. } => (*until).min(probe),
            Self::Waiting { patience: Patience::Soon, .. } => now.saturating_add(SOON).unwrap_or(Timestamp::MAX).min(probe),
            Self::Waiting { .. } => probe,
            Self::Retrying { next, .. } | Self::Blind { next, .. } => (*next).min(probe),
            // Whoever mends it on the host or in the credentials is believed at the next look. Looking does no harm: a refused password
            // rests where connections are made.
            Self::Stalled { until, .. } => until.map_or(probe, |at| at.min(probe)),
        }
    }

    /// Whether another appliance of the site may make it go on by moving.
    pub(crate) fn hopes_for_peers(&self) -> bool {
        matches!(self, Self::Waiting { waits, .. } if waits.iter().any(|wait| matches!(wait.on.as_str(), "turn" | "peer" | "leader" | "policy")))
    }

    /// Whether it waits for a place among the appliances that are worked on.
    pub(crate) fn waits_for_room(&self) -> bool {
        matches!(self, Self::Waiting { waits, .. } if waits.iter().any(|wait| wait.on == "room"))
    }

    /// Whether the next pass is due before the next periodic look.
    pub(crate) fn is_soon(&self) -> bool {
        match self {
            Self::Waiting { patience, .. } => *patience == Patience::Soon,
            Self::Retrying { .. } | Self::Blind { .. } => true,
            Self::Converged | Self::Stalled { .. } | Self::Beyond { .. } | Self::Watched | Self::Stopped => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn nothing_is_looked_at_later_than_the_probe() {
        let every = Span::from_secs(60);
        let retrying = |next| Outcome::Retrying { says: String::new(), attempts: 1, next: at(next) };
        let stalled = |until| Outcome::Stalled { reason: Reason::AccessDenied, says: String::new(), until };
        assert_eq!(Outcome::Converged.due(at(0), every), at(60));
        assert_eq!(retrying(10).due(at(0), every), at(10));
        assert_eq!(retrying(3600).due(at(0), every), at(60));
        assert_eq!(stalled(None).due(at(0), every), at(60));
        assert_eq!(stalled(Some(at(3600))).due(at(0), every), at(60));
        assert_eq!(stalled(Some(at(5))).due(at(0), every), at(5), "one stall does not hide that a fault is read again soon");
    }
}
