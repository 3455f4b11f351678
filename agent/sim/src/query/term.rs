//! Values as WQL compares them.
//!
//! Guarantees: text compares without case; numbers compare by value whatever their width; paths compare parsed, so that host and
//! namespace may be written in any case. NULL is neither equal to, nor different from, anything but the constant NULL.

use std::cmp::Ordering;

use wsman::cim::{CimDatetime, CimPath, CimValue, Namespace};

use super::ObjectPath;
use crate::machine::{WmiCode, WmiError};
use crate::wql::{Comparison, Literal};

/// One side of a comparison, evaluated.
#[derive(Debug, Clone)]
pub(super) enum Term {
    Null,
    Boolean(bool),
    Integer(i128),
    Real(f64),
    Text(String),
    Time(CimDatetime),
    Path(ObjectPath),
    /// An array or an embedded object: nothing that WQL can compare.
    Opaque,
}

impl Term {
    pub(super) fn of_value(value: &CimValue) -> Self {
        match value {
            CimValue::Null => Self::Null,
            CimValue::Boolean(b) => Self::Boolean(*b),
            CimValue::Unsigned(n) => Self::Integer(i128::from(*n)),
            CimValue::Signed(n) => Self::Integer(i128::from(*n)),
            CimValue::Real(n) => Self::Real(*n),
            CimValue::String(text) => Self::Text(text.clone()),
            CimValue::Datetime(time) => Self::Time(*time),
            CimValue::Reference(path) => Self::Path(ObjectPath { host: None, path: CimPath::clone(path) }),
            CimValue::Instance(_) | CimValue::Array(_) => Self::Opaque,
        }
    }

    pub(super) fn of_literal(literal: &Literal) -> Self {
        match literal {
            Literal::Null => Self::Null,
            Literal::Boolean(b) => Self::Boolean(*b),
            Literal::Integer(n) => Self::Integer(*n),
            Literal::Real(n) => Self::Real(*n),
            Literal::Text(text) => Self::Text(text.clone()),
        }
    }

    /// Whether `self comparison other` holds; text that should be a path is read in `namespace`.
    pub(super) fn compares(&self, comparison: Comparison, other: &Self, namespace: &Namespace) -> Result<bool, WmiError> {
        if let (Self::Path(path), Self::Text(text)) | (Self::Text(text), Self::Path(path)) = (self, other) {
            let same = ObjectPath::parse(text, namespace).is_some_and(|other| other.same(path));
            return match comparison {
                Comparison::Equal => Ok(same),
                Comparison::NotEqual => Ok(!same),
                _ => Err(mismatch()),
            };
        }
        Ok(self.order(other)?.is_some_and(|order| comparison.holds(order)))
    }

    /// `None` when one of them is NULL, or a number is not a number.
    fn order(&self, other: &Self) -> Result<Option<Ordering>, WmiError> {
        Ok(match (self, other) {
            (Self::Null, _) | (_, Self::Null) => None,
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.to_lowercase().cmp(&b.to_lowercase())),
            (Self::Boolean(a), Self::Boolean(b)) => Some(a.cmp(b)),
            (Self::Boolean(a), b) => b.as_boolean()?.map(|b| a.cmp(&b)),
            (a, Self::Boolean(b)) => a.as_boolean()?.map(|a| a.cmp(b)),
            (Self::Time(a), b) => order_times(*a, b.as_time()?),
            (a, Self::Time(b)) => order_times(a.as_time()?, *b),
            (Self::Path(a), Self::Path(b)) if a.same(b) => Some(Ordering::Equal),
            (Self::Path(_), Self::Path(_)) => Some(Ordering::Less),
            (a, b) => a.as_real()?.partial_cmp(&b.as_real()?),
        })
    }

    fn as_boolean(&self) -> Result<Option<bool>, WmiError> {
        match self {
            Self::Integer(n) => Ok(Some(*n != 0)),
            Self::Text(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Self::Text(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            _ => Err(mismatch()),
        }
    }

    fn as_time(&self) -> Result<CimDatetime, WmiError> {
        match self {
            Self::Text(text) => CimDatetime::parse(text).ok_or_else(mismatch),
            _ => Err(mismatch()),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a real was compared with an integer: the nearest real is what WMI compares too")]
    fn as_real(&self) -> Result<f64, WmiError> {
        match self {
            Self::Integer(n) => Ok(*n as f64),
            Self::Real(n) => Ok(*n),
            Self::Text(text) => text.trim().parse().map_err(|_| mismatch()),
            _ => Err(mismatch()),
        }
    }
}

fn order_times(a: CimDatetime, b: CimDatetime) -> Option<Ordering> {
    match (a, b) {
        (CimDatetime::Instant(a), CimDatetime::Instant(b)) => Some(a.cmp(&b)),
        (CimDatetime::Interval(a), CimDatetime::Interval(b)) => Some(a.cmp(&b)),
        _ => None,
    }
}

fn mismatch() -> WmiError {
    WmiError::new(WmiCode::InvalidQuery, "the query compares values of different kinds")
}
