//! What written text means: references to characters, and ends of lines.
//!
//! Guarantees: nothing is copied where nothing is to be replaced; of entities only XML's own five are known, so that no text grows.

use std::borrow::Cow;

use super::XmlError;

/// Where text stands; XML reads white space in attributes as spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Element,
    Attribute,
}

/// What `raw`, as it stands in `place`, means.
pub(super) fn meaning(raw: &str, place: Place) -> Result<Cow<'_, str>, XmlError> {
    let special = |byte: u8| matches!(byte, b'&' | b'\r') || place == Place::Attribute && matches!(byte, b'\n' | b'\t');
    let space = if place == Place::Attribute { ' ' } else { '\n' };
    let Some(mut next) = raw.bytes().position(special) else { return Ok(Cow::Borrowed(raw)) };
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    loop {
        let (before, from) = rest.split_at(next);
        out.push_str(before);
        rest = if from.starts_with('&') {
            let (character, after) = reference(from)?;
            out.push(character);
            after
        } else {
            // A carriage return with the line feed after it is one end of a line.
            out.push(space);
            from.strip_prefix("\r\n").unwrap_or(&from[1..])
        };
        match rest.bytes().position(special) {
            Some(at) => next = at,
            None => break,
        }
    }
    out.push_str(rest);
    Ok(Cow::Owned(out))
}

/// What `verbatim`, a section of character data, means: only its ends of lines are read.
pub(super) fn verbatim(section: &str) -> Cow<'_, str> {
    if section.contains('\r') { Cow::Owned(section.replace("\r\n", "\n").replace('\r', "\n")) } else { Cow::Borrowed(section) }
}

/// The character that the reference at the start of `text` means, and what follows it.
fn reference(text: &str) -> Result<(char, &str), XmlError> {
    let (name, after) = text[1..].split_once(';').ok_or_else(|| XmlError::entity(&text[1..]))?;
    let character = match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => name.strip_prefix('#').and_then(numbered),
    };
    character.map(|character| (character, after)).ok_or_else(|| XmlError::entity(name))
}

fn numbered(number: &str) -> Option<char> {
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    // The standard library would take a sign.
    let good = !digits.is_empty() && digits.bytes().all(|digit| char::from(digit).is_digit(radix));
    let code = good.then(|| u32::from_str_radix(digits, radix).ok()).flatten()?;
    char::from_u32(code).filter(|character| *character != '\0')
}
