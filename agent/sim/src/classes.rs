//! Which classes a machine knows, and what they derive from.
//!
//! Guarantees: asking for a base class finds every concrete class below it, in the order of the table.
//! Deliberately absent: properties and methods; the protocol side checks those against its own schema table.

use wsman::cim::Namespace;

use crate::machine::{WmiCode, WmiError};

/// One concrete class with its ancestors, the nearest first.
pub(crate) struct Class {
    pub(crate) namespace: Namespace,
    pub(crate) name: &'static str,
    ancestors: &'static [&'static str],
    /// The ancestors above those, which many classes share.
    roots: &'static [&'static str],
}

impl Class {
    pub(crate) const fn new(
        namespace: Namespace,
        name: &'static str,
        ancestors: &'static [&'static str],
        roots: &'static [&'static str],
    ) -> Self {
        Self { namespace, name, ancestors, roots }
    }

    fn is_a(&self, wanted: &str) -> bool {
        self.name.eq_ignore_ascii_case(wanted) || self.ancestors.iter().chain(self.roots).any(|a| a.eq_ignore_ascii_case(wanted))
    }
}

/// The concrete classes that `wanted` stands for.
pub(crate) fn concrete<'t>(tables: &[&'t [Class]], namespace: &Namespace, wanted: &str) -> Result<Vec<&'t str>, WmiError> {
    let inside = || tables.iter().flat_map(|t| t.iter()).filter(|c| c.namespace == *namespace);
    if inside().next().is_none() {
        return Err(WmiError::new(WmiCode::InvalidNamespace, format!("no namespace {namespace}")));
    }
    let found: Vec<_> = inside().filter(|c| c.is_a(wanted)).map(|c| c.name).collect();
    if found.is_empty() {
        return Err(WmiError::new(WmiCode::InvalidClass, format!("no class {wanted} in {namespace}")));
    }
    Ok(found)
}
