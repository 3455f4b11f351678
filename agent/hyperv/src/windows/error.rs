//! Why a Windows was not read or changed, and what that asks for.
//!
//! Guarantees: a text names the act and its object and never repeats its source; every error has a disposition.

use model::condition::{Disposition, Reason};

use crate::peer::TalkError;
use crate::return_code::{Family, ReturnCode};

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum WindowsError {
    /// It could not be talked to.
    #[error(transparent)]
    Talk(#[from] TalkError),
    /// A method was refused.
    #[error("`{method}` for {object} was refused: {code}")]
    Refused {
        /// The method.
        method: &'static str,
        /// What it was called for.
        object: String,
        /// Its return value.
        code: ReturnCode,
    },
    /// A change was answered with success, and was not made.
    #[error("`{method}` for {object} was refused silently: it was answered with success and changed nothing")]
    RefusedSilently {
        /// The method.
        method: &'static str,
        /// What it was called for.
        object: String,
    },
    /// What answers this is not installed there.
    #[error("{0} is not there")]
    NotInstalled(&'static str),
    /// It takes longer than a request may, and goes on.
    #[error("{0} is still under way")]
    StillRunning(&'static str),
    /// What is to be changed is not there.
    #[error("{0} is not there")]
    Missing(String),
    /// It is there, and our account is not shown it.
    #[error("{0} is hidden from our account")]
    Hidden(&'static str),
    /// There is more than is read at once.
    #[error("{what} holds more than {most} at once")]
    TooMany {
        /// What was asked for.
        what: String,
        /// The most that is read.
        most: usize,
    },
}

impl WindowsError {
    /// What it asks for.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Talk(talk) => talk.disposition(),
            Self::Refused { code, .. } => code.disposition(),
            Self::RefusedSilently { .. } | Self::Hidden(_) => Disposition::Stall(Reason::AccessDenied),
            Self::NotInstalled(_) | Self::TooMany { .. } => Disposition::Stall(Reason::StepFailed),
            Self::StillRunning(_) => Disposition::Wait { until: None },
            // The next look tells what is there then.
            Self::Missing(_) => Disposition::Retry,
        }
    }

    /// The refusal of `method` for `object` with `value`.
    pub(crate) fn refused(method: &'static str, object: impl Into<String>, (family, value): (Family, u32)) -> Self {
        Self::Refused { method, object: object.into(), code: ReturnCode { family, value } }
    }

    /// `error`, unless it says that what answers this is not installed.
    pub(crate) fn or_not_installed(error: TalkError, what: &'static str) -> Self {
        if error.is_absent() { Self::NotInstalled(what) } else { Self::Talk(error) }
    }

    /// `error`, unless it says that the machine has no time left for what goes on.
    pub(crate) fn or_still_running(self, what: &'static str) -> Self {
        match self {
            Self::Talk(talk) if talk.timed_out() => Self::StillRunning(what),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_says_what_to_do_next() {
        let refused = |family, value| WindowsError::refused("Add", r"`C:\Trunkline`", (family, value)).disposition();
        assert_eq!(refused(Family::Defender, 0x8007_0005), Disposition::Stall(Reason::AccessDenied));
        assert_eq!(refused(Family::Update, 0x8024_0016), Disposition::Retry);
        assert_eq!(WindowsError::StillRunning("a scan for updates").disposition(), Disposition::Wait { until: None });
        assert_eq!(WindowsError::Hidden("the list of exclusions").disposition(), Disposition::Stall(Reason::AccessDenied));
    }

    #[test]
    fn a_refusal_by_windows_update_shows_its_number_as_people_look_it_up() {
        let error = WindowsError::refused("InstallUpdates", "KB5034129", (Family::Update, 0x8024_0022));
        insta::assert_snapshot!(error, @"`InstallUpdates` for KB5034129 was refused: none of the updates could be installed (0x80240022)");
    }
}
