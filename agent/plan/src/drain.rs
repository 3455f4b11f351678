//! Letting running calls finish before services stop for work that somebody decided on.
//!
//! Guarantees: only what `drain.mode: graceful` and a profile with counters ask for waits; calls that cannot be counted keep such work
//! from beginning; the wait has an end, at which calls are cut or let on, as `drain.onTimeout` says. A fault waits for no call.
//! What is draining is told by the guest itself (paused and manual), since when by the memory: losing that costs time only.

use jiff::Timestamp;
use model::desired::{Desired, DesiredRole, DrainMode, Grade, OnDrainTimeout};
use model::names::{RoleName, ServiceName};
use model::observed::{Observed, ObservedGuest, ServiceState};
use model::seen::{Cause, Seen};

use crate::draft::Draft;
use crate::effect::vm_of;
use crate::given::{DrainMemory, Memory};
use crate::posture::later;
use crate::report::{Ends, WaitingOn};
use crate::signal::{existing, is_draining};
use crate::step::{Act, Purpose, StepId};

/// How a drain stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Calls {
    /// None runs, or none is counted.
    None,
    /// So many run.
    Running(u32),
    /// They cannot be counted in this role.
    Unknown(RoleName, Cause),
}

/// The roles whose calls are counted, and may be waited for.
fn counted<'d>(desired: &'d Desired, observed: &Observed) -> impl Iterator<Item = &'d DesiredRole> {
    let serves = |role: &&DesiredRole| vm_of(desired, observed, &role.role).is_some_and(|vm| vm.remarks.set_up);
    let graceful = desired.drain.mode == DrainMode::Graceful;
    desired.roles.iter().filter(move |role| graceful && role.holds && !role.calls.is_empty()).filter(serves)
}

/// Calls of the appliance.
pub(crate) fn calls(desired: &Desired, observed: &Observed) -> Calls {
    let mut sum = 0_u32;
    for role in counted(desired, observed) {
        // A guest that cannot be looked into keeps planned work back for itself.
        let Some(guest) = vm_of(desired, observed, &role.role).and_then(|vm| vm.guest.known()) else { continue };
        if !carries(role, guest) {
            continue;
        }
        match &guest.calls {
            Seen::Known(calls) => sum = sum.saturating_add(*calls),
            Seen::Absent => {}
            Seen::Unknown(cause) => return Calls::Unknown(role.role.clone(), cause.clone()),
        }
    }
    if sum == 0 { Calls::None } else { Calls::Running(sum) }
}

/// Whether a call may run there: counters tell nothing that can be relied on once what fills them has stopped.
fn carries(role: &DesiredRole, guest: &ObservedGuest) -> bool {
    let Some(services) = guest.services.known() else { return true };
    let mut seen =
        role.services.iter().filter(|watched| watched.grade == Grade::CallPath).filter_map(|watched| existing(watched, services));
    seen.any(|(_, seen)| matches!(seen.state, ServiceState::Running | ServiceState::Paused | ServiceState::Stopping))
}

/// Whether a service of ours takes no new calls by our order.
fn drains(desired: &Desired, observed: &Observed) -> bool {
    let of_role = |role: &DesiredRole| {
        let services = vm_of(desired, observed, &role.role).and_then(|vm| vm.guest.known()?.services.known());
        services.is_some_and(|services| {
            let mut watched = role.services.iter().filter_map(|watched| existing(watched, services));
            watched.any(|(_, seen)| is_draining(role, *seen))
        })
    };
    counted(desired, observed).any(of_role)
}

/// When the time of a drain that lasts since then is over.
fn deadline(desired: &Desired, since: Timestamp) -> Timestamp {
    later(since, desired.drain.timeout)
}

/// Until when planned work is kept back because calls did not end in time.
pub(crate) fn given_up_until(desired: &Desired, memory: &Memory, now: Timestamp) -> Option<Timestamp> {
    let given_up = memory.drain.and_then(|drain| drain.given_up)?;
    let until = later(given_up, desired.recovery.longest_wait);
    let aborts = desired.drain.mode == DrainMode::Graceful && desired.drain.on_timeout == OnDrainTimeout::Abort;
    (aborts && until > now).then_some(until)
}

impl Memory {
    /// Remembers how the drain goes.
    pub(crate) fn note_drain(&mut self, desired: &Desired, observed: &Observed, now: Timestamp) {
        if !drains(desired, observed) {
            // Services run again: what was given up stays so for a while.
            self.drain = self.drain.filter(|_| given_up_until(desired, self, now).is_some());
            return;
        }
        let drain = self.drain.filter(|drain| drain.given_up.is_none() || given_up_until(desired, self, now).is_some());
        let mut drain = drain.unwrap_or(DrainMemory { since: now, given_up: None });
        let over = deadline(desired, drain.since) <= now && calls(desired, observed) != Calls::None;
        if over && desired.drain.on_timeout == OnDrainTimeout::Abort {
            drain.given_up.get_or_insert(now);
        }
        self.drain = Some(drain);
    }
}

/// Has the services that take counted calls take no new ones, before anything stops for planned work.
pub(crate) fn begin(draft: &mut Draft<'_>) {
    if draft.sight.closes {
        return;
    }
    let roles: Vec<&DesiredRole> = counted(draft.desired, &draft.world).collect();
    let mut steps = Vec::new();
    for role in roles.into_iter().rev() {
        for service in running(draft, role) {
            steps.push(draft.step_in_line(role, Act::DrainService { service }, Purpose::Drain));
        }
    }
    if let (false, Calls::Unknown(role, cause)) = (steps.is_empty(), calls(draft.desired, &draft.world)) {
        draft.wait(WaitingOn::Unknown { what: format!("how many calls run in {role}"), cause }, steps);
    }
    draft.barrier();
}

/// The services of a role in the call path that run, last in start order first.
fn running(draft: &Draft<'_>, role: &DesiredRole) -> Vec<ServiceName> {
    let Some(services) = draft.guest(role).and_then(|guest| guest.services.known()) else { return Vec::new() };
    let found = role.services.iter().rev().filter(|watched| watched.grade == Grade::CallPath);
    let found = found.filter_map(|watched| existing(watched, services));
    found.filter(|(_, seen)| seen.state == ServiceState::Running).map(|(name, _)| name.clone()).collect()
}

/// Keeps the stopping of services back while calls run and their time is not over.
pub(crate) fn await_end(draft: &mut Draft<'_>, calls: &Calls) {
    let running = match calls {
        Calls::None => return,
        Calls::Running(calls) => Some(*calls),
        Calls::Unknown(..) => None,
    };
    let (since, now, at_most) = (draft.given.memory.drain.map(|drain| drain.since), draft.given.now, draft.desired.drain.timeout);
    let is_over = since.is_some_and(|since| deadline(draft.desired, since) <= now);
    if is_over && draft.desired.drain.on_timeout == OnDrainTimeout::Force {
        return;
    }
    let stops = |step: &&crate::step::Step| step.purpose == Purpose::Drain && matches!(step.act, Act::HoldService { .. });
    let stops: Vec<StepId> = draft.steps().iter().filter(stops).map(|step| step.id.clone()).collect();
    if !stops.is_empty() {
        let ends = since.map_or(Ends::Untold, |since| Ends::of(Some(since), at_most, now));
        draft.wait(WaitingOn::Drain { calls: running, at_most, ends }, stops);
    }
}
