//! What was tried on a machine, for people: a line each, with what to do about trouble below it.
//!
//! Guarantees: no line is wider than a terminal. Deliberately absent: what was tried.

use hyperv::probe::{Finding, Outcome};

use crate::fit::wrapped;
use crate::paint::Paint;

/// The width of a line.
pub const WIDTH: usize = 76;
/// Where a line's text begins, after mark and subject.
const TEXT: usize = 25;

/// A finding in lines.
#[must_use]
pub fn lines(finding: &Finding, paint: Paint) -> Vec<String> {
    let (mark, detail, advice) = match &finding.outcome {
        Outcome::Works { detail } => (paint.good("ok     "), detail.as_str(), None),
        Outcome::Absent { detail } => (paint.faint("absent "), detail.as_str(), None),
        Outcome::Trouble { cause, advice } => (paint.bad("trouble"), cause.as_str(), Some(advice)),
        Outcome::NotTried { because } => (paint.caution("skipped"), *because, None),
    };
    let mut lines = Vec::new();
    for (index, line) in wrapped(detail, WIDTH - TEXT).into_iter().enumerate() {
        let head = if index == 0 { format!("{mark}  {:<15} ", finding.subject) } else { " ".repeat(TEXT) };
        lines.push(format!("{head}{line}"));
    }
    let advice = advice.map(|advice| wrapped(advice, WIDTH - TEXT - 3)).unwrap_or_default();
    let arrow = |index: usize| if index == 0 { "-> " } else { "   " };
    lines.extend(advice.iter().enumerate().map(|(index, line)| format!("{}{}{line}", " ".repeat(TEXT), arrow(index))));
    lines
}
