//! The TLS side of each machine's listener.
//!
//! Guarantees: a machine shows the certificate that its state holds at the time of the handshake; configurations are built once for
//! each certificate.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use crate::world::ListenerIdentity;

/// Configurations by thumbprint. As many as there are machines, and a renewed certificate adds one.
#[derive(Debug, Default)]
pub(crate) struct Tls(Mutex<HashMap<String, Arc<rustls::ServerConfig>>>);

impl Tls {
    /// What accepts a handshake as `identity`.
    ///
    /// # Errors
    /// The certificate and the key do not belong together, or are none.
    pub(crate) fn acceptor(&self, identity: &ListenerIdentity) -> Result<TlsAcceptor, rustls::Error> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = known.get(&identity.thumbprint) {
            return Ok(TlsAcceptor::from(Arc::clone(config)));
        }
        let chain = vec![CertificateDer::from(identity.certificate.clone())];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.clone()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        let config = Arc::new(config);
        known.insert(identity.thumbprint.clone(), Arc::clone(&config));
        Ok(TlsAcceptor::from(config))
    }
}
