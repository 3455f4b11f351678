//! Faults with their reach, and how they become diagnostics.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic, Place, Refuses, Related, Severity};
use crate::manifest::{Fault, Origin};
use crate::names::SiteName;
use crate::resolve::Library;

/// How far a fault reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Nobody is refused by it.
    Nobody,
    /// These sites.
    Sites(BTreeSet<Arc<str>>),
    /// The sites that use the document; worked out at the end.
    Users,
    /// Every appliance.
    Everything,
}

/// A fault and its reach.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) scope: Scope,
    pub(crate) fault: Fault,
}

impl Scope {
    /// One site.
    pub(crate) fn site(name: &SiteName) -> Self {
        Self::Sites(BTreeSet::from([name.as_str().into()]))
    }

    fn join(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Everything, _) | (_, Self::Nobody | Self::Users) => {}
            (Self::Sites(one), Self::Sites(two)) => one.extend(two),
            (_, other) => *self = other,
        }
    }
}

impl Finding {
    pub(crate) fn new(scope: Scope, fault: Fault) -> Self {
        Self { scope, fault }
    }

    /// Lets it reach everything, unless it is a warning.
    pub(crate) fn widen(&mut self) {
        if self.fault.code.severity() == Severity::Error && self.scope != Scope::Nobody {
            self.scope = Scope::Everything;
        }
    }
}

/// Looks up the places, joins what was found several times, and sorts.
pub(crate) fn diagnostics(library: &Library, findings: Vec<Finding>) -> Vec<Diagnostic> {
    let mut joined: BTreeMap<(Origin, &'static str, String), Finding> = BTreeMap::new();
    for finding in findings {
        let key = (finding.fault.origin, finding.fault.code.as_str(), finding.fault.message.clone());
        match joined.entry(key) {
            std::collections::btree_map::Entry::Vacant(place) => drop(place.insert(finding)),
            std::collections::btree_map::Entry::Occupied(mut known) => known.get_mut().scope.join(finding.scope),
        }
    }
    let mut diagnostics: Vec<Diagnostic> = joined.into_values().map(|finding| diagnostic(library, finding)).collect();
    diagnostics.sort();
    diagnostics
}

fn diagnostic(library: &Library, finding: Finding) -> Diagnostic {
    let Finding { scope, fault } = finding;
    let (place, source_line) = locate(library, fault.origin);
    // A secret that stands in a manifest must not be carried on into logs (law 9).
    let source_line = source_line.filter(|_| fault.code != Code::SecretInClear);
    let severity = fault.code.severity();
    let refuses = match (severity, scope) {
        (Severity::Warning, _) | (_, Scope::Nobody | Scope::Users) => Refuses::Nothing,
        (_, Scope::Sites(sites)) if sites.is_empty() => Refuses::Nothing,
        (_, Scope::Sites(sites)) => Refuses::Sites(sites.into_iter().collect()),
        (_, Scope::Everything) => Refuses::Everything,
    };
    let related = fault.related.into_iter().map(|(origin, message)| {
        let (place, source_line) = locate(library, origin);
        Related { place, message, source_line }
    });
    Diagnostic {
        place,
        code: fault.code,
        severity,
        message: fault.message,
        expected: fault.expected.map(std::borrow::Cow::into_owned),
        hint: fault.hint,
        related: related.collect(),
        refuses,
        source_line,
    }
}

fn locate(library: &Library, origin: Origin) -> (Place, Option<String>) {
    if origin == Origin::NOWHERE {
        return (Place { file: "(repository)".into(), line: 1, column: 1, length: 0 }, None);
    }
    library.place(origin)
}

/// Which diagnostics touch which site.
pub(crate) struct Reach {
    everywhere: Vec<usize>,
    sites: BTreeMap<Arc<str>, Vec<usize>>,
}

impl Reach {
    pub(crate) fn of(diagnostics: &[Diagnostic]) -> Self {
        let mut reach = Self { everywhere: Vec::new(), sites: BTreeMap::new() };
        for (index, diagnostic) in diagnostics.iter().enumerate() {
            match &diagnostic.refuses {
                Refuses::Nothing => {}
                Refuses::Everything => reach.everywhere.push(index),
                Refuses::Sites(sites) => sites.iter().for_each(|site| reach.sites.entry(site.clone()).or_default().push(index)),
            }
        }
        reach
    }

    pub(crate) fn touching(&self, site: &SiteName, diagnostics: &[Diagnostic]) -> Vec<Diagnostic> {
        let own = self.sites.get(site.as_str()).into_iter().flatten();
        let mut indexes: Vec<usize> = self.everywhere.iter().chain(own).copied().collect();
        indexes.sort_unstable();
        indexes.into_iter().filter_map(|index| diagnostics.get(index).cloned()).collect()
    }
}
