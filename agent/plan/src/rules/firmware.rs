//! Secure boot and the boot order. Hyper-V changes a VM's firmware only while the VM is off.

use model::desired::{BootDevice, DesiredRole, SecureBoot};
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

/// Whether what is seen boots as wished: kinds that the wish names come first and in its order, whatever else follows.
pub(crate) fn boots_in_order(wanted: &[BootDevice], seen: &[BootDevice]) -> bool {
    seen.is_sorted_by_key(|device| device.place_in(wanted))
}

/// The order that is to be set on this VM, when it is known to be another.
pub(crate) fn wanted_order<'a>(draft: &Draft<'_>, role: &'a DesiredRole) -> Option<&'a [BootDevice]> {
    let seen = draft.vm(role)?.boot_order.known()?;
    (!boots_in_order(&role.boot_order, seen)).then_some(&role.boot_order)
}

/// Sets it on a VM that is off, once it has what it is to boot from.
pub(crate) fn order(draft: &mut Draft<'_>, role: &DesiredRole) {
    let Some(vm) = draft.vm(role).filter(|vm| vm.power == PowerState::Off) else { return };
    let untold = matches!(vm.boot_order, Seen::Unknown(_)) && draft.is_building(role) && !role.boot_order.is_empty();
    if !untold && wanted_order(draft, role).is_none() {
        return;
    }
    if let Some(purpose) = super::power::purpose_of_setting(draft, role) {
        draft.step(role, Act::SetBootOrder { to: role.boot_order.clone() }, purpose);
    }
}
