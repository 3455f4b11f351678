//! Whether an appliance takes calls, and what is to be done about bad signals.
//!
//! Guarantees: pure; a signal that could not be seen marks nothing down; a signal counts once it has been seen good; the last
//! serving appliance closes only for what `failClosed.onLastServing` says.
//! Deliberately absent: steps (that is `rules`').

use jiff::{SignedDuration, Timestamp};
use model::condition::{Fault, Posture};
use model::desired::{Desired, Grade, OnExpiry, OnLastServing};
use model::names::RoleName;
use model::observed::{Observed, Reach};
use model::units::Span;

use crate::belief;
use crate::effect::vm_of;
use crate::given::{Given, Memory};
use crate::laggard::is_waived;
use crate::outage::are_calls_back;
use crate::signal::{Signal, SignalKind, SignalState, first_name, signals};
use crate::standing;
use crate::step::{Act, StepId};

/// No wait before calls return is longer than this.
const LONGEST_STABLE: u64 = 30 * 60;
/// Downs count for this long.
const DOWNS_COUNT_FOR: SignedDuration = SignedDuration::from_hours(1);

/// Whether the appliance takes calls.
#[must_use]
pub fn posture(desired: &Desired, observed: &Observed, given: &Given) -> Posture {
    let standing = standing::wish(desired, observed, &given.memory);
    let desired = standing.as_ref().unwrap_or(desired);
    let lost = belief::lost(desired, observed, &given.memory);
    assess(desired, &belief::believed(desired, observed, &lost), given).posture
}

/// All signals and what they come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// Whether the appliance takes calls.
    pub posture: Posture,
    /// Every signal.
    pub signals: Vec<Signal>,
    /// Bad signals that count, by position in `signals`, with the time from which they close (or are repaired in place).
    pub counting: Vec<(usize, Timestamp)>,
    /// Whether the faults ask for the appliance to be closed now.
    pub closes: bool,
    /// Whether they would, if we did not suspect ourselves.
    pub suspected: bool,
    /// Whether at least one service is held.
    pub held: bool,
}

impl Assessment {
    /// Whether the bad signal at that position counts by now.
    #[must_use]
    pub fn is_confirmed(&self, index: usize, now: Timestamp) -> bool {
        self.counting.iter().any(|(at, from)| *at == index && *from <= now)
    }

    /// Whether nothing is bad, unseen or missing.
    #[must_use]
    pub fn all_well(&self) -> bool {
        let well = |signal: &Signal| matches!(signal.state, SignalState::Good | SignalState::Held | SignalState::Building);
        !self.signals.is_empty() && self.signals.iter().all(well)
    }

    /// Whether nothing keeps held services from being started: what was never seen good does not count.
    #[must_use]
    pub fn may_return(&self, given: &Given, desired: &Desired, observed: &Observed) -> bool {
        let memory = &given.memory;
        let last_hope = is_last_hope(given, desired);
        let served = |signal: &Signal| {
            let role = desired.roles.get(signal.role).and_then(|role| vm_of(desired, observed, &role.role));
            role.is_some_and(|vm| vm.remarks.set_up)
        };
        let well = |signal: &Signal| match &signal.state {
            _ if is_of_new(signal, memory, desired, observed) => true,
            SignalState::Good | SignalState::Held | SignalState::Building => true,
            // On a VM that is not set up nothing has been seen good, and the appliance does not serve without it.
            SignalState::Bad(_) if last_hope && signal.grade == Grade::Support => served(signal),
            SignalState::Bad(_) => served(signal) && !counts(signal, memory, desired, observed),
            SignalState::Missing => served(signal),
            // Unseen, it cannot be worse than bad.
            SignalState::Unseen(_) => served(signal) && is_waived(signal, desired, given),
        };
        self.signals.iter().all(well)
    }

    /// Every bad signal.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.signals.iter().filter_map(Signal::fault).collect()
    }

    /// Every signal that could not be seen.
    #[must_use]
    pub fn unseen(&self) -> Vec<Fault> {
        let unseen = |signal: &Signal| match &signal.state {
            SignalState::Unseen(cause) => Some(Fault { signal: signal.name.clone(), says: format!("cannot be seen: {cause}") }),
            _ => None,
        };
        self.signals.iter().filter_map(unseen).collect()
    }
}

/// Looks at all signals.
#[must_use]
pub fn assess(desired: &Desired, observed: &Observed, given: &Given) -> Assessment {
    let signals = remembered(desired, observed, &given.memory);
    let held = signals.iter().any(|signal| signal.state == SignalState::Held);
    let mut counting = Vec::new();
    for (index, signal) in signals.iter().enumerate() {
        if matches!(signal.state, SignalState::Bad(_)) && counts(signal, &given.memory, desired, observed) {
            counting.push((index, counts_from(signal, desired, &given.memory, given.now)));
        }
    }
    let confirmed = || counting.iter().filter(|(_, from)| *from <= given.now).map(|(index, _)| *index);
    let last = given.serving_peers() == 0;
    // The breaker holds closings back; what is held already stays so.
    let may_close = held || given.breaker.is_none();
    let asked_for = confirmed().any(|index| {
        let call_path = signals.get(index).is_some_and(|signal| signal.grade == Grade::CallPath);
        // The last hope stays open, or comes back, as a whole.
        !last || call_path || desired.watch.on_last_serving == OnLastServing::Any
    });
    let (closes, suspected) = (asked_for && may_close, asked_for && !may_close);
    let faults: Vec<Fault> = confirmed().filter_map(|index| signals.get(index)?.fault()).collect();
    let posture = judge(desired, observed, given, Found { signals: &signals, faults, closes, held });
    Assessment { posture, signals, counting, closes, suspected, held }
}

/// All signals, those that were seen good once and are there no longer among the bad ones.
fn remembered(desired: &Desired, observed: &Observed, memory: &Memory) -> Vec<Signal> {
    let mut all = signals(desired, observed);
    for signal in all.iter_mut().filter(|signal| signal.state == SignalState::Missing) {
        let role = desired.roles.get(signal.role).and_then(|role| memory.seen_good.get(&desired.instance)?.get(&role.role));
        if role.and_then(|watches| watches.get(&signal.watch)) == Some(&true) {
            signal.state = SignalState::Bad("is gone".to_owned());
        }
    }
    all
}

/// Whether a role came into the wish after others of its instance had served: it is planned work until it is set up. While nobody
/// remembers the instance, a role that is missing is taken for a loss.
fn is_new(role: &RoleName, memory: &Memory, desired: &Desired, observed: &Observed) -> bool {
    let known = memory.seen_good.get(&desired.instance).filter(|roles| !roles.is_empty());
    let served = vm_of(desired, observed, role).is_some_and(|vm| vm.remarks.set_up);
    !served && known.is_some_and(|roles| !roles.contains_key(role))
}

/// Whether a signal is one of such a role.
fn is_of_new(signal: &Signal, memory: &Memory, desired: &Desired, observed: &Observed) -> bool {
    desired.roles.get(signal.role).is_some_and(|role| is_new(&role.role, memory, desired, observed))
}

/// Whether nobody else serves, so that faults outside the call path keep no calls away.
pub(crate) fn is_last_hope(given: &Given, desired: &Desired) -> bool {
    given.serving_peers() == 0 && desired.watch.on_last_serving == OnLastServing::CallPathOnly
}

struct Found<'a> {
    signals: &'a [Signal],
    faults: Vec<Fault>,
    closes: bool,
    held: bool,
}

fn judge(desired: &Desired, observed: &Observed, given: &Given, found: Found<'_>) -> Posture {
    let one = |says: &str| Posture::Down(vec![Fault { signal: format!("instance {}", desired.instance), says: says.to_owned() }]);
    let vms = observed.instances.get(&desired.instance).map(|instance| &instance.vms);
    let hidden = observed.hides_vms();
    let Some(vms) = vms.filter(|vms| !vms.is_empty()) else {
        return one(if hidden { "cannot be told from what bears no legible mark" } else { "is not installed" });
    };
    if found.held && in_maintenance(desired, given.now) {
        return Posture::Maintenance;
    }
    if found.closes {
        return Posture::Down(found.faults);
    }
    let mut old = desired.roles.iter().filter(|role| !is_new(&role.role, &given.memory, desired, observed)).peekable();
    if old.peek().is_none() || old.any(|role| vms.get(&role.role).map_or(!hidden, |vm| !vm.remarks.set_up)) {
        return one("is being set up");
    }
    if found.held {
        let held = |signal: &&Signal| signal.state == SignalState::Held;
        let name = |signal: &Signal| Fault { signal: signal.name.clone(), says: "is held by us".to_owned() };
        return Posture::Down(found.signals.iter().filter(held).map(name).collect());
    }
    if found.faults.is_empty() { Posture::Serving } else { Posture::Degraded(found.faults) }
}

/// Whether a person's maintenance is in force.
#[must_use]
pub fn in_maintenance(desired: &Desired, now: Timestamp) -> bool {
    desired.maintenance.as_ref().is_some_and(|maintenance| match maintenance.on_expiry {
        OnExpiry::Resume => now < maintenance.until,
        OnExpiry::Stay => true,
    })
}

/// Whether a bad signal counts: it has been seen good on this instance. When nobody remembers, the VM's notes do.
pub(crate) fn counts(signal: &Signal, memory: &Memory, desired: &Desired, observed: &Observed) -> bool {
    let Some(instance) = observed.instances.get(&desired.instance) else { return false };
    let Some(role) = desired.roles.get(signal.role) else { return false };
    match (instance.vms.get(&role.role), signal.kind) {
        // A VM that is gone while others have served is a loss; before that it is an installation under way.
        (None, _) => instance.vms.values().any(|vm| vm.remarks.set_up) && !is_new(&role.role, memory, desired, observed),
        (Some(vm), SignalKind::Vm | SignalKind::Adapter) => vm.remarks.set_up,
        (Some(vm), SignalKind::Service | SignalKind::Rule) => {
            let remembered = memory.seen_good.get(&desired.instance).and_then(|roles| roles.get(&role.role)?.get(&signal.watch));
            vm.remarks.set_up && remembered.copied().unwrap_or(true)
        }
    }
}

/// From when on a bad signal counts: services restart themselves, and a repair that nobody notices is tried first.
pub(crate) fn counts_from(signal: &Signal, desired: &Desired, memory: &Memory, now: Timestamp) -> Timestamp {
    let patience = match signal.kind {
        SignalKind::Vm => return now,
        SignalKind::Service => desired.watch.confirm,
        SignalKind::Adapter | SignalKind::Rule => desired.watch.repair_grace,
    };
    later(memory.bad_since.get(&signal.name).copied().unwrap_or(now), patience)
}

/// For how long all must stay well before calls return.
pub(crate) fn stable_for(desired: &Desired, given: &Given) -> Span {
    let counts = |at: &&Timestamp| given.now.duration_since(**at) < DOWNS_COUNT_FOR;
    let downs = given.memory.downs.iter().filter(counts).count();
    // The last serving appliance is not kept away for longer each time: there is nobody else to take the calls.
    let doublings = if given.serving_peers() == 0 { 0 } else { downs.saturating_sub(1) };
    let base = desired.watch.stable_for.secs();
    let factor = u32::try_from(doublings).ok().and_then(|n| 1_u64.checked_shl(n)).unwrap_or(u64::MAX);
    Span::from_secs(base.saturating_mul(factor).min(LONGEST_STABLE.max(base)))
}

/// Since when all has been well that must be before calls return, as memory says.
pub(crate) fn well_since(desired: &Desired, given: &Given) -> Option<Timestamp> {
    match is_last_hope(given, desired) {
        true => given.memory.call_path_well_since.or(given.memory.well_since),
        false => given.memory.well_since,
    }
}

/// The steps that bring a signal back.
pub(crate) fn ways_back(signal: &Signal, desired: &Desired) -> Vec<StepId> {
    let Some(role) = desired.roles.get(signal.role) else { return Vec::new() };
    let acts: Vec<Act> = match signal.kind {
        SignalKind::Vm => {
            let looks = [Reach::Serving, Reach::Management].map(|over| Act::AwaitGuest { over });
            looks.into_iter().chain([Act::StartVm]).collect()
        }
        SignalKind::Service => {
            let watched = role.services.iter().filter(|service| first_name(service) == signal.watch);
            watched.flat_map(|service| &service.names).map(|service| Act::StartService { service: service.clone() }).collect()
        }
        SignalKind::Rule => {
            let rules = role.rules.iter().filter(|rule| rule.name.as_str() == signal.watch);
            rules.map(|rule| Act::EnableRule { rule: rule.name.clone() }).collect()
        }
        // Connecting one is a change as well, which may go on failing while it is plugged in elsewhere.
        SignalKind::Adapter => Vec::new(),
    };
    acts.iter().map(|act| StepId::of(&desired.instance, Some(&role.role), act)).collect()
}

pub(crate) fn later(at: Timestamp, by: Span) -> Timestamp {
    at.saturating_add(by.as_duration()).unwrap_or(Timestamp::MAX)
}

impl Memory {
    /// Remembers one look: which signals were good, since when others are bad, since when all is well, when it went down.
    pub fn note(&mut self, desired: &Desired, observed: &Observed, now: Timestamp) {
        let standing = standing::wish(desired, observed, self);
        let desired = standing.as_ref().unwrap_or(desired);
        let lost = belief::lost(desired, observed, self);
        let observed = &*belief::believed(desired, observed, &lost);
        self.clamp(now, desired.recovery.longest_wait.max(desired.recovery.first_wait));
        self.note_seen_good(desired, observed, &signals(desired, observed));
        self.note_names(desired, observed);
        self.note_adapters(desired, observed);
        let all = remembered(desired, observed, self);
        self.forget_the_mended(desired, &all);
        self.note_relapses(desired, observed, (&all, now));
        let bad = all.iter().filter(|signal| matches!(signal.state, SignalState::Bad(_)));
        let since = |signal: &Signal| (signal.name.clone(), self.bad_since.get(&signal.name).copied().unwrap_or(now));
        self.bad_since = bad.map(since).collect();
        let unseen = all.iter().filter(|signal| matches!(signal.state, SignalState::Unseen(_)));
        let since = |signal: &Signal| (signal.name.clone(), self.unseen_since.get(&signal.name).copied().unwrap_or(now));
        self.unseen_since = unseen.map(since).collect();
        let well = |signal: &Signal| !matches!(signal.state, SignalState::Bad(_) | SignalState::Unseen(_));
        let all_well = !all.is_empty() && all.iter().all(|signal| well(signal) || is_of_new(signal, self, desired, observed));
        self.well_since = if all_well { self.well_since.or(Some(now)) } else { None };
        let carries = |signal: &Signal| match &signal.state {
            SignalState::Bad(_) | SignalState::Unseen(_) => signal.grade == Grade::Support,
            SignalState::Good | SignalState::Held | SignalState::Missing | SignalState::Building => true,
        };
        let carries = !all.is_empty() && all.iter().all(|signal| carries(signal) || is_of_new(signal, self, desired, observed));
        self.call_path_well_since = if carries { self.call_path_well_since.or(Some(now)) } else { None };
        let down = all.iter().any(|signal| {
            let bad = matches!(signal.state, SignalState::Bad(_)) && counts(signal, self, desired, observed);
            bad && counts_from(signal, desired, self, now) <= now
        });
        self.downs.retain(|at| now.duration_since(*at) < DOWNS_COUNT_FOR);
        // A VM that is off while services are held is our own doing.
        let held = all.iter().any(|signal| signal.state == SignalState::Held);
        if down && !held && self.down_since.is_none() {
            self.downs.push(now);
        }
        self.down_since = if down { self.down_since.or(Some(now)) } else { None };
        let old = all.iter().filter(|signal| !is_of_new(signal, self, desired, observed));
        if are_calls_back(old)
            && let Some(broken) = &mut self.broken_off
        {
            broken.out = false;
        }
        self.note_drain(desired, observed, now);
    }

    /// What failed for a signal that is good by now, and was neither bad nor unseen at the last look: whoever mended it, the next fault of
    /// it is a new one.
    fn forget_the_mended(&mut self, desired: &Desired, all: &[Signal]) {
        let lasts = |signal: &Signal| !self.bad_since.contains_key(&signal.name) && !self.unseen_since.contains_key(&signal.name);
        let good = all.iter().filter(|signal| signal.state == SignalState::Good && lasts(signal));
        let mended: Vec<StepId> = good.flat_map(|signal| ways_back(signal, desired)).collect();
        for step in mended {
            self.attempts.remove(&step);
        }
    }

    fn note_seen_good(&mut self, desired: &Desired, observed: &Observed, all: &[Signal]) {
        for role in &desired.roles {
            let vm = vm_of(desired, observed, &role.role);
            // What is made in the place of one that is gone has not been seen well; that the role is no new one stays known.
            if let Some(known) = self.seen_good.get_mut(&desired.instance).and_then(|roles| roles.get_mut(&role.role))
                && vm.is_none()
                && !observed.hides_vms()
            {
                known.clear();
            }
            if !vm.is_some_and(|vm| vm.remarks.set_up) {
                continue;
            }
            let known = self.seen_good.entry(desired.instance.clone()).or_default();
            // The notes say that everything watched then was good once.
            let believed = !known.contains_key(&role.role);
            let known = known.entry(role.role.clone()).or_default();
            let watched = role.services.iter().map(first_name).chain(role.rules.iter().map(|rule| rule.name.to_string()));
            for watch in watched {
                // What is not there now was lost, or never there; nobody can tell.
                let missing = |signal: &Signal| {
                    let of_role = desired.roles.get(signal.role).is_some_and(|one| one.role == role.role);
                    of_role && signal.watch == watch && signal.state == SignalState::Missing
                };
                let believed = believed && !all.iter().any(missing);
                known.entry(watch).or_insert(believed);
            }
        }
        // A role that comes back later is a new one.
        if let Some(known) = self.seen_good.get_mut(&desired.instance) {
            known.retain(|role, _| desired.roles.iter().any(|one| one.role == *role));
        }
        for signal in all.iter().filter(|signal| signal.state == SignalState::Good) {
            let role = desired.roles.get(signal.role).map(|role| &role.role);
            let known = self.seen_good.get_mut(&desired.instance).zip(role).and_then(|(roles, role)| roles.get_mut(role));
            if let Some(good) = known.and_then(|known| known.get_mut(&signal.watch)) {
                *good = true;
            }
        }
    }
}
