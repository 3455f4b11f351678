//! The lock on the state directory: one agent writes there at a time, `run` or `apply`.
//!
//! Guarantees: the system ends the lock when its holder dies, however it dies; whoever comes second is told who came first, also one who
//! had it and whose file was removed.
//! Deliberately absent: waiting for it, and a way to break it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use model::condition::Disposition;
use serde::{Deserialize, Serialize};

use crate::place::{self, StateDirectory, StateError};

const FILE: &str = "lock";

/// Who holds the lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LockHolder {
    /// Its process.
    pub pid: u32,
    /// What it does: `run`, `apply`.
    pub command: String,
    /// Since when.
    pub since: Timestamp,
}

/// The lock cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another agent has it.
    #[error("the state directory `{}` is in use by {}", directory.display(), told(holder.as_ref()))]
    Held {
        /// The state directory.
        directory: PathBuf,
        /// Who has it, when that can be read.
        holder: Option<LockHolder>,
    },
    /// The file system refuses.
    #[error("cannot lock `{}`", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Our name cannot be left beside the lock.
    #[error("cannot say who holds the lock")]
    Sign {
        /// Why.
        source: StateError,
    },
}

impl LockError {
    /// What it asks for.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Held { .. } => Disposition::Wait { until: None },
            Self::Refused { .. } | Self::Sign { .. } => Disposition::Retry,
        }
    }
}

fn told(holder: Option<&LockHolder>) -> String {
    match holder {
        Some(LockHolder { pid, command, since }) => format!("`trunkline {command}` (process {pid}, since {since})"),
        None => "another process".to_owned(),
    }
}

/// The lock, held until this is dropped.
#[derive(Debug)]
pub struct StateLock {
    file: Mutex<File>,
    state: StateDirectory,
    me: LockHolder,
}

impl StateLock {
    /// Takes the lock at once or not at all, and leaves our name beside it.
    ///
    /// # Errors
    /// `LockError::Held` names the holder; the others name the file.
    pub fn take(state: &StateDirectory, me: &LockHolder) -> Result<Self, LockError> {
        let file = Mutex::new(take(state, me)?);
        Ok(Self { file, state: state.clone(), me: me.clone() })
    }

    /// Sees to it that the lock keeps others away: where its file was removed (with the directory, most likely) it is taken anew.
    ///
    /// # Errors
    /// `LockError::Held` when another agent was faster and works there now; the others when the file system refuses.
    pub(crate) fn keep(&self) -> Result<(), LockError> {
        let path = self.state.root().join(FILE);
        // Nothing panics while it has the file; if something did, it would still be one.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if is_same(&file, &path) {
            return Ok(());
        }
        place::make(self.state.root()).map_err(|source| LockError::Sign { source })?;
        *file = take(&self.state, &self.me)?;
        tracing::warn!(file = %path.display(), "the lock was removed while we work, and is taken anew");
        Ok(())
    }
}

fn take(state: &StateDirectory, me: &LockHolder) -> Result<File, LockError> {
    let path = state.root().join(FILE);
    // The name lies in a file of its own: on Windows nobody can read a locked one.
    let sign = state.root().join("lock-holder.json");
    let file = open(&path).map_err(|source| LockError::Refused { path: path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let holder = place::read(&sign).ok().flatten();
            return Err(LockError::Held { directory: state.root().to_owned(), holder });
        }
        Err(TryLockError::Error(source)) => return Err(LockError::Refused { path, source }),
    }
    place::replace(&sign, me).map_err(|source| LockError::Sign { source })?;
    Ok(file)
}

/// Whether that file still lies there. What cannot be looked at is not gone.
#[cfg(unix)]
fn is_same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        (_, Err(error)) => error.kind() != io::ErrorKind::NotFound,
        (Err(_), Ok(_)) => true,
    }
}

/// Whether a file still lies there; nobody can replace one that is open.
#[cfg(not(unix))]
fn is_same(_: &File, path: &Path) -> bool {
    !matches!(std::fs::metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

/// Who works with a state directory now; `None` when nobody does. Takes no lock for longer than it takes to see.
///
/// # Errors
/// `LockError::Refused` when nobody can tell, `LockError::Held` when somebody does and cannot be named.
pub fn holder(state: &StateDirectory) -> Result<Option<LockHolder>, LockError> {
    let path = state.root().join(FILE);
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|source| LockError::Refused { path: path.clone(), source })?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::Error(source)) => Err(LockError::Refused { path, source }),
        Err(TryLockError::WouldBlock) => match place::read(&state.root().join("lock-holder.json")) {
            Ok(Some(holder)) => Ok(Some(holder)),
            Ok(None) | Err(_) => Err(LockError::Held { directory: state.root().to_owned(), holder: None }),
        },
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_came_first_and_may_go_on_when_they_leave() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(directory.path()).unwrap();
        let me = LockHolder { pid: 4711, command: "run".to_owned(), since: "2026-03-01T10:00:00Z".parse().unwrap() };
        let held = StateLock::take(&state, &me).unwrap();
        let error = StateLock::take(&state, &me).unwrap_err().to_string().replace(&directory.path().display().to_string(), "<state>");
        insta::assert_snapshot!(error, @"the state directory `<state>` is in use by `trunkline run` (process 4711, since 2026-03-01T10:00:00Z)");
        assert_eq!(holder(&state).unwrap(), Some(me.clone()));
        drop(held);
        assert_eq!(holder(&state).unwrap(), None);
        StateLock::take(&state, &me).unwrap();
    }

    #[test]
    fn a_lock_whose_file_is_gone_is_taken_anew_unless_another_was_faster() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(directory.path().join("state")).unwrap();
        let me = LockHolder { pid: 4711, command: "run".to_owned(), since: "2026-03-01T10:00:00Z".parse().unwrap() };
        let first = StateLock::take(&state, &me).unwrap();
        std::fs::remove_dir_all(state.root()).unwrap();
        first.keep().unwrap();
        assert_eq!(holder(&state).unwrap(), Some(me.clone()), "it is taken anew");
        std::fs::remove_dir_all(state.root()).unwrap();
        let other = LockHolder { pid: 4712, ..me.clone() };
        let second = StateLock::take(&StateDirectory::open(state.root()).unwrap(), &other).unwrap();
        assert!(matches!(first.keep(), Err(LockError::Held { holder: Some(holder), .. }) if holder == other));
        second.keep().unwrap();
        drop(second);
        first.keep().unwrap();
    }

    #[test]
    fn a_holder_that_cannot_be_named_and_a_lock_that_cannot_be_opened_are_not_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(directory.path()).unwrap();
        assert_eq!(holder(&state).unwrap(), None, "nobody was ever here");
        let file = open(&directory.path().join("lock")).unwrap();
        file.try_lock().unwrap();
        assert!(matches!(holder(&state), Err(LockError::Held { holder: None, .. })));
        let lost = StateDirectory::open(directory.path().join("state")).unwrap();
        std::fs::remove_dir(lost.root()).unwrap();
        std::fs::write(lost.root(), "no directory").unwrap();
        assert!(matches!(holder(&lost), Err(LockError::Refused { .. })));
    }
}
