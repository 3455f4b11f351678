//! The heads of HTTP messages as lines: the start line, then each header.
//!
//! Guarantees: a line is what went over the wire, but for the case of a header's name, which HTTP ignores, and for what authenticates.
//! So a length is that of what was sent: sealed, where that was sealed.

use std::borrow::Cow;

use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper::header::HeaderMap;
use hyper::{Request, Response};

/// What stands in a secret's place.
pub(super) const MASK: &str = "***";

/// Headers of which only the first word, a scheme, may be shown.
const WITH_SCHEME: [&str; 6] =
    ["authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate", "authentication-info", "proxy-authentication-info"];
/// Headers of which nothing may be shown.
const SECRET: [&str; 2] = ["cookie", "set-cookie"];

/// The head of a request.
pub(crate) fn of_request<B>(request: &Request<B>) -> Vec<String> {
    let start = format!("{} {} {:?}", request.method(), request.uri(), request.version());
    lines(start, request.headers())
}

/// The head of an answer.
pub(crate) fn of_response(response: &Response<Incoming>) -> Vec<String> {
    let status = response.status();
    // What is not said is what everybody says.
    let reason = match response.extensions().get::<ReasonPhrase>() {
        Some(phrase) => String::from_utf8_lossy(phrase.as_bytes()),
        None => Cow::Borrowed(status.canonical_reason().unwrap_or_default()),
    };
    let start = format!("{:?} {} {reason}", response.version(), status.as_u16());
    lines(start, response.headers())
}

fn lines(start: String, headers: &HeaderMap) -> Vec<String> {
    let shown = headers.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
    std::iter::once(start.trim_end().to_owned()).chain(shown).collect()
}

/// A line of a head, without what authenticates.
pub(super) fn masked(line: &str) -> Cow<'_, str> {
    let Some((name, value)) = line.split_once(": ") else { return Cow::Borrowed(line) };
    let is_one_of = |known: &[&str]| known.iter().any(|known| name.eq_ignore_ascii_case(known));
    match value.split_once(' ') {
        _ if is_one_of(&SECRET) => Cow::Owned(format!("{name}: {MASK}")),
        Some((scheme, _)) if is_one_of(&WITH_SCHEME) => Cow::Owned(format!("{name}: {scheme} {MASK}")),
        // One word that a client sends is no scheme alone.
        None if is_one_of(&["authorization", "proxy-authorization"]) => Cow::Owned(format!("{name}: {MASK}")),
        _ => Cow::Borrowed(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_authenticates_is_masked_and_nothing_else_is() {
        for (line, wanted) in [
            ("POST /wsman HTTP/1.1", "POST /wsman HTTP/1.1"),
            ("authorization: Negotiate TlRMTVNTUAAB", "authorization: Negotiate ***"),
            ("Authorization: s3cret", "Authorization: ***"),
            ("www-authenticate: Negotiate", "www-authenticate: Negotiate"),
            ("www-authenticate: Negotiate oYG2MIGz", "www-authenticate: Negotiate ***"),
            ("Set-Cookie: id=7; Secure", "Set-Cookie: ***"),
            ("cookie: id=7", "cookie: ***"),
            ("server: Microsoft-HTTPAPI/2.0", "server: Microsoft-HTTPAPI/2.0"),
        ] {
            assert_eq!(masked(line), wanted);
        }
    }

    #[test]
    fn a_head_is_told_line_by_line() {
        let request = Request::post("/wsman").header("host", "hv01:5985").header("content-length", 7).body(()).expect("a request");
        assert_eq!(of_request(&request), ["POST /wsman HTTP/1.1", "host: hv01:5985", "content-length: 7"]);
    }
}
