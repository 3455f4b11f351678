//! What the Rego parser and compiler say, as diagnostics with a place.

use std::sync::Arc;

use model::diagnostic::{Code, Diagnostic, Place, Refuses};
use model::snapshot::PolicyFile;

/// A diagnostic about a policy file. `said` is what regorus says: a picture of the line with `file:line:column` above it and
/// `error: …` below, or a bare sentence.
pub(crate) fn faulty(file: &PolicyFile, said: &str) -> Diagnostic {
    let (line, shown) = place_in(said, &file.path).unwrap_or((1, 1));
    let source_line = usize::try_from(line).ok().and_then(|line| file.text.lines().nth(line.saturating_sub(1)));
    let column = source_line.map_or(1, |text| character_at(text, shown));
    // A tab is one character and has no width of its own: a blank keeps the caret where it belongs.
    let source_line = source_line.map(|text| text.replace('\t', " "));
    let length = if place_in(said, &file.path).is_some() { 1 } else { 0 };
    Diagnostic {
        place: Place { file: Arc::clone(&file.path), line, column, length },
        code: Code::FaultyPolicy,
        severity: Code::FaultyPolicy.severity(),
        message: message_of(said),
        expected: None,
        hint: Some("until it is mended, planned work is denied everywhere".to_owned()),
        related: Vec::new(),
        refuses: Refuses::Nothing,
        source_line,
    }
}

/// The same for a rule of ours that Rego does not have.
pub(crate) fn misplaced(file: &PolicyFile, message: String, hint: &str) -> Diagnostic {
    let line = file.text.lines().position(|line| line.starts_with("package")).unwrap_or_default();
    let at = format!("--> {}:{}:1\nerror: {message}", file.path, line + 1);
    Diagnostic { hint: Some(hint.to_owned()), ..faulty(file, &at) }
}

/// The character that stands in a column as regorus counts them: a tab is four.
fn character_at(text: &str, shown: u32) -> u32 {
    let mut width = 0;
    let mut characters = 1;
    for c in text.chars() {
        width += if c == '\t' { 4 } else { 1 };
        if width >= shown {
            break;
        }
        characters += 1;
    }
    characters
}

fn place_in(said: &str, path: &str) -> Option<(u32, u32)> {
    let (_, rest) = said.split_once(&format!("{path}:"))?;
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn message_of(said: &str) -> String {
    let after = said.rsplit_once("error: ").map_or(said, |(_, message)| message);
    let line = after.trim().lines().next().unwrap_or("the policy cannot be read").trim_end_matches('.');
    line.chars().filter(|c| !c.is_control()).take(300).collect()
}
