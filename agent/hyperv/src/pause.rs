//! Waiting between two looks: short at first, longer as it lasts.
//!
//! Durations are tokio's. Deliberately absent: giving up; the engine ends a step by its timeout.

use std::time::Duration;

/// A pause that grows by half each time, up to its longest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pause {
    next: Duration,
    longest: Duration,
}

impl Pause {
    /// From the shortest to the longest.
    pub(crate) const fn between(shortest: Duration, longest: Duration) -> Self {
        Self { next: shortest, longest }
    }

    /// For looking at a state that changes in seconds.
    pub(crate) const fn for_state() -> Self {
        Self::between(Duration::from_millis(250), Duration::from_secs(5))
    }

    /// Waits.
    pub(crate) async fn sleep(&mut self) {
        tokio::time::sleep(self.next).await;
        self.next = (self.next * 3 / 2).min(self.longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_grows_to_its_longest() {
        let started = tokio::time::Instant::now();
        let mut pause = Pause::between(Duration::from_secs(2), Duration::from_secs(4));
        for _ in 0..3 {
            pause.sleep().await;
        }
        assert_eq!(started.elapsed(), Duration::from_secs(2 + 3 + 4));
    }
}
