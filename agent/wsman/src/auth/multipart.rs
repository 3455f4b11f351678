//! A sealed body on the wire: `multipart/encrypted` (MS-WSMV 2.2.9.1.1).
//!
//! Guarantees: pure over octets, and bounded: nothing is allocated by a length that the peer names, and no input makes it panic.
//! What is sealed is not looked at here. Deliberately absent: `multipart/x-multi-encrypted`, which only CredSSP uses.

use std::fmt::Write as _;

/// The boundary that Windows writes and every client copies.
const BOUNDARY: &str = "Encrypted Boundary";
/// Octets of one part's headers; Windows writes about 130.
const MOST_HEADERS: usize = 1024;
/// Octets of a boundary (RFC 2046).
const MOST_BOUNDARY: usize = 70;

/// By what a body is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Whatever Negotiate agreed on.
    Spnego,
    /// Kerberos that was asked for by name.
    Kerberos,
}

impl Protocol {
    /// The media type that names it.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Spnego => "application/HTTP-SPNEGO-session-encrypted",
            Self::Kerberos => "application/HTTP-Kerberos-session-encrypted",
        }
    }

    /// The content type of a body that is sealed by it.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Spnego => "multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";boundary=\"Encrypted Boundary\"",
            Self::Kerberos => {
                "multipart/encrypted;protocol=\"application/HTTP-Kerberos-session-encrypted\";boundary=\"Encrypted Boundary\""
            }
        }
    }
}

/// A body in its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed<'a> {
    /// Octets of the plain envelope.
    pub length: usize,
    /// Signature, or the seal's token.
    pub signature: &'a [u8],
    /// The sealed envelope.
    pub data: &'a [u8],
}

/// A body that is not in this form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MultipartError {
    /// Another media type: plain text, as a rule.
    #[error("it is not `multipart/encrypted` of the agreed protocol")]
    MediaType,
    /// A boundary is missing or not where it belongs.
    #[error("its parts are not told apart by the boundary")]
    Boundary,
    /// A part's headers are missing, too long or wrong.
    #[error("the headers of its parts are wrong")]
    Headers,
    /// The length of the signature is not inside the part.
    #[error("its signature is longer than the body")]
    Signature,
}

/// Writes a body.
#[must_use]
pub fn encode(protocol: Protocol, sealed: Sealed<'_>) -> Vec<u8> {
    let Sealed { length, signature, data } = sealed;
    let media_type = protocol.media_type();
    let mut head = String::with_capacity(256);
    // Writing to a string does not fail.
    let _ = write!(
        head,
        "--{BOUNDARY}\r\n\tContent-Type: {media_type}\r\n\
         \tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={length}\r\n\
         --{BOUNDARY}\r\n\tContent-Type: application/octet-stream\r\n"
    );
    let tail = format!("--{BOUNDARY}--\r\n");
    let mut body = Vec::with_capacity(head.len() + 4 + signature.len() + data.len() + tail.len());
    body.extend(head.as_bytes());
    body.extend(u32::try_from(signature.len()).unwrap_or(u32::MAX).to_le_bytes());
    body.extend(signature);
    body.extend(data);
    body.extend(tail.as_bytes());
    body
}

/// Reads a body that came with `content_type`. White space is taken as Windows and the Python clients write it; the rest is exact.
///
/// # Errors
/// `MultipartError` says what is wrong first.
pub fn decode<'a>(protocol: Protocol, content_type: &str, body: &'a [u8]) -> Result<Sealed<'a>, MultipartError> {
    let boundary = boundary(protocol, content_type)?;
    let delimiter = [b"--", boundary.as_bytes(), b"\r\n"].concat();
    let close = [b"--", boundary.as_bytes(), b"--"].concat();
    let rest = body.strip_prefix(&*delimiter).ok_or(MultipartError::Boundary)?;
    let at = rest.windows(delimiter.len()).take(MOST_HEADERS).position(|window| window == delimiter);
    let (what, rest) = rest.split_at(at.ok_or(MultipartError::Boundary)?);
    let length = described(protocol, what)?;
    let rest = &rest[delimiter.len()..];
    let line_end = rest.windows(2).take(MOST_HEADERS).position(|window| window == b"\r\n").ok_or(MultipartError::Headers)?;
    let (name, value) = header(&rest[..line_end])?;
    if !name.eq_ignore_ascii_case("Content-Type") || !value.eq_ignore_ascii_case("application/octet-stream") {
        return Err(MultipartError::Headers);
    }
    // The sealed octets may hold anything, a boundary too: they end where the body ends.
    let rest = &rest[line_end + 2..];
    let rest = rest.strip_suffix(b"\r\n").unwrap_or(rest).strip_suffix(&*close).ok_or(MultipartError::Boundary)?;
    let (count, rest) = rest.split_first_chunk::<4>().ok_or(MultipartError::Signature)?;
    let count = usize::try_from(u32::from_le_bytes(*count)).unwrap_or(usize::MAX);
    if count > rest.len() {
        return Err(MultipartError::Signature);
    }
    let (signature, data) = rest.split_at(count);
    Ok(Sealed { length, signature, data })
}

fn boundary(protocol: Protocol, content_type: &str) -> Result<&str, MultipartError> {
    let mut parameters = content_type.split(';').map(str::trim);
    if !parameters.next().is_some_and(|kind| kind.eq_ignore_ascii_case("multipart/encrypted")) {
        return Err(MultipartError::MediaType);
    }
    let (mut agreed, mut boundary) = (false, None);
    for (name, value) in parameters.filter_map(|parameter| parameter.split_once('=')) {
        let value = value.trim().trim_matches('"');
        match name.trim() {
            name if name.eq_ignore_ascii_case("protocol") => agreed = value.eq_ignore_ascii_case(protocol.media_type()),
            name if name.eq_ignore_ascii_case("boundary") => boundary = Some(value),
            _ => {}
        }
    }
    let boundary = boundary.filter(|boundary| (1..=MOST_BOUNDARY).contains(&boundary.len()));
    agreed.then_some(boundary).flatten().ok_or(MultipartError::MediaType)
}

/// The plain length that the first part states.
fn described(protocol: Protocol, part: &[u8]) -> Result<usize, MultipartError> {
    let (mut agreed, mut length) = (false, None);
    for line in part.split(|octet| *octet == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let (name, value) = header(line)?;
        if name.eq_ignore_ascii_case("Content-Type") {
            agreed = value.eq_ignore_ascii_case(protocol.media_type());
        } else if name.eq_ignore_ascii_case("OriginalContent") {
            let stated = value.split(';').filter_map(|field| field.trim().split_once('='));
            let stated = stated.filter(|(name, _)| name.eq_ignore_ascii_case("Length")).map(|(_, digits)| digits).next();
            length = stated.filter(|digits| digits.bytes().all(|octet| octet.is_ascii_digit())).and_then(|digits| digits.parse().ok());
        }
    }
    length.filter(|_| agreed).ok_or(MultipartError::Headers)
}

fn header(line: &[u8]) -> Result<(&str, &str), MultipartError> {
    let line = std::str::from_utf8(line).map_err(|_| MultipartError::Headers)?;
    let (name, value) = line.split_once(':').ok_or(MultipartError::Headers)?;
    Ok((name.trim(), value.trim()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WINDOWS: &[u8] = b"--Encrypted Boundary\r\n\
        Content-Type: application/HTTP-SPNEGO-session-encrypted\r\n\
        OriginalContent: type=application/soap+xml;charset=UTF-8;Length=5\r\n\
        --Encrypted Boundary\r\n\
        Content-Type: application/octet-stream\r\n\
        \x02\0\0\0ab12345--Encrypted Boundary--\r\n";

    fn read(body: &[u8]) -> Result<Sealed<'_>, MultipartError> {
        decode(Protocol::Spnego, Protocol::Spnego.content_type(), body)
    }

    #[test]
    fn it_is_written_as_the_python_clients_write_it() {
        let body = encode(Protocol::Kerberos, Sealed { length: 3, signature: b"sig", data: b"xyz" });
        let text = String::from_utf8(body).expect("text").replace('\t', "→").replace('\0', "0").replace('\u{3}', "3");
        insta::assert_snapshot!(text.replace("\r\n", "¶\n"), @r"
        --Encrypted Boundary¶
        →Content-Type: application/HTTP-Kerberos-session-encrypted¶
        →OriginalContent: type=application/soap+xml;charset=UTF-8;Length=3¶
        --Encrypted Boundary¶
        →Content-Type: application/octet-stream¶
        3000sigxyz--Encrypted Boundary--¶
        ");
    }

    #[test]
    fn it_is_read_with_and_without_tabs_and_whatever_is_sealed() {
        assert_eq!(read(WINDOWS), Ok(Sealed { length: 5, signature: b"ab", data: b"12345" }));
        let tricky = Sealed { length: 1, signature: b"--Encrypted Boundary\r\n", data: b"--Encrypted Boundary--\r\n" };
        assert_eq!(read(&encode(Protocol::Spnego, tricky)), Ok(tricky));
        let other = "Multipart/Encrypted; boundary=Encrypted Boundary; protocol=\"application/http-spnego-session-encrypted\"";
        assert!(decode(Protocol::Spnego, other, WINDOWS).is_ok());
    }

    #[test]
    fn what_is_not_in_this_form_is_refused() {
        let plain = decode(Protocol::Spnego, "application/soap+xml;charset=UTF-8", b"<s:Envelope/>");
        assert_eq!(plain, Err(MultipartError::MediaType));
        assert_eq!(decode(Protocol::Kerberos, Protocol::Spnego.content_type(), WINDOWS), Err(MultipartError::MediaType));
        assert_eq!(decode(Protocol::Spnego, "multipart/encrypted;boundary=x", WINDOWS), Err(MultipartError::MediaType));
        let text = String::from_utf8(WINDOWS.to_vec()).expect("text");
        for (from, to, error) in [
            ("Length=5", "Length=-5", MultipartError::Headers),
            ("Length=5", "Length=99999999999999999999999", MultipartError::Headers),
            (";Length=5", "", MultipartError::Headers),
            ("SPNEGO", "CredSSP", MultipartError::Headers),
            ("octet-stream", "soap+xml", MultipartError::Headers),
            ("\u{2}\0\0\0", "\u{8}\0\0\0", MultipartError::Signature),
            ("Boundary--\r\n", "Boundary\r\n", MultipartError::Boundary),
        ] {
            assert_eq!(read(text.replace(from, to).as_bytes()), Err(error), "{from} → {to}");
        }
        for end in 0..WINDOWS.len() - 2 {
            assert!(read(&WINDOWS[..end]).is_err(), "cut at {end}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(length: usize, signature: Vec<u8>, data: Vec<u8>) {
            let sealed = Sealed { length, signature: &signature, data: &data };
            let body = encode(Protocol::Spnego, sealed);
            prop_assert_eq!(read(&body), Ok(sealed));
        }

        #[test]
        fn no_octets_make_it_panic(mut body: Vec<u8>, at in 0..WINDOWS.len(), octet: u8) {
            let _ = read(&body);
            body = WINDOWS.to_vec();
            body[at] = octet;
            let _ = read(&body);
        }
    }
}
