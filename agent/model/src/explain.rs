//! Where a value comes from.
//!
//! Guarantees: the answer is made by resolving the appliance once more with a trace, so it cannot differ from what is in force; a
//! value that nobody wrote says so. Of every other document it is what stands there, value by value. Deliberately absent: guessing; a path that leads nowhere is an error with a suggestion.

use std::fmt;

use serde::Serialize;

use crate::diagnostic::Place;
use crate::manifest::{DocumentKind, Origin, suggest};
use crate::resolve::{Traced, compact};
use crate::validate::Assembler;
use crate::yaml::{Kind, Node};

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// Its path.
    pub path: String,
    /// The value, as written or worked out.
    pub value: String,
    /// The document that states it: `Defaults everywhere`.
    pub document: Option<String>,
    /// Where it stands; nowhere when it is built in or derived.
    pub place: Option<Place>,
    /// The line of the file.
    pub source_line: Option<String>,
}

/// Every value that a path leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Explanation(pub Vec<Explained>);

/// The question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// There is no such document.
    #[error("there is no {kind} `{name}`{}", hint(.suggestion))]
    UnknownDocument {
        /// The kind that was asked for.
        kind: DocumentKind,
        /// The name that was asked for.
        name: String,
        /// Something similar.
        suggestion: Option<String>,
    },
    /// The document has no such value.
    #[error("{kind} `{name}` has no `{path}`{}", hint(.suggestion))]
    UnknownPath {
        /// The kind that was asked for.
        kind: DocumentKind,
        /// The name that was asked for.
        name: String,
        /// The path that was asked for.
        path: String,
        /// Something similar.
        suggestion: Option<String>,
    },
}

fn hint(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map(|text| format!("; {text}")).unwrap_or_default()
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for one in &self.0 {
            writeln!(f, "{} = {}", one.path, one.value)?;
            if let (Some(place), Some(document)) = (&one.place, &one.document) {
                writeln!(f, "  from {document}, {place}")?;
                if let Some(line) = &one.source_line {
                    writeln!(f, "  {} | {}", place.line, line.trim_end())?;
                }
            }
        }
        Ok(())
    }
}

/// Every value that a document states, but for the two lines that every document has.
fn stated(file: u32, root: Node<'_>) -> Vec<Traced> {
    let mut values = Vec::new();
    for (key, value) in root.entries().filter(|(key, _)| !matches!(key.text(), Some("apiVersion" | "kind"))) {
        values_of(value, compact(key), file, &mut values);
    }
    values
}

fn values_of(node: Node<'_>, path: String, file: u32, values: &mut Vec<Traced>) {
    let before = values.len();
    for (key, value) in node.entries() {
        values_of(value, format!("{path}.{}", compact(key)), file, values);
    }
    // A list of plain values is one value; what has parts of its own goes by its name, or by its place in the list.
    if node.items().any(|item| matches!(item.kind(), Kind::Map)) {
        for (index, item) in node.items().enumerate() {
            let name = item.get("name").and_then(Node::text).map_or_else(|| index.to_string(), str::to_owned);
            values_of(item, format!("{path}.{name}"), file, values);
        }
    }
    if values.len() == before {
        values.push(Traced { path, origin: Some(Origin { file, span: node.span() }), derived: None });
    }
}

impl Assembler {
    /// Says where the values at and below a path come from, after the repository was assembled.
    ///
    /// # Errors
    /// When there is no such document, or nothing at that path.
    pub fn explain(&self, kind: DocumentKind, name: &str, path: &str) -> Result<Explanation, ExplainError> {
        let Some((file, root)) = self.find_document(kind, name) else {
            let names = self.documents().into_iter().filter(|view| view.kind == kind).map(|view| view.name).collect::<Vec<_>>();
            let suggestion = suggest(name, names.iter().map(String::as_str));
            return Err(ExplainError::UnknownDocument { kind, name: name.into(), suggestion });
        };
        let path = path.trim_matches('.');
        let traced = match kind {
            DocumentKind::Appliance => self.trace_appliance(name).map(|(_, traced)| traced).unwrap_or_default(),
            _ => self.library.file(file).map(|known| stated(file, known.tree().node(root))).unwrap_or_default(),
        };
        let below = |candidate: &str| {
            path.is_empty() || candidate == path || candidate.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
        };
        let mut found: Vec<Explained> = Vec::new();
        for entry in traced.iter().filter(|entry| below(&entry.path)) {
            if found.iter().all(|known| known.path != entry.path) {
                found.push(self.explained(entry));
            }
        }
        if found.is_empty() {
            let node = self.library.file(file).map(|file| file.tree().node(root));
            let written = node.and_then(|node| path.split('.').filter(|key| !key.is_empty()).try_fold(node, |node, key| node.get(key)));
            let origin = written.map(|node| Origin { file, span: node.span() });
            found.extend(origin.map(|origin| self.explained(&Traced { path: path.into(), origin: Some(origin), derived: None })));
        }
        if found.is_empty() {
            // What leads to a value is a path too.
            let depth = path.split('.').count();
            let to_depth = |full: &'_ str| full.match_indices('.').nth(depth.saturating_sub(1)).map_or(full.len(), |(at, _)| at);
            let suggestion = suggest(path, traced.iter().map(|entry| &entry.path[..to_depth(&entry.path)]));
            return Err(ExplainError::UnknownPath { kind, name: name.into(), path: path.into(), suggestion });
        }
        found.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Explanation(found))
    }

    fn explained(&self, entry: &Traced) -> Explained {
        let located = entry.origin.map(|origin| (origin, self.library.place(origin)));
        let (place, source_line) = located.clone().map_or((None, None), |(_, (place, line))| (Some(place), line));
        let written = entry.origin.map(|origin| self.library.written(origin));
        Explained {
            path: entry.path.clone(),
            value: entry.derived.clone().or(written).unwrap_or_default(),
            document: entry.origin.and_then(|origin| self.library.document_at(origin)),
            place,
            source_line,
        }
    }
}
