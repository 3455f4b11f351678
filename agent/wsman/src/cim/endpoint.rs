//! Endpoint references: how a path to an instance stands in an envelope.
//!
//! Guarantees: a reference keeps every selector; one whose selector is itself a reference nests.

use crate::cim::{CimPath, Key, Name, Namespace};
use crate::resource::{CIM_NAMESPACE, Naming, ResourceUri};
use crate::xml::names::{ADDRESSING, ANONYMOUS, WSMAN};
use crate::xml::{Content, Reader, Tag, Writer, XmlError};

/// A reference as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointReference {
    /// Where the service is; `…/role/anonymous` for the one that answered.
    pub address: String,
    /// The resource.
    pub resource: ResourceUri,
    /// Which of them, in the order of the document.
    pub selectors: Vec<(Name, Key)>,
}

impl EndpointReference {
    /// The instance that this names; `None` when it is no CIM instance, or no namespace is known.
    #[must_use]
    pub fn path(&self) -> Option<CimPath> {
        self.resource.path(&self.selectors)
    }

    /// The same, in `namespace` when the reference itself names none.
    pub(crate) fn path_in(&self, namespace: &str) -> Result<CimPath, XmlError> {
        let path = self.path().or_else(|| {
            let class = self.resource.class()?.clone();
            ResourceUri::Class(Namespace::new(namespace), class).path(&self.selectors)
        });
        let sayable = path.filter(CimPath::is_sayable);
        sayable.ok_or_else(|| XmlError::meaningless("the resource of a reference", &self.resource.to_string()))
    }
}

impl From<&CimPath> for EndpointReference {
    fn from(path: &CimPath) -> Self {
        let selectors = path.keys().map(|(name, key)| (name.clone(), key.clone())).collect();
        Self { address: ANONYMOUS.to_owned(), resource: ResourceUri::from(path), selectors }
    }
}

/// Reads the children of an element that holds a reference directly, of which `first` has been reached already.
pub(crate) fn read<'x>(reader: &mut Reader<'x>, first: Option<Tag<'x>>) -> Result<EndpointReference, XmlError> {
    let mut reference = EndpointReference { address: ANONYMOUS.to_owned(), resource: ResourceUri::Other(String::new()), selectors: vec![] };
    let mut next = first;
    loop {
        let Some(tag) = (match next.take() {
            Some(tag) => Some(tag),
            None => reader.child()?,
        }) else {
            return Ok(reference);
        };
        if reader.is(&tag, ADDRESSING, "Address") {
            reference.address = reader.trimmed()?.into_owned();
        } else if reader.is(&tag, ADDRESSING, "ReferenceParameters") || reader.is(&tag, ADDRESSING, "ReferenceProperties") {
            while let Some(tag) = reader.child()? {
                if reader.is(&tag, WSMAN, "ResourceURI") {
                    reference.resource = ResourceUri::parse(&reader.trimmed()?);
                } else if reader.is(&tag, WSMAN, "SelectorSet") {
                    reference.selectors = read_selectors(reader)?;
                } else {
                    reader.skip()?;
                }
            }
        } else {
            reader.skip()?;
        }
    }
}

/// Reads the selectors of an open `w:SelectorSet`.
pub(crate) fn read_selectors(reader: &mut Reader<'_>) -> Result<Vec<(Name, Key)>, XmlError> {
    let mut selectors = vec![];
    while let Some(tag) = reader.child()? {
        if !reader.is(&tag, WSMAN, "Selector") {
            reader.skip()?;
            continue;
        }
        let name = reader.attribute(&tag, "", "Name")?.ok_or(XmlError::Missing("the name of a selector"))?;
        let name = Name::from(name.as_ref());
        let key = match reader.content()? {
            Content::Text(text) => Key::Text(text.into_owned()),
            Content::Child(child) if reader.is(&child, ADDRESSING, "EndpointReference") => {
                let path = read(reader, None)?.path_in("root/cimv2")?;
                while reader.child()?.is_some() {
                    reader.skip()?;
                }
                Key::Path(Box::new(path))
            }
            Content::Child(child) => return Err(XmlError::StrayElement(child.local().to_owned())),
        };
        selectors.push((name, key));
    }
    Ok(selectors)
}

/// Writes a reference to `path` as the children of the element that is open.
pub(crate) fn write(writer: &mut Writer, path: &CimPath, naming: &Naming) {
    let mut reference = EndpointReference::from(path);
    if let Naming::Dmtf(_) = naming {
        reference.resource = ResourceUri::DmtfClass(path.class().clone());
        reference.selectors.insert(0, (Name::from_static(CIM_NAMESPACE), Key::Text(path.namespace().to_string())));
    }
    write_reference(writer, &reference, naming);
}

/// Writes `reference` as the children of the element that is open.
pub(crate) fn write_reference(writer: &mut Writer, reference: &EndpointReference, naming: &Naming) {
    writer.leaf("a:Address", &reference.address);
    writer.open("a:ReferenceParameters");
    writer.leaf("w:ResourceURI", &reference.resource.to_string());
    if !reference.selectors.is_empty() {
        writer.open("w:SelectorSet");
        reference.selectors.iter().for_each(|(name, key)| write_selector(writer, name, key, naming));
        writer.close("w:SelectorSet");
    }
    writer.close("a:ReferenceParameters");
}

/// Writes one selector.
pub(crate) fn write_selector(writer: &mut Writer, name: &Name, key: &Key, naming: &Naming) {
    let attributes = [("Name", name.as_str())];
    match key {
        Key::Text(text) => writer.leaf_with("w:Selector", &attributes, text),
        Key::Path(path) => {
            writer.open_with("w:Selector", &attributes);
            writer.open("a:EndpointReference");
            write(writer, path, naming);
            writer.close("a:EndpointReference");
            writer.close("w:Selector");
        }
    }
}
