//! How we know that a remote is who it says.
//!
//! Guarantees: nothing here can make us believe everybody; each refusal says what was shown and what to do about it. Without a word from
//! the settings the system's authorities vouch over https, and `known_hosts` over ssh; both checks are libgit2's own.
//! Deliberately absent: a clock (it is handed in), and remembering whom we met first.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine as _};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use rustls::{CertificateError, RootCertStore};

/// The time since 1970, by whatever clock the agent has.
pub type Now = Arc<dyn Fn() -> Duration + Send + Sync>;

/// How we know that a remote is who it says.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Who vouches for servers over https, instead of the system's authorities.
    pub authorities: Option<Authorities>,
    /// The keys that a server may show over ssh, instead of those in `known_hosts`.
    pub host_keys: Option<HostKeys>,
    /// Where `known_hosts` lies, to tell a changed key from one that nobody noted.
    pub known_hosts: Option<PathBuf>,
}

/// Why we do not believe a remote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// The system's authorities do not vouch for it.
    #[error("the system's authorities do not vouch for its certificate; name the authority that does with the setting `sourceCa`")]
    System,
    /// The named authorities do not vouch for it.
    #[error("its certificate is not good by the authorities in `sourceCa`: {says}")]
    Certificate {
        /// Why not.
        says: String,
    },
    /// It sent us to another host, which must not see our credential.
    #[error("it redirects to `{host}`; if that is where the repository lives, name that address instead")]
    Elsewhere {
        /// Where to.
        host: String,
    },
    /// Its ssh key was never noted here.
    #[error(
        "its ssh key is {shown}, which is not known here; hold it against what its owner publishes, then add it to {} or name it with the setting `sourceHostKey`",
        place(known_hosts)
    )]
    UnknownHostKey {
        /// What it shows, as `ssh-keygen -l` writes it.
        shown: String,
        /// Where it would stand.
        known_hosts: Option<PathBuf>,
    },
    /// Its ssh key is not the one that was noted.
    #[error(
        "its ssh key is {shown}, not the one in {}:{line}; somebody may sit in between, so ask its owner; if the key was renewed, replace that line",
        place(known_hosts)
    )]
    ChangedHostKey {
        /// What it shows.
        shown: String,
        /// Where the other one stands.
        known_hosts: Option<PathBuf>,
        /// In which line.
        line: usize,
    },
    /// Its ssh key is not the one that the settings insist on.
    #[error("its ssh key is {shown}, and the setting `sourceHostKey` insists on another; somebody may sit in between, so ask its owner")]
    OtherHostKey {
        /// What it shows.
        shown: String,
    },
}

fn place(known_hosts: &Option<PathBuf>) -> String {
    known_hosts.as_ref().map_or_else(|| "~/.ssh/known_hosts".to_owned(), |file| file.display().to_string())
}

/// Authorities that vouch for servers over https.
#[derive(Clone)]
pub struct Authorities {
    verifier: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
    now: Now,
}

/// The text holds no authority.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesError {
    /// There is no certificate in it.
    #[error("there is no PEM certificate in it")]
    Empty,
    /// A certificate cannot be read.
    #[error("a certificate in it cannot be read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Authorities {
    /// Takes PEM certificates: of authorities, among them those in between (only a server's own certificate is looked at), or of the
    /// server itself.
    ///
    /// # Errors
    /// When there is none, or one cannot be read.
    pub fn from_pem(pem: &[u8], now: Now) -> Result<Self, AuthoritiesError> {
        let named: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let named = named.map_err(|error| AuthoritiesError::Unreadable(error.into()))?;
        if named.is_empty() {
            return Err(AuthoritiesError::Empty);
        }
        let mut roots = RootCertStore::empty();
        for certificate in &named {
            roots.add(certificate.clone()).map_err(|error| AuthoritiesError::Unreadable(error.into()))?;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(default_provider())).build();
        Ok(Self { verifier: verifier.map_err(|error| AuthoritiesError::Unreadable(error.into()))?, named, now })
    }

    /// Whether `certificate` (DER) is good for `host`. That its owner shows it, the handshake has proven.
    pub(crate) fn vouch(&self, host: &str, certificate: &[u8]) -> Result<(), Doubt> {
        // A server's own certificate that is named is trusted as it is: many a small git server signs its own.
        if self.named.iter().any(|named| named.as_ref() == certificate) {
            return Ok(());
        }
        let doubt = |says: String| Doubt::Certificate { says };
        let name = ServerName::try_from(host).map_err(|_| doubt(format!("`{host}` is no name of a server")))?;
        let now = UnixTime::since_unix_epoch((self.now)());
        match self.verifier.verify_server_cert(&CertificateDer::from(certificate), &[], &name, &[], now) {
            Ok(_) => Ok(()),
            // A signature that is bad: by somebody of the same name.
            Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)) => {
                Err(doubt("none of them issued it (an authority in between must stand in the file too)".to_owned()))
            }
            Err(rustls::Error::InvalidCertificate(cause)) => Err(doubt(cause.to_string())),
            Err(cause) => Err(doubt(cause.to_string())),
        }
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorities({})", self.named.len())
    }
}

/// SHA-256 fingerprints of ssh keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKeys(Vec<[u8; 32]>);

/// A text that is no fingerprint of an ssh key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no fingerprint of an ssh key; `ssh-keygen -l -f KEY` writes it: `SHA256:` and 43 characters")]
pub struct HostKeysError(pub String);

impl FromStr for HostKeys {
    type Err = HostKeysError;

    /// One or more of `SHA256:…`, with spaces or commas between them: a server may have a key of each kind.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let one = |word: &str| {
            let digest = word.strip_prefix("SHA256:").and_then(|text| BASE64_STANDARD_NO_PAD.decode(text).ok());
            digest.and_then(|digest| digest.try_into().ok()).ok_or_else(|| HostKeysError(word.chars().take(80).collect()))
        };
        let keys: Vec<[u8; 32]> = text.split([',', ' ']).filter(|word| !word.is_empty()).map(one).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(HostKeysError(String::new())) } else { Ok(Self(keys)) }
    }
}

impl HostKeys {
    pub(crate) fn hold(&self, digest: &[u8; 32]) -> bool {
        self.0.contains(digest)
    }
}

/// A key's fingerprint as `ssh-keygen -l` writes it.
pub(crate) fn shown(digest: &[u8; 32]) -> String {
    format!("SHA256:{}", BASE64_STANDARD_NO_PAD.encode(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_keys_are_read_as_ssh_keygen_writes_them() {
        let (one, other) = (shown(&[7; 32]), shown(&[8; 32]));
        let both: HostKeys = format!("{one}, {other}").parse().unwrap();
        assert!(both.hold(&[7; 32]) && both.hold(&[8; 32]) && !both.hold(&[9; 32]));
        for bad in ["", " , ", "SHA256:", "MD5:aa:bb", &one[7..], &one[..49], &format!("{one}="), "SHA256:äöü"] {
            assert!(bad.parse::<HostKeys>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn text_without_a_certificate_is_no_authority() {
        let now: Now = Arc::new(|| Duration::ZERO);
        let says = |pem: &str| Authorities::from_pem(pem.as_bytes(), Arc::clone(&now)).unwrap_err().to_string();
        assert_eq!(says("nothing"), "there is no PEM certificate in it");
        assert_eq!(says("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "a certificate in it cannot be read");
    }
}
