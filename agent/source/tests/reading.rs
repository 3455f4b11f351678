//! Reading revisions from objects: local, bare, a directory of them, and what is parsed again.

use source::{Origin, Reader, SourceError, read_directory};

use crate::support::{Repo, commit};

#[test]
fn a_work_tree_and_a_bare_repository_read_the_same() {
    for repo in [Repo::with_work_tree(), Repo::bare()] {
        let id = repo.commit(&[("a.yaml", "a: 1\n")]);
        let reading = repo.reader().read().unwrap().unwrap();
        assert_eq!(reading.snapshot.revision.as_str(), format!("main@sha1:{id}"));
        assert_eq!(reading.rewrite, None);
    }
}

#[test]
fn files_of_the_work_tree_that_are_not_committed_do_not_count() {
    let repo = Repo::with_work_tree();
    repo.commit(&[("a.yaml", "a: 1\n")]);
    std::fs::write(repo.path().join("b.yaml"), "b: [\n").unwrap();
    let mut reader = repo.reader();
    reader.read().unwrap().unwrap();
    assert_eq!(reader.files_parsed(), 1);
}

#[test]
fn only_blobs_that_changed_are_parsed_again() {
    let repo = Repo::bare();
    repo.commit(&[("a.yaml", "a: 1\n"), ("b.yaml", "b: 1\n"), ("sub/c.yml", "c: 1\n"), ("README.md", "text")]);
    let mut reader = repo.reader();
    assert!(reader.read().unwrap().is_some());
    assert_eq!(reader.files_parsed(), 3);

    assert!(reader.read().unwrap().is_none(), "nothing moved");
    repo.commit(&[("a.yaml", "a: 1\n"), ("b.yaml", "b: 2\n"), ("sub/c.yml", "c: 1\n")]);
    assert!(reader.read().unwrap().is_some());
    assert_eq!(reader.files_parsed(), 4, "b.yaml alone changed");

    // The same text at another path is another file: its diagnostics name the path.
    repo.commit(&[("a.yaml", "a: 1\n"), ("b.yaml", "b: 2\n"), ("sub/d.yml", "c: 1\n")]);
    reader.read().unwrap();
    assert_eq!(reader.files_parsed(), 5);
}

#[test]
fn a_commit_that_changes_nothing_that_is_read_parses_nothing() {
    let repo = Repo::bare();
    repo.commit(&[("fleet/a.yaml", "a: 1\n"), ("other/x.yaml", "x: 1\n")]);
    let origin = Origin::new(repo.path().to_str().unwrap(), None, Some("fleet/")).unwrap();
    let mut reader = Reader::new(origin, None);
    reader.read().unwrap().unwrap();
    assert_eq!(reader.files_parsed(), 1, "`other` lies outside");
    let second = repo.commit(&[("fleet/a.yaml", "a: 1\n"), ("other/x.yaml", "x: 2\n")]);
    let reading = reader.read().unwrap().unwrap();
    assert!(reading.snapshot.revision.as_str().ends_with(&second.to_string()));
    assert_eq!(reader.files_parsed(), 1);
}

#[test]
fn many_files_on_several_threads_are_all_parsed_once() {
    let repo = Repo::bare();
    let files: Vec<(String, String)> = (0..500).map(|n| (format!("d{}/f{n}.yaml", n % 7), format!("n: {n}\n"))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    repo.commit(&files);
    let mut reader = repo.reader();
    reader.read().unwrap().unwrap();
    assert_eq!(reader.files_parsed(), 500);
}

#[test]
fn any_rev_spec_can_be_read_beside_the_reference() {
    let repo = Repo::bare();
    let first = repo.commit(&[("a.yaml", "a: 1\n")]);
    let second = repo.commit(&[("a.yaml", "a: 2\n")]);
    let mut reader = repo.reader();
    for (rev, id) in [("main", second), ("main~1", first), (&first.to_string()[..9], first), ("HEAD", second)] {
        assert_eq!(reader.read_revision(rev).unwrap().revision.as_str(), format!("{rev}@sha1:{id}"));
    }
    let error = reader.read_revision("nonsense").unwrap_err();
    assert!(matches!(error, SourceError::NoRevision { .. }), "{error}");
}

#[test]
fn branches_tags_and_full_names_are_followed() {
    let repo = Repo::bare();
    let first = repo.commit(&[("a.yaml", "a: 1\n")]);
    let object = repo.git.find_object(first, None).unwrap();
    let who = git2::Signature::new("Test", "test@example.com", &git2::Time::new(1, 0)).unwrap();
    repo.git.tag("v1", &object, &who, "an annotated tag", false).unwrap();
    repo.commit(&[("a.yaml", "a: 2\n")]);
    for (reference, name) in [("v1", "v1"), ("refs/tags/v1", "v1")] {
        let origin = Origin::new(repo.path().to_str().unwrap(), Some(reference), None).unwrap();
        let reading = Reader::new(origin, None).read().unwrap().unwrap();
        assert_eq!(reading.snapshot.revision.as_str(), format!("{name}@sha1:{first}"));
    }
}

#[test]
fn what_is_missing_is_named() {
    let empty = Repo::bare();
    let error = empty.reader().read().unwrap_err();
    assert!(matches!(error, SourceError::NoReference { .. }), "{error}");
    let origin = Origin::new(empty.path().to_str().unwrap(), None, None).unwrap();
    let error = Reader::new(origin, None).read().unwrap_err();
    assert!(matches!(error, SourceError::Empty { .. }), "{error}");

    let repo = Repo::bare();
    repo.commit(&[("a.yaml", "a: 1\n")]);
    for path in ["nowhere", "a.yaml"] {
        let origin = Origin::new(repo.path().to_str().unwrap(), None, Some(path)).unwrap();
        let error = Reader::new(origin, None).read().unwrap_err();
        assert!(matches!(error, SourceError::NoPath { .. }), "{error}");
    }

    let gone = Origin::new("/nowhere/at/all", None, None).unwrap();
    let error = Reader::new(gone, None).read().unwrap_err();
    assert!(matches!(error, SourceError::Open { .. }), "{error}");
}

#[test]
fn rewritten_history_is_accepted_and_said() {
    let repo = Repo::bare();
    let first = repo.commit(&[("a.yaml", "a: 1\n")]);
    let mut reader = repo.reader();
    reader.read().unwrap();
    let second = repo.force(&[("a.yaml", "a: 9\n")]);
    let reading = reader.read().unwrap().unwrap();
    let rewrite = reading.rewrite.unwrap();
    assert_eq!(rewrite.from.as_str(), format!("main@sha1:{first}"));
    assert_eq!(rewrite.to.as_str(), format!("main@sha1:{second}"));
    assert_eq!(reading.snapshot.revision, rewrite.to);

    repo.commit(&[("a.yaml", "a: 10\n")]);
    assert_eq!(reader.read().unwrap().unwrap().rewrite, None, "it is said once");
}

#[test]
fn a_directory_is_read_by_the_same_rules() {
    let repo = Repo::with_work_tree();
    let files = [("a.yaml", "a: 1\n"), ("sub/b.yml", "b: [\n"), (".hidden/c.yaml", "c: [\n"), ("rule.rego", "package x\n"), ("n.txt", "")];
    repo.commit(&files);
    for (path, text) in files {
        let path = repo.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let from_git = repo.reader().read().unwrap().unwrap().snapshot;
    let from_directory = read_directory(&repo.path()).unwrap();
    assert_eq!(from_directory.revision.as_str(), "directory");
    assert_eq!(from_directory.diagnostics, from_git.diagnostics);
    assert_eq!(from_directory.policies, from_git.policies);
    assert_eq!(from_directory.policies.len(), 1);
    let error = read_directory(&repo.path().join("nowhere")).unwrap_err();
    assert!(matches!(error, SourceError::Directory { .. }), "{error}");
}

#[test]
fn another_branch_moving_is_no_news() {
    let repo = Repo::bare();
    repo.commit(&[("a.yaml", "a: 1\n")]);
    let mut reader = repo.reader();
    reader.read().unwrap();
    commit(&repo.git, "refs/heads/other", &[("x.yaml", crate::support::FILE, repo.git.blob(b"x: 1\n").unwrap())]);
    assert!(reader.read().unwrap().is_none());
}

#[test]
fn a_branch_that_cannot_be_read_is_not_taken_for_the_tag_of_its_name() {
    let repo = Repo::bare();
    let old = repo.commit(&[("a.yaml", "a: 1\n")]);
    repo.git.reference("refs/tags/main", old, false, "a tag").unwrap();
    let newer = repo.commit(&[("a.yaml", "a: 2\n")]);
    let branch = repo.path().join("refs/heads/main");
    std::fs::write(&branch, "half").unwrap();
    let mut reader = repo.reader();
    let error = reader.read().unwrap_err();
    assert!(matches!(error, SourceError::Object { .. }), "{error}");
    std::fs::write(&branch, format!("{newer}\n")).unwrap();
    assert_eq!(reader.read().unwrap().unwrap().snapshot.revision.as_str(), format!("main@sha1:{newer}"));
}
