//! A mirror stays small, and keeps whatever is still asked for.

use std::path::{Path, PathBuf};

use git2::{Oid, Repository};
use model::names::ApplianceName;
use source::{Access, Reader};

use crate::last_good::{commit, example, with};
use crate::support::Repo;

/// Fetches that outgrow the bound (50 packs).
const MANY: usize = 60;

pub fn mirror(state: &Path) -> PathBuf {
    let mut entries = std::fs::read_dir(state.join("source")).unwrap().map(|entry| entry.unwrap().path());
    entries.find(|path| path.extension().is_some_and(|extension| extension == "git")).unwrap()
}

pub fn files(mirror: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(mirror.join("objects/pack")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub fn packs(mirror: &Path) -> usize {
    files(mirror).iter().filter(|name| name.ends_with(".pack")).count()
}

/// How many commits the mirror's reference reaches, each with its whole tree there.
pub fn whole_history(mirror: &Path) -> usize {
    let git = Repository::open_bare(mirror).unwrap();
    let mut walk = git.revwalk().unwrap();
    walk.push_head().unwrap();
    let commits: Vec<Oid> = walk.map(|id| id.unwrap()).collect();
    for id in &commits {
        let tree = git.find_commit(*id).unwrap().tree().unwrap();
        tree.walk(git2::TreeWalkMode::PreOrder, |_, entry| {
            entry.to_object(&git).unwrap();
            git2::TreeWalkResult::Ok
        })
        .unwrap();
    }
    commits.len()
}

fn text(n: usize) -> String {
    format!("a: {n}\n")
}

#[test]
fn many_fetches_leave_few_packs_and_the_whole_history() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    let mut reader = Reader::new(repo.remote_origin(), Some(state.path()));
    let mut most = 0;
    for n in 0..MANY {
        repo.commit(&[("a.yaml", &text(n)), (&format!("sites/s{n}.yaml"), "b: 1\n")]);
        reader.fetch(&Access::anonymous()).unwrap();
        reader.read().unwrap().unwrap();
        most = most.max(packs(&mirror(state.path())));
    }
    assert!(most <= 50, "{most} packs at once");
    assert!(packs(&mirror(state.path())) < MANY - 50 + 2);
    assert_eq!(whole_history(&mirror(state.path())), MANY);
    let config = Repository::open_bare(mirror(state.path())).unwrap().config().unwrap();
    assert!(config.get_bool("core.fsyncObjectFiles").unwrap(), "what is fetched outlives a power cut");
    reader.read_revision("main~55").unwrap();
}

#[test]
fn a_good_revision_that_was_rewritten_away_is_kept_while_it_is_in_force() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    let files = example();
    let good = commit(&repo, &files);
    let mut reader = Reader::new(repo.remote_origin(), Some(state.path()));
    reader.fetch(&Access::anonymous()).unwrap();
    assert!(reader.read().unwrap().unwrap().snapshot.complete);

    repo.git.find_reference("refs/heads/main").unwrap().delete().unwrap();
    for n in 0..MANY {
        commit(&repo, &with(&files, "sea-1.yaml", |text| format!("{text}\nnonsense{n}: 1\n")));
        reader.fetch(&Access::anonymous()).unwrap();
        assert!(!reader.read().unwrap().unwrap().snapshot.complete);
    }
    let mirror = mirror(state.path());
    assert!(packs(&mirror) <= 50);
    assert!(Repository::open_bare(&mirror).unwrap().find_commit(good).is_ok());
    let mut restarted = Reader::new(repo.remote_origin(), Some(state.path()));
    let snapshot = restarted.read().unwrap().unwrap().snapshot;
    let (revision, _) = snapshot.in_force(&ApplianceName::new("sea-1").unwrap()).expect("the last good wish");
    assert_eq!(revision.as_str(), format!("main@sha1:{good}"));
}

#[test]
fn a_compaction_that_was_cut_off_is_made_good_by_the_next_one() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    let reader = Reader::new(repo.remote_origin(), Some(state.path()));
    let step = |n: usize| {
        repo.commit(&[("a.yaml", &text(n))]);
        reader.fetch(&Access::anonymous()).unwrap();
    };
    (0..50).for_each(step);
    let mirror = mirror(state.path());
    let before = files(&mirror);
    let kept: Vec<(String, Vec<u8>)> =
        before.iter().map(|name| (name.clone(), std::fs::read(mirror.join("objects/pack").join(name)).unwrap())).collect();
    step(50);
    assert_eq!(packs(&mirror), 1);
    // Killed after the new pack was written: old ones lie beside it, some already without their index, and a fetch was cut off too.
    for (_, (name, bytes)) in kept.iter().enumerate().filter(|(index, (name, _))| index % 3 > 0 || name.ends_with(".pack")) {
        std::fs::write(mirror.join("objects/pack").join(name), bytes).unwrap();
    }
    std::fs::write(mirror.join("objects/pack/pack_git2_half"), "PACK").unwrap();
    step(51);
    assert_eq!(files(&mirror).len(), 2, "{:?}", files(&mirror));
    assert_eq!(whole_history(&mirror), 52);
}

#[test]
fn nothing_is_removed_while_somebody_else_uses_the_mirror() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    let reader = Reader::new(repo.remote_origin(), Some(state.path()));
    repo.commit(&[("a.yaml", &text(0))]);
    reader.fetch(&Access::anonymous()).unwrap();
    let mirror = mirror(state.path());
    // Another process fetches, for as long as it takes.
    let other = std::fs::File::open(mirror.with_extension("lock")).unwrap();
    other.lock_shared().unwrap();
    for n in 1..MANY {
        repo.commit(&[("a.yaml", &text(n))]);
        reader.fetch(&Access::anonymous()).unwrap();
    }
    assert_eq!(packs(&mirror), MANY);
    drop(other);
    repo.commit(&[("a.yaml", &text(MANY))]);
    reader.fetch(&Access::anonymous()).unwrap();
    assert_eq!((packs(&mirror), whole_history(&mirror)), (1, MANY + 1));
}
