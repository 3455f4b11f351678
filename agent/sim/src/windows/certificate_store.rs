//! The machine's certificate stores: what `certutil`, `certreq` and the registry blobs all show.
//!
//! Guarantees: one place holds every certificate, by store and thumbprint, with its private key where there is one.
//! Deliberately absent: users' own stores; and how the registry writes a certificate, which is the registry's matter.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// A store of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum StoreName {
    /// The machine's own.
    My,
    /// Authorities that are trusted.
    Root,
    /// Authorities between those and others.
    Ca,
    /// Requests that wait for their certificate.
    Request,
}

impl StoreName {
    pub(crate) const ALL: [Self; 4] = [Self::My, Self::Root, Self::Ca, Self::Request];

    /// As the registry spells it below `SystemCertificates`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::My => "MY",
            Self::Root => "ROOT",
            Self::Ca => "CA",
            Self::Request => "REQUEST",
        }
    }

    /// The store called `name`, in any case.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|store| store.as_str().eq_ignore_ascii_case(name))
    }
}

/// The private key that belongs to a certificate.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MachineKey {
    /// The name of its container.
    pub(crate) container: String,
    /// PKCS#8 DER.
    pub(crate) pkcs8: Vec<u8>,
    /// Whether it may leave the machine.
    pub(crate) exportable: bool,
}

impl std::fmt::Debug for MachineKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MachineKey").field("container", &self.container).finish_non_exhaustive()
    }
}

/// One certificate of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Certificate {
    /// The certificate, DER.
    pub(crate) der: Vec<u8>,
    /// What people call it.
    pub(crate) friendly_name: Option<String>,
    /// Its private key, where the machine has it.
    pub(crate) key: Option<MachineKey>,
    /// Properties of the registry's blob that mean nothing here, by their id.
    pub(crate) other: BTreeMap<u32, Vec<u8>>,
}

impl Certificate {
    /// A certificate without a key or a name.
    pub(crate) fn bare(der: Vec<u8>) -> Self {
        Self { der, friendly_name: None, key: None, other: BTreeMap::new() }
    }

    /// SHA-1 over the certificate, upper hex.
    pub(crate) fn thumbprint(&self) -> String {
        hex(ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &self.der).as_ref())
    }

    /// What the certificate says; `None` when the bytes are none.
    pub(crate) fn facts(&self) -> Option<Facts> {
        Facts::of(&self.der)
    }
}

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    /// `CN=…, O=…`, the most specific part first.
    pub(crate) subject: String,
    /// The issuer, likewise.
    pub(crate) issuer: String,
    /// Lower hex, without leading zeros.
    pub(crate) serial: String,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    /// The subject's public key, DER.
    pub(crate) public_key: Vec<u8>,
}

impl Facts {
    /// Reads `der`.
    pub(crate) fn of(der: &[u8]) -> Option<Self> {
        let (rest, certificate) = X509Certificate::from_der(der).ok()?;
        let instant = |at: x509_parser::time::ASN1Time| Timestamp::from_second(at.timestamp()).ok();
        rest.is_empty().then_some(())?;
        Some(Self {
            subject: backwards(certificate.subject()),
            issuer: backwards(certificate.issuer()),
            serial: hex(certificate.raw_serial()).trim_start_matches("00").to_ascii_lowercase(),
            not_before: instant(certificate.validity().not_before)?,
            not_after: instant(certificate.validity().not_after)?,
            public_key: certificate.public_key().raw.to_vec(),
        })
    }
}

/// Windows writes a name from its end.
fn backwards(name: &x509_parser::x509::X509Name<'_>) -> String {
    let text = name.to_string();
    let mut parts: Vec<&str> = text.split(", ").collect();
    parts.reverse();
    parts.join(", ")
}

/// Upper hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02X}");
        text
    })
}

/// Every store of a machine.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct CertificateStores(BTreeMap<StoreName, BTreeMap<String, Certificate>>);

impl CertificateStores {
    /// The certificates of `store` with their thumbprints, in the order of those.
    pub(crate) fn of(&self, store: StoreName) -> impl Iterator<Item = (&str, &Certificate)> {
        self.0.get(&store).into_iter().flatten().map(|(thumbprint, certificate)| (thumbprint.as_str(), certificate))
    }

    /// The certificate with this thumbprint, in any case.
    pub(crate) fn get(&self, store: StoreName, thumbprint: &str) -> Option<&Certificate> {
        self.0.get(&store)?.get(&thumbprint.to_ascii_uppercase())
    }

    /// Adds `certificate`, or replaces it where it is already; its thumbprint.
    pub(crate) fn add(&mut self, store: StoreName, certificate: Certificate) -> String {
        let thumbprint = certificate.thumbprint();
        self.0.entry(store).or_default().insert(thumbprint.clone(), certificate);
        thumbprint
    }

    /// Takes the certificate with this thumbprint out, with its key.
    pub(crate) fn remove(&mut self, store: StoreName, thumbprint: &str) -> Option<Certificate> {
        self.0.get_mut(&store)?.remove(&thumbprint.to_ascii_uppercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Ids;

    #[test]
    fn a_certificate_is_found_by_its_thumbprint_in_any_case_and_in_its_own_store_only() {
        let identity = Ids::new(1).identity("HV01", &[]).unwrap();
        let mut stores = CertificateStores::default();
        let thumbprint = stores.add(StoreName::My, Certificate::bare(identity.certificate.clone()));
        assert_eq!(thumbprint, identity.thumbprint);
        assert!(stores.get(StoreName::My, &thumbprint.to_lowercase()).is_some());
        assert!(stores.get(StoreName::Root, &thumbprint).is_none());
        assert!(stores.remove(StoreName::My, &thumbprint).is_some());
        assert_eq!(stores.of(StoreName::My).count(), 0);
    }

    #[test]
    fn facts_are_read_from_the_certificate_itself() {
        let identity = Ids::new(1).identity("HV01", &[]).unwrap();
        let facts = Facts::of(&identity.certificate).unwrap();
        assert_eq!((facts.subject.as_str(), facts.issuer.as_str()), ("CN=HV01", "CN=HV01"));
        assert!(facts.not_before < facts.not_after);
        assert_eq!(Facts::of(b"no certificate"), None);
    }
}
