//! What a host offers: its `WWW-Authenticate` headers.
//!
//! Guarantees: several challenges in one header are told apart; parameters are dropped; a token that is no Base64 counts as none.

use std::fmt;

use base64::Engine as _;

/// One scheme that a host offers.
#[derive(Clone, PartialEq, Eq)]
pub struct Offer {
    /// The scheme as it was written: `Negotiate`.
    pub scheme: String,
    /// The token behind it, decoded; empty when there is none.
    pub token: Vec<u8>,
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} octets)", self.scheme, self.token.len())
    }
}

/// The schemes that a host offers, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offers(Vec<Offer>);

impl Offers {
    /// Reads the values of all `WWW-Authenticate` headers.
    #[must_use]
    pub fn parse<'a>(headers: impl IntoIterator<Item = &'a str>) -> Self {
        Self(headers.into_iter().flat_map(pieces).filter_map(offer).collect())
    }

    /// Whether nothing is offered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The offer of `scheme`, in any case.
    #[must_use]
    pub fn find(&self, scheme: &str) -> Option<&Offer> {
        self.0.iter().find(|offer| offer.scheme.eq_ignore_ascii_case(scheme))
    }
}

impl fmt::Display for Offers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        for (at, offer) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            f.write_str(&offer.scheme)?;
        }
        Ok(())
    }
}

/// The parts between commas that stand in no quotes.
fn pieces(header: &str) -> Vec<&str> {
    let (mut pieces, mut start, mut quoted, mut escaped) = (vec![], 0, false, false);
    for (at, c) in header.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                pieces.push(&header[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(&header[start..]);
    pieces
}

/// A scheme with what stands behind it; `None` for a further parameter of the scheme before.
fn offer(piece: &str) -> Option<Offer> {
    let piece = piece.trim();
    let (scheme, rest) = piece.split_once(char::is_whitespace).unwrap_or((piece, ""));
    // Shown to people: only what a scheme may be made of.
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if scheme.is_empty() || scheme.len() > 64 || !scheme.chars().all(is_token) {
        return None;
    }
    let token = base64::engine::general_purpose::STANDARD.decode(rest.trim()).unwrap_or_default();
    Some(Offer { scheme: scheme.to_owned(), token })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_from_one_header_or_many() {
        let many = Offers::parse(["Negotiate", "Basic realm=\"WSMAN\"", "Kerberos"]);
        let one = Offers::parse(["Negotiate, Basic realm=\"WSMAN, or so\", charset=\"UTF-8\", Kerberos"]);
        assert_eq!(many.to_string(), "Negotiate, Basic, Kerberos");
        assert_eq!(one, many);
        assert_eq!(Offers::parse([""]).to_string(), "nothing");
    }

    #[test]
    fn a_token_is_decoded_and_never_shown() {
        let offers = Offers::parse(["Negotiate TlRMTVNTUAA="]);
        assert_eq!(offers.find("negotiate").expect("offered").token, b"NTLMSSP\0");
        assert_eq!(format!("{offers:?}"), "Offers([Negotiate (8 octets)])");
        assert!(Offers::parse(["Negotiate !!"]).find("Negotiate").expect("offered").token.is_empty());
    }
}
