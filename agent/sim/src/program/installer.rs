//! What installers of every kind share: a package that goes in or out, and the restart that may follow.
//!
//! Guarantees: a restart that a package needs is asked for under the installer's own name, and happens where the installer was allowed it.
//! Deliberately absent: what a package brings, and the codes that only one installer has.

use serde::{Deserialize, Serialize};

use super::Call;
use crate::windows::software::RestartCause;
use crate::world::outside::{Package, RestartNeed};

/// Done, and a restart is due: every installer's code for it.
pub(super) const RESTART_REQUIRED: u32 = 3010;

/// Whether the installer may restart the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Restarts {
    Never,
    WhenNeeded,
    Always,
}

/// What becomes of a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restart {
    /// There is none.
    Spared,
    /// It is due, and somebody else's business.
    Due,
    /// The installer sees to it.
    Begun,
}

/// An installation or a removal under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Installation {
    pub(super) package: Box<Package>,
    pub(super) removes: bool,
    pub(super) restarts: Restarts,
}

impl Installation {
    /// What becomes of a restart now that it is done; one that the package needs is noted as asked for by `cause`.
    pub(super) fn settle(&self, call: &mut Call<'_, '_>, cause: RestartCause) -> Option<Restart> {
        let needed = self.package.restart == RestartNeed::Needed;
        if needed {
            call.windows()?.software.ask_for_restart(cause);
        }
        Some(match (self.restarts, needed) {
            (Restarts::Always, _) | (Restarts::WhenNeeded, true) => Restart::Begun,
            (Restarts::Never, true) => Restart::Due,
            (Restarts::Never | Restarts::WhenNeeded, false) => Restart::Spared,
        })
    }
}
