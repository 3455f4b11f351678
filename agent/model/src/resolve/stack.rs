//! The layers of an appliance's values, and the rule that the nearest statement counts.

use std::cell::RefCell;

use crate::diagnostic::Code;
use crate::manifest::{Fault, Layer, Origin, Spanned};

use super::library::Library;

/// Where a resolved value comes from.
#[derive(Debug, Clone)]
pub(crate) struct Traced {
    /// The path that `explain` is asked for.
    pub(crate) path: String,
    /// Where it was written; `None`: built in or derived.
    pub(crate) origin: Option<Origin>,
    /// The value, when it was not written anywhere.
    pub(crate) derived: Option<String>,
}

/// Collects where values come from; off in ordinary runs.
#[derive(Debug, Default)]
pub(crate) struct Trace(Option<RefCell<Vec<Traced>>>);

impl Trace {
    /// A trace that keeps what it is told.
    pub(crate) fn on() -> Self {
        Self(Some(RefCell::default()))
    }

    /// Whether it keeps what it is told.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// What it was told.
    pub(crate) fn into_entries(self) -> Vec<Traced> {
        self.0.map(RefCell::into_inner).unwrap_or_default()
    }

    fn note(&self, entry: impl FnOnce() -> Traced) {
        if let Some(entries) = &self.0 {
            entries.borrow_mut().push(entry());
        }
    }
}

/// A `Defaults` that picks the appliance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DefaultsLayer<'a> {
    /// How many labels its selector names; more is nearer.
    pub(crate) rank: usize,
    /// Its values.
    pub(crate) layer: &'a Layer,
}

/// Every layer of an appliance, nearest first.
pub(crate) struct Stack<'a> {
    appliance: &'a Layer,
    site: &'a Layer,
    /// By rank, highest first, then by name.
    defaults: &'a [DefaultsLayer<'a>],
    library: &'a Library,
    trace: &'a Trace,
    ties: RefCell<Vec<Fault>>,
}

impl<'a> Stack<'a> {
    pub(crate) fn new(
        appliance: &'a Layer,
        site: &'a Layer,
        defaults: &'a [DefaultsLayer<'a>],
        library: &'a Library,
        trace: &'a Trace,
    ) -> Self {
        Self { appliance, site, defaults, library, trace, ties: RefCell::default() }
    }

    /// Conflicts between Defaults that were met.
    pub(crate) fn into_ties(self) -> Vec<Fault> {
        self.ties.into_inner()
    }

    /// Every layer, nearest first.
    pub(crate) fn layers(&self) -> impl Iterator<Item = &'a Layer> {
        [self.appliance, self.site].into_iter().chain(self.defaults.iter().map(|defaults| defaults.layer))
    }

    /// The nearest statement of a value, or the profile's.
    pub(crate) fn pick<T>(
        &self,
        path: impl Fn() -> String,
        get: impl Fn(&'a Layer) -> Option<&'a Spanned<T>>,
        profile: Option<&'a Spanned<T>>,
    ) -> Option<&'a Spanned<T>> {
        let own = get(self.appliance).or_else(|| get(self.site));
        let found = own.or_else(|| self.in_defaults(&path, &get)).or(profile);
        if let Some(found) = found {
            self.trace.note(|| Traced { path: path(), origin: Some(found.origin), derived: None });
        }
        found
    }

    fn in_defaults<T>(&self, path: &impl Fn() -> String, get: &impl Fn(&'a Layer) -> Option<&'a Spanned<T>>) -> Option<&'a Spanned<T>> {
        let mut stated = self.defaults.iter().filter_map(|defaults| Some((defaults.rank, get(defaults.layer)?)));
        let (rank, first) = stated.next()?;
        let source = |value: &Spanned<T>| self.library.written(value.origin);
        for (_, other) in stated.take_while(|(other, _)| *other == rank) {
            if source(first) != source(other) {
                let message = format!("two Defaults of equal precedence set `{}` differently", path());
                let fault = Fault::new(Code::DefaultsTie, other.origin, message).related(first.origin, "the other one");
                self.ties.borrow_mut().push(fault.hint("give one of the selectors one more label, or remove one of the values"));
            }
        }
        Some(first)
    }

    /// The nearest statement, the profile's, or what is built in (with its text).
    pub(crate) fn value<T: Clone>(
        &self,
        path: &'static str,
        get: impl Fn(&'a Layer) -> Option<&'a Spanned<T>>,
        profile: Option<&'a Spanned<T>>,
        builtin: (T, &'static str),
    ) -> T {
        match self.pick(|| path.to_owned(), get, profile) {
            Some(found) => found.value.clone(),
            None => {
                self.trace.note(|| Traced { path: path.to_owned(), origin: None, derived: Some(format!("{} (built in)", builtin.1)) });
                builtin.0
            }
        }
    }

    /// Notes a value that was worked out from names.
    pub(crate) fn derived(&self, path: impl Fn() -> String, value: impl Fn() -> String) {
        self.trace.note(|| Traced { path: path(), origin: None, derived: Some(format!("{} (derived)", value())) });
    }

    /// Notes a value that was written somewhere else than in a layer.
    pub(crate) fn written(&self, path: impl Fn() -> String, origin: Origin) {
        self.trace.note(|| Traced { path: path(), origin: Some(origin), derived: None });
    }
}
