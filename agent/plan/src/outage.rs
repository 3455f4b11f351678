//! Whether planned work has ended serving already, so that it goes on without asking for window, turn or peers again.
//!
//! Guarantees: only what we began counts, told by the notes on the host or by the turn; what a fault closed, and what somebody stopped by
//! hand, is no beginning; while calls still go through nothing has begun. Deliberately absent: what is planned (that is the rules').

use model::condition::Posture;
use model::desired::Desired;
use model::observed::Observed;

use crate::given::{Given, TurnState};
use crate::posture::Assessment;
use crate::signal::SignalState;

/// What the reason in the notes begins with when it is planned work, and nothing else's does.
pub(crate) const PLANNED: &str = "planned work: ";

/// Whether what ends serving has begun.
pub(crate) fn has_begun(desired: &Desired, observed: &Observed, given: &Given, sight: &Assessment) -> bool {
    let ours = match sight.posture {
        Posture::Serving | Posture::Degraded(_) => false,
        Posture::Maintenance => true,
        Posture::Down(_) => given.turn == TurnState::Ours || is_noted(desired, observed),
    };
    ours && are_calls_kept_away(sight)
}

/// Whether the notes say that calls are kept away for planned work. They are written before a VM goes off, and outlast each step.
fn is_noted(desired: &Desired, observed: &Observed) -> bool {
    let instance = observed.instances.get(&desired.instance);
    let mut reasons = instance.into_iter().flat_map(|instance| instance.vms.values()).filter_map(|vm| vm.remarks.down.as_ref());
    reasons.any(|reason| reason.starts_with(PLANNED))
}

/// Whether something that every call needs is stopped. A service outside the call path that is held keeps no call away.
fn are_calls_kept_away(sight: &Assessment) -> bool {
    let needed = sight.signals.iter().map(|signal| signal.grade).min();
    let mut path = sight.signals.iter().filter(|signal| Some(signal.grade) == needed);
    path.any(|signal| matches!(signal.state, SignalState::Held | SignalState::Bad(_)))
}
