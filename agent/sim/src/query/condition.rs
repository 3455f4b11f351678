//! Whether a condition holds for one instance.
//!
//! Guarantees: a property that neither the class table nor any instance knows is refused, as WMI does, rather than read as NULL.

use wsman::cim::{CimValue, ClassName, Name, Namespace};
use wsman::schema;

use super::ObjectPath;
use super::term::Term;
use crate::machine::{Object, WmiCode, WmiError};
use crate::wql::{Comparison, Condition, Literal, Operand, Property};

/// What a condition may refer to besides the instance.
pub(super) struct Scope<'a> {
    pub(super) computer: &'a str,
    pub(super) namespace: &'a Namespace,
}

impl Scope<'_> {
    pub(super) fn holds(&self, condition: &Condition, object: &Object) -> Result<bool, WmiError> {
        match condition {
            Condition::All(parts) => {
                for part in parts {
                    if !self.holds(part, object)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Condition::Any(parts) => {
                for part in parts {
                    if self.holds(part, object)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Condition::Not(inner) => Ok(!self.holds(inner, object)?),
            Condition::Compare { left, comparison, right } => self.compare(left, *comparison, right, object),
            Condition::Like { property, pattern } => Ok(match self.term(property, object) {
                Term::Text(text) => pattern.matches(&text),
                Term::Integer(n) => pattern.matches(&n.to_string()),
                Term::Path(path) => pattern.matches(&path.text(self.computer)),
                _ => false,
            }),
            Condition::IsNull(property) => Ok(matches!(self.term(property, object), Term::Null)),
            Condition::Isa { property, class } => Ok(isa(property, class, object)),
        }
    }

    fn compare(&self, left: &Operand, comparison: Comparison, right: &Operand, object: &Object) -> Result<bool, WmiError> {
        // `= NULL` means `IS NULL`; no other comparison with NULL holds.
        if let (Operand::Property(property), Operand::Literal(Literal::Null))
        | (Operand::Literal(Literal::Null), Operand::Property(property)) = (left, right)
        {
            let null = matches!(self.term(property, object), Term::Null);
            return match comparison {
                Comparison::Equal => Ok(null),
                Comparison::NotEqual => Ok(!null),
                _ => Err(WmiError::new(WmiCode::InvalidQuery, "NULL has no order")),
            };
        }
        self.operand(left, object).compares(comparison, &self.operand(right, object), self.namespace)
    }

    fn operand(&self, operand: &Operand, object: &Object) -> Term {
        match operand {
            Operand::Property(property) => self.term(property, object),
            Operand::Literal(literal) => Term::of_literal(literal),
        }
    }

    fn term(&self, property: &Property, object: &Object) -> Term {
        match property.0.as_slice() {
            [name] if name.as_str().starts_with("__") => self.system(name, object),
            _ => Term::of_value(value(property, object)),
        }
    }

    fn system(&self, name: &Name, object: &Object) -> Term {
        let text = |text: &str| Term::Text(text.to_owned());
        match name.as_str().to_ascii_lowercase().as_str() {
            "__server" => text(self.computer),
            "__class" => text(object.instance.class().as_str()),
            "__namespace" => Term::Text(object.path.namespace().as_str().replace('/', "\\")),
            "__path" => Term::Path(ObjectPath { host: Some(self.computer.to_owned()), path: object.path.clone() }),
            "__relpath" => Term::Path(ObjectPath { host: None, path: object.path.clone() }),
            _ => Term::Null,
        }
    }
}

const SYSTEM: [&str; 6] = ["__server", "__class", "__namespace", "__path", "__relpath", "__this"];

/// A class in its namespace.
pub(super) type Named<'a> = (&'a Namespace, &'a ClassName);

/// Refuses a condition that names a property which nothing of `class` has.
pub(super) fn check(condition: &Condition, class: Named<'_>, objects: &[Object]) -> Result<(), WmiError> {
    let property = |property: &Property| match property.0.as_slice() {
        [first, ..] => check_name(first, class, objects),
        [] => Ok(()),
    };
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().try_for_each(|part| check(part, class, objects)),
        Condition::Not(inner) => check(inner, class, objects),
        Condition::Compare { left, right, .. } => [left, right].into_iter().try_for_each(|operand| match operand {
            Operand::Property(named) => property(named),
            Operand::Literal(_) => Ok(()),
        }),
        Condition::Like { property: named, .. } | Condition::IsNull(named) | Condition::Isa { property: named, .. } => property(named),
    }
}

/// The same for one name.
pub(super) fn check_name(name: &Name, class: Named<'_>, objects: &[Object]) -> Result<(), WmiError> {
    let known = if name.as_str().starts_with("__") {
        SYSTEM.iter().any(|system| *name == **system)
    } else {
        schema::class(class.0, class.1.as_str()).is_none_or(|declared| declared.property(name.as_str()).is_some())
            || objects.iter().any(|object| object.instance.properties().any(|(own, _)| own == name))
    };
    if known { Ok(()) } else { Err(WmiError::new(WmiCode::InvalidQuery, format!("{} has no property {name}", class.1))) }
}

fn value<'a>(property: &Property, object: &'a Object) -> &'a CimValue {
    let mut steps = property.0.iter();
    let mut value = match steps.next() {
        Some(first) => object.instance.get(first.as_str()),
        None => &CimValue::Null,
    };
    for step in steps {
        value = match value {
            CimValue::Instance(inner) => inner.get(step.as_str()),
            _ => &CimValue::Null,
        };
    }
    value
}

fn isa(property: &Property, class: &ClassName, object: &Object) -> bool {
    let namespace = object.path.namespace();
    let this = matches!(property.0.as_slice(), [name] if *name == *"__THIS" || *name == *"__CLASS");
    match value(property, object) {
        _ if this => schema::is_a(namespace, object.instance.class().as_str(), class.as_str()),
        CimValue::Instance(inner) => schema::is_a(namespace, inner.class().as_str(), class.as_str()),
        _ => false,
    }
}
