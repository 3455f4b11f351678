//! The table of rules: written from the rules themselves, and proved by running them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::FILES;
use crate::architecture::updating;
use crate::support::binary::Line;
use crate::support::example::root;

/// Fewer rules than this would be a step back.
const LEAST: usize = 400;

/// The sections of DSP0226 that MS-WSMV itself refers to for the same matter. The others that are cited here are from memory.
const CONFIRMED: [&str; 23] = [
    "5.1.2", "5.1.2.2", "5.4.3", "5.4.4", "6.1", "6.2", "6.4", "7.4", "7.4-7.6", "7.5", "7.6", "7.7", "8.2.3", "8.3", "8.4", "8.5", "10.2",
    "10.2.5", "10.2.6", "10.2.9.1", "11", "13.1", "14.6",
];

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

/// The sections of DSP0226 that are cited and that nothing at hand confirms.
fn remembered() -> BTreeSet<&'static str> {
    let cited = FILES.iter().flat_map(|(.., rules)| rules.iter()).flat_map(|rule| rule.source.split([',', ';']).map(str::trim));
    // A source may be followed by more sections of its own.
    let mut document = "";
    let sections = cited.filter_map(|part| {
        let (named, section) = part.split_once(' ').unwrap_or((document, part));
        let is_section = section.starts_with(|first: char| first.is_ascii_digit()) || section.starts_with("Annex");
        document = if part.contains(' ') && is_section { named } else { document };
        (document == "DSP0226" && is_section).then_some(section)
    });
    sections.filter(|section| !CONFIRMED.contains(section) && !section.starts_with("Annex E")).collect()
}

fn table() -> String {
    let rules: usize = FILES.iter().map(|(.., rules)| rules.len()).sum();
    let remembered = remembered().into_iter().collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "# What the wire is held to\n\n\
         {rules} rules. Each is tried by two tests: `holds` keeps it and is accepted, `breaking_it_is_refused` breaks it and is refused, \
         or, where the rule is\nabout what is said, spoils what was said and sees that it is noticed. Written from `tests/conformance/*.rs`; \
         do not edit\n(`UPDATE_GOLDEN=1 cargo test --test e2e the_table_is_current`).\n\n\
         Sources: MS-WSMV and MS-WMI are Microsoft's open specifications, <n> a note of their appendix on what each Windows does; DSP0226, \
         DSP0227 and DSP0230\nare DMTF's; a capture is a recorded exchange (`tests/fixtures/wire`, and answers of real hosts); a code is one \
         of Windows's own numbers; field notes are what\npeople wrote down who ran it against Windows, and are to be seen again on the first \
         real host.\n\n\
         Not every section was at hand. Those of MS-WSMV were read; those of DSP0226 are as MS-WSMV refers to them, but for {remembered},\n\
         which are from memory, as all of DSP0227 and DSP0230 are: there the rule is meant, and its number may be that of a neighbour.\n"
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
