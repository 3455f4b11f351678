//! Cuts WQL text into tokens.
//!
//! Guarantees: at most `MAX_TEXT` bytes are looked at; every token knows where it began.

/// The longest query text that is read, in bytes.
pub const MAX_TEXT: usize = 32 * 1024;

/// Why a text is not WQL. WMI says no more than `Invalid query`; the position is for whoever writes the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid query: {fault} at byte {position}")]
pub struct WqlError {
    /// Where, in bytes from the start.
    pub position: usize,
    /// What is wrong.
    pub fault: &'static str,
}

/// One token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A keyword or an identifier; which one only the parser can tell.
    Word(String),
    Text(String),
    Integer(i128),
    Real(f64),
    /// The text between braces.
    Path(String),
    /// `=`, `!=`, `<>`, `<`, `>`, `<=`, `>=`, `(`, `)`, `,`, `.`, `*`
    Sign(&'static str),
    End,
}

/// A token and where it began.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) position: usize,
}

const SIGNS: [&str; 13] = ["<>", "!=", "<=", ">=", "==", "=", "<", ">", "(", ")", ",", ".", "*"];

/// Cuts `text`; the last token is always `End`.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, WqlError> {
    if text.len() > MAX_TEXT {
        return Err(WqlError { position: MAX_TEXT, fault: "the text is too long" });
    }
    let mut out: Vec<Placed> = Vec::new();
    let mut cut = Cutter { text, at: 0 };
    loop {
        cut.skip_space();
        let position = cut.at;
        // The pattern of LIKE is the one text in which a backslash is no escape.
        let raw = matches!(out.last(), Some(Placed { token: Token::Word(word), .. }) if word.eq_ignore_ascii_case("like"));
        let token = cut.next(raw)?;
        let end = token == Token::End;
        out.push(Placed { token, position });
        if end {
            return Ok(out);
        }
    }
}

struct Cutter<'a> {
    text: &'a str,
    at: usize,
}

impl Cutter<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn fail<T>(&self, fault: &'static str) -> Result<T, WqlError> {
        Err(WqlError { position: self.at, fault })
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn next(&mut self, raw: bool) -> Result<Token, WqlError> {
        let Some(first) = self.rest().chars().next() else { return Ok(Token::End) };
        match first {
            '\'' | '"' => self.quoted(first, raw),
            '{' => self.braced(),
            c if c.is_ascii_digit() => self.number(),
            '-' | '+' => self.number(),
            c if c.is_alphabetic() || c == '_' => Ok(self.word()),
            _ => match SIGNS.iter().find(|sign| self.rest().starts_with(**sign)) {
                Some(&"==") | None => self.fail("this character has no meaning here"),
                Some(sign) => {
                    self.at += sign.len();
                    Ok(Token::Sign(sign))
                }
            },
        }
    }

    fn word(&mut self) -> Token {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let word = rest[..end].to_owned();
        self.at += end;
        Token::Word(word)
    }

    fn quoted(&mut self, quote: char, raw: bool) -> Result<Token, WqlError> {
        let start = self.at;
        let mut value = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        let ended = loop {
            match chars.next() {
                None => break None,
                Some((at, c)) if c == quote => break Some(at + 1),
                Some((at, '\\')) if !raw => match chars.next() {
                    Some((_, c @ ('\\' | '\'' | '"'))) => value.push(c),
                    _ => return Err(WqlError { position: start + at, fault: "a backslash must be doubled or stand before a quote" }),
                },
                Some((_, c)) => value.push(c),
            }
        };
        match ended {
            Some(length) => {
                self.at += length;
                Ok(Token::Text(value))
            }
            None => self.fail("the text is not closed"),
        }
    }

    /// The braces end at the first `}` outside quotes, as a key's value may hold one.
    fn braced(&mut self) -> Result<Token, WqlError> {
        let mut quote = None;
        let mut escaped = false;
        for (at, c) in self.rest().char_indices().skip(1) {
            match (quote, c) {
                _ if escaped => escaped = false,
                (Some(_), '\\') => escaped = true,
                (Some(open), c) if c == open => quote = None,
                (None, '\'' | '"') => quote = Some(c),
                (None, '}') => {
                    let path = self.rest()[1..at].trim().to_owned();
                    self.at += at + 1;
                    return Ok(Token::Path(path));
                }
                _ => {}
            }
        }
        self.fail("the brace is not closed")
    }

    fn number(&mut self) -> Result<Token, WqlError> {
        let rest = self.rest();
        let sign = usize::from(rest.starts_with(['-', '+']));
        let (negative, digits) = (rest.starts_with('-'), &rest[sign..]);
        if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            let end = hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len());
            let Ok(value) = i128::from_str_radix(&hex[..end], 16) else { return self.fail("not a number") };
            self.at += sign + 2 + end;
            return Ok(Token::Integer(if negative { -value } else { value }));
        }
        let mut end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let mut real = false;
        if digits[end..].starts_with('.') {
            real = true;
            end += 1 + digits[end + 1..].find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len() - end - 1);
        }
        if digits[end..].starts_with(['e', 'E']) {
            let tail = &digits[end + 1..];
            let signs = usize::from(tail.starts_with(['-', '+']));
            let length = tail[signs..].find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len() - signs);
            if length > 0 {
                real = true;
                end += 1 + signs + length;
            }
        }
        let text = &rest[..sign + end];
        let token = if real { text.parse().ok().map(Token::Real) } else { text.parse().ok().map(Token::Integer) };
        let length = text.len();
        match token {
            Some(token) => {
                self.at += length;
                Ok(token)
            }
            None => self.fail("not a number"),
        }
    }
}
