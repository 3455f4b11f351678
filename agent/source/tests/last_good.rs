//! Law 10: what a faulty revision touches keeps its last good wish, across restarts too.

use std::path::Path;

use git2::Oid;
use model::names::ApplianceName;
use model::snapshot::Snapshot;
use source::Reader;

use crate::support::{FILE, Repo};

/// The files of an example repository.
pub fn example() -> Vec<(String, String)> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/seattle"));
    let mut files = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files
}

pub fn commit(repo: &Repo, files: &[(String, String)]) -> Oid {
    let entries: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), FILE, repo.git.blob(text.as_bytes()).unwrap())).collect();
    repo.commit_entries(&entries)
}

/// The same files, one of them changed. `path` ends its name.
pub fn with(files: &[(String, String)], path: &str, change: impl Fn(&str) -> String) -> Vec<(String, String)> {
    assert_eq!(files.iter().filter(|(name, _)| name.ends_with(path)).count(), 1, "{path}");
    let change = |(name, text): &(String, String)| (name.clone(), if name.ends_with(path) { change(text) } else { text.clone() });
    files.iter().map(change).collect()
}

fn sea_1() -> ApplianceName {
    ApplianceName::new("sea-1").unwrap()
}

fn read(reader: &mut Reader) -> Snapshot {
    reader.read().unwrap().unwrap().snapshot
}

#[test]
fn a_faulty_commit_keeps_the_last_good_wish_and_a_sound_one_replaces_it() {
    let repo = Repo::bare();
    let files = example();
    let first = commit(&repo, &files);
    let mut reader = repo.reader();
    let good = read(&mut reader);
    assert!(good.complete, "{:#?}", good.diagnostics);
    assert!(good.kept.is_empty());
    let wish = good.desired[&sea_1()].clone();

    commit(&repo, &with(&files, "sea-1.yaml", |text| format!("{text}\nspec: [\n")));
    let faulty = read(&mut reader);
    assert!(!faulty.complete);
    assert!(!faulty.desired.contains_key(&sea_1()));
    let kept = &faulty.kept[&sea_1()];
    assert_eq!(kept.desired, wish);
    assert!(kept.revision.as_str().ends_with(&first.to_string()));
    let (revision, in_force) = faulty.in_force(&sea_1()).unwrap();
    assert_eq!((revision, in_force), (&kept.revision, &wish));

    let third = commit(&repo, &files);
    let mended = read(&mut reader);
    assert!(mended.kept.is_empty());
    assert!(mended.in_force(&sea_1()).unwrap().0.as_str().ends_with(&third.to_string()));
}

#[test]
fn a_removal_is_believed_only_of_a_complete_revision() {
    let repo = Repo::bare();
    let files = example();
    commit(&repo, &files);
    let mut reader = repo.reader();
    read(&mut reader);

    let without: Vec<_> = files.iter().filter(|(name, _)| !name.ends_with("sea-1.yaml")).cloned().collect();
    let broken = [without.clone(), vec![("broken.yaml".to_owned(), "kind: [\n".to_owned())]].concat();
    commit(&repo, &broken);
    let snapshot = read(&mut reader);
    assert!(snapshot.kept.contains_key(&sea_1()), "the broken file may have held it");

    // What names it goes too, so that nothing dangles.
    let only: Vec<_> = files.iter().filter(|(name, _)| !name.contains("sites/")).cloned().collect();
    commit(&repo, &only);
    let snapshot = read(&mut reader);
    assert!(snapshot.complete, "{:#?}", snapshot.diagnostics);
    assert_eq!(snapshot.in_force(&sea_1()), None);
}

#[test]
fn after_a_restart_the_last_good_wish_is_read_again_from_git() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    let files = example();
    let first = commit(&repo, &files);
    let wish = read(&mut Reader::new(repo.origin(), Some(state.path()))).desired[&sea_1()].clone();
    commit(&repo, &with(&files, "sea-1.yaml", |text| format!("{text}\nspec: [\n")));

    for _ in 0..2 {
        let snapshot = read(&mut Reader::new(repo.origin(), Some(state.path())));
        let kept = &snapshot.kept[&sea_1()];
        assert_eq!(kept.desired, wish);
        assert!(kept.revision.as_str().ends_with(&first.to_string()));
    }
}

#[test]
fn memory_that_was_damaged_costs_memory_and_nothing_else() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    let files = example();
    commit(&repo, &files);
    read(&mut Reader::new(repo.origin(), Some(state.path())));
    let memory = std::fs::read_dir(state.path().join("source")).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&memory).unwrap();
    commit(&repo, &with(&files, "sea-1.yaml", |text| format!("{text}\nspec: [\n")));
    for cut in [0, 1, 10, whole.len() / 2, whole.len() - 5] {
        std::fs::write(&memory, &whole[..cut]).unwrap();
        let snapshot = read(&mut Reader::new(repo.origin(), Some(state.path())));
        assert!(!snapshot.desired.contains_key(&sea_1()), "cut at {cut}");
    }
    std::fs::write(&memory, b"\xff\xff").unwrap();
    assert!(read(&mut Reader::new(repo.origin(), Some(state.path()))).kept.is_empty());
}

#[test]
fn a_file_that_cannot_be_read_refuses_what_it_may_hold() {
    let repo = Repo::bare();
    let files = example();
    commit(&repo, &files);
    let mut reader = repo.reader();
    read(&mut reader);
    let large = with(&files, "sea-1.yaml", |text| format!("{text}{}", " ".repeat(model::yaml::MAX_FILE_BYTES)));
    commit(&repo, &large);
    let snapshot = read(&mut reader);
    assert!(!snapshot.complete);
    assert!(snapshot.kept.contains_key(&sea_1()));
}
