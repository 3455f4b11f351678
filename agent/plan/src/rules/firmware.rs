//! Secure boot. Hyper-V changes a VM's firmware only while the VM is off.

use model::desired::{DesiredRole, SecureBoot};
use model::observed::PowerState;
use model::seen::Seen;

use crate::draft::Draft;
use crate::step::Act;

/// The template that is to be set on this VM, when it is known to be another.
pub(crate) fn wanted(draft: &Draft<'_>, role: &DesiredRole) -> Option<(SecureBoot, SecureBoot)> {
    let to = role.secure_boot?;
    let from = *draft.vm(role)?.secure_boot.known()?;
    (from != to).then_some((from, to))
}

/// Sets it on a VM that is off.
pub(crate) fn set(draft: &mut Draft<'_>, role: &DesiredRole) {
    let Some(vm) = draft.vm(role).filter(|vm| vm.power == PowerState::Off) else { return };
    let untold = matches!(vm.secure_boot, Seen::Unknown(_)) && draft.is_building(role);
    let Some(to) = role.secure_boot.filter(|_| untold).or_else(|| wanted(draft, role).map(|(_, to)| to)) else { return };
    if let Some(purpose) = super::power::purpose_of_setting(draft, role) {
        draft.step(role, Act::SetSecureBoot { to }, purpose);
    }
}
