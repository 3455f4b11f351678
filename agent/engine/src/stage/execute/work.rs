//! What a pass has under way, across its rounds: its place among the appliances that are worked on, its journal, its steps.
//!
//! Guarantees: whoever drops it ends its steps, and gives its place to the next; a step that is dropped was one that only looks or waits,
//! and the journal says so. Deliberately absent: which step comes next (that is `progress`').

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::cause::chain;
use model::condition::Disposition;
use plan::step::{Act, Step, StepId};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::Instant;

use super::doing::{Did, Doer, StepError};
use crate::context::Context;
use crate::event::Happening;
use crate::journal::{Entry, JournalError};
use crate::reconcile::Pass;
use crate::resident::Resident;
use crate::stage::decide::Decided;
use crate::stage::observe::Sight;

/// What a step is to change it has asked for by then; a guest that takes longer to be asked may be asked again.
const ASKED_WITHIN: Duration = Duration::from_secs(20);

/// A step that ended, unless it panicked or was dropped.
type Ended = Result<(Step, Result<Did, StepError>), JoinError>;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Work {
    place: Option<OwnedSemaphorePermit>,
    doer: Option<Arc<Doer>>,
    // The plan that the journal was told of last.
    gated: Option<String>,
    // Whether it was told that there is no journal.
    is_unwritten: bool,
    running: JoinSet<(Step, Result<Did, StepError>)>,
    under_way: BTreeMap<StepId, UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    step: Step,
    task: AbortHandle,
    /// From when on it only looks or waits, if it ever does.
    rests_from: Option<Instant>,
}

impl UnderWay {
    /// Whether it goes on beside these steps. What waits for a state ends when it sees it, unless the opposite is wanted by now; what
    /// looks ends when nobody asks for it any more.
    fn goes_on_beside(&self, go: &[Step]) -> bool {
        let (mine, is_look) = (&self.step, self.step.act.is_look());
        let same_place = |other: &Step| other.instance == mine.instance && other.role == mine.role;
        let is_same = |other: &Step| other.id == mine.id && other.act == mine.act;
        let opposes =
            |other: &Step| same_place(other) && !is_same(other) && is_of_service(&other.act) && other.act.object() == mine.act.object();
        self.task.is_finished() || go.iter().any(is_same) || (!is_look && !go.iter().any(opposes))
    }
}

/// Whether the act starts or stops a service.
fn is_of_service(act: &Act) -> bool {
    matches!(act, Act::StartService { .. } | Act::HoldService { .. } | Act::DrainService { .. })
}

impl Work {
    /// Takes a place among the appliances that are worked on; whether there was one, or it had one already.
    pub(super) fn take_place(&mut self, context: &Context) -> bool {
        if self.place.is_none() {
            self.place = Arc::clone(&context.works).try_acquire_owned().ok();
        }
        self.place.is_some()
    }

    /// Whether it has a place among the appliances that are worked on.
    pub(crate) fn has_place(&self) -> bool {
        self.place.is_some()
    }

    /// Whether this very plan goes on.
    pub(crate) fn goes_on(&self, plan: &str) -> bool {
        self.gated.as_deref() == Some(plan)
    }

    /// Says in the journal what is about to be done. A journal that cannot be kept is told once.
    pub(super) fn begin(&mut self, pass: &Pass, resident: &mut Resident, work: (&Sight, &Decided)) -> Arc<Doer> {
        let (sight, decided) = work;
        let doer = match &self.doer {
            Some(doer) => Arc::clone(doer),
            None => {
                let doer = Doer {
                    host: Arc::clone(&sight.host),
                    desired: Arc::clone(&pass.wish.desired),
                    directory: resident.directory.clone(),
                    journal: Mutex::new(None),
                    clock: Arc::clone(&pass.context.parts.clock),
                    kill: pass.context.parts.kill.clone(),
                };
                Arc::clone(self.doer.insert(Arc::new(doer)))
            }
        };
        if let Err(error) = self.announce(&doer, (pass, resident), decided)
            && !std::mem::replace(&mut self.is_unwritten, true)
        {
            let says = format!("no journal can be kept, so no planned work is done: {}", chain(&error));
            pass.context.events.tell(&pass.wish.desired.appliance, Happening::Alert { says });
        }
        doer
    }

    fn announce(&mut self, doer: &Doer, (pass, resident): (&Pass, &mut Resident), decided: &Decided) -> Result<(), JournalError> {
        let revision = &pass.wish.revision;
        if resident.status.last_attempted.as_ref() != Some(revision) {
            doer.tell(Entry::Revision { revision: revision.clone() })?;
            resident.status.last_attempted = Some(revision.clone());
        }
        let plan = decided.digest();
        if !self.goes_on(&plan) && !decided.go.is_empty() {
            self.gated = Some(plan.clone());
            doer.tell(Entry::Gated { plan, steps: decided.go.len() })?;
        }
        Ok(())
    }

    /// Begins a step.
    pub(super) fn spawn(&mut self, doer: &Arc<Doer>, step: &Step) {
        let (doer, step) = (Arc::clone(doer), step.clone());
        let of = step.clone();
        let now = Instant::now();
        let rests_from = step.only_waits().then(|| if step.act.is_look() { now } else { now + ASKED_WITHIN });
        let span = tracing::info_span!("step", step = %step.id);
        let doing = async move {
            let result = doer.run(&step).await;
            (step, result)
        };
        let task = self.running.spawn(tracing::Instrument::instrument(doing, span));
        self.under_way.insert(of.id.clone(), UnderWay { step: of, task, rests_from });
    }

    /// The next step that ends. Cancel-safe: one that has ended is still there next time.
    pub(super) async fn next(&mut self) -> Option<Ended> {
        loop {
            match self.running.join_next().await {
                Some(Err(error)) if error.is_cancelled() => {}
                ended => return ended,
            }
        }
    }

    /// How many steps are under way.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Whether this step is under way.
    pub(super) fn has_under_way(&self, step: &Step) -> bool {
        self.under_way.contains_key(&step.id)
    }

    /// Whether anything is under way.
    pub(crate) fn is_under_way(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// From when on all that is under way only looks or waits, if it ever does and there is something.
    pub(super) fn rests_from(&self) -> Option<Instant> {
        let all: Option<Vec<Instant>> = self.under_way.values().map(|one| one.rests_from).collect();
        all?.into_iter().max()
    }

    /// A step has ended.
    pub(super) fn ended(&mut self, id: &StepId) {
        self.under_way.remove(id);
    }

    /// A step ended without saying which one it was.
    pub(super) fn forget_the_ended(&mut self) {
        self.under_way.retain(|_, one| !one.task.is_finished());
    }

    /// Keeps what is under way and goes on beside the steps of `go`, and drops the others. One that has ended meanwhile is taken back like
    /// any other.
    pub(crate) fn keep(&mut self, go: &[Step], resident: &mut Resident) {
        self.drop_but(resident, |one| one.goes_on_beside(go));
    }

    fn drop_but(&mut self, resident: &mut Resident, stays: impl Fn(&UnderWay) -> bool) {
        let dropped: Vec<StepId> = self.under_way.iter().filter(|(_, one)| !stays(one)).map(|(id, _)| id.clone()).collect();
        for id in dropped {
            let Some(one) = self.under_way.remove(&id) else { continue };
            one.task.abort();
            resident.status.running.retain(|running| running.step != id);
            let says = "it is not waited for any more".to_owned();
            let entry = Entry::Failed { step: id, says, disposition: Disposition::Wait { until: None } };
            if let Some(Err(error)) = self.doer.as_ref().map(|doer| doer.tell(entry)) {
                tracing::warn!(error = chain(&error), "that a step was dropped could not be written down");
            }
        }
    }

    /// The pass ends: what only looks or waits is dropped.
    pub(crate) fn leave(mut self, resident: &mut Resident) {
        if !self.under_way.is_empty() {
            self.drop_but(resident, |one| one.task.is_finished());
            resident.status.running.clear();
            resident.save();
        }
    }

    /// The engine is dead: nothing comes to its end, and nobody says so.
    pub(super) fn die(&mut self) {
        self.running.abort_all();
        self.under_way.clear();
    }
}
