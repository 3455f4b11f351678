//! What earlier passes over one appliance learned, kept between two lives of the agent.
//!
//! Guarantees: losing it costs time only (law 3): attempts count from nothing, durations are the declared ones, a fault is new. A
//! changed wish gets a fresh start. What cannot be read is as if it were not there, and nothing is written over it. Deliberately absent:
//! anything that could be observed on the host instead.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use model::condition::{Disposition, Reason};
use model::desired::{Desired, Recovery};
use model::names::RoleName;
use model::observed::Observed;
use model::units::Span;
use plan::consent::Consent;
use plan::gate::is_planned;
use plan::given::{Attempts, Memory};
use plan::step::{Act, Purpose, Step, StepId};
use serde::{Deserialize, Serialize};

use crate::backoff;
use crate::place::{self, StateError};

const FILE: &str = "memory.json";
/// A duration is learned from the last few only: a host that got a faster disk is soon believed.
const REMEMBERED_DURATIONS: usize = 5;

/// A step that trying again will not mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StalledStep {
    /// Which kind.
    pub reason: Reason,
    /// Why, with the whole chain of causes.
    pub says: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Kept {
    /// Digest of the wish that the attempts belong to.
    wish: String,
    memory: Memory,
    stalled: BTreeMap<StepId, StalledStep>,
    recent: BTreeMap<String, Vec<Span>>,
    /// How often in a row the host could not be observed.
    blind: u32,
}

/// What is remembered of one appliance.
#[derive(Debug)]
pub struct Remembered {
    path: PathBuf,
    kept: Kept,
    saved: Kept,
    /// Why what lies on the disk cannot be read.
    unread: Option<StateError>,
}

impl Remembered {
    /// What the directory of an appliance holds; nothing, when it cannot be read or understood.
    #[must_use]
    pub fn load(directory: &Path) -> Self {
        let path = directory.join(FILE);
        let place::Left { value, unread } = place::read_or_set_aside::<Kept>(&path);
        let kept = value.unwrap_or_default();
        Self { path, saved: kept.clone(), kept, unread }
    }

    /// Tries again what could not be read; what was learned meanwhile gives way to it. Why it still cannot be.
    pub(crate) fn unread(&mut self) -> Option<&StateError> {
        if self.unread.is_some() {
            let again = Self::load(self.path.parent().unwrap_or(&self.path));
            match again.unread {
                None if again.kept != Kept::default() => *self = again,
                other => self.unread = other,
            }
        }
        self.unread.as_ref()
    }

    /// Brings it to the disk, when anything changed and nothing lies there that could not be read.
    ///
    /// # Errors
    /// `StateError::Write`.
    pub fn save(&mut self) -> Result<(), StateError> {
        if self.kept != self.saved && self.unread.is_none() {
            place::replace(&self.path, &self.kept)?;
            self.saved = self.kept.clone();
        }
        Ok(())
    }

    /// What planning is given.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.kept.memory
    }

    /// To note what planning learns besides.
    pub(crate) fn memory_mut(&mut self) -> &mut Memory {
        &mut self.kept.memory
    }

    /// Notes what was seen; the starts that this look tells to have come to nothing, and how often in a row. A step whose failures are
    /// forgotten for that is stalled no more.
    pub(crate) fn note(&mut self, desired: &Desired, observed: &Observed, now: Timestamp) -> Vec<(StepId, u32)> {
        let Kept { memory, stalled, .. } = &mut self.kept;
        let known: BTreeMap<StepId, u32> = memory.started.iter().map(|(step, started)| (step.clone(), started.relapses)).collect();
        memory.note(desired, observed, now);
        stalled.retain(|step, _| memory.attempts.contains_key(step));
        let is_new = |(step, times): &(&StepId, u32)| known.get(*step).is_none_or(|before| before < times);
        let relapsed: Vec<(StepId, u32)> = memory.relapsed(now).filter(is_new).map(|(step, times)| (step.clone(), times)).collect();
        for (step, times) in &relapsed {
            if let Some(attempts) = memory.attempts.get_mut(step) {
                attempts.retry_at = backoff::next_attempt(*times, now, &desired.recovery);
            }
        }
        relapsed
    }

    /// A service that is to serve was started.
    pub(crate) fn started(&mut self, step: &Step, at: Timestamp, boots: &BTreeMap<RoleName, Timestamp>) {
        if matches!(step.act, Act::StartService { .. }) && step.purpose != Purpose::SetUp {
            self.kept.memory.start(&step.id, step.role.as_ref(), (at, boots));
        }
    }

    /// Notes for what a consent in git was found, so that it holds for what is left of that when some of it is done.
    pub(crate) fn consented(&mut self, consent: &Consent) {
        let consents = &mut self.kept.memory.consents;
        match &consent.given_by {
            // The steps that are left are among those noted already.
            Some(digest) if *digest != consent.digest => consents.retain(|known, _| known == digest),
            Some(digest) => *consents = [(digest.clone(), consent.steps.clone())].into(),
            None => {}
        }
    }

    /// Another wish gets a fresh start: what failed for the old one may work now.
    pub(crate) fn adopt_wish(&mut self, digest: &str) {
        if self.kept.wish != digest {
            digest.clone_into(&mut self.kept.wish);
            self.kept.memory.attempts.clear();
            self.kept.memory.started.clear();
            self.kept.memory.rebuilds.clear();
            self.kept.memory.broken_off = None;
            self.kept.stalled.clear();
            self.kept.blind = 0;
        }
    }

    /// A step was verified.
    pub(crate) fn succeeded(&mut self, step: &Step, took: Duration) {
        self.kept.memory.attempts.remove(&step.id);
        self.kept.stalled.remove(&step.id);
        if let (Act::RemoveVm { .. }, Purpose::SetUp, Some(role)) = (&step.act, step.purpose, &step.role) {
            let rebuilds = self.kept.memory.rebuilds.entry(role.clone()).or_default();
            *rebuilds = rebuilds.saturating_add(1);
        }
        let verb = step.act.verb();
        let recent = self.kept.recent.entry(verb.to_owned()).or_default();
        // Rounded up, so that nothing is expected to take no time.
        recent.push(Span::from_secs(took.as_secs().saturating_add(1)));
        let surplus = recent.len().saturating_sub(REMEMBERED_DURATIONS);
        recent.drain(..surplus);
        if let Some(longest) = recent.iter().max() {
            self.kept.memory.durations.insert(verb.to_owned(), *longest);
        }
    }

    /// A step was found done without our doing.
    pub(crate) fn found(&mut self, step: &StepId) {
        self.kept.memory.attempts.remove(step);
        self.kept.stalled.remove(step);
    }

    /// A step came to nothing; when it may be tried again.
    pub(crate) fn failed(&mut self, step: &Step, failure: &Failure<'_>) -> Timestamp {
        let before = self.kept.memory.attempts.remove(&step.id);
        let attempts = before.as_ref().map_or(0, |before| before.failed).saturating_add(1);
        let (proven, boots) = before.map_or_else(Default::default, |before| (before.proven, before.boots));
        let (proven, boots) = match failure.blame {
            Blame::Object => (proven.saturating_add(1), failure.boots.clone()),
            Blame::Way => (proven, boots),
        };
        let longest = || failure.ended.saturating_add(failure.schedule.longest_wait.as_duration()).unwrap_or(Timestamp::MAX);
        let by_schedule = || backoff::next_attempt(attempts, failure.ended, failure.schedule);
        let retry_at = match &failure.disposition {
            Disposition::Retry => by_schedule(),
            Disposition::Wait { until } => until.unwrap_or_else(|| backoff::next_attempt(1, failure.ended, failure.schedule)),
            Disposition::Stall(reason) => {
                let stalled = StalledStep { reason: *reason, says: failure.says.to_owned() };
                self.kept.stalled.insert(step.id.clone(), stalled);
                // Somebody may have mended the host without a commit, so it is tried again: rarely, unless calls may wait for it.
                if is_planned(step.purpose) { longest() } else { by_schedule() }
            }
        };
        let attempts = Attempts { failed: attempts, proven, ended: failure.ended, retry_at, boots };
        self.kept.memory.attempts.insert(step.id.clone(), attempts);
        retry_at
    }

    /// Planned work ends serving: what was broken off before is over, whether calls came back or not.
    pub(crate) fn ends_serving(&mut self) {
        if let Some(broken) = &mut self.kept.memory.broken_off {
            broken.out = false;
        }
    }

    /// The steps that trying again will not mend.
    #[must_use]
    pub fn stalled(&self) -> &BTreeMap<StepId, StalledStep> {
        &self.kept.stalled
    }

    /// Forgets every failure: all is well. Not before, as a step may be missing from a plan only because its place cannot be seen.
    pub(crate) fn all_is_well(&mut self) {
        self.kept.memory.attempts.clear();
        self.kept.memory.rebuilds.clear();
        self.kept.memory.broken_off = None;
        self.kept.stalled.clear();
    }

    /// The host could not be observed; how often in a row.
    pub(crate) fn blinded(&mut self) -> u32 {
        self.kept.blind = self.kept.blind.saturating_add(1);
        self.kept.blind
    }

    /// The host was observed.
    pub(crate) fn sighted(&mut self) {
        self.kept.blind = 0;
    }
}

/// Whose failure it was that a step came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    /// What it works on refused, failed, or did not come to it in its time.
    Object,
    /// Something on the way there, so nobody knows: the wire, a guest that cannot be looked into, our own disk.
    Way,
}

/// How a step came to nothing.
#[derive(Debug)]
pub(crate) struct Failure<'a> {
    pub(crate) disposition: Disposition,
    pub(crate) blame: Blame,
    pub(crate) says: &'a str,
    pub(crate) ended: Timestamp,
    pub(crate) schedule: &'a Recovery,
    /// When the guests had started, each by its own clock.
    pub(crate) boots: &'a BTreeMap<RoleName, Timestamp>,
}

#[cfg(test)]
mod tests {
    use model::names::InstanceId;
    use model::observed::Reach;
    use plan::step::{Impact, StepTime};

    use super::*;

    fn step() -> Step {
        let (instance, role, act) = (InstanceId::new("2.1").unwrap(), RoleName::new("ad").unwrap(), Act::StartVm);
        let id = StepId::of(&instance, Some(&role), &act);
        let time = StepTime::declared(&act);
        let (purpose, impact) = (Purpose::Repair, Impact::None);
        Step { id, instance, role: Some(role), act, purpose, after: Vec::new(), behind: Vec::new(), impact, reach: Reach::HostOnly, time }
    }

    fn failure(disposition: Disposition) -> Failure<'static> {
        static BOOTS: BTreeMap<RoleName, Timestamp> = BTreeMap::new();
        const SCHEDULE: Recovery = Recovery { first_wait: Span::from_secs(10), longest_wait: Span::from_secs(3600), service_restarts: 3 };
        Failure { disposition, blame: Blame::Object, says: "job failed", ended: Timestamp::UNIX_EPOCH, schedule: &SCHEDULE, boots: &BOOTS }
    }

    #[test]
    fn failures_in_a_row_back_off_and_a_success_forgets_them() {
        let directory = tempfile::tempdir().unwrap();
        let mut memory = Remembered::load(directory.path());
        let waits: Vec<i64> = (0..5).map(|_| memory.failed(&step(), &failure(Disposition::Retry)).as_second()).collect();
        assert_eq!(waits, [10, 10, 10, 20, 40]);
        memory.succeeded(&step(), Duration::from_secs(3));
        assert_eq!(memory.failed(&step(), &failure(Disposition::Retry)).as_second(), 10);
    }

    #[test]
    fn a_failure_on_the_way_backs_off_and_proves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let mut memory = Remembered::load(directory.path());
        let (first, second): (BTreeMap<_, _>, BTreeMap<_, _>) =
            ([(RoleName::new("ad").unwrap(), Timestamp::UNIX_EPOCH)].into(), [(RoleName::new("ad").unwrap(), Timestamp::MAX)].into());
        memory.failed(&step(), &Failure { boots: &first, ..failure(Disposition::Retry) });
        memory.failed(&step(), &Failure { boots: &second, blame: Blame::Way, ..failure(Disposition::Retry) });
        let attempts = &memory.memory().attempts[&step().id];
        assert_eq!((attempts.failed, attempts.proven, &attempts.boots), (2, 1, &first));
    }

    #[test]
    fn what_was_learned_survives_a_life_and_a_changed_wish_starts_afresh() {
        let directory = tempfile::tempdir().unwrap();
        let mut memory = Remembered::load(directory.path());
        memory.adopt_wish("a");
        memory.succeeded(&step(), Duration::from_millis(41_300));
        memory.failed(&step(), &failure(Disposition::Stall(Reason::StepFailed)));
        memory.save().unwrap();

        let mut memory = Remembered::load(directory.path());
        memory.adopt_wish("a");
        assert_eq!(memory.memory().time_of(&Act::StartVm).expected, Span::from_secs(42));
        assert_eq!(memory.stalled().len(), 1);
        assert_eq!(memory.memory().attempts[&step().id].retry_at.as_second(), 10);
        memory.adopt_wish("b");
        assert_eq!((memory.stalled().len(), memory.memory().attempts.len()), (0, 0));
        assert_eq!(memory.memory().durations.len(), 1, "how long things take does not depend on the wish");
    }

    #[test]
    fn what_only_a_person_mends_is_tried_rarely_unless_calls_may_wait_for_it() {
        let directory = tempfile::tempdir().unwrap();
        let mut memory = Remembered::load(directory.path());
        let mut waits = |purpose| memory.failed(&Step { purpose, ..step() }, &failure(Disposition::Stall(Reason::StepFailed))).as_second();
        assert_eq!([waits(Purpose::Change), waits(Purpose::SetUp)], [3600; 2]);
        assert_eq!([waits(Purpose::Repair), waits(Purpose::Close), waits(Purpose::Return)], [10, 20, 40]);
    }

    #[test]
    fn only_the_last_few_durations_count() {
        let directory = tempfile::tempdir().unwrap();
        let mut memory = Remembered::load(directory.path());
        memory.succeeded(&step(), Duration::from_secs(500));
        for _ in 0..REMEMBERED_DURATIONS {
            memory.succeeded(&step(), Duration::from_secs(7));
        }
        assert_eq!(memory.memory().durations["start-vm"], Span::from_secs(8));
    }

    #[test]
    fn a_damaged_memory_is_an_empty_one() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(FILE), b"\xff\x00{").unwrap();
        assert_eq!(Remembered::load(directory.path()).kept, Kept::default());
    }
}
