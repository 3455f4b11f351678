//! Values that are written as one piece of text: names, addresses, quantities, times.
//!
//! Guarantees: what YAML versions read differently (`no`, `2.10`, `01:00`) is refused with the reason, never guessed.

mod network;
mod quantity;
mod time;
mod words;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

pub use network::{Fingerprint, Fqdn, HostAddress, Subnet, Url};
pub use quantity::{Bytes, Version, compare_versions};
pub use time::{Clock, DayName, Moment, WeekName};

use super::decode::{Decode, Decoder, Fault};
use crate::diagnostic::Code;
use crate::yaml::{Kind, Node, Style};

/// Which unquoted forms would be read differently by another YAML reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text: an unquoted boolean or number is a trap.
    Text,
    /// A version: an unquoted number is a trap.
    Version,
    /// A time of day: unquoted it is a trap.
    Clock,
    /// A word, number or quantity that no reader takes for anything else.
    Word,
}

/// A value written as one piece of text.
pub trait Scalar: Sized {
    /// What the place wants, for the message.
    const EXPECTED: &'static str;
    /// The code of a text that cannot be read.
    const CODE: Code;
    /// Which unquoted forms are traps.
    const FORM: Form = Form::Text;

    /// Reads the text; the error says what is wrong with it.
    ///
    /// # Errors
    /// A sentence without a full stop.
    fn read(text: &str) -> Result<Self, String>;

    /// Something similar that could be meant.
    fn suggest(_: &str) -> Option<String> {
        None
    }
}

impl<T: Scalar> Decode for T {
    fn decode(node: Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let Kind::Scalar(text, style) = node.kind() else {
            cx.wrong_type(node, T::EXPECTED);
            return None;
        };
        if style == Style::Plain && matches!(text, "" | "~" | "null") {
            cx.wrong_type(node, T::EXPECTED);
            return None;
        }
        let origin = cx.origin(node);
        if style == Style::Plain
            && let Some(fault) = trap(T::FORM, text)
        {
            cx.fault(Fault { origin, expected: Some(Cow::Borrowed(T::EXPECTED)), ..fault });
            return None;
        }
        T::read(text)
            .map_err(|message| cx.fault(Fault { hint: T::suggest(text), ..Fault::new(T::CODE, origin, message).expected(T::EXPECTED) }))
            .ok()
    }
}

fn trap(form: Form, text: &str) -> Option<Fault> {
    let fault = |code: Code, message: String| {
        Some(Fault::new(code, super::Origin::default(), message).hint(format!("write it in quotes: \"{text}\"")))
    };
    // Most text begins with a letter, and no number does.
    let begins = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    let number = || begins && text.parse::<f64>().is_ok() && text.contains(|c: char| c.is_ascii_digit());
    match form {
        Form::Word => None,
        Form::Version if number() => fault(Code::UnquotedVersion, format!("`{text}` without quotes is a number, not a version")),
        Form::Clock => fault(Code::UnquotedClock, format!("`{text}` without quotes is a number to some YAML readers")),
        Form::Text | Form::Version if is_boolean_word(text) => {
            fault(Code::UnquotedBoolean, format!("`{text}` without quotes is a boolean to some YAML readers"))
        }
        Form::Text if number() => fault(Code::UnquotedNumber, format!("`{text}` without quotes is a number, not text")),
        Form::Text if begins && is_clock(text) => {
            fault(Code::UnquotedClock, format!("`{text}` without quotes is a number to some YAML readers"))
        }
        Form::Text | Form::Version => None,
    }
}

fn is_boolean_word(text: &str) -> bool {
    text.len() <= 5 && ["y", "n", "yes", "no", "on", "off", "true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn is_clock(text: &str) -> bool {
    text.split_once(':').is_some_and(|(hours, minutes)| {
        [hours, minutes].iter().all(|part| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
    })
}

impl Decode for bool {
    fn decode(node: Node<'_>, cx: &mut Decoder) -> Option<Self> {
        const EXPECTED: &str = "`true` or `false`";
        match node.kind() {
            Kind::Scalar("true", Style::Plain) => Some(true),
            Kind::Scalar("false", Style::Plain) => Some(false),
            Kind::Scalar(text, Style::Plain) if is_boolean_word(text) => {
                let yes = ["y", "yes", "on", "true"].iter().any(|word| text.eq_ignore_ascii_case(word));
                let fault = Fault::new(Code::UnquotedBoolean, cx.origin(node), format!("`{text}` is a boolean to some YAML readers only"));
                cx.fault(fault.expected(EXPECTED).hint(format!("write `{yes}`")));
                None
            }
            _ => {
                cx.wrong_type(node, EXPECTED);
                None
            }
        }
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bounded<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Bounded<MIN, MAX> {
    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<const MIN: u32, const MAX: u32> Decode for Bounded<MIN, MAX> {
    fn decode(node: Node<'_>, cx: &mut Decoder) -> Option<Self> {
        let expected = || format!("a whole number from {MIN} to {MAX}");
        let number = match node.kind() {
            Kind::Scalar(text, Style::Plain) => text.parse::<i64>().ok().filter(|_| !text.starts_with(['+', '0']) || text == "0"),
            _ => None,
        };
        let Some(number) = number else {
            cx.wrong_type(node, expected());
            return None;
        };
        match u32::try_from(number).ok().filter(|number| (MIN..=MAX).contains(number)) {
            Some(number) => Some(Self(number)),
            None => {
                let fault = Fault::new(Code::OutOfRange, cx.origin(node), format!("{number} is out of range"));
                cx.fault(fault.expected(expected()));
                None
            }
        }
    }
}

impl<const MIN: u32, const MAX: u32> JsonSchema for Bounded<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

macro_rules! text_schema {
    ($ty:ty, $schema:tt) => {
        impl schemars::JsonSchema for $ty {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($ty).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    };
}

macro_rules! text_type {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

use {text_schema, text_type};

text_type!(/// A sentence for people, one line, at most 200 characters.
    Sentence);
text_type!(/// A key or value of a label, or another short word: letters, digits, `-`, `_`, `.`; at most 63 characters.
    Label);

impl Scalar for Sentence {
    const EXPECTED: &'static str = "a line of text, at most 200 characters";
    const CODE: Code = Code::OutOfRange;

    fn read(text: &str) -> Result<Self, String> {
        let text = text.trim_end();
        if text.chars().any(char::is_control) {
            return Err("the text holds a line break or another control character".into());
        }
        match text.chars().count() {
            0 => Err("the text is empty".into()),
            1..=200 => Ok(Self(text.into())),
            count => Err(format!("the text has {count} characters")),
        }
    }
}
text_schema!(Sentence, { "type": "string", "minLength": 1, "maxLength": 200 });

impl Scalar for Label {
    const EXPECTED: &'static str = "letters, digits, `-`, `_` or `.`, at most 63 characters";
    const CODE: Code = Code::BadName;

    fn read(text: &str) -> Result<Self, String> {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if text.is_empty() || text.len() > 63 || !text.chars().all(good) {
            return Err(format!("`{text}` cannot be a label"));
        }
        Ok(Self(text.into()))
    }
}
text_schema!(Label, { "type": "string", "pattern": "^[A-Za-z0-9._-]{1,63}$" });
