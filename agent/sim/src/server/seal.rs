//! `multipart/encrypted`: how sealed messages travel (MS-WSMV 2.2.9.1).
//!
//! Guarantees: what is read is exactly one sealed message in the form that Windows takes; nothing is guessed, nothing allocated beyond
//! the body. Deliberately absent: the sealing itself, and messages in chunks, which CredSSP alone has.

use hyper::header::{CONTENT_TYPE, HeaderMap};

/// What Negotiate seals with.
const PROTOCOL: &str = "application/HTTP-SPNEGO-session-encrypted";
/// The `Content-Type` of a sealed message.
pub(super) const SEALED: &str = r#"multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary""#;
/// The first line of the second part.
const OCTETS: &[u8] = b"\tContent-Type: application/octet-stream\r\n";
/// The longest signature: Kerberos's are below a hundred.
const MAX_SIGNATURE: usize = 1024;
/// What the form adds to a message, at most.
pub(super) const OVERHEAD: usize = 2048;

/// A body that is no sealed message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is no sealed message: {0}")]
pub(super) struct Malformed(&'static str);

/// A sealed message, not yet opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sealed {
    /// The signature, or the token of the seal.
    pub(super) signature: Vec<u8>,
    /// The ciphertext.
    pub(super) data: Vec<u8>,
    /// How many bytes the plain message has.
    pub(super) length: usize,
}

/// Whether the headers announce a sealed message of any kind.
pub(super) fn is_announced(headers: &HeaderMap) -> bool {
    content_type(headers).split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("multipart/encrypted"))
}

impl Sealed {
    /// Reads `body`, whose headers say what it is.
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Malformed> {
        let kind = content_type(headers);
        if parameter(kind, "protocol") != Some(PROTOCOL) {
            return Err(Malformed("its protocol is not that of Negotiate"));
        }
        let boundary = parameter(kind, "boundary").ok_or(Malformed("it names no boundary"))?;
        let (opening, closing) = (format!("--{boundary}\r\n").into_bytes(), format!("--{boundary}--\r\n").into_bytes());
        let rest = body.strip_prefix(opening.as_slice()).ok_or(Malformed("it does not begin with the boundary"))?;
        let end = rest.windows(opening.len()).position(|window| window == opening).ok_or(Malformed("it has no second part"))?;
        let length = plain_length(&rest[..end])?;
        let rest = rest[end + opening.len()..].strip_prefix(OCTETS).ok_or(Malformed("the second part is no octet stream"))?;
        let rest = rest.strip_suffix(closing.as_slice()).ok_or(Malformed("it does not end with the boundary"))?;
        let (size, rest) = rest.split_first_chunk().ok_or(Malformed("it is too short"))?;
        let size = usize::try_from(u32::from_le_bytes(*size)).unwrap_or(usize::MAX);
        let (signature, data) =
            rest.split_at_checked(size).filter(|_| size <= MAX_SIGNATURE).ok_or(Malformed("the signature is too long"))?;
        Ok(Self { signature: signature.to_vec(), data: data.to_vec(), length })
    }

    /// The body that carries it; its `Content-Type` is [`SEALED`].
    pub(super) fn write(&self) -> Vec<u8> {
        let head = format!(
            "--Encrypted Boundary\r\n\tContent-Type: {PROTOCOL}\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={}\r\n\
             --Encrypted Boundary\r\n",
            self.length
        );
        let size = u32::try_from(self.signature.len()).unwrap_or(u32::MAX).to_le_bytes();
        [head.as_bytes(), OCTETS, &size, &self.signature, &self.data, b"--Encrypted Boundary--\r\n"].concat()
    }
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The value of a parameter, without its quotes.
fn parameter<'a>(kind: &'a str, name: &str) -> Option<&'a str> {
    let mut parameters = kind.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let (_, value) = parameters.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"')).filter(|value| !value.is_empty())
}

/// What the first part says: `OriginalContent: type=…;charset=…;Length=…`.
fn plain_length(part: &[u8]) -> Result<usize, Malformed> {
    let part = std::str::from_utf8(part).map_err(|_| Malformed("the first part is no text"))?;
    let mut lines = part.lines().map(str::trim);
    let protocol = lines.next().and_then(|line| line.strip_prefix("Content-Type: "));
    if protocol != Some(PROTOCOL) {
        return Err(Malformed("the first part names another protocol"));
    }
    let original = lines.next().and_then(|line| line.strip_prefix("OriginalContent: "));
    let original = original.ok_or(Malformed("the first part does not say what was sealed"))?;
    let length = original.split(';').find_map(|field| field.trim().strip_prefix("Length="));
    length.and_then(|length| length.parse().ok()).ok_or(Malformed("the first part does not say how long the message is"))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn headers(kind: &str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_str(kind).expect("a header"))])
    }

    fn sealed() -> Sealed {
        Sealed { signature: vec![1; 16], data: b"--Encrypted Boundary--\r\n\0ciphertext".to_vec(), length: 42 }
    }

    #[test]
    fn the_form_is_that_of_windows_and_reads_back() {
        let body = sealed().write();
        let text = String::from_utf8_lossy(&body);
        assert!(text.starts_with(
            "--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n\tOriginalContent: \
             type=application/soap+xml;charset=UTF-8;Length=42\r\n--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
        ));
        assert!(is_announced(&headers(SEALED)));
        assert_eq!(Sealed::read(&headers(SEALED), &body), Ok(sealed()), "the boundary inside the ciphertext is not the end");
    }

    #[test]
    fn what_is_not_exactly_that_is_refused() {
        let body = Sealed { data: b"ciphertext".to_vec(), ..sealed() }.write();
        for end in 0..body.len() {
            assert!(Sealed::read(&headers(SEALED), &body[..end]).is_err(), "cut after {end}");
        }
        for kind in [
            "multipart/encrypted",
            r#"multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted""#,
            r#"multipart/encrypted;protocol="application/HTTP-CredSSP-session-encrypted";boundary="Encrypted Boundary""#,
            r#"multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Another""#,
        ] {
            assert!(Sealed::read(&headers(kind), &body).is_err(), "{kind}");
        }
        let mut long = body;
        let at = long.windows(20).position(|window| window == [[16, 0, 0, 0].as_slice(), &[1; 16]].concat()).expect("the size");
        long[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Sealed::read(&headers(SEALED), &long), Err(Malformed("the signature is too long")));
    }
}
