//! The form in which the registry keeps a certificate: properties and the certificate itself, each behind a head of three numbers.
//!
//! ```text
//! u32 identifier · u32 1 · u32 length · so many octets        all numbers little-endian; the certificate is identifier 32
//! ```
//!
//! Source: MS-GPEF 2.2.1.1.1; the identifiers are `wincrypt.h`'s. Guarantees: never panics, reads no further than it is given, and
//! keeps what it does not understand. Deliberately absent: X.509 itself, which is `facts`'s.

use wsman::tls::Fingerprint;

/// The longest blob that is read; real ones have a few thousand octets.
const MOST_OCTETS: usize = 1 << 20;
/// The most properties; real ones have a dozen.
const MOST_PROPERTIES: usize = 256;

const KEY_PROVIDER: u32 = 2;
const SHA1: u32 = 3;
const KEY_CONTEXT: u32 = 5;
const FRIENDLY_NAME: u32 = 11;
const CERTIFICATE: u32 = 32;
/// A private key behind the newer interface.
const NCRYPT_KEY: u32 = 78;

/// What is wrong with a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// It ends within a property.
    #[error("it ends within the property at octet {at}")]
    Truncated {
        /// Where that property begins.
        at: usize,
    },
    /// The second number of a head is not 1.
    #[error("the property at octet {at} is marked with {found} instead of 1")]
    Mark {
        /// Where that property begins.
        at: usize,
        /// What stands there.
        found: u32,
    },
    /// More octets or properties than any certificate has.
    #[error("it is larger than any certificate's")]
    TooLarge,
    /// No certificate is among the properties.
    #[error("it holds no certificate")]
    NoCertificate,
    /// Two are.
    #[error("it holds two certificates")]
    TwoCertificates,
}

/// A certificate with its properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// In their order; the certificate is not among them.
    properties: Vec<(u32, Vec<u8>)>,
    certificate: Vec<u8>,
}

impl Blob {
    /// A certificate (DER) with the one property that Windows finds it by.
    #[must_use]
    pub fn new(certificate: Vec<u8>) -> Self {
        let sha1 = match Fingerprint::sha1(&certificate) {
            Fingerprint::Sha1(octets) => octets.to_vec(),
            Fingerprint::Sha256(octets) => octets.to_vec(),
        };
        Self { properties: vec![(SHA1, sha1)], certificate }
    }

    /// Reads a blob.
    ///
    /// # Errors
    /// `BlobError`.
    pub fn parse(bytes: &[u8]) -> Result<Self, BlobError> {
        if bytes.len() > MOST_OCTETS {
            return Err(BlobError::TooLarge);
        }
        let (mut properties, mut certificate) = (Vec::new(), None);
        let mut rest = bytes;
        while !rest.is_empty() {
            let at = bytes.len() - rest.len();
            let (id, mark, length, after) = head(rest).ok_or(BlobError::Truncated { at })?;
            if mark != 1 {
                return Err(BlobError::Mark { at, found: mark });
            }
            let length = usize::try_from(length).map_err(|_| BlobError::Truncated { at })?;
            let (data, after) = after.split_at_checked(length).ok_or(BlobError::Truncated { at })?;
            match (id, &certificate) {
                (CERTIFICATE, None) => certificate = Some(data.to_vec()),
                (CERTIFICATE, Some(_)) => return Err(BlobError::TwoCertificates),
                _ if properties.len() >= MOST_PROPERTIES => return Err(BlobError::TooLarge),
                _ => properties.push((id, data.to_vec())),
            }
            rest = after;
        }
        Ok(Self { properties, certificate: certificate.ok_or(BlobError::NoCertificate)? })
    }

    /// The blob's octets: the properties in their order, the certificate last, as Windows writes it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let all = self.properties.iter().map(|(id, data)| (*id, data)).chain([(CERTIFICATE, &self.certificate)]);
        for (id, data) in all {
            for number in [id, 1, u32::try_from(data.len()).unwrap_or(u32::MAX)] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            bytes.extend_from_slice(data);
        }
        bytes
    }

    /// The certificate, DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// SHA-1 over the certificate, upper-case hexadecimal digits: the name of its key.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        Fingerprint::sha1(&self.certificate).to_string()
    }

    /// What people call it.
    #[must_use]
    pub fn friendly_name(&self) -> Option<String> {
        let octets = self.property(FRIENDLY_NAME)?;
        let units: Vec<u16> = octets.chunks_exact(2).filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?))).collect();
        let text = String::from_utf16_lossy(&units);
        Some(text.trim_end_matches('\0').to_owned()).filter(|text| !text.is_empty())
    }

    /// The same with another friendly name.
    #[must_use]
    pub fn with_friendly_name(mut self, name: &str) -> Self {
        let octets = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        match self.properties.iter_mut().find(|(id, _)| *id == FRIENDLY_NAME) {
            Some((_, known)) => *known = octets,
            None => self.properties.push((FRIENDLY_NAME, octets)),
        }
        self
    }

    /// Whether the machine has a private key for it.
    #[must_use]
    pub fn has_key(&self) -> bool {
        [KEY_PROVIDER, KEY_CONTEXT, NCRYPT_KEY].iter().any(|id| self.property(*id).is_some())
    }

    fn property(&self, wanted: u32) -> Option<&[u8]> {
        self.properties.iter().find(|(id, _)| *id == wanted).map(|(_, data)| data.as_slice())
    }
}

/// The three numbers before a property, and what follows them.
fn head(bytes: &[u8]) -> Option<(u32, u32, u32, &[u8])> {
    let (id, rest) = bytes.split_first_chunk::<4>()?;
    let (mark, rest) = rest.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*id), u32::from_le_bytes(*mark), u32::from_le_bytes(*length), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by hand from MS-GPEF 2.2.1.1.1: a friendly name `ab`, a property that nobody here knows, a certificate of three octets.
    const VECTOR: [u8; 12 + 6 + 12 + 1 + 12 + 3] = [
        0x0b, 0, 0, 0, 1, 0, 0, 0, 6, 0, 0, 0, b'a', 0, b'b', 0, 0, 0, // 11
        0xff, 0x7f, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0x2a, // 32767
        0x20, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0x30, 0x01, 0x00, // 32
    ];

    #[test]
    fn a_blob_is_read_and_written_as_the_specification_says() {
        let blob = Blob::parse(&VECTOR).unwrap();
        assert_eq!(blob.certificate(), [0x30, 0x01, 0x00]);
        assert_eq!(blob.friendly_name().as_deref(), Some("ab"));
        assert!(!blob.has_key());
        assert_eq!(blob.to_bytes(), VECTOR, "what nobody knows is kept");
    }

    #[test]
    fn the_certificate_may_stand_anywhere() {
        let moved: Vec<u8> = VECTOR[31..].iter().chain(&VECTOR[..31]).copied().collect();
        assert_eq!(Blob::parse(&moved).unwrap(), Blob::parse(&VECTOR).unwrap());
    }

    #[test]
    fn a_blob_that_is_cut_anywhere_is_refused() {
        for end in 0..VECTOR.len() {
            let cut = Blob::parse(&VECTOR[..end]);
            let whole_property = matches!(end, 0 | 18 | 31);
            assert_eq!(cut.unwrap_err() == BlobError::NoCertificate, whole_property, "{end}");
        }
    }

    #[test]
    fn what_does_not_add_up_is_named() {
        let mut marked = VECTOR;
        marked[22] = 2;
        assert_eq!(Blob::parse(&marked), Err(BlobError::Mark { at: 18, found: 2 }));
        let mut long = VECTOR;
        long[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Blob::parse(&long), Err(BlobError::Truncated { at: 0 }));
        let two: Vec<u8> = VECTOR.iter().chain(&VECTOR[31..]).copied().collect();
        assert_eq!(Blob::parse(&two), Err(BlobError::TwoCertificates));
        assert_eq!(Blob::parse(&vec![0; MOST_OCTETS + 1]), Err(BlobError::TooLarge));
        let many: Vec<u8> = VECTOR[18..31].repeat(MOST_PROPERTIES + 1);
        assert_eq!(Blob::parse(&many), Err(BlobError::TooLarge));
    }

    #[test]
    fn another_friendly_name_takes_the_place_of_the_first() {
        let blob = Blob::parse(&VECTOR).unwrap().with_friendly_name("edge, 2026");
        assert_eq!(blob.friendly_name().as_deref(), Some("edge, 2026"));
        assert_eq!(Blob::parse(&blob.to_bytes()).unwrap(), blob);
        assert_eq!(blob.thumbprint(), Blob::parse(&VECTOR).unwrap().thumbprint());
    }
}
