//! A pull reader for documents that a peer sent.
//!
//! Walk a document by recursive descent: `child` gives the next child element of the one that is open, `None` at its end; each
//! child that was given must be read to its end by `text`, `content`, `skip` or a loop over `child`.

use std::borrow::Cow;
use std::fmt::Write as _;

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Namespace, QName, ResolveResult};
use quick_xml::reader::NsReader;

use super::names;

/// How much of a document is read before it is refused.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the whole document.
    pub bytes: usize,
    /// Elements inside each other.
    pub depth: u16,
    /// Attributes of one element.
    pub attributes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 4 << 20, depth: 64, attributes: 64 }
    }
}

/// A document that is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// Longer than the limit.
    #[error("the document has {found} bytes, more than the {limit} that are read")]
    TooLong {
        /// Bytes that came.
        found: usize,
        /// Bytes that are read.
        limit: usize,
    },
    /// Deeper than the limit.
    #[error("elements are nested deeper than {0}")]
    TooDeep(u16),
    /// An element with more attributes than the limit.
    #[error("element `{element}` has more than {limit} attributes")]
    TooManyAttributes {
        /// Its name as written.
        element: String,
        /// Attributes that are read.
        limit: usize,
    },
    /// A document type declaration.
    #[error("the document declares a document type")]
    DocumentType,
    /// An entity that is not one of XML's five.
    #[error("the document refers to the entity `{0}`")]
    Entity(String),
    /// Not well-formed.
    #[error("the document is not well-formed near byte {at}: {what}")]
    Malformed {
        /// Where the reader stood.
        at: u64,
        /// What it found.
        what: String,
    },
    /// A prefix without a namespace.
    #[error("prefix `{0}` is bound to no namespace")]
    UnboundPrefix(String),
    /// Text where only elements may stand.
    #[error("text stands in `{0}`, where only elements may")]
    StrayText(String),
    /// An element where only text may stand.
    #[error("element `{0}` stands where only text may")]
    StrayElement(String),
    /// The document lacks something.
    #[error("the document lacks {0}")]
    Missing(&'static str),
    /// Something stands in the document that has no meaning there.
    #[error("{what} is `{found}`, which means nothing")]
    Meaningless {
        /// Which part of the document.
        what: &'static str,
        /// What stands there, shortened.
        found: String,
    },
}

impl XmlError {
    /// `found`, shortened, makes no sense as `what`.
    pub(crate) fn meaningless(what: &'static str, found: &str) -> Self {
        Self::Meaningless { what, found: found.chars().take(80).collect() }
    }
}

/// The start of an element.
#[derive(Debug)]
pub struct Tag<'x>(BytesStart<'x>);

impl Tag<'_> {
    /// Its name without a prefix.
    #[must_use]
    pub fn local(&self) -> &str {
        self.0.local_name().into_inner()
    }
}

/// What an element holds: text, or elements of which the first was reached.
#[derive(Debug)]
pub enum Content<'x> {
    /// Text only; the element has been read to its end.
    Text(Cow<'x, str>),
    /// The first child element; the rest is still to be read.
    Child(Tag<'x>),
}

/// The next thing in an element whose content is mixed.
#[derive(Debug)]
pub enum Piece<'x> {
    /// Text.
    Text(Cow<'x, str>),
    /// A child element, which is still to be read.
    Child(Tag<'x>),
    /// The element's end.
    End,
}

/// See the module.
#[derive(Debug)]
pub struct Reader<'x> {
    inner: NsReader<&'x [u8]>,
    depth: u16,
    limits: Limits,
}

impl<'x> Reader<'x> {
    /// Reads `document`.
    ///
    /// # Errors
    /// `TooLong`.
    pub fn new(document: &'x str, limits: Limits) -> Result<Self, XmlError> {
        if document.len() > limits.bytes {
            return Err(XmlError::TooLong { found: document.len(), limit: limits.bytes });
        }
        let mut inner = NsReader::from_str(document);
        inner.config_mut().expand_empty_elements = true;
        inner.resolver_mut().set_max_namespace_bindings(limits.attributes * 2);
        Ok(Self { inner, depth: 0, limits })
    }

    /// The byte that the reader stands at.
    #[must_use]
    pub fn position(&self) -> usize {
        usize::try_from(self.inner.buffer_position()).unwrap_or(usize::MAX)
    }

    fn malformed(&self, what: impl ToString) -> XmlError {
        XmlError::Malformed { at: self.inner.buffer_position(), what: what.to_string() }
    }

    fn event(&mut self) -> Result<Event<'x>, XmlError> {
        let event = match self.inner.read_event() {
            Ok(event) => event,
            Err(error) => return Err(self.malformed(error)),
        };
        match &event {
            Event::Start(start) => {
                self.depth += 1;
                if self.depth > self.limits.depth {
                    return Err(XmlError::TooDeep(self.limits.depth));
                }
                let raw = start.attributes_raw();
                // The shortest attribute takes five bytes, so that most elements need no counting.
                if raw.len() > self.limits.attributes * 5 && raw.bytes().filter(|b| *b == b'=').count() > self.limits.attributes {
                    return self.count_attributes(start).map(|()| event);
                }
            }
            Event::End(_) => self.depth = self.depth.saturating_sub(1),
            Event::DocType(_) => return Err(XmlError::DocumentType),
            _ => {}
        }
        Ok(event)
    }

    fn count_attributes(&self, start: &BytesStart<'_>) -> Result<(), XmlError> {
        if start.attributes().with_checks(false).count() > self.limits.attributes {
            let element = start.name().into_inner().to_owned();
            return Err(XmlError::TooManyAttributes { element, limit: self.limits.attributes });
        }
        Ok(())
    }

    /// The document's root element.
    ///
    /// # Errors
    /// What stands before it is no prologue, or there is no element.
    pub fn root(&mut self) -> Result<Tag<'x>, XmlError> {
        loop {
            match self.event()? {
                Event::Start(start) => return Ok(Tag(start)),
                Event::Text(text) if !is_blank(&text) => return Err(XmlError::StrayText("the prologue".to_owned())),
                Event::CData(_) | Event::GeneralRef(_) => return Err(XmlError::StrayText("the prologue".to_owned())),
                Event::Eof => return Err(XmlError::Missing("a root element")),
                _ => {}
            }
        }
    }

    /// The next child of the element that is open; `None` at its end.
    ///
    /// # Errors
    /// The document ends, or text stands between the children.
    pub fn child(&mut self) -> Result<Option<Tag<'x>>, XmlError> {
        loop {
            match self.event()? {
                Event::Start(start) => return Ok(Some(Tag(start))),
                Event::End(_) => return Ok(None),
                Event::Text(text) if !is_blank(&text) => return Err(XmlError::StrayText(text.chars().take(40).collect())),
                Event::CData(text) if !is_blank(&text) => return Err(XmlError::StrayText(text.chars().take(40).collect())),
                Event::GeneralRef(entity) => return Err(XmlError::StrayText(format!("&{};", &*entity))),
                Event::Eof => return Err(self.malformed("the document ends inside an element")),
                _ => {}
            }
        }
    }

    /// The text of the element that is open, which is read to its end.
    ///
    /// # Errors
    /// An element stands in it.
    pub fn text(&mut self) -> Result<Cow<'x, str>, XmlError> {
        match self.content()? {
            Content::Text(text) => Ok(text),
            Content::Child(tag) => Err(XmlError::StrayElement(tag.local().to_owned())),
        }
    }

    /// The text of the element that is open, without the white space round it.
    ///
    /// # Errors
    /// An element stands in it.
    pub fn trimmed(&mut self) -> Result<Cow<'x, str>, XmlError> {
        Ok(match self.text()? {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        })
    }

    /// The text of the element that is open, or its first child element.
    ///
    /// # Errors
    /// Text and elements are mixed, or the document ends.
    pub fn content(&mut self) -> Result<Content<'x>, XmlError> {
        let mut all: Option<Cow<'x, str>> = None;
        loop {
            let piece: Cow<'x, str> = match self.event()? {
                Event::End(_) => return Ok(Content::Text(all.unwrap_or_default())),
                Event::Text(text) => text.xml10_content(),
                Event::CData(text) => text.xml10_content(),
                Event::GeneralRef(entity) => self.entity(&entity)?,
                Event::Start(start) => {
                    return match all {
                        Some(text) if !is_blank(&text) => Err(XmlError::StrayText(text.chars().take(40).collect())),
                        _ => Ok(Content::Child(Tag(start))),
                    };
                }
                Event::Eof => return Err(self.malformed("the document ends inside an element")),
                _ => continue,
            };
            match &mut all {
                None => all = Some(piece),
                Some(text) => text.to_mut().push_str(&piece),
            }
        }
    }

    /// The next piece of the element that is open: for the few places where text and elements are mixed.
    ///
    /// # Errors
    /// The document is not well-formed.
    pub fn piece(&mut self) -> Result<Piece<'x>, XmlError> {
        loop {
            return Ok(match self.event()? {
                Event::Start(start) => Piece::Child(Tag(start)),
                Event::End(_) => Piece::End,
                Event::Text(text) => Piece::Text(text.xml10_content()),
                Event::CData(text) => Piece::Text(text.xml10_content()),
                Event::GeneralRef(entity) => Piece::Text(self.entity(&entity)?),
                Event::Eof => return Err(self.malformed("the document ends inside an element")),
                _ => continue,
            });
        }
    }

    fn entity(&self, entity: &quick_xml::events::BytesRef<'x>) -> Result<Cow<'x, str>, XmlError> {
        match entity.resolve_char_ref() {
            Ok(Some(found)) => {
                let mut text = String::with_capacity(4);
                let _ = text.write_char(found);
                Ok(Cow::Owned(text))
            }
            Ok(None) => quick_xml::escape::resolve_xml_entity(entity)
                .map(Cow::Borrowed)
                .ok_or_else(|| XmlError::Entity(entity.chars().take(40).collect())),
            Err(error) => Err(self.malformed(error)),
        }
    }

    /// Reads the element that is open to its end.
    ///
    /// # Errors
    /// The document is not well-formed.
    pub fn skip(&mut self) -> Result<(), XmlError> {
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside {
            if let Event::Eof = self.event()? {
                return Err(self.malformed("the document ends inside an element"));
            }
        }
        Ok(())
    }

    /// Reads the document to its end.
    ///
    /// # Errors
    /// The document is not well-formed, or something follows its root element.
    pub fn finish(&mut self) -> Result<(), XmlError> {
        loop {
            match self.event()? {
                Event::Eof if self.depth == 0 => return Ok(()),
                Event::Eof => return Err(self.malformed("the document ends inside an element")),
                Event::Start(start) if self.depth == 1 => {
                    return Err(XmlError::StrayElement(start.local_name().into_inner().to_owned()));
                }
                Event::Text(text) if self.depth == 0 && !is_blank(&text) => {
                    return Err(XmlError::StrayText("the end of the document".to_owned()));
                }
                _ => {}
            }
        }
    }

    /// The namespace of `tag`; empty when it has none.
    ///
    /// # Errors
    /// `UnboundPrefix`.
    pub fn namespace(&self, tag: &Tag<'_>) -> Result<&str, XmlError> {
        match self.inner.resolver().resolve_element(tag.0.name()).0 {
            ResolveResult::Bound(Namespace(uri)) => Ok(uri),
            ResolveResult::Unbound => Ok(""),
            ResolveResult::Unknown(prefix) => Err(XmlError::UnboundPrefix(prefix)),
        }
    }

    /// Whether `tag` is `local` of `namespace`.
    #[must_use]
    pub fn is(&self, tag: &Tag<'_>, namespace: &str, local: &str) -> bool {
        tag.local() == local && self.namespace(tag).is_ok_and(|found| found == namespace)
    }

    /// The attribute `local` of `namespace` (empty: unqualified).
    ///
    /// # Errors
    /// The attributes are not well-formed.
    pub fn attribute<'t>(&self, tag: &'t Tag<'_>, namespace: &str, local: &str) -> Result<Option<Cow<'t, str>>, XmlError> {
        if tag.0.attributes_raw().is_empty() {
            return Ok(None);
        }
        for attribute in tag.0.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| self.malformed(error))?;
            if attribute.key.local_name().into_inner() != local {
                continue;
            }
            let matches = match self.inner.resolver().resolve_attribute(attribute.key).0 {
                ResolveResult::Bound(Namespace(uri)) => uri == namespace,
                ResolveResult::Unbound => namespace.is_empty(),
                ResolveResult::Unknown(_) => false,
            };
            if matches {
                let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).map_err(|error| self.malformed(error))?;
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// Whether `tag` says that it is NULL.
    ///
    /// # Errors
    /// The attributes are not well-formed.
    pub fn is_nil(&self, tag: &Tag<'_>) -> Result<bool, XmlError> {
        Ok(self.attribute(tag, names::XSI, "nil")?.is_some_and(|v| matches!(v.trim(), "true" | "1")))
    }

    /// The namespace and local part of a qualified name that stands in an attribute or in text (`xsi:type`, a fault's subcode).
    /// The namespace is empty where none is bound.
    #[must_use]
    pub fn qualified<'t>(&self, name: &'t str) -> (&str, &'t str) {
        let (resolved, local) = self.inner.resolver().resolve_element(QName(name));
        let namespace = match resolved {
            ResolveResult::Bound(Namespace(uri)) => uri,
            _ => "",
        };
        (namespace, local.into_inner())
    }
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_whitespace())
}
