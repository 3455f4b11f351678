//! Elements of DER, as certificates and tokens are made of.
//!
//! Guarantees: nothing is read beyond its end, and no input makes it panic. What comes from afar is checked here before the `sspi` crate
//! sees it, since the decoder beneath that crate panics on some of what is malformed. Deliberately absent: values.

/// How deep elements may lie in each other; tickets have some ten levels.
const DEEPEST: usize = 32;

/// Elements that hold others.
const CONSTRUCTED: u8 = 0x20;
const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 0x04;
const OBJECT_ID: u8 = 0x06;
const ENUMERATED: u8 = 0x0a;

/// One element: its tag, its content, and what follows it.
pub(super) fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let octets = usize::from(first & 0x7f);
        if octets == 0 || octets > 4 || octets > rest.len() {
            return None;
        }
        let (length, rest) = rest.split_at(octets);
        (length.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)), rest)
    };
    // Tags of more than one octet are used by nothing here.
    (length <= rest.len() && tag & 0x1f != 0x1f).then(|| (tag, &rest[..length], &rest[length..]))
}

/// The content of the element at the beginning, when it has that tag, and what follows.
pub(super) fn expect(der: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    element(der).filter(|(tag, ..)| *tag == wanted).map(|(_, content, rest)| (content, rest))
}

/// Whether `der` is one element and nothing else, and so are its parts.
pub(super) fn is_whole(der: &[u8]) -> bool {
    element(der).is_some_and(|(.., rest)| rest.is_empty()) && are_whole(der, DEEPEST)
}

fn are_whole(mut der: &[u8], levels: usize) -> bool {
    while !der.is_empty() {
        let Some((tag, content, rest)) = element(der) else { return false };
        if tag & CONSTRUCTED != 0 && (levels == 0 || !are_whole(content, levels - 1)) {
            return false;
        }
        der = rest;
    }
    true
}

/// Whether `token` is what SPNEGO lets a host answer: `NegTokenResp` (RFC 4178, 4.2.2) with each field once and in order.
pub(super) fn is_negotiate_answer(token: &[u8]) -> bool {
    let inner = expect(token, 0xa1).filter(|(_, rest)| rest.is_empty()).and_then(|(answer, _)| expect(answer, SEQUENCE));
    let Some((mut fields, [])) = inner else { return false };
    for (tag, kind) in [(0xa0, ENUMERATED), (0xa1, OBJECT_ID), (0xa2, OCTETS), (0xa3, OCTETS)] {
        let Some((field, rest)) = expect(fields, tag) else { continue };
        let Some((content, [])) = expect(field, kind) else { return false };
        if content.is_empty() || kind == OBJECT_ID && !is_object_id(content) || kind == ENUMERATED && content.len() != 1 {
            return false;
        }
        fields = rest;
    }
    fields.is_empty()
}

/// Whether `token` is a Kerberos message in its GSS frame: the mechanism, two octets of kind, and the message (RFC 4121, 4.1).
pub(super) fn is_kerberos_answer(token: &[u8]) -> bool {
    let Some((frame, [])) = expect(token, 0x60) else { return false };
    let Some((mechanism, rest)) = expect(frame, OBJECT_ID) else { return false };
    is_object_id(mechanism) && rest.len() > 2 && is_whole(&rest[2..])
}

/// Each number ends inside, begins with no empty octet, and has at most 28 bits.
fn is_object_id(content: &[u8]) -> bool {
    let ends = content.last().is_some_and(|last| last & 0x80 == 0);
    ends && content.split_inclusive(|octet| octet & 0x80 == 0).all(|number| number[0] != 0x80 && number.len() <= 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The well-known last word of a Windows host: accepted, with its signature over the mechanisms.
    const ACCEPTED: &[u8] = &[
        0xa1, 0x1b, 0x30, 0x19, 0xa0, 0x03, 0x0a, 0x01, 0x00, 0xa3, 0x12, 0x04, 0x10, 1, 0, 0, 0, 0x43, 0x87, 0xe0, 0x88, 0xc1, 0x36, 0xe3,
        0xa9, 0, 0, 0, 0,
    ];

    #[test]
    fn the_answer_of_a_windows_host_is_one_and_no_part_of_it_is() {
        assert!(is_negotiate_answer(ACCEPTED));
        for end in 0..ACCEPTED.len() {
            assert!(!is_negotiate_answer(&ACCEPTED[..end]), "cut at {end}");
        }
        assert!(!is_negotiate_answer(&[ACCEPTED, &[0]].concat()), "something follows");
        assert!(!is_negotiate_answer(b"NTLMSSP\0"));
    }

    #[test]
    fn lengths_beyond_the_end_and_numbers_without_end_are_refused() {
        assert!(!is_whole(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]));
        assert!(!is_whole(&[0x30, 0x80, 0, 0]), "an indefinite length is no DER");
        assert!(!is_whole(&[0x30; 200]) && !is_whole(&[]));
        assert!(is_whole(&[0x30, 3, 2, 1, 5]) && !is_whole(&[0x30, 3, 2, 2, 5]));
        assert!(is_object_id(&[0x2b, 0x06, 1]) && !is_object_id(&[0x2b, 0x86]) && !is_object_id(&[0x80, 1]) && !is_object_id(&[]));
    }
}
