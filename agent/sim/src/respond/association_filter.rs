//! The association filter (DSP0227, 8.2): what is associated with an instance, or the associations themselves.
//!
//! Guarantees: it means what `ASSOCIATORS OF` and `REFERENCES OF` mean, since it is evaluated as they are; it stands on the URI of all
//! classes, because what it finds may be of any.

use wsman::envelope::Associations;

use super::Refusal;
use super::target::Target;
use crate::machine::{Machine, WmiCode};
use crate::query;
use crate::wql::Related;

/// What `wanted` finds.
pub(super) fn find(machine: &dyn Machine, target: &Target, wanted: &Associations) -> Result<query::Answer, Refusal> {
    if target.class.is_some() {
        return Err(Refusal::CANNOT_PROCESS_FILTER);
    }
    let path = wanted.object.path().ok_or(Refusal::CANNOT_PROCESS_FILTER)?;
    let related = Related {
        path: path.to_string(),
        assoc_class: wanted.association_class.clone(),
        result_class: wanted.result_class.clone(),
        role: wanted.role.clone(),
        result_role: wanted.result_role.clone(),
        ..Related::default()
    };
    let found = if wanted.links {
        query::references(machine, target.namespace(), &related)
    } else {
        query::associators(machine, target.namespace(), &related)
    };
    let objects = found.map_err(|error| match error.code {
        WmiCode::InvalidQuery | WmiCode::InvalidClass => Refusal::CANNOT_PROCESS_FILTER,
        _ => Refusal::of_instance(error),
    })?;
    let projection = (!wanted.properties.is_empty()).then(|| wanted.properties.clone());
    Ok(query::Answer { objects, projection })
}
