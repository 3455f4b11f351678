//! Filters of enumerations and subscriptions, in the languages that have a shape of their own.
//!
//! Guarantees: a filter is read by its dialect; one in a dialect that has no shape here is kept as text or markup, for the server to refuse.

use super::body::{self, Markup};
use super::dialect;
use crate::cim::endpoint::{self, EndpointReference};
use crate::cim::{ClassName, Key, Name};
use crate::resource::{Naming, ResourceUri};
use crate::xml::names::{ADDRESSING, CIM_BINDING, WSMAN};
use crate::xml::{Content, Reader, Tag, Writer, XmlError};

/// Which items are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The language of the filter; `None` means XPath.
    pub dialect: Option<String>,
    /// The filter itself.
    pub body: FilterBody,
}

/// A filter in one of its shapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterBody {
    /// A query.
    Text(String),
    /// Properties and the values that they must have.
    Selectors(Vec<(Name, Key)>),
    /// What is associated with an instance.
    Associations(Box<Associations>),
    /// Any other element.
    Markup(Markup),
}

/// What is associated with an instance (DSP0227, 8.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Associations {
    /// The instance.
    pub object: EndpointReference,
    /// Whether the associations themselves are wanted, rather than what is at their other ends.
    pub links: bool,
    /// The class of the association.
    pub association_class: Option<ClassName>,
    /// The class of what is wanted.
    pub result_class: Option<ClassName>,
    /// The role of the instance.
    pub role: Option<Name>,
    /// The role of what is wanted.
    pub result_role: Option<Name>,
    /// The properties that are wanted; empty for all.
    pub properties: Vec<Name>,
}

impl Filter {
    /// A WQL query.
    #[must_use]
    pub fn wql(query: &str) -> Self {
        Self { dialect: Some(dialect::WQL.to_owned()), body: FilterBody::Text(query.to_owned()) }
    }
}

/// Reads the filter whose element is `tag` to its end.
pub(super) fn read<'x>(reader: &mut Reader<'x>, tag: &Tag<'x>, document: &str) -> Result<Filter, XmlError> {
    let dialect = reader.attribute(tag, "", "Dialect")?.map(|d| d.trim().to_owned());
    let child = match reader.content()? {
        Content::Text(text) => return Ok(Filter { dialect, body: FilterBody::Text(text.into_owned()) }),
        Content::Child(child) => child,
    };
    let body = match (dialect.as_deref(), reader.namespace(&child)?, child.local()) {
        (Some(dialect::SELECTOR), WSMAN, "SelectorSet") => FilterBody::Selectors(endpoint::read_selectors(reader)?),
        (Some(dialect::ASSOCIATION), CIM_BINDING, name @ ("AssociatedInstances" | "AssociationInstances")) => {
            let links = name == "AssociationInstances";
            FilterBody::Associations(Box::new(read_associations(reader, links)?))
        }
        _ => FilterBody::Markup(body::read_markup(reader, &child, document)?),
    };
    body::finish(reader)?;
    Ok(Filter { dialect, body })
}

fn read_associations(reader: &mut Reader<'_>, links: bool) -> Result<Associations, XmlError> {
    let nobody = EndpointReference { address: String::new(), resource: ResourceUri::Other(String::new()), selectors: vec![] };
    let mut found = Associations {
        object: nobody,
        links,
        association_class: None,
        result_class: None,
        role: None,
        result_role: None,
        properties: vec![],
    };
    let mut seen = false;
    while let Some(tag) = reader.child()? {
        if reader.namespace(&tag)? != CIM_BINDING {
            reader.skip()?;
            continue;
        }
        match tag.local() {
            "Object" => {
                found.object = read_object(reader)?;
                seen = true;
            }
            "AssociationClassName" => found.association_class = Some(ClassName::from(&*reader.trimmed()?)),
            "ResultClassName" => found.result_class = Some(ClassName::from(&*reader.trimmed()?)),
            "Role" => found.role = Some(Name::from(&*reader.trimmed()?)),
            "ResultRole" => found.result_role = Some(Name::from(&*reader.trimmed()?)),
            "IncludeResultProperty" => found.properties.push(Name::from(&*reader.trimmed()?)),
            _ => reader.skip()?,
        }
    }
    if seen { Ok(found) } else { Err(XmlError::Missing("the object of an association filter")) }
}

/// The reference in an open `b:Object`; some clients wrap it.
fn read_object(reader: &mut Reader<'_>) -> Result<EndpointReference, XmlError> {
    let first = reader.child()?.ok_or(XmlError::Missing("the object of an association filter"))?;
    if !reader.is(&first, ADDRESSING, "EndpointReference") {
        return endpoint::read(reader, Some(first));
    }
    let reference = endpoint::read(reader, None)?;
    body::finish(reader)?;
    Ok(reference)
}

/// Writes a filter as `w:Filter`.
pub(super) fn write(writer: &mut Writer, filter: &Filter) {
    let dialect: Vec<(&str, &str)> = filter.dialect.iter().map(|d| ("Dialect", d.as_str())).collect();
    writer.open_with("w:Filter", &dialect);
    match &filter.body {
        FilterBody::Text(text) => writer.text(text),
        FilterBody::Selectors(selectors) => {
            writer.open("w:SelectorSet");
            let naming = Naming::answering(None, &[]);
            selectors.iter().for_each(|(name, key)| endpoint::write_selector(writer, name, key, &naming));
            writer.close("w:SelectorSet");
        }
        FilterBody::Associations(wanted) => write_associations(writer, wanted),
        FilterBody::Markup(markup) => body::write_markup(writer, markup),
    }
    writer.close("w:Filter");
}

fn write_associations(writer: &mut Writer, wanted: &Associations) {
    let element = if wanted.links { "b:AssociationInstances" } else { "b:AssociatedInstances" };
    writer.open_with(element, &[("xmlns:b", CIM_BINDING)]);
    writer.open("b:Object");
    endpoint::write_reference(writer, &wanted.object, &Naming::answering(None, &[]));
    writer.close("b:Object");
    let parts = [
        ("b:AssociationClassName", &wanted.association_class),
        ("b:Role", &wanted.role),
        ("b:ResultClassName", &wanted.result_class),
        ("b:ResultRole", &wanted.result_role),
    ];
    for (element, part) in parts {
        if let Some(part) = part {
            writer.leaf(element, part.as_str());
        }
    }
    wanted.properties.iter().for_each(|name| writer.leaf("b:IncludeResultProperty", name.as_str()));
    writer.close(element);
}
