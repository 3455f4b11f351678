//! The instance that stands while another one is wished for and not set up: what serves goes on being watched and repaired.
//!
//! Guarantees: pure; only an instance that was set up and that nobody has retired counts, and what is planned for it are repairs alone;
//! while one stands, nothing of the wished instance is built, and the host goes on starting what serves. Deliberately absent: the way from
//! one to the other (blue/green), and the older release's own wish: of it only what the new one says of the same roles is known, and what
//! memory tells of adapters that are gone; hardware stays as it is.

use std::collections::BTreeMap;

use model::condition::Reason;
use model::desired::{Desired, DesiredAdapter, DesiredRole, StartAction};
use model::names::{AdapterName, InstanceId, RoleName};
use model::observed::{Observed, ObservedInstance, ObservedVm, PowerState};
use model::seen::Seen;

use crate::diff::diff;
use crate::draft::rival;
use crate::effect::vm_of;
use crate::given::{HadAdapter, Memory};
use crate::network;
use crate::report::{PlanReport, Stall};
use crate::rules::has_addresses;

/// What is remembered of the adapters of one VM.
type Had = BTreeMap<AdapterName, HadAdapter>;

/// The wish for the instance that stands; `None` when it is the wished one itself, or none.
pub(crate) fn wish(desired: &Desired, observed: &Observed, memory: &Memory) -> Option<Desired> {
    let (others, wished): (Vec<_>, Vec<_>) = observed.instances.iter().partition(|(id, _)| **id != desired.instance);
    let has_served =
        |id: &InstanceId, one: &ObservedInstance| one.vms.iter().any(|(role, vm)| vm.remarks.set_up || memory.remembers(id, role));
    // Who cannot read every mark does not know what is set up.
    if others.is_empty() || observed.hides_vms() || wished.iter().any(|(id, one)| has_served(id, one)) {
        return None;
    }
    let runs = |one: &ObservedInstance| one.vms.values().any(|vm| vm.power != PowerState::Off);
    let standing = others.into_iter().filter(|(id, one)| has_served(id, one) && !is_retired(desired, one));
    let (instance, one) = standing.max_by_key(|(_, one)| runs(one))?;
    let had = |role: &RoleName| memory.adapters_had.get(instance).and_then(|roles| roles.get(role));
    let of_role = |role: &DesiredRole| match one.vms.get(&role.role) {
        None => of_none(role),
        Some(vm) => DesiredRole { adapters: adapters_of(desired, role, (vm, had(&role.role))), ..of_vm(role, vm) },
    };
    let roles = desired.roles.iter().map(of_role).collect();
    // What it is not to have any more is no question while it stands.
    Some(Desired { instance: instance.clone(), roles, prune: true, ..desired.clone() })
}

/// Whether a person gave an instance up: all of it is off, and the host starts none of it, although it is to start some.
fn is_retired(desired: &Desired, one: &ObservedInstance) -> bool {
    let rests = |vm: &ObservedVm| vm.power == PowerState::Off && vm.start_action == Seen::Known(StartAction::Nothing);
    one.vms.values().all(rests) && !is_to_rest(desired, one)
}

/// Whether the wish has the host start none of these VMs by itself.
fn is_to_rest(desired: &Desired, one: &ObservedInstance) -> bool {
    let rests = |name: &RoleName| desired.roles.iter().any(|role| role.role == *name && role.start_action == StartAction::Nothing);
    one.vms.keys().all(rests)
}

/// A role without a VM stays asked for: whether it was ever there, memory tells; nothing is built for it.
fn of_none(role: &DesiredRole) -> DesiredRole {
    DesiredRole { processors: None, memory: None, ..role.clone() }
}

/// The adapters of a VM by their names: those that it has, and those that it had.
fn adapters_of(desired: &Desired, role: &DesiredRole, (vm, had): (&ObservedVm, Option<&Had>)) -> Vec<DesiredAdapter> {
    let Some(seen) = vm.adapters.known() else { return role.adapters.clone() };
    let own = |adapter: &DesiredAdapter| {
        let named = seen.iter().find(|(_, seen)| seen.name == adapter.name).map(|(mac, _)| *mac);
        let had = had.and_then(|had| had.get(&adapter.name));
        let addresses = match had.map(|had| had.addresses.clone()).filter(|addresses| !addresses.is_empty()) {
            Some(addresses) => addresses,
            // Those that the wish names there are the new instance's own.
            None if network::management(desired, adapter).is_some() => Vec::new(),
            None => adapter.addresses.clone(),
        };
        Some(DesiredAdapter { mac: named.or(had.map(|had| had.mac))?, addresses, ..adapter.clone() })
    };
    role.adapters.iter().filter_map(own).collect()
}

/// What else the wish says of a role, as far as it can be held against a VM that was made for another release.
fn of_vm(role: &DesiredRole, vm: &ObservedVm) -> DesiredRole {
    DesiredRole {
        vm: vm.name.clone(),
        spec: vm.mark.spec.clone(),
        disk: vm.disks.known().and_then(|disks| disks.first()).unwrap_or(&role.disk).clone(),
        processors: None,
        memory: None,
        secure_boot: None,
        boot_order: Vec::new(),
        integration_services: BTreeMap::new(),
        // Whoever turned it on again has not given it up, and it is to come back with its host.
        start_action: vm.start_action.known().copied().filter(|action| *action != StartAction::Nothing).unwrap_or(role.start_action),
        stop_action: vm.stop_action.known().copied().unwrap_or(role.stop_action),
        ..role.clone()
    }
}

/// How a person gives an instance up, for people.
fn way_out(desired: &Desired, observed: &Observed, old: &InstanceId) -> &'static str {
    // Where the host is to start none of them, all of them off with nothing set is what a restart of the host leaves.
    match observed.instances.get(old).is_some_and(|one| is_to_rest(desired, one)) {
        true => "turn its VMs off and delete our line in their notes: what is not ours is left alone",
        false => "set the start action of its VMs to nothing and turn them off",
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
                "keep the release of {old} in the Appliance; to give it up, hold the appliance, {}",
                way_out(desired, observed, old)
            ),
        },
    );
    report.changes.retain(|change| !change.path.starts_with("instances."));
    report.changes.extend(diff(desired, observed).into_iter().filter(|change| change.path.starts_with("roles.")));
}

impl Memory {
    /// Remembers the lasting adapters that VMs have which are set up. One that nobody wishes for any more is not missed.
    pub(crate) fn note_adapters(&mut self, desired: &Desired, observed: &Observed) {
        for role in &desired.roles {
            let vm = vm_of(desired, observed, &role.role).filter(|vm| vm.remarks.set_up);
            let Some(seen) = vm.and_then(|vm| vm.adapters.known()) else { continue };
            let lasting = || role.adapters.iter().filter(|adapter| network::is_lasting(desired, adapter));
            let had = self.adapters_had.entry(desired.instance.clone()).or_default().entry(role.role.clone()).or_default();
            had.retain(|name, _| lasting().any(|adapter| adapter.name == *name));
            for (adapter, seen) in lasting().filter_map(|adapter| Some((adapter, seen.get(&adapter.mac)?))) {
                let known = had.entry(adapter.name.clone()).or_insert_with(|| HadAdapter { mac: adapter.mac, addresses: Vec::new() });
                known.mac = adapter.mac;
                if seen.config.known().is_some_and(|config| has_addresses(adapter, config)) {
                    known.addresses.clone_from(&adapter.addresses);
                }
            }
        }
    }
}
