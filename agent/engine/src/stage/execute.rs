//! Does what goes: steps in their order, those that do not depend on each other side by side. I/O: host, journal, turn, hold.
//!
//! Guarantees: a failed step stops what comes after it and nothing else; before each step a person may have said stop, and before each
//! step that disrupts the turn is ours; planned work has a place among the appliances that are worked on; whatever ends the execution,
//! steps that change something come to their end first, unless the engine dies. Nobody is blind while a guest boots or a service starts: a
//! step that only looks, or waits for what was asked for, goes on while everything else is looked at again, each `probeEvery` or as soon
//! as something was done beside it, and is dropped when nobody wants it any more.
//! Deliberately absent: any decision about which steps there are.

mod doing;
mod progress;
mod work;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use model::cause::chain;
use model::names::{InstanceId, RoleName};
use plan::gate::{is_disruption, is_planned};
use plan::posture::in_maintenance;
use plan::render;
use plan::step::{Step, StepId};
use tokio::task::JoinError;
use tokio::time::{Instant, sleep_until};

use crate::event::Happening;
use crate::memory::Failure;
use crate::reconcile::Pass;
use crate::resident::Resident;
use crate::stage::decide::{Decided, NeedOfTurn};
use crate::stage::observe::Sight;
use crate::stage::report;
use crate::status::RunningStep;
use doing::{Did, Doer, StepError};
use progress::{End, Progress};
pub(crate) use work::Work;

/// How an execution ended.
#[derive(Debug, Default)]
pub(crate) struct Executed {
    /// How many steps were done and verified.
    pub(crate) done: usize,
    /// The steps that came to nothing.
    pub(crate) failed: Vec<FailedStep>,
    /// Why no further step was begun, when there were some.
    pub(crate) stop: Option<Stop>,
    /// Whether steps that only look or wait are still under way, and it is time to look at everything.
    pub(crate) looks_on: bool,
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
    /// As many other appliances are worked on as there is room for.
    NoRoom,
    /// A step panicked.
    Crashed,
    /// A test stopped the engine: it is dead.
    Killed,
}

/// Does the steps that passed the gate; `work` holds what is under way from earlier rounds of the pass.
pub(crate) async fn execute(pass: &Pass, resident: &mut Resident, work: &mut Work, (sight, decided): (&Sight, &Decided)) -> Executed {
    let stopped = |stop| Executed { stop: Some(stop), ..Executed::default() };
    if decided.decision.to_run().1.takes_room && !work.take_place(&pass.context) {
        return stopped(Stop::NoRoom);
    }
    if decided.turn == NeedOfTurn::Disrupts && !take_turn(pass).await {
        return stopped(Stop::NotOurTurn);
    }
    let doer = work.begin(pass, resident, (sight, decided));
    let disrupts = decided.go.iter().any(is_disruption);
    if disrupts {
        report::leaves(pass, resident).await;
        resident.memory.ends_serving();
    }
    // A person's maintenance is no change that is tried again and again.
    let keeps_calls_away = (disrupts || decided.decision.report.begun) && !in_maintenance(&pass.wish.desired, sight.given.now);
    let boots = boots(&decided.decision.plan.instance, sight);
    let look_again = look_again(pass, (sight, decided));
    let mut execution = Execution { pass, resident, work, doer, executed: Executed::default(), boots, keeps_calls_away, look_again };
    execution.run(decided).await;
    execution.executed
}

fn boots(instance: &InstanceId, sight: &Sight) -> BTreeMap<RoleName, Timestamp> {
    let vms = sight.observed.instances.get(instance).into_iter().flat_map(|instance| &instance.vms);
    vms.filter_map(|(role, vm)| Some((role.clone(), vm.guest.known()?.booted_at))).collect()
}

/// When everything is looked at again, whatever is still waited for: as soon as a pass that waits would come back.
fn look_again(pass: &Pass, (sight, decided): (&Sight, &Decided)) -> Instant {
    let probe_every = pass.wish.desired.watch.probe_every.as_duration();
    let told = decided.decision.to_run().1.look_again.and_then(|at| Duration::try_from(at.duration_since(sight.given.now)).ok());
    Instant::now() + told.map_or(probe_every, |told| told.min(probe_every))
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
    work: &'e mut Work,
    doer: Arc<Doer>,
    executed: Executed,
    /// When the guests had started, each by its own clock.
    boots: BTreeMap<RoleName, Timestamp>,
    /// Whether planned work keeps calls away, or is about to.
    keeps_calls_away: bool,
    /// When everything is looked at again, unless something changes it.
    look_again: Instant,
}

impl Execution<'_> {
    async fn run(&mut self, decided: &Decided) {
        self.work.keep(&decided.go, self.resident);
        let mut progress = Progress::of(&decided.go, |step| self.work.has_under_way(step));
        loop {
            while self.executed.stop.is_none() && self.work.under_way() < self.pass.context.parts.limits.steps.max(1) {
                let Some(step) = progress.begin_next() else { break };
                match self.may_begin(step, decided.turn).await {
                    Ok(()) => self.begin(step, progress.upcoming()),
                    Err(stop) => self.executed.stop = Some(stop),
                }
            }
            let rests_from = self.work.rests_from();
            // What rests has nothing to bring to an end; and what was done beside it is looked at like everything that was done.
            let is_due = self.executed.stop.is_some() || self.executed.done > 0;
            let leaves_at = rests_from.map(|rests| if is_due { rests } else { rests.max(self.look_again) });
            tokio::select! {
                biased;
                // Cancel-safe: a step that has ended is still there next time.
                ended = self.work.next() => match ended {
                    None => return,
                    Some(ended) => if self.take_back(ended, &mut progress).is_break() { return },
                },
                // Cancel-safe: it only waits.
                () = self.pass.shutdown.cancelled(), if rests_from.is_some() && self.executed.stop.is_none() => {
                    self.executed.stop = Some(Stop::Shutdown);
                }
                // Cancel-safe: it only waits.
                () = sleep_until(leaves_at.unwrap_or(self.look_again)), if leaves_at.is_some() => {
                    self.executed.looks_on = self.executed.stop.is_none();
                    return;
                }
            }
        }
    }

    /// Takes back a step that ended; breaks when the engine is dead.
    fn take_back(&mut self, ended: Result<(Step, Result<Did, StepError>), JoinError>, progress: &mut Progress<'_>) -> ControlFlow<()> {
        let Ok((step, result)) = ended else {
            // A step that panicked proves a bug of ours. What it did is on the host; the next pass looks.
            tracing::error!("a step ended in a panic");
            self.work.forget_the_ended();
            self.executed.stop = Some(Stop::Crashed);
            return ControlFlow::Continue(());
        };
        self.work.ended(&step.id);
        if matches!(result, Err(StepError::Killed(_))) {
            // A dead process finishes nothing.
            self.work.die();
            self.executed.stop = Some(Stop::Killed);
            return ControlFlow::Break(());
        }
        let end = self.end(&step, result);
        progress.end(&step.id, end);
        ControlFlow::Continue(())
    }

    async fn may_begin(&self, step: &Step, turn: NeedOfTurn) -> Result<(), Stop> {
        let context = &self.pass.context;
        if self.pass.shutdown.is_cancelled() {
            return Err(Stop::Shutdown);
        }
        if context.holds.on(&self.pass.wish.desired.appliance, context.now()).is_some() {
            return Err(Stop::Held);
        }
        // A fault closes without a turn.
        if turn == NeedOfTurn::Disrupts && is_disruption(step) {
            let member = self.pass.member();
            let ours = context.parts.store.turn(&member).await.is_ok_and(|turn| turn.is_of(&member.appliance));
            if !ours {
                return Err(Stop::NotOurTurn);
            }
        }
        Ok(())
    }

    fn begin(&mut self, step: &Step, next: Option<&Step>) {
        let (expected, since) = (step.time.expected, self.pass.context.now());
        let says = render::step(step);
        self.tell(Happening::StepStarted { step: step.id.clone(), says: says.clone(), expected, next: next.map(render::step) });
        self.resident.status.running.push(RunningStep { step: step.id.clone(), says, since, expected });
        self.resident.save();
        self.work.spawn(&self.doer, step);
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
                self.resident.memory.started(step, self.pass.context.now(), &self.boots);
                self.executed.done += 1;
                self.tell(Happening::StepDone { step: step.id.clone(), took });
                End::Done
            }
            Err(error) => {
                let says = chain(&error);
                let schedule = &self.pass.wish.desired.recovery;
                let (disposition, blame) = (error.disposition(), error.blame());
                let failure = Failure { disposition, blame, says: &says, ended: self.pass.context.now(), schedule, boots: &self.boots };
                let next = self.resident.memory.failed(step, &failure);
                // What cannot be written down was not tried.
                let tried = !matches!(error, StepError::Journal { .. });
                if self.keeps_calls_away && is_planned(step.purpose) && tried {
                    self.resident.memory.memory_mut().break_off(failure.ended);
                }
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
