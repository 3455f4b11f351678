//! Requests: what a client asks.
//!
//! Guarantees: a read request keeps the form of every parameter (text, reference, wrapped reference, nil, repeated), so that a strict
//! server can refuse what Windows refuses.

use std::time::Duration;

use super::body::{self, Markup, Parameter};
use super::filter::{self, Filter};
use super::shell::{self, ShellRequest};
use super::{Envelope, Header, action, header};
use crate::cim::element::write_form;
use crate::cim::name::is_identifier;
use crate::cim::{CimInstance, CimValue, ClassName, Namespace, xml_seconds};
use crate::resource::{Naming, ResourceUri};
use crate::schema::{self, Declared};
use crate::xml::names::{CIM_COMMON, ENUMERATION, EVENTING, IDENTITY, WSMAN, XSI};
use crate::xml::{Limits, Reader, Writer, XmlError};

/// What is asked. The resource, the selectors and the options stand in the header.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Who are you?
    Identify,
    /// Begin an enumeration.
    Enumerate(Enumerate),
    /// The next page.
    Pull(Pull),
    /// Give an enumeration up.
    Release {
        /// Which one.
        context: String,
    },
    /// Read an instance.
    Get,
    /// Change an instance.
    Put(Payload),
    /// Make an instance.
    Create(Payload),
    /// Remove an instance.
    Delete,
    /// Call a method.
    Invoke(Invoke),
    /// Subscribe to events.
    Subscribe(Subscribe),
    /// End a subscription.
    Unsubscribe,
    /// Something of a remote shell.
    Shell(ShellRequest),
    /// Anything else, by its action.
    Other(Option<Markup>),
}

/// What an enumeration gives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Enumeration {
    /// Objects.
    #[default]
    Objects,
    /// Their references.
    References,
    /// Both.
    ObjectsAndReferences,
}

/// Begins an enumeration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Enumerate {
    /// Which of the resource's items.
    pub filter: Option<Filter>,
    /// What is given of each.
    pub mode: Enumeration,
    /// Whether the answer may hold items already.
    pub optimize: bool,
    /// The most items that the answer may hold.
    pub max_elements: Option<u64>,
}

/// The next page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pull {
    /// Of which enumeration.
    pub context: String,
    /// The most items.
    pub max_elements: Option<u64>,
    /// The most characters that the items may have together.
    pub max_characters: Option<u64>,
    /// How long the server may take to gather them.
    pub max_time: Option<Duration>,
}

/// An instance as it stands in a Put or Create.
#[derive(Debug, Clone, PartialEq)]
pub struct Payload {
    /// Its class.
    pub class: ClassName,
    /// Its properties, one for each element.
    pub properties: Vec<Parameter>,
}

/// A method call; the class and the instance stand in the header.
#[derive(Debug, Clone, PartialEq)]
pub struct Invoke {
    /// The method.
    pub method: String,
    /// Its input, one for each element.
    pub parameters: Vec<Parameter>,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscribe {
    /// How events are delivered.
    pub delivery: Delivery,
    /// Which events.
    pub filter: Option<Filter>,
    /// Until when.
    pub expires: Option<String>,
    /// Whether answers to Pull are to say how far the events have been read.
    pub send_bookmarks: bool,
    /// How far they were read before: the inside of a `w:Bookmark`, or the URI of the earliest one.
    pub bookmark: Option<String>,
}

/// How events are delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// The mode's URI.
    pub mode: String,
    /// How often a sign of life is wanted.
    pub heartbeats: Option<Duration>,
}

impl Payload {
    /// `instance` of `namespace`, as it is sent.
    #[must_use]
    pub fn new(namespace: &Namespace, instance: &CimInstance) -> Self {
        let table = schema::class(namespace, instance.class().as_str());
        let declared = |name: &str| table.and_then(|t| t.property(name)).map(|p| p.declared());
        let properties = instance.properties().flat_map(|(name, value)| parameters(name.as_str(), value, declared(name.as_str())));
        Self { class: instance.class().clone(), properties: properties.collect() }
    }

    /// The instance, its values typed by what the table states of its class in `namespace`.
    #[must_use]
    pub fn instance(&self, namespace: &Namespace) -> CimInstance {
        let table = schema::class(namespace, self.class.as_str());
        let mut instance = CimInstance::new(self.class.clone());
        for property in &self.properties {
            let declared = table.and_then(|t| t.property(&property.name)).map(|p| p.declared());
            instance.append(&property.name, property.form.clone().into_value(declared));
        }
        instance
    }
}

impl Invoke {
    /// The call of `method` with `values`, typed by `declared`.
    pub fn new<'v>(
        method: &str,
        values: impl IntoIterator<Item = &'v (&'v str, CimValue)>,
        declared: impl Fn(&str) -> Option<Declared>,
    ) -> Self {
        let parameters = values.into_iter().flat_map(|(name, value)| parameters(name, value, declared(name))).collect();
        Self { method: method.to_owned(), parameters }
    }

    /// The parameter `name` as `declared`; `None` when it was not sent.
    #[must_use]
    pub fn value(&self, name: &str, declared: Option<Declared>) -> Option<CimValue> {
        body::joined(&self.parameters, name, declared)
    }
}

fn parameters(name: &str, value: &CimValue, declared: Option<Declared>) -> Vec<Parameter> {
    let forms = crate::cim::element::Form::of(value, declared);
    forms.into_iter().map(|form| Parameter { name: name.to_owned(), form }).collect()
}

impl Envelope<Request> {
    /// Reads a request.
    ///
    /// # Errors
    /// The document is not read, or its body is not what its action says.
    pub fn decode(document: &str, limits: Limits) -> Result<Self, XmlError> {
        let document = super::unmarked(document);
        super::read(document, limits, |reader, header| read(reader, header, document))
    }

    /// Writes a request.
    #[must_use]
    pub fn encode(&self) -> String {
        let naming = Naming::answering(self.header.resource.as_ref(), &self.header.selectors);
        let mut writer = Writer::new();
        header::write(&mut writer, &self.header, &naming);
        write(&mut writer, &self.header, &self.body, &naming);
        header::close(&mut writer);
        writer.finish()
    }
}

fn read<'x>(reader: &mut Reader<'x>, header: &Header, document: &str) -> Result<Request, XmlError> {
    let naming = Naming::answering(header.resource.as_ref(), &header.selectors);
    let namespace = naming.namespace().as_str();
    let tag = reader.child()?;
    let body = match &tag {
        Some(tag) => (reader.namespace(tag)?, tag.local()),
        None => ("", ""),
    };
    let named = header.action.as_deref().unwrap_or_default();
    match (named, body) {
        (_, (IDENTITY, "Identify")) => reader.skip().map(|()| Request::Identify),
        (action::ENUMERATE, (ENUMERATION, "Enumerate")) => read_enumerate(reader, document).map(Request::Enumerate),
        (action::PULL, (ENUMERATION, "Pull")) => read_pull(reader).map(Request::Pull),
        (action::RELEASE, (ENUMERATION, "Release")) => Ok(Request::Release { context: read_pull(reader)?.context }),
        (action::SUBSCRIBE, (EVENTING, "Subscribe")) => read_subscribe(reader, document).map(Request::Subscribe),
        (action::UNSUBSCRIBE, _) => skip_all(reader, tag.is_some()).map(|()| Request::Unsubscribe),
        (action::GET, _) => skip_all(reader, tag.is_some()).map(|()| Request::Get),
        (action::DELETE, _) => skip_all(reader, tag.is_some()).map(|()| Request::Delete),
        (action::PUT | action::CREATE, (uri, class)) if body::is_cim(uri) => {
            if crate::resource::namespace_of_uri(uri).is_some_and(|own| !own.eq_ignore_ascii_case(namespace)) {
                return Err(XmlError::meaningless("the namespace of an instance", uri));
            }
            let class = ClassName::from(class);
            let payload = Payload { class, properties: body::read_parameters(reader, namespace)? };
            Ok(if named == action::PUT { Request::Put(payload) } else { Request::Create(payload) })
        }
        (action::PUT | action::CREATE, _) if header.resource.as_ref().is_some_and(|resource| resource.class().is_some()) => {
            Err(XmlError::Missing("an instance of the class in the body"))
        }
        (action::ENUMERATE | action::PULL | action::RELEASE | action::SUBSCRIBE, _) => {
            Err(XmlError::Missing("the element in the body that its action names"))
        }
        (named, (_, input)) => match method_of(header, named, input) {
            Some(method) => {
                let parameters = if tag.is_some() { body::read_parameters(reader, namespace)? } else { vec![] };
                Ok(Request::Invoke(Invoke { method, parameters }))
            }
            None => match tag {
                None => Ok(Request::Other(None)),
                Some(tag) => match shell::read_request(reader, &tag)? {
                    Some(request) => Ok(Request::Shell(request)),
                    None => body::read_markup(reader, &tag, document).map(|markup| Request::Other(Some(markup))),
                },
            },
        },
    }
}

/// The method that an action upon a class names: the last part of its URI, or the name of the input when the action says nothing.
fn method_of(header: &Header, named: &str, input: &str) -> Option<String> {
    header.resource.as_ref()?.class()?;
    let method = named.rsplit('/').next().filter(|m| !m.is_empty());
    if input.is_empty() {
        let uri = header.resource.as_ref()?.to_string();
        let head = named.get(..uri.len())?;
        return method.filter(|method| is_identifier(method) && head.eq_ignore_ascii_case(&uri)).map(str::to_owned);
    }
    let from_input = input.strip_suffix("_INPUT")?;
    Some(method.unwrap_or(from_input)).filter(|method| is_identifier(method)).map(str::to_owned)
}

fn skip_all(reader: &mut Reader<'_>, is_open: bool) -> Result<(), XmlError> {
    if is_open {
        reader.skip()?;
    }
    Ok(())
}

fn read_enumerate(reader: &mut Reader<'_>, document: &str) -> Result<Enumerate, XmlError> {
    let mut enumerate = Enumerate::default();
    while let Some(tag) = reader.child()? {
        match (reader.namespace(&tag)?, tag.local()) {
            (WSMAN | ENUMERATION, "Filter") if enumerate.filter.is_some() => {
                return Err(XmlError::meaningless("a second filter", tag.local()));
            }
            (WSMAN | ENUMERATION, "Filter") => enumerate.filter = Some(filter::read(reader, &tag, document)?),
            (WSMAN, "EnumerationMode") => {
                let text = reader.trimmed()?;
                enumerate.mode = match &*text {
                    "EnumerateEPR" => Enumeration::References,
                    "EnumerateObjectAndEPR" => Enumeration::ObjectsAndReferences,
                    _ => return Err(XmlError::meaningless("the enumeration mode", &text)),
                };
            }
            (WSMAN, "OptimizeEnumeration") => {
                enumerate.optimize = true;
                reader.skip()?;
            }
            (WSMAN | ENUMERATION, "MaxElements") => enumerate.max_elements = Some(read_number(reader)?),
            _ => reader.skip()?,
        }
    }
    Ok(enumerate)
}

fn read_number(reader: &mut Reader<'_>) -> Result<u64, XmlError> {
    let text = reader.trimmed()?;
    text.parse().map_err(|_| XmlError::meaningless("the size of a page", &text))
}

fn read_pull(reader: &mut Reader<'_>) -> Result<Pull, XmlError> {
    let mut pull = Pull::default();
    while let Some(tag) = reader.child()? {
        match (reader.namespace(&tag)?, tag.local()) {
            (ENUMERATION, "EnumerationContext") => pull.context = reader.trimmed()?.into_owned(),
            (ENUMERATION | WSMAN, "MaxElements") => pull.max_elements = Some(read_number(reader)?),
            (ENUMERATION, "MaxCharacters") => pull.max_characters = Some(read_number(reader)?),
            (ENUMERATION, "MaxTime") => {
                let text = reader.trimmed()?;
                let most = crate::cim::xml_duration(&text).and_then(|d| Duration::try_from(d).ok());
                pull.max_time = Some(most.ok_or_else(|| XmlError::meaningless("the time for a page", &text))?);
            }
            _ => reader.skip()?,
        }
    }
    Ok(pull)
}

fn read_subscribe(reader: &mut Reader<'_>, document: &str) -> Result<Subscribe, XmlError> {
    let mut subscribe = Subscribe { delivery: Delivery::default(), filter: None, expires: None, send_bookmarks: false, bookmark: None };
    while let Some(tag) = reader.child()? {
        match (reader.namespace(&tag)?, tag.local()) {
            (EVENTING, "Delivery") => {
                subscribe.delivery.mode = reader.attribute(&tag, "", "Mode")?.map(|m| m.trim().to_owned()).unwrap_or_default();
                while let Some(tag) = reader.child()? {
                    if reader.is(&tag, WSMAN, "Heartbeats") {
                        let text = reader.trimmed()?;
                        let every = crate::cim::xml_duration(&text).and_then(|d| Duration::try_from(d).ok());
                        subscribe.delivery.heartbeats = Some(every.ok_or_else(|| XmlError::meaningless("the heartbeat", &text))?);
                    } else {
                        reader.skip()?;
                    }
                }
            }
            (EVENTING, "Expires") => subscribe.expires = Some(reader.trimmed()?.into_owned()),
            (WSMAN | EVENTING, "Filter") => subscribe.filter = Some(filter::read(reader, &tag, document)?),
            (WSMAN, "SendBookmarks") => {
                subscribe.send_bookmarks = true;
                reader.skip()?;
            }
            (WSMAN, "Bookmark") => subscribe.bookmark = Some(body::read_bookmark(reader, &tag, document)?),
            _ => reader.skip()?,
        }
    }
    Ok(subscribe)
}

fn write(writer: &mut Writer, header: &Header, request: &Request, naming: &Naming) {
    match request {
        Request::Identify => writer.empty("wsmid:Identify", &[("xmlns:wsmid", IDENTITY)]),
        Request::Enumerate(enumerate) => write_enumerate(writer, enumerate),
        Request::Pull(pull) => {
            writer.open("n:Pull");
            writer.leaf("n:EnumerationContext", &pull.context);
            if let Some(most) = pull.max_elements {
                writer.leaf("n:MaxElements", &most.to_string());
            }
            if let Some(most) = pull.max_characters {
                writer.leaf("n:MaxCharacters", &most.to_string());
            }
            if let Some(most) = pull.max_time {
                writer.leaf("n:MaxTime", &xml_seconds(most));
            }
            writer.close("n:Pull");
        }
        Request::Release { context } => {
            writer.open("n:Release");
            writer.leaf("n:EnumerationContext", context);
            writer.close("n:Release");
        }
        Request::Get | Request::Delete => {}
        Request::Put(payload) | Request::Create(payload) => {
            let uri = naming.class_uri(&payload.class);
            write_parameters(writer, (&format!("p:{}", payload.class), &uri), &payload.properties, naming);
        }
        Request::Invoke(invoke) => {
            let uri = header.resource.as_ref().map(ResourceUri::to_string).unwrap_or_default();
            write_parameters(writer, (&format!("p:{}_INPUT", invoke.method), &uri), &invoke.parameters, naming);
        }
        Request::Subscribe(subscribe) => write_subscribe(writer, subscribe),
        Request::Unsubscribe => writer.empty("e:Unsubscribe", &[]),
        Request::Shell(request) => shell::write_request(writer, request),
        Request::Other(markup) => markup.iter().for_each(|markup| body::write_markup(writer, markup)),
    }
}

fn write_enumerate(writer: &mut Writer, enumerate: &Enumerate) {
    writer.open("n:Enumerate");
    if enumerate.optimize {
        writer.empty("w:OptimizeEnumeration", &[]);
    }
    if let Some(most) = enumerate.max_elements {
        writer.leaf("w:MaxElements", &most.to_string());
    }
    if let Some(filter) = &enumerate.filter {
        filter::write(writer, filter);
    }
    match enumerate.mode {
        Enumeration::Objects => {}
        Enumeration::References => writer.leaf("w:EnumerationMode", "EnumerateEPR"),
        Enumeration::ObjectsAndReferences => writer.leaf("w:EnumerationMode", "EnumerateObjectAndEPR"),
    }
    writer.close("n:Enumerate");
}

fn write_parameters(writer: &mut Writer, (element, uri): (&str, &str), parameters: &[Parameter], naming: &Naming) {
    let namespaces = [("xmlns:p", uri), ("xmlns:xsi", XSI), ("xmlns:cim", CIM_COMMON)];
    if parameters.is_empty() {
        return writer.empty(element, &namespaces[..1]);
    }
    writer.open_with(element, &namespaces);
    parameters.iter().for_each(|p| write_form(writer, &format!("p:{}", p.name), &p.form, naming));
    writer.close(element);
}

fn write_subscribe(writer: &mut Writer, subscribe: &Subscribe) {
    writer.open("e:Subscribe");
    writer.open_with("e:Delivery", &[("Mode", &subscribe.delivery.mode)]);
    if let Some(every) = subscribe.delivery.heartbeats {
        writer.leaf("w:Heartbeats", &xml_seconds(every));
    }
    writer.close("e:Delivery");
    if let Some(expires) = &subscribe.expires {
        writer.leaf("e:Expires", expires);
    }
    if let Some(filter) = &subscribe.filter {
        filter::write(writer, filter);
    }
    if let Some(bookmark) = &subscribe.bookmark {
        writer.open("w:Bookmark");
        writer.raw(bookmark);
        writer.close("w:Bookmark");
    }
    if subscribe.send_bookmarks {
        writer.empty("w:SendBookmarks", &[]);
    }
    writer.close("e:Subscribe");
}
