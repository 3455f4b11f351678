//! Virtual processors. Hyper-V changes their number only while the VM is off.

use model::condition::Reason;
use model::desired::DesiredRole;
use model::observed::PowerState;
use model::seen::Seen;

use crate::draft::Draft;
use crate::step::Act;

/// The number that is to be set on this VM, when it is known to be another.
pub(crate) fn wanted(draft: &Draft<'_>, role: &DesiredRole) -> Option<(u32, u32)> {
    let to = role.processors?;
    let from = *draft.vm(role)?.processors.known()?;
    let fits = to <= draft.world.host.processors;
    (from != to && fits).then_some((from, to))
}

/// Sets it on a VM that is off.
pub(crate) fn set(draft: &mut Draft<'_>, role: &DesiredRole) {
    let Some(vm) = draft.vm(role).filter(|vm| vm.power == PowerState::Off) else { return };
    let untold = matches!(vm.processors, Seen::Unknown(_)) && draft.is_building(role);
    let Some(to) = role.processors.filter(|_| untold).or_else(|| wanted(draft, role).map(|(_, to)| to)) else { return };
    if let Some(purpose) = super::power::purpose_of_setting(draft, role) {
        draft.step(role, Act::SetProcessors { to }, purpose);
    }
}

/// Says that a host is too small, where nothing is being built.
pub(crate) fn stall_too_many(draft: &mut Draft<'_>, role: &DesiredRole) {
    let has = draft.world.host.processors;
    let from = draft.vm(role).and_then(|vm| vm.processors.known()).copied();
    if let (Some(to), Some(from)) = (role.processors, from)
        && to > has
        && from != to
    {
        let message = format!("{} asks for {to} processors, the host has {has}", role.role);
        draft.stall(Reason::HostTooSmall, message, "lower `processors`, or use a larger host");
    }
}
