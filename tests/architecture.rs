//! House rules, as tests: who may depend on whom, how a file begins, how long it may be, and what must be current.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sim::world::{World, WorldFile};

use crate::support::binary::Line;
use crate::support::example::Example;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The walls: crate, and the crates of ours that it may know.
const EDGES: [(&str, &[&str]); 9] = [
    ("model", &[]),
    ("wsman", &[]),
    ("plan", &["model"]),
    ("policy", &["model", "plan"]),
    ("source", &["model"]),
    ("sim", &["wsman"]),
    ("hyperv", &["model", "plan", "wsman"]),
    ("engine", &["hyperv", "model", "plan", "policy", "wsman"]),
    ("cli", &["engine", "hyperv", "model", "plan", "policy", "sim", "source", "wsman"]),
];

/// Crates that `plan` and `model` must never reach: whoever can do I/O or tell the time.
const IMPURE: [&str; 8] = ["tokio", "hyper", "git2", "notify", "rustls", "tracing", "rand", "fs4"];

fn root() -> PathBuf {
    PathBuf::from(ROOT)
}

fn files_below(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_none_or(|name| name != "target" && name != "corpus") {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn dependencies(crate_name: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("agent").join(crate_name).join("Cargo.toml")).unwrap();
    text.lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| Some(line.split(['.', ' ', '=']).next()?.to_owned()))
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .collect()
}

#[test]
fn crates_depend_only_on_the_crates_below_them() {
    let ours: BTreeSet<&str> = EDGES.iter().map(|(name, _)| *name).collect();
    let on_disk: BTreeSet<String> = std::fs::read_dir(root().join("agent"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("Cargo.toml").exists())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert_eq!(on_disk, ours.iter().map(|name| (*name).to_owned()).collect(), "a crate is missing from the table of walls");
    for (name, allowed) in EDGES {
        let used: BTreeSet<String> = dependencies(name).into_iter().filter(|dependency| ours.contains(dependency.as_str())).collect();
        let allowed: BTreeSet<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
        let too_many: Vec<_> = used.difference(&allowed).collect();
        assert!(too_many.is_empty(), "`{name}` reaches through a wall to {too_many:?}");
    }
}

#[test]
fn the_pure_crates_cannot_do_io() {
    for name in ["model", "plan"] {
        let reached: Vec<_> = dependencies(name).into_iter().filter(|dependency| IMPURE.contains(&dependency.as_str())).collect();
        assert!(reached.is_empty(), "`{name}` is pure and must not depend on {reached:?}");
    }
}

#[test]
fn every_file_opens_with_its_duty() {
    let silent: Vec<_> = ["agent", "tests"]
        .iter()
        .flat_map(|directory| files_below(&root().join(directory), "rs"))
        .filter(|file| !std::fs::read_to_string(file).unwrap().starts_with("//! "))
        .collect();
    assert!(silent.is_empty(), "these files do not open with `//!`: {silent:#?}");
}

#[test]
fn no_file_outgrows_a_room() {
    const CAP: usize = 600;
    let too_long: BTreeMap<_, _> = files_below(&root().join("agent"), "rs")
        .into_iter()
        .filter(|file| !file.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs" | "benches"))))
        .map(|file| {
            let text = std::fs::read_to_string(&file).unwrap();
            let lines = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
            (file, lines)
        })
        .filter(|(_, lines)| *lines > CAP)
        .collect();
    assert!(too_long.is_empty(), "these files have more than {CAP} lines before their tests: {too_long:#?}");
}

#[test]
fn the_top_level_is_what_the_design_says() {
    let expected: BTreeSet<&str> = [
        "Cargo.toml",
        "Cargo.lock",
        "agent",
        "schemas",
        "examples",
        "tests",
        "policies",
        "README.md",
        "CHANGELOG.md",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "deny.toml",
        "rust-toolchain.toml",
        "rustfmt.toml",
    ]
    .into();
    let found: BTreeSet<String> = std::fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.') && name != "target")
        .collect();
    assert_eq!(found, expected.into_iter().map(str::to_owned).collect());
}

#[test]
fn no_test_module_is_forgotten() {
    let main = std::fs::read_to_string(root().join("tests/main.rs")).unwrap();
    let forgotten: Vec<_> = std::fs::read_dir(root().join("tests"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "rs") && path.file_stem().is_some_and(|stem| stem != "main"))
        .filter(|path| !main.contains(&format!("mod {};", path.file_stem().unwrap().to_str().unwrap())))
        .collect();
    assert!(forgotten.is_empty(), "tests/main.rs does not name {forgotten:?}");
}

#[test]
fn every_example_is_valid_and_has_a_world() {
    for example in Example::ALL {
        let snapshot = source::read_directory(&example.directory()).unwrap();
        assert!(snapshot.diagnostics.is_empty(), "{}:\n{}", example.name(), model::diagnostic::render_all(&snapshot.diagnostics));
        assert!(!snapshot.desired.is_empty());
        let world = World::from_file(WorldFile::parse(&example.world_text()).unwrap()).unwrap();
        let reached: BTreeSet<_> = world.endpoints().into_iter().map(|endpoint| endpoint.address.to_string()).collect();
        for desired in snapshot.desired.values() {
            assert!(reached.contains(&desired.host.address), "{}: no host is simulated at {}", example.name(), desired.host.address);
        }
    }
    let on_disk: BTreeSet<_> = std::fs::read_dir(root().join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(on_disk, Example::ALL.iter().map(|example| example.name().to_owned()).collect(), "an example that no test knows");
}

/// A worker that panics leaves the others running; a profile that aborts would have it end them all, in what ships and in no test.
#[test]
fn what_ships_survives_a_panic() {
    let aborts: Vec<_> = files_below(&root(), "toml")
        .into_iter()
        .filter(|file| std::fs::read_to_string(file).unwrap().lines().any(|line| line.replace(' ', "").starts_with("panic=\"abort\"")))
        .collect();
    assert!(aborts.is_empty(), "these have a panic end the process: {aborts:?}");
}

/// Whoever prints past the one thread that writes waits for its reader, and panics when it cannot write.
#[test]
fn the_command_line_tells_by_its_teller_only() {
    let sources = files_below(&root().join("agent"), "rs");
    let loud: Vec<_> = sources
        .into_iter()
        .filter(|file| file.components().any(|part| part.as_os_str() == "src"))
        .filter(|file| {
            let text = std::fs::read_to_string(file).unwrap();
            text.lines().any(|line| ["print!(", "println!("].iter().any(|print| line.contains(print)))
        })
        .collect();
    assert!(loud.is_empty(), "these print by themselves: {loud:?}");
}

/// The directory is what `trunkline schema` prints, all of it.
#[test]
fn the_schemas_are_current() {
    let printed = |arguments: &[&str]| Line::new(&root(), arguments).run().well();
    let names = printed(&["schema"]);
    let wanted: BTreeMap<String, String> = names.lines().map(|name| (format!("{name}.json"), printed(&["schema", name]))).collect();
    let directory = root().join("schemas");
    if updating() {
        wanted.iter().for_each(|(name, schema)| std::fs::write(directory.join(name), schema).unwrap());
    }
    let kept: BTreeSet<String> =
        std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(kept, wanted.keys().cloned().collect(), "run with UPDATE_GOLDEN=1, and remove what is no schema of ours");
    for (name, schema) in &wanted {
        let found = std::fs::read_to_string(directory.join(name)).unwrap();
        assert!(found == *schema, "schemas/{name} is stale: run with UPDATE_GOLDEN=1");
    }
}

/// A golden file belongs to a test that is there: a snapshot to a function, an expected text to a faulty repository.
#[test]
fn no_golden_is_an_orphan() {
    let tests: String = ["agent", "tests"]
        .iter()
        .flat_map(|directory| files_below(&root().join(directory), "rs"))
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    let orphans: Vec<_> = files_below(&root().join("agent"), "snap")
        .into_iter()
        .filter(|file| {
            let stem = file.file_stem().unwrap().to_str().unwrap();
            let name = stem.rsplit("__").next().unwrap();
            !tests.contains(&format!("fn {name}(")) && !tests.contains(&format!("\"{name}\""))
        })
        .collect();
    assert!(orphans.is_empty(), "no test writes {orphans:#?}");
    let faulty = root().join("tests/fixtures/manifests-invalid");
    for entry in std::fs::read_dir(&faulty).unwrap() {
        let directory = entry.unwrap().path();
        let files = std::fs::read_dir(&directory).unwrap().count();
        assert!(directory.join("expected.txt").exists(), "{} has no golden text", directory.display());
        assert!(files > 1, "{} has a golden text and nothing that is faulty", directory.display());
    }
}

/// Whether golden files are to be written anew.
#[expect(clippy::disallowed_methods, reason = "the one switch that people turn to renew golden files")]
pub fn updating() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}
