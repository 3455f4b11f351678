//! Static memory. We change it only while the VM is off, and it is given only when the host has it.

use model::condition::Reason;
use model::desired::DesiredRole;
use model::observed::PowerState;
use model::seen::Seen;
use model::units::MemorySize;

use super::host::memory_of;
use crate::draft::Draft;
use crate::step::Act;

/// The amount that is to be set on this VM, when it is known to be another, or to be one that the host changes by itself.
pub(crate) fn wanted(draft: &Draft<'_>, role: &DesiredRole) -> Option<(MemorySize, MemorySize)> {
    let to = role.memory?;
    let from = *draft.vm(role)?.memory.known()?;
    let dynamic = draft.vm(role)?.dynamic_memory.known() == Some(&true);
    ((from != to || dynamic) && (to < from || fits(draft))).then_some((from, to))
}

fn fits(draft: &Draft<'_>) -> bool {
    memory_of(draft.desired) <= draft.world.host.memory
}

/// Sets it on a VM that is off.
pub(crate) fn set(draft: &mut Draft<'_>, role: &DesiredRole) {
    let Some(vm) = draft.vm(role).filter(|vm| vm.power == PowerState::Off) else { return };
    let untold = matches!(vm.memory, Seen::Unknown(_)) && draft.is_building(role);
    let Some(to) = role.memory.filter(|_| untold).or_else(|| wanted(draft, role).map(|(_, to)| to)) else { return };
    if let Some(purpose) = super::power::purpose_of_setting(draft, role) {
        draft.step(role, Act::SetMemory { to }, purpose);
    }
}

/// Says that a host is too small, where nothing is being built.
pub(crate) fn stall_too_much(draft: &mut Draft<'_>, role: &DesiredRole) {
    let from = draft.vm(role).and_then(|vm| vm.memory.known()).copied();
    if let (Some(to), Some(from)) = (role.memory, from)
        && to > from
        && !fits(draft)
    {
        let (asks, has) = (memory_of(draft.desired), draft.world.host.memory);
        let message = format!("{} asks for {to} of memory; all VMs together ask for {asks}, the host has {has}", role.role);
        draft.stall(Reason::HostTooSmall, message, "lower `memory`, or use a larger host");
    }
}
