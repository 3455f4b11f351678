//! Which namespace a prefix stands for, element by element.
//!
//! Guarantees: a declaration holds inside its element only; the prefixes that XML itself has cannot be given away; the number of
//! declarations in force is bounded.

use std::borrow::Cow;

use super::scanner::Attribute;
use super::{XmlError, names};

/// What declares a namespace.
const XMLNS: &str = "xmlns";
const XMLNS_URI: &str = "http://www.w3.org/2000/xmlns/";

/// See the module.
#[derive(Debug)]
pub(super) struct Scope<'x>(Vec<Binding<'x>>);

#[derive(Debug)]
struct Binding<'x> {
    prefix: &'x str,
    uri: Cow<'x, str>,
    depth: usize,
}

impl<'x> Scope<'x> {
    /// Nothing is declared yet. An envelope with an instance declares about as many as there is room for.
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(16))
    }

    /// Declares what `attributes` of an element at `depth` declare; the scope then holds at most `most`.
    pub(super) fn declare(&mut self, attributes: &[Attribute<'x>], depth: usize, most: usize) -> Result<(), XmlError> {
        for attribute in attributes {
            let prefix = match (attribute.name.prefix(), attribute.name.local()) {
                (XMLNS, prefix) => prefix,
                ("", XMLNS) => "",
                _ => continue,
            };
            let uri = attribute.value.meaning()?;
            if prefix == XMLNS || uri == XMLNS_URI || (prefix == "xml") != (uri == names::XML) {
                return Err(XmlError::meaningless("the declaration of a namespace", attribute.name.whole));
            }
            if self.0.len() == most {
                return Err(XmlError::TooManyAttributes { element: attribute.name.whole.to_owned(), limit: most });
            }
            self.0.push(Binding { prefix, uri, depth });
        }
        Ok(())
    }

    /// Forgets what was declared deeper than `depth`.
    #[inline]
    pub(super) fn leave_to(&mut self, depth: usize) {
        while self.0.last().is_some_and(|binding| binding.depth > depth) {
            self.0.pop();
        }
    }

    /// The namespace of `prefix` if what binds it is no deeper than `depth`; the empty prefix may be bound to none.
    pub(super) fn resolve_from(&self, prefix: &str, depth: usize) -> Option<&str> {
        let bound = self.0.iter().rev().find(|binding| binding.prefix == prefix);
        match bound {
            Some(binding) if binding.depth > depth => None,
            Some(binding) if prefix.is_empty() || !binding.uri.is_empty() => Some(&binding.uri),
            None if prefix.is_empty() => Some(""),
            _ => None,
        }
    }

    /// The namespace of `prefix`; `None` when none is bound. The empty prefix always has one, which may be empty.
    pub(super) fn resolve(&self, prefix: &str) -> Option<&str> {
        let bound = self.0.iter().rev().find(|binding| binding.prefix == prefix).map(|binding| &*binding.uri);
        match (bound, prefix) {
            (None, "") => Some(""),
            (None, "xml") => Some(names::XML),
            (bound, "") => bound,
            (bound, _) => bound.filter(|uri| !uri.is_empty()),
        }
    }
}
