//! A pull reader for documents that a peer sent.
//!
//! Walk a document by recursive descent: `child` gives the next child element of the one that is open, `None` at its end; each
//! child that was given must be read to its end by `text`, `content`, `skip` or a loop over `child`.

use std::borrow::Cow;

use super::scanner::{Leaf, QName, Scanner, Tag, Token};
use super::scope::Scope;
use super::text::{Written, forbidden};
use super::{Limits, XmlError, names};

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

/// What happens next in a document.
enum Event<'x> {
    Start(Tag<'x>),
    End,
    Text(Written<'x>),
    Nothing,
}

/// See the module.
#[derive(Debug)]
pub struct Reader<'x> {
    scanner: Scanner<'x>,
    limits: Limits,
    /// The names of the elements that are open.
    open: Vec<&'x str>,
    /// Whether the innermost of them was its own end.
    ends: bool,
    scope: Scope<'x>,
}

impl<'x> Reader<'x> {
    /// Reads `document`.
    ///
    /// # Errors
    /// `TooLong`, or a character that XML does not know.
    pub fn new(document: &'x str, limits: Limits) -> Result<Self, XmlError> {
        if document.len() > limits.bytes {
            return Err(XmlError::TooLong { found: document.len(), limit: limits.bytes });
        }
        if let Some(at) = forbidden(document) {
            return Err(XmlError::Malformed { at, what: "XML knows no such character".to_owned() });
        }
        let scanner = Scanner::new(document, limits.attributes);
        Ok(Self { scanner, limits, open: Vec::with_capacity(16), ends: false, scope: Scope::new() })
    }

    /// The byte that the reader stands at.
    #[must_use]
    pub fn position(&self) -> usize {
        self.scanner.position()
    }

    fn event(&mut self) -> Result<Event<'x>, XmlError> {
        // What an element declares still holds when its end was just read: a qualified name may have been its text.
        self.scope.leave_to(self.open.len());
        if std::mem::take(&mut self.ends) {
            self.open.pop();
            return Ok(Event::End);
        }
        Ok(match self.scanner.next()? {
            Token::Start(tag) => self.enter(tag)?,
            Token::Empty(tag) => {
                self.ends = true;
                self.enter(tag)?
            }
            Token::End => {
                let name = self.open.pop().ok_or_else(|| self.scanner.malformed("an element ends that never began"))?;
                self.scanner.end(name)?;
                Event::End
            }
            Token::Text(text) => Event::Text(text),
            Token::Nothing => Event::Nothing,
        })
    }

    fn enter(&mut self, tag: Tag<'x>) -> Result<Event<'x>, XmlError> {
        if self.open.len() == usize::from(self.limits.depth) {
            return Err(XmlError::TooDeep(self.limits.depth));
        }
        self.open.push(tag.name.whole);
        let attributes = self.scanner.attributes();
        if !attributes.is_empty() {
            self.scope.declare(attributes, self.open.len(), self.limits.attributes * 2)?;
        }
        Ok(Event::Start(tag))
    }

    fn cut_short(&self) -> XmlError {
        self.scanner.malformed("the document ends inside an element")
    }

    /// The document's root element.
    ///
    /// # Errors
    /// What stands before it is no prologue, or there is no element.
    pub fn root(&mut self) -> Result<Tag<'x>, XmlError> {
        loop {
            match self.event()? {
                Event::Start(tag) => return Ok(tag),
                Event::Text(text @ Written::Plain(_)) if text.is_blank() => {}
                Event::Text(_) => return Err(XmlError::StrayText("the prologue".to_owned())),
                Event::End | Event::Nothing => return Err(XmlError::Missing("a root element")),
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
                Event::Start(tag) => return Ok(Some(tag)),
                Event::End => return Ok(None),
                Event::Text(text) if text.is_blank() => {}
                Event::Text(text) => return Err(XmlError::stray_text(text.raw())),
                Event::Nothing => return Err(self.cut_short()),
            }
        }
    }

    /// Reads the next child to its end when it is plain text or NULL and is called one of `names`: which of them, and what it holds.
    ///
    /// `None` says nothing: what comes next is read by `child`.
    pub(crate) fn leaf<'n>(&mut self, names: impl Iterator<Item = &'n str>) -> Option<(usize, Leaf<'x>)> {
        if self.ends || self.open.len() >= usize::from(self.limits.depth) {
            return None;
        }
        self.scope.leave_to(self.open.len());
        let before = self.scanner.position();
        let (which, leaf) = self.scanner.leaf(names)?;
        if matches!(leaf, Leaf::Nil) && self.scope.resolve("xsi") != Some(names::XSI) {
            self.scanner.return_to(before);
            return None;
        }
        Some((which, leaf))
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
        let mut all = Cow::Borrowed("");
        loop {
            match self.event()? {
                Event::End => return Ok(Content::Text(all)),
                // Comments and sections divide text.
                Event::Text(text) if all.is_empty() => all = text.meaning()?,
                Event::Text(text) => all.to_mut().push_str(&text.meaning()?),
                Event::Start(tag) if Written::Plain(&all).is_blank() => return Ok(Content::Child(tag)),
                Event::Start(_) => return Err(XmlError::stray_text(&all)),
                Event::Nothing => return Err(self.cut_short()),
            }
        }
    }

    /// The next piece of the element that is open: for the few places where text and elements are mixed.
    ///
    /// # Errors
    /// The document is not well-formed.
    pub fn piece(&mut self) -> Result<Piece<'x>, XmlError> {
        Ok(match self.event()? {
            Event::Start(tag) => Piece::Child(tag),
            Event::End => Piece::End,
            Event::Text(text) => Piece::Text(text.meaning()?),
            Event::Nothing => return Err(self.cut_short()),
        })
    }

    /// Reads the element that is open to its end.
    ///
    /// # Errors
    /// The document is not well-formed.
    pub fn skip(&mut self) -> Result<(), XmlError> {
        let outside = self.open.len().saturating_sub(1);
        while self.open.len() > outside {
            if let Event::Nothing = self.event()? {
                return Err(self.cut_short());
            }
        }
        Ok(())
    }

    /// The same, giving the prefixes inside it that are bound by the element itself or outside of it, each with its namespace.
    ///
    /// # Errors
    /// As `skip`, and a prefix inside is bound to nothing.
    pub(crate) fn skip_with_prefixes(&mut self) -> Result<Vec<(String, String)>, XmlError> {
        let (own, mut found) = (self.open.len(), vec![]);
        while self.open.len() >= own {
            match self.event()? {
                Event::Start(tag) => {
                    let of_attributes = self.scanner.attributes().iter().map(|attribute| attribute.name.prefix());
                    let of_attributes = of_attributes.filter(|prefix| !matches!(*prefix, "" | "xml" | "xmlns"));
                    for prefix in std::iter::once(tag.name.prefix()).chain(of_attributes) {
                        self.scope.resolve(prefix).ok_or_else(|| XmlError::UnboundPrefix(prefix.to_owned()))?;
                        if let Some(uri) = self.scope.resolve_from(prefix, own)
                            && found.iter().all(|(known, _)| known != prefix)
                        {
                            found.push((prefix.to_owned(), uri.to_owned()));
                        }
                    }
                    // They would have to stand in one tag.
                    if found.len() + 2 > self.limits.attributes {
                        return Err(XmlError::TooManyAttributes { element: tag.local().to_owned(), limit: self.limits.attributes });
                    }
                }
                Event::Nothing => return Err(self.cut_short()),
                Event::Text(_) | Event::End => {}
            }
        }
        Ok(found)
    }

    /// Reads the document to its end.
    ///
    /// # Errors
    /// The document is not well-formed, or something follows its root element.
    pub fn finish(&mut self) -> Result<(), XmlError> {
        loop {
            match self.event()? {
                Event::Nothing if self.open.is_empty() => return Ok(()),
                Event::Nothing => return Err(self.cut_short()),
                Event::Start(tag) if self.open.len() == 1 => return Err(XmlError::StrayElement(tag.local().to_owned())),
                Event::Text(text) if self.open.is_empty() && !text.is_blank() => {
                    return Err(XmlError::StrayText("the end of the document".to_owned()));
                }
                Event::Start(_) | Event::Text(_) | Event::End => {}
            }
        }
    }

    /// The namespace of `tag`; empty when it has none.
    ///
    /// # Errors
    /// `UnboundPrefix`, which XML's own is to elements: it has attributes only.
    pub fn namespace(&self, tag: &Tag<'_>) -> Result<&str, XmlError> {
        let prefix = tag.name.prefix();
        let bound = self.scope.resolve(prefix).filter(|_| prefix != "xml");
        bound.ok_or_else(|| XmlError::UnboundPrefix(prefix.to_owned()))
    }

    /// Whether `tag` is `local` of `namespace`.
    #[must_use]
    pub fn is(&self, tag: &Tag<'_>, namespace: &str, local: &str) -> bool {
        tag.local() == local && self.namespace(tag).is_ok_and(|found| found == namespace)
    }

    /// The attribute `local` of `namespace` (empty: unqualified).
    ///
    /// # Errors
    /// Its value refers to what there is not.
    pub fn attribute(&self, tag: &Tag<'x>, namespace: &str, local: &str) -> Result<Option<Cow<'x, str>>, XmlError> {
        let is_meant = |name: &QName<'_>| {
            name.local() == local
                && match name.prefix() {
                    "" => namespace.is_empty(),
                    prefix => self.scope.resolve(prefix) == Some(namespace),
                }
        };
        let found = match self.scanner.attributes_of(tag) {
            Some(attributes) => attributes.iter().copied().find(|attribute| is_meant(&attribute.name)),
            None => tag.attributes().find(|attribute| is_meant(&attribute.name)),
        };
        found.map(|attribute| attribute.value.meaning()).transpose()
    }

    /// Whether `tag` says that it is NULL.
    ///
    /// # Errors
    /// As `attribute`.
    pub fn is_nil(&self, tag: &Tag<'x>) -> Result<bool, XmlError> {
        Ok(self.attribute(tag, names::XSI, "nil")?.is_some_and(|v| matches!(v.trim(), "true" | "1")))
    }

    /// The namespace and local part of a qualified name that stands in an attribute or in text (`xsi:type`, a fault's subcode).
    /// The namespace is empty where none is bound.
    #[must_use]
    pub fn qualified<'t>(&self, name: &'t str) -> (&str, &'t str) {
        let name = QName::new(name);
        (self.scope.resolve(name.prefix()).unwrap_or_default(), name.local())
    }
}
