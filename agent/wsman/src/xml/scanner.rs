//! The markup of a document, one token after the other: tags, text, sections.
//!
//! SOAP forbids document types, and with them go entities, defaults and every other declaration. What it leaves of XML is read here.
//! Guarantees: one pass, nothing copied, nothing looked at twice; what XML does not allow inside a tag is refused. Comments and
//! instructions are passed over. Deliberately absent: nesting and namespaces, which are the reader's.

use super::XmlError;
use super::text::Written;

/// One token.
#[derive(Debug, Clone, Copy)]
pub(super) enum Token<'x> {
    /// The start of an element.
    Start(Tag<'x>),
    /// An element that is its own end.
    Empty(Tag<'x>),
    /// The end of an element; `end` reads the rest of it.
    End,
    /// Text.
    Text(Written<'x>),
    /// The end of the document.
    Nothing,
}

/// The bytes that may stand in a part of a name, which a colon has only one other beside.
const IN_NAMES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = byte >= 0x80 || (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'_' | b'-' | b'.');
        byte += 1;
    }
    table
};

/// The bytes at which the value of an attribute ends, or stops meaning what is written.
const STOPS_VALUES: [bool; 256] = {
    let mut table = [false; 256];
    let stops = b"\"'<&\r\n\t";
    let mut at = 0;
    while at < stops.len() {
        table[stops[at] as usize] = true;
        at += 1;
    }
    table
};

/// Whether a name may begin with `byte`.
const fn begins_name(byte: u8) -> bool {
    IN_NAMES[byte as usize] && !matches!(byte, b'0'..=b'9' | b'-' | b'.')
}

/// Whether an element may be called `name`, after a prefix or without one.
pub(crate) fn is_name(name: &str) -> bool {
    name.bytes().next().is_some_and(begins_name) && name.bytes().all(|byte| IN_NAMES[usize::from(byte)])
}

/// A name as it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct QName<'x> {
    pub(super) whole: &'x str,
    local_from: usize,
}

impl<'x> QName<'x> {
    /// Takes `whole` apart at its first colon.
    pub(super) fn new(whole: &'x str) -> Self {
        // Prefixes are short, and so are names: a search made for long texts would cost more than it saves.
        Self { whole, local_from: whole.bytes().position(|byte| byte == b':').map_or(0, |colon| colon + 1) }
    }

    /// What stands before the colon; empty without one.
    pub(super) fn prefix(&self) -> &'x str {
        self.whole.get(..self.local_from.saturating_sub(1)).unwrap_or_default()
    }

    /// What stands after the colon, or all of it.
    pub(super) fn local(&self) -> &'x str {
        self.whole.get(self.local_from..).unwrap_or_default()
    }
}

/// The start of an element.
#[derive(Debug, Clone, Copy)]
pub struct Tag<'x> {
    pub(super) name: QName<'x>,
    /// Most elements have one attribute at most.
    first: Option<Attribute<'x>>,
    /// The other attributes as they are written, known to be well-formed.
    others: &'x str,
}

impl<'x> Tag<'x> {
    /// Its name without a prefix.
    #[must_use]
    pub fn local(&self) -> &'x str {
        self.name.local()
    }

    /// Its attributes.
    pub(super) fn attributes(&self) -> impl Iterator<Item = Attribute<'x>> {
        let mut scanner = Scanner { document: self.others, at: 0, most_attributes: usize::MAX, attributes: vec![], started: "" };
        let others = std::iter::from_fn(move || {
            scanner.spaces();
            if scanner.rest().is_empty() { None } else { scanner.attribute().ok() }
        });
        self.first.into_iter().chain(others)
    }
}

/// One attribute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute<'x> {
    pub(super) name: QName<'x>,
    pub(super) value: Written<'x>,
}

/// An element without children, and without attributes but one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Leaf<'x> {
    /// It has `xsi:nil="true"`, whatever `xsi` is.
    Nil,
    /// It has this text, which means what is written.
    Text(&'x str),
}

/// As Windows writes it, the end of the tag with it.
const NIL: &[u8] = b" xsi:nil=\"true\"/>";

/// Octets of a prefix that is looked for before its colon.
const LONGEST_PREFIX: usize = 8;

/// See the module.
#[derive(Debug)]
pub(super) struct Scanner<'x> {
    document: &'x str,
    at: usize,
    most_attributes: usize,
    attributes: Vec<Attribute<'x>>,
    /// The name of the element whose attributes these are.
    started: &'x str,
}

impl<'x> Scanner<'x> {
    /// Stands at the start of `document`.
    pub(super) fn new(document: &'x str, most_attributes: usize) -> Self {
        // The root of an envelope has about as many.
        Self { document, at: 0, most_attributes, attributes: Vec::with_capacity(8), started: "" }
    }

    /// The byte that it stands at.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Stands at `position` again, which it gave before.
    pub(super) fn return_to(&mut self, position: usize) {
        self.at = position;
    }

    /// The attributes of the start that was given last.
    pub(super) fn attributes(&self) -> &[Attribute<'x>] {
        &self.attributes
    }

    /// The same if that start was `tag`, so that they need not be read again.
    pub(super) fn attributes_of(&self, tag: &Tag<'_>) -> Option<&[Attribute<'x>]> {
        std::ptr::eq(self.started, tag.name.whole).then_some(&*self.attributes)
    }

    /// The document is not well-formed here.
    pub(super) fn malformed(&self, what: impl Into<String>) -> XmlError {
        XmlError::Malformed { at: self.at, what: what.into() }
    }

    /// Passes over an element of the shape that nearly all have, when it comes next and is called one of `names`: a prefix, then nothing
    /// but `xsi:nil="true"`, or plain text without attributes. Which of the names it was, and its text.
    ///
    /// One comparison for each part instead of a token: most of what a host sends is read here.
    pub(super) fn leaf<'n>(&mut self, names: impl Iterator<Item = &'n str>) -> Option<(usize, Leaf<'x>)> {
        let rest = self.rest();
        let prefixed = rest.strip_prefix(b"<")?;
        let colon = prefixed.iter().take(LONGEST_PREFIX).position(|byte| *byte == b':')?;
        let (prefix, local) = (&prefixed[..colon], &prefixed[colon + 1..]);
        if !begins_name(*prefix.first()?) || !prefix.iter().all(|byte| IN_NAMES[usize::from(*byte)]) {
            return None;
        }
        let is_meant = |name: &str| local.starts_with(name.as_bytes()) && matches!(local.get(name.len()), Some(b' ' | b'>'));
        let (which, name) = names.enumerate().find(|(_, name)| is_meant(name))?;
        let after = &local[name.len()..];
        if let Some(beyond) = after.strip_prefix(NIL) {
            self.at += rest.len() - beyond.len();
            return Some((which, Leaf::Nil));
        }
        let text = after.strip_prefix(b">")?;
        let length = memchr::memchr3(b'<', b'&', b'\r', text)?;
        let whole = &prefixed[..colon + 1 + name.len()];
        let beyond = text[length..].strip_prefix(b"</")?.strip_prefix(whole)?.strip_prefix(b">")?;
        let from = self.at + rest.len() - text.len();
        self.at += rest.len() - beyond.len();
        Some((which, Leaf::Text(self.document.get(from..from + length).unwrap_or_default())))
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Result<Token<'x>, XmlError> {
        loop {
            match self.rest() {
                [] => return Ok(Token::Nothing),
                [b'<', b'/', ..] => {
                    self.at += "</".len();
                    return Ok(Token::End);
                }
                [b'<', b'?', ..] => {
                    self.at += "<?".len();
                    self.name()?;
                    self.pass("", "?>")?;
                }
                [b'<', b'!', b'-', b'-', ..] => drop(self.pass("<!--", "-->")?),
                [b'<', b'!', b'[', b'C', b'D', b'A', b'T', b'A', b'[', ..] => {
                    return Ok(Token::Text(Written::Section(self.pass("<![CDATA[", "]]>")?)));
                }
                [b'<', b'!', ..] => return Err(XmlError::DocumentType),
                [b'<', ..] => return self.start(),
                _ => return Ok(self.text()),
            }
        }
    }

    fn rest(&self) -> &'x [u8] {
        self.document.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn since(&self, from: usize) -> &'x str {
        // Every place where the scanner stops is beside an ASCII character.
        self.document.get(from..self.at).unwrap_or_default()
    }

    /// Passes over what stands between `open`, where the scanner stands, and `close`, and gives it.
    fn pass(&mut self, open: &str, close: &str) -> Result<&'x str, XmlError> {
        let inside = self.document.get(self.at + open.len()..).unwrap_or_default();
        let end = inside.find(close).ok_or_else(|| self.malformed(format!("there is no `{close}`")))?;
        self.at += open.len() + end + close.len();
        Ok(&inside[..end])
    }

    fn text(&mut self) -> Token<'x> {
        let (from, rest) = (self.at, self.rest());
        let stop = memchr::memchr3(b'<', b'&', b'\r', rest).unwrap_or(rest.len());
        let (after, plain) = (&rest[stop..], matches!(rest.get(stop), None | Some(b'<')));
        self.at += stop + if plain { 0 } else { memchr::memchr(b'<', after).unwrap_or(after.len()) };
        let raw = self.since(from);
        Token::Text(if plain { Written::Plain(raw) } else { Written::Escaped(raw) })
    }

    /// Reads the rest of an end, which must be that of the element `name`.
    pub(super) fn end(&mut self, name: &str) -> Result<(), XmlError> {
        let Some(after) = self.rest().strip_prefix(name.as_bytes()) else {
            return Err(self.malformed(format!("`{name}` is not ended where it must be")));
        };
        self.at += name.len();
        if after.first() != Some(&b'>') {
            self.spaces();
        }
        self.expect(b'>')
    }

    fn start(&mut self) -> Result<Token<'x>, XmlError> {
        self.at += 1;
        let name = self.name()?;
        let mut others_from = self.at;
        self.attributes.clear();
        loop {
            let spaces = self.spaces();
            let (length, ends) = match self.rest() {
                [b'>', ..] => (1, false),
                [b'/', b'>', ..] => (2, true),
                [] => return Err(self.malformed("the document ends inside a tag")),
                _ if spaces == 0 => return Err(self.malformed(format!("the tag of `{}` is spoilt", name.whole))),
                _ => {
                    self.another_attribute(name.whole)?;
                    if self.attributes.len() == 1 {
                        others_from = self.at;
                    }
                    continue;
                }
            };
            self.started = name.whole;
            let tag = Tag { name, first: self.attributes.first().copied(), others: self.since(others_from) };
            self.at += length;
            return Ok(if ends { Token::Empty(tag) } else { Token::Start(tag) });
        }
    }

    fn another_attribute(&mut self, element: &str) -> Result<(), XmlError> {
        let attribute = self.attribute()?;
        if self.attributes.iter().any(|other| other.name.whole == attribute.name.whole) {
            return Err(self.malformed(format!("`{element}` has `{}` twice", attribute.name.whole)));
        }
        if self.attributes.len() == self.most_attributes {
            return Err(XmlError::TooManyAttributes { element: element.to_owned(), limit: self.most_attributes });
        }
        self.attributes.push(attribute);
        Ok(())
    }

    fn attribute(&mut self) -> Result<Attribute<'x>, XmlError> {
        let name = self.name()?;
        self.spaces();
        self.expect(b'=')?;
        self.spaces();
        let Some(quote @ (b'"' | b'\'')) = self.rest().first() else { return Err(self.malformed("an attribute has no quotes")) };
        self.at += 1;
        let (from, rest) = (self.at, self.rest());
        // Nearly all values are too short for a search that is made for long texts.
        let stop = rest.iter().take_while(|byte| !STOPS_VALUES[usize::from(**byte)]).count();
        let plain = rest.get(stop) == Some(quote);
        let length = if plain { Some(stop) } else { rest.iter().position(|byte| byte == quote) };
        self.at += length.unwrap_or(rest.len());
        let raw = self.since(from);
        if length.is_none() || !plain && raw.contains('<') {
            return Err(self.malformed(format!("the value of `{}` has no end", name.whole)));
        }
        self.at += 1;
        Ok(Attribute { name, value: if plain { Written::Plain(raw) } else { Written::Attribute(raw) } })
    }

    fn name(&mut self) -> Result<QName<'x>, XmlError> {
        let from = self.at;
        let mut begins_well = self.part();
        let mut local_from = 0;
        if self.rest().first() == Some(&b':') {
            self.at += 1;
            local_from = self.at - from;
            begins_well &= self.part();
        }
        if begins_well {
            return Ok(QName { whole: self.since(from), local_from });
        }
        self.at = from;
        Err(self.malformed("there is no name where one must stand"))
    }

    /// Passes over a name without a colon; whether it begins as one must.
    fn part(&mut self) -> bool {
        let rest = self.rest();
        self.at += rest.iter().take_while(|byte| IN_NAMES[usize::from(**byte)]).count();
        rest.first().is_some_and(|byte| begins_name(*byte))
    }

    /// Passes over white space; how much there was.
    fn spaces(&mut self) -> usize {
        let count = self.rest().iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
        self.at += count;
        count
    }

    fn expect(&mut self, wanted: u8) -> Result<(), XmlError> {
        if self.rest().first() != Some(&wanted) {
            return Err(self.malformed(format!("there is no `{}` where one must stand", char::from(wanted))));
        }
        self.at += 1;
        Ok(())
    }
}
