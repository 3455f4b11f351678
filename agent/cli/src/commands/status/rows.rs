//! The table of `trunkline status`: a row an appliance.
//!
//! Guarantees: pure; a column is as wide as what stands in it, and on a terminal names and revisions are shortened so that a row stays one.
//! Deliberately absent: colour, and what stands below a row.

use engine::status::ApplianceStatus;
use model::condition::{ConditionKind, Posture, Truth};

use crate::fit::{columns, shortened};

/// Name, readiness, posture, revision, time of the last look.
pub type Row = [String; 5];

/// Shorter than this no name and no revision gets.
const LEAST: usize = 12;
const NAME: usize = 0;
const REVISION: usize = 3;

/// The heads of the columns.
#[must_use]
pub fn head() -> Row {
    ["APPLIANCE", "READY", "POSTURE", "REVISION", "SEEN"].map(str::to_owned)
}

/// The row of an appliance.
#[must_use]
pub fn row(status: &ApplianceStatus) -> Row {
    let ready = match status.condition(ConditionKind::Ready).map(|condition| condition.status) {
        Some(Truth::True) => "yes",
        Some(Truth::False) => "no",
        Some(Truth::Unknown) if status.is_let_go() => "gone",
        Some(Truth::Unknown) | None => "unknown",
    };
    let posture = match &status.posture {
        // An earlier version of the agent kept what it had seen last.
        Some(_) if status.is_let_go() => "unknown",
        None => "unknown",
        Some(Posture::Serving) => "serving",
        Some(Posture::Maintenance) => "maintenance",
        Some(Posture::Degraded(_)) => "degraded",
        Some(Posture::Down(_)) => "down",
    };
    let revision = status.last_applied.as_ref().map_or_else(|| "never".to_owned(), |revision| format!("{revision:#}"));
    let seen = status.observed_at.map_or_else(|| "never".to_owned(), |at| format!("{at:.0}"));
    [status.appliance.to_string(), ready.to_owned(), posture.to_owned(), revision, seen]
}

/// Makes the cells of each column equally wide, all of them together at most `most`, as far as that goes.
pub fn align(rows: &mut [Row], most: usize) {
    let mut widths = [0; 5];
    for row in rows.iter() {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = columns(cell).max(*width);
        }
    }
    for column in [REVISION, NAME] {
        let excess = (widths.iter().sum::<usize>() + widths.len() - 1).saturating_sub(most);
        widths[column] = widths[column].saturating_sub(excess).max(LEAST.min(widths[column]));
    }
    for row in rows.iter_mut() {
        for (cell, width) in row.iter_mut().zip(widths) {
            *cell = format!("{:<width$}", shortened(cell, width));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(name: &str, revision: &str, most: usize) -> String {
        let cells = [name, "no", "maintenance", revision, "2026-03-01T19:01:00Z"].map(str::to_owned);
        let mut rows = [head(), cells];
        align(&mut rows, most);
        rows.map(|row| row.join(" ").trim_end().to_owned()).join("\n")
    }

    #[test]
    fn a_row_of_long_names_stays_within_a_terminal_of_80_columns() {
        let (name, revision) = ("contoso-seattle-harbour-1", "release-candidates@0fada4ab1a67");
        insta::assert_snapshot!(rows("sea-1", "main@0fada4ab1a67", 80), @"
        APPLIANCE READY POSTURE     REVISION          SEEN
        sea-1     no    maintenance main@0fada4ab1a67 2026-03-01T19:01:00Z
        ");
        insta::assert_snapshot!(rows(name, revision, 80), @"
        APPLIANCE                 READY POSTURE     REVISION        SEEN
        contoso-seattle-harbour-1 no    maintenance releas...ab1a67 2026-03-01T19:01:00Z
        ");
        assert!(rows(name, revision, 80).lines().all(|row| row.len() <= 80));
        assert!(rows(name, revision, usize::MAX).ends_with(&format!("{name} no    maintenance {revision} 2026-03-01T19:01:00Z")));
    }
}
