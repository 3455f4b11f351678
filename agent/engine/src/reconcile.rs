//! The one function: observe, decide (plan, review, gate), execute, report, until nothing goes any more.
//!
//! Guarantees: each round goes by what was just seen; whatever an execution changed is looked at before the pass ends, unless it is
//! told to stop, which ends a look at once; a pass ends, even when host and plan never agree. Dry runs share every line up to `execute`.
//! Deliberately absent: waiting. Whatever must happen first ends the pass, and the queue brings the appliance back.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::names::SiteName;
use plan::step::StepId;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::outcome::Outcome;
use crate::resident::Resident;
use crate::stage::decide::decide;
use crate::stage::execute::{Executed, Stop, Work, execute};
use crate::stage::observe::{Sight, SightError, observe};
use crate::stage::report::{self, Round};
use crate::store::Member;
use crate::wish::Wish;

/// Rounds of one pass. A full installation takes about two for each guest; what takes more than this is going in circles.
const MOST_ROUNDS: usize = 64;

/// What one pass goes by.
#[derive(Debug)]
pub(crate) struct Pass {
    pub(crate) context: Arc<Context>,
    pub(crate) wish: Wish,
    pub(crate) shutdown: CancellationToken,
    /// Sites that the appliance belonged to before.
    pub(crate) left: BTreeSet<SiteName>,
}

/// How a pass went.
#[derive(Debug)]
pub(crate) struct Passage {
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// Whether peers that wait may find something changed: a step was done, the turn moved, or another word was told.
    pub(crate) moved: bool,
}

impl Pass {
    /// This appliance among those of its site.
    pub(crate) fn member(&self) -> Member {
        let desired = &self.wish.desired;
        Member { site: desired.site.clone(), appliance: desired.appliance.clone(), peers: desired.peers.iter().cloned().collect() }
    }
}

/// Brings one appliance as far as it goes now. `place` is the one that it looks from; it is given back while steps run.
pub(crate) async fn reconcile(pass: &Pass, resident: &mut Resident, place: OwnedSemaphorePermit) -> Passage {
    report::leave_sites(pass).await;
    let mut work = Work::default();
    let passage = rounds(pass, resident, &mut work, place).await;
    work.leave(resident);
    passage
}

async fn rounds(pass: &Pass, resident: &mut Resident, work: &mut Work, place: OwnedSemaphorePermit) -> Passage {
    resident.memory.adopt_wish(&pass.wish.digest);
    let began = tokio::time::Instant::now();
    let mut place = Some(place);
    let (mut round_count, mut done, mut moved) = (0, 0, false);
    // The steps of rounds in which everything was found done: plan and check disagree about them.
    let mut disputed: Option<StepId> = None;
    while round_count < MOST_ROUNDS {
        // I/O.
        let Some((place, looked)) = look(pass, resident, place.take()).await else {
            return Passage { outcome: Outcome::Stopped, moved };
        };
        let mut sight = match looked {
            Ok(sight) => sight,
            Err(error) => {
                let (outcome, news) = report::blind(pass, resident, &error).await;
                return Passage { outcome, moved: moved || news };
            }
        };
        if work.has_place() {
            sight.given.crowd = None;
        }
        // Pure.
        let decided = decide(&pass.context, &pass.wish, &mut sight);
        if decided.decision.report.withdrawn {
            resident.memory.memory_mut().break_off(sight.given.now);
        }
        // I/O.
        let round = Round { pass, sight: &sight, decided: &decided };
        moved |= report::seen(&round, resident).await;
        if decided.go.is_empty() {
            work.keep(&[], resident);
        }
        if decided.go.is_empty() && !work.is_under_way() {
            let took = (done > 0).then(|| began.elapsed());
            let (outcome, gave_back) = report::settled(&round, resident, took).await;
            return Passage { outcome, moved: moved || gave_back };
        }
        if let Some(consent) = &decided.decision.report.consent {
            resident.memory.consented(consent);
        }
        if !work.goes_on(&decided.digest()) && !decided.go.is_empty() {
            report::begun(&round, resident);
        }
        drop(place);
        let executed = execute(pass, resident, work, (&sight, &decided)).await;
        done += executed.done;
        moved |= executed.done > 0;
        if let Some(outcome) = ends(pass, resident, &executed) {
            return Passage { outcome, moved };
        }
        if executed.looks_on && executed.done == 0 {
            // A guest or a service takes its time; that is no going in circles.
            continue;
        }
        round_count += 1;
        if executed.done == 0 && executed.stop.is_none() {
            let first = decided.go.first().map(|step| step.id.clone());
            if first.is_some() && first == disputed {
                let says = format!("step `{}` is planned and seen as done at once", decided.go[0].id);
                return Passage { outcome: report::retrying(pass, resident, (None, &says)), moved };
            }
            disputed = first;
        }
    }
    let says = format!("nothing came to rest within {MOST_ROUNDS} rounds");
    Passage { outcome: report::retrying(pass, resident, (None, &says)), moved }
}

/// What a look saw, and the place that it was made from.
type Looked = (Option<OwnedSemaphorePermit>, Result<Sight, SightError>);

/// Looks, from `place` or from the next one that is free; `None` when the pass is told to stop. Then the look is dropped, however long a
/// silent host would have kept it: it reads only, and between two rounds nothing else is under way that would come to an end.
async fn look(pass: &Pass, resident: &mut Resident, place: Option<OwnedSemaphorePermit>) -> Option<Looked> {
    let looking = async {
        let place = match place {
            Some(place) => Some(place),
            None => pass.context.look().await,
        };
        (place, observe(pass, resident).await)
    };
    tokio::select! {
        biased;
        // Cancel-safe: it only waits.
        () = pass.shutdown.cancelled() => None,
        // Dropped only to stop; what it has noted by then was seen.
        looked = looking => Some(looked),
    }
}

/// How the pass ends after an execution, if it does.
fn ends(pass: &Pass, resident: &mut Resident, executed: &Executed) -> Option<Outcome> {
    match executed.stop {
        Some(Stop::Shutdown | Stop::Killed) => return Some(Outcome::Stopped),
        Some(Stop::Crashed) => return Some(report::retrying(pass, resident, (None, "a step ended in a panic"))),
        // The next round sees the hold, whose turn it is, or how many are worked on, and says so.
        Some(Stop::Held | Stop::NotOurTurn | Stop::NoRoom) | None => {}
    }
    if executed.done > 0 || executed.looks_on {
        // What failed waits for its next attempt; what does not depend on it goes on.
        return None;
    }
    let first = executed.failed.iter().min_by_key(|failed| failed.next)?;
    Some(report::retrying(pass, resident, (Some(first), &first.says)))
}
