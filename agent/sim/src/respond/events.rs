//! Pull from a subscription: the events that have come, or a wait for the next.
//!
//! Guarantees: a reader of event logs that waited in vain gets an empty page with a new context, one of WMI the time-out fault and
//! keeps its context: both as recorded. A heartbeat is an empty page for either.

use wsman::envelope::{self, Header, Item, Markup, Page, Response};
use wsman::resource::Naming;
use wsman::xml::Writer;

use super::pull::DEFAULT_ELEMENTS;
use super::{Answer, Patience, Refusal, Service, limit, octets};
use crate::event::rendering;
use crate::event::subscription::{LogReader, Source, Subscription};
use crate::quota;
use crate::windows::Windows;

/// What an envelope takes besides its items, in octets; on the safe side.
const OVERHEAD: u64 = 8192;

/// The answer to a Pull, when its context is that of a subscription or a list.
pub(super) fn answer(service: &mut Service<'_>, header: &Header, asked: &envelope::Pull) -> Option<Result<Answer, Refusal>> {
    let fresh = quota::text(service.enumerations.fresh());
    let most = usize::try_from(asked.max_elements.unwrap_or(DEFAULT_ELEMENTS)).unwrap_or(usize::MAX);
    if let Some(items) = service.subscriptions.take_list(&service.owner, &asked.context) {
        return Some(Ok(Answer::of(Response::Pull(list(service, items, (most, fresh))))));
    }
    let (patience, owner) = (service.patience, service.owner.clone());
    let desk = service.machine.desk()?;
    let (windows, now) = (desk.windows()?, desk.now());
    let held = service.subscriptions.with_context(&owner, &asked.context, now)?;
    if held.boot != windows.last_boot {
        return None;
    }
    let room = limit(header).saturating_sub(OVERHEAD);
    let naming = match &held.source {
        Source::Wmi(watch) => Naming::Microsoft(watch.namespace.clone()),
        Source::Log(_) => Naming::Microsoft(wsman::cim::Namespace::CIMV2),
    };
    let (items, bookmark) = match &mut held.source {
        Source::Wmi(watch) => (watch.take(most).into_iter().map(Item::Object).collect::<Vec<_>>(), None),
        Source::Log(reader) => read(reader, windows, now, (most, room)),
    };
    let due = held.heartbeat_due().is_some_and(|at| at <= now);
    if items.is_empty() && !due {
        match (patience, &held.source) {
            (Patience::Left, _) => {
                service.waits = true;
                service.wakes = held.heartbeat_due();
                return Some(Err(Refusal::code(super::TIMED_OUT)));
            }
            (Patience::Over, Source::Wmi(_)) => return Some(Err(Refusal::code(super::TIMED_OUT))),
            (Patience::Over, Source::Log(_)) => {}
        }
    }
    service.bookmark = bookmark;
    Some(Ok(page(held, items, fresh, (now, naming))))
}

/// The next of a list; the rest is kept under a new context.
fn list(service: &mut Service<'_>, mut items: Vec<Markup>, (most, fresh): (usize, String)) -> Page {
    let rest = items.split_off(items.len().min(most));
    let items = items.into_iter().map(Item::Other).collect();
    if rest.is_empty() {
        return Page { items, end: true, context: None };
    }
    service.subscriptions.list(service.owner.clone(), &fresh, rest);
    Page { items, end: false, context: Some(fresh) }
}

fn page(held: &mut Subscription, items: Vec<Item>, fresh: String, (now, naming): (jiff::Timestamp, Naming)) -> Answer {
    held.context.clone_from(&fresh);
    held.spoke = now;
    Answer { response: Response::Pull(Page { context: Some(fresh), items, end: false }), naming }
}

/// What a reader has not seen yet, as far as there is room, and where it stands then.
fn read(reader: &mut LogReader, windows: &Windows, now: jiff::Timestamp, (most, mut room): (usize, u64)) -> (Vec<Item>, Option<String>) {
    let mut items = Vec::new();
    let mut last = None;
    for log in reader.query.logs().into_iter().map(str::to_owned).collect::<Vec<_>>() {
        let key = log.to_ascii_lowercase();
        let from = reader.places.get(&key).copied().unwrap_or(0);
        for record in windows.log.of(&log).filter(|record| record.number > from) {
            if items.len() >= most {
                break;
            }
            if reader.query.holds(record, &windows.computer_name, now) {
                let item = Item::Other(rendering::event(record, &windows.computer_name, reader.format));
                let size = octets(&item.encode(&Naming::Microsoft(wsman::cim::Namespace::CIMV2)));
                if size > room && !items.is_empty() {
                    break;
                }
                room = room.saturating_sub(size);
                items.push(item);
                last = Some(record.log.clone());
            }
            reader.places.insert(key.clone(), record.number);
        }
    }
    let bookmark = last.filter(|_| reader.sends_bookmarks).map(|last| bookmark(reader, windows, &last));
    (items, bookmark)
}

fn bookmark(reader: &LogReader, windows: &Windows, current: &str) -> String {
    let mut writer = Writer::new();
    writer.open("BookmarkList");
    for (log, number) in &reader.places {
        let name = windows.log.names().find(|name| name.eq_ignore_ascii_case(log)).unwrap_or(log);
        let mut attributes = vec![("Channel", name)];
        let number = number.to_string();
        attributes.push(("RecordId", &number));
        if name.eq_ignore_ascii_case(current) {
            attributes.push(("IsCurrent", "true"));
        }
        writer.empty("Bookmark", &attributes);
    }
    writer.close("BookmarkList");
    writer.finish()
}
