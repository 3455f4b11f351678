//! Instances in the element form: one element per property, as `Get`, `Pull` and `Invoke` carry them.
//!
//! Guarantees: values take the type that the class table states, and stay text where it states none; repeated elements become an
//! array wherever they stand; a value that does not fit its declared type is kept as text; what is read can be written, and is read
//! again as the same. So an array of nothing, which Windows leaves out, is not told from none at all.

use std::borrow::Cow;

use base64::Engine as _;

use super::name::is_identifier;
use super::{CimDatetime, CimInstance, CimPath, CimType, CimValue, ClassName, Name, embedded, endpoint, scalar};
use crate::resource::{Naming, namespace_of_uri};
use crate::schema::{self, Class, Declared, Property};
use crate::xml::names::{ADDRESSING, CIM_COMMON, XSI};
use crate::xml::{Content, Leaf, Reader, Tag, Writer, XmlError};

/// What stands in the element of one property or parameter, before a type is given to it.
#[derive(Debug, Clone, PartialEq)]
pub enum Form<'x> {
    /// `xsi:nil="true"`.
    Nil,
    /// Text; an embedded instance in its string form too.
    Text(Cow<'x, str>),
    /// The text of a `cim:Datetime` or `cim:Interval`.
    Datetime(Cow<'x, str>),
    /// A reference, its parts directly inside the element: the form that Windows demands.
    Reference(CimPath),
    /// A reference inside an `a:EndpointReference`, which Windows refuses as a parameter.
    WrappedReference(CimPath),
    /// A nested object.
    Object(CimInstance),
}

impl Form<'_> {
    /// The same, owning its text.
    #[must_use]
    pub fn into_owned(self) -> Form<'static> {
        match self {
            Self::Nil => Form::Nil,
            Self::Text(text) => Form::Text(Cow::Owned(text.into_owned())),
            Self::Datetime(text) => Form::Datetime(Cow::Owned(text.into_owned())),
            Self::Reference(path) => Form::Reference(path),
            Self::WrappedReference(path) => Form::WrappedReference(path),
            Self::Object(instance) => Form::Object(instance),
        }
    }

    /// The forms in which `value` is sent: one for each element, none for an empty array.
    #[must_use]
    pub fn of(value: &CimValue, declared: Option<Declared>) -> Vec<Form<'static>> {
        let text = |text: &str| Form::Text(Cow::Owned(text.to_owned()));
        let is_string = declared.is_some_and(|d| matches!(d.cim, Some(CimType::EmbeddedInstance | CimType::String)));
        match value {
            CimValue::Null => vec![Form::Nil],
            CimValue::Array(values) => values.iter().filter(|v| **v != CimValue::Null).flat_map(|v| Self::of(v, declared)).collect(),
            CimValue::Datetime(when) => vec![Form::Datetime(Cow::Owned(when.to_xml()))],
            CimValue::Reference(path) => vec![Form::Reference((**path).clone())],
            CimValue::Instance(instance) if is_string => vec![text(&embedded::encode(instance))],
            CimValue::Instance(instance) => vec![Form::Object((**instance).clone())],
            scalar => scalar::encode(scalar).map(|t| text(&t)).into_iter().collect(),
        }
    }

    /// The value, by its declared type; an array of one where an array is declared. What has another form than its type is text.
    #[must_use]
    pub fn into_value(self, declared: Option<Declared>) -> CimValue {
        let (cim, array) = declared.map_or((None, false), |d| (d.cim, d.array));
        let value = match (self, cim) {
            (Self::Nil, _) => return CimValue::Null,
            (Self::Text(text), Some(CimType::Uint8)) if array => match octets(&text) {
                Some(octets) => return CimValue::Array(octets),
                None => scalar::decode(text, cim),
            },
            // An object is elements; CIM-XML in its place would say less about its types.
            (Self::Text(text), Some(CimType::Object)) => CimValue::String(text.into_owned()),
            (Self::Text(text), _) => scalar::decode(text, cim),
            // The table takes some datetimes and references for strings, as the library did that it is made from.
            (Self::Datetime(text), None | Some(CimType::Datetime | CimType::String)) => match CimDatetime::parse(&text) {
                Some(when) => CimValue::Datetime(when),
                None => CimValue::String(text.into_owned()),
            },
            (Self::Datetime(text), _) => return Form::Text(text).into_value(declared),
            (Self::Reference(path) | Self::WrappedReference(path), None | Some(CimType::Reference | CimType::String)) => {
                CimValue::from(path)
            }
            (Self::Reference(path) | Self::WrappedReference(path), _) => return Form::Text(path.to_string().into()).into_value(declared),
            (Self::Object(instance), None | Some(CimType::Object)) => CimValue::from(instance),
            (Self::Object(instance), _) => return Form::Text(embedded::encode(&instance).into()).into_value(declared),
        };
        if array { CimValue::Array(vec![value]) } else { value }
    }
}

/// The octets of a `uint8[]` that came as one base64 text; `None` when the text is a number, and so one element of the usual form.
fn octets(text: &str) -> Option<Vec<CimValue>> {
    let text = text.trim();
    if text.parse::<u8>().is_ok() {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    Some(bytes.into_iter().map(|b| CimValue::Unsigned(b.into())).collect())
}

/// Reads the element `tag` of a property or parameter to its end.
pub(crate) fn read_form<'x>(reader: &mut Reader<'x>, tag: &Tag<'x>, namespace: &str) -> Result<Form<'x>, XmlError> {
    if reader.is_nil(tag)? {
        reader.skip()?;
        return Ok(Form::Nil);
    }
    let first = match reader.content()? {
        Content::Text(text) => return Ok(Form::Text(text)),
        Content::Child(first) => first,
    };
    let around = reader.namespace(&first)?;
    if around == CIM_COMMON {
        let text = reader.trimmed()?;
        finish(reader)?;
        return Ok(Form::Datetime(text));
    }
    if around == ADDRESSING && first.local() == "EndpointReference" {
        let path = endpoint::read(reader, None)?.path_in(namespace)?;
        finish(reader)?;
        return Ok(Form::WrappedReference(path));
    }
    if around == ADDRESSING {
        return Ok(Form::Reference(endpoint::read(reader, Some(first))?.path_in(namespace)?));
    }
    let (kind, class_namespace) = class_of(reader, tag, namespace)?;
    Ok(Form::Object(kind.read_properties(reader, &class_namespace, Some(first))?))
}

fn finish(reader: &mut Reader<'_>) -> Result<(), XmlError> {
    while reader.child()?.is_some() {
        reader.skip()?;
    }
    Ok(())
}

/// Reads the instance whose element is `tag` to its end. `namespace` is where its class is when the element does not say.
pub(crate) fn read_instance<'x>(reader: &mut Reader<'x>, tag: &Tag<'x>, namespace: &str) -> Result<CimInstance, XmlError> {
    let (kind, namespace) = class_of(reader, tag, namespace)?;
    kind.read_properties(reader, &namespace, None)
}

/// The class of an element: from `xsi:type`, which tells the derived one, or from its name; and its namespace.
fn class_of<'n>(reader: &Reader<'_>, tag: &Tag<'_>, namespace: &'n str) -> Result<(Kind, Cow<'n, str>), XmlError> {
    let stated = reader.attribute(tag, XSI, "type")?;
    let derived = stated.as_deref().map(|stated| {
        let (uri, local) = reader.qualified(stated);
        (uri, local.strip_suffix("_Type").unwrap_or(local))
    });
    // What no class can be called says nothing, and must never become the name of an element.
    let (uri, name) = match derived.filter(|(_, name)| is_identifier(name)) {
        Some(derived) => derived,
        None if is_identifier(tag.local()) => (reader.namespace(tag)?, tag.local()),
        None => return Err(XmlError::meaningless("the class of an instance", tag.local())),
    };
    let namespace = match namespace_of_uri(uri) {
        Some(found) if found == namespace => Cow::Borrowed(namespace),
        Some(found) => Cow::Owned(found.to_owned()),
        None => Cow::Borrowed(namespace),
    };
    Ok((Kind::new(&namespace, name), namespace))
}

/// A class as an element names it, and what the table says of it.
struct Kind {
    class: ClassName,
    table: Option<&'static Class>,
}

impl Kind {
    fn new(namespace: &str, name: &str) -> Self {
        let table = schema::class_alike(namespace, name);
        // The table's own name costs no allocation.
        let class = match table {
            Some(class) if class.name() == name => ClassName::from_static(class.name()),
            _ => ClassName::from(name),
        };
        Self { class, table }
    }

    fn read_properties<'x>(self, reader: &mut Reader<'x>, namespace: &str, mut first: Option<Tag<'x>>) -> Result<CimInstance, XmlError> {
        let mut properties = Properties::new(self.table);
        loop {
            if first.is_none()
                && let Some((name, declared, form)) = properties.leaf(reader)
            {
                properties.add(name, form.into_value(declared), declared);
                continue;
            }
            let Some(tag) = (match first.take() {
                Some(tag) => Some(tag),
                None => reader.child()?,
            }) else {
                return Ok(properties.finish(self.class));
            };
            if is_location(reader, &tag) {
                reader.skip()?;
                continue;
            }
            let (name, declared) = properties.named(tag.local());
            let form = read_form(reader, &tag, namespace)?;
            properties.add(name, form.into_value(declared), declared);
        }
    }
}

/// Reads the properties of the open element as those of `class`.
pub(crate) fn read_properties(reader: &mut Reader<'_>, class: &str, namespace: &str) -> Result<CimInstance, XmlError> {
    Kind::new(namespace, class).read_properties(reader, namespace, None)
}

/// Whether `tag` is where an instance says its own address, which is none of its properties (MS-WSMV 4.1.1).
pub(crate) fn is_location(reader: &Reader<'_>, tag: &Tag<'_>) -> bool {
    tag.local() == "Location" && reader.is(tag, CIM_COMMON, "Location")
}

/// How many properties of the table may be the next one.
const EXPECTED: usize = 6;

/// The properties read so far. Windows sends them sorted, so the next is nearly always the next one that the table states.
struct Properties {
    table: Option<&'static Class>,
    next: usize,
    found: Vec<(Name, CimValue)>,
    /// Whether each was the next one that the table states, or one after it.
    ordered: bool,
}

impl Properties {
    fn new(table: Option<&'static Class>) -> Self {
        Self { table, next: 0, found: Vec::with_capacity(table.map_or(8, |t| t.properties().len())), ordered: true }
    }

    /// The next property when it is one that the table lets expect, and NULL or plain text.
    fn leaf<'x>(&mut self, reader: &mut Reader<'x>) -> Option<(Name, Option<Declared>, Form<'x>)> {
        // The last again where it is an array, the next, or one soon after: arrays that are NULL are left out.
        let (from, expected) = (self.next.saturating_sub(1), self.table?.properties());
        let near = expected.get(from..)?.get(..EXPECTED).or(expected.get(from..))?;
        let (which, leaf) = reader.leaf(near.iter().map(Property::name))?;
        let property = near.get(which)?;
        self.next = from + which + 1;
        let form = match leaf {
            Leaf::Nil => Form::Nil,
            Leaf::Text(text) => Form::Text(Cow::Borrowed(text)),
        };
        Some((Name::from_static(property.name()), Some(property.declared()), form))
    }

    fn named(&mut self, written: &str) -> (Name, Option<Declared>) {
        let Some(table) = self.table else {
            self.ordered = false;
            return (Name::from(written), None);
        };
        let expected = table.properties().get(self.next).filter(|p| p.name() == written);
        let at = match expected {
            Some(_) => Some(self.next),
            None => table.position(written).ok(),
        };
        let Some((at, property)) = at.and_then(|at| Some((at, table.properties().get(at)?))) else {
            self.ordered = false;
            return (Name::from(written), None);
        };
        self.ordered &= at + 1 >= self.next;
        self.next = at + 1;
        let name = if property.name() == written { Name::from_static(property.name()) } else { Name::from(written) };
        (name, Some(property.declared()))
    }

    /// Elements of one name that follow each other are one array.
    fn add(&mut self, name: Name, value: CimValue, declared: Option<Declared>) {
        match self.found.last_mut() {
            Some((last, all)) if *last == name => all.join(value),
            _ if is_left_out(&value, declared) => {}
            _ => self.found.push((name, value)),
        }
    }

    fn finish(self, class: ClassName) -> CimInstance {
        if self.ordered { CimInstance::of_ordered(class, self.found) } else { CimInstance::from_properties(class, self.found) }
    }
}

/// The properties of a fragment, as those of `class` of `namespace`: the fragment's own elements say nothing of their types.
pub(crate) fn typed(fragment: CimInstance, class: &ClassName, namespace: &str) -> CimInstance {
    let table = schema::class_alike(namespace, class.as_str());
    let mut instance = CimInstance::new(class.clone());
    for (name, value) in fragment.properties() {
        let declared = table.and_then(|t| t.property(name.as_str())).map(|p| p.declared());
        for element in value.elements() {
            let value = match element {
                CimValue::String(text) => Form::Text(Cow::Borrowed(text)).into_value(declared),
                other if declared.is_some_and(|d| d.array) => CimValue::Array(vec![other.clone()]),
                other => other.clone(),
            };
            instance.append(name.as_str(), value);
        }
        if *value == CimValue::Null {
            instance.append(name.as_str(), CimValue::Null);
        }
    }
    instance
}

/// Writes an instance as the element `p:<class>`, as Windows does.
pub(crate) fn write_instance(writer: &mut Writer, instance: &CimInstance, naming: &Naming) {
    let uri = naming.class_uri(instance.class());
    let (element, kind) = (format!("p:{}", instance.class()), format!("p:{}_Type", instance.class()));
    writer.open_with(&element, &[("xmlns:xsi", XSI), ("xmlns:p", &uri), ("xmlns:cim", CIM_COMMON), ("xsi:type", &kind)]);
    write_properties(writer, "p", instance, naming);
    writer.close(&element);
}

fn write_properties(writer: &mut Writer, prefix: &str, instance: &CimInstance, naming: &Naming) {
    let table = schema::class_alike(naming.namespace().as_str(), instance.class().as_str());
    for (name, value) in instance.properties() {
        let declared = table.and_then(|t| t.property(name.as_str())).map(|p| p.declared());
        write_value(writer, &format!("{prefix}:{name}"), value, declared, naming);
    }
}

/// Whether `value` is a NULL or empty array: Windows leaves it out, whatever its own documents say.
pub(crate) fn is_left_out(value: &CimValue, declared: Option<Declared>) -> bool {
    value.is_empty_array() || *value == CimValue::Null && declared.is_some_and(|d| d.array)
}

/// Writes `value` as the element or elements `element`.
pub(crate) fn write_value(writer: &mut Writer, element: &str, value: &CimValue, declared: Option<Declared>, naming: &Naming) {
    if is_left_out(value, declared) {
        return;
    }
    Form::of(value, declared).iter().for_each(|form| write_form(writer, element, form, naming));
}

/// Writes one element.
pub(crate) fn write_form(writer: &mut Writer, element: &str, form: &Form<'_>, naming: &Naming) {
    match form {
        Form::Nil => writer.empty(element, &[("xsi:nil", "true")]),
        Form::Text(text) => writer.leaf(element, text),
        Form::Datetime(text) => {
            let inner = if text.contains('P') { "cim:Interval" } else { "cim:Datetime" };
            writer.open(element);
            writer.leaf(inner, text);
            writer.close(element);
        }
        Form::Reference(path) => {
            writer.open(element);
            endpoint::write(writer, path, naming);
            writer.close(element);
        }
        Form::WrappedReference(path) => {
            writer.open(element);
            writer.open("a:EndpointReference");
            endpoint::write(writer, path, naming);
            writer.close("a:EndpointReference");
            writer.close(element);
        }
        Form::Object(instance) => {
            let uri = naming.class_uri(instance.class());
            writer.open_with(element, &[("xmlns:q", &uri), ("xsi:type", &format!("q:{}_Type", instance.class()))]);
            write_properties(writer, "q", instance, naming);
            writer.close(element);
        }
    }
}
