//! Diagnostics as text (in the manner of rustc) and as JSON.
//!
//! Guarantees: the text is the same for the same diagnostics; control characters of a file are shown, never sent to a terminal.

use std::fmt;

use super::{Diagnostic, Place, Refuses, Severity};

/// Longest part of a source line that is shown; the rest is cut at both ends of the caret.
const WIDTH: usize = 110;

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}[{}]: {}", self.severity, self.code, Shown(&self.message))?;
        let margin = digits(self.related.iter().map(|related| related.place.line).chain([self.place.line]).max().unwrap_or(1));
        let label = self.expected.as_ref().map(|expected| format!("expected {expected}")).unwrap_or_default();
        snippet(f, &self.place, self.source_line.as_deref(), &Caret { margin, mark: '^', label: &label })?;
        for related in &self.related {
            let caret = Caret { margin, mark: '-', label: &related.message };
            snippet(f, &related.place, related.source_line.as_deref(), &caret)?;
        }
        if let Some(hint) = &self.hint {
            writeln!(f, "{:margin$} = hint: {}", "", Shown(hint))?;
        }
        match &self.refuses {
            Refuses::Nothing => Ok(()),
            Refuses::Everything => writeln!(f, "{:margin$} = refuses: every appliance", ""),
            Refuses::Sites(sites) => {
                let names: Vec<String> = sites.iter().map(|site| format!("`{}`", Shown(site))).collect();
                let noun = if names.len() == 1 { "site" } else { "sites" };
                writeln!(f, "{:margin$} = refuses: {noun} {}", "", names.join(", "))
            }
        }
    }
}

struct Caret<'a> {
    margin: usize,
    mark: char,
    label: &'a str,
}

fn snippet(f: &mut fmt::Formatter<'_>, place: &Place, line: Option<&str>, caret: &Caret<'_>) -> fmt::Result {
    let margin = caret.margin;
    writeln!(f, "{:margin$}--> {place}", "")?;
    let Some(line) = line.filter(|_| place.length > 0) else {
        return if caret.label.is_empty() { Ok(()) } else { writeln!(f, "{:margin$} = {}", "", Shown(caret.label)) };
    };
    let column = place.column.saturating_sub(1) as usize;
    let skipped = (column + place.length as usize + 20).saturating_sub(WIDTH).min(column);
    let shown: String = line.chars().skip(skipped).take(WIDTH).map(visible).collect();
    let room = shown.chars().count().saturating_sub(column - skipped).max(1);
    let length = (place.length as usize).clamp(1, room);
    let marks: String = std::iter::repeat_n(caret.mark, length).collect();
    writeln!(f, "{:margin$} |", "")?;
    writeln!(f, "{:>margin$} | {shown}", place.line)?;
    let pad = column - skipped;
    writeln!(f, "{}", format!("{:margin$} | {:pad$}{marks} {}", "", "", Shown(caret.label)).trim_end())?;
    writeln!(f, "{:margin$} |", "")
}

fn digits(number: u32) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

fn visible(c: char) -> char {
    match c {
        '\t' => '→',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| fmt::Write::write_char(f, visible(c)))
    }
}

/// All of them, and a last line that counts; empty when there are none.
pub fn render_all(diagnostics: &[Diagnostic]) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        text.push_str(&diagnostic.to_string());
        text.push('\n');
    }
    let errors = diagnostics.iter().filter(|one| one.severity == Severity::Error).count();
    let warnings = diagnostics.len() - errors;
    let counted = |count: usize, noun: &str| match count {
        0 => None,
        1 => Some(format!("1 {noun}")),
        _ => Some(format!("{count} {noun}s")),
    };
    let parts: Vec<String> = [counted(errors, "error"), counted(warnings, "warning")].into_iter().flatten().collect();
    if !parts.is_empty() {
        text.push_str(&parts.join(", "));
        text.push('\n');
    }
    text
}

/// All of them as a JSON list.
pub fn to_json(diagnostics: &[Diagnostic]) -> serde_json::Value {
    // A diagnostic holds text and numbers only, so there is nothing that JSON cannot say.
    serde_json::to_value(diagnostics).unwrap_or(serde_json::Value::Null)
}
