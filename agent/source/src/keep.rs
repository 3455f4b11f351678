//! What stays in force while a revision is faulty (law 10).
//!
//! For each appliance it remembers the last revision that wished it without a fault: the wish itself while the agent lives, the commit
//! on disk, so that a new agent can read it again from git. Guarantees: an appliance is forgotten only when a complete revision lacks
//! it. Deliberately absent: wishes on disk; git has them, and a copy could disagree.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::Oid;
use model::names::ApplianceName;
use model::snapshot::{Kept, Revision, Snapshot};

use crate::error::SourceError;

/// First line of the file.
const HEADER: &str = "trunkline last-good 1";

/// Distinct commits that are read again after a restart: each costs a whole tree.
const MAX_RECALLED: usize = 8;

/// Largest file that is believed to be ours.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Unfinished copies beside the file, of whoever else saves it now and of those who were killed over it.
const MAX_BESIDE: u32 = 1000;

/// The last good wish of every appliance.
#[derive(Debug, Default)]
pub(crate) struct Keep {
    file: Option<PathBuf>,
    good: BTreeMap<ApplianceName, Good>,
    /// What the file says at present.
    written: BTreeMap<ApplianceName, Commit>,
}

/// A commit and the name of the reference that it was read from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Commit {
    pub(crate) id: Oid,
    pub(crate) revision: Revision,
}

#[derive(Debug)]
struct Good {
    commit: Commit,
    /// `None` after a restart, until it is needed.
    wish: Option<Kept>,
}

impl Keep {
    /// Starts with what an earlier agent left. A file that cannot be read costs memory, never correctness.
    pub(crate) fn open(file: Option<PathBuf>) -> Self {
        let written = file.as_deref().map(load).unwrap_or_default();
        let good = written.iter().map(|(name, commit)| (name.clone(), Good { commit: commit.clone(), wish: None })).collect();
        Self { file, good, written }
    }

    /// Learns what `snapshot` wishes soundly, and fills in what stays in force beside it. `recall` reads an older commit again.
    pub(crate) fn settle(&mut self, snapshot: &mut Snapshot, commit: &Commit, mut recall: impl FnMut(&Commit) -> Option<Snapshot>) {
        for (name, desired) in snapshot.desired.iter() {
            let wish = Kept { revision: commit.revision.clone(), desired: Arc::clone(desired) };
            self.good.insert(name.clone(), Good { commit: commit.clone(), wish: Some(wish) });
        }
        if snapshot.complete {
            self.good.retain(|name, _| snapshot.desired.contains_key(name));
        } else {
            self.recall_missing(snapshot, &mut recall);
        }
        let kept = self.good.iter().filter(|(name, _)| !snapshot.desired.contains_key(*name));
        let kept = kept.filter_map(|(name, good)| Some((name.clone(), good.wish.clone()?))).collect();
        snapshot.kept = Arc::new(kept);
    }

    fn recall_missing(&mut self, snapshot: &Snapshot, recall: &mut impl FnMut(&Commit) -> Option<Snapshot>) {
        let missing = |name: &ApplianceName, good: &Good| good.wish.is_none() && !snapshot.desired.contains_key(name);
        let mut commits: Vec<Commit> =
            self.good.iter().filter(|(name, good)| missing(name, good)).map(|(_, good)| good.commit.clone()).collect();
        commits.sort_unstable();
        commits.dedup();
        for commit in commits.into_iter().take(MAX_RECALLED) {
            let Some(old) = recall(&commit) else {
                tracing::warn!(revision = %commit.revision, "the last good revision can no longer be read; its appliances are left alone");
                continue;
            };
            for (name, good) in self.good.iter_mut().filter(|(_, good)| good.commit == commit && good.wish.is_none()) {
                let found = old.desired.get(name);
                good.wish = found.map(|desired| Kept { revision: commit.revision.clone(), desired: Arc::clone(desired) });
            }
        }
    }

    /// Writes what a new agent needs, when it changed.
    pub(crate) fn save(&mut self) -> Result<(), SourceError> {
        let Some(file) = &self.file else { return Ok(()) };
        let now: BTreeMap<ApplianceName, Commit> = self.good.iter().map(|(name, good)| (name.clone(), good.commit.clone())).collect();
        if now == self.written {
            return Ok(());
        }
        let mut text = format!("{HEADER}\n");
        for (name, commit) in &now {
            text.push_str(&format!("{} {name} {}\n", commit.id, commit.revision));
        }
        let failed = |act| move |source| SourceError::State { act, path: file.clone(), source };
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).map_err(failed("make the directory of"))?;
        }
        replace(file, &text).map_err(failed("write"))?;
        self.written = now;
        Ok(())
    }
}

/// Writes beside `file` first, so that a crash leaves the old one whole.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let (mut out, beside) = create_beside(file)?;
    let written = out.write_all(text.as_bytes()).and_then(|()| out.sync_all()).and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        // What went wrong first is told; a copy that stays is in nobody's way.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// A new file that nobody else writes: other processes may save the same list, and a crash may have left one.
fn create_beside(file: &Path) -> io::Result<(File, PathBuf)> {
    for n in 0..MAX_BESIDE {
        let beside = file.with_extension(format!("{n}.new"));
        match File::create_new(&beside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|out| (out, beside)),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "too many unfinished copies lie beside it"))
}

/// The commits that a new agent may have to read again.
pub(crate) fn commits(file: &Path) -> Vec<Oid> {
    let mut commits: Vec<Oid> = load(file).into_values().map(|commit| commit.id).collect();
    commits.sort_unstable();
    commits.dedup();
    commits
}

fn load(file: &Path) -> BTreeMap<ApplianceName, Commit> {
    let too_large = fs::metadata(file).is_ok_and(|found| found.len() > MAX_FILE_BYTES);
    let text = if too_large { Ok(String::new()) } else { fs::read_to_string(file) };
    let text = match text {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return BTreeMap::new(),
        Err(error) => {
            tracing::warn!(path = %file.display(), %error, "cannot read which revisions were good; starting without");
            return BTreeMap::new();
        }
    };
    let mut lines = text.lines();
    let read: Option<BTreeMap<_, _>> = (lines.next() == Some(HEADER)).then(|| lines.map(entry).collect()).flatten();
    read.unwrap_or_else(|| {
        tracing::warn!(path = %file.display(), "the list of good revisions is damaged; starting without");
        BTreeMap::new()
    })
}

fn entry(line: &str) -> Option<(ApplianceName, Commit)> {
    let mut words = line.splitn(3, ' ');
    let id = Oid::from_str(words.next()?).ok()?;
    let name = ApplianceName::new(words.next()?).ok()?;
    let (reference, sha1) = words.next()?.split_once("@sha1:")?;
    // A line that was cut would otherwise name another revision than it reads.
    (sha1 == id.to_string()).then(|| (name, Commit { id, revision: Revision::of_commit(reference, sha1) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What would be saved where so many appliances were good.
    fn keep(file: &Path, appliances: usize) -> Keep {
        let id = Oid::from_str(&format!("{appliances:040x}")).unwrap();
        let commit = Commit { id, revision: Revision::of_commit("main", &id.to_string()) };
        let good = |n| (ApplianceName::new(&format!("sea-{n}")).unwrap(), Good { commit: commit.clone(), wish: None });
        Keep { file: Some(file.to_owned()), good: (0..appliances).map(good).collect(), written: BTreeMap::new() }
    }

    fn names(directory: &Path) -> Vec<String> {
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn two_who_save_at_once_leave_the_whole_list_of_one_of_them() {
        const SIZES: [usize; 2] = [3, 500];
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.last-good");
        keep(&file, SIZES[0]).save().unwrap();
        std::thread::scope(|scope| {
            let savers = SIZES.map(|size| {
                let file = &file;
                scope.spawn(move || (0..100).for_each(|_| keep(file, size).save().unwrap()))
            });
            while savers.iter().any(|saver| !saver.is_finished()) {
                let found = load(&file).len();
                assert!(SIZES.contains(&found), "{found} appliances");
            }
        });
        assert_eq!(names(directory.path()), ["a.last-good"]);
    }

    #[test]
    fn a_list_that_cannot_be_put_in_place_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.last-good");
        fs::create_dir(&file).unwrap();
        assert!(matches!(keep(&file, 1).save(), Err(SourceError::State { act: "write", .. })));
        assert_eq!(names(directory.path()), ["a.last-good"]);
    }

    #[test]
    fn what_a_crash_left_is_in_nobodys_way() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.last-good");
        fs::write(directory.path().join("a.0.new"), "half").unwrap();
        keep(&file, 2).save().unwrap();
        assert_eq!(load(&file).len(), 2);
    }
}
