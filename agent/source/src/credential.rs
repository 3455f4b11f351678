//! Who we are at a remote, and who it must be.
//!
//! Guarantees: a secret is asked for when the remote wants it, never kept, and shows itself as `***` (law 9).
//! Deliberately absent: where secrets lie; whoever implements [`Credentials`] knows.

use std::fmt;
use std::sync::Arc;

use crate::trust::Trust;

/// A secret's text. Cannot be displayed; its debug form is masked.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes the secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// How we prove who we are.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A name and a password or token, over https.
    Password {
        /// The account; many servers ignore it for tokens.
        user: String,
        /// The password or token.
        password: Secret,
    },
    /// A private key in OpenSSH or PEM form, over ssh.
    Key {
        /// The account, `git` at most servers.
        user: String,
        /// The private key's text.
        key: Secret,
        /// What the key is encrypted with.
        passphrase: Option<Secret>,
    },
    /// Whatever key the ssh agent of this machine offers.
    Agent {
        /// The account.
        user: String,
    },
}

impl Credential {
    pub(crate) fn user(&self) -> &str {
        match self {
            Self::Password { user, .. } | Self::Key { user, .. } | Self::Agent { user } => user,
        }
    }
}

impl fmt::Display for Credential {
    /// What is shown to a remote, without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password { user, .. } => write!(f, "the password of user `{user}`"),
            Self::Key { user, .. } => write!(f, "the key of user `{user}`"),
            Self::Agent { user } => write!(f, "the ssh agent's keys for user `{user}`"),
        }
    }
}

/// Which kind of proof the remote takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// A name and a password or token.
    Password,
    /// A key.
    Key,
}

/// What the remote asks for.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The repository's URL, without a password.
    pub url: &'a str,
    /// The account that the URL names.
    pub user: Option<&'a str>,
    /// The kinds of proof that it takes.
    pub kinds: &'a [CredentialKind],
}

/// There is no credential to give.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{says}")]
pub struct CredentialError {
    /// What is missing and where to put it; holds no secret.
    pub says: String,
}

/// Resolves the reference that the settings name to the secret itself.
pub trait Credentials: Send + Sync + fmt::Debug {
    /// The credential for what the remote asks.
    ///
    /// # Errors
    /// `CredentialError` when there is none.
    fn resolve(&self, ask: &Ask<'_>) -> Result<Credential, CredentialError>;
}

/// By what we and a remote know each other.
#[derive(Debug, Clone)]
pub struct Access {
    /// Who we are.
    pub credentials: Arc<dyn Credentials>,
    /// Who the remote must be.
    pub trust: Trust,
}

impl Access {
    /// Access to remotes that ask for nothing, known as the system knows them.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { credentials: Arc::new(NoCredentials), trust: Trust::default() }
    }
}

/// For remotes that ask for nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCredentials;

impl Credentials for NoCredentials {
    fn resolve(&self, _: &Ask<'_>) -> Result<Credential, CredentialError> {
        Err(CredentialError { says: "the remote asks for a credential and the settings name none for it".to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_shows_in_debug_output() {
        let credential = Credential::Key { user: "git".into(), key: Secret::new("PRIVATE"), passphrase: Some(Secret::new("hunter2")) };
        insta::assert_snapshot!(format!("{credential:?}"), @r#"Key { user: "git", key: ***, passphrase: Some(***) }"#);
    }
}
