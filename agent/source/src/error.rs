//! Why an origin could not be read.
//!
//! Guarantees: each names the act and the object; `Display` does not print its source; none holds a secret.

use std::path::PathBuf;
use std::time::Duration;

use model::condition::{Disposition, Reason};

use crate::credential::CredentialError;
use crate::trust::Doubt;

/// Why an origin could not be read. What was read before stays in force.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The repository on this machine cannot be opened.
    #[error("cannot open the repository `{}`", path.display())]
    Open {
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        source: git2::Error,
    },
    /// git does not trust repositories of other accounts.
    #[error("the repository `{}` belongs to another account; run the agent as that account, or add `safe.directory` to its git configuration", path.display())]
    NotOurs {
        /// Where it is.
        path: PathBuf,
        /// What git says.
        source: git2::Error,
    },
    /// Nothing that the agent can work with comes from the remote.
    #[error("cannot fetch `{url}`")]
    Fetch {
        /// From where.
        url: String,
        /// Why not.
        source: git2::Error,
    },
    /// The remote does not answer in time.
    #[error("`{url}` did not finish answering within {after:?}")]
    TimedOut {
        /// The remote.
        url: String,
        /// How long we waited.
        after: Duration,
    },
    /// The agent is being stopped, or a later fetch has succeeded.
    #[error("fetching `{url}` was interrupted since nobody waits for it any more")]
    Interrupted {
        /// The remote.
        url: String,
    },
    /// Others moved the mirror each time while the remote was asked.
    #[error("others fetched `{url}` each time before we were done")]
    Overtaken {
        /// The remote.
        url: String,
    },
    /// Our own copy of a remote cannot be written; it is made anew.
    #[error("cannot {act} in the mirror `{}`, which will be fetched anew", path.display())]
    Mirror {
        /// What was tried.
        act: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: git2::Error,
    },
    /// The remote sends more than a desired state can need.
    #[error("`{url}` sends more than {limit_mib} MiB; that is no desired state")]
    TooLarge {
        /// The remote.
        url: String,
        /// The limit.
        limit_mib: u64,
    },
    /// The remote does not believe who we are.
    #[error("`{url}` refuses {proof}; correct the credential `source`")]
    Refused {
        /// The remote.
        url: String,
        /// What it was shown, without the secret.
        proof: String,
        /// What it says, if anything.
        source: Option<git2::Error>,
    },
    /// Our own key cannot be used.
    #[error("{proof} in the credential `source` cannot be read: a wrong passphrase, or no key of a known form")]
    UnusableKey {
        /// The remote.
        url: String,
        /// Which key.
        proof: String,
        /// Why not.
        source: git2::Error,
    },
    /// There is no such repository, or it is hidden from us; a server does not tell which.
    #[error("there is no repository `{url}`, or none that we may read")]
    Hidden {
        /// Where it should be.
        url: String,
        /// What the server says.
        source: git2::Error,
    },
    /// We cannot say who we are.
    #[error("no credential for `{url}`")]
    Credential {
        /// The remote.
        url: String,
        /// What is missing.
        source: CredentialError,
    },
    /// We do not believe who the remote is.
    #[error("`{url}` does not prove who it is")]
    NotProven {
        /// The remote.
        url: String,
        /// What is wrong.
        source: Doubt,
    },
    /// There is no commit yet.
    #[error("`{origin}` has no commit yet")]
    Empty {
        /// The repository.
        origin: String,
    },
    /// The branch or tag is not there.
    #[error("`{origin}` has no branch or tag `{reference}`")]
    NoReference {
        /// The repository.
        origin: String,
        /// The name.
        reference: String,
    },
    /// The text names no commit.
    #[error("`{rev}` names no commit of `{origin}`")]
    NoRevision {
        /// The repository.
        origin: String,
        /// What was asked for.
        rev: String,
        /// What git says.
        source: git2::Error,
    },
    /// The directory that is to be read is not there.
    #[error("`{revision}` has no directory `{path}`")]
    NoPath {
        /// The revision.
        revision: String,
        /// The directory.
        path: String,
    },
    /// An object is missing or damaged.
    #[error("cannot read the object {object} of `{origin}`")]
    Object {
        /// The repository.
        origin: String,
        /// The object's id, or what it should have been.
        object: String,
        /// Why not.
        source: git2::Error,
    },
    /// The state directory fails us.
    #[error("cannot {act} `{}` in the state directory", path.display())]
    State {
        /// What was tried.
        act: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A plain directory cannot be read.
    #[error("cannot read `{}`", path.display())]
    Directory {
        /// What.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A remote needs a state directory to be fetched into.
    #[error("`{url}` must be fetched first, and no state directory was given")]
    NoState {
        /// The remote.
        url: String,
    },
    /// A repository of our own making cannot be made.
    #[error("cannot {act} in `{}`", path.display())]
    Scratch {
        /// What was tried.
        act: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: git2::Error,
    },
    /// The thread that read it died; a new one starts afresh.
    #[error("the reader of `{origin}` ended unexpectedly")]
    Ended {
        /// The repository.
        origin: String,
        /// How.
        source: tokio::task::JoinError,
    },
}

impl SourceError {
    /// What it asks for. All of them are tried again; what a person must mend is only tried less often.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Open { .. }
            | Self::Fetch { .. }
            | Self::TimedOut { .. }
            | Self::Interrupted { .. }
            | Self::Overtaken { .. }
            | Self::Mirror { .. }
            | Self::Object { .. }
            | Self::State { .. }
            | Self::Directory { .. }
            | Self::Scratch { .. }
            | Self::Ended { .. } => Disposition::Retry,
            Self::Empty { .. } | Self::NoReference { .. } | Self::NoPath { .. } => Disposition::Wait { until: None },
            Self::NotOurs { .. }
            | Self::TooLarge { .. }
            | Self::Refused { .. }
            | Self::UnusableKey { .. }
            | Self::Hidden { .. }
            | Self::Credential { .. }
            | Self::NotProven { .. }
            | Self::NoRevision { .. }
            | Self::NoState { .. } => Disposition::Stall(Reason::SourceUnavailable),
        }
    }
}
