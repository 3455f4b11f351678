//! `trunkline schema`: the JSON Schemas, as they lie in `schemas/`.

use model::manifest::DocumentKind;
use serde::Serialize;

use crate::args::Schema;
use crate::commands::plan::comparison;
use crate::console::Console;
use crate::error::{Context as _, Ending, Failure};

/// Prints one schema, or the names of all.
///
/// # Errors
/// When there is none of that name.
pub fn run(args: &Schema, console: &Console) -> Result<Ending, Failure> {
    let all = all()?;
    let Some(wanted) = &args.name else {
        all.iter().for_each(|(name, _)| console.line(name));
        return Ok(Ending::Done);
    };
    let found = all.iter().find(|(name, _)| {
        name.eq_ignore_ascii_case(wanted) || name.split('.').next().is_some_and(|stem| stem.eq_ignore_ascii_case(wanted))
    });
    let Some((_, schema)) = found else {
        let names: Vec<_> = all.iter().map(|(name, _)| name.as_str()).collect();
        return Err(Failure::new(format!("there is no schema `{wanted}`")).hint(format!("there are: {}", names.join(", "))));
    };
    console.line(schema);
    Ok(Ending::Done)
}

/// Names and texts. A schema is written as it is, since it knows in which order its keys are read best.
fn all() -> Result<Vec<(String, String)>, Failure> {
    let mut all = Vec::new();
    for kind in DocumentKind::ALL {
        all.push((model::schema::file_name(kind).trim_end_matches(".json").to_owned(), text(&model::schema::schema(kind))?));
    }
    let others = [
        ("plan.v1", plan::render::json::schema()),
        ("comparison.v1", comparison::schema()),
        ("world.v1alpha1", sim::world::file::schema()),
        ("faults.v1alpha1", sim::script::schema()),
    ];
    for (name, schema) in others {
        all.push((name.to_owned(), text(&schema)?));
    }
    Ok(all)
}

fn text(schema: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(schema).context("cannot write the schema")
}
