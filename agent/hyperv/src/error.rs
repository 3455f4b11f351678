//! Why a host could not be observed, and what that asks for.
//!
//! Guarantees: a text names the act and its object and never repeats its source; every error has a disposition.

use std::time::Duration;

use model::condition::{Disposition, Reason};
use model::names::{ApplianceName, CredentialName};
use model::seen::Cause;

use crate::credential::CredentialError;
use crate::peer::TalkError;

/// An appliance could not be observed. What only part of an observation lacks is `Seen::Unknown` there, not this.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// The host cannot be talked to, or what every observation needs could not be read.
    #[error("the host of `{appliance}` could not be observed")]
    Host {
        /// Whose host.
        appliance: ApplianceName,
        /// Why.
        #[source]
        source: TalkError,
    },
    /// There are VMs that are not ours, and whether they are in our way could not be seen.
    #[error("whether other VMs on the host of `{appliance}` use what is ours could not be seen: {cause}")]
    OthersUnseen {
        /// Whose host.
        appliance: ApplianceName,
        /// Why not.
        cause: Cause,
    },
}

impl ObserveError {
    /// What it asks for.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Host { source, .. } => source.disposition(),
            Self::OthersUnseen { .. } => Disposition::Retry,
        }
    }

    /// For how long the host is not asked again, as it refused this very password.
    #[must_use]
    pub fn rest(&self) -> Option<Duration> {
        match self {
            Self::Host { source, .. } => source.rest(),
            Self::OthersUnseen { .. } => None,
        }
    }

    /// The reason that a condition shows for it.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Host { source: TalkError::Unreachable { .. }, .. } => Reason::HostUnreachable,
            Self::Host { source: TalkError::Refused { .. }, .. } => Reason::AccessDenied,
            Self::Host { .. } | Self::OthersUnseen { .. } => Reason::NotSeen,
        }
    }
}

/// A host cannot be connected to: what the settings say is not enough.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The credential is unknown or cannot be read.
    #[error("credential `{name}` could not be resolved")]
    Credential {
        /// Its name.
        name: CredentialName,
        /// Why.
        #[source]
        source: CredentialError,
    },
    /// What the wish says of the endpoint does not make one.
    #[error("`{address}` is no endpoint that can be connected to")]
    Endpoint {
        /// The address and port.
        address: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ConnectError {
    /// What it asks for: a person.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Credential { .. } => Disposition::Stall(Reason::AccessDenied),
            Self::Endpoint { .. } => Disposition::Stall(Reason::InvalidManifest),
        }
    }
}
