//! A certificate judged by itself, without any authority.
//!
//! Guarantees: whoever is accepted has also proved, in the handshake, that the key is its own; nobody is accepted by
//! [`Rule::Look`]. Deliberately absent: names and dates, which a certificate that is known by its fingerprint need not have right.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, SignatureScheme};

use super::Fingerprint;

/// A host that showed another certificate than the one that it is known by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("its certificate has the fingerprint {shown}, expected is {expected}")]
pub struct AnotherCertificate {
    /// What was shown, by the same hash as what is expected.
    pub shown: Fingerprint,
    /// What the host is known by.
    pub expected: Fingerprint,
}

impl AnotherCertificate {
    /// The refusal behind an error of the library, when it is this one.
    pub(super) fn behind(error: &std::io::Error) -> Option<Self> {
        match error.get_ref()?.downcast_ref::<rustls::Error>()? {
            rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other))) => other.downcast_ref::<Self>().cloned(),
            _ => None,
        }
    }
}

/// By what a certificate is judged.
#[derive(Debug)]
pub(super) enum Rule {
    /// It is this one.
    Pin(Fingerprint),
    /// It is kept and refused, so that nothing is ever sent to whoever showed it.
    Look(Arc<OnceLock<Vec<u8>>>),
}

impl Rule {
    fn judge(&self, certificate: &[u8]) -> Result<(), CertificateError> {
        match self {
            Self::Pin(pin) if pin.matches(certificate) => Ok(()),
            Self::Pin(pin) => {
                let shown = match pin {
                    Fingerprint::Sha1(_) => Fingerprint::sha1(certificate),
                    Fingerprint::Sha256(_) => Fingerprint::sha256(certificate),
                };
                Err(CertificateError::Other(OtherError(Arc::new(AnotherCertificate { shown, expected: *pin }))))
            }
            Self::Look(seen) => {
                // The first one stands; a handshake shows no second.
                let _ = seen.set(certificate.to_vec());
                Err(CertificateError::ApplicationVerificationFailure)
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
        self.rule.judge(certificate).map_err(rustls::Error::InvalidCertificate)?;
        Ok(ServerCertVerified::assertion())
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
