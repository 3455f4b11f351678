//! Names of credentials to user and secret; the one seam through which a secret comes in.
//!
//! Guarantees: nothing here keeps a secret longer than its owner, or shows it. Deliberately absent: where secrets lie.

use model::names::CredentialName;
use wsman::Secret;
use wsman::auth::ClientIdentity;

/// Who we are somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The user name: `Administrator`, `CCE\Administrator`, `admin@cce.contoso.local`.
    pub user: String,
    /// The password.
    pub secret: Secret,
    /// The certificate that stands for the user where certificates are asked for.
    pub certificate: Option<ClientIdentity>,
    /// Who gives tickets where Kerberos is asked for, with a port if it is not 88; `None`: the realm's own DNS name.
    pub domain_controller: Option<String>,
}

impl Credential {
    /// A user with a password.
    #[must_use]
    pub fn new(user: impl Into<String>, secret: Secret) -> Self {
        Self { user: user.into(), secret, certificate: None, domain_controller: None }
    }
}

/// A credential cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Nobody knows the name.
    #[error("nothing of that name is set")]
    Unknown,
    /// It is known, but its value cannot be read.
    #[error("its value cannot be read: {0}")]
    Unreadable(String),
}

/// Resolves names of credentials.
pub trait Credentials: Send + Sync + std::fmt::Debug {
    /// The credential of that name, as it is at this moment.
    ///
    /// # Errors
    /// `CredentialError` when there is none, or its value cannot be read.
    fn resolve(&self, name: &CredentialName) -> Result<Credential, CredentialError>;
}
