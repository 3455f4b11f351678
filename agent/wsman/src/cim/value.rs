//! One CIM value: a scalar, a reference, an embedded instance, or an array of these.
//!
//! Guarantees: a decoded value is never wider than its declared type; what no table declares stays `String`.

use super::{CimInstance, CimPath};

/// The declared type of a property or parameter, without its array-ness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are DSP0004's own")]
pub enum CimType {
    Boolean,
    Uint8,
    Sint8,
    Uint16,
    Sint16,
    Uint32,
    Sint32,
    Uint64,
    Sint64,
    Real32,
    Real64,
    Char16,
    String,
    Datetime,
    Reference,
    /// An embedded object (`TargetInstance`, `MSFT_WUUpdate`): a nested element on the wire.
    Object,
    /// An embedded instance in a string (`EmbeddedInstance` qualifier): CIM-XML text on the wire.
    EmbeddedInstance,
}

/// A point in time or an interval, as CIM knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CimDatetime {
    /// A point in time, UTC.
    Instant(jiff::Timestamp),
    /// A length of time.
    Interval(jiff::SignedDuration),
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum CimValue {
    /// NULL; also what a nil element means.
    Null,
    /// A truth value.
    Boolean(bool),
    /// Any unsigned integer; its declared width is checked where it is written.
    Unsigned(u64),
    /// Any signed integer; its declared width is checked where it is written.
    Signed(i64),
    /// A real number.
    Real(f64),
    /// Text, and every value whose type no table states.
    String(String),
    /// A point in time or an interval.
    Datetime(CimDatetime),
    /// A reference to an instance.
    Reference(Box<CimPath>),
    /// An embedded instance, in either of its two wire forms.
    Instance(Box<CimInstance>),
    /// An array; never contains `Null` or another array.
    Array(Vec<CimValue>),
}

/// A value was asked for as a type that it does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("property `{property}` of {class} holds {found}, not {wanted}")]
pub struct WrongType {
    /// The class whose instance was read.
    pub class: String,
    /// The property that was read.
    pub property: String,
    /// What the caller asked for.
    pub wanted: &'static str,
    /// What stands there, shortened.
    pub found: String,
}

impl CimValue {
    /// The text, when this is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value as an unsigned integer; text that is a decimal number counts, as undeclared values stay text.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Unsigned(n) => Some(*n),
            Self::Signed(n) => u64::try_from(*n).ok(),
            Self::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// The value as a truth value; Windows writes `true`, `TRUE`, `False`, `1` and `0`.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Boolean(b) => Some(*b),
            Self::String(text) if text.eq_ignore_ascii_case("true") || text == "1" => Some(true),
            Self::String(text) if text.eq_ignore_ascii_case("false") || text == "0" => Some(false),
            _ => None,
        }
    }

    /// The elements: of an array its own, of NULL none, of a scalar the one (a one-element array looks like that on the wire).
    #[must_use]
    pub fn elements(&self) -> &[CimValue] {
        match self {
            Self::Null => &[],
            Self::Array(values) => values,
            scalar => std::slice::from_ref(scalar),
        }
    }

    /// The path, when this is a reference.
    #[must_use]
    pub fn as_reference(&self) -> Option<&CimPath> {
        match self {
            Self::Reference(path) => Some(path),
            _ => None,
        }
    }

    /// The instance, when one is embedded here.
    #[must_use]
    pub fn as_instance(&self) -> Option<&CimInstance> {
        match self {
            Self::Instance(instance) => Some(instance),
            _ => None,
        }
    }

    /// The point in time or the interval; text in one of CIM's written forms counts, as undeclared values stay text.
    #[must_use]
    pub fn as_datetime(&self) -> Option<CimDatetime> {
        match self {
            Self::Datetime(when) => Some(*when),
            Self::String(text) => CimDatetime::parse(text),
            _ => None,
        }
    }

    /// Adds `more`, which makes an array of what was here; NULL adds nothing, and what is added to it stays what it is.
    pub fn join(&mut self, more: Self) {
        *self = match (std::mem::replace(self, Self::Null), more) {
            (one, Self::Null) | (Self::Null, one) => one,
            (Self::Array(mut values), Self::Array(more)) => {
                values.extend(more);
                Self::Array(values)
            }
            (Self::Array(mut values), one) => {
                values.push(one);
                Self::Array(values)
            }
            (one, Self::Array(more)) => Self::Array(std::iter::once(one).chain(more).collect()),
            (one, other) => Self::Array(vec![one, other]),
        };
    }

    /// Whether it is an array of nothing, which the wire cannot tell from none at all.
    pub(crate) fn is_empty_array(&self) -> bool {
        matches!(self, Self::Array(values) if values.is_empty())
    }
}

impl From<&str> for CimValue {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}
impl From<String> for CimValue {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}
impl From<bool> for CimValue {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}
impl From<u8> for CimValue {
    fn from(value: u8) -> Self {
        Self::Unsigned(value.into())
    }
}
impl From<i32> for CimValue {
    fn from(value: i32) -> Self {
        Self::Signed(value.into())
    }
}
impl From<i64> for CimValue {
    fn from(value: i64) -> Self {
        Self::Signed(value)
    }
}
impl From<CimDatetime> for CimValue {
    fn from(when: CimDatetime) -> Self {
        Self::Datetime(when)
    }
}
impl From<u16> for CimValue {
    fn from(value: u16) -> Self {
        Self::Unsigned(value.into())
    }
}
impl From<u32> for CimValue {
    fn from(value: u32) -> Self {
        Self::Unsigned(value.into())
    }
}
impl From<u64> for CimValue {
    fn from(value: u64) -> Self {
        Self::Unsigned(value)
    }
}
impl From<CimPath> for CimValue {
    fn from(path: CimPath) -> Self {
        Self::Reference(Box::new(path))
    }
}
impl From<CimInstance> for CimValue {
    fn from(instance: CimInstance) -> Self {
        Self::Instance(Box::new(instance))
    }
}
impl<T: Into<CimValue>> From<Vec<T>> for CimValue {
    fn from(values: Vec<T>) -> Self {
        Self::Array(values.into_iter().map(Into::into).collect())
    }
}
