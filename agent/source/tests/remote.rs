//! Remotes that are fetched into the agent's own mirror.

use source::{Access, Origin, Reader, SourceError};

use crate::support::Repo;

fn fetch(reader: &Reader) -> Result<(), SourceError> {
    reader.fetch(&Access::anonymous())
}

#[test]
fn a_remote_is_mirrored_and_read() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    let first = repo.commit(&[("a.yaml", "a: 1\n")]);
    let mut reader = Reader::new(repo.remote_origin(), Some(state.path()));
    fetch(&reader).unwrap();
    assert_eq!(reader.read().unwrap().unwrap().snapshot.revision.as_str(), format!("main@sha1:{first}"));

    fetch(&reader).unwrap();
    assert!(reader.read().unwrap().is_none());
    let second = repo.commit(&[("a.yaml", "a: 2\n")]);
    fetch(&reader).unwrap();
    assert_eq!(reader.read().unwrap().unwrap().snapshot.revision.as_str(), format!("main@sha1:{second}"));
    assert_eq!(reader.read_revision("main~1").unwrap().revision.as_str(), format!("main~1@sha1:{first}"));
}

#[test]
fn without_a_reference_the_remote_s_own_head_is_followed() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    let id = repo.commit(&[("a.yaml", "a: 1\n")]);
    let mut reader = Reader::new(Origin::new(&repo.url(), None, None).unwrap(), Some(state.path()));
    fetch(&reader).unwrap();
    assert_eq!(reader.read().unwrap().unwrap().snapshot.revision.as_str(), format!("main@sha1:{id}"));
}

#[test]
fn after_a_restart_the_mirror_tells_while_the_remote_is_away() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    let id = repo.commit(&[("a.yaml", "a: 1\n")]);
    fetch(&Reader::new(repo.remote_origin(), Some(state.path()))).unwrap();
    let origin = repo.remote_origin();
    drop(repo);
    let mut reader = Reader::new(origin, Some(state.path()));
    let error = fetch(&reader).unwrap_err();
    assert!(matches!(error, SourceError::Fetch { .. }), "{error}");
    assert_eq!(reader.read().unwrap().unwrap().snapshot.revision.as_str(), format!("main@sha1:{id}"));
}

#[test]
fn a_branch_that_the_remote_lost_is_said_and_its_last_state_kept() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    repo.commit(&[("a.yaml", "a: 1\n")]);
    let mut reader = Reader::new(repo.remote_origin(), Some(state.path()));
    fetch(&reader).unwrap();
    reader.read().unwrap().unwrap();
    repo.git.find_reference("refs/heads/main").unwrap().delete().unwrap();
    let error = fetch(&reader).unwrap_err();
    assert!(matches!(error, SourceError::NoReference { .. }), "{error}");
    assert!(reader.read().unwrap().is_none(), "what was read stays");
}

#[test]
fn an_empty_remote_is_said_to_be_empty() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    let reader = Reader::new(Origin::new(&repo.url(), None, None).unwrap(), Some(state.path()));
    let error = fetch(&reader).unwrap_err();
    assert!(matches!(error, SourceError::Empty { .. }), "{error}");
}

#[test]
fn rewritten_history_of_a_remote_is_accepted_and_said() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    repo.commit(&[("a.yaml", "a: 1\n")]);
    let mut reader = Reader::new(repo.remote_origin(), Some(state.path()));
    fetch(&reader).unwrap();
    reader.read().unwrap();
    let id = repo.force(&[("a.yaml", "a: 9\n")]);
    fetch(&reader).unwrap();
    let reading = reader.read().unwrap().unwrap();
    assert_eq!(reading.snapshot.revision.as_str(), format!("main@sha1:{id}"));
    assert!(reading.rewrite.is_some());
}

#[test]
fn a_damaged_mirror_is_made_anew() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    repo.commit(&[("a.yaml", "a: 1\n")]);
    fetch(&Reader::new(repo.remote_origin(), Some(state.path()))).unwrap();
    let mirrors = || std::fs::read_dir(state.path().join("source")).unwrap().map(|entry| entry.unwrap().path());
    let mirror = mirrors().find(|path| path.extension().is_some_and(|extension| extension == "git")).unwrap();
    std::fs::write(mirror.join("config"), "[core\n\0").unwrap();
    let mut reader = Reader::new(repo.remote_origin(), Some(state.path()));
    fetch(&reader).unwrap();
    assert!(reader.read().unwrap().is_some());
}

#[test]
fn a_mirror_that_lost_objects_is_fetched_anew_once_the_remote_answers() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    repo.commit(&[("a.yaml", "a: 1\n")]);
    let reader = || Reader::new(repo.remote_origin(), Some(state.path()));
    fetch(&reader()).unwrap();
    let mirrors = || std::fs::read_dir(state.path().join("source")).unwrap().map(|entry| entry.unwrap().path());
    let mirror = mirrors().find(|path| path.extension().is_some_and(|extension| extension == "git")).unwrap();
    std::fs::remove_dir_all(mirror.join("objects")).unwrap();
    std::fs::create_dir_all(mirror.join("objects/pack")).unwrap();
    let error = reader().read().unwrap_err();
    assert!(matches!(error, SourceError::Object { .. }), "{error}");

    let away = repo.path().with_extension("away");
    std::fs::rename(repo.path(), &away).unwrap();
    let error = fetch(&reader()).unwrap_err();
    assert!(matches!(error, SourceError::Fetch { .. }), "{error}");
    assert!(mirror.exists(), "what is left of it stays");
    std::fs::rename(&away, repo.path()).unwrap();
    fetch(&reader()).unwrap();
    assert!(reader().read().unwrap().is_some());
    let mut left: Vec<_> = mirrors().map(|path| path.extension().unwrap().to_str().unwrap().to_owned()).collect();
    left.sort();
    assert_eq!(left, ["git", "lock"]);
}

#[test]
fn what_a_power_cut_left_locked_in_a_mirror_is_fetched_anew() {
    for left in ["refs/trunkline/heads/other.lock", "HEAD.lock"] {
        let repo = Repo::bare();
        let state = tempfile::tempdir().unwrap();
        let mut reader = Reader::new(Origin::new(&repo.url(), None, None).unwrap(), Some(state.path()));
        repo.commit(&[("a.yaml", "a: 1\n")]);
        fetch(&reader).unwrap();
        let mirrors = || std::fs::read_dir(state.path().join("source")).unwrap().map(|entry| entry.unwrap().path());
        let mirror = mirrors().find(|path| path.extension().is_some_and(|extension| extension == "git")).unwrap();
        std::fs::write(mirror.join(left), "").unwrap();
        let second = repo.commit(&[("a.yaml", "a: 2\n")]);
        let moved = repo.git.find_commit(second).unwrap();
        repo.git.branch("other", &moved, false).unwrap();
        repo.git.set_head("refs/heads/other").unwrap();
        // Another process may be at it, so the first time it is only said and noted.
        let _ = fetch(&reader);
        fetch(&reader).unwrap();
        assert_eq!(reader.read().unwrap().unwrap().snapshot.revision.as_str(), format!("other@sha1:{second}"), "{left}");
    }
}

#[test]
fn what_is_no_commit_at_the_remote_is_said_and_the_last_state_kept() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    let first = repo.commit(&[("a.yaml", "a: 1\n")]);
    let blob = repo.git.blob(b"no commit").unwrap();
    let tag = |id| drop(repo.git.reference("refs/tags/v1", id, true, "a tag").unwrap());
    let origin = || Origin::new(&repo.url(), Some("v1"), None).unwrap();
    let fails = |reader: &Reader| {
        tag(blob);
        let error = fetch(reader).unwrap_err();
        assert!(matches!(error, SourceError::Object { .. }), "{error}");
        let mut entries = std::fs::read_dir(state.path().join("source")).unwrap().map(|entry| entry.unwrap().path());
        assert!(!entries.any(|path| path.extension().is_some_and(|extension| extension == "doubt")), "another mirror would be no better");
    };
    fails(&Reader::new(origin(), Some(state.path())));
    tag(first);
    let mut reader = Reader::new(origin(), Some(state.path()));
    fetch(&reader).unwrap();
    reader.read().unwrap().unwrap();

    fails(&reader);
    assert!(reader.read().unwrap().is_none(), "what was read stays");
    let restarted = Reader::new(origin(), Some(state.path())).read().unwrap().unwrap().snapshot;
    assert_eq!(restarted.revision.as_str(), format!("v1@sha1:{first}"));

    let second = repo.commit(&[("a.yaml", "a: 2\n")]);
    tag(second);
    fetch(&reader).unwrap();
    assert_eq!(reader.read().unwrap().unwrap().snapshot.revision.as_str(), format!("v1@sha1:{second}"));
}

#[test]
fn a_default_branch_may_move_below_its_own_name() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    let mut reader = Reader::new(Origin::new(&repo.url(), None, None).unwrap(), Some(state.path()));
    let id = repo.commit(&[("a.yaml", "a: 1\n")]);
    fetch(&reader).unwrap();
    repo.git.find_reference("refs/heads/main").unwrap().delete().unwrap();
    let commit = repo.git.find_commit(id).unwrap();
    repo.git.branch("main/next", &commit, false).unwrap();
    repo.git.set_head("refs/heads/main/next").unwrap();
    let _ = fetch(&reader);
    fetch(&reader).unwrap();
    assert_eq!(reader.read().unwrap().unwrap().snapshot.revision.as_str(), format!("main/next@sha1:{id}"));
}

#[test]
fn a_remote_needs_a_state_directory() {
    let repo = Repo::bare();
    let error = fetch(&Reader::new(repo.remote_origin(), None)).unwrap_err();
    assert!(matches!(error, SourceError::NoState { .. }), "{error}");
}

#[test]
fn two_origins_never_share_a_mirror() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    repo.commit(&[("a.yaml", "a: 1\n"), ("sub/b.yaml", "b: 1\n")]);
    for path in [None, Some("sub")] {
        let origin = Origin::new(&repo.url(), Some("main"), path).unwrap();
        fetch(&Reader::new(origin, Some(state.path()))).unwrap();
    }
    let entries = std::fs::read_dir(state.path().join("source")).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(entries.filter(|path| path.extension().is_some_and(|extension| extension == "git")).count(), 2);
}

#[test]
fn branches_and_tags_besides_the_one_that_is_followed_are_found_when_asked_for() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    let main = repo.commit(&[("a.yaml", "a: 1\n")]);
    let git = &repo.git;
    let branch = |files: &[(&str, &str)], name: &str| {
        git.reference(name, main, true, "").ok();
        crate::support::commit(
            git,
            name,
            &files.iter().map(|(path, text)| (*path, 0o100_644, git.blob(text.as_bytes()).unwrap())).collect::<Vec<_>>(),
        )
    };
    let first = branch(&[("a.yaml", "a: 2\n")], "refs/heads/my/branch");
    let mut reader = Reader::new(repo.remote_origin(), Some(state.path()));
    fetch(&reader).unwrap();
    assert!(matches!(reader.read_revision("my/branch"), Err(SourceError::NoRevision { .. })), "nobody asked for it");

    let mut ask = |revs: &[&str]| {
        reader.fetch_revisions(&Access::anonymous(), revs).unwrap();
        revs.iter()
            .map(|rev| reader.read_revision(rev).map(|found| found.revision.to_string()).unwrap_or_else(|error| error.to_string()))
            .collect::<Vec<_>>()
    };
    let named = |rev: &str, id| format!("{rev}@sha1:{id}");
    assert_eq!(ask(&["main", "my/branch", "my/branch~1"]), [named("main", main), named("my/branch", first), named("my/branch~1", main)]);
    let second = branch(&[("a.yaml", "a: 3\n")], "refs/heads/my/branch");
    let who = git2::Signature::new("a", "a@example.test", &git2::Time::new(1, 0)).unwrap();
    git.tag("v1", &git.find_object(second, None).unwrap(), &who, "one", false).unwrap();
    assert_eq!(ask(&["my/branch", "v1^{commit}"]), [named("my/branch", second), named("v1^{commit}", second)]);
    git.find_reference("refs/heads/my/branch").unwrap().delete().unwrap();
    let said = ask(&["my/branch", "*", "main:a.yaml"]);
    assert!(said.iter().all(|says| says.contains("names no commit of")), "what the remote has no more is not remembered: {said:?}");
    assert!(reader.read().unwrap().is_some_and(|read| read.snapshot.revision.to_string() == named("main", main)), "what is followed stays");
}

#[test]
fn a_remote_that_keeps_silent_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/fleet.git", silent.local_addr().unwrap());
    let state = tempfile::tempdir().unwrap();
    let reader = Reader::new(Origin::new(&url, None, None).unwrap(), Some(state.path()));
    let error = fetch(&reader.waiting_at_most(std::time::Duration::from_millis(50))).unwrap_err();
    assert!(matches!(error, SourceError::TimedOut { .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn a_branch_whose_name_is_no_text_disturbs_nobody() {
    use std::os::unix::ffi::OsStrExt as _;
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    let main = repo.commit(&[("a.yaml", "a: 1\n")]);
    let odd = repo.path().join("refs/heads").join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    std::fs::write(odd, format!("{main}\n")).unwrap();
    let mut reader = Reader::new(repo.remote_origin(), Some(state.path()));
    fetch(&reader).unwrap();
    reader.fetch_revisions(&Access::anonymous(), &["main", "other"]).unwrap();
    assert_eq!(reader.read_revision("main").unwrap().revision.as_str(), format!("main@sha1:{main}"));
    assert!(reader.read().unwrap().is_some());
}
