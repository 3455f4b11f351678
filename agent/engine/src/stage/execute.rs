//! Does what goes: steps in their order, those that do not depend on each other side by side. I/O: host, journal, turn, hold.
//!
//! Guarantees: a failed step stops what comes after it and nothing else; before each step a person may have said stop, and before each
//! step that disrupts the turn is ours; whatever ends the execution, steps that have begun come to their end first, unless the engine
//! dies. Deliberately absent: any decision about which steps there are.

mod doing;
mod progress;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use model::names::RoleName;
use plan::step::{Impact, Step, StepId};
use tokio::task::JoinSet;

use crate::cause::chain;
use crate::event::Happening;
use crate::journal::{Entry, Journal, JournalError};
use crate::memory::Failure;
use crate::reconcile::Pass;
use crate::resident::Resident;
use crate::stage::decide::{Decided, NeedOfTurn};
use crate::stage::observe::Sight;
use crate::status::RunningStep;
use doing::{Did, Doer, StepError};
use progress::{End, Progress};

/// How an execution ended.
#[derive(Debug, Default)]
pub(crate) struct Executed {
    /// How many steps were done and verified.
    pub(crate) done: usize,
    /// The steps that came to nothing.
    pub(crate) failed: Vec<FailedStep>,
    /// Why no further step was begun, when there were some.
    pub(crate) stop: Option<Stop>,
}

/// A step that came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailedStep {
    /// The step.
    pub(crate) step: StepId,
    /// Why, with the whole chain of causes.
    pub(crate) says: String,
    /// When it may be tried again.
    pub(crate) next: jiff::Timestamp,
}

/// Why no further step was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The engine is to stop.
    Shutdown,
    /// A person on the host said stop.
    Held,
    /// The turn is not ours, or nobody can tell.
    NotOurTurn,
    /// A step panicked.
    Crashed,
    /// A test stopped the engine: it is dead.
    Killed,
}

/// Does the steps that passed the gate.
///
/// # Errors
/// `JournalError` when there is no journal to write to; then nothing was begun.
pub(crate) async fn execute(pass: &Pass, resident: &mut Resident, work: (&Sight, &Decided)) -> Result<Executed, JournalError> {
    let (sight, decided) = work;
    let mut executed = Executed::default();
    if decided.turn == NeedOfTurn::Disrupts && !take_turn(pass).await {
        executed.stop = Some(Stop::NotOurTurn);
        return Ok(executed);
    }
    let (mut journal, _) = Journal::open(&resident.directory)?;
    let now = pass.context.now();
    let revision = &pass.wish.revision;
    if resident.status.last_attempted.as_ref() != Some(revision) {
        journal.append(now, Entry::Revision { revision: revision.clone() })?;
        resident.status.last_attempted = Some(revision.clone());
    }
    journal.append(now, Entry::Gated { plan: decided.digest(), steps: decided.go.len() })?;
    let doer = Doer {
        host: Arc::clone(&sight.host),
        desired: Arc::clone(&pass.wish.desired),
        journal: Mutex::new(journal),
        clock: Arc::clone(&pass.context.parts.clock),
        kill: pass.context.parts.kill.clone(),
    };
    let boots = boots(pass, sight);
    let mut execution = Execution { pass, resident, doer: Arc::new(doer), running: JoinSet::new(), executed, boots };
    execution.run(decided).await;
    Ok(execution.executed)
}

fn boots(pass: &Pass, sight: &Sight) -> BTreeMap<RoleName, Timestamp> {
    let vms = sight.observed.instances.get(&pass.wish.desired.instance).into_iter().flat_map(|instance| &instance.vms);
    vms.filter_map(|(role, vm)| Some((role.clone(), vm.guest.known()?.booted_at))).collect()
}

async fn take_turn(pass: &Pass) -> bool {
    let member = pass.member();
    match pass.context.parts.store.take_turn(&member).await {
        Ok(turn) => turn.is_of(&member.appliance),
        Err(error) => {
            tracing::warn!(error = chain(&error), "the turn cannot be taken");
            false
        }
    }
}

struct Execution<'e> {
    pass: &'e Pass,
    resident: &'e mut Resident,
    doer: Arc<Doer>,
    // Owns every step under way: whoever drops the execution ends them.
    running: JoinSet<(Step, Result<Did, StepError>)>,
    executed: Executed,
    /// When the guests had started, each by its own clock.
    boots: BTreeMap<RoleName, Timestamp>,
}

impl Execution<'_> {
    async fn run(&mut self, decided: &Decided) {
        let mut progress = Progress::of(&decided.go);
        loop {
            while self.executed.stop.is_none() && self.running.len() < self.pass.context.parts.limits.steps.max(1) {
                let Some(step) = progress.begin_next() else { break };
                match self.may_begin(step, decided.turn).await {
                    Ok(()) => self.begin(step),
                    Err(stop) => self.executed.stop = Some(stop),
                }
            }
            let Some(ended) = self.running.join_next().await else { return };
            let Ok((step, result)) = ended else {
                // A step that panicked proves a bug of ours. What it did is on the host; the next pass looks.
                tracing::error!("a step ended in a panic");
                self.executed.stop = Some(Stop::Crashed);
                continue;
            };
            if matches!(result, Err(StepError::Killed(_))) {
                // A dead process finishes nothing.
                self.running.abort_all();
                self.executed.stop = Some(Stop::Killed);
                return;
            }
            let end = self.end(&step, result);
            progress.end(&step.id, end);
        }
    }

    async fn may_begin(&self, step: &Step, turn: NeedOfTurn) -> Result<(), Stop> {
        let context = &self.pass.context;
        if self.pass.shutdown.is_cancelled() {
            return Err(Stop::Shutdown);
        }
        if context.holds.on(&self.pass.wish.desired.appliance, context.now()).is_some() {
            return Err(Stop::Held);
        }
        if turn == NeedOfTurn::Disrupts && step.impact >= Impact::Drain {
            let member = self.pass.member();
            let ours = context.parts.store.turn(&member).await.is_ok_and(|turn| turn.is_of(&member.appliance));
            if !ours {
                return Err(Stop::NotOurTurn);
            }
        }
        Ok(())
    }

    fn begin(&mut self, step: &Step) {
        let (expected, since) = (step.time.expected, self.pass.context.now());
        self.tell(Happening::StepStarted { step: step.id.clone(), expected });
        self.resident.status.running.push(RunningStep { step: step.id.clone(), since, expected });
        self.resident.save();
        let (doer, step) = (Arc::clone(&self.doer), step.clone());
        let span = tracing::info_span!("step", step = %step.id);
        self.running.spawn(tracing::Instrument::instrument(
            async move {
                let result = doer.run(&step).await;
                (step, result)
            },
            span,
        ));
    }

    fn end(&mut self, step: &Step, result: Result<Did, StepError>) -> End {
        self.resident.status.running.retain(|running| running.step != step.id);
        let end = match result {
            Ok(Did::Found) => {
                self.resident.memory.found(&step.id);
                self.tell(Happening::StepFound { step: step.id.clone() });
                End::Found
            }
            Ok(Did::Done { took }) => {
                self.resident.memory.succeeded(step, took);
                self.executed.done += 1;
                self.tell(Happening::StepDone { step: step.id.clone(), took });
                End::Done
            }
            Err(error) => {
                let says = chain(&error);
                let schedule = &self.pass.wish.desired.recovery;
                let failure =
                    Failure { disposition: error.disposition(), says: &says, ended: self.pass.context.now(), schedule, boots: &self.boots };
                let next = self.resident.memory.failed(&step.id, &failure);
                self.tell(Happening::StepFailed { step: step.id.clone(), says: says.clone() });
                self.executed.failed.push(FailedStep { step: step.id.clone(), says, next });
                End::Failed
            }
        };
        self.resident.save();
        end
    }

    fn tell(&self, what: Happening) {
        self.pass.context.events.tell(&self.pass.wish.desired.appliance, what);
    }
}
