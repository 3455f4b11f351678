//! How much a policy may do.

use std::num::NonZeroU32;
use std::time::Duration;

use regorus::utils::limits::ExecutionTimerConfig;

/// How much one rule of one policy may do for one appliance.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Instructions of the register machine. The shipped rules need some hundreds.
    pub instructions: usize,
    /// A backstop for builtins that do much in one instruction.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { instructions: 2_000_000, time: Duration::from_secs(2) }
    }
}

/// Work units between two looks at the time.
const LOOK_EVERY: u32 = 1000;

impl Limits {
    pub(crate) fn timer(self) -> ExecutionTimerConfig {
        ExecutionTimerConfig { limit: self.time, check_interval: NonZeroU32::new(LOOK_EVERY).unwrap_or(NonZeroU32::MIN) }
    }
}
