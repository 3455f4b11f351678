//! The TLS side of each machine's listener.
//!
//! Guarantees: a machine shows the certificate that its state holds at the time of the handshake; it asks for a client's certificate
//! only where the service takes one; configurations are built once for each certificate.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::NoClientAuth;
use rustls::server::danger::ClientCertVerifier;
use tokio_rustls::TlsAcceptor;

use super::mutual::AnyCertificate;
use crate::world::ListenerIdentity;

/// Whether a listener asks its clients for certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ClientAuth {
    /// No client certificate is asked for.
    Off,
    /// Who has a certificate may show it.
    Asked,
}

/// Configurations by thumbprint. As many as there are machines, and a renewed certificate adds one.
#[derive(Debug, Default)]
pub(crate) struct Tls(Mutex<HashMap<(String, ClientAuth), Arc<rustls::ServerConfig>>>);

impl Tls {
    /// What accepts a handshake as `identity`.
    ///
    /// # Errors
    /// The certificate and the key do not belong together, or are none.
    pub(crate) fn acceptor(&self, identity: &ListenerIdentity, client: ClientAuth) -> Result<TlsAcceptor, rustls::Error> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (identity.thumbprint.clone(), client);
        if let Some(config) = known.get(&key) {
            return Ok(TlsAcceptor::from(Arc::clone(config)));
        }
        let config = Arc::new(config(identity, client)?);
        known.insert(key, Arc::clone(&config));
        Ok(TlsAcceptor::from(config))
    }
}

fn config(identity: &ListenerIdentity, client: ClientAuth) -> Result<rustls::ServerConfig, rustls::Error> {
    let chain = vec![CertificateDer::from(identity.certificate.clone())];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.clone()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier: Arc<dyn ClientCertVerifier> = match client {
        ClientAuth::Off => Arc::new(NoClientAuth),
        ClientAuth::Asked => Arc::new(AnyCertificate::new(&provider)),
    };
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
}
