//! Get: one instance, by all of its keys.

use wsman::envelope::{Header, Response};

use super::target::Target;
use super::{Answer, Refusal, Service, complete};

pub(super) fn answer(service: &Service<'_>, header: &Header) -> Result<Answer, Refusal> {
    let target = Target::of(header)?;
    let object = target.instance(service.machine)?;
    Ok(Answer { response: Response::Object(complete(object.path.namespace(), object.instance)), naming: target.naming })
}
