//! What is believed of VMs against their notes: that a role was set up is remembered, though somebody wrote over the line that said so.
//!
//! Guarantees: pure; only what has been seen well, and has not been seen absent since, is believed; steps do not change the answer, but by
//! writing the line again. Deliberately absent: belief in anything else; who remembers nothing believes the notes.

use std::borrow::Cow;

use model::desired::Desired;
use model::names::RoleName;
use model::observed::Observed;

use crate::effect::vm_of;
use crate::given::Memory;

/// The roles whose notes have lost the line.
pub(crate) fn lost(desired: &Desired, observed: &Observed, memory: &Memory) -> Vec<RoleName> {
    let roles = desired.roles.iter().map(|role| &role.role);
    let silent = |role: &&RoleName| vm_of(desired, observed, role).is_some_and(|vm| !vm.remarks.set_up);
    roles.filter(silent).filter(|role| memory.remembers(&desired.instance, role)).cloned().collect()
}

/// What was seen, as if they had it.
pub(crate) fn believed<'o>(desired: &Desired, observed: &'o Observed, lost: &[RoleName]) -> Cow<'o, Observed> {
    let mut observed = Cow::Borrowed(observed);
    for role in lost {
        let instance = observed.to_mut().instances.get_mut(&desired.instance);
        if let Some(vm) = instance.and_then(|instance| instance.vms.get_mut(role)) {
            vm.remarks.set_up = true;
        }
    }
    observed
}
