//! Enumerate: finds the items, and gives the first when the client allows it.
//!
//! Guarantees: WQL and association filters are taken on the all-classes URI only, selector filters on a class URI only; the answer always has a context to pull
//! from, even when nothing was found, unless the enumeration was optimised and is complete.

use wsman::envelope::{self, Enumeration, FilterBody, Header, Response, dialect};

use super::page::Room;
use super::target::Target;
use super::{Answer, Refusal, Service, association_filter, page, selector_filter};
use crate::query;
use crate::quota::{Mode, Open};

pub(super) fn answer(service: &mut Service<'_>, header: &Header, asked: &envelope::Enumerate) -> Result<Answer, Refusal> {
    if asked.max_elements == Some(0) {
        return Err(Refusal::SCHEMA_VALIDATION);
    }
    let target = Target::of(header)?;
    let found = find(service, &target, asked)?;
    let open = Open {
        items: found.objects.into(),
        mode: match asked.mode {
            Enumeration::Objects => Mode::Objects,
            Enumeration::References => Mode::References,
            Enumeration::ObjectsAndReferences => Mode::Both,
        },
        projection: found.projection,
        naming: target.naming.clone(),
    };
    // Windows puts one item into the answer, however many the client would take.
    let room = Room { items: if asked.optimize { 1 } else { 0 }, ..Room::within(header) };
    let mut page = page::fill(service, open, room)?;
    if !asked.optimize && page.context.is_none() {
        page.end = false;
    }
    Ok(Answer { response: Response::Enumerate(page), naming: target.naming })
}

fn find(service: &Service<'_>, target: &Target, asked: &envelope::Enumerate) -> Result<query::Answer, Refusal> {
    let Some(filter) = &asked.filter else {
        return match target.class {
            Some(_) => target.instances(service.machine).map(query::Answer::whole),
            None => Err(Refusal::CANNOT_PROCESS_FILTER),
        };
    };
    match (filter.dialect.as_deref(), &filter.body) {
        (Some(dialect::WQL), FilterBody::Text(text)) => match target.class {
            None => query::run(service.machine, target.namespace(), text).map_err(Refusal::Wmi),
            Some(_) => Err(Refusal::WQL_ON_CLASS),
        },
        (Some(dialect::SELECTOR), FilterBody::Selectors(wanted)) => selector_filter::find(service.machine, target, wanted),
        (Some(dialect::ASSOCIATION), FilterBody::Associations(wanted)) => association_filter::find(service.machine, target, wanted),
        (Some(dialect::WQL | dialect::SELECTOR | dialect::ASSOCIATION), _) => Err(Refusal::CANNOT_PROCESS_FILTER),
        _ => Err(Refusal::DIALECT),
    }
}
