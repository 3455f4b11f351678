//! TLS over any stream: who the host must prove to be.
//!
//! Guarantees: a certificate is verified by the system's roots, by a named authority, or by its fingerprint; there is no way to
//! verify nothing. The time comes from the one `Clock`.

mod shown;
mod verify;

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::auth::ClientIdentity;
use crate::clock::SharedClock;
use crate::connect::Stream;

pub use shown::shown;
pub use verify::AnotherCertificate;
use verify::{Rule, Verifier};

/// By what a host's certificate is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The authorities that the system trusts.
    System,
    /// The authorities in this PEM text only.
    Authorities(Vec<u8>),
    /// This one certificate, whatever name and dates it has.
    Pinned(Fingerprint),
}

/// A certificate's fingerprint. Windows shows SHA-1 as the thumbprint.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fingerprint {
    /// Of 20 octets.
    Sha1([u8; 20]),
    /// Of 32 octets.
    Sha256([u8; 32]),
}

/// TLS that cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The system's authorities could not be read.
    #[error("the system has no trusted authorities; name one, or pin the host's certificate")]
    NoSystemRoots,
    /// The named authorities could not be read.
    #[error("the named authority is no PEM certificate")]
    Authority(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
    /// The client certificate cannot be shown.
    #[error("the client certificate and its key do not go together, or the key is of a kind that is not known")]
    Identity(#[source] rustls::Error),
    /// The library refused its settings.
    #[error("TLS cannot be set up")]
    SetUp(#[source] rustls::Error),
}

/// Text that is no fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no fingerprint: 40 hexadecimal digits for SHA-1, 64 for SHA-256")]
pub struct FingerprintError(pub String);

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Digits in any case, with colons or spaces between them or not.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || FingerprintError(text.chars().take(80).collect());
        let digits: Vec<u8> = text.chars().filter(|c| !matches!(c, ':' | ' ')).map(|c| c.to_digit(16)).map_while(nibble).collect();
        let written = text.chars().filter(|c| !matches!(c, ':' | ' ')).count();
        let octets: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        match written {
            40 => octets.try_into().map(Self::Sha1).map_err(|_| wrong()),
            64 => octets.try_into().map(Self::Sha256).map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }
}

fn nibble(digit: Option<u32>) -> Option<u8> {
    digit.and_then(|d| u8::try_from(d).ok())
}

impl Fingerprint {
    /// Whether `certificate` has this fingerprint.
    #[must_use]
    pub fn matches(&self, certificate: &[u8]) -> bool {
        use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
        match self {
            Self::Sha1(octets) => digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate).as_ref() == octets,
            Self::Sha256(octets) => digest(&SHA256, certificate).as_ref() == octets,
        }
    }

    /// The SHA-256 fingerprint of `certificate`.
    #[must_use]
    pub fn sha256(certificate: &[u8]) -> Self {
        let mut octets = [0; 32];
        octets.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, certificate).as_ref());
        Self::Sha256(octets)
    }

    /// The SHA-1 fingerprint of `certificate`: Windows' thumbprint.
    #[must_use]
    pub fn sha1(certificate: &[u8]) -> Self {
        let mut octets = [0; 20];
        octets.copy_from_slice(ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, certificate).as_ref());
        Self::Sha1(octets)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets: &[u8] = match self {
            Self::Sha1(octets) => octets,
            Self::Sha256(octets) => octets,
        };
        octets.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A stream within TLS, and the certificate (DER) of its other end.
pub(crate) type Wrapped = (Box<dyn Stream>, Option<Vec<u8>>);

/// Client-side TLS, ready to wrap streams.
#[derive(Clone)]
pub struct Tls(TlsConnector);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// TLS that knows hosts by `trust`, and shows them `identity`.
    ///
    /// # Errors
    /// The authorities cannot be read, or the identity's key is of no use.
    pub fn new(trust: &Trust, identity: Option<&ClientIdentity>, clock: SharedClock) -> Result<Self, TlsError> {
        let provider = Arc::new(default_provider());
        let builder = ClientConfig::builder_with_details(Arc::clone(&provider), Arc::new(ClockTime(clock)));
        let builder = builder.with_safe_default_protocol_versions().map_err(TlsError::SetUp)?;
        let config = match trust {
            Trust::System => builder.with_root_certificates(system_roots()?),
            Trust::Authorities(pem) => builder.with_root_certificates(named_roots(pem)?),
            Trust::Pinned(pin) => {
                let verifier = Verifier { rule: Rule::Pin(*pin), provider };
                builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
            }
        };
        let config = match identity {
            None => config.with_no_client_auth(),
            Some(ClientIdentity { chain, key }) => {
                config.with_client_auth_cert(chain.clone(), key.clone_key()).map_err(TlsError::Identity)?
            }
        };
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// `stream`, wrapped, to a host that proved to be `host`, and the certificate by which it did.
    ///
    /// # Errors
    /// The handshake fails; with [`AnotherCertificate`] inside when the host is not the one that is pinned.
    pub(crate) async fn wrap(&self, host: &str, stream: Box<dyn Stream>) -> io::Result<Wrapped> {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let stream = self.0.connect(name, stream).await.map_err(|error| match AnotherCertificate::behind(&error) {
            Some(another) => io::Error::new(error.kind(), another),
            None => error,
        })?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).map(|first| first.to_vec());
        Ok((Box::new(stream), certificate))
    }
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(TlsError::NoSystemRoots) } else { Ok(roots) }
}

fn named_roots(pem: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| TlsError::Authority(Some(error.into())))?;
        roots.add(certificate).map_err(|error| TlsError::Authority(Some(error.into())))?;
    }
    if roots.is_empty() { Err(TlsError::Authority(None)) } else { Ok(roots) }
}

#[derive(Debug)]
struct ClockTime(SharedClock);

impl rustls::time_provider::TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        let since_epoch = self.0.now().duration_since(jiff::Timestamp::UNIX_EPOCH);
        std::time::Duration::try_from(since_epoch).ok().map(UnixTime::since_unix_epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_windows_and_openssl_write_them() {
        let plain = "0123456789abcdef0123456789ABCDEF01234567";
        let colons = "01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67";
        assert_eq!(plain.parse::<Fingerprint>(), colons.parse::<Fingerprint>());
        assert_eq!(plain.parse::<Fingerprint>().expect("a fingerprint").to_string(), plain.to_uppercase());
        for wrong in ["", "01", &plain[1..], "g123456789abcdef0123456789ABCDEF01234567"] {
            assert!(wrong.parse::<Fingerprint>().is_err(), "{wrong}");
        }
    }
}
