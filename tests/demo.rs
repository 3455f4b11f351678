//! `trunkline demo --once`: the tour that a person sees first.

use crate::support::binary::{Line, redacted};

/// Columns of a terminal that nobody has made wider.
const COLUMNS: usize = 80;

#[test]
fn the_tour_ends_well_reads_well_and_leaves_nothing_behind() {
    let place = tempfile::tempdir().unwrap();
    let temporary = place.path().join("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let done = Line::new(place.path(), ["demo", "--once"]).with("TMPDIR", temporary.to_str().unwrap()).run();
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);

    let is_heading = |line: &&str| line.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok());
    let headings: Vec<_> = done.out.lines().filter(is_heading).collect();
    insta::assert_snapshot!(headings.join("\n"), @"
    1. Two bare hosts, one commit: both appliances are installed, leader first
    2. A second look: nothing to do
    3. A commit: sea-1's mediation gets 4 processors instead of 2
    4. Drift: four accidents on sea-1, each found and repaired
    5. And again: nothing to do
    ");
    for line in ["no changes", "repaired after", "processors"] {
        assert!(done.out.contains(line), "`{line}` is not told:\n{}", done.out);
    }
    let left: Vec<_> = std::fs::read_dir(&temporary).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?} stay behind");

    // The path of the repository is as long as the temporary directory's. What happens is told on standard error: in whole lines
    // in a pipe, wrapped on a terminal.
    let wide: Vec<_> = done.out.lines().filter(|line| line.chars().count() > COLUMNS).collect();
    let wide: Vec<_> = wide.into_iter().filter(|line| !redacted(line, place.path()).contains("<here>")).collect();
    assert!(wide.is_empty(), "wider than {COLUMNS} columns:\n{}", wide.join("\n"));
}
