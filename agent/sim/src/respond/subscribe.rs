//! Subscribe and Unsubscribe: pull mode only, WQL event queries upon all classes of a namespace, event queries upon event logs.
//!
//! Guarantees: what Windows refuses is refused with its code; Renew always is. Deliberately absent: the push modes. The simulated hosts
//! open no connections of their own.

use jiff::{SignedDuration, Timestamp};
use wsman::cim::xml_duration;
use wsman::envelope::{self, FilterBody, Header, Markup, Response, Subscribed, dialect};
use wsman::resource::ResourceUri;
use wsman::xml::{Limits, Reader};

use super::target::Target;
use super::{Answer, Refusal, Service, shell};
use crate::event::log_query::LogQuery;
use crate::event::rendering::ContentFormat;
use crate::event::subscription::{LogReader, Places, Source, Subscription};
use crate::event::watch::Watch;
use crate::quota;

const PULL_MODE: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/Pull";
const EVENT_LOG: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/EventLog";
const EARLIEST: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/bookmark/earliest";
const RENEW: &str = "http://schemas.xmlsoap.org/ws/2004/08/eventing/Renew";
/// What Windows grants that never ends.
const NEVER: &str = "PT0.000S";
/// The longest life that is written back as it was asked for; what is longer never ends.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 366 * 10);

/// Whether the request is for event logs.
pub(super) fn is_log(header: &Header) -> bool {
    matches!(&header.resource, Some(ResourceUri::Other(uri)) if uri.eq_ignore_ascii_case(EVENT_LOG))
}

/// What a client is told that asks for something that is no request of any other kind.
pub(super) fn other(header: &Header) -> Refusal {
    match header.action.as_deref() {
        Some(RENEW) => Refusal::UNABLE_TO_RENEW,
        _ if is_log(header) => Refusal::ACTION_NOT_SUPPORTED,
        _ => shell::refusal(header),
    }
}

pub(super) fn answer(service: &mut Service<'_>, header: &Header, asked: &envelope::Subscribe) -> Result<Answer, Refusal> {
    if asked.delivery.mode != PULL_MODE {
        return Err(Refusal::DELIVERY_MODE);
    }
    let (boot, now, generation) = {
        let desk = service.machine.desk().ok_or(Refusal::NOT_AT_SERVICE)?;
        let boot = desk.windows().map(|windows| windows.last_boot).ok_or(Refusal::NOT_AT_SERVICE)?;
        (boot, desk.now(), desk.world.dirty())
    };
    let expires = expiry(asked.expires.as_deref(), now)?;
    if !service.subscriptions.has_room(&service.owner) {
        return Err(Refusal::QUOTA_OPERATIONS);
    }
    let source =
        if is_log(header) { Source::Log(log_reader(service, header, asked)?) } else { watch(service, header, asked, (now, generation))? };
    let (id, context) = (service.enumerations.fresh(), quota::text(service.enumerations.fresh()));
    let id = id.hyphenated().to_string().to_ascii_uppercase();
    let heartbeat = asked.delivery.heartbeats.and_then(|every| SignedDuration::try_from(every).ok()).filter(SignedDuration::is_positive);
    let subscription =
        Subscription { owner: service.owner.clone(), context: context.clone(), boot, expires, heartbeat, spoke: now, source };
    service.subscriptions.add(id.clone(), subscription);
    let granted = if expires.is_some() { asked.expires.clone().unwrap_or_default() } else { NEVER.to_owned() };
    let resource = header.resource.as_ref().map(ToString::to_string).unwrap_or_default();
    Ok(Answer::of(Response::Subscribed(Subscribed { identifier: id, resource, expires: Some(granted), context: Some(context) })))
}

/// When it ends; `None` is never.
fn expiry(asked: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = asked else { return Ok(None) };
    let Some(length) = xml_duration(text) else {
        let is_instant = text.parse::<Timestamp>().is_ok();
        return Err(if is_instant { Refusal::EXPIRATION_TYPE } else { Refusal::EXPIRATION_TIME });
    };
    if !length.is_positive() {
        return Err(Refusal::EXPIRATION_TIME);
    }
    Ok(if length > LONGEST { None } else { now.saturating_add(length).ok() })
}

fn watch(service: &mut Service<'_>, header: &Header, asked: &envelope::Subscribe, moment: (Timestamp, u64)) -> Result<Source, Refusal> {
    let target = Target::of(header)?;
    if asked.send_bookmarks || asked.bookmark.is_some() {
        return Err(Refusal::BOOKMARKS);
    }
    let filter = asked.filter.as_ref().ok_or(Refusal::FILTERING_REQUIRED)?;
    match (filter.dialect.as_deref(), &filter.body) {
        (Some(dialect::WQL), FilterBody::Text(_)) if target.class.is_some() => Err(Refusal::WQL_ON_CLASS),
        (Some(dialect::WQL), FilterBody::Text(text)) => {
            let watch = Watch::begin(&*service.machine, target.namespace(), text, moment).map_err(Refusal::Wmi)?;
            Ok(Source::Wmi(Box::new(watch)))
        }
        (Some(dialect::WQL), _) => Err(Refusal::CANNOT_PROCESS_FILTER),
        _ => Err(Refusal::FILTERING_UNAVAILABLE),
    }
}

fn log_reader(service: &mut Service<'_>, header: &Header, asked: &envelope::Subscribe) -> Result<LogReader, Refusal> {
    let filter = asked.filter.as_ref().ok_or(Refusal::FILTERING_REQUIRED)?;
    if filter.dialect.as_deref() != Some(dialect::EVENT_QUERY) {
        return Err(Refusal::FILTERING_UNAVAILABLE);
    }
    let text = match &filter.body {
        FilterBody::Text(text) => text.clone(),
        // Its prefixes are those of the envelope; a query has none.
        FilterBody::Markup(Markup { name, inner, .. }) => format!("<{name}>{inner}</{name}>"),
        FilterBody::Selectors(_) | FilterBody::Associations(_) => return Err(Refusal::CANNOT_PROCESS_FILTER),
    };
    let bad = |text: String| Refusal::Wsman { code: 2_150_858_778, text: Some(text) };
    let query = LogQuery::parse(&text).map_err(|error| bad(error.to_string()))?;
    let option = |name: &str| header.options.iter().find(|option| option.name.eq_ignore_ascii_case(name));
    let desk = service.machine.desk().ok_or(Refusal::NOT_AT_SERVICE)?;
    let windows = desk.windows().ok_or(Refusal::NOT_AT_SERVICE)?;
    let missing = query.logs().into_iter().find(|log| !windows.log.names().any(|name| name.eq_ignore_ascii_case(log)));
    if let Some(log) = missing.filter(|_| option("IgnoreChannelError").is_none()) {
        return Err(bad(format!("The channel {log} could not be found.")));
    }
    let from_the_start = option("ReadExistingEvents").is_some_and(|o| o.value.as_deref().is_some_and(|v| v.eq_ignore_ascii_case("true")));
    let places: Places = match asked.bookmark.as_deref().map(str::trim) {
        Some(EARLIEST) => Places::new(),
        Some(bookmark) => places(bookmark).ok_or(Refusal::INVALID_BOOKMARK)?,
        None if from_the_start => Places::new(),
        None => query.logs().into_iter().map(|log| (log.to_ascii_lowercase(), windows.log.newest(log))).collect(),
    };
    let rendered = option("ContentFormat").is_some_and(|o| o.value.as_deref() == Some("RenderedText"));
    let format = if rendered { ContentFormat::RenderedText } else { ContentFormat::Raw };
    Ok(LogReader { query, places, format, sends_bookmarks: asked.send_bookmarks })
}

/// Where a `BookmarkList` stands in each log.
fn places(bookmark: &str) -> Option<Places> {
    let mut reader = Reader::new(bookmark, Limits::default()).ok()?;
    let root = reader.root().ok()?;
    (root.local() == "BookmarkList").then_some(())?;
    let mut places = Places::new();
    while let Some(tag) = reader.child().ok()? {
        let channel = reader.attribute(&tag, "", "Channel").ok()??.to_ascii_lowercase();
        let number = reader.attribute(&tag, "", "RecordId").ok()??.trim().parse().ok()?;
        places.insert(channel, number);
        reader.skip().ok()?;
    }
    Some(places)
}

/// Unsubscribe.
pub(super) fn end(service: &mut Service<'_>, header: &Header) -> Result<Answer, Refusal> {
    let id = header.subscription.as_deref().ok_or(Refusal::INVALID_EVENTING_MESSAGE)?;
    let now = service.machine.desk().ok_or(Refusal::NOT_AT_SERVICE)?.now();
    if service.subscriptions.remove(&service.owner, id, now) {
        Ok(Answer::of(Response::Empty))
    } else {
        Err(Refusal::INVALID_EVENTING_MESSAGE)
    }
}
