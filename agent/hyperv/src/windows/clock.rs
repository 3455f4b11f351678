//! A machine's clock and time zone, held against our own clock.
//!
//! Guarantees: a difference is told with the time that asking took, which is how wrong it may be.
//! Deliberately absent: setting a clock; the host's time synchronisation does that for guests, the domain for hosts.

use jiff::SignedDuration;
use jiff::Timestamp;

use super::{Windows, WindowsError};
use crate::classes;
use crate::row::{Malformed, Row};
use crate::wql::Query;

/// A machine's clock at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// What it showed.
    pub at: Timestamp,
    /// How far it was ahead of ours; negative when it was behind.
    pub ahead: SignedDuration,
    /// By how much that may be wrong either way: half of what asking took.
    pub uncertainty: SignedDuration,
    /// Windows's name of the time zone, `Pacific Standard Time`.
    pub zone: String,
    /// Local time less UTC at that moment, minutes.
    pub offset: i64,
}

impl Clock {
    /// Whether it is surely further from ours than `most`.
    #[must_use]
    pub fn is_off_by_more_than(&self, most: SignedDuration) -> bool {
        self.ahead.abs().saturating_sub(self.uncertainty) > most
    }
}

impl Windows {
    /// Its clock, in two requests.
    ///
    /// # Errors
    /// `Talk`.
    pub async fn clock(&self) -> Result<Clock, WindowsError> {
        let (system, zone) = (Query::windows(classes::OPERATING_SYSTEM), Query::windows(classes::TIME_ZONE));
        let before = self.clock.now();
        let systems = self.peer().select(&system).await?;
        let after = self.clock.now();
        let zones = self.peer().select(&zone).await?;
        let missing = |class: &str, property| Malformed::Missing { class: class.to_owned(), property };
        let read = || -> Result<Clock, Malformed> {
            let system = systems.first().ok_or_else(|| missing(classes::OPERATING_SYSTEM, "LocalDateTime"))?;
            let zone = zones.first().ok_or_else(|| missing(classes::TIME_ZONE, "StandardName"))?;
            let at = system.instant("LocalDateTime")?;
            let took = after.duration_since(before).max(SignedDuration::ZERO);
            let middle = before.saturating_add(took / 2).unwrap_or(before);
            Ok(Clock {
                at,
                ahead: at.duration_since(middle),
                uncertainty: took / 2,
                zone: zone.need("StandardName")?.to_owned(),
                offset: signed(system, "CurrentTimeZone")?,
            })
        };
        Ok(self.peer().read(classes::OPERATING_SYSTEM, read())?)
    }
}

/// A signed number that must be there.
fn signed(row: &wsman::cim::CimInstance, property: &'static str) -> Result<i64, Malformed> {
    use wsman::cim::CimValue;
    let found = match row.get(property) {
        CimValue::Signed(number) => Some(*number),
        CimValue::Unsigned(number) => i64::try_from(*number).ok(),
        CimValue::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    found.ok_or_else(|| Malformed::Missing { class: row.class().to_string(), property })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_off_only_when_asking_cannot_explain_it() {
        let seconds = SignedDuration::from_secs;
        let clock = |ahead, uncertainty| Clock {
            at: Timestamp::UNIX_EPOCH,
            ahead: seconds(ahead),
            uncertainty: seconds(uncertainty),
            zone: "UTC".to_owned(),
            offset: 0,
        };
        assert!(clock(-120, 1).is_off_by_more_than(seconds(60)));
        assert!(!clock(61, 2).is_off_by_more_than(seconds(60)));
        assert!(!clock(60, 0).is_off_by_more_than(seconds(60)));
    }
}
