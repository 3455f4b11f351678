//! Holds: a person on the host stops the agent, without git, for a while (law 11).
//!
//! Guarantees: a hold is kept on the host and outlives the agent; it expires; it can only make the agent do less; a hold that cannot be
//! read holds. Whoever writes one needs no lock on the state directory: a running agent looks again before each step.
//! Deliberately absent: a hold without an end, and any other command by file.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use jiff::{SignedDuration, Timestamp};
use model::cause::chain;
use model::names::ApplianceName;
use model::units::Span;
use serde::{Deserialize, Serialize};

use crate::lock::{LockError, StateLock};
use crate::place::{self, StateDirectory, StateError};

/// What is held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HoldScope {
    /// Every appliance of this agent.
    All,
    /// One.
    Appliance(ApplianceName),
}

/// One hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hold {
    /// What is held.
    pub scope: HoldScope,
    /// Why, for everybody who looks.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

impl Hold {
    /// A hold that begins at `now`.
    #[must_use]
    pub fn starting_at(now: Timestamp, length: Span, scope: HoldScope, reason: &str) -> Self {
        let length = SignedDuration::from_secs(i64::try_from(length.secs()).unwrap_or(i64::MAX));
        let until = now.saturating_add(length).unwrap_or(Timestamp::MAX);
        Self { scope, reason: reason.to_owned(), since: now, until }
    }
}

impl std::fmt::Display for HoldScope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("all appliances"),
            Self::Appliance(name) => write!(f, "{name}"),
        }
    }
}

/// The holds of a state directory. Holds no state of its own: each question reads the disk.
#[derive(Debug, Clone)]
pub struct Holds {
    directory: PathBuf,
    /// The lock of the agent that asks. Only its engine keeps it.
    lock: Weak<StateLock>,
}

/// How long a hold is taken to last that cannot be read, or a lock that another has. Each is looked at again long before.
const UNREADABLE_FOR: Span = Span::from_secs(60);

impl Holds {
    /// The holds of this state directory.
    #[must_use]
    pub fn of(state: &StateDirectory) -> Self {
        Self { directory: state.root().join("holds"), lock: Weak::new() }
    }

    /// The same for whoever works there under this lock: where it is another's, two would work at once.
    #[must_use]
    pub(crate) fn under(self, lock: &Arc<StateLock>) -> Self {
        Self { lock: Arc::downgrade(lock), ..self }
    }

    /// That another agent works with our state directory, as a hold.
    fn taken(&self, now: Timestamp) -> Option<Hold> {
        match self.lock.upgrade()?.keep() {
            Ok(()) => None,
            Err(error @ LockError::Held { .. }) => {
                let reason = format!("{error}, as its lock was removed while this agent works; one of the two must end");
                Some(Hold::starting_at(now, UNREADABLE_FOR, HoldScope::All, &reason))
            }
            Err(error) => {
                // Where nobody can lock, nobody else works either.
                tracing::warn!(error = chain(&error), "the lock on the state directory was removed and cannot be taken anew");
                None
            }
        }
    }

    // One file for each scope, so that two people who hold two appliances at once do not overwrite each other.
    fn file(&self, scope: &HoldScope) -> PathBuf {
        match scope {
            HoldScope::All => self.directory.join("all.json"),
            HoldScope::Appliance(name) => self.directory.join(format!("appliance-{name}.json")),
        }
    }

    /// Puts a hold in force, replacing an earlier one of the same scope.
    ///
    /// # Errors
    /// `StateError` when it cannot be kept; then it is not in force.
    pub fn place(&self, hold: &Hold) -> Result<(), StateError> {
        place::replace(&self.file(&hold.scope), hold)
    }

    /// Ends a hold; whether there was one.
    ///
    /// # Errors
    /// `StateError::Write` when the file cannot be removed.
    pub fn release(&self, scope: &HoldScope) -> Result<bool, StateError> {
        let path = self.file(scope);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(StateError::Write { path, source }),
        }
    }

    /// The hold that is in force on `appliance` at `now`; of two, the one that ends later.
    #[must_use]
    pub fn on(&self, appliance: &ApplianceName, now: Timestamp) -> Option<Hold> {
        let scopes = [HoldScope::All, HoldScope::Appliance(appliance.clone())];
        self.taken(now).or_else(|| scopes.iter().filter_map(|scope| self.in_force(scope, now)).max_by_key(|hold| hold.until))
    }

    /// Why a hold on `appliance` cannot be read, if one cannot. It holds until it can be, or is released.
    #[must_use]
    pub fn unreadable(&self, appliance: &ApplianceName) -> Option<StateError> {
        let scopes = [HoldScope::All, HoldScope::Appliance(appliance.clone())];
        scopes.iter().find_map(|scope| place::read::<Hold>(&self.file(scope)).err())
    }

    fn in_force(&self, scope: &HoldScope, now: Timestamp) -> Option<Hold> {
        let path = self.file(scope);
        match place::read::<Hold>(&path) {
            Ok(hold) => hold.filter(|hold| now < hold.until),
            Err(error) => {
                // Somebody wanted us to stop. That we cannot read for how long is no reason to go on.
                tracing::warn!(%error, "a hold cannot be read, so it holds");
                let reason = format!("`{}` cannot be read; remove it or hold again", path.display());
                Some(Hold::starting_at(now, UNREADABLE_FOR, scope.clone(), &reason))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ApplianceName {
        ApplianceName::new(text).unwrap()
    }

    fn now() -> Timestamp {
        "2026-03-01T10:00:00Z".parse().unwrap()
    }

    fn holds() -> (tempfile::TempDir, Holds) {
        let directory = tempfile::tempdir().unwrap();
        let holds = Holds::of(&StateDirectory::open(directory.path()).unwrap());
        (directory, holds)
    }

    #[test]
    fn a_hold_holds_its_appliance_until_it_expires() {
        let (_kept, holds) = holds();
        let scope = HoldScope::Appliance(name("sea-1"));
        holds.place(&Hold::starting_at(now(), Span::from_secs(4 * 3600), scope, "cabling")).unwrap();
        let later = |hours| now() + SignedDuration::from_hours(hours);
        assert_eq!(holds.on(&name("sea-1"), later(3)).map(|hold| hold.reason), Some("cabling".to_owned()));
        assert_eq!(holds.on(&name("sea-2"), later(3)), None);
        assert_eq!(holds.on(&name("sea-1"), later(4)), None, "the end is the first moment outside");
    }

    #[test]
    fn a_hold_on_all_holds_each_and_can_be_released() {
        let (_kept, holds) = holds();
        holds.place(&Hold::starting_at(now(), Span::from_secs(60), HoldScope::All, "audit")).unwrap();
        assert!(holds.on(&name("sea-2"), now()).is_some());
        assert!(holds.release(&HoldScope::All).unwrap());
        assert!(!holds.release(&HoldScope::All).unwrap(), "there was none any more");
        assert_eq!(holds.on(&name("sea-2"), now()), None);
    }

    #[test]
    fn a_hold_that_cannot_be_read_holds() {
        let (kept, holds) = holds();
        fs::create_dir_all(kept.path().join("holds")).unwrap();
        fs::write(kept.path().join("holds/all.json"), "{").unwrap();
        let hold = holds.on(&name("sea-1"), now()).unwrap();
        assert!(hold.reason.contains("all.json"), "{}", hold.reason);
        assert!(hold.until > now());
        assert!(matches!(holds.unreadable(&name("sea-1")), Some(StateError::Damaged { .. })));
        holds.release(&HoldScope::All).unwrap();
        assert!(holds.unreadable(&name("sea-1")).is_none());
    }
}
