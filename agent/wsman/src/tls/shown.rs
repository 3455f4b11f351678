//! The certificate that a host shows, for a person to compare.
//!
//! Guarantees: nothing is ever sent over such a connection: the handshake is broken off once the certificate is known.
//! Deliberately absent: any judgement of it.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::ClientConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::verify::{Rule, Verifier};
use crate::connect::Stream;

/// The certificate (DER) that the host named `host` shows at the other end of `stream`.
///
/// # Errors
/// The other end shows none: it does not speak TLS, or not ours.
pub async fn shown(host: &str, stream: Box<dyn Stream>) -> io::Result<Vec<u8>> {
    let provider = Arc::new(default_provider());
    let seen = Arc::new(OnceLock::new());
    let verifier = Verifier { rule: Rule::Look(Arc::clone(&seen)), provider: Arc::clone(&provider) };
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(io::Error::other)?;
    let config = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let ended = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    match (seen.get(), ended) {
        (Some(certificate), _) => Ok(certificate.clone()),
        (None, Err(error)) => Err(error),
        (None, Ok(_)) => Err(io::Error::new(io::ErrorKind::InvalidData, "it showed no certificate")),
    }
}
