//! A repository's reference as snapshots, one after the other.
//!
//! Blocking. Guarantees: a remote that keeps silent is given up in time; a call that finds nothing new costs a reference lookup; a failed
//! call changes nothing that was learned; what was parsed once is not parsed again while it stays in the tree.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use git2::Oid;
use model::cause::chain;
use model::snapshot::{Revision, Snapshot};
use model::validate::Assembler;

use crate::credential::Access;
use crate::error::SourceError;
use crate::fetch::Call;
use crate::keep::{Commit, Keep};
use crate::mirror::{self, Besides, Hold, Place};
use crate::objects::{Objects, Tip};
use crate::origin::{Location, Origin, full_names};
use crate::pace::Pace;
use crate::reading::{Parsed, assembler};
use crate::status::Rewrite;
use crate::tree;
use crate::watch::Watch;
use crate::watcher::Waker;

/// Reads snapshots of one origin.
pub struct Reader {
    origin: Origin,
    place: Option<Place>,
    objects: Option<Objects>,
    knowledge: Knowledge,
    keep: Keep,
    last: Option<Last>,
    /// What was asked for besides what is followed.
    besides: Option<Besides>,
    patience: Duration,
}

/// What the reference pointed at when it was read last.
struct Last {
    tip: Tip,
    root: Oid,
    snapshot: Snapshot,
}

/// A snapshot that differs from the one before.
#[derive(Debug, Clone)]
pub struct Reading {
    /// What it says, with what stays in force beside it.
    pub snapshot: Snapshot,
    /// That history was rewritten, if it was.
    pub rewrite: Option<Rewrite>,
}

impl Reader {
    /// A reader of an origin. `state` is where a remote is fetched to and where good revisions are remembered; a repository on this
    /// machine can be read without. Nothing is opened yet.
    #[must_use]
    pub fn new(origin: Origin, state: Option<&Path>) -> Self {
        let place = state.map(|state| Place::of(state, &origin));
        let knowledge = Knowledge { parsed: Parsed::default(), assembler: assembler() };
        let keep = Keep::open(place.as_ref().map(|place| place.last_good.clone()));
        Self { origin, place, objects: None, knowledge, keep, last: None, besides: None, patience: Pace::default().fetch_within }
    }

    /// The same, which gives a remote up that has not finished by then.
    #[must_use]
    pub fn waiting_at_most(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// What it reads.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What was assembled last; it can be asked where a value comes from.
    #[must_use]
    pub fn assembler(&self) -> &Assembler {
        &self.knowledge.assembler
    }

    /// How many files were parsed so far; for tests and benchmarks.
    #[must_use]
    pub fn files_parsed(&self) -> u64 {
        self.knowledge.parsed.count()
    }

    /// Fetches a remote once; does nothing for a repository that is read in place.
    ///
    /// # Errors
    /// `SourceError`; what was fetched before can still be read.
    pub fn fetch(&self, access: &Access) -> Result<(), SourceError> {
        let Location::Remote { url, .. } = &self.origin.location else { return Ok(()) };
        let (place, origin) = (self.mirror()?.clone(), self.origin.clone());
        self.ask(Call::new(url, access), move |call| mirror::refresh(&place, call, &origin))
    }

    /// Fetches besides what it follows the branches and tags that these rev-specs begin with, as far as the remote has them; does nothing
    /// for a repository that is read in place.
    ///
    /// # Errors
    /// `SourceError`; what was fetched before can still be read.
    pub fn fetch_revisions(&mut self, access: &Access, revs: &[&str]) -> Result<(), SourceError> {
        let Location::Remote { url, .. } = &self.origin.location else { return Ok(()) };
        let mut names: Vec<String> = revs.iter().flat_map(|rev| full_names(tip_of(rev))).collect();
        names.sort_unstable();
        names.dedup();
        if !names.is_empty() {
            let place = self.mirror()?.clone();
            self.besides = Some(self.ask(Call::new(url, access), move |call| mirror::besides(&place, call, &names))?);
        }
        Ok(())
    }

    /// Asks a remote on a thread of its own, as nothing ends a call that waits for a remote that keeps silent: whoever is given up is left
    /// to itself, and ends as soon as it hears anything.
    fn ask<T: Send + 'static>(
        &self,
        call: Call,
        act: impl FnOnce(&Call) -> Result<T, SourceError> + Send + 'static,
    ) -> Result<T, SourceError> {
        let (url, stop, after) = (call.url.clone(), Arc::clone(&call.stop), self.patience);
        let (sender, outcome) = sync_channel(1);
        let thread = std::thread::spawn(move || drop(sender.send(act(&call))));
        match outcome.recv_timeout(after) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) => {
                stop.store(true, Ordering::Relaxed);
                Err(SourceError::TimedOut { url, after })
            }
            Err(RecvTimeoutError::Disconnected) => match thread.join() {
                Ok(()) => Err(SourceError::Interrupted { url }),
                Err(panic) => std::panic::resume_unwind(panic),
            },
        }
    }

    /// Reads the reference. `None`: it points at what was read last.
    ///
    /// # Errors
    /// `SourceError`; the next call starts with a new handle.
    pub fn read(&mut self) -> Result<Option<Reading>, SourceError> {
        let read = self.read_tip();
        if let (Err(SourceError::Object { .. }), Location::Remote { .. }, Some(place)) = (&read, &self.origin.location, &self.place) {
            place.doubt();
        }
        // A handle keeps packs open, and a mirror's are replaced when it is compacted.
        if read.is_err() || matches!(self.origin.location, Location::Remote { .. }) {
            self.objects = None;
        }
        read
    }

    /// Reads any commit that a rev-spec names. What was refused there is refused; nothing is remembered of it.
    ///
    /// # Errors
    /// `SourceError`, [`SourceError::NoRevision`] when there is no such commit.
    pub fn read_revision(&mut self, rev: &str) -> Result<Snapshot, SourceError> {
        let read = self.read_any(rev);
        if matches!(self.origin.location, Location::Remote { .. }) {
            self.objects = None;
        }
        read
    }

    fn read_any(&mut self, rev: &str) -> Result<Snapshot, SourceError> {
        let _hold = self.hold()?;
        self.open()?;
        let objects = opened(self.objects.as_ref(), &self.origin)?;
        // What was asked for besides has no name here, and a mirror knows branches by its own names.
        let tips = self.besides.as_ref().map_or(&[][..], |besides| &besides.tips);
        let ids = full_names(tip_of(rev)).into_iter().filter_map(|name| tips.iter().find(|(theirs, _)| *theirs == name));
        let spec = rev.strip_prefix(tip_of(rev)).unwrap_or_default();
        let mut names =
            ids.map(|(_, id)| format!("{id}{spec}")).chain(["heads", "tags"].map(|kind| format!("refs/trunkline/{kind}/{rev}")));
        let commit = objects.commit_of(rev).or_else(|error| names.find_map(|name| objects.commit_of(&name).ok()).ok_or(error))?;
        let root = objects.root(commit, &self.origin.path)?;
        let revision = Revision::of_commit(rev, &commit.to_string());
        self.knowledge.snapshot(objects, root, &Tree { origin: &self.origin, revision })
    }

    fn mirror(&self) -> Result<&Place, SourceError> {
        self.place.as_ref().ok_or_else(|| SourceError::NoState { url: self.origin.to_string() })
    }

    /// Keeps the mirror as it is while it is read.
    fn hold(&self) -> Result<Option<Hold>, SourceError> {
        match &self.origin.location {
            Location::Local(_) => Ok(None),
            Location::Remote { .. } => self.mirror()?.hold().map(Some),
        }
    }

    fn open(&mut self) -> Result<(), SourceError> {
        if self.objects.is_none() {
            let objects = match &self.origin.location {
                Location::Local(path) => Objects::open(path, &self.origin)?,
                Location::Remote { .. } => {
                    let mirror = &self.mirror()?.mirror;
                    if !mirror.exists() {
                        return Err(SourceError::Empty { origin: self.origin.to_string() });
                    }
                    Objects::open(mirror, &self.origin)?
                }
            };
            self.objects = Some(objects);
        }
        Ok(())
    }

    /// Watches whatever holds the references, when that is on this machine and can be opened. Made anew before each reading: a
    /// repository that was replaced has other directories under the same names.
    pub(crate) fn watch(&mut self, waker: &Waker) -> Option<Watch> {
        let directories = match &self.origin.location {
            Location::Remote { watch, .. } => watch.iter().cloned().collect(),
            Location::Local(_) => {
                let opened = self.open().and_then(|()| opened(self.objects.as_ref(), &self.origin));
                opened.map_or(Vec::new(), |objects| Vec::from(objects.git_directories()))
            }
        };
        let there: Vec<_> = directories.into_iter().filter(|directory| directory.is_dir()).collect();
        if there.is_empty() { None } else { Watch::on(&there, waker) }
    }

    fn read_tip(&mut self) -> Result<Option<Reading>, SourceError> {
        let _hold = self.hold()?;
        self.open()?;
        // In a mirror HEAD points at what was fetched for this very origin.
        let names = match &self.origin.location {
            Location::Local(_) => self.origin.candidates(),
            Location::Remote { .. } => Vec::new(),
        };
        let objects = opened(self.objects.as_ref(), &self.origin)?;
        let tip = objects.tip(&names, self.origin.reference.as_deref())?;
        if self.last.as_ref().is_some_and(|last| last.tip == tip) {
            return Ok(None);
        }
        let root = objects.root(tip.commit, &self.origin.path)?;
        let revision = tip.revision();
        let mut snapshot = match &self.last {
            // Another commit with the same files: the wish is the same, and only its name differs.
            Some(last) if last.root == root => Snapshot { revision: revision.clone(), ..last.snapshot.clone() },
            _ => self.knowledge.snapshot(objects, root, &Tree { origin: &self.origin, revision: revision.clone() })?,
        };
        let parsed = &self.knowledge.parsed;
        let origin = &self.origin;
        self.keep.settle(&mut snapshot, &Commit { id: tip.commit, revision: revision.clone() }, |commit| {
            let root = objects.root(commit.id, &origin.path).ok()?;
            let tree = Tree { origin, revision: commit.revision.clone() };
            // A copy, so that what only the old commit holds does not displace what the new one needs.
            Knowledge { parsed: parsed.clone(), assembler: assembler() }.snapshot(objects, root, &tree).ok()
        });
        if let Err(error) = self.keep.save() {
            tracing::warn!(error = chain(&error), "cannot remember which revision was good; a restart would not know");
        }
        let rewrite = self.last.as_ref().filter(|last| !objects.descends(tip.commit, last.tip.commit));
        let rewrite = rewrite.map(|last| Rewrite { from: last.tip.revision(), to: revision });
        self.last = Some(Last { tip, root, snapshot: snapshot.clone() });
        Ok(Some(Reading { snapshot, rewrite }))
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("origin", &self.origin).finish_non_exhaustive()
    }
}

fn opened<'o>(objects: Option<&'o Objects>, origin: &Origin) -> Result<&'o Objects, SourceError> {
    objects.ok_or_else(|| SourceError::Empty { origin: origin.to_string() })
}

/// The branch, tag or id that a rev-spec (`main~3`, `v1.2^{commit}`) begins with.
fn tip_of(rev: &str) -> &str {
    let end = ["~", "^", "@{", ":"].into_iter().filter_map(|mark| rev.find(mark)).min();
    end.and_then(|end| rev.get(..end)).unwrap_or(rev)
}

struct Tree<'a> {
    origin: &'a Origin,
    revision: Revision,
}

/// What is kept from one revision to the next.
struct Knowledge {
    parsed: Parsed,
    assembler: Assembler,
}

impl Knowledge {
    fn snapshot(&mut self, objects: &Objects, root: Oid, tree: &Tree<'_>) -> Result<Snapshot, SourceError> {
        let listing = tree::list(objects, root, tree.origin.path.prefix())?;
        self.parsed.snapshot(listing, objects, tree.revision.clone(), &mut self.assembler)
    }
}
