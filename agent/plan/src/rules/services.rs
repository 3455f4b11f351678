//! Watched services: held while the appliance serves nobody, repaired where that is enough, started again in role order.
//!
//! Guarantees: stopped and manual means held by us; a stopped service is read again before it counts; services whose roles are
//! never held (a directory) are not; one outside the call path that will not start keeps nobody waiting on the last appliance that could
//! serve. Deliberately absent: how long running calls may take (that is `drain`'s).

use model::condition::Reason;
use model::desired::{DesiredRole, Grade, StartMode, WatchedService};
use model::names::ServiceName;
use model::observed::{ObservedService, ServiceState};

use crate::draft::Draft;
use crate::laggard::will_not_start;
use crate::posture::{assess, is_last_hope, stable_for, well_since};
use crate::report::{Ends, WaitingOn};
use crate::signal::{SignalKind, SignalState, existing, is_held, is_kept};
use crate::step::{Act, Purpose, StepId};

/// Which services are held: what is ill comes last, so that the reason for holding the others stays to be seen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Healthy,
    Faulty,
}

struct Found<'r> {
    watched: &'r WatchedService,
    name: ServiceName,
    seen: ObservedService,
    signal: String,
}

/// The services of a guest that exist, in start order, as they would be by now.
fn found<'r>(draft: &Draft<'_>, role: &'r DesiredRole) -> Vec<Found<'r>> {
    let Some(services) = draft.guest(role).and_then(|guest| guest.services.known()) else { return Vec::new() };
    let one = |watched: &'r WatchedService| {
        let (name, seen) = existing(watched, services)?;
        Some(Found { watched, name: name.clone(), seen: *seen, signal: format!("{}/{name}", role.role) })
    };
    role.services.iter().filter_map(one).collect()
}

/// Holds services in reverse start order.
pub(crate) fn hold(draft: &mut Draft<'_>, which: Which) {
    let purpose = if draft.sight.closes { Purpose::Close } else { Purpose::Drain };
    let mut all = Vec::new();
    for role in draft.roles().iter().rev().filter(|role| role.holds && draft.is_set_up(role)) {
        let runs = |one: &Found<'_>| {
            let is_meant = draft.is_confirmed(&one.signal) == (which == Which::Faulty);
            is_meant && !is_held(role, one.seen) && !is_left_on_its_way(one, draft)
        };
        all.extend(found(draft, role).into_iter().rev().filter(runs).map(|one| (role, one)));
    }
    if which == Which::Faulty {
        // What closes the last serving appliance stays to be seen longest.
        all.sort_by_key(|(_, one)| std::cmp::Reverse(one.watched.grade));
    }
    for (role, one) in all {
        let act = Act::HoldService { service: one.name };
        match purpose {
            Purpose::Close => draft.step_behind(role, act, purpose),
            _ => draft.step_in_line(role, act, purpose),
        };
    }
}

/// Whether nobody waits until a service can be asked for anything: Windows takes no order for one that is starting or stopping, which may
/// last for ever, and on the last appliance that could serve calls do not need it.
fn is_left_on_its_way(one: &Found<'_>, draft: &Draft<'_>) -> bool {
    let on_its_way = matches!(one.seen.state, ServiceState::Starting | ServiceState::Stopping);
    on_its_way && one.watched.grade == Grade::Support && is_last_hope(draft.given, draft.desired)
}

/// Whether every service that can be held is.
pub(crate) fn are_held(draft: &Draft<'_>) -> bool {
    let roles = draft.roles().iter().filter(|role| role.holds && draft.is_set_up(role));
    roles.into_iter().all(|role| found(draft, role).iter().all(|one| is_held(role, one.seen)))
}

/// Says which services and rules a guest was to have and never had.
pub(crate) fn stall_what_was_never_seen(draft: &mut Draft<'_>) {
    for signal in &draft.sight.signals {
        let Some(role) = draft.roles().get(signal.role) else { continue };
        if signal.state != SignalState::Missing {
            continue;
        }
        let names = role.services.iter().find(|one| one.names.iter().any(|name| signal.name.ends_with(&format!("/{name}"))));
        let others = names.filter(|one| one.names.len() > 1).map(|one| {
            let names: Vec<_> = one.names.iter().map(ToString::to_string).collect();
            format!(" (accepted names: {})", names.join(", "))
        });
        let message = format!("{} does not exist in the guest{}", signal.name, others.unwrap_or_default());
        draft.stall(Reason::SignalNeverSeen, message, "correct the Profile's `watch`, or the image of that role");
    }
}

/// Starts what is stopped and not held: in guests being built, in roles that are never held, and in the last serving
/// appliance, which stays open for a fault outside the call path.
pub(crate) fn repair(draft: &mut Draft<'_>) {
    let alone = is_last_hope(draft.given, draft.desired);
    for role in draft.roles() {
        let building = draft.is_building(role);
        if !building && !draft.is_set_up(role) {
            continue;
        }
        for one in found(draft, role) {
            let held = !building && is_kept(role, one.seen);
            if one.seen.state == ServiceState::Running || held {
                continue;
            }
            let is_known_ill = will_not_start(&one.name, role, draft);
            if !building && !is_known_ill && draft.counting(&one.signal) == Some(false) {
                let since = draft.given.memory.bad_since.get(&one.signal).copied();
                let after = draft.desired.watch.confirm;
                let ends = Ends::of(since, after, draft.given.now);
                draft.wait(WaitingOn::Confirm { signal: one.signal, after, ends }, Vec::new());
                continue;
            }
            let purpose = if building { Purpose::SetUp } else { Purpose::Repair };
            if alone && !building && one.watched.grade == Grade::Support && one.seen.start_mode != StartMode::Disabled {
                // Calls return although it is ill: they do not wait for it.
                draft.write_alone(&draft.desired.instance, &role.role, Act::StartService { service: one.name }, purpose);
                continue;
            }
            if one.seen.start_mode == StartMode::Disabled && one.watched.start_mode != StartMode::Disabled {
                restore(draft, role, &one, purpose);
            }
            draft.step_in_line(role, Act::StartService { service: one.name }, purpose);
        }
    }
}

fn restore(draft: &mut Draft<'_>, role: &DesiredRole, one: &Found<'_>, purpose: Purpose) {
    let act = Act::RestoreStartMode { service: one.name.clone(), to: one.watched.start_mode };
    draft.step_in_line(role, act, purpose);
}

/// Starts held services in role order, when everything else is well and has been for long enough.
pub(crate) fn bring_back(draft: &mut Draft<'_>) {
    let sight = assess(draft.desired, &draft.world, draft.given);
    if !sight.held {
        return;
    }
    if !sight.may_return(draft.given, draft.desired, &draft.world) {
        for signal in &sight.signals {
            if let SignalState::Unseen(cause) = &signal.state {
                let what = if signal.kind == SignalKind::Vm { format!("the guest {}", signal.name) } else { signal.name.clone() };
                draft.unknown(what, cause.clone());
            }
        }
        return;
    }
    let mut returns: Vec<StepId> = Vec::new();
    for role in draft.roles() {
        if !draft.is_set_up(role) {
            continue;
        }
        for one in found(draft, role).into_iter().filter(|one| is_kept(role, one.seen)) {
            let does_not_stop = one.seen.state == ServiceState::Stopping && is_left_on_its_way(&one, draft);
            if does_not_stop || will_not_start(&one.name, role, draft) {
                returns.extend(return_alone(draft, role, one));
            } else {
                returns.push(draft.step_in_line(role, Act::StartService { service: one.name }, Purpose::Return));
            }
        }
    }
    let (lasts, now) = (stable_for(draft.desired, draft.given), draft.given.now);
    let ends = match Ends::of(well_since(draft.desired, draft.given), lasts, now) {
        // What takes calls and was well at an earlier look too, or what has been well for long enough.
        Ends::At(until) if !draft.sight.held || until <= now => return,
        // What this plan stops first is well again later, nobody knows when.
        _ if !draft.sight.held => Ends::Untold,
        ends => ends,
    };
    if lasts.secs() > 0 {
        draft.wait(WaitingOn::Stable { lasts, ends }, returns);
    }
}

/// Starts a held service that nobody waits for. Its start mode goes back first: held, it would keep the whole appliance held.
fn return_alone(draft: &mut Draft<'_>, role: &DesiredRole, one: Found<'_>) -> Vec<StepId> {
    let mode = Act::RestoreStartMode { service: one.name.clone(), to: one.watched.start_mode };
    let mode = (one.seen.start_mode != one.watched.start_mode).then_some(mode);
    let acts = mode.into_iter().chain([Act::StartService { service: one.name }]);
    acts.map(|act| draft.write_alone(&draft.desired.instance, &role.role, act, Purpose::Return)).collect()
}

/// Sets start modes back to the profile's, once nothing is held any more.
pub(crate) fn restore_start_modes(draft: &mut Draft<'_>) {
    let held = assess(draft.desired, &draft.world, draft.given).held;
    for role in draft.roles() {
        let building = draft.is_building(role);
        if (!building && !draft.is_set_up(role)) || (held && role.holds && !building) {
            continue;
        }
        let purpose = match (building, role.holds) {
            (true, _) => Purpose::SetUp,
            (false, true) => Purpose::Return,
            (false, false) => Purpose::Repair,
        };
        for one in found(draft, role) {
            if one.seen.state == ServiceState::Running && one.seen.start_mode != one.watched.start_mode {
                restore(draft, role, &one, purpose);
            }
        }
    }
}
