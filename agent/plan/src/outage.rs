//! Whether planned work has ended serving already, so that it goes on without asking for window, turn or peers again.
//!
//! Guarantees: only what we began counts, told by the notes on the host or by the turn; what a fault closed, and what somebody stopped by
//! hand, is no beginning; while calls still go through nothing has begun; what failed is over, so that calls come back and everything is
//! asked for anew. Deliberately absent: what is planned (that is the rules').

use model::condition::Posture;
use model::desired::Desired;
use model::observed::Observed;

use crate::given::{Given, TurnState};
use crate::posture::Assessment;
use crate::signal::{Signal, SignalState};

/// What the reason in the notes begins with when it is planned work, and nothing else's does.
pub(crate) const PLANNED: &str = "planned work: ";

/// Whether what ends serving has begun.
pub(crate) fn has_begun(desired: &Desired, observed: &Observed, given: &Given, sight: &Assessment) -> bool {
    let ours = match sight.posture {
        Posture::Serving | Posture::Degraded(_) => false,
        Posture::Maintenance => true,
        Posture::Down(_) => given.turn == TurnState::Ours || is_noted(desired, observed),
    };
    ours && !given.memory.broken_off.is_some_and(|broken| broken.out) && are_calls_kept_away(sight)
}

/// Whether the notes say that calls are kept away for planned work. They are written before a VM goes off, and outlast each step.
fn is_noted(desired: &Desired, observed: &Observed) -> bool {
    let instance = observed.instances.get(&desired.instance);
    let mut reasons = instance.into_iter().flat_map(|instance| instance.vms.values()).filter_map(|vm| vm.remarks.down.as_ref());
    reasons.any(|reason| reason.starts_with(PLANNED))
}

/// Whether something that every call needs is stopped. A service outside the call path that is held keeps no call away.
fn are_calls_kept_away(sight: &Assessment) -> bool {
    call_path(sight.signals.iter()).any(|signal| matches!(signal.state, SignalState::Held | SignalState::Bad(_)))
}

/// Whether everything that every call needs is seen to be there.
pub(crate) fn are_calls_back<'s>(signals: impl Iterator<Item = &'s Signal> + Clone) -> bool {
    let gone = |signal: &Signal| matches!(signal.state, SignalState::Held | SignalState::Bad(_) | SignalState::Unseen(_));
    let mut path = call_path(signals).peekable();
    path.peek().is_some() && !path.any(gone)
}

/// What every call needs: the signals of the worst grade that is watched.
fn call_path<'s>(signals: impl Iterator<Item = &'s Signal> + Clone) -> impl Iterator<Item = &'s Signal> {
    let needed = signals.clone().map(|signal| signal.grade).min();
    signals.filter(move |signal| Some(signal.grade) == needed)
}
