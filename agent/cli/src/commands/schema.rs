//! `trunkline schema`: the JSON Schemas, as they lie in `schemas/`.

use model::manifest::DocumentKind;
use serde_json::Value;

use crate::args::Schema;
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
    console.line(&serde_json::to_string_pretty(schema).context("cannot write the schema")?);
    Ok(Ending::Done)
}

fn all() -> Result<Vec<(String, Value)>, Failure> {
    let mut all: Vec<_> = DocumentKind::ALL
        .into_iter()
        .map(|kind| (model::schema::file_name(kind).trim_end_matches(".json").to_owned(), model::schema::schema(kind)))
        .collect();
    all.push(("plan.v1".to_owned(), serde_json::to_value(plan::render::json::schema()).context("cannot write the schema")?));
    all.push(("world.v1alpha1".to_owned(), serde_json::to_value(sim::world::file::schema()).context("cannot write the schema")?));
    Ok(all)
}
