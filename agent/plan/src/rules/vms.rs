//! The VM itself, and the differences that only a new one could mend.
//!
//! Guarantees: no VM is made beside one of ours or of anybody else; only a VM that never served is deleted to be built anew, and not
//! endlessly. Deliberately absent: blue/green, which will meet such
//! differences with a second instance; until then they stall.

use model::condition::Reason;
use model::desired::{Desired, DesiredRole, Membership};
use model::names::HostPath;
use model::observed::{Mark, ObservedGuest, ObservedVm, PowerState, Remarks};
use model::seen::Seen;

use super::{adapters, removal};
use crate::draft::Draft;
use crate::step::{Act, Purpose};

/// Makes the VM of a role that is being built.
pub(crate) fn define(draft: &mut Draft<'_>, role: &DesiredRole) {
    if draft.is_building(role) && draft.vm(role).is_none() {
        let mark = mark(draft.desired, role);
        draft.step(role, Act::DefineVm { vm: role.vm.clone(), mark }, Purpose::SetUp);
    }
}

/// The mark of the VM of a role.
pub(crate) fn mark(desired: &Desired, role: &DesiredRole) -> Mark {
    Mark {
        fleet: desired.fleet.clone(),
        appliance: desired.appliance.clone(),
        role: role.role.clone(),
        instance: desired.instance.clone(),
        spec: role.spec.clone(),
    }
}

/// Says what no step can mend; whether any of it keeps an instance from being set up.
pub(crate) fn stall_what_needs_a_rebuild(draft: &mut Draft<'_>) -> bool {
    let mut stops_building = false;
    for role in draft.roles() {
        let Some(vm) = draft.vm(role) else { continue };
        if may_be_discarded(draft, role) {
            draft.discarding.insert(role.role.clone());
            continue;
        }
        let undo = "undo the change in git; side-by-side rebuilding will do this without an outage, today it means a new instance";
        let mut says = Vec::new();
        if vm.mark.spec != role.spec {
            let message = "was made from another image, for another domain or with other settings than the manifest asks for".to_owned();
            says.push((message, made_for(role)));
        }
        if vm.remarks.set_up {
            says.extend(of_set_up(role, vm).into_iter().map(|message| (message, undo.to_owned())));
        }
        says.extend(vm.guest.known().and_then(|guest| of_domain(role, guest)).map(|message| (message, undo.to_owned())));
        stops_building |= !vm.remarks.set_up && !says.is_empty();
        for (message, hint) in says {
            draft.stall(Reason::RebuildNeeded, format!("{} {message}", role.role), hint);
        }
    }
    stops_building
}

/// What the mark's digest is of, so that a person finds what to put back: only the digest is known of what the VM was made for.
fn made_for(role: &DesiredRole) -> String {
    let size = role.image.size.map_or_else(String::new, |size| match size.bytes() {
        bytes if bytes.trailing_zeros() >= 30 => format!(" of {} GiB", bytes >> 30),
        bytes => format!(" of {bytes} bytes"),
    });
    let domain = match &role.membership {
        Membership::None => String::new(),
        Membership::Hosts(domain) | Membership::Joins { domain, .. } => format!(", the domain (now {domain})"),
    };
    format!(
        "put back in git what changed of the image's path or size (now `{}`{size}){domain} or a setting that the profile classes as rebuild or \
         identity: `trunkline plan --base` an older commit `--head` this one names it; else it means a new instance",
        role.image.path
    )
}

/// Whether a VM was made from something else, never served, and has not been built anew too often: then it goes, and another one
/// is made. What is set up is never deleted here, whoever asks.
fn may_be_discarded(draft: &Draft<'_>, role: &DesiredRole) -> bool {
    let Some(vm) = draft.vm(role).filter(|vm| vm.remarks == Remarks::default() && vm.mark.spec != role.spec) else { return false };
    let memory = &draft.given.memory;
    // Notes can be edited. Whoever remembers that it served believes them no more than they say.
    let served = memory.seen_good.get(&draft.desired.instance).is_some_and(|roles| roles.contains_key(&role.role));
    let rebuilt = memory.rebuilds.get(&role.role).copied().unwrap_or(0);
    // What is bound stays; the stall says that it was made from something else, and the bond is told beside it.
    let bound = super::bonds::binds(draft, role);
    let settled = !bound && !matches!(vm.power, PowerState::Changing | PowerState::Other(_));
    !served && settled && vm.disks.known().is_some() && rebuilt < draft.desired.install_attempts
}

/// Deletes VMs that never served and were made from something else, so that they are built anew: the disk first, as the VM's mark is
/// what tells that the disk is ours.
pub(crate) fn discard(draft: &mut Draft<'_>) {
    for role in draft.roles() {
        if !draft.is_building(role) || !draft.discarding.contains(&role.role) {
            continue;
        }
        let Some(vm) = draft.vm(role) else { continue };
        let (name, runs) = (vm.name.clone(), vm.power != PowerState::Off);
        let left = matches!(draft.world.host.files.get(&role.disk), Some(Seen::Known(_))).then_some(&role.disk);
        let mut disks: Vec<HostPath> = vm.disks.known().into_iter().flatten().chain(left).cloned().collect();
        disks.retain(|disk| removal::lies_below(disk, &draft.desired.host.root));
        disks.sort();
        disks.dedup();
        if runs {
            draft.step(role, Act::ShutDownVm, Purpose::SetUp);
        }
        for path in disks {
            draft.step(role, Act::RemoveDisk { path }, Purpose::SetUp);
        }
        draft.step(role, Act::RemoveVm { vm: name }, Purpose::SetUp);
    }
    draft.barrier();
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
