//! One CIM instance: a class name and its properties.
//!
//! Guarantees: property names are found in any case; a missing property reads as NULL.

use super::name::compare;
use super::{CimDatetime, CimPath, CimValue, ClassName, Name, WrongType};

/// An instance as it was decoded, or as it will be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct CimInstance {
    class: ClassName,
    /// In the order of their names, each once.
    properties: Vec<(Name, CimValue)>,
}

impl CimInstance {
    /// An instance without properties.
    #[must_use]
    pub fn new(class: impl Into<ClassName>) -> Self {
        Self { class: class.into(), properties: vec![] }
    }

    /// An instance with `properties` in the order of their names, each once.
    pub(crate) fn of_ordered(class: ClassName, properties: Vec<(Name, CimValue)>) -> Self {
        debug_assert!(properties.is_sorted_by(|(one, _), (next, _)| one < next), "of {class}");
        Self { class, properties }
    }

    /// An instance with `properties` in any order; several with one name make an array.
    #[must_use]
    pub fn from_properties(class: ClassName, mut properties: Vec<(Name, CimValue)>) -> Self {
        // Most are in order.
        if !properties.is_sorted_by(|(one, _), (next, _)| one < next) {
            properties.sort_by(|(one, _), (other, _)| one.cmp(other));
            properties.dedup_by(|(name, more), (first, all)| {
                let is_same = name == first;
                if is_same {
                    all.join(std::mem::replace(more, CimValue::Null));
                }
                is_same
            });
        }
        Self { class, properties }
    }

    /// An instance with `properties` in any order.
    ///
    /// # Errors
    /// The name that two of them have.
    pub(crate) fn of_distinct(class: ClassName, mut properties: Vec<(Name, CimValue)>) -> Result<Self, Name> {
        properties.sort_by(|(one, _), (other, _)| one.cmp(other));
        match properties.windows(2).find(|two| two[0].0 == two[1].0) {
            Some(two) => Err(two[0].0.clone()),
            None => Ok(Self { class, properties }),
        }
    }

    /// The same with `property` set.
    #[must_use]
    pub fn with(mut self, property: &str, value: impl Into<CimValue>) -> Self {
        self.set(property, value);
        self
    }

    /// Sets `property`; the case of the first writing stays.
    pub fn set(&mut self, property: &str, value: impl Into<CimValue>) {
        match self.position(property) {
            Ok(at) => self.properties[at].1 = value.into(),
            Err(at) => self.properties.insert(at, (Name::from(property), value.into())),
        }
    }

    /// Adds `value` to what `property` holds: the second of a name makes an array.
    pub fn append(&mut self, property: &str, value: CimValue) {
        match self.position(property) {
            Ok(at) => self.properties[at].1.join(value),
            Err(at) => self.properties.insert(at, (Name::from(property), value)),
        }
    }

    /// The class that this is an instance of.
    #[must_use]
    pub fn class(&self) -> &ClassName {
        &self.class
    }

    /// The value of `property`; NULL when it is missing.
    #[must_use]
    pub fn get(&self, property: &str) -> &CimValue {
        self.position(property).map_or(&CimValue::Null, |at| &self.properties[at].1)
    }

    fn position(&self, property: &str) -> Result<usize, usize> {
        self.properties.binary_search_by(|(name, _)| compare(name.as_str(), property))
    }

    /// Every property, by name without case.
    pub fn properties(&self) -> impl Iterator<Item = (&Name, &CimValue)> {
        self.properties.iter().map(|(name, value)| (name, value))
    }

    /// `property` as text; NULL is `None`.
    ///
    /// # Errors
    /// `WrongType` when it holds something else.
    pub fn text(&self, property: &str) -> Result<Option<&str>, WrongType> {
        self.typed(property, "text", CimValue::as_str)
    }

    /// `property` as an unsigned integer; NULL is `None`.
    ///
    /// # Errors
    /// `WrongType` when it holds something else.
    pub fn unsigned(&self, property: &str) -> Result<Option<u64>, WrongType> {
        self.typed(property, "an unsigned integer", CimValue::as_u64)
    }

    /// `property` as a truth value; NULL is `None`.
    ///
    /// # Errors
    /// `WrongType` when it holds something else.
    pub fn boolean(&self, property: &str) -> Result<Option<bool>, WrongType> {
        self.typed(property, "a truth value", CimValue::as_bool)
    }

    /// `property` as a reference; NULL is `None`.
    ///
    /// # Errors
    /// `WrongType` when it holds something else.
    pub fn reference(&self, property: &str) -> Result<Option<&CimPath>, WrongType> {
        self.typed(property, "a reference", CimValue::as_reference)
    }

    /// `property` as an embedded instance; NULL is `None`.
    ///
    /// # Errors
    /// `WrongType` when it holds something else.
    pub fn embedded(&self, property: &str) -> Result<Option<&CimInstance>, WrongType> {
        self.typed(property, "an embedded instance", CimValue::as_instance)
    }

    /// `property` as a point in time or an interval; NULL is `None`.
    ///
    /// # Errors
    /// `WrongType` when it holds something else.
    pub fn datetime(&self, property: &str) -> Result<Option<CimDatetime>, WrongType> {
        self.typed(property, "a datetime", CimValue::as_datetime)
    }

    /// `property` as a list of unsigned integers; NULL is empty, one value is a list of one.
    ///
    /// # Errors
    /// `WrongType` when an element is none.
    pub fn unsigneds(&self, property: &str) -> Result<Vec<u64>, WrongType> {
        let value = self.get(property);
        value.elements().iter().map(|v| v.as_u64().ok_or_else(|| self.wrong(property, "a list of unsigned integers", v))).collect()
    }

    /// `property` as a list of texts; NULL is empty, one value is a list of one.
    ///
    /// # Errors
    /// `WrongType` when an element is not text.
    pub fn texts(&self, property: &str) -> Result<Vec<&str>, WrongType> {
        let value = self.get(property);
        value.elements().iter().map(|v| v.as_str().ok_or_else(|| self.wrong(property, "a list of texts", v))).collect()
    }

    fn typed<'a, T>(
        &'a self,
        property: &str,
        wanted: &'static str,
        read: impl FnOnce(&'a CimValue) -> Option<T>,
    ) -> Result<Option<T>, WrongType> {
        match self.get(property) {
            CimValue::Null => Ok(None),
            value => read(value).map(Some).ok_or_else(|| self.wrong(property, wanted, value)),
        }
    }

    fn wrong(&self, property: &str, wanted: &'static str, found: &CimValue) -> WrongType {
        let mut found = format!("{found:?}");
        if let Some((cut, _)) = found.char_indices().nth(60) {
            found.truncate(cut);
            found.push('…');
        }
        WrongType { class: self.class.to_string(), property: property.to_owned(), wanted, found }
    }
}
