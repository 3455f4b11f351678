//! How the registry writes a certificate: its properties, then itself, each behind an identifier and its length.
//!
//! Source: MS-GPEF 2.2.1.1.1. Guarantees: what is not understood is kept; a blob that does not add up is none.
//! Deliberately absent: a private key, which never stands here; only where its container is.

use std::collections::BTreeMap;

use super::certificate_store::{Certificate, MachineKey};

const KEY_PROVIDER: u32 = 2;
const SHA1: u32 = 3;
const FRIENDLY_NAME: u32 = 11;
const KEY_IDENTIFIER: u32 = 20;
const CERTIFICATE: u32 = 32;

/// The blob of `certificate`.
pub(crate) fn write(certificate: &Certificate) -> Vec<u8> {
    let mut parts: BTreeMap<u32, Vec<u8>> = certificate.other.clone();
    let sha1 = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &certificate.der);
    parts.insert(SHA1, sha1.as_ref().to_vec());
    if let Some(name) = &certificate.friendly_name {
        parts.insert(FRIENDLY_NAME, wide(name));
    }
    if let Some(key) = &certificate.key {
        parts.insert(KEY_PROVIDER, provider(key));
    }
    if let Some(facts) = certificate.facts() {
        let identifier = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &facts.public_key);
        parts.insert(KEY_IDENTIFIER, identifier.as_ref().to_vec());
    }
    parts.remove(&CERTIFICATE);
    let mut blob = Vec::new();
    for (id, data) in parts.iter().map(|(id, data)| (*id, data)).chain([(CERTIFICATE, &certificate.der)]) {
        blob.extend_from_slice(&id.to_le_bytes());
        blob.extend_from_slice(&1u32.to_le_bytes());
        blob.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
        blob.extend_from_slice(data);
    }
    blob
}

/// The certificate in `blob`, without its key.
pub(crate) fn read(blob: &[u8]) -> Option<Certificate> {
    let mut rest = blob;
    let mut certificate = None;
    let (mut friendly_name, mut other) = (None, BTreeMap::new());
    while !rest.is_empty() {
        let (id, after) = number(rest)?;
        let (_, after) = number(after)?;
        let (length, after) = number(after)?;
        let length = usize::try_from(length).ok()?;
        let data = after.get(..length)?;
        rest = after.get(length..)?;
        match id {
            CERTIFICATE => certificate = Some(data.to_vec()),
            FRIENDLY_NAME => friendly_name = Some(narrow(data)?),
            KEY_PROVIDER | SHA1 | KEY_IDENTIFIER => {}
            _ => drop(other.insert(id, data.to_vec())),
        }
    }
    let certificate = Certificate { friendly_name, other, ..Certificate::bare(certificate?) };
    certificate.facts().is_some().then_some(certificate)
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*head), rest))
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

fn narrow(bytes: &[u8]) -> Option<String> {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).take_while(|unit| *unit != 0).collect();
    String::from_utf16(&units).ok()
}

/// `CRYPT_KEY_PROV_INFO` with offsets in place of its pointers: container and provider names behind seven numbers.
fn provider(key: &MachineKey) -> Vec<u8> {
    const HEAD: u32 = 7 * 4;
    let (container, name) = (wide(&key.container), wide("Microsoft Software Key Storage Provider"));
    let second = HEAD + u32::try_from(container.len()).unwrap_or_default();
    // Machine keys (0x20); a key storage provider has type 0.
    let numbers = [HEAD, second, 0, 0x20, 0, 0, 0];
    let mut bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    bytes.extend(container);
    bytes.extend(name);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Ids;

    fn certificate() -> Certificate {
        let identity = Ids::new(1).identity("HV01", &[]).unwrap();
        let key = MachineKey { container: "{7A}".to_owned(), pkcs8: vec![1], exportable: false };
        Certificate { friendly_name: Some("edge, 2026".to_owned()), key: Some(key), ..Certificate::bare(identity.certificate) }
    }

    #[test]
    fn what_is_written_is_read_again_but_for_the_key() {
        let written = certificate();
        let read = read(&write(&written)).unwrap();
        assert_eq!(read, Certificate { key: None, ..written.clone() });
    }

    #[test]
    fn a_blob_that_is_cut_anywhere_is_none() {
        let blob = write(&certificate());
        assert!((0..blob.len()).all(|end| read(&blob[..end]).is_none()));
    }
}
