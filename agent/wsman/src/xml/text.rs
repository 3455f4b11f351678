//! What written text means: references to characters, and ends of lines.
//!
//! Guarantees: nothing is copied where nothing is to be replaced; of entities only XML's own five are known, so that no text grows
//! by more than it is long.

use std::borrow::Cow;

use super::XmlError;

const ENTITIES: [(&str, char); 5] = [("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&apos;", '\''), ("&amp;", '&')];

/// Text as it is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Written<'x> {
    /// It means what is written.
    Plain(&'x str),
    /// In an element, with references or carriage returns.
    Escaped(&'x str),
    /// In an attribute, with these or other white space, which XML reads as spaces there.
    Attribute(&'x str),
    /// A section of character data.
    Section(&'x str),
}

impl<'x> Written<'x> {
    /// As it is written.
    pub(super) fn raw(self) -> &'x str {
        let (Self::Plain(raw) | Self::Escaped(raw) | Self::Attribute(raw) | Self::Section(raw)) = self;
        raw
    }

    /// Whether it is white space and nothing else.
    pub(super) fn is_blank(self) -> bool {
        self.raw().bytes().all(|byte| byte.is_ascii_whitespace())
    }

    /// What it means.
    pub(super) fn meaning(self) -> Result<Cow<'x, str>, XmlError> {
        let (special, line_end): (fn(u8) -> bool, _) = match self {
            Self::Plain(raw) => return Ok(Cow::Borrowed(raw)),
            Self::Section(raw) if raw.contains('\r') => return Ok(Cow::Owned(raw.replace("\r\n", "\n").replace('\r', "\n"))),
            Self::Section(raw) => return Ok(Cow::Borrowed(raw)),
            Self::Escaped(_) => (|byte| matches!(byte, b'&' | b'\r'), '\n'),
            Self::Attribute(_) => (|byte| matches!(byte, b'&' | b'\r' | b'\n' | b'\t'), ' '),
        };
        let mut out = String::with_capacity(self.raw().len());
        let mut rest = self.raw();
        // Markup inside of text has one every few bytes.
        while let Some(at) = rest.bytes().position(special) {
            let (before, from) = rest.split_at(at);
            out.push_str(before);
            if from.starts_with('&') {
                let (character, after) = reference(from)?;
                out.push(character);
                rest = after;
            } else {
                // A carriage return with the line feed after it is one end of a line.
                out.push(line_end);
                rest = from.strip_prefix("\r\n").unwrap_or(&from[1..]);
            }
        }
        out.push_str(rest);
        Ok(Cow::Owned(out))
    }
}

/// The character that the reference at the start of `text` means, and what follows it.
fn reference(text: &str) -> Result<(char, &str), XmlError> {
    if let Some(known) = ENTITIES.iter().find_map(|(written, meant)| Some((*meant, text.strip_prefix(written)?))) {
        return Ok(known);
    }
    let (name, after) = text[1..].split_once(';').ok_or_else(|| XmlError::entity(&text[1..]))?;
    let character = name.strip_prefix('#').and_then(numbered).ok_or_else(|| XmlError::entity(name))?;
    Ok((character, after))
}

fn numbered(number: &str) -> Option<char> {
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    // The standard library would take a sign.
    let good = !digits.is_empty() && digits.bytes().all(|digit| char::from(digit).is_digit(radix));
    let code = good.then(|| u32::from_str_radix(digits, radix).ok()).flatten()?;
    char::from_u32(code).filter(|character| !is_forbidden(*character))
}

/// Whether XML 1.0 knows no such character, however it is written.
pub(super) fn is_forbidden(character: char) -> bool {
    matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// The first byte of a character that XML 1.0 does not know.
pub(super) fn forbidden(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    // A loop without a way out compares many bytes at a time, and nearly no text has any of these.
    let has_control = bytes.iter().fold(false, |any, byte| any | (*byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')));
    // U+FFFE and U+FFFF begin with 0xef.
    if !has_control && memchr::memchr(0xef, bytes).is_none() {
        return None;
    }
    text.char_indices().find(|(_, character)| is_forbidden(*character)).map(|(at, _)| at)
}
