//! Where an instance is: namespace, class and key values.
//!
//! Guarantees: keys compare without case, names and values alike, as WS-Management selectors do.
//! Two written forms exist: the endpoint reference of WS-Addressing and the WMI path text (`\\HOST\root\…:Class.Key="value"`).

use std::collections::BTreeMap;

use super::name::{AsName, is_word};
use super::{ClassName, Name, Namespace};
use crate::resource::CIM_NAMESPACE;

/// A path to one instance, or (with no keys) to a class or a singleton service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CimPath {
    namespace: Namespace,
    class: ClassName,
    keys: BTreeMap<Name, Key>,
}

/// A key's value: text (numbers and truth values too, in their text form), or another path.
#[derive(Debug, Clone)]
pub enum Key {
    /// Any scalar, in its text form.
    Text(String),
    /// A reference key, as association classes have.
    Path(Box<CimPath>),
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.eq_ignore_ascii_case(b),
            (Self::Path(a), Self::Path(b)) => a == b,
            _ => false,
        }
    }
}
impl Eq for Key {}

impl CimPath {
    /// A path without keys: the class itself, or its static methods.
    #[must_use]
    pub fn class_of(namespace: Namespace, class: impl Into<ClassName>) -> Self {
        Self { namespace, class: class.into(), keys: BTreeMap::new() }
    }

    /// The same with one more key.
    #[must_use]
    pub fn with_key(mut self, name: &str, value: impl Into<String>) -> Self {
        self.keys.insert(Name::from(name), Key::Text(value.into()));
        self
    }

    /// The same with one more key that is itself a path.
    #[must_use]
    pub fn with_path_key(mut self, name: &str, value: CimPath) -> Self {
        self.keys.insert(Name::from(name), Key::Path(Box::new(value)));
        self
    }

    /// Sets key `name`, whichever kind it is.
    pub fn set_key(&mut self, name: Name, key: Key) {
        self.keys.insert(name, key);
    }

    /// Whether each written form can say it: it has a namespace and a class, and no key is called like the selector of a namespace.
    pub(crate) fn is_sayable(&self) -> bool {
        !self.namespace.as_str().is_empty() && is_word(self.class.as_str()) && !self.keys.keys().any(|name| *name == CIM_NAMESPACE)
    }

    /// The namespace that the class lives in.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The class.
    #[must_use]
    pub fn class(&self) -> &ClassName {
        &self.class
    }

    /// Every key, by name without case.
    pub fn keys(&self) -> impl Iterator<Item = (&Name, &Key)> {
        self.keys.iter()
    }

    /// The text of key `name`; `None` when it is missing or is a path.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&str> {
        match self.keys.get(&name as &dyn AsName) {
            Some(Key::Text(text)) => Some(text),
            _ => None,
        }
    }
}
