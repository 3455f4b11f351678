//! `trunkline explain`: a value of the resolved state, the document and the line that it comes from.

use model::explain::{ExplainError, Explanation};
use model::manifest::DocumentKind;
use model::names::ApplianceName;
use model::profile::SHIPPED;
use model::snapshot::Snapshot;
use model::validate::Assembler;
use source::assembler;

use crate::args::{Explain, Listing};
use crate::console::Console;
use crate::error::{Context as _, Ending, Failure};
use crate::fleet;
use crate::settings::Settings;

/// More names than this are no help.
const MOST_NAMES: usize = 20;

/// Prints the value, or every value below the path.
///
/// # Errors
/// When the kind, the name or the path is unknown, or the appliance is refused: then none of its values is in force.
pub fn run(args: &Explain, settings: &Settings, console: &Console) -> Result<Ending, Failure> {
    let kinds: Vec<_> = DocumentKind::ALL.into_iter().map(|kind| kind.as_str().to_ascii_lowercase()).collect();
    let kind = DocumentKind::ALL
        .into_iter()
        .find(|kind| kind.as_str().eq_ignore_ascii_case(&args.kind))
        .ok_or_else(|| Failure::new(format!("there is no kind `{}`", args.kind)).hint(format!("kinds are: {}", kinds.join(", "))))?;
    let path = args.value.as_deref().unwrap_or_default();
    // The `spec.` that nearly every path begins with may be left out.
    let explanation = explain(settings, |assembler, snapshot| {
        sound(kind, &args.name, snapshot)?;
        let found = assembler.explain(kind, &args.name, path).or_else(|error| match &error {
            ExplainError::UnknownPath { .. } => assembler.explain(kind, &args.name, &format!("spec.{path}")).map_err(|_| error),
            ExplainError::UnknownDocument { .. } => Err(error),
        });
        found.map_err(|error| {
            let failure = Failure::new(error.to_string());
            match error {
                ExplainError::UnknownDocument { .. } if !snapshot.complete => {
                    fleet::refused(snapshot, format!("no sound document is the {kind} `{}`", args.name))
                }
                ExplainError::UnknownDocument { .. } if is_shipped(kind, &args.name) => {
                    Failure::new(format!("the Profile `{}` comes with the agent, and no release of this repository uses it", args.name))
                        .hint("name it as `profile` in a Release, and its values can be explained")
                }
                ExplainError::UnknownDocument { .. } => match known(kind, assembler).as_slice() {
                    [] => failure.hint(format!("there is no {kind} at all")),
                    names if names.len() <= MOST_NAMES => failure.hint(format!("there are: {}", names.join(", "))),
                    _ => failure,
                },
                ExplainError::UnknownPath { .. } => failure,
            }
        })
    })?;
    match args.output {
        Listing::Text => console.print(&explanation.to_string()),
        Listing::Json => console.line(&serde_json::to_string_pretty(&explanation).context("cannot write the explanation")?),
    }
    Ok(Ending::Done)
}

/// That an appliance's values are in force: a fault in what it is made of leaves none of them.
fn sound(kind: DocumentKind, name: &str, snapshot: &Snapshot) -> Result<(), Failure> {
    match name.parse::<ApplianceName>() {
        Ok(name) if kind == DocumentKind::Appliance && !snapshot.complete => fleet::chosen(snapshot, &[name]).map(drop),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Whether it comes with the agent; such a profile is read only where a release uses it.
fn is_shipped(kind: DocumentKind, name: &str) -> bool {
    kind == DocumentKind::Profile && SHIPPED.iter().any(|(shipped, _)| *shipped == name)
}

/// The names of all documents of a kind.
fn known(kind: DocumentKind, assembler: &Assembler) -> Vec<String> {
    let own = assembler.documents().into_iter().filter(|view| view.kind == kind).map(|view| view.name.to_string());
    let shipped = SHIPPED.iter().filter(|_| kind == DocumentKind::Profile).map(|(name, _)| (*name).to_owned());
    let mut names: Vec<_> = own.chain(shipped).collect();
    names.sort();
    names
}

fn explain(settings: &Settings, ask: impl FnOnce(&Assembler, &Snapshot) -> Result<Explanation, Failure>) -> Result<Explanation, Failure> {
    let origin = fleet::origin(settings)?;
    if let Some(directory) = fleet::plain_directory(&origin) {
        let mut assembler = assembler();
        let read = source::read_directory_with(&directory, &mut assembler);
        let snapshot = read.context(format!("cannot read `{}`", directory.display()))?;
        ask(&assembler, &snapshot)
    } else {
        let mut reader = fleet::reader(settings, &[])?;
        let reading = reader.read().context(format!("cannot read `{origin}`"))?;
        let reading = reading.ok_or_else(|| Failure::new("the origin was read already"))?;
        ask(reader.assembler(), &reading.snapshot)
    }
}
