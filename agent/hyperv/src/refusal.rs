//! Guests that refused our account.
//!
//! Guarantees: one attempt in a new conversation tells that an account is refused, and the next one with the same password comes only after a wait that
//! doubles, as attempts lock accounts; another password is tried at the next occasion.
//! Deliberately absent: the host's own account. Whoever cannot talk to the host rests altogether.

use std::time::Duration;

use jiff::Timestamp;
use model::desired::Recovery;
use model::names::{CredentialName, InstanceId, RoleName};
use tokio::time::Instant;

use crate::credential::Credential;
use crate::host::Host;
use crate::observe::door::Door;
use crate::peer::Peer;

/// A guest that refused our account.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// What was refused.
    credential: Credential,
    /// In a row.
    count: u32,
    not_before: Instant,
    /// The same as people are told.
    until: Timestamp,
}

/// The VM that a guest lives in.
type GuestKey = (InstanceId, RoleName);

impl Host {
    /// Until when the guest is not to be asked, as it refused the very password that we have.
    pub(crate) fn rests(&self, guest: &GuestKey, credential: &CredentialName) -> Option<Timestamp> {
        let memory = self.memory();
        let refusal = memory.refusals.get(guest).filter(|refusal| Instant::now() < refusal.not_before)?;
        let same = self.context().credentials.resolve(credential).is_ok_and(|now| now == refusal.credential);
        same.then_some(refusal.until)
    }

    /// Notes that the guest behind `door` refused the account of `peer`, whose conversation ends. One that had let us in may be going
    /// down, or the password has changed on either side: the next conversation tells, with the credential as it is then.
    pub(crate) fn refused(&self, guest: &GuestKey, (door, peer): (&Door, &Peer), schedule: &Recovery) {
        self.forget(door);
        if peer.was_admitted() {
            return;
        }
        let mut memory = self.memory();
        let before = memory.refusals.get(guest).filter(|refusal| refusal.credential == *peer.credential());
        let count = before.map_or(1, |refusal| refusal.count.saturating_add(1));
        let wait = wait_after(count, schedule);
        let (not_before, until) = (Instant::now() + wait, self.context().clock.now().saturating_add(wait).unwrap_or(Timestamp::MAX));
        memory.refusals.insert(guest.clone(), Refusal { credential: peer.credential().clone(), count, not_before, until });
    }

    /// Notes that the guest let us in.
    pub(crate) fn admitted(&self, guest: &GuestKey, peer: &Peer) {
        peer.note_admitted();
        self.memory().refusals.remove(guest);
    }
}

fn wait_after(count: u32, schedule: &Recovery) -> Duration {
    let doublings = count.saturating_sub(1).min(u64::BITS - 1);
    let longest = schedule.longest_wait.max(schedule.first_wait).secs();
    Duration::from_secs(schedule.first_wait.secs().saturating_mul(1 << doublings).min(longest))
}
