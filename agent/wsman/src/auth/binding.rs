//! Channel binding `tls-server-end-point` (RFC 5929): what ties a handshake to the TLS connection that it runs in.
//!
//! Guarantees: the hash is the one of the certificate's own signature, SHA-256 where that is MD5 or SHA-1. A signature without a hash of
//! its own (Ed25519) has no binding by the RFC, so none is made. Deliberately absent: a general reader of certificates.

use ring::digest;

use super::der::expect;

const PREFIX: &[u8] = b"tls-server-end-point:";

/// The application data of the binding for `certificate` (DER); `None` when its signature has no hash of its own.
#[must_use]
pub fn tls_server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let hash = digest::digest(signature_hash(certificate)?, certificate);
    Some([PREFIX, hash.as_ref()].concat())
}

/// `application_data` in a `SEC_CHANNEL_BINDINGS`, as SSPI takes it.
#[must_use]
pub fn sec_channel_bindings(application_data: &[u8]) -> Vec<u8> {
    const HEADER: u32 = 32;
    let length = u32::try_from(application_data.len()).unwrap_or(u32::MAX);
    let mut buffer = vec![0; 24];
    buffer.extend(length.to_le_bytes());
    buffer.extend(HEADER.to_le_bytes());
    buffer.extend(application_data);
    buffer
}

const SEQUENCE: u8 = 0x30;
const OBJECT_ID: u8 = 0x06;

fn signature_hash(certificate: &[u8]) -> Option<&'static digest::Algorithm> {
    let (certificate, _) = expect(certificate, SEQUENCE)?;
    let (_signed, rest) = expect(certificate, SEQUENCE)?;
    let (algorithm, _) = expect(rest, SEQUENCE)?;
    let (id, parameters) = expect(algorithm, OBJECT_ID)?;
    match id {
        // RSASSA-PSS names its hash in the parameters.
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a] => pss_hash(parameters),
        // PKCS #1: MD5, SHA-1, SHA-256, SHA-384, SHA-512.
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04 | 0x05 | 0x0b] => Some(&digest::SHA256),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c] => Some(&digest::SHA384),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d] => Some(&digest::SHA512),
        // ECDSA with SHA-1, then SHA-256, SHA-384, SHA-512.
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02] => Some(&digest::SHA256),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03] => Some(&digest::SHA384),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04] => Some(&digest::SHA512),
        _ => None,
    }
}

fn pss_hash(parameters: &[u8]) -> Option<&'static digest::Algorithm> {
    const HASH: u8 = 0xa0;
    let (parameters, _) = expect(parameters, SEQUENCE)?;
    // Left out, it is SHA-1.
    let Some((hash, _)) = expect(parameters, HASH) else { return Some(&digest::SHA256) };
    let (algorithm, _) = expect(hash, SEQUENCE)?;
    let (id, _) = expect(algorithm, OBJECT_ID)?;
    match id {
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02] => Some(&digest::SHA384),
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03] => Some(&digest::SHA512),
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01] | [0x2b, 0x0e, 0x03, 0x02, 0x1a] => Some(&digest::SHA256),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        assert!(content.len() < 0x80);
        [&[tag, u8::try_from(content.len()).expect("short")], content].concat()
    }

    /// Just enough of a certificate: something signed, the algorithm, a signature.
    fn certificate(id: &[u8], parameters: &[u8]) -> Vec<u8> {
        let algorithm = der(SEQUENCE, &[&der(OBJECT_ID, id), parameters].concat());
        der(SEQUENCE, &[der(SEQUENCE, &[2, 1, 0]), algorithm, der(3, &[0, 1])].concat())
    }

    fn bits(certificate: &[u8]) -> Option<usize> {
        tls_server_end_point(certificate).map(|binding| {
            assert!(binding.starts_with(PREFIX));
            (binding.len() - PREFIX.len()) * 8
        })
    }

    #[test]
    fn the_hash_is_the_one_of_the_signature_and_never_weaker_than_sha_256() {
        let rsa = |last: u8| certificate(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last], &[5, 0]);
        let by_last = [4, 5, 0x0b, 0x0c, 0x0d].map(|last| bits(&rsa(last)));
        assert_eq!(by_last, [256, 256, 256, 384, 512].map(Some));
        let ecdsa = |last: u8| certificate(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, last], &[]);
        assert_eq!([2, 3, 4].map(|last| bits(&ecdsa(last))), [256, 384, 512].map(Some));
        assert_eq!(bits(&certificate(&[0x2b, 0x65, 0x70], &[])), None, "Ed25519 has no hash of its own");
    }

    #[test]
    fn a_pss_signature_names_its_hash_in_its_parameters() {
        let id = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
        let sha = |last: u8| der(SEQUENCE, &der(OBJECT_ID, &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last]));
        let with = |last: u8| certificate(&id, &der(SEQUENCE, &der(0xa0, &sha(last))));
        assert_eq!([1, 2, 3].map(|last| bits(&with(last))), [256, 384, 512].map(Some));
        assert_eq!(bits(&certificate(&id, &der(SEQUENCE, &[]))), Some(256), "SHA-1 by default");
    }

    #[test]
    fn a_real_certificate_is_read_and_a_cut_one_is_not() {
        let made = rcgen::generate_simple_self_signed(vec!["hv01".to_owned()]).expect("a certificate");
        let whole = made.cert.der().as_ref();
        assert_eq!(bits(whole), Some(256));
        let hash = digest::digest(&digest::SHA256, whole);
        assert_eq!(tls_server_end_point(whole).expect("a binding")[PREFIX.len()..], *hash.as_ref());
        for end in 0..whole.len() {
            assert_eq!(bits(&whole[..end]), None);
        }
    }

    #[test]
    fn the_structure_is_laid_out_as_sspi_reads_it() {
        let buffer = sec_channel_bindings(b"abc");
        assert_eq!(
            (buffer.len(), &buffer[24..28], &buffer[28..32], &buffer[32..]),
            (35, &[3, 0, 0, 0][..], &[32, 0, 0, 0][..], &b"abc"[..])
        );
        assert!(buffer[..24].iter().all(|octet| *octet == 0));
    }
}
