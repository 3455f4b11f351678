//! Trees that mean harm, or that nobody meant to be read.

use git2::{ObjectType, Oid};
use model::diagnostic::Code;
use model::snapshot::Snapshot;

use crate::support::{FILE, LINK, Repo, SUBMODULE};

fn codes(snapshot: &Snapshot) -> Vec<(Code, &str)> {
    snapshot
        .diagnostics
        .iter()
        .filter(|found| {
            let of_tree = [Code::LinkOutside, Code::TooManyFiles, Code::Submodule, Code::BadPathName, Code::FileTooLarge, Code::NotUtf8];
            of_tree.contains(&found.code)
        })
        .map(|found| (found.code, &*found.place.file))
        .collect()
}

#[test]
fn links_submodules_and_large_files_are_refused_and_the_rest_is_read() {
    let repo = Repo::bare();
    let blob = |text: &str| repo.git.blob(text.as_bytes()).unwrap();
    let large = "x".repeat(model::yaml::MAX_FILE_BYTES + 1);
    let elsewhere = Oid::from_str("1111111111111111111111111111111111111111").unwrap();
    repo.commit_entries(&[
        ("good.yaml", FILE, blob("a: 1\n")),
        ("inside.yaml", LINK, blob("good.yaml")),
        ("large.yaml", FILE, blob(&large)),
        ("library", SUBMODULE, elsewhere),
        ("outside.yaml", LINK, blob("../../etc/passwd")),
        ("absolute", LINK, blob("/etc")),
        ("endless", LINK, blob(&"x/".repeat(3000))),
        ("policy.rego", FILE, repo.git.blob(b"\xff\xfe").unwrap()),
    ]);
    let mut reader = repo.reader();
    let snapshot = reader.read().unwrap().unwrap().snapshot;
    let mut found = codes(&snapshot);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            (Code::NotUtf8, "policy.rego"),
            (Code::FileTooLarge, "large.yaml"),
            (Code::LinkOutside, "absolute"),
            (Code::LinkOutside, "endless"),
            (Code::LinkOutside, "outside.yaml"),
            (Code::Submodule, "library"),
        ]
    );
    assert!(!snapshot.complete, "what the refused files would have said is unknown");
}

#[test]
fn a_tree_that_holds_itself_many_times_over_ends() {
    let repo = Repo::bare();
    // Twenty levels of ten times the level below: 10^20 paths in twenty objects.
    let mut below = {
        let mut tree = repo.git.treebuilder(None).unwrap();
        tree.insert("a.yaml", repo.git.blob(b"a: 1\n").unwrap(), 0o100_644).unwrap();
        tree.write().unwrap()
    };
    for _ in 0..20 {
        let mut tree = repo.git.treebuilder(None).unwrap();
        for n in 0..10 {
            tree.insert(format!("d{n}"), below, 0o040_000).unwrap();
        }
        below = tree.write().unwrap();
    }
    let who = git2::Signature::new("Test", "test@example.com", &git2::Time::new(1, 0)).unwrap();
    let tree = repo.git.find_tree(below).unwrap();
    repo.git.commit(Some("refs/heads/main"), &who, &who, "a bomb", &tree, &[]).unwrap();
    let snapshot = repo.reader().read().unwrap().unwrap().snapshot;
    assert!(codes(&snapshot).iter().any(|(code, _)| *code == Code::TooManyFiles));
}

#[test]
fn a_name_that_is_no_text_is_refused_only_where_it_matters() {
    let repo = Repo::bare();
    let blob = repo.git.blob(b"a: 1\n").unwrap();
    // Built by hand, since no index takes such names.
    let mut raw = Vec::new();
    for name in [&b"bad\xff.yaml"[..], b"bad\xfe.txt", b"line\nbreak.yaml"] {
        raw.extend_from_slice(b"100644 ");
        raw.extend_from_slice(name);
        raw.push(0);
        raw.extend_from_slice(blob.as_bytes());
    }
    let odb = repo.git.odb().unwrap();
    let tree = odb.write(ObjectType::Tree, &raw).unwrap();
    let commit = format!("tree {tree}\nauthor T <t@example.com> 1 +0000\ncommitter T <t@example.com> 1 +0000\n\nnames\n");
    let commit = odb.write(ObjectType::Commit, commit.as_bytes()).unwrap();
    repo.git.reference("refs/heads/main", commit, true, "test").unwrap();
    let snapshot = repo.reader().read().unwrap().unwrap().snapshot;
    let mut found = codes(&snapshot);
    found.sort_unstable();
    assert_eq!(found, [(Code::BadPathName, "bad\u{fffd}.yaml"), (Code::BadPathName, r"line\nbreak.yaml")]);
}

#[test]
fn an_object_that_is_missing_or_damaged_is_an_error_and_leaves_what_was_known() {
    let repo = Repo::bare();
    repo.commit(&[("a.yaml", "a: 1\n")]);
    let mut reader = repo.reader();
    reader.read().unwrap();
    let missing = Oid::from_str("2222222222222222222222222222222222222222").unwrap();
    // A tree may name an object that is not there; git only refuses to write one through its index.
    let mut raw = b"100644 b.yaml\0".to_vec();
    raw.extend_from_slice(missing.as_bytes());
    let odb = repo.git.odb().unwrap();
    let tree = odb.write(ObjectType::Tree, &raw).unwrap();
    let commit = format!("tree {tree}\nauthor T <t@example.com> 1 +0000\ncommitter T <t@example.com> 1 +0000\n\nbroken\n");
    let commit = odb.write(ObjectType::Commit, commit.as_bytes()).unwrap();
    repo.git.reference("refs/heads/main", commit, true, "test").unwrap();
    let error = reader.read().unwrap_err();
    assert!(matches!(error, source::SourceError::Object { .. }), "{error}");
    assert_eq!(reader.files_parsed(), 1);

    repo.force(&[("a.yaml", "a: 1\n"), ("c.yaml", "c: 1\n")]);
    reader.read().unwrap().unwrap();
    assert_eq!(reader.files_parsed(), 2, "a.yaml was still known");
}
