//! Wall-clock time, behind one trait so that a scenario can drive it.
//!
//! Durations are tokio's and never come from here. Deliberately absent: a global clock.

use std::sync::Arc;

/// Tells the wall time. Made once, in the command line or in a test, and handed to whoever needs it.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The present instant, UTC.
    fn now(&self) -> jiff::Timestamp;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one home of wall time")]
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }
}

/// A clock that moves with tokio's time: it stands still, and jumps, when a paused runtime does.
#[derive(Debug, Clone, Copy)]
pub struct TokioClock {
    epoch: jiff::Timestamp,
    started: tokio::time::Instant,
}

impl TokioClock {
    /// Starts at `epoch`, at the present instant of the runtime that this is called in.
    #[must_use]
    pub fn starting_at(epoch: jiff::Timestamp) -> Self {
        Self { epoch, started: tokio::time::Instant::now() }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> jiff::Timestamp {
        let passed = jiff::SignedDuration::try_from(self.started.elapsed()).unwrap_or(jiff::SignedDuration::MAX);
        self.epoch.saturating_add(passed).unwrap_or(jiff::Timestamp::MAX)
    }
}

/// A clock that several owners hold.
pub type SharedClock = Arc<dyn Clock>;
