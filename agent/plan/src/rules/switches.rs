//! Our own switches: the management switch is made before anything hangs on it and removed once nothing does.
//!
//! Guarantees: a switch without our mark is never made, changed or removed.

use model::condition::Reason;
use model::desired::{Desired, ManagementLifetime};
use model::observed::{ObservedSwitch, SwitchMark};

use crate::draft::Draft;
use crate::network;
use crate::step::{Act, Purpose};

/// Whether a switch bears our mark.
pub(crate) fn is_ours(desired: &Desired, switch: &ObservedSwitch) -> bool {
    switch.mark.as_ref() == Some(&mark(desired))
}

/// Our mark on a switch.
pub(crate) fn mark(desired: &Desired) -> SwitchMark {
    SwitchMark { fleet: desired.fleet.clone(), appliance: desired.appliance.clone() }
}

/// Makes the management switches that are needed for one purpose: to repair a lasting one, or to set guests up, a temporary one
/// only while there are guests that are not connected yet.
pub(crate) fn make(draft: &mut Draft<'_>, connected: bool, wanted: Purpose) {
    let desired = draft.desired;
    let exists = draft.roles().iter().any(|role| draft.is_set_up(role));
    for management in network::managements(desired) {
        let (needed, purpose) = match management.lifetime {
            ManagementLifetime::Temporary => (!draft.building.is_empty() && !connected, Purpose::SetUp),
            ManagementLifetime::Permanent if exists => (true, Purpose::Repair),
            ManagementLifetime::Permanent => (!draft.building.is_empty(), Purpose::SetUp),
        };
        let Some(switches) = draft.world.host.switches.known().filter(|_| needed && purpose == wanted) else { continue };
        let name = management.switch;
        match switches.get(name) {
            Some(seen) if !is_ours(desired, seen) => {
                // Said already where something is to be built.
                if draft.building.is_empty() && exists && !draft.stalls.iter().any(|stall| stall.reason == Reason::AdoptionNeeded) {
                    let message = format!("the switch `{name}` exists and is not ours");
                    draft.stall(Reason::AdoptionNeeded, message, "give the management network another switch name, or remove that switch");
                }
                continue;
            }
            Some(_) => {}
            None => {
                draft.host_step(Act::CreateSwitch { switch: name.clone(), mark: mark(desired) }, purpose);
            }
        }
        let addressed = draft.world.host.switches.known().and_then(|all| all.get(name));
        if addressed.is_some_and(|seen| !seen.host_addresses.contains(&management.host)) {
            draft.host_step(Act::AddressHost { switch: name.clone(), address: management.host }, purpose);
        }
    }
}

/// Removes temporary switches of ours once every VM is connected to its networks.
pub(crate) fn remove(draft: &mut Draft<'_>) {
    if !super::adapters::all_connected(draft) {
        return;
    }
    let desired = draft.desired;
    for management in network::managements(desired).filter(|one| one.lifetime == ManagementLifetime::Temporary) {
        let seen = draft.world.host.switches.known().and_then(|switches| switches.get(management.switch));
        let Some(seen) = seen.filter(|seen| is_ours(desired, seen)) else { continue };
        if seen.connected > 0 {
            let note = format!("the switch `{}` stays: {} adapters that are not ours hang on it", management.switch, seen.connected);
            draft.notes.push(note);
            continue;
        }
        draft.host_step(Act::RemoveSwitch { switch: management.switch.clone() }, Purpose::SetUp);
    }
}
