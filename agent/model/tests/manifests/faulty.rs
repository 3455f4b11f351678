//! What a faulty repository is told.
//!
//! Each directory below `tests/fixtures/manifests-invalid` is named `<code>-<shape>` and holds the files that differ from
//! `manifests-base` (an empty `<name>.removed.yaml` takes one away, `<name>.padded.yaml` holds how many bytes of comment are put at
//! the end of one) and `expected.txt`, the rendered diagnostics. What is told by whoever reads trees or policies, before there is a
//! document, has policies or a `tree.json`, and is held to its golden text by `tests/trees.rs`.

use std::collections::BTreeMap;
use std::path::Path;

use trunkline_model::diagnostic::{Code, Diagnostic, Severity, render_all, to_json};
use trunkline_model::validate::Assembler;

use crate::support::{Files, assemble, base, fixtures, parse, read};

fn cases() -> BTreeMap<String, Files> {
    let root = fixtures().join("manifests-invalid");
    let mut cases = BTreeMap::new();
    for entry in std::fs::read_dir(&root).unwrap() {
        let path = entry.unwrap().path();
        if is_of_the_tree(&path) {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut files = base();
        for (file, bytes) in read(&path) {
            if file.ends_with(".removed.yaml") {
                assert!(files.remove(&file.replace(".removed.yaml", ".yaml")).is_some(), "{name}: {file} removes nothing");
            } else if file.ends_with(".padded.yaml") {
                let padded = files.get_mut(&file.replace(".padded.yaml", ".yaml")).unwrap();
                let length: usize = std::str::from_utf8(&bytes).unwrap().trim().parse().unwrap();
                padded.extend(std::iter::repeat_n(*b"# padding\n", length / 10).flatten());
            } else {
                files.insert(file, bytes);
            }
        }
        cases.insert(name, files);
    }
    cases
}

/// Whether no manifest shows the fault.
fn is_of_the_tree(directory: &Path) -> bool {
    directory.join("tree.json").exists() || directory.join("policies").exists()
}

fn intended(name: &str) -> Code {
    Code::find(&name[..5].to_uppercase()).unwrap_or_else(|| panic!("{name} begins with no code"))
}

fn found(files: &Files) -> Vec<Diagnostic> {
    assemble(files).diagnostics.to_vec()
}

/// `UPDATE_GOLDEN=1` writes what differs.
#[test]
fn every_faulty_repository_is_told_what_its_golden_text_says() {
    let update = crate::support::update_golden();
    let mut stale = Vec::new();
    for (name, files) in cases() {
        let rendered = render_all(&found(&files));
        let path = fixtures().join("manifests-invalid").join(&name).join("expected.txt");
        if update {
            std::fs::write(&path, &rendered).unwrap();
        }
        if std::fs::read_to_string(&path).unwrap_or_default() != rendered {
            stale.push(name);
        }
    }
    assert!(stale.is_empty(), "stale golden texts (run with UPDATE_GOLDEN=1, then read the difference): {stale:?}");
}

#[test]
fn every_faulty_repository_shows_the_one_code_that_it_is_meant_for() {
    let mut wrong = Vec::new();
    for (name, files) in cases() {
        let code = intended(&name);
        let found = found(&files);
        // A count of faults that are not shown stands beside those that are.
        let counted = |one: &Diagnostic| code == Code::TooManyFaults && one.code == Code::Alias;
        if !found.iter().any(|one| one.code == code) || found.iter().any(|one| one.code != code && !counted(one)) {
            wrong.push(format!("{name}: {:?}", found.iter().map(|one| format!("{} {}", one.code, one.message)).collect::<Vec<_>>()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_code_has_a_faulty_repository() {
    let directories = std::fs::read_dir(fixtures().join("manifests-invalid")).unwrap();
    let names: Vec<String> = directories.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let lacking: Vec<&str> =
        Code::ALL.iter().filter(|code| names.iter().all(|name| intended(name) != **code)).map(|code| code.as_str()).collect();
    assert!(lacking.is_empty(), "no fixture for {lacking:?}");
    assert!(names.len() >= 120, "{} fixtures", names.len());
}

#[test]
fn an_error_refuses_somebody_and_a_warning_nobody() {
    for (name, files) in cases() {
        let assembled = assemble(&files);
        let errors = assembled.diagnostics.iter().any(|one| one.severity == Severity::Error);
        assert_eq!(assembled.complete, !errors, "{name}");
        assert_eq!(intended(&name).severity() == Severity::Error, errors, "{name}");
        for (appliance, why) in assembled.refused.iter() {
            assert!(!why.is_empty(), "{name}: {appliance} is refused without a reason");
            assert!(!assembled.desired.contains_key(appliance), "{name}: {appliance} is refused and wished");
        }
    }
}

#[test]
fn assembling_one_after_the_other_finds_the_same_as_assembling_anew() {
    let mut assembler = Assembler::new("0.1.0");
    for (name, files) in cases() {
        let (again, anew) = (assembler.assemble(parse(&files)), assemble(&files));
        assert_eq!(again.diagnostics, anew.diagnostics, "{name}");
        assert_eq!(again.desired, anew.desired, "{name}");
        assert_eq!(again.refused, anew.refused, "{name}");
    }
}

#[test]
fn a_fault_of_a_site_does_not_hide_what_else_is_wrong_there() {
    let site = "sites/seattle/site.yaml";
    let mut files = base();
    for (from, to) in [("directory:", "direktory:"), ("country: US", "country: NO"), ("192.168.1.0/24", "192.168.2.0/24")] {
        let text = String::from_utf8(files[site].clone()).unwrap();
        assert!(text.contains(from));
        files.insert(site.into(), text.replace(from, to).into_bytes());
    }
    let assembled = assemble(&files);
    let mut codes: Vec<Code> = assembled.diagnostics.iter().map(|found| found.code).collect();
    codes.dedup();
    assert_eq!(codes, [Code::AddressOutside, Code::UnknownKey, Code::GatewayOutside, Code::UnquotedBoolean]);
    assert_eq!(assembled.desired.keys().map(ToString::to_string).collect::<Vec<_>>(), ["spk-1"]);
}

#[test]
fn a_link_out_of_the_repository_is_refused() {
    let mut parsed = parse(&base());
    parsed.push(trunkline_model::resolve::ParsedFile::link_outside("sites/evil.yaml", "/etc/passwd").into());
    let assembled = Assembler::new("0.1.0").assemble(parsed);
    insta::assert_snapshot!(render_all(&assembled.diagnostics), @"
    error[TL013]: the link leads to `/etc/passwd`, outside the repository
     --> sites/evil.yaml:1:1
      = hint: put the file itself into the repository
      = refuses: every appliance

    1 error
    ");
}

#[test]
fn diagnostics_are_json_too() {
    let files = crate::support::patched("sites/seattle/sea-1.yaml", "size: normal", "sizes: normal");
    let json = serde_json::to_string_pretty(&to_json(&found(&files))).unwrap();
    insta::assert_snapshot!(json, @r#"
    [
      {
        "code": "TL035",
        "expected": "one of `site`, `maintenance`, `release`, `size`, `mode`, `host`, `guests`, `networks`, `roles`, `settings`, `certificates`, `windows`, … (21 in all)",
        "hint": "did you mean `size`?",
        "message": "the key `sizes` is not known here",
        "place": {
          "column": 3,
          "file": "sites/seattle/sea-1.yaml",
          "length": 5,
          "line": 7
        },
        "refuses": {
          "sites": [
            "seattle"
          ]
        },
        "related": [],
        "severity": "error",
        "sourceLine": "  sizes: normal"
      }
    ]
    "#);
}
