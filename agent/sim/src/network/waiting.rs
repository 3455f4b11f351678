//! Requests that wait: a long poll is asked again whenever something has changed, until there is something to say or its time is up.
//!
//! Guarantees: a waiting request holds no lock, keeps no simulation alive, and was counted and scripted once.

use std::sync::Weak;
use std::time::Duration;

use tokio::time::Instant;

use super::Shared;
use crate::respond::{Call, Patience};
use crate::server::{Outcome, Peer};
use crate::world::Caller;

/// The longest wait that is measured; what is longer is looked at again then.
const LONG: Duration = Duration::from_secs(24 * 3600);

/// Carries out a request to its end; `None` when the simulation has ended meanwhile.
pub(crate) async fn exchange(shared: &Weak<Shared>, peer: &Peer, caller: Option<&Caller>, envelope: &str) -> Option<Outcome> {
    // Read before the lock is taken, so that callers wait for each other's deeds only.
    let call = Call::read(envelope);
    let begun = Instant::now();
    let deadline = begun + call.timeout().unwrap_or(LONG).min(LONG);
    let mut changed = shared.upgrade()?.changed();
    let mut outcome = {
        changed.borrow_and_update();
        shared.upgrade()?.exchange(peer, caller, &call)
    };
    while let Outcome::Waiting { verdict, wakes } = outcome {
        let until = wakes.map_or(deadline, |length| (Instant::now() + length.min(LONG)).min(deadline));
        tokio::select! {
            // Cancel-safe: it only looks.
            seen = changed.changed() => seen.ok()?,
            // Cancel-safe: time passes in any case.
            () = tokio::time::sleep_until(until) => {}
        }
        changed.borrow_and_update();
        let patience = if Instant::now() >= deadline { Patience::Over } else { Patience::Left };
        outcome = shared.upgrade()?.ask_again(peer, caller, &call, (verdict, patience));
    }
    Some(outcome)
}
