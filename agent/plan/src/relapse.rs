//! Services that were started by us and are ill again soon after: to start them once more mends nothing.
//!
//! Guarantees: a start counts once; a service that stayed up for long enough is well again, and what somebody stops later is a new fault; a
//! guest that restarted meanwhile has stopped its services itself. Deliberately absent: when it is tried again (the engine's back-off), and
//! what is done about it (`rules::guest`, as for a start that fails).

use jiff::{SignedDuration, Timestamp};
use model::desired::Desired;
use model::observed::Observed;

use crate::effect::vm_of;
use crate::given::{Attempts, Memory};
use crate::posture::{counts_from, ways_back};
use crate::signal::{Signal, SignalKind, SignalState};
use crate::step::StepId;

/// Whoever is ill again within this time after a start has not been mended by it.
const SOON: SignedDuration = SignedDuration::from_mins(30);

impl Memory {
    /// The starts that came to nothing after all, as this look tells, and how often in a row by now.
    pub fn relapsed(&self, now: Timestamp) -> impl Iterator<Item = (&StepId, u32)> {
        self.started.iter().filter(move |(_, started)| started.relapsed_at == Some(now)).map(|(step, started)| (step, started.relapses))
    }

    /// Counts what is ill again as a start that failed, and forgets what stayed well.
    pub(crate) fn note_relapses(&mut self, desired: &Desired, observed: &Observed, (all, now): (&[Signal], Timestamp)) {
        if self.started.is_empty() {
            return;
        }
        for signal in all.iter().filter(|signal| signal.kind == SignalKind::Service) {
            let Some(step) = ways_back(signal, desired).into_iter().find(|step| self.started.contains_key(step)) else { continue };
            let Some(role) = desired.roles.get(signal.role).map(|role| &role.role) else { continue };
            let booted_at = vm_of(desired, observed, role).and_then(|vm| vm.guest.known()).map(|guest| guest.booted_at);
            let bad_since = self.bad_since.get(&signal.name).copied().unwrap_or(now);
            let confirmed = counts_from(signal, desired, self, now) <= now;
            let Some(started) = self.started.get_mut(&step) else { continue };
            let last = started.at.into_iter().chain(started.relapsed_at).max();
            let stayed = last.is_none_or(|last| now.duration_since(last) >= SOON);
            match (&signal.state, started.at) {
                (SignalState::Good, _) if stayed => drop(self.started.remove(&step)),
                (SignalState::Bad(_), Some(at)) if bad_since.duration_since(at) >= SOON => drop(self.started.remove(&step)),
                (SignalState::Bad(_), Some(_)) if booted_at.is_some() && started.boots.get(role) != booted_at.as_ref() => started.at = None,
                (SignalState::Bad(_), Some(_)) if confirmed => {
                    (started.at, started.relapsed_at) = (None, Some(now));
                    started.relapses = started.relapses.saturating_add(1);
                    started.of_this_boot = started.of_this_boot.saturating_add(1);
                    let (failed, proven, boots) = (started.relapses, started.of_this_boot, started.boots.clone());
                    self.attempts.insert(step, Attempts { failed, proven, ended: now, retry_at: now, boots });
                }
                _ => {}
            }
        }
    }
}
