//! Writes elements into a string.
//!
//! Guarantees: text and attribute values are escaped; characters that XML 1.0 forbids become `?`, as Windows writes them.

use super::text::is_forbidden;

/// See the module. Elements nest as the calls do; nothing is checked beyond escaping.
#[derive(Debug, Default)]
pub struct Writer {
    out: String,
}

impl Writer {
    /// Nothing written yet.
    #[must_use]
    pub fn new() -> Self {
        Self { out: String::with_capacity(2048) }
    }

    /// What was written.
    #[must_use]
    pub fn finish(self) -> String {
        self.out
    }

    /// Opens `name`.
    pub fn open(&mut self, name: &str) {
        self.open_with(name, &[]);
    }

    /// Opens `name` with `attributes`.
    pub fn open_with(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.out.push('>');
    }

    /// Closes `name`.
    pub fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// `name` with nothing in it.
    pub fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.out.push_str("/>");
    }

    /// `name` with `text` in it.
    pub fn leaf(&mut self, name: &str, text: &str) {
        self.leaf_with(name, &[], text);
    }

    /// `name` with `attributes`, and `text` in it.
    pub fn leaf_with(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.open_with(name, attributes);
        self.text(text);
        self.close(name);
    }

    /// Text.
    pub fn text(&mut self, text: &str) {
        escape(&mut self.out, text, Place::Text);
    }

    /// Text that is markup already.
    pub fn raw(&mut self, markup: &str) {
        self.out.push_str(markup);
    }

    fn start(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.out.push('<');
        self.out.push_str(name);
        for (attribute, value) in attributes {
            self.out.push(' ');
            self.out.push_str(attribute);
            self.out.push_str("=\"");
            escape(&mut self.out, value, Place::Attribute);
            self.out.push('"');
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Text,
    Attribute,
}

/// The bytes that may begin something that is escaped. Most text has none.
const MAY_NEED_ESCAPE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        // U+FFFE and U+FFFF begin with 0xef.
        table[byte] = matches!(byte as u8, 0..=0x1f | b'<' | b'>' | b'&' | b'"' | b'\'' | 0xef);
        byte += 1;
    }
    table
};

fn escape(out: &mut String, text: &str, place: Place) {
    if !text.bytes().any(|byte| MAY_NEED_ESCAPE[usize::from(byte)]) {
        out.push_str(text);
        return;
    }
    let mut from = 0;
    for (at, c) in text.char_indices() {
        let written = match c {
            '<' => "&lt;",
            '>' => "&gt;",
            '&' => "&amp;",
            // Windows escapes both quotes in text too.
            '"' => "&quot;",
            '\'' => "&apos;",
            '\n' if place == Place::Attribute => "&#10;",
            '\t' if place == Place::Attribute => "&#9;",
            '\r' => "&#13;",
            '\n' | '\t' => continue,
            c if is_forbidden(c) => "?",
            _ => continue,
        };
        out.push_str(&text[from..at]);
        out.push_str(written);
        from = at + c.len_utf8();
    }
    out.push_str(&text[from..]);
}
