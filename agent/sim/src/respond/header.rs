//! What every request's header must satisfy: a table of rules, in the order in which Windows looks at them.

use wsman::envelope::Header;
use wsman::xml::names::ANONYMOUS;

use super::Refusal;

/// The smallest answer that a client must take.
const MIN_ENVELOPE: u64 = 8192;
/// The longest message name that Windows takes, in bytes.
const MAX_MESSAGE_ID: usize = 2048;

/// Says whether a header breaks it, and with which refusal.
type Rule = fn(&Header) -> Option<Refusal>;

const RULES: [Rule; 10] = [
    // A header that must be understood, and is not, ends the matter before anything else is looked at.
    |header| {
        let unknown: Vec<_> = header.not_understood().cloned().collect();
        (!unknown.is_empty()).then_some(Refusal::NotUnderstood(unknown))
    },
    |header| header.action.as_deref().is_none_or(str::is_empty).then_some(Refusal::HEADER_REQUIRED),
    |header| header.to.as_deref().is_none_or(str::is_empty).then_some(Refusal::HEADER_REQUIRED),
    |header| {
        let fits = header.message_id.as_deref().is_some_and(|id| !id.is_empty() && id.len() <= MAX_MESSAGE_ID);
        (!fits).then_some(Refusal::INVALID_MESSAGE_HEADER)
    },
    |header| header.reply_to.is_none().then_some(Refusal::HEADER_REQUIRED),
    |header| header.reply_to.as_deref().is_some_and(|address| address != ANONYMOUS).then_some(Refusal::ADDRESSING_MODE),
    |header| header.locale_must_be_understood.then_some(Refusal::LOCALE),
    |header| header.max_envelope_size.is_some_and(|size| size < MIN_ENVELOPE).then_some(Refusal::MIN_ENVELOPE_SIZE),
    |header| header.fragment.is_some().then_some(Refusal::FRAGMENT),
    |header| header.resource.is_none().then_some(Refusal::INVALID_RESOURCE_URI),
];

/// Refuses what breaks a rule.
pub(super) fn check(header: &Header) -> Result<(), Refusal> {
    RULES.iter().find_map(|rule| rule(header)).map_or(Ok(()), Err)
}
