//! Whether the host can carry the instance: what must exist, what must not, and how big it must be.
//!
//! Guarantees: nothing is built beside something foreign; what could not be seen builds nothing.
//! Deliberately absent: anything that changes the host.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use model::condition::Reason;
use model::desired::{DesiredRole, Membership, NetworkKind};
use model::names::{HostPath, RoleName, VmName};
use model::observed::{ForeignVm, PowerState, UnreadableObject};
use model::seen::{Cause, Seen};
use model::units::MacAddress;

use crate::draft::Draft;
use crate::report::WaitingOn;
use crate::step::StepId;

/// Two VMs with one mark: nobody can tell which one is meant, so nothing is done at all.
pub(crate) fn has_duplicates(draft: &mut Draft<'_>) -> bool {
    let duplicates = draft.world.duplicates.clone();
    for duplicate in &duplicates {
        let names: Vec<String> = duplicate.vms.iter().map(|vm| format!("`{vm}`")).collect();
        let message = format!("the VMs {} bear the same mark: {} of instance {}", names.join(" and "), duplicate.role, duplicate.instance);
        draft.stall(Reason::DuplicateMark, message, "delete our line in the notes of the copy, or delete the copy");
    }
    !duplicates.is_empty()
}

/// Marks that cannot be read, or were not told: one of them may be what seems to be missing.
pub(crate) fn stall_the_unreadable(draft: &mut Draft<'_>) {
    for object in draft.world.unreadable.clone() {
        let desired = draft.desired;
        let (what, says, line) = match &object {
            UnreadableObject::Vm { name, says } => {
                let of_name = desired.roles.iter().find(|role| role.vm == *name);
                (format!("VM `{name}`"), says, of_name.map(|role| super::vms::mark(desired, role).to_string()))
            }
            UnreadableObject::Switch { name, says } => (format!("switch `{name}`"), says, Some(super::switches::mark(desired).to_string())),
        };
        let right = line.map_or_else(|| "its mark".to_owned(), |line| format!("the line `{line}`"));
        let hint = format!(
            "see that its notes can be read, with {right} if it is ours and without a mark if not. Until then nothing is made, changed or removed on this host"
        );
        draft.stall(Reason::UnreadableMark, format!("the mark of the {what} cannot be read: {says}"), hint);
    }
}

/// Another instance of ours that runs, beside which the wished one is neither built, started nor connected.
pub(crate) fn stall_beside_another_instance(draft: &mut Draft<'_>) {
    if let Some((instance, vm)) = draft.rival.clone() {
        let message = format!("`{vm}` of instance {instance} runs, with the addresses that instance {} is to have", draft.desired.instance);
        draft.stall(Reason::RebuildNeeded, message, "keep that release in the Appliance, or turn its VMs off first");
    }
}

/// The roles that are not set up, when everything allows them to be built; none otherwise, with the reasons.
pub(crate) fn what_may_be_built(draft: &mut Draft<'_>) -> BTreeSet<RoleName> {
    let wanted: Vec<&DesiredRole> = draft.roles().iter().filter(|role| !draft.is_set_up(role)).collect();
    if wanted.is_empty() {
        return BTreeSet::new();
    }
    if !super::may_build(draft) {
        super::wait_for_mode(draft);
        return BTreeSet::new();
    }
    let before = draft.stalls.len() + draft.waits.len();
    check_switches(draft);
    check_size(draft);
    let foreign = draft.world.foreign.clone();
    let taken = Taken::index(&foreign);
    for role in &wanted {
        match draft.vm(role).is_some() && !draft.discarding.contains(&role.role) {
            true => check_vm(draft, role),
            false => {
                stall_a_lost_directory(draft, role);
                check_room(draft, role, &taken);
                super::bonds::stall_elsewhere(draft, role);
            }
        }
        check_disk(draft, role);
    }
    if draft.rival.is_some() || draft.stalls.len() + draft.waits.len() > before {
        return BTreeSet::new();
    }
    wanted.into_iter().map(|role| role.role.clone()).collect()
}

/// A directory that others are members of is lost: another one, made from the image, would bear its name and know none of them, and a backup
/// of the lost one could not be put back beside it.
fn stall_a_lost_directory(draft: &mut Draft<'_>, role: &DesiredRole) {
    let is_member = |one: &&DesiredRole| {
        let joins = matches!(&one.membership, Membership::Joins { controller, .. } if *controller == role.role);
        joins && draft.vm(one).is_some() && draft.is_set_up(one)
    };
    let members: Vec<String> = draft.roles().iter().filter(is_member).map(|one| one.role.to_string()).collect();
    if !members.is_empty() {
        let message = format!("`{}` is gone, and with it the directory that {} belong to", role.vm, members.join(", "));
        let hint = "put the VM back, with its notes, or restore it; to begin anew, delete the other VMs and their disks too";
        draft.stall(Reason::RebuildNeeded, message, hint);
    }
}

/// While a job that can create is running, nothing is created: it may be ours, sent before a crash.
pub(crate) fn wait_for_jobs(draft: &mut Draft<'_>) {
    let on = match &draft.world.host.jobs {
        Seen::Absent => return,
        Seen::Unknown(cause) => WaitingOn::Unknown { what: "the host's unfinished jobs".to_owned(), cause: cause.clone() },
        Seen::Known(jobs) => match jobs.iter().find(|job| job.creates) {
            None => return,
            Some(job) => WaitingOn::Job { caption: job.caption.clone() },
        },
    };
    let blocks: Vec<StepId> = draft.steps().iter().filter(|step| step.act.creates()).map(|step| step.id.clone()).collect();
    if !blocks.is_empty() {
        draft.wait(on, blocks);
    }
}

fn check_switches(draft: &mut Draft<'_>) {
    let switches = match &draft.world.host.switches {
        Seen::Known(switches) => switches.clone(),
        Seen::Absent => BTreeMap::new(),
        Seen::Unknown(cause) => {
            let cause = cause.clone();
            return draft.unknown("the host's switches", cause);
        }
    };
    for (name, network) in draft.desired.networks.iter() {
        match (&network.kind, switches.get(&network.switch)) {
            (NetworkKind::Existing, None) => {
                let message = format!("the host has no switch `{}`, which network {name} names", network.switch);
                draft.stall(Reason::SwitchMissing, message, "make it in Hyper-V (it is bound to a physical adapter), or name another one");
            }
            (NetworkKind::Management { .. }, Some(seen)) if !super::switches::is_ours(draft.desired, seen) => {
                let message = format!("the switch `{}` exists and is not ours", network.switch);
                draft.stall(Reason::AdoptionNeeded, message, format!("give network {name} another switch name, or remove that switch"));
            }
            (NetworkKind::Existing, Some(_)) | (NetworkKind::Management { .. }, _) => {}
        }
    }
}

/// Checks what all VMs together ask of the host.
fn check_size(draft: &mut Draft<'_>) {
    super::memory::stall_too_small(draft);
    let processors = draft.world.host.processors;
    for role in draft.roles() {
        if let Some(asks) = role.processors.filter(|asks| *asks > processors) {
            let message = format!("{} asks for {asks} processors, the host has {processors}", role.role);
            draft.stall(Reason::HostTooSmall, message, "lower `processors`, or use a larger host");
        }
    }
}

/// What cannot be seen of a VM of ours is waited for.
pub(crate) fn check_vm(draft: &mut Draft<'_>, role: &DesiredRole) {
    let Some(vm) = draft.vm(role) else { return };
    let mut unseen = Vec::new();
    if let PowerState::Changing = vm.power {
        unseen.push((format!("the power state of {}", role.role), Cause::Booting));
    }
    if let PowerState::Other(code) = vm.power {
        unseen.push((format!("the power state of {}", role.role), Cause::Failed(format!("Hyper-V reports state {code}"))));
    }
    for (what, cause) in [("disks", vm.disks.unknown()), ("adapters", vm.adapters.unknown())] {
        unseen.extend(cause.map(|cause| (format!("the {what} of {}", role.role), cause.clone())));
    }
    if let Some(guest) = vm.guest.known() {
        let parts = [("domain", guest.domain.unknown()), ("services", guest.services.unknown()), ("rules", guest.rules.unknown())];
        let parts = parts.into_iter().filter_map(|(what, cause)| Some((format!("the {what} of guest {}", role.role), cause?.clone())));
        unseen.extend(parts);
    }
    let switches = vm.adapters.known().into_iter().flat_map(|adapters| adapters.values());
    let switches = switches.filter_map(|one| Some((format!("the switch of {}/{}", role.role, one.name), one.switch.unknown()?.clone())));
    unseen.extend(switches);
    for (what, cause) in unseen {
        draft.unknown(what, cause);
    }
}

/// A disk that is missing needs its image, whole.
fn check_disk(draft: &mut Draft<'_>, role: &DesiredRole) {
    let attached = draft.vm(role).and_then(|vm| vm.disks.known()).is_some_and(|disks| disks.contains(&role.disk));
    let files = &draft.world.host.files;
    let seen = |path: &HostPath| files.get(path).cloned().unwrap_or(Seen::Unknown(Cause::NotObserved));
    match seen(&role.disk) {
        // What is deleted is made again, from the image.
        Seen::Known(_) if draft.discarding.contains(&role.role) => {}
        Seen::Known(_) => return,
        Seen::Unknown(_) if attached => return,
        Seen::Unknown(cause) => return draft.unknown(format!("the disk `{}`", role.disk), cause),
        Seen::Absent => {}
    }
    let image = &role.image.path;
    match seen(image) {
        Seen::Unknown(cause) => draft.unknown(format!("the image `{image}`"), cause),
        Seen::Absent => {
            let hint = format!("put the finished image of {} there, or name its place under `images`", role.role);
            draft.stall(Reason::ImageMissing, format!("the host has no image `{image}`"), hint);
        }
        Seen::Known(file) => {
            if let Some(size) = role.image.size.filter(|size| *size != file.size) {
                let message = format!("the image `{image}` has {} bytes, the Release says {}", file.size.bytes(), size.bytes());
                draft.stall(Reason::ImageMissing, message, "copy it again, or correct `size` in the Release");
            }
        }
    }
}

/// Names, disks, hardware addresses and addresses that others have.
struct Taken<'a> {
    names: BTreeMap<&'a VmName, &'a ForeignVm>,
    disks: BTreeMap<&'a HostPath, &'a ForeignVm>,
    macs: BTreeMap<MacAddress, &'a ForeignVm>,
    addresses: BTreeMap<IpAddr, &'a ForeignVm>,
}

impl<'a> Taken<'a> {
    fn index(vms: &'a [ForeignVm]) -> Self {
        Self {
            names: vms.iter().map(|vm| (&vm.name, vm)).collect(),
            disks: vms.iter().flat_map(|vm| vm.disks.iter().map(move |disk| (disk, vm))).collect(),
            macs: vms.iter().flat_map(|vm| vm.macs.iter().map(move |mac| (*mac, vm))).collect(),
            addresses: vms.iter().flat_map(|vm| vm.addresses.iter().map(move |address| (*address, vm))).collect(),
        }
    }
}

/// Nothing foreign may have what a VM that does not exist yet is to have.
fn check_room(draft: &mut Draft<'_>, role: &DesiredRole, taken: &Taken<'_>) {
    let mut clashes: Vec<(&ForeignVm, String)> = Vec::new();
    clashes.extend(taken.names.get(&role.vm).map(|vm| (*vm, "the name".to_owned())));
    clashes.extend(taken.disks.get(&role.disk).map(|vm| (*vm, format!("the disk `{}`", role.disk))));
    for adapter in &role.adapters {
        clashes.extend(taken.macs.get(&adapter.mac).map(|vm| (*vm, format!("the hardware address {}", adapter.mac))));
        let addresses = adapter.addresses.iter().map(ipnet::IpNet::addr);
        clashes.extend(addresses.filter_map(|address| Some((*taken.addresses.get(&address)?, format!("the address {address}")))));
    }
    for (vm, what) in clashes {
        let owner = match &vm.mark {
            None => "is not ours".to_owned(),
            Some(mark) => format!("belongs to {} of fleet {}", mark.appliance, mark.fleet),
        };
        let message = format!("the VM `{}` {owner} and has {what} that {} is to have", vm.name, role.role);
        draft.stall(
            Reason::AdoptionNeeded,
            message,
            "rename, readdress or remove that VM, or change the manifest; we never build beside it",
        );
    }
}
