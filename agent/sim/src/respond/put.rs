//! Put: changes the properties that the body carries; the others keep their values.
//!
//! Guarantees: the body's class is the resource's or the instance's own; properties that the class does not have are refused.

use wsman::envelope::{Header, Payload, Response};
use wsman::schema;

use super::target::Target;
use super::{Answer, Refusal, Service, complete};

pub(super) fn answer(service: &mut Service<'_>, header: &Header, payload: &Payload) -> Result<Answer, Refusal> {
    let target = Target::of(header)?;
    let object = target.instance(service.machine)?;
    check(&target, payload)?;
    let change = payload.instance(target.namespace());
    // A key in the body may only say again what the selectors said.
    let moved = object.path.keys().any(|(name, key)| match (change.get(name.as_str()), key) {
        (wsman::cim::CimValue::String(new), wsman::cim::Key::Text(old)) => !new.eq_ignore_ascii_case(old),
        _ => false,
    });
    if moved {
        return Err(Refusal::INVALID_PARAMETER);
    }
    let changed = service.machine.put(&object.path, &change).map_err(Refusal::of_instance)?;
    Ok(Answer { response: Response::Object(complete(changed.path.namespace(), changed.instance)), naming: target.naming })
}

/// Whether the payload is an instance of the target's class, with properties of that class only.
pub(super) fn check(target: &Target, payload: &Payload) -> Result<(), Refusal> {
    let class = target.class()?;
    if payload.class != *class && !schema::is_a(target.namespace(), payload.class.as_str(), class.as_str()) {
        return Err(Refusal::SCHEMA_VALIDATION);
    }
    let Some(table) = schema::class(target.namespace(), payload.class.as_str()) else { return Ok(()) };
    match payload.properties.iter().find(|property| table.property(&property.name).is_none()) {
        Some(unknown) => Err(Refusal::invalid_body(format!("{} has no property `{}`", payload.class, unknown.name))),
        None => Ok(()),
    }
}
