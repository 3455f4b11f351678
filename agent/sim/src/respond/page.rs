//! Fills one page of an enumeration, within what the client takes.
//!
//! Guarantees: a page holds at least one item where one was asked for and is left; the rest is kept under a new context.

use wsman::cim::{CimInstance, CimType, CimValue, Name, Namespace, embedded};
use wsman::envelope::{Header, Item, Page};
use wsman::schema;

use super::{Refusal, Service, complete, limit, octets};
use crate::machine::Object;
use crate::quota::{Mode, Open};

/// What an envelope takes besides its items, in octets; on the safe side.
const OVERHEAD: u64 = 4096;

/// The most items of a page that Windows gives, whatever the client says (`MaxBatchItems`).
const MAX_ITEMS: u64 = 32_000;

/// What a page may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Items.
    pub(super) items: u64,
    /// Characters of all of them.
    pub(super) characters: u64,
    /// Octets of all of them, as Windows counts.
    pub(super) octets: u64,
}

impl Room {
    /// What fits the envelope that the client takes.
    pub(super) fn within(header: &Header) -> Self {
        Self { items: MAX_ITEMS, characters: u64::MAX, octets: limit(header).saturating_sub(OVERHEAD) }
    }
}

/// Takes what has `room` out of `open` and keeps the rest.
pub(super) fn fill(service: &mut Service<'_>, mut open: Open, mut room: Room) -> Result<Page, Refusal> {
    let mut page = Page::default();
    let most = room.items.min(MAX_ITEMS);
    while u64::try_from(page.items.len()).unwrap_or(u64::MAX) < most {
        let Some(object) = open.items.pop_front() else { break };
        let item = item(&open, &object);
        let text = item.encode(&open.naming);
        let (size, characters) = (octets(&text), u64::try_from(text.chars().count()).unwrap_or(u64::MAX));
        if size > room.octets || characters > room.characters {
            if page.items.is_empty() {
                return Err(if size > room.octets { Refusal::ENVELOPE_EXCEEDED } else { Refusal::ENCODING_LIMIT });
            }
            open.items.push_front(object);
            break;
        }
        room.octets -= size;
        room.characters -= characters;
        page.items.push(item);
    }
    // A plain Enumerate takes nothing and promises a context, even to nothing.
    if open.items.is_empty() && most > 0 {
        page.end = true;
    } else {
        let kept = service.enumerations.keep(service.owner.clone(), open);
        page.context = Some(kept.map_err(|_| Refusal::QUOTA_OPERATIONS)?);
    }
    Ok(page)
}

fn item(open: &Open, object: &Object) -> Item {
    if let Some(names) = &open.projection {
        return Item::Fragment(fragment(object, names));
    }
    let instance = || complete(object.path.namespace(), object.instance.clone());
    match open.mode {
        Mode::Objects => Item::Object(instance()),
        Mode::References => Item::Path(object.path.clone()),
        Mode::Both => Item::ObjectAndPath(instance(), object.path.clone()),
    }
}

/// The properties that were asked for: embedded instances as the text that they are, arrays without a value left out.
fn fragment(object: &Object, names: &[Name]) -> CimInstance {
    let namespace: &Namespace = object.path.namespace();
    let class = schema::class(namespace, object.instance.class().as_str());
    let mut fragment = CimInstance::new("XmlFragment");
    for name in names {
        let declared = class.and_then(|class| class.property(name.as_str())).map(|property| (property.name(), property.declared()));
        let as_text = |value: &CimValue| match (value, declared) {
            (CimValue::Instance(inner), Some((_, declared))) if declared.cim != Some(CimType::Object) => {
                CimValue::String(embedded::encode(inner))
            }
            (value, _) => value.clone(),
        };
        let value = match object.instance.get(name.as_str()) {
            CimValue::Null if declared.is_some_and(|(_, declared)| declared.array) => continue,
            CimValue::Array(values) => CimValue::Array(values.iter().map(as_text).collect()),
            value => as_text(value),
        };
        fragment.set(declared.map_or(name.as_str(), |(written, _)| written), value);
    }
    fragment
}
