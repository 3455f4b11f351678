//! Reads the parameters of Hyper-V's methods.
//!
//! Guarantees: a parameter of the wrong type is told apart from one that is missing, with the codes Hyper-V uses.

use wsman::cim::{CimInstance, CimPath, CimValue, Namespace, WrongType};

use crate::job::{Failure, code};

pub(crate) fn missing(name: &str) -> Failure {
    Failure::new(code::INVALID_PARAMETER, format!("the parameter {name} is missing"))
}

pub(crate) fn invalid(what: impl Into<String>) -> Failure {
    Failure::new(code::INVALID_PARAMETER, what)
}

pub(crate) fn wrong_type(e: &WrongType) -> Failure {
    Failure::new(code::WRONG_TYPE, e.to_string())
}

/// The one embedded instance of `name`.
pub(crate) fn instance<'a>(input: &'a CimInstance, name: &str) -> Result<&'a CimInstance, Failure> {
    match input.get(name) {
        CimValue::Null => Err(missing(name)),
        CimValue::Instance(instance) => Ok(instance),
        _ => Err(Failure::new(code::WRONG_TYPE, format!("{name} is no embedded instance"))),
    }
}

/// The embedded instances of `name`; a missing array is empty.
pub(crate) fn instances<'a>(input: &'a CimInstance, name: &str) -> Result<Vec<&'a CimInstance>, Failure> {
    let one = |value: &'a CimValue| match value {
        CimValue::Instance(instance) => Ok(&**instance),
        _ => Err(Failure::new(code::WRONG_TYPE, format!("{name} holds something that is no embedded instance"))),
    };
    input.get(name).elements().iter().map(one).collect()
}

/// The references of `name`, at least one.
pub(crate) fn references<'a>(input: &'a CimInstance, name: &str) -> Result<Vec<&'a CimPath>, Failure> {
    let one = |value: &'a CimValue| match value {
        CimValue::Reference(path) => Ok(&**path),
        _ => Err(Failure::new(code::WRONG_TYPE, format!("{name} holds something that is no reference"))),
    };
    let found: Vec<_> = input.get(name).elements().iter().map(one).collect::<Result<_, _>>()?;
    if found.is_empty() { Err(missing(name)) } else { Ok(found) }
}

/// The reference `name`.
pub(crate) fn reference<'a>(input: &'a CimInstance, name: &str) -> Result<&'a CimPath, Failure> {
    references(input, name).map(|paths| paths[0])
}

/// A path written as text, as `Parent` and `HostResource` hold them.
pub(crate) fn path(text: &str) -> Result<CimPath, Failure> {
    CimPath::parse_in(text, &Namespace::VIRTUALIZATION).map_err(|e| invalid(e.to_string()))
}

pub(crate) fn text<'a>(input: &'a CimInstance, name: &str) -> Result<Option<&'a str>, Failure> {
    input.text(name).map_err(|e| wrong_type(&e))
}

pub(crate) fn number(input: &CimInstance, name: &str) -> Result<Option<u64>, Failure> {
    input.unsigned(name).map_err(|e| wrong_type(&e))
}

pub(crate) fn truth(input: &CimInstance, name: &str) -> Result<Option<bool>, Failure> {
    input.boolean(name).map_err(|e| wrong_type(&e))
}

/// An array of texts. Hyper-V refuses a scalar where an array is declared.
pub(crate) fn text_array<'a>(input: &'a CimInstance, name: &str) -> Result<Option<Vec<&'a str>>, Failure> {
    match input.get(name) {
        CimValue::Null => Ok(None),
        CimValue::Array(_) => input.texts(name).map(Some).map_err(|e| wrong_type(&e)),
        _ => Err(Failure::new(code::WRONG_TYPE, format!("{name} is an array"))),
    }
}

/// 12 hex digits, with or without separators.
pub(crate) fn mac(text: &str) -> Result<String, Failure> {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-')).collect::<String>().to_ascii_uppercase();
    if digits.len() == 12 && digits.chars().all(|c| c.is_ascii_hexdigit()) {
        Ok(digits)
    } else {
        Err(invalid(format!("`{text}` is no hardware address")))
    }
}
