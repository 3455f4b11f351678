//! Names of credentials to user and secret; the one seam through which a secret comes in.
//!
//! Guarantees: nothing here keeps a secret longer than its owner, or shows it. Deliberately absent: where secrets lie.

use model::names::CredentialName;
use wsman::Secret;

/// Who we are somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The user name: `Administrator`, `CCE\Administrator`, `admin@cce.contoso.local`.
    pub user: String,
    /// The password.
    pub secret: Secret,
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
