//! One step: check, say what is meant, perform, verify, say that it is done. I/O: the host and the journal.
//!
//! Guarantees: a step that is done already is not done again; the journal says `Intent` before the host hears of it and `Done` after it
//! was looked at, and where neither can be written planned work is not done; the whole ends within the step's timeout. A wire that broke after the request is no proof of anything, so it is
//! looked at before the step counts as failed.
//! Deliberately absent: trying again (that is the next pass's), and any choice.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyperv::{Blocker, Check, Host, PerformError};
use model::cause::chain;
use model::condition::Disposition;
use model::desired::Desired;
use plan::gate::is_planned;
use plan::step::{Step, StepId};
use tokio::time::Instant;
use wsman::clock::SharedClock;

use crate::interrupt::{Interrupted, KillPoint, KillSwitch};
use crate::journal::{Entry, Journal, JournalError};
use crate::memory::Blame;

/// The first wait between two looks at a step that the host says is done; it doubles.
const FIRST_LOOK: Duration = Duration::from_millis(200);
/// The longest wait between two looks.
const LAST_LOOK: Duration = Duration::from_secs(5);

/// How long the look may take that tells why time ran out.
const LAST_LOOK_TAKES: Duration = Duration::from_secs(30);

/// How a step ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Did {
    /// It was done already.
    Found,
    /// It was done and verified.
    Done {
        /// How long that took.
        took: Duration,
    },
}

/// How a step ended badly.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    #[error(transparent)]
    Host(#[from] PerformError),
    #[error("step `{step}` cannot begin: {blocker}")]
    Blocked { step: StepId, blocker: Blocker },
    #[error("step `{step}` was given up after {} s; {last}", after.as_secs())]
    TimedOut { step: StepId, after: Duration, last: LastWord },
    #[error("step `{step}` cannot be written down, so it is not done")]
    Journal { step: StepId, source: JournalError },
    #[error(transparent)]
    Killed(#[from] Interrupted),
}

/// What the look after the end of a step's time told.
#[derive(Debug, thiserror::Error)]
pub(super) enum LastWord {
    #[error("it is not seen to be done")]
    Open,
    #[error("{0}")]
    Unseen(String),
}

impl StepError {
    /// Whose failure it was.
    pub(super) fn blame(&self) -> Blame {
        match self {
            Self::Host(error) if error.failure().was_tried() => Blame::Object,
            Self::TimedOut { last: LastWord::Open, .. } => Blame::Object,
            Self::Host(_) | Self::TimedOut { .. } | Self::Blocked { .. } | Self::Journal { .. } | Self::Killed(_) => Blame::Way,
        }
    }

    pub(super) fn disposition(&self) -> Disposition {
        match self {
            Self::Host(error) => error.disposition(),
            Self::Journal { source, .. } => source.disposition(),
            Self::Blocked { .. } => Disposition::Wait { until: None },
            Self::TimedOut { .. } | Self::Killed(_) => Disposition::Retry,
        }
    }
}

/// What doing a step needs. Shared by the steps of one execution.
#[derive(Debug)]
pub(super) struct Doer {
    pub(super) host: Arc<Host>,
    pub(super) desired: Arc<Desired>,
    /// Where the journal lies.
    pub(super) directory: PathBuf,
    // Opened for the first record. Never held across an await; steps that run side by side write one line each.
    pub(super) journal: Mutex<Option<Journal>>,
    pub(super) clock: SharedClock,
    pub(super) kill: KillSwitch,
}

impl Doer {
    /// Does a step.
    pub(super) async fn run(&self, step: &Step) -> Result<Did, StepError> {
        let started = Instant::now();
        let deadline = started + step.time.timeout.as_duration();
        let result = match tokio::time::timeout_at(deadline, self.attempt(step, started)).await {
            Ok(result) => result,
            Err(_) => self.out_of_time(step, started).await,
        };
        if let Ok(Did::Done { took }) = &result {
            let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            self.write(step, Entry::Done { step: step.id.clone(), took_ms })?;
        }
        if let Err(error) = &result
            && !matches!(error, StepError::Killed(_) | StepError::Journal { .. })
        {
            let failed = Entry::Failed { step: step.id.clone(), says: chain(error), disposition: error.disposition() };
            if let Err(error) = self.write(step, failed) {
                tracing::warn!(error = chain(&error), "a failure could not be written down");
            }
        }
        result
    }

    async fn attempt(&self, step: &Step, started: Instant) -> Result<Did, StepError> {
        if self.stands_open(step).await? == Check::Done {
            return Ok(Did::Found);
        }
        self.kill.pass(KillPoint::BeforeIntent, &step.id)?;
        self.write(step, Entry::Intent { step: step.id.clone() })?;
        self.kill.pass(KillPoint::AfterIntent, &step.id)?;
        self.perform(step).await?;
        self.kill.pass(KillPoint::Performed, &step.id)?;
        self.verify(step).await?;
        self.kill.pass(KillPoint::Verified, &step.id)?;
        Ok(Did::Done { took: started.elapsed() })
    }

    /// Time ran out: a last look tells why, and may find that it is done after all.
    async fn out_of_time(&self, step: &Step, started: Instant) -> Result<Did, StepError> {
        let took = started.elapsed();
        let last = match tokio::time::timeout(LAST_LOOK_TAKES, self.host.check(&self.desired, step)).await {
            Ok(Ok(Check::Done)) => return Ok(Did::Done { took }),
            Ok(Ok(Check::Open)) => LastWord::Open,
            Ok(Ok(Check::Blocked(blocker))) => LastWord::Unseen(blocker.to_string()),
            Ok(Err(error)) => LastWord::Unseen(chain(&error)),
            Err(_) => LastWord::Unseen("the host does not answer".to_owned()),
        };
        Err(StepError::TimedOut { step: step.id.clone(), after: took, last })
    }

    /// How the step stands, once nothing stands before it that goes away by itself (a guest that is still starting).
    async fn stands_open(&self, step: &Step) -> Result<Check, StepError> {
        let mut pause = FIRST_LOOK;
        loop {
            match self.host.check(&self.desired, step).await? {
                Check::Blocked(blocker) if blocker.passes() => {}
                Check::Blocked(blocker) => return Err(StepError::Blocked { step: step.id.clone(), blocker }),
                stands => return Ok(stands),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LAST_LOOK);
        }
    }

    async fn perform(&self, step: &Step) -> Result<(), StepError> {
        let performed = tokio::select! {
            biased;
            // Cancel-safe: it only sleeps. In production it never ends.
            interrupted = self.kill.during(&step.id) => return Err(interrupted.into()),
            // Not cancel-safe, and dropped only to die: the host goes on with what it was asked for, and the next life looks.
            performed = self.host.perform(&self.desired, step) => performed,
        };
        match performed {
            Ok(()) => Ok(()),
            Err(error) if error.disposition() == Disposition::Retry => {
                // The request may have arrived although its answer did not.
                let done = matches!(self.host.check(&self.desired, step).await, Ok(Check::Done));
                if done { Ok(()) } else { Err(error.into()) }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Looks until it is done. What cannot be seen for a while (a guest that restarts) is looked at again; the timeout ends it.
    async fn verify(&self, step: &Step) -> Result<(), StepError> {
        let mut pause = FIRST_LOOK;
        loop {
            match self.host.check(&self.desired, step).await {
                Ok(Check::Done) => return Ok(()),
                Err(error) if matches!(error.disposition(), Disposition::Stall(_)) => return Err(error.into()),
                Ok(Check::Open | Check::Blocked(_)) | Err(_) => {}
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LAST_LOOK);
        }
    }

    fn write(&self, step: &Step, entry: Entry) -> Result<(), StepError> {
        match self.tell(entry) {
            Err(source) if is_planned(step.purpose) => Err(StepError::Journal { step: step.id.clone(), source }),
            Err(error) => {
                // Calls do not wait until somebody has made room on our disk.
                tracing::warn!(step = %step.id, error = chain(&error), "a repair goes on unwritten");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Writes an entry into the journal.
    pub(super) fn tell(&self, entry: Entry) -> Result<(), JournalError> {
        let mut slot = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        let journal = match slot.as_mut() {
            Some(journal) => journal,
            None => slot.insert(Journal::open(&self.directory)?.0),
        };
        journal.append(self.clock.now(), entry)
    }
}
