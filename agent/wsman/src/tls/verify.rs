//! A certificate judged by itself, without any authority.
//!
//! Guarantees: whoever is accepted has also proved, in the handshake, that the key is its own; nobody is accepted by
//! [`Rule::Look`]. Deliberately absent: names and dates, which a certificate that is known by its fingerprint need not have right.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};

use super::Fingerprint;

/// By what a certificate is judged.
#[derive(Debug)]
pub(super) enum Rule {
    /// It is this one.
    Pin(Fingerprint),
    /// It is kept and refused, so that nothing is ever sent to whoever showed it.
    Look(Arc<OnceLock<Vec<u8>>>),
}

impl Rule {
    fn accepts(&self, certificate: &[u8]) -> bool {
        match self {
            Self::Pin(pin) => pin.matches(certificate),
            Self::Look(seen) => {
                // The first one stands; a handshake shows no second.
                let _ = seen.set(certificate.to_vec());
                false
            }
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) rule: Rule,
    pub(super) provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.rule.accepts(certificate) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
