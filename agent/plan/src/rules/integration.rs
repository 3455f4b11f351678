//! Integration services. The host offers one or stops to while the VM runs, and no caller notices.
//!
//! Guarantees: a VM that is set up gets them before anything is done to it, as a guest without them cannot be shut down in order; what
//! does not concern that VM waits for none of them.

use model::desired::DesiredRole;

use super::power;
use crate::draft::Draft;
use crate::step::Act;

/// Turns those that the wish names on or off on VMs that are set up.
pub(crate) fn mend(draft: &mut Draft<'_>) {
    let instance = draft.desired.instance.clone();
    for role in draft.roles().iter().filter(|role| !role.integration_services.is_empty()) {
        let Some(purpose) = power::purpose_of_setting(draft, role).filter(|_| draft.is_set_up(role)) else { continue };
        for act in acts(draft, role) {
            draft.write_apart(&instance, &role.role, act, purpose);
        }
    }
}

/// The same on a VM that is being built.
pub(crate) fn set(draft: &mut Draft<'_>, role: &DesiredRole) {
    if let Some(purpose) = power::purpose_of_setting(draft, role).filter(|_| draft.is_building(role)) {
        for act in acts(draft, role) {
            draft.step(role, act, purpose);
        }
    }
}

/// Those that are known to be otherwise than wished.
fn acts(draft: &Draft<'_>, role: &DesiredRole) -> Vec<Act> {
    let Some(vm) = draft.vm(role) else { return Vec::new() };
    let differs = |service| vm.integration_services.get(service).and_then(model::seen::Seen::known);
    let wrong = role.integration_services.iter().filter(|(service, to)| differs(service).is_some_and(|seen| seen != *to));
    wrong.map(|(service, to)| Act::SetIntegrationService { service: *service, to: *to }).collect()
}
