//! The instance that stands while another one is wished for and not set up: what serves goes on being watched and repaired.
//!
//! Guarantees: pure; only an instance that was set up and that nobody has retired counts, and what is planned for it are repairs alone;
//! while one stands, nothing of the wished instance is built, and the host goes on starting what serves. Deliberately absent: the way from
//! one to the other (blue/green), and the older release's own wish: of it only what the new one says of the same roles is known, so
//! adapters are told by their names, and hardware and start actions stay as they are.

use model::condition::Reason;
use model::desired::{Desired, DesiredAdapter, DesiredRole, StartAction};
use model::names::RoleName;
use model::observed::{Observed, ObservedInstance, ObservedVm, PowerState};
use model::seen::Seen;

use crate::diff::diff;
use crate::draft::rival;
use crate::given::Memory;
use crate::report::{PlanReport, Stall};

/// The wish for the instance that stands; `None` when it is the wished one itself, or none.
pub(crate) fn wish(desired: &Desired, observed: &Observed, memory: &Memory) -> Option<Desired> {
    let (others, wished): (Vec<_>, Vec<_>) = observed.instances.iter().partition(|(id, _)| **id != desired.instance);
    let has_served = |(role, vm): (&RoleName, &ObservedVm)| vm.remarks.set_up || memory.remembers(&desired.instance, role);
    // Who cannot read every mark does not know what is set up.
    if others.is_empty() || observed.hides_vms() || wished.iter().any(|(_, one)| one.vms.iter().any(has_served)) {
        return None;
    }
    let stands = |one: &ObservedInstance| one.vms.values().any(|vm| vm.remarks.set_up) && !is_retired(desired, one);
    let runs = |one: &ObservedInstance| one.vms.values().any(|vm| vm.power != PowerState::Off);
    let (instance, one) = others.into_iter().filter(|(_, one)| stands(one)).max_by_key(|(_, one)| runs(one))?;
    let roles = desired.roles.iter().map(|role| one.vms.get(&role.role).map_or_else(|| of_none(role), |vm| of_vm(role, vm))).collect();
    // What it is not to have any more is no question while it stands.
    Some(Desired { instance: instance.clone(), roles, prune: true, ..desired.clone() })
}

/// Whether a person gave an instance up: all of it is off, and the host starts none of it, although it is to start some.
fn is_retired(desired: &Desired, one: &ObservedInstance) -> bool {
    let rests = |vm: &ObservedVm| vm.power == PowerState::Off && vm.start_action == Seen::Known(StartAction::Nothing);
    let is_to_rest = |name: &RoleName| desired.roles.iter().any(|role| role.role == *name && role.start_action == StartAction::Nothing);
    one.vms.values().all(rests) && !one.vms.keys().all(is_to_rest)
}

/// A role without a VM stays asked for: whether it was ever there, memory tells; nothing is built for it.
fn of_none(role: &DesiredRole) -> DesiredRole {
    DesiredRole { processors: None, memory: None, ..role.clone() }
}

/// What the wish says of a role, as far as it can be held against a VM that was made for another release.
fn of_vm(role: &DesiredRole, vm: &ObservedVm) -> DesiredRole {
    let adapters = match vm.adapters.known() {
        None => role.adapters.clone(),
        Some(seen) => {
            let named = |adapter: &DesiredAdapter| seen.iter().find(|(_, seen)| seen.name == adapter.name).map(|(mac, _)| *mac);
            role.adapters.iter().filter_map(|adapter| Some(DesiredAdapter { mac: named(adapter)?, ..adapter.clone() })).collect()
        }
    };
    DesiredRole {
        vm: vm.name.clone(),
        spec: vm.mark.spec.clone(),
        disk: vm.disks.known().and_then(|disks| disks.first()).unwrap_or(&role.disk).clone(),
        adapters,
        processors: None,
        memory: None,
        secure_boot: None,
        boot_order: Vec::new(),
        integration_services: std::collections::BTreeMap::new(),
        start_action: vm.start_action.known().copied().unwrap_or(role.start_action),
        stop_action: vm.stop_action.known().copied().unwrap_or(role.stop_action),
        ..role.clone()
    }
}

/// Says in the report on what stands that something else is wished for.
pub(crate) fn tell(desired: &Desired, standing: &Desired, observed: &Observed, report: &mut PlanReport) {
    // Where the older release differs from the new one, it is not wrong.
    report.stalls.retain(|stall| !matches!(stall.reason, Reason::RebuildNeeded | Reason::SignalNeverSeen));
    let (new, old) = (&desired.instance, &standing.instance);
    let beside = rival(standing, observed)
        .map_or_else(String::new, |(instance, vm)| format!("; nothing of it is started beside `{vm}` of instance {instance}"));
    report.stalls.insert(
        0,
        Stall {
            reason: Reason::RebuildNeeded,
            message: format!("instance {new} is not built in the place of instance {old}, which is watched and repaired meanwhile{beside}"),
            hint: format!(
                "keep the release of {old} in the Appliance; to give it up, hold the appliance, set the start action of its VMs to nothing and turn them off"
            ),
        },
    );
    report.changes.retain(|change| !change.path.starts_with("instances."));
    report.changes.extend(diff(desired, observed).into_iter().filter(|change| change.path.starts_with("roles.")));
}
