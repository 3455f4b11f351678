//! The selector filter (DSP0226, Annex E): instances of one class whose properties have the values that are named.
//!
//! Guarantees: what Windows does not select by is refused, also where the property happens to have no value: arrays, datetimes,
//! references, objects, names that the class does not have, names given twice, values with a quotation mark.

use wsman::cim::{CimType, CimValue, Key, Name};
use wsman::schema;

use super::Refusal;
use super::target::Target;
use crate::machine::{Machine, Object};
use crate::query;

/// The instances of `target` that fit `wanted`.
pub(super) fn find(machine: &dyn Machine, target: &Target, wanted: &[(Name, Key)]) -> Result<query::Answer, Refusal> {
    if target.class.is_none() {
        return Err(Refusal::CANNOT_PROCESS_FILTER);
    }
    let objects = target.instances(machine)?;
    let mut named: Vec<(&Name, &str)> = Vec::new();
    for (name, value) in wanted {
        let Key::Text(value) = value else { return Err(Refusal::CANNOT_PROCESS_FILTER) };
        let twice = named.iter().any(|(earlier, _)| *earlier == name);
        if twice || value.contains(['"', '\'']) || !selects(target, name, &objects) {
            return Err(Refusal::CANNOT_PROCESS_FILTER);
        }
        named.push((name, value));
    }
    let fits = |object: &Object| named.iter().all(|(name, value)| equals(object.instance.get(name.as_str()), value));
    Ok(query::Answer::whole(objects.into_iter().filter(fits).collect()))
}

/// Whether instances can be selected by `name`, as the class table says, or else as the instances show.
fn selects(target: &Target, name: &Name, objects: &[Object]) -> bool {
    let class = target.class.as_ref().and_then(|class| schema::class(target.namespace(), class.as_str()));
    match class.and_then(|class| class.property(name.as_str())) {
        Some(property) => {
            let declared = property.declared();
            !declared.array && !matches!(declared.cim, Some(CimType::Datetime | CimType::Reference | CimType::Object))
        }
        None => {
            let mut values = objects.iter().map(|object| object.instance.get(name.as_str())).filter(|value| **value != CimValue::Null);
            values.clone().next().is_some() && values.all(is_plain)
        }
    }
}

fn is_plain(value: &CimValue) -> bool {
    !matches!(value, CimValue::Datetime(_) | CimValue::Reference(_) | CimValue::Instance(_) | CimValue::Array(_))
}

fn equals(found: &CimValue, wanted: &str) -> bool {
    match found {
        CimValue::String(text) => text.to_lowercase() == wanted.to_lowercase(),
        CimValue::Boolean(value) => wanted.trim().eq_ignore_ascii_case(if *value { "true" } else { "false" }),
        CimValue::Unsigned(value) => wanted.trim().parse() == Ok(*value),
        CimValue::Signed(value) => wanted.trim().parse() == Ok(*value),
        CimValue::Real(value) => wanted.trim().parse() == Ok(*value),
        CimValue::Null | CimValue::Datetime(_) | CimValue::Reference(_) | CimValue::Instance(_) | CimValue::Array(_) => false,
    }
}
