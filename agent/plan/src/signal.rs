//! The watched signals of an appliance: VMs, adapters, services and rules, each good, held, bad, or not seen.
//!
//! Guarantees: every wished thing yields exactly one signal, in role order; `Unknown` is never bad; of several accepted
//! service names the first that exists counts. Deliberately absent: what a bad signal means for the posture.

use std::collections::{BTreeMap, BTreeSet};

use model::condition::Fault;
use model::desired::{Desired, DesiredAdapter, DesiredRole, Grade, StartMode, WatchedRule, WatchedService};
use model::names::ServiceName;
use model::observed::{Observed, ObservedGuest, ObservedService, ObservedVm, PowerState, RuleState, ServiceState};
use model::seen::{Cause, Seen};

use crate::network;

/// One watched signal as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// What people call it: `mediation`, `mediation/RTCSRV`, `edge/internet`.
    pub name: String,
    /// Which role of the wish it belongs to, by position.
    pub role: usize,
    /// What it is remembered by: the first accepted name of a service, a rule's name; empty for VMs and adapters.
    pub watch: String,
    /// What it is about.
    pub kind: SignalKind,
    /// How bad its loss is.
    pub grade: Grade,
    /// How it was seen.
    pub state: SignalState,
}

/// What a signal is about; decides how patiently a bad one is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignalKind {
    /// The VM itself.
    Vm,
    /// An adapter's connection.
    Adapter,
    /// A service.
    Service,
    /// A firewall rule.
    Rule,
}

/// How a signal was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignalState {
    /// As it is to be.
    Good,
    /// Kept from calls by us: stopped, or on the way there.
    Held,
    /// Bad; the text ends a sentence that begins with the signal's name.
    Bad(String),
    /// It could not be seen.
    Unseen(Cause),
    /// Nothing of that name exists in the guest.
    Missing,
    /// The VM is still being set up.
    Building,
}

impl Signal {
    /// The same as a fault, when it is bad.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        match &self.state {
            SignalState::Bad(says) => Some(Fault { signal: self.name.clone(), says: says.clone() }),
            SignalState::Good | SignalState::Held | SignalState::Unseen(_) | SignalState::Missing | SignalState::Building => None,
        }
    }
}

/// Every signal of the instance that is wished for. Empty while nothing of it is known to exist.
#[must_use]
pub fn signals(desired: &Desired, observed: &Observed) -> Vec<Signal> {
    let hidden = observed.hides_vms();
    let instance = observed.instances.get(&desired.instance).filter(|instance| !instance.vms.is_empty());
    if instance.is_none() && !hidden {
        return Vec::new();
    }
    let mut all = Vec::new();
    for (index, role) in desired.roles.iter().enumerate() {
        let mut of_role = OfRole { desired, role, index, all: &mut all };
        match instance.and_then(|instance| instance.vms.get(&role.role)) {
            None if hidden => of_role.vm(SignalState::Unseen(Cause::NotObserved)),
            None => of_role.vm(SignalState::Bad("does not exist".to_owned())),
            Some(vm) => of_role.of_vm(vm),
        }
    }
    all
}

struct OfRole<'a> {
    desired: &'a Desired,
    role: &'a DesiredRole,
    index: usize,
    all: &'a mut Vec<Signal>,
}

impl OfRole<'_> {
    fn add(&mut self, name: String, kind: SignalKind, grade: Grade, state: SignalState) {
        self.all.push(Signal { name, role: self.index, watch: String::new(), kind, grade, state });
    }

    fn add_watched(&mut self, (name, watch): (String, String), kind: SignalKind, grade: Grade, state: SignalState) {
        self.all.push(Signal { name, role: self.index, watch, kind, grade, state });
    }

    fn vm(&mut self, state: SignalState) {
        self.add(self.role.role.to_string(), SignalKind::Vm, worst_grade(self.role), state);
    }

    fn of_vm(&mut self, vm: &ObservedVm) {
        let power = match vm.power {
            PowerState::Running => None,
            PowerState::Off => Some(SignalState::Bad("is off".to_owned())),
            PowerState::Saved => Some(SignalState::Bad("is saved".to_owned())),
            PowerState::Paused => Some(SignalState::Bad("is paused".to_owned())),
            PowerState::Changing => Some(SignalState::Unseen(Cause::Booting)),
            PowerState::Other(code) => Some(SignalState::Unseen(Cause::Failed(format!("power state {code}")))),
        };
        let guest = match (&vm.guest, power) {
            (_, Some(state)) => state,
            (Seen::Unknown(cause), None) => SignalState::Unseen(cause.clone()),
            (Seen::Absent, None) => SignalState::Unseen(Cause::NotObserved),
            (Seen::Known(_), None) if !vm.remarks.set_up => SignalState::Building,
            (Seen::Known(_), None) => SignalState::Good,
        };
        self.vm(guest);
        let adapters = self.role.adapters.iter().filter(|adapter| network::is_lasting(self.desired, adapter));
        for adapter in adapters {
            self.adapter(vm, adapter);
        }
        if let (PowerState::Running, Seen::Known(guest)) = (vm.power, &vm.guest) {
            self.of_guest(guest);
        }
    }

    fn adapter(&mut self, vm: &ObservedVm, adapter: &DesiredAdapter) {
        let state = match vm.adapters.as_ref().map(|all| all.get(&adapter.mac)) {
            Seen::Unknown(cause) => SignalState::Unseen(cause),
            Seen::Absent | Seen::Known(None) => SignalState::Bad("does not exist".to_owned()),
            Seen::Known(Some(seen)) => match &seen.switch {
                Seen::Unknown(cause) => SignalState::Unseen(cause.clone()),
                Seen::Absent => SignalState::Bad("is unplugged".to_owned()),
                // Another switch than the wished one is a change to be made: the wish may have changed, and nobody can tell.
                Seen::Known(_) => SignalState::Good,
            },
        };
        self.add(format!("{}/{}", self.role.role, adapter.name), SignalKind::Adapter, worst_grade(self.role), state);
    }

    fn of_guest(&mut self, guest: &ObservedGuest) {
        for service in self.role.services.iter() {
            let (name, state) = match &guest.services {
                Seen::Unknown(cause) => (first_name(service), SignalState::Unseen(cause.clone())),
                Seen::Absent => (first_name(service), SignalState::Missing),
                Seen::Known(services) => match existing(service, services) {
                    None => (first_name(service), SignalState::Missing),
                    Some((name, seen)) => (name.to_string(), self.service_state(service, *seen)),
                },
            };
            let names = (format!("{}/{name}", self.role.role), first_name(service));
            self.add_watched(names, SignalKind::Service, service.grade, state);
        }
        for WatchedRule { name, grade } in self.role.rules.iter() {
            let state = match guest.rules.as_ref().map(|rules| rules.get(name)) {
                Seen::Unknown(cause) => SignalState::Unseen(cause),
                Seen::Absent | Seen::Known(None) => SignalState::Missing,
                Seen::Known(Some(RuleState::Enabled)) => SignalState::Good,
                Seen::Known(Some(RuleState::Disabled)) => SignalState::Bad("is disabled".to_owned()),
            };
            let names = (format!("{}/{name}", self.role.role), name.to_string());
            self.add_watched(names, SignalKind::Rule, *grade, state);
        }
    }

    fn service_state(&self, wished: &WatchedService, seen: ObservedService) -> SignalState {
        if is_kept(self.role, seen) {
            return SignalState::Held;
        }
        let how = match seen.state {
            ServiceState::Running => return SignalState::Good,
            ServiceState::Stopped => "is stopped",
            ServiceState::Starting => "is still starting",
            ServiceState::Stopping => "is stopping",
            ServiceState::Paused => "is paused",
        };
        SignalState::Bad(match (seen.start_mode, wished.start_mode) {
            (StartMode::Disabled, StartMode::Automatic | StartMode::Manual) => format!("{how} and disabled"),
            (StartMode::Automatic, _) => format!("{how} although it starts automatically"),
            (StartMode::Manual | StartMode::Disabled, _) => how.to_owned(),
        })
    }
}

/// Whether a service is stopped by us: not running, set to manual, in a role whose services are held.
#[must_use]
pub fn is_held(role: &DesiredRole, service: ObservedService) -> bool {
    let stopped = matches!(service.state, ServiceState::Stopped | ServiceState::Stopping | ServiceState::Starting);
    role.holds && stopped && service.start_mode == StartMode::Manual
}

/// Whether a service takes no new calls by our order and finishes those that run: paused, and set to manual as a held one is, in a
/// role whose calls are counted.
#[must_use]
pub fn is_draining(role: &DesiredRole, service: ObservedService) -> bool {
    let counted = role.holds && !role.calls.is_empty();
    counted && service.state == ServiceState::Paused && service.start_mode == StartMode::Manual
}

/// Whether a service is held or on the way there.
pub(crate) fn is_kept(role: &DesiredRole, service: ObservedService) -> bool {
    is_held(role, service) || is_draining(role, service)
}

/// The accepted name that exists, first wins.
#[must_use]
pub fn existing<'a>(
    service: &WatchedService,
    services: &'a BTreeMap<ServiceName, ObservedService>,
) -> Option<(&'a ServiceName, &'a ObservedService)> {
    service.names.iter().find_map(|name| services.get_key_value(name))
}

/// The accepted name among those that a guest was seen to have, first wins.
pub(crate) fn seen_name<'a>(service: &'a WatchedService, had: &BTreeSet<ServiceName>) -> Option<&'a ServiceName> {
    service.names.iter().find(|name| had.contains(*name))
}

/// The name that a watched service is remembered by.
pub(crate) fn first_name(service: &WatchedService) -> String {
    service.names.first().map_or_else(String::new, ToString::to_string)
}

/// A VM or an adapter is as important as the most important thing that it carries.
pub(crate) fn worst_grade(role: &DesiredRole) -> Grade {
    let grades = role.services.iter().map(|service| service.grade).chain(role.rules.iter().map(|rule| rule.grade));
    grades.min().unwrap_or(Grade::Support)
}
