//! What is ours and no longer wished: VMs of other instances and of roles that are gone, with their disks.
//!
//! Guarantees: nothing goes without `prune`, nothing that has served without an Approval, nothing at all while the wished
//! instance is not whole. The disk goes before the VM, whose mark is what tells that the disk is ours; disks outside the
//! appliance directory stay.

use model::desired::StartAction;
use model::names::{HostPath, InstanceId, RoleName, VmName};
use model::observed::PowerState;
use model::seen::{Cause, Seen};

use super::power;
use crate::consent::Request;
use crate::diff::diff;
use crate::draft::Draft;
use crate::step::{Act, Purpose};

struct Unwished {
    instance: InstanceId,
    role: RoleName,
    vm: VmName,
    runs: Option<bool>,
    starts_by_itself: bool,
    served: bool,
    disks: Seen<Vec<HostPath>>,
}

/// Whether something is to be removed, now or once it may be.
pub(crate) fn is_due(draft: &Draft<'_>) -> bool {
    draft.desired.prune && !unwished(draft).is_empty()
}

/// Removes it.
pub(crate) fn remove(draft: &mut Draft<'_>) {
    let unwished = unwished(draft);
    if unwished.is_empty() || (draft.desired.prune && !super::may_plan(draft)) {
        return;
    }
    if !draft.desired.prune {
        for one in unwished {
            draft.notes.push(format!("`{}` is ours and no longer wished; it stays: prune is off", one.vm));
        }
        return;
    }
    if !draft.roles().iter().all(|role| draft.is_set_up(role)) {
        for one in unwished {
            draft
                .notes
                .push(format!("`{}` is ours and no longer wished; it stays until instance {} is set up", one.vm, draft.desired.instance));
        }
        return;
    }
    if draft.rival.is_some() && is_wanting(draft) {
        // It may be the one that serves; and whatever it keeps back here would come before its end.
        let note = format!("what is no longer wished stays until instance {} runs and is as wished", draft.desired.instance);
        return draft.notes.push(note);
    }
    draft.barrier();
    for one in unwished {
        remove_one(draft, one);
    }
}

/// Whether the wished instance will not be as wished once this plan is done.
fn is_wanting(draft: &Draft<'_>) -> bool {
    diff(draft.desired, &draft.world).iter().any(|change| !change.path.starts_with("instances."))
}

fn unwished(draft: &Draft<'_>) -> Vec<Unwished> {
    let wished: std::collections::BTreeSet<&RoleName> = draft.roles().iter().map(|role| &role.role).collect();
    let all = draft.world.instances.iter().flat_map(|(id, instance)| instance.vms.iter().map(move |(role, vm)| (id, role, vm)));
    let gone = all.filter(|(id, role, _)| **id != draft.desired.instance || !wished.contains(role));
    let one = |(instance, role, vm): (&InstanceId, &RoleName, &model::observed::ObservedVm)| Unwished {
        instance: instance.clone(),
        role: role.clone(),
        vm: vm.name.clone(),
        runs: match vm.power {
            PowerState::Off => Some(false),
            PowerState::Running | PowerState::Saved | PowerState::Paused => Some(true),
            PowerState::Changing | PowerState::Other(_) => None,
        },
        starts_by_itself: *instance != draft.desired.instance && power::starts_by_itself(vm),
        served: vm.remarks.set_up,
        disks: vm.disks.clone(),
    };
    gone.map(one).collect()
}

fn remove_one(draft: &mut Draft<'_>, one: Unwished) {
    let (Seen::Known(disks), Some(runs)) = (&one.disks, one.runs) else {
        let cause = one.disks.unknown().cloned().unwrap_or(Cause::Booting);
        return draft.unknown(format!("the VM `{}`", one.vm), cause);
    };
    let vm = draft.world.instances.get(&one.instance).and_then(|instance| instance.vms.get(&one.role));
    if let Some(bond) = vm.and_then(super::bonds::of) {
        return super::bonds::say(draft, &one.vm, bond, "deleted");
    }
    let root = draft.desired.host.root.clone();
    let (ours, others): (Vec<&HostPath>, Vec<&HostPath>) = disks.iter().partition(|disk| lies_below(disk, &root));
    draft.notes.extend(others.iter().map(|disk| format!("the disk `{disk}` stays: it lies outside `{root}`")));
    let mut steps = Vec::new();
    let (instance, role) = (one.instance, one.role);
    if runs {
        steps.push(draft.write(&instance, Some(&role), Act::ShutDownVm, Purpose::Prune));
        if one.starts_by_itself {
            let act = Act::SetStartAction { to: StartAction::Nothing };
            steps.push(draft.write(&instance, Some(&role), act, Purpose::Prune));
        }
    }
    for disk in &ours {
        steps.push(draft.write(&instance, Some(&role), Act::RemoveDisk { path: (*disk).clone() }, Purpose::Prune));
    }
    steps.push(draft.write(&instance, Some(&role), Act::RemoveVm { vm: one.vm.clone() }, Purpose::Prune));
    if one.served {
        let what = format!("deleting `{}` and its disks, which have served", one.vm);
        draft.requests.push(Request { what, blocks: steps });
    }
}

/// Whether a path lies below a directory, compared as Windows does.
pub(crate) fn lies_below(path: &HostPath, directory: &HostPath) -> bool {
    let fold = |text: &str| text.replace('/', "\\").to_lowercase();
    let (path, directory) = (fold(path.as_str()), fold(directory.as_str()));
    let climbs = path.split('\\').any(|part| part == "..");
    !climbs && path.strip_prefix(directory.trim_end_matches('\\')).is_some_and(|rest| rest.starts_with('\\'))
}
