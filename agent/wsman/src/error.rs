//! What can go wrong between a request and its answer.
//!
//! Guarantees: every error says whether the host may have carried the request out, and what a caller should do next.

use crate::auth::AuthError;
use crate::check::CheckError;
use crate::fault::{Fault, FaultKind};
use crate::http::BoxError;
use crate::xml::XmlError;

/// What an error asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Try again, later each time.
    Retry,
    /// Wait until the host has what it lacks now: quota, readiness.
    Wait,
    /// Nothing helps but a change of what is asked, or of the host.
    Stall,
}

/// A request that was not answered as wished. `act` is the action's last word: `Enumerate`, `Get`, `DefineSystem`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request contradicts the class table; nothing was sent.
    #[error("`{act}` was not sent to `{endpoint}`: it is wrong")]
    Refused {
        /// The host.
        endpoint: String,
        /// What was asked.
        act: String,
        /// Why.
        #[source]
        source: Box<CheckError>,
    },
    /// No connection; nothing was sent.
    #[error("`{act}` was not sent: `{endpoint}` cannot be reached")]
    Unreachable {
        /// The host.
        endpoint: String,
        /// What was asked.
        act: String,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// TLS failed; nothing was sent.
    #[error("`{act}` was not sent: `{endpoint}` did not prove who it is")]
    Untrusted {
        /// The host.
        endpoint: String,
        /// What was asked.
        act: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Authentication was not begun or failed; nothing was carried out.
    #[error("`{act}` was not carried out: {}", if source.is_ours() {
        format!("there is no way to log on to `{endpoint}`")
    } else {
        format!("`{endpoint}` does not let us in")
    })]
    Unauthorized {
        /// The host.
        endpoint: String,
        /// What was asked.
        act: String,
        /// Why.
        #[source]
        source: AuthError,
    },
    /// An answer that came without the seal that it must have, or with a broken one.
    #[error("`{act}` may have been carried out: what `{endpoint}` answered cannot be believed")]
    Unsealed {
        /// The host.
        endpoint: String,
        /// What was asked.
        act: String,
        /// What is wrong with it.
        #[source]
        source: AuthError,
    },
    /// The request went out, or may have, and no answer came.
    #[error("`{act}` may have been carried out: `{endpoint}` gave no answer")]
    NoAnswer {
        /// The host.
        endpoint: String,
        /// What was asked.
        act: String,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// The host refused.
    #[error("`{endpoint}` refused `{act}`")]
    Fault {
        /// The host.
        endpoint: String,
        /// What was asked.
        act: String,
        /// What it said.
        #[source]
        fault: Box<Fault>,
    },
    /// A method of Windows itself, called here for what it does, said that it did not.
    #[error("`{method}` on `{endpoint}` returned {code}: {meaning}")]
    Returned {
        /// The host.
        endpoint: String,
        /// The method.
        method: &'static str,
        /// Its return value.
        code: u32,
        /// What that means.
        meaning: &'static str,
    },
    /// An HTTP status without an envelope.
    #[error("`{endpoint}` answered `{act}` with HTTP status {status}: {meaning}")]
    Status {
        /// The host.
        endpoint: String,
        /// What was asked.
        act: String,
        /// The status.
        status: u16,
        /// What that means on this service.
        meaning: &'static str,
    },
    /// An answer that is longer than is read.
    #[error("`{endpoint}` answered `{act}` with more than {limit} octets")]
    AnswerTooLong {
        /// The host.
        endpoint: String,
        /// What was asked.
        act: String,
        /// Octets that are read.
        limit: usize,
    },
    /// An answer that is no envelope, or not one to this request.
    #[error("`{endpoint}` answered `{act}` with something that is no answer to it")]
    BadAnswer {
        /// The host.
        endpoint: String,
        /// What was asked.
        act: String,
        /// What is wrong with it.
        #[source]
        source: XmlError,
    },
}

impl Error {
    /// Whether the host may have carried the request out although it is an error here: look before repeating it.
    #[must_use]
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Self::NoAnswer { .. } | Self::AnswerTooLong { .. } | Self::BadAnswer { .. } | Self::Unsealed { .. } => true,
            // An answer that was too large was an answer: whatever was asked for is done.
            Self::Fault { fault, .. } => fault.kind() == FaultKind::TimedOut || fault.is_answer_too_large(),
            Self::Status { status, .. } => *status >= 500,
            Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::Untrusted { .. }
            | Self::Unauthorized { .. }
            | Self::Returned { .. } => false,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Unreachable { .. } | Self::NoAnswer { .. } => Disposition::Retry,
            Self::Fault { fault, .. } => of_fault(fault.kind()),
            Self::Status { status, .. } if *status >= 500 => Disposition::Retry,
            Self::Refused { .. }
            | Self::Returned { .. }
            | Self::Untrusted { .. }
            | Self::Unauthorized { .. }
            | Self::Unsealed { .. }
            | Self::Status { .. }
            | Self::AnswerTooLong { .. }
            | Self::BadAnswer { .. } => Disposition::Stall,
        }
    }

    /// The fault, when the host said one.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Fault { fault, .. } => Some(fault),
            _ => None,
        }
    }

    /// Whether the host said that there is no such instance.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.fault().is_some_and(|fault| fault.kind() == FaultKind::NotFound)
    }
}

fn of_fault(kind: FaultKind) -> Disposition {
    match kind {
        FaultKind::Unavailable => Disposition::Wait,
        // A quota is freed by time: enumerations and shells of others, or of a run of ours that was killed, end by themselves.
        FaultKind::QuotaLimit
        | FaultKind::Concurrency
        | FaultKind::Subscription
        | FaultKind::TimedOut
        | FaultKind::Failed
        | FaultKind::InvalidEnumerationContext
        | FaultKind::NotFound
        | FaultKind::Other => Disposition::Retry,
        FaultKind::AccessDenied
        | FaultKind::ActionNotSupported
        | FaultKind::InvalidResource
        | FaultKind::InvalidNamespace
        | FaultKind::InvalidClass
        | FaultKind::InvalidQuery
        | FaultKind::InvalidSelectors
        | FaultKind::InvalidParameter
        | FaultKind::InvalidHeader
        | FaultKind::UnsupportedFeature
        | FaultKind::TooLarge
        | FaultKind::InvalidBookmark
        | FaultKind::AlreadyExists => Disposition::Stall,
    }
}
