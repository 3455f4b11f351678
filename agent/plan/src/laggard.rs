//! Support VMs and services that do not come up, and keep the calls of the last appliance that could take them waiting no longer.
//!
//! Guarantees: with a serving peer, and for whatever carries calls, nothing changes: all must be well before calls return. The order of
//! the roles is kept until a start has failed, or the guest has been unseen for longer than guests take to come up.
//! Deliberately absent: giving up. It is started again and looked for as before; only nothing stands behind it.

use model::desired::{Desired, DesiredRole, Grade};
use model::names::{RoleName, ServiceName};
use model::observed::Reach;

use crate::draft::Draft;
use crate::given::Given;
use crate::posture::{is_last_hope, later};
use crate::signal::{Signal, SignalState, worst_grade};
use crate::step::{Act, StepId};

/// Whether nobody waits for the VM of `role` any more.
pub(crate) fn is_left_behind(role: &DesiredRole, desired: &Desired, given: &Given) -> bool {
    is_last_hope(given, desired)
        && worst_grade(role) == Grade::Support
        && (has_failed_to_come_up(&role.role, desired, given) || is_late(role.role.as_str(), given))
}

/// Whether calls return although this signal is not seen.
pub(crate) fn is_waived(signal: &Signal, desired: &Desired, given: &Given) -> bool {
    let of_laggard = || desired.roles.get(signal.role).is_some_and(|role| is_left_behind(role, desired, given));
    matches!(signal.state, SignalState::Unseen(_))
        && signal.grade == Grade::Support
        && is_last_hope(given, desired)
        && (is_late(&signal.name, given) || of_laggard())
}

/// Whether nobody waits for the start of a held service any more, nor is a guest restarted for it: its last attempt came to nothing.
pub(crate) fn will_not_start(service: &ServiceName, role: &DesiredRole, draft: &Draft<'_>) -> bool {
    let support = role.services.iter().any(|watched| watched.grade == Grade::Support && watched.names.contains(service));
    let start = || StepId::of(&draft.desired.instance, Some(&role.role), &Act::StartService { service: service.clone() });
    support && is_last_hope(draft.given, draft.desired) && draft.given.memory.attempts.contains_key(&start())
}

/// Whether the last attempt to start the VM, or to wait for its guest, came to nothing.
fn has_failed_to_come_up(role: &RoleName, desired: &Desired, given: &Given) -> bool {
    let looks = [Reach::Serving, Reach::Management].map(|over| Act::AwaitGuest { over });
    let mut acts = looks.into_iter().chain([Act::StartVm]);
    acts.any(|act| given.memory.attempts.contains_key(&StepId::of(&desired.instance, Some(role), &act)))
}

/// Whether a signal has been unseen for longer than a guest takes: as declared, then as learned.
fn is_late(signal: &str, given: &Given) -> bool {
    let patience = given.memory.time_of(&Act::AwaitGuest { over: Reach::Serving }).expected;
    given.memory.unseen_since.get(signal).is_some_and(|since| later(*since, patience) <= given.now)
}
