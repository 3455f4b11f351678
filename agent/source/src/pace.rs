//! How often an origin is looked at.
//!
//! Guarantees: two agents with different seeds drift apart, so a fleet does not ask its server in one instant; waiting after failures
//! grows and is bounded. Deliberately absent: randomness of its own; the seed comes from whoever starts the agent.

use std::time::Duration;

/// How often an origin is looked at.
#[derive(Debug, Clone)]
pub struct Pace {
    /// A remote is asked this often, give or take a tenth.
    pub poll: Duration,
    /// A repository on this machine is read this often even when nobody says that it changed (network file systems do not).
    pub fallback: Duration,
    /// After the first failure; doubles with each further one.
    pub retry: Duration,
    /// The longest wait after failures, and the usual one when a person must act.
    pub retry_at_most: Duration,
    /// A remote that has not finished by then is given up for this time.
    pub fetch_within: Duration,
    /// After a sign of change we wait this long for the rest of it.
    pub settle: Duration,
    /// What tells agents apart.
    pub seed: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(60),
            fallback: Duration::from_secs(60),
            retry: Duration::from_secs(5),
            retry_at_most: Duration::from_mins(5),
            fetch_within: Duration::from_mins(2),
            settle: Duration::from_millis(100),
            seed: 0,
        }
    }
}

impl Pace {
    /// The wait after `failures` failures in a row, before jitter.
    pub(crate) fn after_failures(&self, failures: u32) -> Duration {
        let doubled = self.retry.saturating_mul(1 << failures.saturating_sub(1).min(16));
        doubled.min(self.retry_at_most)
    }
}

/// Spreads waits by a tenth to either side, by a fixed sequence that starts at a seed.
#[derive(Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn spread(&mut self, wait: Duration) -> Duration {
        // SplitMix64: one multiplication chain, evenly spread, good enough to keep clients apart.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let permille = u32::try_from((z ^ (z >> 31)) % 201).unwrap_or_default();
        wait.saturating_mul(900 + permille) / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_stay_bounded() {
        let pace = Pace::default();
        let waits: Vec<u64> = (1..=9).map(|failures| pace.after_failures(failures).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        assert_eq!(pace.after_failures(u32::MAX), Duration::from_mins(5));
    }

    #[test]
    fn jitter_stays_within_a_tenth_and_differs_by_seed() {
        let minute = Duration::from_secs(60);
        let row = |seed| {
            let mut jitter = Jitter::new(seed);
            (0..50).map(|_| jitter.spread(minute)).collect::<Vec<_>>()
        };
        let (one, two) = (row(1), row(2));
        assert!(one.iter().all(|wait| (54_000..=66_000).contains(&wait.as_millis())));
        assert_ne!(one, two);
        assert_eq!(one, row(1));
    }
}
