//! Create: makes an instance and tells where it is.

use wsman::cim::endpoint::EndpointReference;
use wsman::envelope::{Header, Payload, Response};
use wsman::resource::{Naming, ResourceUri};
use wsman::xml::names::ANONYMOUS;

use super::target::Target;
use super::{Answer, Refusal, Service, put};

pub(super) fn answer(service: &mut Service<'_>, header: &Header, payload: &Payload) -> Result<Answer, Refusal> {
    let target = Target::of(header)?;
    if !target.selectors.is_empty() {
        return Err(Refusal::UNEXPECTED_SELECTORS);
    }
    // Asked for its refusal of a class or namespace that is not there.
    target.instances(service.machine)?;
    put::check(&target, payload)?;
    let path = service.machine.create(target.namespace(), &payload.instance(target.namespace())).map_err(Refusal::of_instance)?;
    let resource = match &target.naming {
        Naming::Microsoft(_) => ResourceUri::from(&path),
        Naming::Dmtf(_) => ResourceUri::DmtfClass(path.class().clone()),
    };
    let selectors = path.keys().map(|(name, key)| (name.clone(), key.clone())).collect();
    let reference = EndpointReference { address: ANONYMOUS.to_owned(), resource, selectors };
    Ok(Answer { response: Response::Created(reference), naming: target.naming })
}
