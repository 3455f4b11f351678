//! The watcher: signs, intervals, trouble and its end. Real time, with bounded waits.

use std::path::Path;
use std::time::Duration;

use model::condition::Reason;
use model::snapshot::Snapshot;
use source::{Access, Origin, Pace, SourceStatus, Subscription, Watcher};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::Repo;

/// Nothing here takes a second; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// An hour: what happens sooner was not caused by an interval.
const NEVER: Duration = Duration::from_hours(1);

struct Following {
    seen: Subscription,
    _tasks: JoinSet<()>,
    _stop: DropGuard,
}

fn follow(origin: Origin, state: &Path, pace: Pace) -> Following {
    let (watcher, seen) = Watcher::new(origin, state.to_owned(), Access::anonymous(), pace);
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(watcher.run(stop.clone()));
    Following { seen, _tasks: tasks, _stop: stop.drop_guard() }
}

fn only_signs() -> Pace {
    Pace { poll: NEVER, fallback: NEVER, retry: NEVER, retry_at_most: NEVER, settle: Duration::from_millis(5), ..Pace::default() }
}

fn quick() -> Pace {
    let tick = Duration::from_millis(10);
    Pace { poll: tick, fallback: tick, retry: tick, retry_at_most: tick, settle: tick, ..Pace::default() }
}

async fn snapshot_at(snapshots: &mut watch::Receiver<Snapshot>, id: git2::Oid) -> Snapshot {
    let wanted = |snapshot: &Snapshot| snapshot.revision.as_str() == format!("main@sha1:{id}");
    let found = tokio::time::timeout(PATIENCE, snapshots.wait_for(wanted)).await;
    found.expect("in time").expect("the watcher lives").clone()
}

async fn status_when(status: &mut watch::Receiver<SourceStatus>, wanted: impl FnMut(&SourceStatus) -> bool) -> SourceStatus {
    tokio::time::timeout(PATIENCE, status.wait_for(wanted)).await.expect("in time").expect("the watcher lives").clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_to_a_local_repository_wakes_the_watcher() {
    for repo in [Repo::with_work_tree(), Repo::bare()] {
        let state = tempfile::tempdir().unwrap();
        let first = repo.commit(&[("a.yaml", "a: 1\n")]);
        let mut following = follow(repo.origin(), state.path(), only_signs());
        snapshot_at(&mut following.seen.snapshots, first).await;
        for n in 0..3 {
            let next = repo.commit(&[("a.yaml", &format!("a: {n}1\n"))]);
            snapshot_at(&mut following.seen.snapshots, next).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_to_a_file_url_wakes_the_watcher() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    let first = repo.commit(&[("a.yaml", "a: 1\n")]);
    let mut following = follow(repo.remote_origin(), state.path(), only_signs());
    snapshot_at(&mut following.seen.snapshots, first).await;
    let second = repo.commit(&[("a.yaml", "a: 2\n")]);
    snapshot_at(&mut following.seen.snapshots, second).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wish_to_read_is_heard_between_intervals() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    // Nothing is there to be watched yet.
    let origin = Origin::new(repo.path().join("later").to_str().unwrap(), Some("main"), None).unwrap();
    let mut following = follow(origin, state.path(), only_signs());
    status_when(&mut following.seen.status, |status| status.trouble.is_some()).await;
    let later = Repo::init_at(&repo.path().join("later"), true);
    let blob = later.blob(b"a: 1\n").unwrap();
    let id = crate::support::commit(&later, "refs/heads/main", &[("a.yaml", crate::support::FILE, blob)]);
    following.seen.waker.wake();
    snapshot_at(&mut following.seen.snapshots, id).await;
    let status = status_when(&mut following.seen.status, |status| status.trouble.is_none()).await;
    assert!(status.revision.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_remote_that_vanishes_leaves_its_last_state_in_force_and_is_followed_again() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    let first = repo.commit(&[("a.yaml", "a: 1\n")]);
    let mut following = follow(repo.remote_origin(), state.path(), quick());
    snapshot_at(&mut following.seen.snapshots, first).await;

    let away = repo.path().with_extension("away");
    std::fs::rename(repo.path(), &away).unwrap();
    let status = status_when(&mut following.seen.status, |status| status.trouble.is_some()).await;
    assert_eq!(status.reason(), Some(Reason::SourceUnavailable));
    assert!(status.trouble.unwrap().message.starts_with("cannot fetch `file://"));
    assert!(following.seen.snapshots.borrow().revision.as_str().ends_with(&first.to_string()));

    std::fs::rename(&away, repo.path()).unwrap();
    let second = repo.commit(&[("a.yaml", "a: 2\n")]);
    snapshot_at(&mut following.seen.snapshots, second).await;
    status_when(&mut following.seen.status, |status| status.trouble.is_none()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rewritten_history_stands_in_the_status() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    let first = repo.commit(&[("a.yaml", "a: 1\n")]);
    let mut following = follow(repo.remote_origin(), state.path(), quick());
    snapshot_at(&mut following.seen.snapshots, first).await;
    // In one step: a branch that is away for a moment would be trouble of another kind.
    let other = Repo::bare();
    let blob = repo.git.blob(b"a: 3\n").unwrap();
    let forced = crate::support::commit(&repo.git, "refs/heads/rewritten", &[("a.yaml", crate::support::FILE, blob)]);
    drop(other);
    repo.git.reference("refs/heads/main", forced, true, "forced").unwrap();
    snapshot_at(&mut following.seen.snapshots, forced).await;
    let status = status_when(&mut following.seen.status, |status| status.rewrite.is_some()).await;
    assert!(status.rewrite.unwrap().from.as_str().ends_with(&first.to_string()));
    assert_eq!(status.trouble, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_remote_that_never_answers_is_given_up_and_what_was_fetched_stays() {
    // It accepts and says nothing; libgit2 would wait for ever.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/fleet.git", silent.local_addr().unwrap());
    let state = tempfile::tempdir().unwrap();
    let pace = Pace { fetch_within: Duration::from_millis(50), ..quick() };
    let mut following = follow(Origin::new(&url, Some("main"), None).unwrap(), state.path(), pace);
    let status = status_when(&mut following.seen.status, |status| status.trouble.as_ref().is_some_and(|t| t.failures > 4)).await;
    let message = status.trouble.unwrap().message;
    assert!(message.contains("did not finish answering within 50ms"), "{message}");
    // The threads that still wait end with the connection.
    drop(silent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_that_is_stopped_ends() {
    let repo = Repo::bare();
    let state = tempfile::tempdir().unwrap();
    repo.commit(&[("a.yaml", "a: 1\n")]);
    let (watcher, _seen) = Watcher::new(repo.origin(), state.path().to_owned(), Access::anonymous(), only_signs());
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    tasks.spawn(watcher.run(stop.clone()));
    stop.cancel();
    tokio::time::timeout(PATIENCE, tasks.join_all()).await.expect("it ends");
}

#[test]
fn nothing_below_the_state_directory_changes_once_the_watcher_has_ended() {
    let repo = Repo::bare();
    crate::last_good::commit(&repo, &crate::last_good::example());
    // From before its first reading until after it.
    for moments in (0..14).map(|power| 1_u32 << power) {
        let state = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (watcher, _seen) = Watcher::new(repo.origin(), state.path().join("state"), Access::anonymous(), only_signs());
            let stop = CancellationToken::new();
            tokio::join!(watcher.run(stop.clone()), async {
                for _ in 0..moments {
                    tokio::task::yield_now().await;
                }
                stop.cancel();
            });
        });
        let left = std::fs::read_dir(state.path().join("state")).map_or(0, Iterator::count);
        let _ = std::fs::remove_dir_all(state.path().join("state"));
        // Waits for threads that are still at work.
        drop(runtime);
        assert!(!state.path().join("state").exists(), "stopped after {moments} moments, with {left} files, it went on writing");
    }
}
