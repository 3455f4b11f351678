//! A client certificate: TLS shows who we are, and each request says that it did.
//!
//! Guarantees: the key is in no `Debug` text. Deliberately absent: PFX; `openssl pkcs12 -nodes` makes PEM of it.
//! A host maps the certificate to a local account. Its listener must ask for it when TLS begins, since neither TLS 1.3 nor our library
//! lets it ask later (agent/README.md).

use std::fmt;
use std::sync::Arc;

use hyper::header::HeaderValue;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{AuthError, Authenticate, Offers, Peer, Session};
use crate::connect::Scheme;

/// The profile that says that TLS has authenticated the client (DSP0226, C.3).
const MUTUAL: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual";

/// A certificate with its chain and its key.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: Arc<PrivateKeyDer<'static>>,
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentity").field("chain", &self.chain.len()).finish_non_exhaustive()
    }
}

/// PEM text that holds no certificate with its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// No certificate.
    #[error("there is no PEM certificate in it")]
    Certificate,
    /// No key.
    #[error("there is no PEM private key without passphrase in it")]
    Key,
}

impl ClientIdentity {
    /// Reads the certificate (first, then its chain) and its key, which may stand in one text.
    ///
    /// # Errors
    /// One of them is missing or unreadable.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or(IdentityError::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| IdentityError::Key)?;
        Ok(Self { chain, key: Arc::new(key) })
    }
}

/// See the module.
#[derive(Debug, Clone)]
pub struct ClientCertificate(pub ClientIdentity);

impl Authenticate for ClientCertificate {
    fn session(&self, peer: Peer<'_>) -> Result<Box<dyn Session>, AuthError> {
        match peer.endpoint.scheme {
            Scheme::Https => Ok(Box::new(ByTls)),
            Scheme::Http => Err(AuthError::NeedsTls { endpoint: peer.endpoint.to_string() }),
        }
    }

    fn identity(&self) -> Option<&ClientIdentity> {
        Some(&self.0)
    }
}

struct ByTls;

impl Session for ByTls {
    fn authorization(&self) -> Option<HeaderValue> {
        Some(HeaderValue::from_static(MUTUAL))
    }

    fn refused(&self, _offers: &Offers) -> AuthError {
        AuthError::CertificateRefused
    }
}
