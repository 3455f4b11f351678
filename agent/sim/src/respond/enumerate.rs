//! Enumerate: finds the items, and gives the first when the client allows it.
//!
//! Guarantees: WQL is taken on the all-classes URI only, selector filters on a class URI only; the answer always has a context to pull
//! from, even when nothing was found, unless the enumeration was optimised and is complete.

use wsman::cim::{CimValue, Name};
use wsman::envelope::{self, Enumeration, FilterBody, Header, Markup, Response, dialect};
use wsman::xml::{Limits, Reader, XmlError};

use super::target::Target;
use super::{Answer, Refusal, Service, page};
use crate::machine::Object;
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
    let most = if asked.optimize { 1 } else { 0 };
    let mut page = page::fill(service, header, open, most)?;
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
        (Some(dialect::SELECTOR), FilterBody::Markup(markup)) => {
            let wanted = selectors(markup).map_err(|error| Refusal::from(&error))?;
            select(target.instances(service.machine)?, &wanted).map(query::Answer::whole)
        }
        (Some(dialect::WQL | dialect::SELECTOR), _) => Err(Refusal::CANNOT_PROCESS_FILTER),
        _ => Err(Refusal::DIALECT),
    }
}

/// The selectors of a filter. Its prefixes are those of the envelope, which is why only local names are looked at.
fn selectors(markup: &Markup) -> Result<Vec<(Name, String)>, XmlError> {
    if markup.name != "SelectorSet" {
        return Err(XmlError::Missing("a selector set in the filter"));
    }
    let document = format!("<SelectorSet>{}</SelectorSet>", markup.inner);
    let mut reader = Reader::new(&document, Limits::default())?;
    reader.root()?;
    let mut found = Vec::new();
    while let Some(tag) = reader.child()? {
        let name = reader.attribute(&tag, "", "Name")?.ok_or(XmlError::Missing("the name of a selector"))?;
        let name = Name::from(name.as_ref());
        found.push((name, reader.text()?.into_owned()));
    }
    Ok(found)
}

fn select(objects: Vec<Object>, wanted: &[(Name, String)]) -> Result<Vec<Object>, Refusal> {
    let mut kept = Vec::new();
    for object in objects {
        let mut fits = true;
        for (name, value) in wanted {
            fits &= equals(object.instance.get(name.as_str()), value)?;
        }
        if fits {
            kept.push(object);
        }
    }
    Ok(kept)
}

/// Arrays, datetimes and references cannot be selected by.
fn equals(found: &CimValue, wanted: &str) -> Result<bool, Refusal> {
    Ok(match found {
        CimValue::Null => false,
        CimValue::String(text) => text.to_lowercase() == wanted.to_lowercase(),
        CimValue::Boolean(value) => wanted.trim().eq_ignore_ascii_case(if *value { "true" } else { "false" }),
        CimValue::Unsigned(value) => wanted.trim().parse() == Ok(*value),
        CimValue::Signed(value) => wanted.trim().parse() == Ok(*value),
        CimValue::Real(value) => wanted.trim().parse() == Ok(*value),
        CimValue::Datetime(_) | CimValue::Reference(_) | CimValue::Instance(_) | CimValue::Array(_) => {
            return Err(Refusal::CANNOT_PROCESS_FILTER);
        }
    })
}
