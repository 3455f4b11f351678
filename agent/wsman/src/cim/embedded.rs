//! Embedded instances: CIM-XML (DMTF DSP0201) inside a string.
//!
//! Guarantees: with or without declaration, white space and CDATA, in any order of properties; the class table's type wins over the
//! one that is written; what is read can be written, and is read again as the same. Deliberately absent: everything of CIM-XML but one instance (declarations, messages, classes).

use super::name::is_identifier;
use super::{CimInstance, CimPath, CimType, CimValue, ClassName, Key, Name, Namespace, scalar};
use crate::schema::{self, Class};
use crate::xml::{Limits, Reader, Tag, Writer, XmlError, is_name};

/// Elements that may stand round an instance.
const WRAPPERS: [&str; 5] = ["CIM", "DECLARATION", "DECLGROUP", "VALUE.OBJECT", "VALUE.NAMEDINSTANCE"];

/// References inside each other: more than any envelope has room for, where each costs five elements.
const DEEPEST: u16 = 12;

/// Reads an instance.
///
/// # Errors
/// `text` is no CIM-XML instance.
pub fn decode(text: &str) -> Result<CimInstance, XmlError> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if !text.starts_with('<') {
        return Err(XmlError::meaningless("an embedded instance", text));
    }
    let mut reader = Reader::new(text, Limits::default())?;
    let mut tag = reader.root()?;
    while WRAPPERS.contains(&tag.local()) {
        tag = reader.child()?.ok_or(XmlError::Missing("an INSTANCE"))?;
        if tag.local() == "INSTANCENAME" {
            reader.skip()?;
            tag = reader.child()?.ok_or(XmlError::Missing("an INSTANCE"))?;
        }
    }
    if tag.local() != "INSTANCE" {
        return Err(XmlError::meaningless("the element of an embedded instance", tag.local()));
    }
    read_instance(&mut reader, &tag)
}

fn read_instance<'x>(reader: &mut Reader<'x>, tag: &Tag<'x>) -> Result<CimInstance, XmlError> {
    let class = required(reader, tag, "CLASSNAME", "the class of an embedded instance")?;
    if !is_identifier(&class) {
        return Err(XmlError::meaningless("the class of an embedded instance", &class));
    }
    let table = schema::any_class(&class);
    let class = match table {
        Some(known) if known.name() == class => ClassName::from_static(known.name()),
        _ => ClassName::from(class),
    };
    let mut properties = vec![];
    while let Some(tag) = reader.child()? {
        match tag.local() {
            "PROPERTY" | "PROPERTY.ARRAY" | "PROPERTY.REFERENCE" => properties.push(read_property(reader, &tag, table)?),
            _ => reader.skip()?,
        }
    }
    // Here an array is said to be one; nothing stands twice.
    CimInstance::of_distinct(class, properties).map_err(|twice| XmlError::meaningless("a second value of a property", twice.as_str()))
}

fn read_property<'x>(reader: &mut Reader<'x>, tag: &Tag<'x>, table: Option<&'static Class>) -> Result<(Name, CimValue), XmlError> {
    let name = required(reader, tag, "NAME", "the name of a property")?;
    if !is_name(&name) {
        return Err(XmlError::meaningless("the name of a property", &name));
    }
    let stated = table.and_then(|t| t.property(&name));
    let written = reader.attribute(tag, "", "TYPE")?.and_then(|t| type_named(&t)).map(widest);
    let is_embedded = reader.attribute(tag, "", "EmbeddedObject")?.is_some() || reader.attribute(tag, "", "EMBEDDEDOBJECT")?.is_some();
    let written = if is_embedded { Some(CimType::EmbeddedInstance) } else { written };
    let cim = stated.and_then(|p| p.declared().cim).or(written);
    let mut value = CimValue::Null;
    while let Some(child) = reader.child()? {
        match child.local() {
            "VALUE" => value = scalar::decode(reader.text()?, cim),
            "VALUE.ARRAY" | "VALUE.REFARRAY" => value = CimValue::Array(read_array(reader, cim)?),
            "VALUE.REFERENCE" => {
                let path = read_reference(reader, 0)?;
                // Where the table states another type, that one wins: the path is text.
                value = match cim {
                    None | Some(CimType::Reference) => CimValue::from(path),
                    _ => scalar::decode(path.to_string().into(), cim),
                };
            }
            _ => reader.skip()?,
        }
    }
    let name = match stated {
        Some(known) if known.name() == name => Name::from_static(known.name()),
        _ => Name::from(name),
    };
    Ok((name, value))
}

fn read_array(reader: &mut Reader<'_>, cim: Option<CimType>) -> Result<Vec<CimValue>, XmlError> {
    let mut values = vec![];
    while let Some(tag) = reader.child()? {
        match tag.local() {
            "VALUE" => values.push(scalar::decode(reader.text()?, cim)),
            // Arrays of references are written as texts: DSP0201 has no property for them.
            "VALUE.REFERENCE" => values.push(scalar::decode(read_reference(reader, 0)?.to_string().into(), cim)),
            _ => reader.skip()?,
        }
    }
    Ok(values)
}

/// The path inside an open `VALUE.REFERENCE`.
fn read_reference(reader: &mut Reader<'_>, depth: u16) -> Result<CimPath, XmlError> {
    let (mut namespace, mut path) = (Namespace::CIMV2, None);
    // INSTANCEPATH and LOCALINSTANCEPATH nest; what they hold matters, not which of them it is.
    let mut open = 1;
    while open > 0 {
        let Some(tag) = reader.child()? else {
            open -= 1;
            continue;
        };
        match tag.local() {
            "INSTANCEPATH" | "LOCALINSTANCEPATH" | "NAMESPACEPATH" => open += 1,
            "LOCALNAMESPACEPATH" => namespace = read_namespace(reader)?,
            "INSTANCENAME" => path = Some(read_name(reader, &tag, depth)?),
            _ => reader.skip()?,
        }
    }
    let (class, keys) = path.ok_or(XmlError::Missing("the name of a referenced instance"))?;
    let mut path = CimPath::class_of(namespace, class);
    for (name, key) in keys {
        path.set_key(name, key);
    }
    if path.is_sayable() { Ok(path) } else { Err(XmlError::meaningless("the name of a referenced instance", &path.to_string())) }
}

fn read_namespace(reader: &mut Reader<'_>) -> Result<Namespace, XmlError> {
    let mut parts = vec![];
    while let Some(tag) = reader.child()? {
        parts.push(required(reader, &tag, "NAME", "the name of a namespace")?);
        reader.skip()?;
    }
    Ok(Namespace::new(&parts.join("/")))
}

type InstanceName = (ClassName, Vec<(Name, Key)>);

fn read_name<'x>(reader: &mut Reader<'x>, tag: &Tag<'x>, depth: u16) -> Result<InstanceName, XmlError> {
    if depth > DEEPEST {
        return Err(XmlError::TooDeep(DEEPEST));
    }
    let class = ClassName::from(required(reader, tag, "CLASSNAME", "the class of a reference")?);
    let mut keys = vec![];
    while let Some(tag) = reader.child()? {
        if tag.local() != "KEYBINDING" {
            reader.skip()?;
            continue;
        }
        let name = Name::from(required(reader, &tag, "NAME", "the name of a key")?);
        while let Some(value) = reader.child()? {
            match value.local() {
                "KEYVALUE" => keys.push((name.clone(), Key::Text(reader.text()?.into_owned()))),
                "VALUE.REFERENCE" => keys.push((name.clone(), Key::Path(Box::new(read_reference(reader, depth + 1)?)))),
                _ => reader.skip()?,
            }
        }
    }
    Ok((class, keys))
}

fn required(reader: &Reader<'_>, tag: &Tag<'_>, attribute: &str, what: &'static str) -> Result<String, XmlError> {
    reader.attribute(tag, "", attribute)?.map(std::borrow::Cow::into_owned).ok_or(XmlError::Missing(what))
}

/// Writes an instance, in one line and without a declaration.
#[must_use]
pub fn encode(instance: &CimInstance) -> String {
    let mut writer = Writer::new();
    let table = schema::any_class(instance.class().as_str());
    writer.open_with("INSTANCE", &[("CLASSNAME", instance.class().as_str())]);
    for (name, value) in instance.properties() {
        let stated = table.and_then(|t| t.property(name.as_str())).map(|p| p.declared());
        let cim = stated.and_then(|d| d.cim).unwrap_or_else(|| inferred(value));
        match value {
            CimValue::Reference(path) if cim == CimType::Reference => write_reference_property(&mut writer, name, path),
            CimValue::Array(values) => write_array(&mut writer, name, values, cim),
            // NULL of an array is written as an array, lest the server read it as a scalar.
            CimValue::Null if stated.is_some_and(|d| d.array) => writer.empty("PROPERTY.ARRAY", &attributes(name, cim)),
            CimValue::Null => writer.empty("PROPERTY", &attributes(name, cim)),
            value => {
                writer.open_with("PROPERTY", &attributes(name, cim));
                writer.leaf("VALUE", &text_of(value));
                writer.close("PROPERTY");
            }
        }
    }
    writer.close("INSTANCE");
    writer.finish()
}

fn attributes(name: &Name, cim: CimType) -> Vec<(&str, &str)> {
    let mut attributes = vec![("NAME", name.as_str()), ("TYPE", type_name(cim))];
    if matches!(cim, CimType::EmbeddedInstance | CimType::Object) {
        attributes.push(("EmbeddedObject", "instance"));
    }
    attributes
}

fn write_array(writer: &mut Writer, name: &Name, values: &[CimValue], cim: CimType) {
    writer.open_with("PROPERTY.ARRAY", &attributes(name, cim));
    writer.open("VALUE.ARRAY");
    values.iter().filter(|v| **v != CimValue::Null).for_each(|value| writer.leaf("VALUE", &text_of(value)));
    writer.close("VALUE.ARRAY");
    writer.close("PROPERTY.ARRAY");
}

fn write_reference_property(writer: &mut Writer, name: &Name, path: &CimPath) {
    writer.open_with("PROPERTY.REFERENCE", &[("NAME", name.as_str()), ("REFERENCECLASS", path.class().as_str())]);
    write_reference(writer, path);
    writer.close("PROPERTY.REFERENCE");
}

fn write_reference(writer: &mut Writer, path: &CimPath) {
    writer.open("VALUE.REFERENCE");
    writer.open("LOCALINSTANCEPATH");
    writer.open("LOCALNAMESPACEPATH");
    path.namespace().as_str().split('/').for_each(|part| writer.empty("NAMESPACE", &[("NAME", part)]));
    writer.close("LOCALNAMESPACEPATH");
    writer.open_with("INSTANCENAME", &[("CLASSNAME", path.class().as_str())]);
    for (name, key) in path.keys() {
        writer.open_with("KEYBINDING", &[("NAME", name.as_str())]);
        match key {
            Key::Text(text) => writer.leaf_with("KEYVALUE", &[("VALUETYPE", "string")], text),
            Key::Path(path) => write_reference(writer, path),
        }
        writer.close("KEYBINDING");
    }
    writer.close("INSTANCENAME");
    writer.close("LOCALINSTANCEPATH");
    writer.close("VALUE.REFERENCE");
}

fn text_of(value: &CimValue) -> std::borrow::Cow<'_, str> {
    match value {
        CimValue::Reference(path) => path.to_string().into(),
        CimValue::Instance(instance) => encode(instance).into(),
        value => scalar::encode(value).unwrap_or_default(),
    }
}

/// The type of a value that no table states: the narrowest of the widths that WMI methods use.
fn inferred(value: &CimValue) -> CimType {
    match value {
        CimValue::Boolean(_) => CimType::Boolean,
        CimValue::Unsigned(n) if *n <= u64::from(u32::MAX) => CimType::Uint32,
        CimValue::Unsigned(_) => CimType::Uint64,
        CimValue::Signed(n) if i32::try_from(*n).is_ok() => CimType::Sint32,
        CimValue::Signed(_) => CimType::Sint64,
        CimValue::Real(_) => CimType::Real64,
        CimValue::Datetime(_) => CimType::Datetime,
        CimValue::Reference(_) => CimType::Reference,
        CimValue::Instance(_) => CimType::EmbeddedInstance,
        // Text among others is what could not be read as their type.
        CimValue::Array(values) => {
            values.iter().map(inferred).max_by_key(|cim| (*cim != CimType::String, width(*cim))).unwrap_or(CimType::String)
        }
        CimValue::String(_) | CimValue::Null => CimType::String,
    }
}

/// How much a number's type holds, as far as `inferred` gives it.
fn width(cim: CimType) -> u8 {
    match cim {
        CimType::Uint32 | CimType::Sint32 => 32,
        CimType::Uint64 | CimType::Sint64 => 64,
        _ => 0,
    }
}

/// A type that only a document states is read in its widest form: what it is written with again is taken from its value.
fn widest(cim: CimType) -> CimType {
    match cim {
        CimType::Uint8 | CimType::Uint16 | CimType::Uint32 | CimType::Char16 => CimType::Uint64,
        CimType::Sint8 | CimType::Sint16 | CimType::Sint32 => CimType::Sint64,
        other => other,
    }
}

fn type_name(cim: CimType) -> &'static str {
    TYPES.iter().find(|(_, known)| *known == cim).map_or("string", |(name, _)| name)
}

fn type_named(name: &str) -> Option<CimType> {
    TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, cim)| *cim)
}

const TYPES: [(&str, CimType); 14] = [
    ("boolean", CimType::Boolean),
    ("uint8", CimType::Uint8),
    ("sint8", CimType::Sint8),
    ("uint16", CimType::Uint16),
    ("sint16", CimType::Sint16),
    ("uint32", CimType::Uint32),
    ("sint32", CimType::Sint32),
    ("uint64", CimType::Uint64),
    ("sint64", CimType::Sint64),
    ("real32", CimType::Real32),
    ("real64", CimType::Real64),
    ("char16", CimType::Char16),
    ("string", CimType::String),
    ("datetime", CimType::Datetime),
];
