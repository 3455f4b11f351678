//! Faults of the text: which documents they cost, and whom that touches.
//!
//! Guarantees: a document that could not be read is never taken for one that was removed. What it was is guessed from its text;
//! where that fails, everything is refused.

use super::report::{Finding, Scope};
use crate::diagnostic::{Code, Severity};
use crate::manifest::{DocumentKind, Fault, Origin};
use crate::names::SiteName;
use crate::resolve::{Library, ParsedFile};
use crate::yaml::TextFault;

/// The documents that could not be read.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    known: Vec<(DocumentKind, String)>,
    unknown: bool,
    /// Sites of appliances that could not be read.
    sites: Vec<String>,
}

impl Lost {
    fn note(&mut self, sketch: &Sketch) {
        match (sketch.kind, &sketch.name, &sketch.site) {
            (Some(DocumentKind::Appliance), Some(name), Some(site)) => {
                self.known.push((DocumentKind::Appliance, name.clone()));
                self.sites.push(site.clone());
            }
            (Some(DocumentKind::Appliance) | None, ..) | (_, None, _) => self.unknown = true,
            (Some(kind), Some(name), _) => self.known.push((kind, name.clone())),
        }
    }

    /// Whether a document that is missed may be among those that could not be read.
    pub(crate) fn may_hold(&self, kind: DocumentKind, name: Option<&str>) -> bool {
        self.unknown || self.known.iter().any(|(lost, known)| *lost == kind && name.is_none_or(|name| name == known))
    }
}

impl Lost {
    /// The documents whose kind and name could be guessed.
    pub(crate) fn names(&self) -> impl Iterator<Item = (DocumentKind, String)> + '_ {
        self.known.iter().cloned()
    }

    /// Sites of appliances that could not be read.
    pub(crate) fn sites(&self) -> impl Iterator<Item = &str> {
        self.sites.iter().map(String::as_str)
    }

    /// Whether nothing is known of some document.
    pub(crate) fn is_unknown(&self) -> bool {
        self.unknown
    }
}

/// What the text of a lost document says about it.
struct Sketch {
    kind: Option<DocumentKind>,
    name: Option<String>,
    site: Option<String>,
}

/// Reports the faults of the text of every file.
pub(crate) fn text_faults(library: &Library, findings: &mut Vec<Finding>) -> Lost {
    let mut lost = Lost::default();
    for (number, file) in library.files() {
        for fault in file.faults() {
            let sketch = sketch(file, fault);
            if costs_document(fault.code) {
                lost.note(&sketch);
            }
            findings.push(Finding::new(scope(fault.code, &sketch), located(number, fault)));
        }
    }
    lost
}

fn costs_document(code: Code) -> bool {
    matches!(
        code,
        Code::NotUtf8
            | Code::FileTooLarge
            | Code::Syntax
            | Code::TooDeep
            | Code::Tab
            | Code::LinkOutside
            | Code::TooManyFiles
            | Code::Submodule
            | Code::BadPathName
    )
}

fn located(file: u32, fault: &TextFault) -> Fault {
    let origin = |span| Origin { file, span };
    Fault {
        code: fault.code,
        origin: origin(fault.span),
        message: fault.message.clone(),
        expected: None,
        hint: fault.hint.clone(),
        related: fault.related.iter().map(|(span, message)| (origin(*span), message.clone())).collect(),
    }
}

fn scope(code: Code, sketch: &Sketch) -> Scope {
    let site = |name: &Option<String>| name.as_deref().and_then(|name| SiteName::new(name).ok()).map(|name| Scope::site(&name));
    if code.severity() == Severity::Warning {
        return Scope::Nobody;
    }
    match sketch.kind {
        Some(DocumentKind::Appliance) => site(&sketch.site).unwrap_or(Scope::Everything),
        Some(DocumentKind::Site) => site(&sketch.name).unwrap_or(Scope::Everything),
        Some(DocumentKind::Approval) => Scope::Nobody,
        _ => Scope::Everything,
    }
}

/// Reads `kind`, `metadata.name` and `spec.site` from the lines of the document that a fault lies in.
fn sketch(file: &ParsedFile, fault: &TextFault) -> Sketch {
    let text = file.tree().text();
    let at = (fault.span.start as usize).min(text.len());
    let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let start = text[..at].rfind("\n---").map_or(0, |start| start + 1);
    let end = text[at..].find("\n---").map_or(text.len(), |end| at + end);
    let mut sketch = Sketch { kind: None, name: None, site: None };
    let mut section = "";
    for line in text[start..end].lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']);
        // The first `name` of the metadata and the first `site` of the spec are theirs, whatever the indentation.
        match (section, key.trim_start()) {
            (_, "kind") if key == "kind" => sketch.kind = DocumentKind::find(value),
            (_, "metadata" | "spec") if !key.starts_with(' ') => section = key,
            ("metadata", "name") if sketch.name.is_none() => sketch.name = Some(value.to_owned()),
            ("spec", "site") if sketch.site.is_none() => sketch.site = Some(value.to_owned()),
            _ => {}
        }
    }
    sketch
}
