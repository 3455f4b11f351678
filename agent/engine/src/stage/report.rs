//! Says what was seen and how a pass ended: status, conditions, events, the word to the peers, the turn. I/O: writes only.
//!
//! Guarantees: conditions mean what kstatus means by them; an event is told when something changed, not each time it is looked at; the
//! turn is given back only after the host was observed at rest. Deliberately absent: any influence on what is done.

mod words;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use model::cause::chain;
use model::condition::{Condition, ConditionKind, Disposition, Fault, Posture, Reason, Truth};
use model::names::ApplianceName;
use model::units::Span;
use plan::Decision;
use plan::given::{Peer, PeerSight, TurnState};
use plan::graph::Plan;
use plan::report::PlanReport;
use plan::step::Step;

use crate::backoff;
use crate::context::Context;
use crate::event::Happening;
use crate::outcome::Outcome;
use crate::reconcile::Pass;
use crate::resident::Resident;
use crate::stage::decide::Decided;
use crate::stage::execute::FailedStep;
use crate::stage::observe::{Sight, SightError};
use crate::store::PeerStatus;
use crate::wish::Limit;
use words::describe;

/// A word to the peers is good for so many probes: one may be lost, and one may be late.
const PROBES_TO_LIVE: u64 = 3;

/// What is said of an appliance when nothing is left to do.
const IN_FORCE: &str = "the wish is in force";

/// One round of a pass, up to the gate.
#[derive(Debug)]
pub(crate) struct Round<'r> {
    pub(crate) pass: &'r Pass,
    pub(crate) sight: &'r Sight,
    pub(crate) decided: &'r Decided,
}

/// Says what was seen; whether the peers were told something new.
pub(crate) async fn seen(round: &Round<'_>, resident: &mut Resident) -> bool {
    let Round { pass, sight, decided } = round;
    let Decision { plan, report, gated, .. } = &decided.decision;
    let desired = &pass.wish.desired;
    let events = &pass.context.events;
    let posture = &report.posture;
    if resident.status.posture.as_ref() != Some(posture) {
        events.tell(&desired.appliance, Happening::Posture { now: posture.clone() });
    }
    if let Some(tripped) = &decided.alert {
        events.tell(&desired.appliance, Happening::Alert { says: tripped.to_string() });
    }
    let status = &mut resident.status;
    status.site = Some(desired.site.clone());
    if status.revision.as_ref() != Some(&pass.wish.revision) {
        status.revision = Some(pass.wish.revision.clone());
    }
    status.posture = Some(posture.clone());
    status.unseen.clone_from(&report.unseen);
    status.observed_at = Some(sight.observed.at);
    status.hold = pass.context.holds.on(&desired.appliance, sight.given.now);
    status.waits = gated.waits.iter().map(describe).collect();
    let attempts = &resident.memory.memory().attempts;
    let of_step = |step: &Step| attempts.get(&step.id).map(|attempts| attempts.failed);
    status.attempts = plan.steps.iter().filter_map(of_step).max().unwrap_or(0);
    let told = tell_peers(pass, sight, plan, report).await;
    let news = is_news(told.as_ref(), resident);
    resident.told = told.or(resident.told.take());
    news
}

fn is_news(told: Option<&PeerStatus>, resident: &Resident) -> bool {
    told.is_some_and(|told| resident.told.as_ref().is_none_or(|before| !told.says_what(before)))
}

/// Tells the peers what was seen; what they were told, if they could be.
pub(crate) async fn tell_peers(pass: &Pass, sight: &Sight, plan: &Plan, report: &PlanReport) -> Option<PeerStatus> {
    let serving = if report.seen_serving() {
        PeerSight::Serving
    } else if report.unseen.is_empty() {
        PeerSight::NotServing
    } else {
        PeerSight::Unknown
    };
    let finished = plan.is_empty() && report.waits.is_empty() && report.stalls.is_empty();
    publish(pass, Peer { serving, finished }, sight.given.now).await
}

/// Says that it is about to end serving, to whoever asks for the status and to the peers: they must not rely on what was seen before.
pub(crate) async fn leaves(pass: &Pass, resident: &mut Resident) {
    if matches!(resident.status.posture, Some(Posture::Serving | Posture::Degraded(_))) {
        let signal = format!("instance {}", pass.wish.desired.instance);
        resident.status.posture = Some(Posture::Down(vec![Fault { signal, says: "is taken out of service by us".to_owned() }]));
    }
    let known = |told: &PeerStatus| told.peer.serving == PeerSight::NotServing;
    if !resident.told.as_ref().is_some_and(known) {
        let told = tell_that(pass, PeerSight::NotServing).await;
        resident.told = told.or(resident.told.take());
    }
}

/// Tells the peers something that was not seen in a whole look.
async fn tell_that(pass: &Pass, serving: PeerSight) -> Option<PeerStatus> {
    publish(pass, Peer { serving, finished: false }, pass.context.now()).await
}

async fn publish(pass: &Pass, peer: Peer, at: Timestamp) -> Option<PeerStatus> {
    let desired = &pass.wish.desired;
    let wish = Arc::clone(&pass.wish.digest);
    let status = PeerStatus { appliance: desired.appliance.clone(), at, peer, wish };
    let ttl = Span::from_secs(desired.watch.probe_every.secs().saturating_mul(PROBES_TO_LIVE));
    match pass.context.parts.store.publish(&desired.site, status.clone(), ttl).await {
        Ok(()) => Some(status),
        Err(error) => {
            tracing::warn!(error = chain(&error), "the peers cannot be told");
            None
        }
    }
}

/// Says that steps begin.
pub(crate) fn begun(round: &Round<'_>, resident: &mut Resident) {
    let Round { pass, sight, decided } = round;
    let (steps, expected) = (decided.go.len(), decided.decision.to_run().0.expected());
    pass.context.events.tell(&pass.wish.desired.appliance, Happening::Begun { steps, expected });
    let says = format!("{steps} steps are under way");
    let truths = Truths { ready: Truth::False, reconciling: Truth::True, stalled: Truth::False, reason: Reason::Progressing };
    say(pass, resident, (truths, &says), sight.given.now);
    resident.save();
}

/// Says how a pass ended of which nothing goes any more; and whether the turn was given back.
pub(crate) async fn settled(round: &Round<'_>, resident: &mut Resident, took: Option<Duration>) -> (Outcome, bool) {
    let Round { pass, sight, .. } = round;
    let outcome = words::outcome(round, resident);
    let now = sight.given.now;
    let was = conditions_before(resident);
    match &outcome {
        Outcome::Converged => {
            let revision = pass.wish.revision.clone();
            let news = took.is_some() || !resident.status.is_ready() || resident.status.last_applied.as_ref() != Some(&revision);
            resident.status.last_applied = Some(revision.clone());
            if round.decided.decision.report.unseen.is_empty() {
                resident.memory.all_is_well();
            }
            let truths = Truths { ready: Truth::True, reconciling: Truth::False, stalled: Truth::False, reason: Reason::Converged };
            say(pass, resident, (truths, IN_FORCE), now);
            if news {
                tell(pass, Happening::Converged { revision, took });
            }
        }
        Outcome::Waiting { waits, until, .. } => {
            let (reason, says) = words::of_waits(waits);
            let truths = Truths { ready: Truth::False, reconciling: Truth::True, stalled: Truth::False, reason };
            say(pass, resident, (truths, &says), now);
            if changed(&was, resident) {
                tell(pass, Happening::Waiting { on: waits.iter().map(|wait| wait.says.clone()).collect(), until: *until });
            }
        }
        Outcome::Stalled { reason, says, .. } => {
            let truths = Truths { ready: Truth::False, reconciling: Truth::False, stalled: Truth::True, reason: *reason };
            say(pass, resident, (truths, says), now);
            if changed(&was, resident) {
                tell(pass, Happening::Stalled { reason: *reason, says: says.clone() });
            }
        }
        Outcome::Beyond { impact } => {
            let says = format!("what is left {}, which is more than was shown", impact.says());
            let truths = Truths { ready: Truth::False, reconciling: Truth::True, stalled: Truth::False, reason: Reason::Waiting };
            say(pass, resident, (truths, &says), now);
        }
        Outcome::Retrying { .. } | Outcome::Blind { .. } | Outcome::Watched | Outcome::Stopped => {}
    }
    resident.status.next_attempt = (outcome != Outcome::Converged).then(|| outcome.due(now, pass.wish.desired.watch.probe_every));
    resident.save();
    let gave_back = give_back(round, &outcome).await;
    (outcome, gave_back)
}

/// Gives the turn back once the appliance is at rest: its host answered, no job runs, and it serves or is out on purpose.
async fn give_back(round: &Round<'_>, outcome: &Outcome) -> bool {
    let Round { pass, sight, decided } = round;
    let quiet = sight.observed.host.jobs.known().is_some_and(Vec::is_empty);
    let rests = match outcome {
        Outcome::Converged | Outcome::Stalled { .. } => true,
        Outcome::Waiting { .. } | Outcome::Beyond { .. } => {
            matches!(decided.decision.report.posture, Posture::Serving | Posture::Maintenance)
        }
        Outcome::Retrying { .. } | Outcome::Blind { .. } | Outcome::Watched | Outcome::Stopped => false,
    };
    if sight.given.turn != TurnState::Ours || !quiet || !rests {
        return false;
    }
    let desired = &pass.wish.desired;
    let given = pass.context.parts.store.give_back(&desired.site, &desired.appliance).await;
    given.inspect_err(|error| tracing::warn!(error = chain(error), "the turn cannot be given back")).is_ok()
}

/// Gives back the turn of each site that the appliance left: nobody there counts on it any more.
pub(crate) async fn leave_sites(pass: &Pass) {
    for site in &pass.left {
        let given = pass.context.parts.store.give_back(site, &pass.wish.desired.appliance).await;
        if let Err(error) = given {
            tracing::warn!(%site, error = chain(&error), "the turn cannot be given back");
        }
    }
}

/// Says that an attempt failed and when the next one is.
pub(crate) fn retrying(pass: &Pass, resident: &mut Resident, (step, says): (Option<&FailedStep>, &str)) -> Outcome {
    let now = pass.context.now();
    let attempts = step.and_then(|failed| resident.memory.memory().attempts.get(&failed.step)).map_or(1, |attempts| attempts.failed);
    let next = step.map_or_else(|| backoff::next_attempt(1, now, &pass.wish.desired.recovery), |failed| failed.next);
    let stalled = step.and_then(|failed| resident.memory.stalled().get(&failed.step)).cloned();
    resident.status.attempts = attempts;
    resident.status.next_attempt = Some(next);
    let outcome = if let Some(stalled) = stalled {
        let truths = Truths { ready: Truth::False, reconciling: Truth::False, stalled: Truth::True, reason: stalled.reason };
        say(pass, resident, (truths, says), now);
        tell(pass, Happening::Stalled { reason: stalled.reason, says: says.to_owned() });
        Outcome::Stalled { reason: stalled.reason, says: says.to_owned(), until: Some(next) }
    } else {
        let truths = Truths { ready: Truth::False, reconciling: Truth::True, stalled: Truth::False, reason: Reason::Retrying };
        say(pass, resident, (truths, says), now);
        tell(pass, Happening::Retrying { says: says.to_owned(), attempts, next });
        Outcome::Retrying { says: says.to_owned(), attempts, next }
    };
    resident.save();
    outcome
}

/// Says that the host could not be observed; whether the peers were told something new. Whoever cannot be seen is not seen serving, however
/// young the word before is.
pub(crate) async fn blind(pass: &Pass, resident: &mut Resident, error: &SightError) -> (Outcome, bool) {
    let now = pass.context.now();
    let told = tell_that(pass, PeerSight::Unknown).await;
    let news = is_news(told.as_ref(), resident);
    resident.told = told.or(resident.told.take());
    let attempts = resident.memory.blinded();
    let until = error.rest().map(|rest| resident.rests_until(now.saturating_add(rest).unwrap_or(Timestamp::MAX)));
    let reason = error.reason();
    let says = until.map_or_else(|| chain(error), |until| words::resting(error, &pass.wish.desired.host.credential, until));
    let was = conditions_before(resident);
    resident.disconnect();
    resident.status.posture = None;
    resident.status.unseen.clear();
    resident.status.attempts = attempts;
    let healthy = (Truth::Unknown, Reason::NotSeen);
    resident.status.say(ConditionKind::Healthy, healthy, &says, now);
    let outcome = match error.disposition() {
        Disposition::Stall(reason) => {
            let truths = Truths { ready: Truth::Unknown, reconciling: Truth::False, stalled: Truth::True, reason };
            say_but_health(pass, resident, (truths, &says), now);
            Outcome::Stalled { reason, says: says.clone(), until }
        }
        Disposition::Retry | Disposition::Wait { .. } => {
            let truths = Truths { ready: Truth::Unknown, reconciling: Truth::True, stalled: Truth::False, reason };
            say_but_health(pass, resident, (truths, &says), now);
            let next = backoff::next_attempt(attempts, now, &pass.wish.desired.recovery);
            Outcome::Blind { reason, says: says.clone(), attempts, next }
        }
    };
    let next = outcome.due(now, pass.wish.desired.watch.probe_every);
    resident.status.next_attempt = Some(next);
    if changed(&was, resident) {
        tell(
            pass,
            match &outcome {
                Outcome::Stalled { .. } => Happening::Stalled { reason, says },
                _ => Happening::Retrying { says, attempts, next },
            },
        );
    }
    resident.save();
    (outcome, news)
}

/// Says that the repository no longer describes the appliance. Nothing on its host is touched.
pub(crate) fn gone(context: &Context, appliance: &ApplianceName, resident: &mut Resident) {
    let now = context.now();
    // `prune` is a wish, and there is no document any more that could hold one.
    let says = "the repository no longer describes it; its VMs are left as they are: delete them by hand, or describe it again";
    let status = &mut resident.status;
    status.say(ConditionKind::Ready, (Truth::Unknown, Reason::NotDescribed), says, now);
    status.say(ConditionKind::Reconciling, (Truth::False, Reason::NotDescribed), says, now);
    status.say(ConditionKind::Stalled, (Truth::False, Reason::NotDescribed), says, now);
    status.say(ConditionKind::Healthy, (Truth::Unknown, Reason::NotSeen), says, now);
    // Nobody looks any more: what was seen last is no picture of how it is.
    (status.revision, status.next_attempt, status.posture) = (None, None, None);
    status.waits.clear();
    context.events.tell(appliance, Happening::NoLongerDescribed);
    resident.host = None;
    resident.save();
}

/// Says that the only wish there is was refused. The host is not looked at: nobody knows which one it is.
pub(crate) fn refused(context: &Context, resident: &mut Resident, refused: &str) -> Outcome {
    let now = context.now();
    let was = conditions_before(resident);
    let status = &mut resident.status;
    status.say(ConditionKind::Ready, (Truth::False, Reason::InvalidManifest), refused, now);
    status.say(ConditionKind::Reconciling, (Truth::False, Reason::InvalidManifest), refused, now);
    status.say(ConditionKind::Stalled, (Truth::True, Reason::InvalidManifest), refused, now);
    status.say(ConditionKind::Healthy, (Truth::Unknown, Reason::NotSeen), refused, now);
    if changed(&was, resident) {
        let appliance = resident.status.appliance.clone();
        context.events.tell(&appliance, Happening::Stalled { reason: Reason::InvalidManifest, says: refused.to_owned() });
    }
    resident.save();
    Outcome::Stalled { reason: Reason::InvalidManifest, says: refused.to_owned(), until: None }
}

#[derive(Debug, Clone, Copy)]
struct Truths {
    ready: Truth,
    reconciling: Truth,
    stalled: Truth,
    reason: Reason,
}

fn say(pass: &Pass, resident: &mut Resident, said: (Truths, &str), now: Timestamp) {
    let (health, says) = words::health(resident.status.posture.as_ref(), &resident.status.unseen);
    resident.status.say(ConditionKind::Healthy, health, &says, now);
    say_but_health(pass, resident, said, now);
}

fn say_but_health(pass: &Pass, resident: &mut Resident, (truths, says): (Truths, &str), now: Timestamp) {
    let status = &mut resident.status;
    // A newer revision that is refused is the first thing to know, whatever becomes of the older one.
    let (truths, says) = match &pass.wish.refused {
        Some(refused) => {
            let truths = Truths { ready: Truth::False, stalled: Truth::True, reason: Reason::InvalidManifest, ..truths };
            let stays = format!("{refused}; {:#} stays in force", pass.wish.revision);
            (truths, if says == IN_FORCE { stays } else { format!("{stays}: {says}") })
        }
        None => (truths, says.to_owned()),
    };
    status.say(ConditionKind::Ready, (truths.ready, truths.reason), &says, now);
    status.say(ConditionKind::Reconciling, (truths.reconciling, truths.reason), &says, now);
    status.say(ConditionKind::Stalled, (truths.stalled, truths.reason), &says, now);
}

fn tell(pass: &Pass, what: Happening) {
    if pass.wish.limit != Limit::Look {
        pass.context.events.tell(&pass.wish.desired.appliance, what);
    }
}

fn conditions_before(resident: &Resident) -> Vec<Condition> {
    resident.status.conditions.clone()
}

/// Whether anything was said that had not been said before; the clock aside.
fn changed(was: &[Condition], resident: &Resident) -> bool {
    was != resident.status.conditions
}
