//! Static memory. We change it only while the VM is off, and more is asked for only when the host has it to give: else the VM would not
//! start again.

use model::condition::Reason;
use model::desired::DesiredRole;
use model::observed::{ObservedVm, PowerState};
use model::seen::Seen;
use model::units::MemorySize;

use crate::draft::Draft;
use crate::effect::memory_held;
use crate::step::Act;

/// What must be free on the host once all VMs run. Hyper-V keeps a reserve for the host, which no VM gets, and each VM costs 32 MiB and
/// 8 MiB for each of its GiB beyond its own memory.
const RESERVE: MemorySize = MemorySize::from_mib(1024);

/// The amount that is to be set on this VM, when it is known to be another, or to be one that the host changes by itself.
pub(crate) fn wanted(draft: &Draft<'_>, role: &DesiredRole) -> Option<(MemorySize, MemorySize)> {
    // Whether there is room for what is being built was asked before.
    differs(draft, role).filter(|(from, to)| to < from || draft.is_building(role) || lack(draft).is_none())
}

fn differs(draft: &Draft<'_>, role: &DesiredRole) -> Option<(MemorySize, MemorySize)> {
    let to = role.memory?;
    let from = *draft.vm(role)?.memory.known()?;
    let dynamic = draft.vm(role)?.dynamic_memory.known() == Some(&true);
    (from != to || dynamic).then_some((from, to))
}

/// What the host lacks for all VMs of the wish to run.
struct Lack {
    /// For people. It is the same at each look, however much is free just now.
    says: String,
    /// How much that is, where it was seen.
    now: Option<String>,
}

/// See [`Lack`]. Steps do not change the answer: what a VM gives back when it goes off it is going to need.
fn lack(draft: &Draft<'_>) -> Option<Lack> {
    let sum = |sizes: &mut dyn Iterator<Item = MemorySize>| MemorySize::from_mib(sizes.map(MemorySize::mib).fold(0, u64::saturating_add));
    let host = &draft.world.host;
    let (asks, has) = (sum(&mut draft.roles().iter().filter_map(|role| role.memory)), host.memory);
    if asks > has {
        return Some(Lack { says: format!("all VMs together ask for {asks}, the host has {has}"), now: None });
    }
    // A host that does not tell can only be believed to have what it has.
    let free = *host.free_memory.known()?;
    let vms = || draft.roles().iter().filter_map(|role| draft.vm(role));
    let needs = sum(&mut draft.roles().iter().filter_map(|role| needed(draft, role)));
    let holds = sum(&mut vms().map(memory_held));
    let room = MemorySize::from_mib(holds.mib().saturating_add(free.mib()).saturating_sub(RESERVE.mib()));
    (needs > room).then(|| Lack {
        says: format!(
            "all VMs together ask for {asks}, which the host's {has} do not leave beside other VMs and the {RESERVE} that it keeps"
        ),
        now: Some(format!("the host has {free} of memory free; its VMs of the wish hold {holds} and need {needs}")),
    })
}

/// What the VM of a role needs: what is wished for, else what it holds, or what it starts with when it is off, or goes off for something
/// else.
fn needed(draft: &Draft<'_>, role: &DesiredRole) -> Option<MemorySize> {
    let stays_on =
        |vm: &&ObservedVm| !matches!(vm.power, PowerState::Off | PowerState::Saved) && !super::power::wants_other_hardware(draft, role);
    role.memory.or_else(|| {
        let vm = draft.vm(role)?;
        Some(vm).filter(stays_on).map(memory_held).or_else(|| vm.memory.known().copied())
    })
}

/// Sets it on a VM that is off.
pub(crate) fn set(draft: &mut Draft<'_>, role: &DesiredRole) {
    let Some(vm) = draft.vm(role).filter(|vm| vm.power == PowerState::Off) else { return };
    let untold = matches!(vm.memory, Seen::Unknown(_)) && draft.is_building(role);
    let Some(to) = role.memory.filter(|_| untold).or_else(|| wanted(draft, role).map(|(_, to)| to)) else { return };
    if let Some(purpose) = super::power::purpose_of_setting(draft, role) {
        draft.step(role, Act::SetMemory { to }, purpose);
    }
}

/// Says that a host is too small, where nothing is being built.
pub(crate) fn stall_too_much(draft: &mut Draft<'_>, role: &DesiredRole) {
    if let Some((_, to)) = differs(draft, role).filter(|(from, to)| to >= from)
        && let Some(lack) = lack(draft)
    {
        stall(draft, format!("{} asks for {to} of memory; {}", role.role, lack.says), lack.now);
    }
}

/// Says it where something is.
pub(crate) fn stall_too_small(draft: &mut Draft<'_>) {
    if let Some(lack) = lack(draft) {
        stall(draft, format!("the memory does not suffice: {}", lack.says), lack.now);
    }
}

fn stall(draft: &mut Draft<'_>, message: String, now: Option<String>) {
    draft.stall(Reason::HostTooSmall, message, "lower `memory`, take other VMs off this host, or use a larger one");
    let new = now.filter(|now| !draft.notes.contains(now));
    draft.notes.extend(new);
}
