//! What is known of the repository that a fleet is read from: what `trunkline status` says of it.
//!
//! Guarantees: kept in the state directory as one file, replaced whole, so whoever reads it needs no lock; trouble keeps the time at which
//! it began, also over a restart of the agent. Deliberately absent: reading the repository (whoever does it tells), and anything that the
//! agent itself goes by.

use std::path::PathBuf;

use jiff::Timestamp;
use model::cause::chain;
use model::snapshot::Revision;
use serde::{Deserialize, Serialize};

use crate::place::{self, StateDirectory, StateError};

/// What is known of the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryStatus {
    /// Where it is, as the settings name it; no password stands in it.
    pub origin: String,
    /// The revision that the agent goes by; `None` while it has read none since it was started.
    pub revision: Option<Revision>,
    /// Why it cannot be read at present.
    pub trouble: Option<RepositoryTrouble>,
}

/// Why a repository cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryTrouble {
    /// Since when, as far as agents of this state directory have seen.
    pub since: Timestamp,
    /// How many attempts in a row have failed.
    pub attempts: u32,
    /// Why the newest one did, causes included.
    pub says: String,
    /// When the next one is due.
    pub next: Option<Timestamp>,
}

/// A failed attempt to read.
#[derive(Debug, Clone, Copy)]
pub struct FailedRead<'f> {
    /// Failures in a row, in this life of the agent.
    pub failures: u32,
    /// Why.
    pub says: &'f str,
    /// When the next attempt is due.
    pub next: Timestamp,
}

/// Keeps what is known of the repository.
#[derive(Debug)]
pub struct RepositoryRecord {
    file: PathBuf,
    origin: String,
    /// What an earlier life left of the same repository.
    before: Option<RepositoryTrouble>,
    kept: Option<RepositoryStatus>,
}

impl RepositoryRecord {
    /// The record in a state directory; nothing is written yet.
    #[must_use]
    pub fn open(state: &StateDirectory, origin: String) -> Self {
        let file = file(state);
        let place::Left { value, unread } = place::read_or_set_aside::<RepositoryStatus>(&file);
        if let Some(error) = unread {
            tracing::warn!(error = chain(&error), "since when the repository cannot be read is not known any more");
        }
        let before = value.filter(|left| left.origin == origin).and_then(|left| left.trouble);
        Self { file, origin, before, kept: None }
    }

    /// Writes down how the repository is doing: the revision that is gone by, and the attempt that failed, if the newest one did.
    ///
    /// # Errors
    /// `StateError::Write`; the old word stands then.
    pub fn keep(&mut self, revision: Option<&Revision>, failed: Option<FailedRead<'_>>, now: Timestamp) -> Result<(), StateError> {
        let since = self.kept.as_ref().and_then(|kept| kept.trouble.as_ref()).or(self.before.as_ref()).map(|trouble| trouble.since);
        if failed.is_none() {
            self.before = None;
        }
        let earlier = self.before.as_ref().map_or(0, |before| before.attempts);
        let trouble = failed.map(|failed| RepositoryTrouble {
            since: since.unwrap_or(now),
            attempts: earlier.saturating_add(failed.failures),
            says: failed.says.to_owned(),
            next: Some(failed.next),
        });
        let status = RepositoryStatus { origin: self.origin.clone(), revision: revision.cloned(), trouble };
        if self.kept.as_ref() == Some(&status) {
            return Ok(());
        }
        place::replace_lightly(&self.file, &status)?;
        self.kept = Some(status);
        Ok(())
    }
}

impl RepositoryStatus {
    /// What a state directory tells; `None` when no agent has said anything yet. Takes no lock.
    ///
    /// # Errors
    /// `StateError::Read` or `StateError::Damaged`.
    pub fn load(state: &StateDirectory) -> Result<Option<Self>, StateError> {
        place::read(&file(state))
    }

    /// Makes past what was present: no agent runs that would try again.
    pub fn leave(&mut self) {
        if let Some(trouble) = &mut self.trouble {
            trouble.next = None;
        }
    }
}

/// What is gone by while a repository cannot be read, in a sentence.
#[must_use]
pub fn in_force(revision: Option<&Revision>) -> String {
    match revision {
        Some(revision) => format!("{revision:#} stays in force"),
        None => "nothing has been read since the agent was started, so no appliance is looked at".to_owned(),
    }
}

fn file(state: &StateDirectory) -> PathBuf {
    state.root().join("repository.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_772_000_000 + second).unwrap()
    }

    fn failed(failures: u32) -> Option<FailedRead<'static>> {
        Some(FailedRead { failures, says: "no such repository", next: at(900) })
    }

    fn trouble(state: &StateDirectory) -> Option<(Timestamp, u32)> {
        RepositoryStatus::load(state).unwrap().unwrap().trouble.map(|trouble| (trouble.since, trouble.attempts))
    }

    #[test]
    fn trouble_keeps_its_beginning_until_the_repository_is_read_again_also_over_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(directory.path()).unwrap();
        assert_eq!(RepositoryStatus::load(&state).unwrap(), None, "no agent has said anything yet");
        let read = Revision::of_commit("main", "1f2e3d4c5b6a79881f2e");
        let open = |origin: &str| RepositoryRecord::open(&state, origin.to_owned());

        let mut first = open("/srv/fleet");
        first.keep(Some(&read), None, at(0)).unwrap();
        assert_eq!(trouble(&state), None);
        first.keep(Some(&read), failed(1), at(10)).unwrap();
        first.keep(Some(&read), failed(2), at(20)).unwrap();
        assert_eq!(trouble(&state), Some((at(10), 2)));
        assert_eq!(RepositoryStatus::load(&state).unwrap().unwrap().revision, Some(read.clone()));

        let mut second = open("/srv/fleet");
        second.keep(None, failed(1), at(30)).unwrap();
        assert_eq!(trouble(&state), Some((at(10), 3)), "it is still the same trouble");
        let status = RepositoryStatus::load(&state).unwrap().unwrap();
        assert_eq!((status.revision, status.trouble.unwrap().next), (None, Some(at(900))), "this life has read nothing");
        second.keep(Some(&read), None, at(40)).unwrap();
        second.keep(Some(&read), failed(1), at(50)).unwrap();
        assert_eq!(trouble(&state), Some((at(50), 1)), "this one is another");

        open("/srv/other").keep(None, failed(1), at(60)).unwrap();
        assert_eq!(trouble(&state), Some((at(60), 1)), "nor is that of another repository the same");
    }

    #[test]
    fn a_damaged_record_hides_nothing_and_is_set_aside_by_the_next_agent() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(directory.path()).unwrap();
        std::fs::write(directory.path().join("repository.json"), "{").unwrap();
        assert!(matches!(RepositoryStatus::load(&state), Err(StateError::Damaged { .. })));
        RepositoryRecord::open(&state, "/srv/fleet".to_owned()).keep(None, failed(1), at(0)).unwrap();
        assert_eq!(trouble(&state), Some((at(0), 1)));
    }
}
