//! The table of rules: written from the rules themselves, and proved by running them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::FILES;
use crate::architecture::updating;
use crate::support::binary::Line;
use crate::support::example::root;

/// Fewer rules than this would be a step back.
const LEAST: usize = 150;

/// Both tests of a rule.
const CASES: [&str; 2] = ["holds", "breaking_it_is_refused"];

#[test]
fn the_table_is_current() {
    let path = root().join("tests/conformance.md");
    let wanted = table();
    if updating() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "tests/conformance.md is stale: run with UPDATE_GOLDEN=1");
    let rules: usize = FILES.iter().map(|(.., rules)| rules.len()).sum();
    assert!(rules >= LEAST, "{rules} rules");
}

/// Runs this very binary: a rule whose test was ignored, filtered out, renamed or failed is not in what it prints.
#[test]
fn every_rule_was_tried_both_ways() {
    let binary = std::env::current_exe().unwrap();
    let arguments = ["conformance::", "--skip", "conformance::table", "--test-threads", "4"];
    let done = Line::of(&binary, &root(), arguments).run();
    let results: BTreeMap<&str, &str> = done
        .out
        .lines()
        .filter_map(|line| line.strip_prefix("test ")?.rsplit_once(" ... "))
        .map(|(name, result)| (name.trim_end_matches(" - should panic"), result))
        .collect();
    let named: BTreeSet<String> = FILES
        .iter()
        .flat_map(|(file, _, rules)| rules.iter().map(move |rule| format!("conformance::{file}::{}", rule.name)))
        .flat_map(|rule| CASES.map(|case| format!("{rule}::{case}")))
        .collect();
    for name in &named {
        assert_eq!(results.get(name.as_str()), Some(&"ok"), "{name}\n{}{}", done.out, done.err);
    }
    let nowhere: Vec<_> = results.keys().filter(|name| CASES.iter().any(|case| name.ends_with(case)) && !named.contains(**name)).collect();
    assert!(nowhere.is_empty(), "`FILES` does not list the files of {nowhere:?}");
}

fn table() -> String {
    let rules: usize = FILES.iter().map(|(.., rules)| rules.len()).sum();
    let mut text = format!(
        "# What the wire is held to\n\n\
         {rules} rules. Each is tried by two tests: `holds` keeps it and is accepted, `breaking_it_is_refused` breaks it and is refused. \
         Written from `tests/conformance/*.rs`;\ndo not edit (`UPDATE_GOLDEN=1 cargo test --test e2e the_table_is_current`).\n\n\
         Sources: MS-WSMV and MS-WMI are Microsoft's open specifications, <n> a note of their appendix on what each Windows does; DSP0226, \
         DSP0227 and DSP0230\nare DMTF's; a capture is a recorded exchange (`tests/fixtures/wire`, and answers of real hosts); a code is one \
         of Windows's own numbers; field notes are what\npeople wrote down who ran it against Windows, and are to be seen again on the first \
         real host.\n"
    );
    for (file, about, rules) in FILES {
        let _ = write!(text, "\n## {about}\n\n| rule | source | test |\n|---|---|---|\n");
        for rule in rules {
            let sentence = rule.sentence.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
            let _ = writeln!(text, "| {sentence} | {} | `{file}::{}` |", rule.source, rule.name);
        }
    }
    text
}
