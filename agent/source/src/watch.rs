//! Signs that a repository on this machine may have changed.
//!
//! Any event means "read the reference again"; what it says is never believed. Guarantees: directories are watched, not files, since git
//! replaces files; our own reading is no sign. Deliberately absent: certainty. Network file systems and containers may send nothing, so
//! the watcher reads now and then anyway.

use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::watcher::Waker;

/// Keeps the watch alive; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Watch {
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// Watches the git directories that exist. `None`, with a word in the log, when the system has no watch left to give.
    pub(crate) fn on(directories: &[PathBuf], waker: &Waker) -> Option<Self> {
        let wake = waker.clone();
        let started = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.as_ref().map_or(true, |event| is_sign(event.kind)) {
                wake.wake();
            }
        });
        let armed = started.and_then(|mut watcher| {
            for directory in directories {
                // HEAD, packed-refs and their lock files lie directly in it; branches below `refs`. A plain `.git` may be handed in
                // as the directory above it.
                for (path, mode) in watched(directory) {
                    watcher.watch(&path, mode)?;
                }
            }
            Ok(watcher)
        });
        match armed {
            Ok(watcher) => Some(Self { _watcher: watcher }),
            Err(error) => {
                tracing::warn!(%error, "cannot watch the repository; it is read at intervals");
                None
            }
        }
    }
}

fn watched(directory: &Path) -> Vec<(PathBuf, RecursiveMode)> {
    let inner = directory.join(".git");
    let git = if inner.is_dir() { inner } else { directory.to_owned() };
    let refs = git.join("refs");
    let mut paths = vec![(git, RecursiveMode::NonRecursive)];
    if refs.is_dir() {
        paths.push((refs, RecursiveMode::Recursive));
    }
    paths
}

/// Everything but opening and reading: those we do ourselves.
fn is_sign(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) | EventKind::Other => true,
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, ModifyKind, RemoveKind};

    use super::*;

    #[test]
    fn reading_is_no_sign_and_everything_else_is() {
        for ours in [AccessKind::Open(AccessMode::Any), AccessKind::Read, AccessKind::Close(AccessMode::Read), AccessKind::Any] {
            assert!(!is_sign(EventKind::Access(ours)), "{ours:?}");
        }
        let theirs = [
            EventKind::Access(AccessKind::Close(AccessMode::Write)),
            EventKind::Create(CreateKind::Any),
            EventKind::Modify(ModifyKind::Any),
            EventKind::Remove(RemoveKind::Any),
            EventKind::Any,
            EventKind::Other,
        ];
        assert!(theirs.into_iter().all(is_sign));
    }
}
