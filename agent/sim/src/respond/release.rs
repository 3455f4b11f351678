//! Release: the client gives an enumeration up.

use wsman::envelope::{Header, Response};
use wsman::resource::Naming;

use super::{Answer, Refusal, Service};

pub(super) fn answer(service: &mut Service<'_>, header: &Header, context: &str) -> Result<Answer, Refusal> {
    let now = service.machine.desk().map(|desk| desk.now());
    if now.is_some_and(|now| service.subscriptions.release(&service.owner, context, now)) {
        return Ok(Answer::of(Response::Empty));
    }
    service.enumerations.take(&service.owner, context).ok_or(Refusal::INVALID_CONTEXT)?;
    let naming = Naming::answering(header.resource.as_ref(), &header.selectors);
    Ok(Answer { response: Response::Empty, naming })
}
