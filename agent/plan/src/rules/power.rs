//! Power: who has to go off for a change, who is off and should run, and what the host does with a VM at its own start and stop.
//!
//! Guarantees: only the VMs concerned go off, in reverse role order, and come back in role order; a guest that cannot be looked
//! into is not turned off for planned work.

use model::desired::{DesiredRole, StartAction};
use model::observed::{ObservedVm, PowerState};
use model::seen::{Cause, Seen};

use super::{adapters, bonds, firmware, may_change, memory, processor, wait_for_mode};
use crate::draft::Draft;
use crate::given::PlannedWork;
use crate::laggard::is_left_behind;
use crate::step::{Act, Purpose};

/// Whether planned work wants serving to end: a VM that is set up has to go off, or gets other gateways,
/// name servers or switches.
pub(crate) fn disrupts(draft: &mut Draft<'_>) -> bool {
    let (mut wanted, stalls) = (false, draft.stalls.len());
    for role in draft.roles() {
        if !draft.is_set_up(role) {
            continue;
        }
        processor::stall_too_many(draft, role);
        memory::stall_too_much(draft, role);
        adapters::stall_missing_switches(draft, role);
        if wants_off(draft, role) {
            bonds::stall(draft, role, "turned off for a change");
        }
        let moved = adapters::is_to_be_moved(draft, role) || adapters::is_to_be_tagged(draft, role);
        wanted |= moved || goes_off(draft, role) || adapters::is_to_be_readdressed(draft, role);
    }
    if !wanted {
        draft.barred = draft.stalls.len() > stalls && reasons(draft).is_empty();
        return false;
    }
    if !may_change(draft) {
        wait_for_mode(draft);
        return false;
    }
    let blind = unseen(draft);
    for (role, cause) in &blind {
        draft.unknown(format!("the guest {}", role.role), cause.clone());
    }
    blind.is_empty()
}

/// What planned work is about, for people.
pub(crate) fn reasons(draft: &Draft<'_>) -> Vec<String> {
    let mut reasons = Vec::new();
    for role in draft.roles().iter().filter(|role| draft.is_set_up(role)) {
        reasons.extend(processor::wanted(draft, role).map(|(from, to)| format!("processors of {} {from} -> {to}", role.role)));
        reasons.extend(memory::wanted(draft, role).map(|(from, to)| format!("memory of {} {from} -> {to}", role.role)));
        reasons.extend(firmware::wanted(draft, role).map(|_| format!("secure boot of {}", role.role)));
        reasons.extend(firmware::wanted_order(draft, role).map(|_| format!("boot order of {}", role.role)));
        if adapters::is_to_be_tagged(draft, role) {
            reasons.push(format!("VLANs of {}", role.role));
        }
        if adapters::is_to_be_readdressed(draft, role) {
            reasons.push(format!("gateway or name servers of {}", role.role));
        }
        if adapters::is_to_be_moved(draft, role) {
            reasons.push(format!("switches of {}", role.role));
        }
    }
    reasons
}

/// Guests that must be drained and cannot be looked into, although their VMs run.
fn unseen<'a>(draft: &Draft<'a>) -> Vec<(&'a DesiredRole, Cause)> {
    let unseen = |role: &'a DesiredRole| {
        let vm = draft.vm(role).filter(|vm| vm.remarks.set_up)?;
        let cause = match (vm.power, &vm.guest) {
            (PowerState::Changing, _) => Cause::Booting,
            (PowerState::Running, Seen::Unknown(cause)) => cause.clone(),
            (PowerState::Running, Seen::Known(guest)) => guest.services.unknown()?.clone(),
            _ => return None,
        };
        (role.holds || goes_off(draft, role)).then_some((role, cause))
    };
    draft.roles().iter().filter_map(unseen).collect()
}

/// Whether planned work may end what serves: the mode allows it, and every guest that must be drained can be.
pub(crate) fn may_disrupt(draft: &Draft<'_>) -> bool {
    may_change(draft) && unseen(draft).is_empty()
}

/// Whether a VM runs that must be off for a change, and may go off.
fn goes_off(draft: &Draft<'_>, role: &DesiredRole) -> bool {
    wants_off(draft, role) && !bonds::binds(draft, role)
}

/// Whether a VM runs that must be off for a change.
fn wants_off(draft: &Draft<'_>, role: &DesiredRole) -> bool {
    let runs = draft.vm(role).is_some_and(|vm| matches!(vm.power, PowerState::Running | PowerState::Saved | PowerState::Paused));
    runs && (wants_other_hardware(draft, role) || memory::wanted(draft, role).is_some())
}

/// Whether anything but memory is to change of what can change only while the VM is off.
pub(crate) fn wants_other_hardware(draft: &Draft<'_>, role: &DesiredRole) -> bool {
    processor::wanted(draft, role).is_some() || firmware::wanted(draft, role).is_some() || firmware::wanted_order(draft, role).is_some()
}

/// Shuts down whoever must be off, in reverse role order.
pub(crate) fn shut_down(draft: &mut Draft<'_>) {
    let may_disrupt = may_disrupt(draft);
    for role in draft.roles().iter().rev() {
        if draft.is_building(role) && wants_off(draft, role) {
            bonds::stall(draft, role, "turned off while it is set up");
        }
        if !goes_off(draft, role) {
            continue;
        }
        if draft.is_building(role) {
            draft.step_in_line(role, Act::ShutDownVm, Purpose::SetUp);
        } else if draft.is_set_up(role) && may_disrupt {
            draft.step_in_line(role, Act::ShutDownVm, Purpose::Change);
        }
    }
}

/// What a setting of this VM is for; `None` when it must not be touched.
pub(crate) fn purpose_of_setting(draft: &Draft<'_>, role: &DesiredRole) -> Option<Purpose> {
    if draft.is_building(role) {
        return Some(Purpose::SetUp);
    }
    (draft.is_set_up(role) && may_change(draft)).then_some(Purpose::Change)
}

/// Sets what the host does with the VM at its own start and stop.
pub(crate) fn set_actions(draft: &mut Draft<'_>, role: &DesiredRole) {
    let Some(purpose) = purpose_of_setting(draft, role) else { return };
    let building = draft.is_building(role);
    let Some(vm) = draft.vm(role) else { return };
    let differs = |known: Option<bool>| known.unwrap_or(building);
    let start = differs(vm.start_action.known().map(|seen| *seen != role.start_action));
    let stop = differs(vm.stop_action.known().map(|seen| *seen != role.stop_action));
    if start {
        draft.step(role, Act::SetStartAction { to: role.start_action }, purpose);
    }
    if stop {
        draft.step(role, Act::SetStopAction { to: role.stop_action }, purpose);
    }
}

/// Keeps the host from starting VMs of other instances when it starts itself: they would come up beside the one that stands.
pub(crate) fn retire_others(draft: &mut Draft<'_>) {
    // Who cannot read every mark does not know which that is.
    if draft.world.hides_vms() {
        return;
    }
    let others = draft.world.instances.iter().filter(|(instance, _)| **instance != draft.desired.instance);
    let all = others.flat_map(|(instance, vms)| vms.vms.iter().map(move |(role, vm)| (instance.clone(), role.clone(), vm)));
    let off = all.filter(|(_, _, vm)| vm.power == PowerState::Off && starts_by_itself(vm));
    let off: Vec<_> = off.map(|(instance, role, _)| (instance, role)).collect();
    for (instance, role) in off {
        draft.write_apart(&instance, &role, Act::SetStartAction { to: StartAction::Nothing }, Purpose::Repair);
    }
}

/// Has the host go on starting what stands: who turned it on again has not given it up.
pub(crate) fn keep_standing(draft: &mut Draft<'_>) {
    if draft.given.planned_work != PlannedWork::Standing || draft.rival.is_some() {
        return;
    }
    let given_up = |role: &&DesiredRole| {
        let nothing = draft.vm(role).is_some_and(|vm| vm.start_action == Seen::Known(StartAction::Nothing));
        nothing && role.start_action != StartAction::Nothing
    };
    let given_up: Vec<&DesiredRole> = draft.roles().iter().filter(given_up).collect();
    for role in given_up {
        draft.write_alone(&draft.desired.instance, &role.role, Act::SetStartAction { to: role.start_action }, Purpose::Repair);
    }
}

/// Whether the host is known to start a VM when it starts itself.
pub(crate) fn starts_by_itself(vm: &ObservedVm) -> bool {
    vm.start_action.known().is_some_and(|action| *action != StartAction::Nothing)
}

/// Starts a VM that is off, saved or paused. VMs under set-up boot side by side; those that have served come up one after
/// the other, as each needs the one before it, unless that one does not come up and calls could return without it.
pub(crate) fn start(draft: &mut Draft<'_>, role: &DesiredRole) {
    let building = draft.is_building(role);
    let Some(vm) = draft.vm(role).filter(|vm| building || vm.remarks.set_up) else { return };
    let stands = matches!(vm.power, PowerState::Off | PowerState::Saved | PowerState::Paused);
    if let Some((bond, name)) = bonds::binds_power(vm).filter(|_| stands).map(|bond| (bond, vm.name.clone())) {
        return bonds::say(draft, &name, bond, "started by us");
    }
    match vm.power {
        PowerState::Running => {}
        PowerState::Off | PowerState::Saved | PowerState::Paused if draft.rival.is_some() => {}
        PowerState::Off | PowerState::Saved | PowerState::Paused if building => {
            draft.step(role, Act::StartVm, Purpose::SetUp);
        }
        PowerState::Off | PowerState::Saved | PowerState::Paused if is_left_behind(role, draft.desired, draft.given) => {
            draft.write_alone(&draft.desired.instance, &role.role, Act::StartVm, Purpose::Repair);
        }
        PowerState::Off | PowerState::Saved | PowerState::Paused => {
            draft.step_in_line(role, Act::StartVm, Purpose::Repair);
        }
        PowerState::Changing | PowerState::Other(_) => {
            let cause = changing(vm);
            draft.unknown(format!("the power state of {}", role.role), cause);
        }
    }
}

fn changing(vm: &ObservedVm) -> Cause {
    match vm.power {
        PowerState::Other(code) => Cause::Failed(format!("Hyper-V reports state {code}")),
        _ => Cause::Booting,
    }
}
