//! What is told of a tree that holds more than manifests: links, submodules, odd names, policies.
//!
//! Each directory below `tests/fixtures/manifests-invalid` that has policies or a `tree.json` is laid over `manifests-base`, committed, and
//! checked as a person would. `tree.json` says what lies in no work tree of ours: `links` (path and target), `files` (path and text) and
//! `submodules` (paths). All the others are told by the model's own tests (`faulty`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::architecture::updating;
use crate::support::binary::Line;
use crate::support::example::root;

/// Makes a repository of a directory, by git itself: libgit2 commits no submodule like this.
fn commit(directory: &Path) {
    let commit = ["-c", "user.name=Trunkline", "-c", "user.email=trunkline@localhost", "commit", "--quiet", "--allow-empty", "-m", "all"];
    for arguments in [&["init", "--quiet", "--initial-branch", "main"][..], &["add", "--all"], &commit] {
        Line::of(Path::new("git"), directory, arguments).run().well();
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Tree {
    links: BTreeMap<PathBuf, PathBuf>,
    files: BTreeMap<PathBuf, String>,
    submodules: Vec<PathBuf>,
}

fn lay(from: &Path, over: &Path) {
    std::fs::create_dir_all(over).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() {
            lay(&path, &over.join(name));
        } else if name != "tree.json" && name != "expected.txt" {
            std::fs::copy(&path, over.join(name)).unwrap();
        }
    }
}

impl Tree {
    fn grow(&self, root: &Path) {
        let place = |path: &Path| {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            path
        };
        self.links.iter().for_each(|(path, target)| std::os::unix::fs::symlink(target, place(path)).unwrap());
        self.files.iter().for_each(|(path, text)| std::fs::write(place(path), text).unwrap());
        for path in &self.submodules {
            // A repository inside of a work tree is committed as a submodule.
            let path = place(path);
            std::fs::create_dir(&path).unwrap();
            commit(&path);
        }
    }
}

/// `UPDATE_GOLDEN=1` writes what differs.
#[test]
fn every_tree_that_holds_what_it_must_not_is_told_what_its_golden_text_says() {
    let fixtures = root().join("tests/fixtures");
    let mut codes = Vec::new();
    let mut stale = Vec::new();
    for entry in std::fs::read_dir(fixtures.join("manifests-invalid")).unwrap() {
        let directory = entry.unwrap().path();
        let tree = directory.join("tree.json");
        if !tree.exists() && !directory.join("policies").exists() {
            continue;
        }
        let here = tempfile::tempdir().unwrap();
        let fleet = here.path().join("fleet");
        lay(&fixtures.join("manifests-base"), &fleet);
        lay(&directory, &fleet);
        let tree: Tree = std::fs::read(&tree).map(|text| serde_json::from_slice(&text).unwrap()).unwrap_or_default();
        tree.grow(&fleet);
        commit(&fleet);

        let told = Line::new(here.path(), ["validate", "fleet", "--ref", "main"]).run();
        let name = directory.file_name().unwrap().to_str().unwrap().to_owned();
        let code = name[..5].to_uppercase();
        assert!(told.code == 1 && told.out.starts_with(&format!("error[{code}]: ")), "{name}: {told:?}");
        let golden = directory.join("expected.txt");
        if updating() {
            std::fs::write(&golden, &told.out).unwrap();
        }
        if std::fs::read_to_string(&golden).unwrap_or_default() != told.out {
            stale.push(name);
        }
        codes.push(code);
    }
    assert!(stale.is_empty(), "stale golden texts (run with UPDATE_GOLDEN=1, then read the difference): {stale:?}");
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes, ["TL013", "TL014", "TL015", "TL016", "TL017"]);
}
