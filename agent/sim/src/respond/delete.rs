//! Delete: removes an instance, by all of its keys.

use wsman::envelope::{Header, Response};

use super::target::Target;
use super::{Answer, Refusal, Service};

pub(super) fn answer(service: &mut Service<'_>, header: &Header) -> Result<Answer, Refusal> {
    let target = Target::of(header)?;
    let object = target.instance(service.machine)?;
    service.machine.delete(&object.path).map_err(Refusal::of_instance)?;
    Ok(Answer { response: Response::Empty, naming: target.naming })
}
