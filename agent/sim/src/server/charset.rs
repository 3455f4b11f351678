//! In which characters an envelope is written: UTF-8, unless its media type says UTF-16. An answer is written in the request's own.
//!
//! Guarantees: octets that are no text in the charset that was named are not guessed at.

use hyper::header::{CONTENT_TYPE, HeaderMap};

/// What envelopes are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    /// The usual one.
    Utf8,
    /// With a mark at the beginning that says which half of a character comes first; without one the smaller does.
    Utf16,
}

impl Charset {
    /// The one that `headers` name; `None` when that is none of these.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let named = kind.split(';').skip(1).find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
        });
        match named {
            None => Some(Self::Utf8),
            Some(name) if name.eq_ignore_ascii_case("UTF-8") => Some(Self::Utf8),
            Some(name) if name.eq_ignore_ascii_case("UTF-16") => Some(Self::Utf16),
            Some(_) => None,
        }
    }

    /// The text of `octets`.
    pub(super) fn decode(self, octets: Vec<u8>) -> Option<String> {
        if self == Self::Utf8 {
            return String::from_utf8(octets).ok();
        }
        let (pairs, rest) = octets.as_chunks::<2>();
        let swapped = pairs.first() == Some(&[0xfe, 0xff]);
        let units = pairs.iter().map(|pair| if swapped { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) });
        let text: String = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
        rest.is_empty().then(|| text.trim_start_matches('\u{feff}').to_owned())
    }

    /// The octets of `text`.
    pub(super) fn encode(self, text: String) -> Vec<u8> {
        match self {
            Self::Utf8 => text.into_bytes(),
            Self::Utf16 => std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect(),
        }
    }

    /// The media type of an envelope.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Utf8 => "application/soap+xml;charset=UTF-8",
            Self::Utf16 => "application/soap+xml;charset=UTF-16",
        }
    }
}
