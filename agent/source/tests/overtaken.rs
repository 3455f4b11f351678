//! Fetches that hang while others bring newer states: whenever they end, the mirror is never set back.
//!
//! Time is driven. While a fetch hangs it stands still, since a thread is at work; once it runs by itself, no fetch is left over.

use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use git2::Oid;
use model::snapshot::Snapshot;
use source::{Access, Origin, Pace, Reader, SourceError, SourceStatus, Subscription, Watcher};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::compacting;
use crate::git_host::HttpsHost;
use crate::https;
use crate::support::Repo;

/// A repository that is served over https, and a state directory that it is fetched into.
struct Scene {
    repo: Repo,
    host: HttpsHost,
    state: tempfile::TempDir,
}

/// Who has fetched the first commit and is held back at the second one, until `pack` is dropped.
struct HeldBack<T> {
    first: Oid,
    waits: T,
    pack: Sender<()>,
}

/// A watcher at work on a scene.
struct Following {
    seen: Subscription,
    _tasks: JoinSet<()>,
    _stop: DropGuard,
}

impl Scene {
    fn set() -> Self {
        let repo = Repo::bare();
        let host = HttpsHost::serve(repo.path().parent().unwrap());
        Self { repo, host, state: tempfile::tempdir().unwrap() }
    }

    fn origin(&self) -> Origin {
        Origin::new(&self.host.url(self.repo.path().file_name().unwrap().to_str().unwrap()), Some("main"), None).unwrap()
    }

    fn access(&self) -> Access {
        https::access_to(&self.host)
    }

    fn commit(&self, n: usize) -> Oid {
        self.repo.commit(&[("a.yaml", &format!("a: {n}\n"))])
    }

    fn follow(&self) -> Following {
        let (watcher, seen) = Watcher::new(self.origin(), self.state.path().to_owned(), self.access(), Pace::default());
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(watcher.run(stop.clone()));
        Following { seen, _tasks: tasks, _stop: stop.drop_guard() }
    }

    fn reader(&self) -> Reader {
        Reader::new(self.origin(), Some(self.state.path()))
    }

    /// A watcher that has read the first commit; the second one is held back, so that it gave up fetching it.
    async fn second_held_back(&self) -> HeldBack<Following> {
        let first = self.commit(0);
        let mut waits = self.follow();
        waits.reads(first).await;
        let (ready, pack) = self.host.hold_next_pack();
        self.commit(1);
        waits.gives_up(ready).await;
        HeldBack { first, waits, pack }
    }

    /// The same for somebody who fetches once and would wait for ever.
    fn second_awaited(&self) -> HeldBack<JoinHandle<Result<(), SourceError>>> {
        let first = self.fetched(0);
        let (ready, pack) = self.host.hold_next_pack();
        self.commit(1);
        let (reader, access) = (self.reader(), self.access());
        let waits = std::thread::spawn(move || reader.fetch(&access));
        ready.blocking_recv().unwrap();
        HeldBack { first, waits, pack }
    }

    /// One more commit that somebody has fetched.
    fn fetched(&self, n: usize) -> Oid {
        let id = self.commit(n);
        self.reader().fetch(&self.access()).unwrap();
        id
    }

    /// From now on whoever asks is refused.
    fn refuse(&self) {
        self.host.redirect("https://elsewhere.invalid");
    }
}

impl Following {
    async fn reads(&mut self, id: Oid) {
        let wanted = |snapshot: &Snapshot| snapshot.revision.as_str() == format!("main@sha1:{id}");
        self.seen.snapshots.wait_for(wanted).await.unwrap();
    }

    fn has_read(&self) -> String {
        self.seen.snapshots.borrow().revision.as_str().to_owned()
    }

    /// Waits for so many failures in a row.
    async fn fails(&mut self, times: u32) -> SourceStatus {
        let wanted = |status: &SourceStatus| status.trouble.as_ref().is_some_and(|trouble| trouble.failures == times);
        self.seen.status.wait_for(wanted).await.unwrap().clone()
    }

    /// Waits until the pack is ready, and beyond the time that a fetch has.
    async fn gives_up(&mut self, ready: oneshot::Receiver<()>) {
        ready.await.unwrap();
        tokio::time::advance(Pace::default().fetch_within * 2).await;
        let message = self.fails(1).await.trouble.unwrap().message;
        assert!(message.contains("did not finish answering"), "{message}");
    }

    /// Lets the next attempt come.
    async fn tries_again(&self) {
        tokio::time::advance(Pace::default().retry_at_most).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_was_given_up_never_sets_back_what_a_later_one_brought() {
    let scene = Scene::set();
    let HeldBack { waits: mut following, pack, .. } = scene.second_held_back().await;
    let newest = scene.commit(2);
    following.tries_again().await;
    following.reads(newest).await;

    scene.refuse();
    drop(pack);
    following.fails(1).await;
    assert_eq!(following.has_read(), format!("main@sha1:{newest}"));
    assert_eq!(following.seen.status.borrow().rewrite, None);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_was_given_up_never_brings_back_what_was_taken_back_meanwhile() {
    let scene = Scene::set();
    let HeldBack { first, waits: mut following, pack } = scene.second_held_back().await;
    // For the next fetch nothing has ever happened.
    scene.repo.git.reference("refs/heads/main", first, true, "forced").unwrap();
    following.tries_again().await;
    following.seen.status.wait_for(|status| status.trouble.is_none()).await.unwrap();

    scene.refuse();
    drop(pack);
    following.fails(1).await;
    assert_eq!(following.has_read(), format!("main@sha1:{first}"));
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_takes_longer_than_we_wait_counts_while_none_after_it_succeeded() {
    let scene = Scene::set();
    let (ready, pack) = scene.host.hold_next_pack();
    let first = scene.commit(0);
    let mut following = scene.follow();
    following.gives_up(ready).await;

    scene.refuse();
    drop(pack);
    following.reads(first).await;
}

#[test]
fn a_fetch_that_another_process_has_overtaken_asks_again() {
    let scene = Scene::set();
    let HeldBack { waits: slow, pack, .. } = scene.second_awaited();
    let newest = scene.fetched(2);
    drop(pack);
    slow.join().unwrap().unwrap();
    let read = scene.reader().read().unwrap().unwrap().snapshot;
    assert_eq!(read.revision.as_str(), format!("main@sha1:{newest}"));
}

#[test]
fn a_mirror_is_not_compacted_under_a_fetch_that_hangs() {
    let scene = Scene::set();
    let HeldBack { waits: slow, pack, .. } = scene.second_awaited();
    let mirror = compacting::mirror(scene.state.path());
    // More than may lie about: whoever is alone with the mirror tidies up.
    (0..10).for_each(|n| std::fs::write(mirror.join(format!("objects/pack/pack_git2_{n}")), "PACK").unwrap());
    let newest = scene.fetched(2);
    assert_eq!(compacting::packs(&mirror), 2, "what the slow one builds upon was removed");
    assert!(mirror.join("objects/pack/pack_git2_0").exists(), "it may be what the slow one writes");
    drop(pack);
    slow.join().unwrap().unwrap();
    assert_eq!((compacting::files(&mirror).len(), compacting::whole_history(&mirror)), (2, 3));
    assert_eq!(scene.reader().read().unwrap().unwrap().snapshot.revision.as_str(), format!("main@sha1:{newest}"));
}
