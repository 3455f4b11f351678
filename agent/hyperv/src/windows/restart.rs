//! When a machine started, and having it restart.
//!
//! Guarantees: a restart is proved by another boot time, never by a lost connection. Deliberately absent: waiting for it.

use jiff::Timestamp;

use super::{Windows, WindowsError};
use crate::classes;
use crate::observe::guest;
use crate::peer::TalkError;
use crate::return_code::Family;
use crate::wql::Query;

/// `Win32Shutdown` flags: restart (2), without waiting for programs (4).
const FORCED_RESTART: u32 = 6;
/// A shutdown is under way already.
const SHUTDOWN_UNDER_WAY: u32 = 1115;

/// A boot that is to be followed by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boot {
    /// When it was, by the machine's own clock.
    pub at: Timestamp,
}

impl Windows {
    /// Its present boot.
    ///
    /// # Errors
    /// `Talk`.
    pub async fn boot(&self) -> Result<Boot, WindowsError> {
        Ok(Boot { at: guest::booted_at(self.peer()).await? })
    }

    /// Orders a restart, unless `seen` is no longer the present boot: then it has restarted already.
    ///
    /// # Errors
    /// `Refused`: 5 or 1314 when our account may not.
    pub async fn restart(&self, seen: Boot) -> Result<(), WindowsError> {
        const METHOD: &str = "Win32Shutdown";
        if self.boot().await? != seen {
            return Ok(());
        }
        let system = self.peer().objects(&Query::windows(classes::OPERATING_SYSTEM)).await?.into_iter().next();
        let system = system.ok_or_else(|| WindowsError::Missing(format!("the {}", classes::OPERATING_SYSTEM)))?;
        match self.peer().invoke(&system.path, METHOD, &[("Flags", FORCED_RESTART.into()), ("Reserved", 0_u32.into())]).await {
            Ok(answer) if matches!(answer.value, 0 | SHUTDOWN_UNDER_WAY) => Ok(()),
            Ok(answer) => Err(WindowsError::refused(METHOD, "the machine", (Family::Windows, answer.value))),
            // It may go down before it has answered; the next boot time tells.
            Err(TalkError::Unreachable { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
