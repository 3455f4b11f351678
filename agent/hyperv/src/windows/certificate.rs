//! Certificates of the machine's stores, read and written as the registry keeps them: no shell is needed.
//!
//! Guarantees: a thumbprint is computed from the certificate, never believed; one blob that cannot be read does not hide the others.
//! Deliberately absent: private keys, which are never read here (only whether there is one), and enrolment, which needs a shell.

pub mod blob;
pub mod facts;

use super::registry::{Data, Registry};
use super::{Windows, WindowsError};
use crate::peer::TalkError;

pub use blob::{Blob, BlobError};
pub use facts::{Facts, FactsError, Usage};

const STORES: &str = r"SOFTWARE\Microsoft\SystemCertificates";
const VALUE: &str = "Blob";

/// A store of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Store {
    /// The machine's own certificates.
    My,
    /// Authorities that are trusted.
    Root,
    /// Authorities between those and others.
    Ca,
}

impl Store {
    /// As the registry calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::My => "MY",
            Self::Root => "ROOT",
            Self::Ca => "CA",
        }
    }

    fn key(self) -> String {
        format!(r"{STORES}\{}\Certificates", self.name())
    }

    fn key_of(self, thumbprint: &str) -> String {
        format!(r"{}\{thumbprint}", self.key())
    }
}

/// A certificate in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// SHA-1 over it, upper-case hexadecimal digits.
    pub thumbprint: String,
    /// What people call it.
    pub friendly_name: Option<String>,
    /// Whether the machine has a private key for it.
    pub has_key: bool,
    /// What it says.
    pub facts: Facts,
}

/// An entry of a store that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableCertificate {
    /// The registry's blob does not add up.
    #[error("the blob of certificate `{key}` cannot be read")]
    Blob {
        /// The name of its key.
        key: String,
        /// Why.
        #[source]
        source: BlobError,
    },
    /// What stands in the blob is no certificate.
    #[error("certificate `{key}` cannot be read")]
    Certificate {
        /// The name of its key.
        key: String,
        /// Why.
        #[source]
        source: FactsError,
    },
    /// The key bears another certificate's name.
    #[error("under the name `{key}` stands certificate {thumbprint}")]
    Misnamed {
        /// The name of its key.
        key: String,
        /// The thumbprint of what stands there.
        thumbprint: String,
    },
}

/// The machine's certificate stores.
#[derive(Debug, Clone, Copy)]
pub struct Certificates<'w> {
    registry: Registry<'w>,
}

impl Windows {
    /// Its certificate stores.
    #[must_use]
    pub fn certificates(&self) -> Certificates<'_> {
        Certificates { registry: self.registry() }
    }
}

impl Certificates<'_> {
    /// The thumbprints in `store`: one request, however many there are.
    ///
    /// # Errors
    /// `TalkError`.
    pub async fn thumbprints(&self, store: Store) -> Result<Vec<String>, TalkError> {
        Ok(self.registry.keys(&store.key()).await?.unwrap_or_default())
    }

    /// The certificate called `thumbprint`; `None` when the store has none.
    ///
    /// # Errors
    /// `TalkError`.
    pub async fn get(&self, store: Store, thumbprint: &str) -> Result<Option<Result<Stored, UnreadableCertificate>>, TalkError> {
        let blob = self.registry.binary(&store.key_of(thumbprint), VALUE).await?;
        Ok(blob.map(|blob| read(thumbprint, &blob)))
    }

    /// Everything in `store`, one request for each.
    ///
    /// # Errors
    /// `TalkError`.
    pub async fn inventory(&self, store: Store) -> Result<Vec<Result<Stored, UnreadableCertificate>>, TalkError> {
        let mut found = Vec::new();
        for thumbprint in self.thumbprints(store).await? {
            // One that went away meanwhile is none.
            found.extend(self.get(store, &thumbprint).await?);
        }
        Ok(found)
    }

    /// Puts a certificate without a private key into `store`; one that is there gets its properties. Tells the thumbprint.
    ///
    /// # Errors
    /// `Refused` by the registry; `RefusedSilently` when it is not there afterwards.
    pub async fn add(&self, store: Store, blob: &Blob) -> Result<String, WindowsError> {
        let thumbprint = blob.thumbprint();
        let key = store.key_of(&thumbprint);
        self.registry.create_key(&key).await?;
        self.registry.set(&key, VALUE, &Data::Binary(blob.to_bytes())).await?;
        match self.get(store, &thumbprint).await? {
            Some(Ok(_)) => Ok(thumbprint),
            _ => Err(WindowsError::RefusedSilently { method: "SetBinaryValue", object: format!("certificate {thumbprint}") }),
        }
    }

    /// Removes a certificate from `store`; `false` when it was not there. A private key stays in its container.
    ///
    /// # Errors
    /// `Refused` by the registry.
    pub async fn remove(&self, store: Store, thumbprint: &str) -> Result<bool, WindowsError> {
        self.registry.delete_key(&store.key_of(thumbprint)).await
    }

    /// Gives a certificate that is there another friendly name.
    ///
    /// # Errors
    /// `Missing` when there is none that can be read; `Refused` by the registry.
    pub async fn rename(&self, store: Store, thumbprint: &str, friendly_name: &str) -> Result<(), WindowsError> {
        let missing = || WindowsError::Missing(format!("certificate {thumbprint} in store {}", store.name()));
        let key = store.key_of(thumbprint);
        let bytes = self.registry.binary(&key, VALUE).await?.ok_or_else(missing)?;
        let blob = Blob::parse(&bytes).map_err(|_| missing())?.with_friendly_name(friendly_name);
        self.registry.set(&key, VALUE, &Data::Binary(blob.to_bytes())).await
    }
}

fn read(key: &str, bytes: &[u8]) -> Result<Stored, UnreadableCertificate> {
    let blob = Blob::parse(bytes).map_err(|source| UnreadableCertificate::Blob { key: key.to_owned(), source })?;
    let thumbprint = blob.thumbprint();
    if !thumbprint.eq_ignore_ascii_case(key) {
        return Err(UnreadableCertificate::Misnamed { key: key.to_owned(), thumbprint });
    }
    let facts = Facts::read(blob.certificate()).map_err(|source| UnreadableCertificate::Certificate { key: key.to_owned(), source })?;
    Ok(Stored { thumbprint, friendly_name: blob.friendly_name(), has_key: blob.has_key(), facts })
}
