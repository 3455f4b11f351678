//! How long to wait after an attempt that failed: 10, 10, 10, 20, 40 … 3600 seconds, from the end of the attempt.
//!
//! Guarantees: never shorter than the first wait, never longer than the longest, never shrinking while attempts go on failing.
//! Deliberately absent: chance. The schedule is documented to the second, and the appliances of a site take turns anyway.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use model::desired::Recovery;

/// How many waits are as long as the first: most faults of a host that is just starting pass within half a minute.
const EQUAL: u32 = 3;

/// The wait after `failed` attempts in a row; none before the first.
#[must_use]
pub fn wait_after(failed: u32, schedule: &Recovery) -> Duration {
    if failed == 0 {
        return Duration::ZERO;
    }
    let doublings = failed.saturating_sub(EQUAL).min(u64::BITS - 1);
    let longest = schedule.longest_wait.max(schedule.first_wait).secs();
    Duration::from_secs(schedule.first_wait.secs().saturating_mul(1 << doublings).min(longest))
}

/// When the next attempt may begin, after `failed` attempts of which the last one ended at `ended`.
#[must_use]
pub fn next_attempt(failed: u32, ended: Timestamp, schedule: &Recovery) -> Timestamp {
    let wait = SignedDuration::try_from(wait_after(failed, schedule)).unwrap_or(SignedDuration::MAX);
    ended.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use model::units::Span;

    use super::*;

    const DOCUMENTED: Recovery = Recovery { first_wait: Span::from_secs(10), longest_wait: Span::from_secs(3600), service_restarts: 3 };

    #[test]
    fn the_waits_are_the_documented_ones() {
        let waits: Vec<u64> = (0..=14).map(|failed| wait_after(failed, &DOCUMENTED).as_secs()).collect();
        assert_eq!(waits, [0, 10, 10, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]);
    }

    #[test]
    fn no_number_of_attempts_overflows() {
        assert_eq!(wait_after(u32::MAX, &DOCUMENTED), Duration::from_secs(3600));
        assert_eq!(next_attempt(u32::MAX, Timestamp::MAX, &DOCUMENTED), Timestamp::MAX);
    }

    #[test]
    fn a_longest_wait_below_the_first_does_not_shorten_the_first() {
        let odd = Recovery { longest_wait: Span::from_secs(1), ..DOCUMENTED };
        assert_eq!(wait_after(7, &odd), Duration::from_secs(10));
    }

    #[test]
    fn the_wait_counts_from_the_end_of_the_attempt() {
        let ended: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        assert_eq!(next_attempt(4, ended, &DOCUMENTED).to_string(), "2026-03-01T10:00:20Z");
    }
}
