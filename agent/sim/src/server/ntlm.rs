//! What an NTLM AUTHENTICATE message claims (MS-NLMP 2.2.1.3), read before it is verified: who, from inside which TLS, and whether it
//! proves the whole handshake.
//!
//! Guarantees: nothing here is proven. The security context verifies the message; what it does not look at is read here.

/// The signature and type of an AUTHENTICATE message.
const AUTHENTICATE: &[u8] = b"NTLMSSP\0\x03\0\0\0";
/// Where the length of each field stands, from the message's start.
const NT_RESPONSE: usize = 20;
const DOMAIN: usize = 28;
const USER: usize = 36;
/// Where the pairs begin in the response to the challenge.
const PAIRS: usize = 44;
/// `MsvAvEOL`, `MsvAvFlags`, `MsvAvChannelBindings`.
const END: u16 = 0;
const FLAGS: u16 = 6;
const CHANNEL_BINDINGS: u16 = 10;
/// The bit of `MsvAvFlags` that says that the message carries a check over all three messages.
const INTEGRITY: u8 = 2;

/// The claims of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claims {
    /// The user, as the client wrote it.
    pub(super) user: String,
    /// The realm, as the client wrote it; often empty.
    pub(super) domain: String,
    /// Whether the message is checked together with the two before it.
    pub(super) integrity: bool,
    /// Whether it names the TLS that it is sent inside of. Zeros name none.
    pub(super) bound: bool,
}

impl Claims {
    /// The claims of the message in `token`, which may wrap it; `None` when there is none, or it is malformed.
    ///
    /// A token with two is malformed: the context would verify one, and this read the other.
    pub(super) fn read(token: &[u8]) -> Option<Self> {
        let mut starts = (0..token.len()).filter(|start| token[*start..].starts_with(AUTHENTICATE));
        let (Some(start), None) = (starts.next(), starts.next()) else { return None };
        let message = token.get(start..)?;
        let response = field(message, NT_RESPONSE)?;
        let mut claims =
            Self { user: text(field(message, USER)?)?, domain: text(field(message, DOMAIN)?)?, integrity: false, bound: false };
        for (id, value) in pairs(response.get(PAIRS..)?) {
            match id {
                FLAGS => claims.integrity = value.first().is_some_and(|low| low & INTEGRITY != 0),
                CHANNEL_BINDINGS => claims.bound = value.iter().any(|byte| *byte != 0),
                _ => {}
            }
        }
        Some(claims)
    }
}

/// The bytes that the length and offset at `at` describe.
fn field(message: &[u8], at: usize) -> Option<&[u8]> {
    let length = usize::from(u16::from_le_bytes(message.get(at..at + 2)?.try_into().ok()?));
    let offset = usize::try_from(u32::from_le_bytes(message.get(at + 4..at + 8)?.try_into().ok()?)).ok()?;
    message.get(offset..offset.checked_add(length)?)
}

/// UTF-16, which all clients since Windows 2000 send.
fn text(bytes: &[u8]) -> Option<String> {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16(&units).ok().filter(|_| bytes.len().is_multiple_of(2))
}

fn pairs(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (head, tail) = rest.split_at_checked(4)?;
        let (id, length) = (u16::from_le_bytes([head[0], head[1]]), u16::from_le_bytes([head[2], head[3]]));
        let (value, tail) = tail.split_at_checked(usize::from(length))?;
        rest = tail;
        (id != END).then_some((id, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message as MS-NLMP lays it out, with the pairs given.
    fn message(user: &str, domain: &str, pairs: &[(u16, &[u8])]) -> Vec<u8> {
        let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let mut response = vec![0; PAIRS];
        for (id, value) in pairs.iter().chain(&[(END, &[][..])]) {
            response.extend(id.to_le_bytes());
            response.extend(u16::try_from(value.len()).expect("short").to_le_bytes());
            response.extend(*value);
        }
        let (mut fields, mut payload) = (Vec::new(), Vec::new());
        for bytes in [Vec::new(), response, wide(domain), wide(user), Vec::new(), Vec::new()] {
            let length = u16::try_from(bytes.len()).expect("short").to_le_bytes();
            fields.extend([length, length].concat());
            fields.extend(u32::try_from(88 + payload.len()).expect("short").to_le_bytes());
            payload.extend(bytes);
        }
        let head = [AUTHENTICATE, &fields].concat();
        [head.clone(), vec![0; 88 - head.len()], payload].concat()
    }

    #[test]
    fn the_names_and_the_two_proofs_are_found() {
        let whole = message("opérateur", "HV01", &[(FLAGS, &[2, 0, 0, 0]), (CHANNEL_BINDINGS, &[7; 16])]);
        let read = Claims { user: "opérateur".to_owned(), domain: "HV01".to_owned(), integrity: true, bound: true };
        assert_eq!(Claims::read(&whole), Some(read.clone()));
        assert_eq!(Claims::read(&[b"\xa1\x81wrapped".to_vec(), whole].concat()), Some(read));
    }

    #[test]
    fn zeros_bind_to_nothing_and_other_flags_prove_nothing() {
        let bare = Claims::read(&message("a", "", &[(FLAGS, &[1, 0, 0, 0]), (CHANNEL_BINDINGS, &[0; 16])])).expect("readable");
        assert_eq!((bare.integrity, bare.bound, bare.domain.as_str()), (false, false, ""));
    }

    #[test]
    fn no_cut_or_foreign_message_is_read_beyond_its_end() {
        let whole = message("a", "b", &[(FLAGS, &[2, 0, 0, 0])]);
        for end in 0..whole.len() {
            assert!(Claims::read(&whole[..end]).is_none_or(|claims| !claims.user.is_empty()), "{end}");
        }
        let mut far = whole;
        far[USER + 4..USER + 8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Claims::read(&far), None);
        assert_eq!(Claims::read(b"NTLMSSP\0\x01\0\0\0"), None);
        let one = message("a", "b", &[(FLAGS, &[2, 0, 0, 0])]);
        assert!(Claims::read(&one).is_some());
        assert_eq!(Claims::read(&[one.clone(), one].concat()), None, "two messages in one token");
    }
}
