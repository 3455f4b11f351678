//! The VM itself, and the differences that only a new one could mend.
//!
//! Guarantees: no VM is made beside one of ours or of anybody else. Deliberately absent: blue/green, which will meet such
//! differences with a second instance; until then they stall.

use model::condition::Reason;
use model::desired::{DesiredRole, Membership};
use model::observed::{Mark, ObservedGuest, ObservedVm};
use model::seen::Seen;

use super::adapters;
use crate::draft::Draft;
use crate::step::{Act, Purpose};

/// Makes the VM of a role that is being built.
pub(crate) fn define(draft: &mut Draft<'_>, role: &DesiredRole) {
    if draft.is_building(role) && draft.vm(role).is_none() {
        let mark = Mark {
            fleet: draft.desired.fleet.clone(),
            appliance: draft.desired.appliance.clone(),
            role: role.role.clone(),
            instance: draft.desired.instance.clone(),
            spec: role.spec.clone(),
        };
        draft.step(role, Act::DefineVm { vm: role.vm.clone(), mark }, Purpose::SetUp);
    }
}

/// Says what no step can mend; whether any of it keeps an instance from being set up.
pub(crate) fn stall_what_needs_a_rebuild(draft: &mut Draft<'_>) -> bool {
    let mut stops_building = false;
    for role in draft.roles() {
        let Some(vm) = draft.vm(role) else { continue };
        let mut says = Vec::new();
        if vm.mark.spec != role.spec {
            says.push("was made from another image or with other settings than the manifest asks for".to_owned());
        }
        if vm.remarks.set_up {
            says.extend(of_set_up(role, vm));
        }
        says.extend(vm.guest.known().and_then(|guest| of_domain(role, guest)));
        stops_building |= !vm.remarks.set_up && !says.is_empty();
        for message in says {
            let hint = "undo the change in git; side-by-side rebuilding will do this without an outage, today it means a new instance";
            draft.stall(Reason::RebuildNeeded, format!("{} {message}", role.role), hint);
        }
    }
    stops_building
}

fn of_set_up(role: &DesiredRole, vm: &ObservedVm) -> Vec<String> {
    let mut says = Vec::new();
    if vm.disks.known().is_some_and(|disks| !disks.contains(&role.disk)) {
        says.push(format!("is to have the disk `{}` and has not", role.disk));
    }
    for adapter in &role.adapters {
        let seen = vm.adapters.known().and_then(|adapters| adapters.get(&adapter.mac)).and_then(|seen| seen.config.known());
        if let Some(config) = seen.filter(|config| !adapters::has_addresses(adapter, config)) {
            let [has, wants] = [&config.addresses, &adapter.addresses].map(|all| adapters::list(all));
            says.push(format!("has the addresses {has} on {}, not {wants}", adapter.name));
        }
    }
    let Some(guest) = vm.guest.known() else { return says };
    if guest.computer != role.computer {
        says.push(format!("calls itself `{}`, not `{}`", guest.computer, role.computer));
    }
    if matches!(role.membership, Membership::Joins { .. }) && guest.domain.is_absent() {
        says.push("has left its domain".to_owned());
    }
    says
}

/// A directory that is not the wished one: its image brings another, or somebody joined the guest elsewhere.
fn of_domain(role: &DesiredRole, guest: &ObservedGuest) -> Option<String> {
    match (&role.membership, &guest.domain) {
        (Membership::Hosts(wanted) | Membership::Joins { domain: wanted, .. }, Seen::Known(seen)) if wanted != seen => {
            Some(format!("belongs to the domain `{seen}`, not `{wanted}`"))
        }
        (Membership::Hosts(wanted), Seen::Absent) => Some(format!("does not host the domain `{wanted}`; its image should")),
        (Membership::None | Membership::Hosts(_) | Membership::Joins { .. }, _) => None,
    }
}
