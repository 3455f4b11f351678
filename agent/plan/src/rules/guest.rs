//! The guest's own set-up: addresses, name, domain; and the last rung of the ladder, restarting guests in role order.
//!
//! Guarantees: on a VM under set-up the steps are written in full even while nobody can look inside, as each of them looks
//! before it acts; a guest that is set up is never renamed, joined or readdressed.

use jiff::Timestamp;
use model::desired::{DesiredRole, Membership, Place};
use model::names::RoleName;
use model::observed::{PowerState, Reach};
use model::seen::{Cause, Seen};

use super::adapters;
use crate::draft::Draft;
use crate::laggard::{is_left_behind, will_not_start};
use crate::network;
use crate::report::WaitingOn;
use crate::signal::is_kept;
use crate::step::{Act, Purpose, RestartReason, StepId};

/// Everything from the first boot to the joined guest; on a VM that is set up, only waiting until it is up again.
pub(crate) fn set_up(draft: &mut Draft<'_>, role: &DesiredRole, connected: bool) {
    if !draft.is_building(role) {
        return wait_until_up(draft, role);
    }
    if draft.vm(role).is_none_or(|vm| vm.power != PowerState::Running) {
        return;
    }
    let management = network::management_adapter(draft.desired, role).filter(|adapter| {
        let temporary = !network::is_lasting(draft.desired, adapter);
        !(connected && temporary)
    });
    match management {
        Some(adapter) => adapters::inject(draft, role, adapter, Purpose::SetUp),
        // Nothing but the product networks leads inside.
        None => inject_lasting(draft, role),
    }
    if draft.guest(role).is_none() {
        let over = if management.is_some() { Reach::Management } else { network::watch_reach(draft.desired) };
        draft.step_in_line(role, Act::AwaitGuest { over }, Purpose::SetUp);
    }
    inject_lasting(draft, role);
    rename(draft, role);
    join(draft, role);
}

fn inject_lasting(draft: &mut Draft<'_>, role: &DesiredRole) {
    for adapter in role.adapters.iter().filter(|adapter| network::is_lasting(draft.desired, adapter)) {
        adapters::inject(draft, role, adapter, Purpose::SetUp);
    }
}

fn rename(draft: &mut Draft<'_>, role: &DesiredRole) {
    let Some(guest) = draft.guest(role) else { return };
    let coming = guest.pending_name.as_ref().unwrap_or(&guest.computer);
    if *coming != role.computer {
        draft.step_in_line(role, Act::RenameGuest { to: role.computer.clone() }, Purpose::SetUp);
    }
    if draft.guest(role).is_some_and(|guest| guest.pending_name.is_some()) {
        draft.step_in_line(role, Act::RestartGuest { so_that: RestartReason::Renamed }, Purpose::SetUp);
    }
}

fn join(draft: &mut Draft<'_>, role: &DesiredRole) {
    let Membership::Joins { domain, credential, .. } = &role.membership else { return };
    let Some(guest) = draft.guest(role) else { return };
    // A guest of another domain stalls elsewhere; leaving one is no business of a set-up.
    if guest.domain.is_absent() && guest.pending_domain.as_ref() != Some(domain) {
        draft.step_in_line(role, Act::JoinDomain { domain: domain.clone(), credential: credential.clone() }, Purpose::SetUp);
    }
    if draft.guest(role).is_some_and(|guest| guest.pending_domain.is_some()) {
        draft.step_in_line(role, Act::RestartGuest { so_that: RestartReason::Joined }, Purpose::SetUp);
    }
}

/// What cannot be seen of a VM that is set up is waited for, even where nothing would be done: unseen is not well (law 4).
pub(crate) fn wait_for_sight(draft: &mut Draft<'_>) {
    for role in draft.roles() {
        let Some(vm) = draft.vm(role).filter(|vm| vm.remarks.set_up) else { continue };
        let processors = role.processors.and(vm.processors.unknown());
        let memory = role.memory.and(vm.memory.unknown());
        let hardware = [("processors", processors), ("memory", memory)].map(|(what, cause)| Some((what, cause?.clone())));
        super::host::check_vm(draft, role);
        for (what, cause) in hardware.into_iter().flatten() {
            draft.unknown(format!("the {what} of {}", role.role), cause);
        }
    }
}

/// A guest on its way up is awaited while the appliance is out anyhow. While it takes calls everything else of it must go on being
/// watched, and a step that waits would stand in the way; so would one for a guest that does not answer, or that nobody waits for.
fn wait_until_up(draft: &mut Draft<'_>, role: &DesiredRole) {
    let Some(vm) = draft.vm(role).filter(|vm| vm.remarks.set_up && vm.power == PowerState::Running) else { return };
    let Seen::Unknown(cause) = &vm.guest else { return };
    match cause {
        Cause::Booting | Cause::PoweredOff if is_noted_down(draft) && !is_left_behind(role, draft.desired, draft.given) => {
            let over = network::watch_reach(draft.desired);
            draft.step_in_line(role, Act::AwaitGuest { over }, Purpose::Repair);
        }
        Cause::Booting | Cause::PoweredOff | Cause::Unreachable(_) | Cause::Refused(_) | Cause::Failed(_) | Cause::NotObserved => {
            let cause = cause.clone();
            draft.unknown(format!("the guest {}", role.role), cause);
        }
    }
}

/// Whether the notes say that the appliance takes no calls: they outlast each step of a closing.
fn is_noted_down(draft: &Draft<'_>) -> bool {
    draft.roles().iter().any(|role| draft.vm(role).is_some_and(|vm| vm.remarks.down.is_some()))
}

/// Looks into every guest that was built over the network that is watched.
pub(crate) fn verify(draft: &mut Draft<'_>) {
    let over = network::watch_reach(draft.desired);
    for role in draft.roles() {
        let far = draft.guest(role).is_some_and(|guest| guest.reach < over);
        if draft.is_building(role) && far {
            draft.step_in_line(role, Act::AwaitGuest { over }, Purpose::SetUp);
        }
    }
}

/// Restarts the guests one after the other in role order, when held services were seen not to start several times: a role restarted
/// while the one above it is ill does not come up.
pub(crate) fn recover(draft: &mut Draft<'_>) {
    // Each guest's boot at the last of too many attempts; one that tells another time by now has been restarted.
    let boots: Vec<(RoleName, Timestamp)> = draft.roles().iter().flat_map(|role| boots_of_failed_starts(draft, role)).collect();
    if boots.is_empty() {
        return;
    }
    for role in draft.roles() {
        if draft.is_set_up(role) && draft.guest(role).is_none() {
            // What comes below it may be ill because of it.
            break;
        }
        let is_old = |booted_at: &Timestamp| boots.iter().any(|(of, then)| *of == role.role && then == booted_at);
        let old = draft.guest(role).map(|guest| guest.booted_at).filter(is_old);
        if let Some(from) = old
            && draft.is_set_up(role)
        {
            draft.step_in_line(role, Act::RestartGuest { so_that: RestartReason::Recovered { from } }, Purpose::Repair);
        }
    }
    draft.barrier();
}

/// The boots during which a held service of this role was tried and would not start too many times. That it could not be asked for proves
/// nothing (law 4).
fn boots_of_failed_starts(draft: &Draft<'_>, role: &DesiredRole) -> Vec<(RoleName, Timestamp)> {
    let services = draft.guest(role).and_then(|guest| guest.services.known()).into_iter().flatten();
    // On the last appliance that could serve no guest is restarted for what calls do not wait for.
    let held = services.filter(|(name, service)| is_kept(role, **service) && !will_not_start(name, role, draft));
    let attempts = held.filter_map(|(name, _)| {
        let act = Act::StartService { service: name.clone() };
        draft.given.memory.attempts.get(&StepId::of(&draft.desired.instance, Some(&role.role), &act))
    });
    let too_many = attempts.filter(|attempts| attempts.proven >= draft.desired.recovery.service_restarts.max(1));
    too_many.flat_map(|attempts| attempts.boots.iter().map(|(role, at)| (role.clone(), *at))).collect()
}

/// From another machine nobody reaches a guest over the host's internal switch.
pub(crate) fn wait_for_reach(draft: &mut Draft<'_>) {
    if draft.desired.host.place == Place::OnHost {
        return;
    }
    let looks = draft.steps().iter().filter(|step| step.act == Act::AwaitGuest { over: Reach::Management });
    let looks: Vec<(RoleName, StepId)> = looks.filter_map(|step| Some((step.role.clone()?, step.id.clone()))).collect();
    for (role, id) in looks {
        draft.wait(WaitingOn::Reach { role }, vec![id]);
    }
}
