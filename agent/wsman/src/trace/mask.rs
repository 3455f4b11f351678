//! Takes secrets out of an envelope's text.
//!
//! Guarantees: it works on any text, well-formed or not; what stands in an element, or in a property of embedded CIM-XML, whose name
//! speaks of a password is masked, and so is what is sent to a command's standard input, and each known secret in each spelling.
//! Deliberately absent: guessing from values.

use base64::Engine as _;

use super::head::MASK;
use crate::secret::Secret;
use crate::xml::Writer;

/// Parts of names, in lower case, that speak of a secret.
const TELLING: [&str; 8] = ["password", "passwd", "passphrase", "pwd", "secret", "privatekey", "credential", "unattend"];

/// `text` without secrets.
pub(super) fn masked(text: &str, secrets: &[Secret]) -> String {
    let mut text = text.to_owned();
    // The longer spelling first: a shorter one may stand inside of it.
    let mut spellings: Vec<String> = secrets.iter().flat_map(spellings).collect();
    spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
    for spelling in spellings.iter().filter(|spelling| !spelling.is_empty()) {
        text = text.replace(spelling.as_str(), MASK);
    }
    let text = elements(&text);
    let text = properties(&text, ("NAME=&quot;", "&quot;"), ("VALUE&gt;", "&lt;/VALUE"));
    properties(&text, ("NAME=\"", "\""), ("VALUE>", "</VALUE"))
}

/// A secret as it is, escaped once and twice, quoted for a command, and in base64 of both encodings.
fn spellings(secret: &Secret) -> Vec<String> {
    let plain = secret.reveal();
    let base64 = |octets: &[u8]| base64::engine::general_purpose::STANDARD.encode(octets);
    let wide: Vec<u8> = plain.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut all = vec![plain.to_owned(), crate::client::quoted(plain)];
    for round in 0..2 {
        let escaped: Vec<String> = all.iter().skip(round * 2).map(|text| escaped(text)).collect();
        all.extend(escaped);
    }
    all.extend([base64(plain.as_bytes()), base64(&wide)]);
    all
}

fn escaped(text: &str) -> String {
    let mut writer = Writer::new();
    writer.text(text);
    writer.finish()
}

fn is_telling(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    TELLING.iter().any(|part| name.contains(part))
}

/// A truth value is no secret, whatever its property is called, and a fixture needs it.
fn is_harmless(value: &str) -> bool {
    let value = value.trim();
    value.is_empty() || value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false")
}

/// Masks what stands in elements with a telling name.
fn elements(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        let Some(end) = rest[open..].find('>').map(|at| open + at + 1) else { break };
        let tag = &rest[open + 1..end - 1];
        out.push_str(&rest[..end]);
        rest = &rest[end..];
        let name = tag.split([' ', '\t', '\r', '\n', '/']).next().unwrap_or_default();
        let local = name.rsplit(':').next().unwrap_or_default();
        let is_input = local == "Stream" && tag.contains("Name=\"stdin\"");
        if tag.starts_with(['/', '?', '!']) || tag.ends_with('/') || !(is_telling(local) || is_input) {
            continue;
        }
        let close = rest.find(&format!("</{name}>")).unwrap_or(rest.len());
        if is_harmless(&rest[..close]) {
            out.push_str(&rest[..close]);
        } else {
            out.push_str(MASK);
        }
        rest = &rest[close..];
    }
    out.push_str(rest);
    out
}

/// Masks the values of properties with a telling name in embedded CIM-XML, in one of its spellings.
fn properties(text: &str, (before, after): (&str, &str), (value, end): (&str, &str)) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(before) {
        let (done, more) = rest.split_at(at + before.len());
        out.push_str(done);
        rest = more;
        let name = rest.split(after).next().unwrap_or_default();
        if !is_telling(name) {
            continue;
        }
        // Every value up to the next property: an array has several.
        let reach = rest.find(before).unwrap_or(rest.len());
        let (own, others) = rest.split_at(reach);
        let mut own = own;
        while let Some(from) = own.find(value) {
            let (done, more) = own.split_at(from + value.len());
            out.push_str(done);
            let to = more.find(end).unwrap_or(more.len());
            out.push_str(if is_harmless(&more[..to]) { &more[..to] } else { MASK });
            // Past the closing tag, which holds the same word.
            let past = more[to..].find(value).map_or(more.len(), |at| to + at + value.len());
            out.push_str(&more[to..past]);
            own = &more[past..];
        }
        out.push_str(own);
        rest = others;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_like_a_secret_is_masked() {
        for (text, wanted) in [
            ("<p:Password>s3cret</p:Password>", "<p:Password>***</p:Password>"),
            ("<p:PASSWORD xsi:nil=\"true\"/><p:Name>x</p:Name>", "<p:PASSWORD xsi:nil=\"true\"/><p:Name>x</p:Name>"),
            ("<p:PasswordRequired>true</p:PasswordRequired>", "<p:PasswordRequired>true</p:PasswordRequired>"),
            (
                "<rsp:Stream Name=\"stdin\" CommandId=\"1\">czNjcmV0</rsp:Stream>",
                "<rsp:Stream Name=\"stdin\" CommandId=\"1\">***</rsp:Stream>",
            ),
            ("<rsp:Stream Name=\"stdout\">b2s=</rsp:Stream>", "<rsp:Stream Name=\"stdout\">b2s=</rsp:Stream>"),
            (
                "&lt;PROPERTY NAME=&quot;AccountPassword&quot; TYPE=&quot;string&quot;&gt;&lt;VALUE&gt;s3cret&lt;/VALUE&gt;&lt;/PROPERTY&gt;&lt;PROPERTY NAME=&quot;X&quot;&gt;&lt;VALUE&gt;y&lt;/VALUE&gt;",
                "&lt;PROPERTY NAME=&quot;AccountPassword&quot; TYPE=&quot;string&quot;&gt;&lt;VALUE&gt;***&lt;/VALUE&gt;&lt;/PROPERTY&gt;&lt;PROPERTY NAME=&quot;X&quot;&gt;&lt;VALUE&gt;y&lt;/VALUE&gt;",
            ),
            (
                "<![CDATA[<PROPERTY NAME=\"Unattend\"><VALUE>a</VALUE><VALUE>b</VALUE>]]>",
                "<![CDATA[<PROPERTY NAME=\"Unattend\"><VALUE>***</VALUE><VALUE>***</VALUE>]]>",
            ),
            ("<p:Password>cut off", "<p:Password>***"),
            ("no < markup", "no < markup"),
        ] {
            assert_eq!(masked(text, &[]), wanted);
        }
    }

    #[test]
    fn a_known_secret_is_masked_in_every_spelling() {
        let secret = Secret::new("a<b&\"c d");
        for spelling in spellings(&secret) {
            let text = masked(&format!("<p:Value>x {spelling} y</p:Value>"), std::slice::from_ref(&secret));
            assert_eq!(text, "<p:Value>x *** y</p:Value>", "{spelling}");
        }
        assert_eq!(spellings(&secret).len(), 8);
    }
}
