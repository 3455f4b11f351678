//! How a difference becomes steps: one file per concern, and here the order in which they speak.
//!
//! Guarantees: every rule asks the draft's working copy, so each can be read alone; nothing is built, changed or deleted that
//! is unknown or not ours. Deliberately absent: whether the steps may run now (that is `gate`'s).

mod adapters;
mod bonds;
mod disks;
mod firewall;
mod firmware;
mod guest;
mod host;
mod integration;
mod memory;
mod power;
mod processor;
mod remarks;
mod removal;
mod services;
mod switches;
mod vms;

use model::desired::Mode;

pub(crate) use self::adapters::{has_addresses, has_dns, has_gateway};
pub(crate) use self::firmware::boots_in_order;

use crate::draft::Draft;
use crate::drain;
use crate::given::PlannedWork;
use crate::posture::in_maintenance;
use crate::report::WaitingOn;
use crate::step::Purpose;

/// Which repairs of impact `None` a rule makes: those that are tried before anything is held, or those whose fault has closed
/// the appliance already. Were the latter made first, the closing would be forgotten half-way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Round {
    First,
    Held,
}

impl Round {
    fn takes(self, draft: &Draft<'_>, signal: &str) -> bool {
        let held = draft.sight.closes && draft.is_confirmed(signal);
        held == (self == Self::Held)
    }
}

/// Writes every step.
pub(crate) fn all(draft: &mut Draft<'_>) {
    if host::has_duplicates(draft) {
        return;
    }
    remarks::restore(draft);
    host::stall_the_unreadable(draft);
    guest::wait_for_sight(draft);
    if in_maintenance(draft.desired, draft.given.now) {
        maintain(draft);
        return;
    }
    let needs_rebuild = vms::stall_what_needs_a_rebuild(draft);
    services::stall_what_was_never_seen(draft);
    host::stall_beside_another_instance(draft);
    let may_be_built = host::what_may_be_built(draft);
    if !needs_rebuild {
        draft.building = may_be_built;
        vms::discard(draft);
    }
    power::retire_others(draft);
    power::keep_standing(draft);
    let built_up_to_connecting = adapters::all_connected(draft);
    switches::make(draft, built_up_to_connecting, Purpose::Repair);
    draft.barrier();
    firewall::repair(draft, Round::First);
    adapters::repair(draft, Round::First);
    draft.barrier();
    integration::mend(draft);
    close(draft);
    take_down(draft);
    build(draft, built_up_to_connecting);
    connect(draft);
    bring_back(draft);
    let removing = removal::is_due(draft);
    removal::remove(draft);
    if removing {
        draft.barrier();
        switches::remove(draft);
    }
    host::wait_for_jobs(draft);
    guest::wait_for_reach(draft);
}

/// A person's maintenance: services are held, and then we only look.
fn maintain(draft: &mut Draft<'_>) {
    if let Some(until) = drain::given_up_until(draft.desired, &draft.given.memory, draft.given.now) {
        // The person is told; calls go on.
        wait_for_next_drain(draft, until);
        bring_back(draft);
        return;
    }
    let calls = drain::calls(draft.desired, &draft.world);
    drain::begin(draft);
    if !services::are_held(draft) {
        firewall::repair(draft, Round::First);
        adapters::repair(draft, Round::First);
        draft.barrier();
    }
    services::hold(draft, services::Which::Healthy);
    remarks::write_down(draft);
    services::hold(draft, services::Which::Faulty);
    drain::await_end(draft, &calls);
    draft.notes.push("maintenance: services are held, nothing else is done".to_owned());
}

/// Ends serving, when a fault or planned work asks for it: what is well first, so that the reason stays to be seen.
fn close(draft: &mut Draft<'_>) {
    if draft.sight.suspected
        && let Some(reason) = draft.given.breaker.clone()
    {
        // It stays open, and is mended in place where that is enough.
        draft.wait(WaitingOn::Breaker { reason }, Vec::new());
    }
    let disrupts = power::disrupts(draft);
    // A fault closes all that can be closed, and what is mended after it does not depend on that. Planned work does.
    let barrier = if draft.sight.closes { Draft::loose_barrier } else { Draft::barrier };
    if draft.sight.closes || disrupts {
        let calls = drain::calls(draft.desired, &draft.world);
        drain::begin(draft);
        services::hold(draft, services::Which::Healthy);
        barrier(draft);
        remarks::write_down(draft);
        barrier(draft);
        services::hold(draft, services::Which::Faulty);
        drain::await_end(draft, &calls);
        barrier(draft);
    }
    firewall::repair(draft, Round::Held);
    adapters::repair(draft, Round::Held);
    barrier(draft);
}

/// Whatever happens while VMs are off or nobody is served.
fn take_down(draft: &mut Draft<'_>) {
    adapters::reconnect(draft);
    adapters::readdress(draft);
    power::shut_down(draft);
    draft.barrier();
}

/// Disks, VMs, hardware, then guests in role order.
fn build(draft: &mut Draft<'_>, connected: bool) {
    switches::make(draft, connected, Purpose::SetUp);
    draft.barrier();
    for role in draft.roles() {
        disks::create(draft, role);
        vms::define(draft, role);
        processor::set(draft, role);
        memory::set(draft, role);
        firmware::set(draft, role);
        power::set_actions(draft, role);
        integration::set(draft, role);
        disks::attach(draft, role);
        adapters::add(draft, role, connected);
        firmware::order(draft, role);
    }
    for role in draft.roles() {
        power::start(draft, role);
        guest::set_up(draft, role, connected);
    }
    draft.barrier();
}

/// Networks last, then the management network goes, then every guest is looked into over the network that is watched.
fn connect(draft: &mut Draft<'_>) {
    adapters::connect(draft);
    draft.barrier();
    adapters::remove_management(draft);
    draft.barrier();
    // What is removed later may still hang on the switch; then the switch goes after it, in this plan and in each rest of it.
    if !removal::is_due(draft) {
        switches::remove(draft);
    }
    draft.barrier();
    guest::verify(draft);
    draft.barrier();
}

/// Repairs inside, then held services in role order, then the start modes, then the notes.
fn bring_back(draft: &mut Draft<'_>) {
    firewall::set_up(draft);
    services::repair(draft);
    draft.barrier();
    guest::recover(draft);
    services::bring_back(draft);
    draft.barrier();
    services::restore_start_modes(draft);
    draft.barrier();
    remarks::write_well(draft);
    draft.barrier();
}

/// Says that calls did not end in time, and when they are asked to again.
pub(crate) fn wait_for_next_drain(draft: &mut Draft<'_>, until: jiff::Timestamp) {
    draft.wait(WaitingOn::DrainGivenUp { after: draft.desired.drain.timeout, until }, Vec::new());
}

/// Whether work that somebody decided on may stand in the plan. In the modes that do nothing it does, so that people see it.
pub(crate) fn may_change(draft: &Draft<'_>) -> bool {
    // Beside another instance nothing could be started again.
    may_plan(draft) && draft.rival.is_none()
}

/// Whether what has never served may be built.
pub(crate) fn may_build(draft: &Draft<'_>) -> bool {
    let may = matches!(draft.given.planned_work, PlannedWork::Included | PlannedWork::SetUpOnly);
    may && may_decide(draft) && draft.rival.is_none()
}

fn may_plan(draft: &Draft<'_>) -> bool {
    may_decide(draft) && draft.given.planned_work == PlannedWork::Included
}

/// Whether anything but repairs may be planned, as far as sight, mode and drains say.
fn may_decide(draft: &Draft<'_>) -> bool {
    let given_up = drain::given_up_until(draft.desired, &draft.given.memory, draft.given.now).is_some();
    // Who cannot read every mark does not know what is there, so nothing is made, changed or removed; what is known goes on being mended.
    let legible = draft.world.unreadable.is_empty();
    legible && !given_up && draft.desired.mode != Mode::Repair
}

/// Says what keeps planned work out of the plan, where it is the mode or a drain that was given up.
pub(crate) fn wait_for_mode(draft: &mut Draft<'_>) {
    if let Some(until) = drain::given_up_until(draft.desired, &draft.given.memory, draft.given.now) {
        wait_for_next_drain(draft, until);
    }
    if draft.desired.mode == Mode::Repair {
        draft.wait(WaitingOn::Mode { mode: Mode::Repair }, Vec::new());
    }
}
