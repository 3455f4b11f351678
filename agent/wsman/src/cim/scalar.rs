//! The text of one scalar: from the wire by its declared type, and to the wire.
//!
//! Guarantees: text that does not fit its declared type stays text, so that nothing a peer sent is lost.

use std::borrow::Cow;

use super::{CimDatetime, CimType, CimValue};

/// Reads `text` as `declared`.
pub(crate) fn decode(text: Cow<'_, str>, declared: Option<CimType>) -> CimValue {
    typed(&text, declared).unwrap_or_else(|| CimValue::String(text.into_owned()))
}

fn typed(text: &str, declared: Option<CimType>) -> Option<CimValue> {
    use CimType as T;
    let declared = declared.filter(|declared| *declared != T::String)?;
    let number = text.trim();
    Some(match declared {
        T::Boolean => match number {
            "1" => CimValue::Boolean(true),
            "0" => CimValue::Boolean(false),
            word if word.eq_ignore_ascii_case("true") => CimValue::Boolean(true),
            word if word.eq_ignore_ascii_case("false") => CimValue::Boolean(false),
            _ => return None,
        },
        T::Uint8 | T::Uint16 | T::Uint32 | T::Uint64 | T::Char16 => {
            CimValue::Unsigned(number.parse().ok().filter(|n| *n <= unsigned_max(declared))?)
        }
        T::Sint8 | T::Sint16 | T::Sint32 | T::Sint64 => {
            let (low, high) = signed_range(declared);
            CimValue::Signed(number.parse().ok().filter(|n| (low..=high).contains(n))?)
        }
        // Only numbers: "nan" is not even equal to itself.
        T::Real32 | T::Real64 => CimValue::Real(number.parse().ok().filter(|n: &f64| n.is_finite())?),
        T::Datetime => CimValue::Datetime(CimDatetime::parse(number)?),
        T::Reference => CimValue::Reference(Box::new(number.parse().ok()?)),
        T::EmbeddedInstance | T::Object => CimValue::Instance(Box::new(super::embedded::decode(text).ok()?)),
        T::String => return None,
    })
}

/// The largest value of an unsigned type.
pub(crate) fn unsigned_max(declared: CimType) -> u64 {
    match declared {
        CimType::Uint8 => u64::from(u8::MAX),
        CimType::Uint16 | CimType::Char16 => u64::from(u16::MAX),
        CimType::Uint32 => u64::from(u32::MAX),
        _ => u64::MAX,
    }
}

/// The range of a signed type.
pub(crate) fn signed_range(declared: CimType) -> (i64, i64) {
    match declared {
        CimType::Sint8 => (i8::MIN.into(), i8::MAX.into()),
        CimType::Sint16 => (i16::MIN.into(), i16::MAX.into()),
        CimType::Sint32 => (i32::MIN.into(), i32::MAX.into()),
        _ => (i64::MIN, i64::MAX),
    }
}

/// The text of `value` in the element form; `None` for NULL and for what is no scalar text.
pub(crate) fn encode(value: &CimValue) -> Option<Cow<'_, str>> {
    Some(match value {
        CimValue::Boolean(true) => Cow::Borrowed("true"),
        CimValue::Boolean(false) => Cow::Borrowed("false"),
        CimValue::Unsigned(n) => Cow::Owned(n.to_string()),
        CimValue::Signed(n) => Cow::Owned(n.to_string()),
        CimValue::Real(n) => Cow::Owned(n.to_string()),
        CimValue::String(text) => Cow::Borrowed(text),
        CimValue::Datetime(when) => Cow::Owned(when.to_cim()),
        CimValue::Null | CimValue::Reference(_) | CimValue::Instance(_) | CimValue::Array(_) => return None,
    })
}
