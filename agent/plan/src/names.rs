//! By which of its accepted names a service of a guest is called while nobody can look into that guest.
//!
//! Guarantees: the name that was seen last stands in every step; one that nobody has seen yet is told as such.
//! Deliberately absent: what a service does.

use std::collections::BTreeSet;

use model::desired::{Desired, WatchedService};
use model::names::ServiceName;
use model::observed::Observed;

use crate::draft::Draft;
use crate::effect::{remember_services, vm_of};
use crate::given::Memory;
use crate::signal::seen_name;
use crate::step::Act;

impl Memory {
    /// Remembers what services are called, where more than one name is accepted.
    pub(crate) fn note_names(&mut self, desired: &Desired, observed: &Observed) {
        for role in &desired.roles {
            let guest = vm_of(desired, observed, &role.role).and_then(|vm| vm.guest.known());
            let Some(services) = guest.and_then(|guest| guest.services.known()) else { continue };
            let several = role.services.iter().filter(|watched| watched.names.len() > 1).flat_map(|watched| &watched.names);
            let had: BTreeSet<ServiceName> = several.filter(|name| services.contains_key(*name)).cloned().collect();
            if !had.is_empty() {
                self.services_had.entry(desired.instance.clone()).or_default().insert(role.role.clone(), had);
            }
        }
    }
}

/// What was seen, with what earlier looks told of guests that this one could not look into.
pub(crate) fn recalled(desired: &Desired, observed: &Observed, memory: &Memory) -> Observed {
    let mut world = observed.clone();
    let remembered = memory.services_had.get(&desired.instance);
    for (role, vm) in world.instances.get_mut(&desired.instance).into_iter().flat_map(|instance| &mut instance.vms) {
        remember_services(vm);
        if let Some(had) = remembered.and_then(|roles| roles.get(role)).filter(|_| vm.services_had.is_empty()) {
            vm.services_had.clone_from(had);
        }
    }
    world
}

/// Says which services of the plan are called by the first of their accepted names because nobody has seen which one it is.
pub(crate) fn tell_assumed(draft: &mut Draft<'_>) {
    let mut notes = Vec::new();
    for role in draft.roles() {
        let Some(vm) = draft.vm(role) else { continue };
        let unseen = |watched: &&WatchedService| watched.names.len() > 1 && seen_name(watched, &vm.services_had).is_none();
        for watched in role.services.iter().filter(unseen) {
            let Some((first, others)) = watched.names.split_first() else { continue };
            let is_meant = |act: &Act| match act {
                Act::DrainService { service }
                | Act::HoldService { service }
                | Act::StartService { service }
                | Act::RestoreStartMode { service, .. } => service == first,
                _ => false,
            };
            if draft.steps().iter().any(|step| step.role.as_ref() == Some(&role.role) && is_meant(&step.act)) {
                let others: Vec<_> = others.iter().map(ServiceName::as_str).collect();
                notes.push(format!(
                    "{first} of {} may be called {} there: nobody has looked into its guest yet",
                    role.role,
                    others.join(" or ")
                ));
            }
        }
    }
    draft.notes.extend(notes);
}
