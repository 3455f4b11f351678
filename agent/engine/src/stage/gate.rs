//! Asks whether the plan may begin now, and how much of it. Pure, but for the breaker's count.
//!
//! Guarantees: nothing goes that `plan::gate` keeps back, and nothing beyond the limit of this pass; closings that the breaker holds
//! are among the waits. Deliberately absent: taking the turn (that is `execute`'s, right before the first step).

use std::collections::BTreeSet;

use model::names::ApplianceName;
use plan::gate::{Gated, gate as judge};
use plan::given::TurnState;
use plan::step::{Impact, Purpose, Step, StepId};

use crate::breaker::{Closing, Tripped};
use crate::context::Context;
use crate::stage::observe::Sight;
use crate::stage::plan::Proposal;
use crate::wish::{Limit, Wish};

/// What goes now.
#[derive(Debug)]
pub(crate) struct Passed {
    /// The gate's verdict.
    pub(crate) gated: Gated,
    /// The steps that go, in order.
    pub(crate) go: Vec<Step>,
    /// Whether steps of impact `Drain` and worse need the turn.
    pub(crate) turn: NeedOfTurn,
    /// What the limit of this pass keeps back.
    pub(crate) beyond: Option<Impact>,
    /// The breaker tripped just now.
    pub(crate) alert: Option<Tripped>,
}

/// Whether steps that disrupt need the turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NeedOfTurn {
    /// The appliance serves nobody, or nothing of it is disrupted.
    None,
    /// It serves: the turn is taken before the first step and checked before each that disrupts.
    Disrupts,
}

/// Asks.
pub(crate) fn gate(context: &Context, wish: &Wish, sight: &mut Sight, proposal: &Proposal) -> Passed {
    let Proposal { plan, report } = proposal;
    let mut gated = judge(plan, report, &wish.desired, &sight.given);
    let mut alert = None;
    let closes = |gated: &Gated| plan.steps.iter().any(|step| step.purpose == Purpose::Close && gated.go.contains(&step.id));
    if wish.limit != Limit::Look && closes(&gated) {
        let signals = report.faults.iter().map(|fault| fault.signal.as_str()).collect();
        if let Err(tripped) = ask_breaker(context, wish, signals) {
            sight.given.breaker = Some(tripped.to_string());
            gated = judge(plan, report, &wish.desired, &sight.given);
            alert = Some(tripped).filter(|tripped| tripped.first);
        }
    }
    let allowed: Vec<&Step> = plan.steps.iter().filter(|step| gated.go.contains(&step.id)).collect();
    let (go, beyond) = within(wish.limit, &allowed);
    let turn = if gated.takes_turn || (sight.given.turn == TurnState::Ours && report.takes_calls()) {
        NeedOfTurn::Disrupts
    } else {
        NeedOfTurn::None
    };
    Passed { gated, go, turn, beyond, alert }
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
    context.breaker().ask(&closing, context.now())
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
