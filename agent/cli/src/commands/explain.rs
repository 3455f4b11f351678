//! `trunkline explain`: a value of the resolved state, the document and the line that it comes from.

use model::explain::{ExplainError, Explanation};
use model::manifest::DocumentKind;
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
/// When the kind, the name or the path is unknown.
pub fn run(args: &Explain, settings: &Settings, console: &Console) -> Result<Ending, Failure> {
    let kinds: Vec<_> = DocumentKind::ALL.into_iter().map(|kind| kind.as_str().to_ascii_lowercase()).collect();
    let kind = DocumentKind::ALL
        .into_iter()
        .find(|kind| kind.as_str().eq_ignore_ascii_case(&args.kind))
        .ok_or_else(|| Failure::new(format!("there is no kind `{}`", args.kind)).hint(format!("kinds are: {}", kinds.join(", "))))?;
    let path = args.value.as_deref().unwrap_or_default();
    // The `spec.` that nearly every path begins with may be left out.
    let explanation = explain(settings, |assembler| {
        let found = assembler.explain(kind, &args.name, path).or_else(|error| match &error {
            ExplainError::UnknownPath { .. } => assembler.explain(kind, &args.name, &format!("spec.{path}")).map_err(|_| error),
            ExplainError::UnknownDocument { .. } => Err(error),
        });
        found.map_err(|error| {
            let failure = Failure::new(error.to_string());
            let known: Vec<_> = assembler.documents().into_iter().filter(|view| view.kind == kind).map(|view| view.name).collect();
            match error {
                ExplainError::UnknownDocument { .. } if (1..=MOST_NAMES).contains(&known.len()) => {
                    failure.hint(format!("there are: {}", known.join(", ")))
                }
                ExplainError::UnknownDocument { .. } | ExplainError::UnknownPath { .. } => failure,
            }
        })
    })?;
    match args.output {
        Listing::Text => console.print(&explanation.to_string()),
        Listing::Json => console.line(&serde_json::to_string_pretty(&explanation).context("cannot write the explanation")?),
    }
    Ok(Ending::Done)
}

fn explain(settings: &Settings, ask: impl FnOnce(&Assembler) -> Result<Explanation, Failure>) -> Result<Explanation, Failure> {
    let origin = fleet::origin(settings)?;
    if let Some(directory) = fleet::plain_directory(&origin) {
        let mut assembler = assembler();
        source::read_directory_with(&directory, &mut assembler).context(format!("cannot read `{}`", directory.display()))?;
        ask(&assembler)
    } else {
        let mut reader = fleet::reader(settings)?;
        reader.read().context(format!("cannot read `{origin}`"))?;
        ask(reader.assembler())
    }
}
