//! Pull: the next page.
//!
//! Guarantees: each answer but the last brings a new context, and the one that was sent is spent. The resource URI may differ from that of
//! the Enumerate: libvirt names the class here, and the all-classes URI there.

use wsman::envelope::{self, Header, Response};

use super::page::{self, Room};
use super::{Answer, Refusal, Service};

/// How many items a client gets that does not say: one, as from Windows.
pub(super) const DEFAULT_ELEMENTS: u64 = 1;

pub(super) fn answer(service: &mut Service<'_>, header: &Header, asked: &envelope::Pull) -> Result<Answer, Refusal> {
    if asked.max_elements == Some(0) || asked.max_characters == Some(0) {
        return Err(Refusal::SCHEMA_VALIDATION);
    }
    if let Some(answer) = super::events::answer(service, header, asked) {
        return answer;
    }
    let open = service.enumerations.take(&service.owner, &asked.context).ok_or(Refusal::INVALID_CONTEXT)?;
    let naming = open.naming.clone();
    let room = Room {
        items: asked.max_elements.unwrap_or(DEFAULT_ELEMENTS),
        characters: asked.max_characters.unwrap_or(u64::MAX),
        ..Room::within(header)
    };
    let page = page::fill(service, open, room)?;
    Ok(Answer { response: Response::Pull(page), naming })
}
