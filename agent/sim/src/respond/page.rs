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

/// Takes up to `most` items out of `open` and keeps the rest.
pub(super) fn fill(service: &mut Service<'_>, header: &Header, mut open: Open, most: u64) -> Result<Page, Refusal> {
    let mut page = Page::default();
    let mut room = limit(header).saturating_sub(OVERHEAD);
    while u64::try_from(page.items.len()).unwrap_or(u64::MAX) < most {
        let Some(object) = open.items.pop_front() else { break };
        let item = item(&open, &object);
        let size = octets(&item.encode(&open.naming));
        if size > room {
            if page.items.is_empty() {
                return Err(Refusal::ENVELOPE_EXCEEDED);
            }
            open.items.push_front(object);
            break;
        }
        room -= size;
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
