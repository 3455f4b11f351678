//! Plans, asks the policies and the gate, and says what goes. Pure, but for the breaker's count.
//!
//! Guarantees: the decision is `plan::decide`'s, the one that a dry run shows; repairs go even when planned work may not, and an
//! appliance that the breaker keeps open is planned again, so that what can be mended in place is; nothing goes beyond the limit of
//! this pass. Deliberately absent: taking the turn (that is `execute`'s, right before the first step).

use std::collections::BTreeSet;

use model::desired::Desired;
use model::names::ApplianceName;
use model::observed::Observed;
use plan::Decision;
use plan::given::{Given, TurnState};
use plan::step::{Impact, Purpose, Step, StepId};
use policy::Policies;
use tokio::time::Instant;

use crate::breaker::{Closing, Tripped};
use crate::context::Context;
use crate::stage::observe::Sight;
use crate::stage::review::review;
use crate::wish::{Limit, Wish, digest_of};

/// What is to be done, and what of it goes now.
#[derive(Debug)]
pub(crate) struct Decided {
    /// Plan, report, verdicts and waits.
    pub(crate) decision: Decision,
    /// The steps that go, in order.
    pub(crate) go: Vec<Step>,
    /// Whether planned work that ends serving needs the turn.
    pub(crate) turn: NeedOfTurn,
    /// What the limit of this pass keeps back.
    pub(crate) beyond: Option<Impact>,
    /// The breaker tripped just now.
    pub(crate) alert: Option<Tripped>,
}

impl Decided {
    /// The digest of the plan that runs, for the journal.
    pub(crate) fn digest(&self) -> String {
        // A plan is plain data, so this cannot fail.
        digest_of(&serde_json::to_vec(self.decision.to_run().0).unwrap_or_default())
    }
}

/// Whether steps that disrupt need the turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NeedOfTurn {
    /// It has ended serving already, or nothing does.
    None,
    /// The turn is taken before the first step and checked before each that disrupts.
    Disrupts,
}

/// Decides.
pub(crate) fn decide(context: &Context, wish: &Wish, sight: &mut Sight) -> Decided {
    let mut decision = judge(&wish.policies, &wish.desired, &sight.observed, &sight.given);
    let mut alert = None;
    if wish.limit != Limit::Look && closes(&decision) {
        let signals = decision.report.faults.iter().map(|fault| fault.signal.as_str()).collect();
        if let Err(tripped) = ask_breaker(context, wish, signals) {
            sight.given.breaker = Some(tripped.to_string());
            decision = judge(&wish.policies, &wish.desired, &sight.observed, &sight.given);
            alert = Some(tripped).filter(|tripped| tripped.first);
        }
    }
    let (plan, gated) = decision.to_run();
    let passing: BTreeSet<&StepId> = gated.go.iter().collect();
    let allowed: Vec<&Step> = plan.steps.iter().filter(|step| passing.contains(&step.id)).collect();
    let (go, beyond) = within(wish.limit, &allowed);
    let ours = sight.given.turn == TurnState::Ours && !decision.report.begun;
    let turn = if gated.takes_turn || ours { NeedOfTurn::Disrupts } else { NeedOfTurn::None };
    Decided { decision, go, turn, beyond, alert }
}

/// Plan, policies and gate, for whoever holds a sight.
pub(crate) fn judge(policies: &Policies, desired: &Desired, observed: &Observed, given: &Given) -> Decision {
    plan::decide(desired, observed, given, |plan, report| review(policies, desired, given, (plan, report)))
}

/// Whether what would run ends serving because of a fault.
fn closes(decision: &Decision) -> bool {
    let (plan, gated) = decision.to_run();
    plan.steps.iter().any(|step| step.purpose == Purpose::Close && gated.go.contains(&step.id))
}

fn ask_breaker(context: &Context, wish: &Wish, signals: BTreeSet<&str>) -> Result<(), Tripped> {
    let appliance: &ApplianceName = &wish.desired.appliance;
    let closing = Closing {
        appliance,
        site: &wish.desired.site,
        signals,
        site_size: wish.desired.peers.len() + 1,
        fleet_size: wish.fleet_size,
        wish_since: wish.since,
    };
    context.breaker().ask(&closing, Instant::now())
}

/// The steps that do not go beyond the limit, and the worst that does. Whatever is kept back keeps back all that comes after it.
fn within(limit: Limit, allowed: &[&Step]) -> (Vec<Step>, Option<Impact>) {
    let most = match limit {
        Limit::Gate => return (allowed.iter().map(|step| (*step).clone()).collect(), None),
        Limit::Look => return (Vec::new(), None),
        Limit::UpTo(impact) => impact,
    };
    let mut going: BTreeSet<&StepId> = BTreeSet::new();
    let mut go = Vec::new();
    for step in allowed {
        if step.impact <= most && step.after.iter().all(|id| going.contains(id)) {
            going.insert(&step.id);
            go.push((*step).clone());
        }
    }
    let beyond = allowed.iter().map(|step| step.impact).filter(|impact| *impact > most).max();
    (go, beyond)
}
