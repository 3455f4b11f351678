//! Identifiers that a host makes up: GUIDs, hardware addresses, listener certificates.
//!
//! Guarantees: the n-th identifier of a seed is always the same, certificates included.
//! Deliberately absent: randomness.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a listener shows to a TLS client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerIdentity {
    /// The self-signed certificate, DER.
    pub certificate: Vec<u8>,
    /// Its private key, PKCS#8 DER.
    pub key: Vec<u8>,
    /// SHA-1 over the certificate, upper hex: what Windows calls the thumbprint.
    pub thumbprint: String,
}

impl ListenerIdentity {
    /// The certificate as PEM text, for callers that take a file of authorities.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        let text = STANDARD.encode(&self.certificate);
        // 64 characters a line (RFC 7468); base64 is ASCII, so chunks of bytes are chunks of characters.
        let lines: String = text.as_bytes().chunks(64).flat_map(|line| line.iter().map(|byte| char::from(*byte)).chain(['\n'])).collect();
        format!("-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n")
    }
}

/// No certificate could be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a listener certificate for `{name}`")]
pub struct IdentityError {
    name: String,
    #[source]
    source: rcgen::Error,
}

impl IdentityError {
    pub(crate) fn of(name: &str, source: rcgen::Error) -> Self {
        Self { name: name.to_owned(), source }
    }
}

/// The source of all made-up identifiers of a world.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ids {
    seed: u64,
    next: u64,
}

// PKCS#8 v1 around a bare Ed25519 seed (RFC 8410). Ed25519 because its keys come from plain bytes, and so from the world's seed.
const PKCS8_ED25519: [u8; 16] = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, next: 0 }
    }

    /// A GUID as Hyper-V writes them: upper case, without braces.
    pub(crate) fn guid(&mut self) -> String {
        self.uuid().to_string().to_ascii_uppercase()
    }

    /// A hardware address from Hyper-V's own range, 12 upper hex digits.
    pub(crate) fn mac(&mut self) -> String {
        self.next += 1;
        format!("00155D{:02X}{:04X}", self.seed & 0xff, self.next & 0xffff)
    }

    /// A process id.
    pub(crate) fn process_id(&mut self) -> u32 {
        self.next += 1;
        u32::try_from(self.next % 0x3fff).unwrap_or(0) * 4 + 1200
    }

    /// A self-signed certificate for `name` and these addresses.
    pub(crate) fn identity(&mut self, name: &str, addresses: &[IpAddr]) -> Result<ListenerIdentity, IdentityError> {
        let mut key = PKCS8_ED25519.to_vec();
        key.extend_from_slice(self.uuid().as_bytes());
        key.extend_from_slice(self.uuid().as_bytes());
        let serial = self.uuid();
        let names = std::iter::once(name.to_owned()).chain(addresses.iter().map(ToString::to_string)).collect();
        identity(&key, name, names, serial.as_bytes()).map_err(|source| IdentityError { name: name.to_owned(), source })
    }

    fn uuid(&mut self) -> Uuid {
        self.next += 1;
        let mut name = self.seed.to_be_bytes().to_vec();
        name.extend_from_slice(&self.next.to_be_bytes());
        Uuid::new_v5(&Uuid::NAMESPACE_OID, &name)
    }
}

fn identity(key: &[u8], name: &str, names: Vec<String>, serial: &[u8]) -> Result<ListenerIdentity, rcgen::Error> {
    let der = rustls::pki_types::PrivatePkcs8KeyDer::from(key.to_vec());
    let pair = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ED25519)?;
    let mut params = rcgen::CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.serial_number = Some(rcgen::SerialNumber::from_slice(serial));
    let certificate = params.self_signed(&pair)?.der().to_vec();
    let thumbprint = thumbprint(&certificate);
    Ok(ListenerIdentity { certificate, key: key.to_vec(), thumbprint })
}

/// SHA-1 over `certificate`, upper hex.
pub(crate) fn thumbprint(certificate: &[u8]) -> String {
    use std::fmt::Write as _;
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, certificate);
    digest.as_ref().iter().fold(String::with_capacity(40), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02X}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_identifiers_and_certificates() {
        let (mut a, mut b) = (Ids::new(7), Ids::new(7));
        assert_eq!(a.guid(), b.guid());
        assert_eq!(a.identity("HV01", &[]).unwrap(), b.identity("HV01", &[]).unwrap());
        assert_ne!(a.guid(), a.guid());
        assert_ne!(Ids::new(8).guid(), Ids::new(7).guid());
    }
}
