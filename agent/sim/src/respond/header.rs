//! What every request's header must satisfy: a table of rules, in the order in which Windows looks at them.

use wsman::envelope::Header;
use wsman::xml::names::ANONYMOUS;

use super::Refusal;

/// The smallest answer that a client must take.
const MIN_ENVELOPE: u64 = 8192;
/// The longest message name and resource URI, in bytes, and the longest activity, in characters.
const MAX_NAME: usize = 2048;

/// Says whether a header breaks it, and with which refusal.
type Rule = fn(&Header) -> Option<Refusal>;

const RULES: [Rule; 17] = [
    // A header that must be understood, and is not, ends the matter before anything else is looked at.
    |header| {
        let unknown: Vec<_> = header.not_understood().cloned().collect();
        (!unknown.is_empty()).then_some(Refusal::NotUnderstood(unknown))
    },
    |header| header.meaningless.as_ref().map(Refusal::from),
    |header| header.repeated.map(|_| Refusal::INVALID_MESSAGE_HEADER),
    |header| header.action.as_deref().is_none_or(str::is_empty).then_some(Refusal::HEADER_REQUIRED),
    |header| header.to.as_deref().is_none_or(str::is_empty).then_some(Refusal::HEADER_REQUIRED),
    |header| {
        let fits = header.message_id.as_deref().is_some_and(|id| !id.is_empty() && id.len() <= MAX_NAME);
        (!fits).then_some(Refusal::INVALID_MESSAGE_HEADER)
    },
    |header| header.reply_to.is_none().then_some(Refusal::HEADER_REQUIRED),
    |header| header.reply_to.as_deref().is_some_and(|address| address != ANONYMOUS).then_some(Refusal::ADDRESSING_MODE),
    // The specification writes the role with a slash at its end here.
    |header| {
        let elsewhere = |address: &str| address.trim_end_matches('/') != ANONYMOUS;
        header.fault_to.as_deref().is_some_and(elsewhere).then_some(Refusal::ADDRESSING_MODE)
    },
    |header| header.locale_must_be_understood.then_some(Refusal::LOCALE),
    |header| header.data_locale_must_be_understood.then_some(Refusal::Unsupported("DataLocale")),
    |header| header.max_envelope_size.is_some_and(|size| size < MIN_ENVELOPE).then_some(Refusal::MIN_ENVELOPE_SIZE),
    |header| header.activity_id.as_deref().is_some_and(|id| id.chars().count() > MAX_NAME).then_some(Refusal::INVALID_MESSAGE_HEADER),
    // An operation that is resumed begins its count anew; a first message has no other number.
    |header| {
        let counts = header.operation_id.is_some() && header.sequence_id.is_some_and(|number| number != 1);
        counts.then_some(Refusal::INVALID_MESSAGE_HEADER)
    },
    |header| fragment(header),
    |header| header.resource.is_none().then_some(Refusal::INVALID_RESOURCE_URI),
    |header| header.resource.as_ref().is_some_and(|uri| uri.to_string().len() > MAX_NAME).then_some(Refusal::URI_LIMIT),
];

/// Parts of instances are not offered; what Windows refuses of them for reasons of its own is refused for those.
fn fragment(header: &Header) -> Option<Refusal> {
    let path = header.fragment.as_deref()?;
    Some(match path {
        _ if !header.fragment_must_be_understood => Refusal::INVALID_MESSAGE_HEADER,
        path if path.starts_with('/') => Refusal::FRAGMENT_PATH,
        _ => Refusal::FRAGMENT,
    })
}

/// Refuses what breaks a rule.
pub(super) fn check(header: &Header) -> Result<(), Refusal> {
    RULES.iter().find_map(|rule| rule(header)).map_or(Ok(()), Err)
}
