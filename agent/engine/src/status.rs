//! What is known of an appliance right now: what `trunkline status` and the status page show.
//!
//! Guarantees: kept in the state directory as one file, replaced whole, so whoever reads it needs no lock; holds no secret.
//! Deliberately absent: anything that the agent itself reads back to decide by (only `since` and the last revisions are carried over).

use std::path::Path;

use jiff::Timestamp;
use model::condition::{Condition, ConditionKind, Fault, Posture, Reason, Truth};
use model::names::{ApplianceName, SiteName};
use model::snapshot::Revision;
use model::units::Span;
use plan::step::StepId;
use serde::{Deserialize, Serialize};

use crate::hold::Hold;
use crate::place::{self, StateDirectory, StateError};

const FILE: &str = "status.json";

/// What is known of one appliance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplianceStatus {
    /// The appliance.
    pub appliance: ApplianceName,
    /// Its site; `None` when no sound wish was ever seen.
    pub site: Option<SiteName>,
    /// The revision whose wish is in force.
    pub revision: Option<Revision>,
    /// The revision that was last worked towards.
    pub last_attempted: Option<Revision>,
    /// The revision that was last seen in force on the host.
    pub last_applied: Option<Revision>,
    /// Whether it takes calls; `None` when that could not be seen.
    pub posture: Option<Posture>,
    /// Watched signals that could not be seen at the last look.
    #[serde(default)]
    pub unseen: Vec<Fault>,
    /// `Ready`, `Reconciling`, `Stalled`, `Healthy`, in this order.
    pub conditions: Vec<Condition>,
    /// The steps under way.
    pub running: Vec<RunningStep>,
    /// The steps that an agent which is gone left under way; what became of them the next look tells. Nothing of this is kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub was_running: Vec<RunningStep>,
    /// What work waits on.
    pub waits: Vec<Wait>,
    /// How many attempts in a row have failed.
    pub attempts: u32,
    /// When the next attempt or look is due.
    pub next_attempt: Option<Timestamp>,
    /// When the host was last observed.
    pub observed_at: Option<Timestamp>,
    /// The hold in force.
    pub hold: Option<Hold>,
}

/// A step under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunningStep {
    /// The step.
    pub step: StepId,
    /// What it does, in the words of the plan; empty when an earlier version of the agent wrote it down.
    #[serde(default)]
    pub says: String,
    /// Since when.
    pub since: Timestamp,
    /// How long it is expected to take.
    pub expected: Span,
}

/// Something that work waits on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// What, in a word: `window`, `turn`, `peer` …
    pub on: String,
    /// What, in a sentence.
    pub says: String,
    /// When it is over, if that can be told.
    pub until: Option<Timestamp>,
}

impl ApplianceStatus {
    /// Nothing is known yet.
    #[must_use]
    pub fn unknown(appliance: &ApplianceName) -> Self {
        Self {
            appliance: appliance.clone(),
            site: None,
            revision: None,
            last_attempted: None,
            last_applied: None,
            posture: None,
            unseen: Vec::new(),
            conditions: Vec::new(),
            running: Vec::new(),
            was_running: Vec::new(),
            waits: Vec::new(),
            attempts: 0,
            next_attempt: None,
            observed_at: None,
            hold: None,
        }
    }

    /// One condition, when it was ever said.
    #[must_use]
    pub fn condition(&self, kind: ConditionKind) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }

    /// Whether the wish is in force.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.condition(ConditionKind::Ready).is_some_and(|ready| ready.status == Truth::True)
    }

    /// Whether the repository no longer describes it.
    #[must_use]
    pub fn is_let_go(&self) -> bool {
        self.condition(ConditionKind::Ready).is_some_and(|ready| ready.reason == Reason::NotDescribed)
    }

    /// Makes past what was present: no agent runs that would go on with it.
    pub fn leave(&mut self) {
        self.was_running.append(&mut self.running);
        self.next_attempt = None;
        for condition in self.conditions.iter_mut().filter(|condition| condition.reason == Reason::Progressing) {
            condition.message = format!("nobody goes on with it now; last it was said that {}", condition.message);
        }
    }

    /// Says a condition. `since` moves only when the truth of it does.
    pub(crate) fn say(&mut self, kind: ConditionKind, (status, reason): (Truth, Reason), message: &str, now: Timestamp) {
        let before = self.condition(kind).filter(|before| before.status == status);
        let since = before.map_or(now, |before| before.since);
        self.conditions.retain(|before| before.kind != kind);
        self.conditions.push(Condition { kind, status, reason, message: message.to_owned(), since });
        self.conditions.sort_by_key(|condition| condition.kind);
    }

    /// Reads the status that `directory` (of one appliance) holds; one that cannot be read counts as missing.
    pub(crate) fn load(directory: &Path) -> place::Left<Self> {
        place::read_or_set_aside(&directory.join(FILE))
    }

    /// Replaces the status in `directory`.
    pub(crate) fn save(&self, directory: &Path) -> Result<(), StateError> {
        place::replace_lightly(&directory.join(FILE), self)
    }
}

/// Every status that a state directory holds, by name, and what is wrong with those that cannot be read. Takes no lock.
#[must_use]
pub fn read_all(state: &StateDirectory) -> (Vec<ApplianceStatus>, Vec<StateError>) {
    let mut all = Vec::new();
    let mut damaged = Vec::new();
    let appliances = state.appliances().unwrap_or_else(|error| {
        damaged.push(error);
        Vec::new()
    });
    for appliance in appliances {
        match place::read(&state.appliance(&appliance).join(FILE)) {
            Ok(status) => all.extend(status),
            Err(error) => damaged.push(error),
        }
    }
    (all, damaged)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn name() -> ApplianceName {
        ApplianceName::new("sea-1").unwrap()
    }

    #[test]
    fn since_moves_only_when_the_truth_does() {
        let mut status = ApplianceStatus::unknown(&name());
        let start = Timestamp::from_second(1_772_000_000).unwrap();
        let later = start + SignedDuration::from_mins(5);
        status.say(ConditionKind::Ready, (Truth::False, Reason::Progressing), "steps are under way", start);
        status.say(ConditionKind::Ready, (Truth::False, Reason::Waiting), "the window is closed", later);
        let ready = status.condition(ConditionKind::Ready).unwrap();
        assert_eq!((ready.since, ready.reason), (start, Reason::Waiting));
        status.say(ConditionKind::Ready, (Truth::True, Reason::Converged), "the wish is in force", later);
        assert_eq!(status.condition(ConditionKind::Ready).unwrap().since, later);
        assert!(status.is_ready());
        assert_eq!(status.conditions.len(), 1);
    }

    #[test]
    fn what_an_agent_left_is_past() {
        let mut status = ApplianceStatus::unknown(&name());
        let now = Timestamp::from_second(1_772_000_000).unwrap();
        let step = serde_json::from_str("\"1.0/edge/stop\"").unwrap();
        status.running = vec![RunningStep { step, says: "edge: stop".to_owned(), since: now, expected: Span::from_secs(60) }];
        status.next_attempt = Some(now);
        status.say(ConditionKind::Reconciling, (Truth::True, Reason::Progressing), "2 steps are under way", now);
        status.say(ConditionKind::Stalled, (Truth::True, Reason::AccessDenied), "the password is refused", now);
        assert!(serde_json::to_value(&status).unwrap().get("wasRunning").is_none(), "nothing was");
        let running = status.running.clone();
        status.leave();
        assert_eq!((&status.running, &status.was_running, status.next_attempt), (&vec![], &running, None));
        let message = |kind| status.condition(kind).unwrap().message.as_str();
        assert_eq!(message(ConditionKind::Reconciling), "nobody goes on with it now; last it was said that 2 steps are under way");
        assert_eq!(message(ConditionKind::Stalled), "the password is refused");
        let json = serde_json::to_value(&status).unwrap();
        assert_eq!((json["running"].as_array().unwrap().len(), &json["wasRunning"][0]["step"]), (0, &"1.0/edge/stop".into()));
    }

    #[test]
    fn a_status_that_was_saved_is_found_by_whoever_asks() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(directory.path()).unwrap();
        assert_eq!(read_all(&state).0, []);
        let status = ApplianceStatus::unknown(&name());
        status.save(&state.appliance(&name())).unwrap();
        assert_eq!(read_all(&state).0, [status]);
    }
}
