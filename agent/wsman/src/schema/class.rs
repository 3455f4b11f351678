//! What the table says of one class.

use crate::cim::CimType;
use crate::cim::name::compare;

/// A class of the table.
#[derive(Debug, Clone)]
pub struct Class {
    pub(super) namespace: &'static str,
    pub(super) name: &'static str,
    pub(super) chain: Vec<&'static str>,
    pub(super) properties: Vec<Property>,
    pub(super) methods: Vec<Method>,
}

/// A type with its array-ness, and the class that references and embedded instances are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    /// The CIM type; `None` when no text states it (an enumeration of unknown width).
    pub cim: Option<CimType>,
    /// Whether it is an array.
    pub array: bool,
    /// The class of a reference, object or embedded instance, where stated.
    pub class: Option<&'static str>,
}

/// A property of a class.
#[derive(Debug, Clone)]
pub struct Property {
    pub(super) name: &'static str,
    pub(super) declared: Declared,
    pub(super) key: bool,
}

/// Which way a parameter goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The caller gives it.
    In,
    /// The method gives it back.
    Out,
}

/// A parameter of a method.
#[derive(Debug, Clone)]
pub struct Parameter {
    pub(super) name: &'static str,
    pub(super) declared: Declared,
    pub(super) direction: Direction,
}

/// A method of a class. Each returns `uint32`.
#[derive(Debug, Clone)]
pub struct Method {
    pub(super) name: &'static str,
    pub(super) parameters: Vec<Parameter>,
    pub(super) is_static: bool,
}

impl Class {
    /// The namespace in its slash form: `root/cimv2`.
    #[must_use]
    pub fn namespace(&self) -> &'static str {
        self.namespace
    }

    /// The name, as its declaration writes it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The superclasses, nearest first.
    #[must_use]
    pub fn superclasses(&self) -> &[&'static str] {
        &self.chain
    }

    /// Whether this is `ancestor` or derives from it.
    #[must_use]
    pub fn is_a(&self, ancestor: &str) -> bool {
        self.name.eq_ignore_ascii_case(ancestor) || self.chain.iter().any(|c| c.eq_ignore_ascii_case(ancestor))
    }

    /// Every property, sorted by name without case; inherited ones too.
    #[must_use]
    pub fn properties(&self) -> &[Property] {
        &self.properties
    }

    /// The property `name`.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.position(name).ok().map(|at| &self.properties[at])
    }

    pub(crate) fn position(&self, name: &str) -> Result<usize, usize> {
        self.properties.binary_search_by(|p| compare(p.name, name))
    }

    /// The properties that identify an instance; empty when no text states them.
    pub fn keys(&self) -> impl Iterator<Item = &Property> {
        self.properties.iter().filter(|p| p.key)
    }

    /// Every method.
    #[must_use]
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// The method `name`.
    #[must_use]
    pub fn method(&self, name: &str) -> Option<&Method> {
        self.methods.iter().find(|m| m.name.eq_ignore_ascii_case(name))
    }
}

impl Property {
    /// The name, as its declaration writes it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its type.
    #[must_use]
    pub fn declared(&self) -> Declared {
        self.declared
    }

    /// Whether it is part of the key.
    #[must_use]
    pub fn is_key(&self) -> bool {
        self.key
    }
}

impl Method {
    /// The name, as its declaration writes it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Every parameter, in the declared order.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The parameter `name` of `direction`.
    #[must_use]
    pub fn parameter(&self, name: &str, direction: Direction) -> Option<&Parameter> {
        self.parameters.iter().find(|p| p.direction == direction && p.name.eq_ignore_ascii_case(name))
    }

    /// Whether it is called on the class rather than on an instance.
    #[must_use]
    pub fn is_static(&self) -> bool {
        self.is_static
    }
}

impl Parameter {
    /// The name, as its declaration writes it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its type.
    #[must_use]
    pub fn declared(&self) -> Declared {
        self.declared
    }

    /// Which way it goes.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }
}
