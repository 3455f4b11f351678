//! Parts of bodies that requests and answers share.

use crate::cim::element::{self, Form, write_instance, write_value};
use crate::cim::{CimInstance, CimPath, CimValue, ClassName, endpoint};
use crate::resource::{Naming, namespace_of_uri};
use crate::schema;
use crate::xml::names::{ADDRESSING, ENUMERATION, WSMAN, XSI};
use crate::xml::{Content, Reader, Tag, Writer, XmlError};

/// One thing that was enumerated.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// An instance.
    Object(CimInstance),
    /// The path to one.
    Path(CimPath),
    /// Both.
    ObjectAndPath(CimInstance, CimPath),
    /// Selected properties of an instance, whose class the answer does not say.
    Fragment(CimInstance),
    /// No CIM: an event of a log, for one.
    Other(Markup),
}

impl Item {
    /// The item as it stands in a page: a server counts its octets before it puts it there.
    #[must_use]
    pub fn encode(&self, naming: &Naming) -> String {
        let mut writer = Writer::new();
        write_item(&mut writer, self, naming);
        writer.finish()
    }
}

/// A body, or a part of one, that is kept as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Markup {
    /// The namespace of its element.
    pub namespace: String,
    /// The name of its element.
    pub name: String,
    /// What stands inside the element, with the prefixes of its document.
    pub inner: String,
    /// The prefixes in it that are bound outside of it, each with its namespace. The empty one is there when names without a prefix
    /// inside are not in the element's own namespace.
    pub prefixes: Vec<(String, String)>,
}

/// One page of an enumeration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// What the next page is asked for with; `None` at the end.
    pub context: Option<String>,
    /// What came.
    pub items: Vec<Item>,
    /// Whether this is the last page.
    pub end: bool,
}

/// One element of a method's input or of an instance that is put: a parameter that is an array has several.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name, as written.
    pub name: String,
    /// What stands in it.
    pub form: Form<'static>,
}

/// What a method gave back.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The class whose method it is.
    pub class: ClassName,
    /// The method.
    pub method: String,
    /// Its out parameters, `ReturnValue` among them.
    pub values: CimInstance,
}

/// What a server says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The protocol's namespace.
    pub protocol: String,
    /// Who made it.
    pub vendor: String,
    /// Which one: `OS: 10.0.20348 SP: 0.0 Stack: 3.0`.
    pub version: String,
    /// How one may authenticate; empty when not said.
    pub security_profiles: Vec<String>,
}

/// Reads `tag` to its end as markup.
pub(super) fn read_markup(reader: &mut Reader<'_>, tag: &Tag<'_>, document: &str) -> Result<Markup, XmlError> {
    let (namespace, name) = (reader.namespace(tag)?.to_owned(), tag.local().to_owned());
    let from = reader.position();
    let mut prefixes = reader.skip_with_prefixes()?;
    prefixes.retain(|(prefix, bound)| !prefix.is_empty() || *bound != namespace);
    let inside = document.get(from..reader.position()).unwrap_or_default();
    let inner = inside.rfind("</").map_or("", |end| &inside[..end]).to_owned();
    Ok(Markup { namespace, name, inner, prefixes })
}

/// Reads the bookmark whose element is `tag` to its end. It will stand in other documents, so it must need nothing of this one.
pub(super) fn read_bookmark(reader: &mut Reader<'_>, tag: &Tag<'_>, document: &str) -> Result<String, XmlError> {
    let Markup { inner, prefixes, .. } = read_markup(reader, tag, document)?;
    match prefixes.iter().find(|(_, namespace)| !namespace.is_empty()) {
        Some((prefix, _)) => Err(XmlError::meaningless("a prefix in a bookmark", prefix)),
        None => Ok(inner),
    }
}

/// Reads an open `EnumerateResponse` or `PullResponse`.
pub(super) fn read_page(reader: &mut Reader<'_>, document: &str, namespace: &str) -> Result<Page, XmlError> {
    let mut page = Page::default();
    while let Some(tag) = reader.child()? {
        match (reader.namespace(&tag)?, tag.local()) {
            (ENUMERATION, "EnumerationContext") => {
                page.context = Some(reader.trimmed()?.into_owned()).filter(|context| !context.is_empty());
            }
            (ENUMERATION | WSMAN, "Items") => page.items = read_items(reader, document, namespace)?,
            (ENUMERATION | WSMAN, "EndOfSequence") => {
                page.end = true;
                reader.skip()?;
            }
            _ => reader.skip()?,
        }
    }
    Ok(page)
}

fn read_items(reader: &mut Reader<'_>, document: &str, namespace: &str) -> Result<Vec<Item>, XmlError> {
    let mut items = vec![];
    while let Some(tag) = reader.child()? {
        let item = match (reader.namespace(&tag)?, tag.local()) {
            (ADDRESSING, "EndpointReference") => Item::Path(endpoint::read(reader, None)?.path_in(namespace)?),
            (WSMAN, "Item") => read_pair(reader, namespace)?,
            (WSMAN, "XmlFragment") => Item::Fragment(element::read_properties(reader, "XmlFragment", namespace)?),
            (uri, _) if is_cim(uri) => Item::Object(element::read_instance(reader, &tag, namespace)?),
            _ => Item::Other(read_markup(reader, &tag, document)?),
        };
        items.push(item);
    }
    Ok(items)
}

/// Whether elements of this namespace are instances of a class.
pub(super) fn is_cim(uri: &str) -> bool {
    namespace_of_uri(uri).is_some() || uri.starts_with("http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/")
}

fn read_pair(reader: &mut Reader<'_>, namespace: &str) -> Result<Item, XmlError> {
    let (mut object, mut path) = (None, None);
    while let Some(tag) = reader.child()? {
        if reader.is(&tag, ADDRESSING, "EndpointReference") {
            path = Some(endpoint::read(reader, None)?.path_in(namespace)?);
        } else {
            object = Some(element::read_instance(reader, &tag, namespace)?);
        }
    }
    let object = object.ok_or(XmlError::Missing("the object of an item"))?;
    Ok(Item::ObjectAndPath(object, path.ok_or(XmlError::Missing("the reference of an item"))?))
}

/// Reads an open `<method>_OUTPUT` of `class`.
pub(super) fn read_output(reader: &mut Reader<'_>, tag: &Tag<'_>, (method, namespace): (&str, &str)) -> Result<Output, XmlError> {
    let uri = reader.namespace(tag)?;
    let namespace = namespace_of_uri(uri).unwrap_or(namespace).to_owned();
    let class = ClassName::from(uri.rsplit('/').next().unwrap_or_default());
    let table = schema::class_alike(&namespace, class.as_str()).and_then(|c| c.method(method));
    let mut values = CimInstance::new(ClassName::from(tag.local()));
    while let Some(tag) = reader.child()? {
        let name = tag.local().to_owned();
        let declared = match table.and_then(|m| m.parameter(&name, schema::Direction::Out)) {
            Some(parameter) => Some(parameter.declared()),
            None if name == "ReturnValue" => Some(RETURN_VALUE),
            None => None,
        };
        let value = element::read_form(reader, &tag, &namespace)?.into_value(declared);
        if !element::is_left_out(&value, declared) {
            values.append(&name, value);
        }
    }
    Ok(Output { class, method: method.to_owned(), values })
}

/// Methods return `uint32`.
pub(super) const RETURN_VALUE: schema::Declared = schema::Declared { cim: Some(crate::cim::CimType::Uint32), array: false, class: None };

/// Reads the raw input parameters of an open `<method>_INPUT`, one for each element.
pub(super) fn read_parameters(reader: &mut Reader<'_>, namespace: &str) -> Result<Vec<Parameter>, XmlError> {
    let mut parameters = vec![];
    while let Some(tag) = reader.child()? {
        if element::is_location(reader, &tag) {
            reader.skip()?;
            continue;
        }
        let name = tag.local().to_owned();
        parameters.push(Parameter { name, form: element::read_form(reader, &tag, namespace)?.into_owned() });
    }
    Ok(parameters)
}

/// Writes a page; `around` is the prefix of `Items` and of the end, which optimised answers write differently.
pub(super) fn write_page(writer: &mut Writer, page: &Page, around: &str, naming: &Naming) {
    match &page.context {
        Some(context) => writer.leaf("n:EnumerationContext", context),
        // The optimised answer that is complete has an empty context; the last page of a pull has none.
        None if around == "w" => writer.empty("n:EnumerationContext", &[]),
        None => {}
    }
    if around == "w" && page.items.is_empty() && !page.end {
        return;
    }
    let items = format!("{around}:Items");
    if page.items.is_empty() {
        writer.empty(&items, &[]);
    } else {
        writer.open(&items);
        page.items.iter().for_each(|item| write_item(writer, item, naming));
        writer.close(&items);
    }
    if page.end {
        writer.empty(&format!("{around}:EndOfSequence"), &[]);
    }
}

fn write_item(writer: &mut Writer, item: &Item, naming: &Naming) {
    let reference = |writer: &mut Writer, path: &CimPath| {
        writer.open("a:EndpointReference");
        endpoint::write(writer, path, naming);
        writer.close("a:EndpointReference");
    };
    match item {
        Item::Object(instance) => write_instance(writer, instance, naming),
        Item::Path(path) => reference(writer, path),
        Item::ObjectAndPath(instance, path) => {
            writer.open("w:Item");
            write_instance(writer, instance, naming);
            reference(writer, path);
            writer.close("w:Item");
        }
        Item::Fragment(instance) => {
            writer.open_with("w:XmlFragment", &[("xmlns:xsi", XSI), ("xmlns:cim", crate::xml::names::CIM_COMMON)]);
            instance.properties().for_each(|(name, value)| write_value(writer, name.as_str(), value, None, naming));
            writer.close("w:XmlFragment");
        }
        Item::Other(markup) => write_markup(writer, markup),
    }
}

/// Writes markup under its namespace.
pub(super) fn write_markup(writer: &mut Writer, markup: &Markup) {
    let bound = markup.prefixes.iter().map(|(prefix, namespace)| (declaration(prefix), namespace.as_str()));
    let mut declared: Vec<(String, &str)> = bound.collect();
    let name = match markup.prefixes.iter().any(|(prefix, _)| prefix.is_empty()) {
        // The default namespace is taken: the element needs a prefix, and one that means nothing else inside.
        true => {
            let prefix = (0..).map(|n| format!("m{n}")).find(|own| markup.prefixes.iter().all(|(prefix, _)| prefix != own));
            let prefix = prefix.unwrap_or_default();
            declared.push((declaration(&prefix), &markup.namespace));
            format!("{prefix}:{}", markup.name)
        }
        false => {
            declared.push((declaration(""), &markup.namespace));
            markup.name.clone()
        }
    };
    let attributes: Vec<(&str, &str)> = declared.iter().map(|(name, namespace)| (name.as_str(), *namespace)).collect();
    writer.open_with(&name, &attributes);
    writer.raw(&markup.inner);
    writer.close(&name);
}

/// The attribute that declares `prefix`.
fn declaration(prefix: &str) -> String {
    if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") }
}

/// Writes what a method gave back; `ReturnValue` comes last, as Windows writes it.
pub(super) fn write_output(writer: &mut Writer, output: &Output, naming: &Naming) {
    let uri = naming.class_uri(&output.class);
    let element = format!("p:{}_OUTPUT", output.method);
    let table = schema::class_alike(naming.namespace().as_str(), output.class.as_str()).and_then(|c| c.method(&output.method));
    writer.open_with(&element, &[("xmlns:xsi", XSI), ("xmlns:p", &uri), ("xmlns:cim", crate::xml::names::CIM_COMMON)]);
    let (last, first): (Vec<_>, Vec<_>) = output.values.properties().partition(|(name, _)| **name == "ReturnValue");
    for (name, value) in first.into_iter().chain(last) {
        let declared = table.and_then(|m| m.parameter(name.as_str(), schema::Direction::Out)).map(|p| p.declared());
        write_value(writer, &format!("p:{name}"), value, declared, naming);
    }
    writer.close(&element);
}

/// Skips what is left of the element that is open.
pub(super) fn finish(reader: &mut Reader<'_>) -> Result<(), XmlError> {
    while reader.child()?.is_some() {
        reader.skip()?;
    }
    Ok(())
}

/// Reads an open `IdentifyResponse`.
pub(super) fn read_identity(reader: &mut Reader<'_>) -> Result<Identity, XmlError> {
    let mut identity = Identity::default();
    while let Some(tag) = reader.child()? {
        match tag.local() {
            "ProtocolVersion" => identity.protocol = reader.trimmed()?.into_owned(),
            "ProductVendor" => identity.vendor = reader.trimmed()?.into_owned(),
            "ProductVersion" => identity.version = reader.trimmed()?.into_owned(),
            "SecurityProfiles" => {
                while let Some(_profile) = reader.child()? {
                    match reader.content()? {
                        Content::Text(text) => identity.security_profiles.push(text.trim().to_owned()),
                        Content::Child(_) => {
                            reader.skip()?;
                            finish(reader)?;
                        }
                    }
                }
            }
            _ => reader.skip()?,
        }
    }
    Ok(identity)
}

/// The elements of `parameters` called `name`, joined as `declared` says; `None` when there is none.
pub(super) fn joined(parameters: &[Parameter], name: &str, declared: Option<schema::Declared>) -> Option<CimValue> {
    let mut forms = parameters.iter().filter(|p| p.name.eq_ignore_ascii_case(name)).map(|p| p.form.clone());
    let mut value = forms.next()?.into_value(declared);
    forms.for_each(|form| value.join(form.into_value(declared)));
    Some(value)
}
