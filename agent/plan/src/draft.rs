//! A plan in the making: a working copy of what was seen, on which each step takes effect as it is written down.
//!
//! Guarantees: a rule that asks the working copy never plans what an earlier step of the same plan does already, so the plan
//! after k steps is the rest of the plan. Deliberately absent: any decision (that is `rules`').

use std::collections::{BTreeMap, BTreeSet};

use model::condition::Reason;
use model::desired::{Desired, DesiredRole};
use model::names::{InstanceId, RoleName, VmName};
use model::observed::{Observed, ObservedGuest, ObservedVm, PowerState, Reach};
use model::seen::Cause;

use crate::consent::Request;
use crate::effect::vm_of;
use crate::given::Given;
use crate::graph::{Plan, StepGraph};
use crate::names;
use crate::network;
use crate::posture::Assessment;
use crate::report::{Stall, Wait, WaitingOn};
use crate::step::{Act, Impact, Purpose, Step, StepId};

type Place = (InstanceId, Option<RoleName>);

/// A plan in the making.
pub(crate) struct Draft<'a> {
    pub desired: &'a Desired,
    pub given: &'a Given,
    /// What would be seen once every step so far is done.
    pub world: Observed,
    /// What was made of the signals before the first step.
    pub sight: &'a Assessment,
    /// Roles that are not set up and may be built now.
    pub building: BTreeSet<RoleName>,
    /// Those of them whose VM never served, was made from something else, and goes first.
    pub discarding: BTreeSet<RoleName>,
    /// Roles that are set up, whose notes have lost the line that says so.
    pub lost: Vec<RoleName>,
    /// Another instance of ours that is not known to be off, by one of its VMs: nothing of the wished one is started or connected
    /// beside it.
    pub rival: Option<(InstanceId, VmName)>,
    /// Whether serving would have to end for something that cannot be done, and for nothing else.
    pub barred: bool,
    /// Names of bad signals that count, now or soon.
    counting: BTreeMap<&'a str, bool>,
    pub waits: Vec<Wait>,
    pub stalls: Vec<Stall>,
    pub notes: Vec<String>,
    /// What a person must consent to.
    pub requests: Vec<Request>,
    steps: Vec<Step>,
    base: Vec<StepId>,
    /// What has to have ended, well or not, before a step that follows nothing but the base.
    loose: Vec<StepId>,
    tails: BTreeMap<Place, StepId>,
    line: Option<StepId>,
    /// Steps that nothing waits for but what comes later in the same place.
    apart: BTreeMap<Place, StepId>,
}

impl<'a> Draft<'a> {
    pub fn new(desired: &'a Desired, observed: &Observed, given: &'a Given, sight: &'a Assessment) -> Self {
        let name = |index: usize| sight.signals.get(index).map(|signal| signal.name.as_str());
        let counting = sight.counting.iter().filter_map(|(index, from)| Some((name(*index)?, *from <= given.now))).collect();
        Self {
            desired,
            given,
            world: names::recalled(desired, observed, &given.memory),
            sight,
            building: BTreeSet::new(),
            discarding: BTreeSet::new(),
            lost: Vec::new(),
            rival: rival(desired, observed),
            barred: false,
            counting,
            waits: Vec::new(),
            stalls: Vec::new(),
            notes: Vec::new(),
            requests: Vec::new(),
            steps: Vec::new(),
            base: Vec::new(),
            loose: Vec::new(),
            tails: BTreeMap::new(),
            line: None,
            apart: BTreeMap::new(),
        }
    }

    /// The roles of the wish, in order. Borrowed from the wish, so that steps can be written while they are walked.
    pub fn roles(&self) -> &'a [DesiredRole] {
        &self.desired.roles
    }

    /// The VM of a role of the wished instance, as it would be by now.
    pub fn vm(&self, role: &DesiredRole) -> Option<&ObservedVm> {
        vm_of(self.desired, &self.world, &role.role)
    }

    /// The guest of a role, when it can be looked into by now.
    pub fn guest(&self, role: &DesiredRole) -> Option<&ObservedGuest> {
        self.vm(role)?.guest.known()
    }

    /// Whether the role is set up: it has been seen good once.
    pub fn is_set_up(&self, role: &DesiredRole) -> bool {
        self.vm(role).is_some_and(|vm| vm.remarks.set_up)
    }

    /// Whether the role is being built by this plan.
    pub fn is_building(&self, role: &DesiredRole) -> bool {
        self.building.contains(&role.role)
    }

    /// Whether the bad signal of that name counts, `None` when it is not bad or was never seen good; `Some(false)`: soon.
    pub fn counting(&self, signal: &str) -> Option<bool> {
        self.counting.get(signal).copied()
    }

    /// Whether a bad signal counts by now.
    pub fn is_confirmed(&self, signal: &str) -> bool {
        self.counting(signal) == Some(true)
    }

    /// A step on a role that follows the role's own last step.
    pub fn step(&mut self, role: &DesiredRole, act: Act, purpose: Purpose) -> StepId {
        self.write(&self.desired.instance.clone(), Some(&role.role), act, purpose)
    }

    /// The same, and it also follows the last step that stood in line, on whatever role.
    pub fn step_in_line(&mut self, role: &DesiredRole, act: Act, purpose: Purpose) -> StepId {
        let id = self.step(role, act, purpose);
        if let (Some(before), Some(step)) = (self.line.replace(id.clone()), self.steps.last_mut())
            && !step.after.contains(&before)
        {
            step.after.push(before);
        }
        id
    }

    /// The same, but whether those before it came to anything does not matter: nobody is kept open because another refuses to
    /// stop.
    pub fn step_behind(&mut self, role: &DesiredRole, act: Act, purpose: Purpose) -> StepId {
        let before = self.tails.remove(&(self.desired.instance.clone(), Some(role.role.clone())));
        let id = self.step(role, act, purpose);
        let line = self.line.replace(id.clone());
        if let Some(step) = self.steps.last_mut() {
            for id in before.into_iter().chain(line) {
                if !step.behind.contains(&id) {
                    step.behind.push(id);
                }
            }
        }
        id
    }

    /// A step on the host itself.
    pub fn host_step(&mut self, act: Act, purpose: Purpose) -> StepId {
        self.write(&self.desired.instance.clone(), None, act, purpose)
    }

    /// A step on any VM of ours.
    pub fn write(&mut self, instance: &InstanceId, role: Option<&RoleName>, act: Act, purpose: Purpose) -> StepId {
        let place = (instance.clone(), role.cloned());
        let id = StepId::of(instance, role, &act);
        let behind = if self.tails.contains_key(&place) { Vec::new() } else { self.loose.clone() };
        let mut after = self.tails.get(&place).map_or_else(|| self.base.clone(), |tail| vec![tail.clone()]);
        after.extend(self.apart.remove(&place));
        let (impact, reach, time) = (self.impact(&place, &act), self.reach(role, &act), self.given.memory.time_of(&act));
        let step =
            Step { id: id.clone(), instance: place.0.clone(), role: place.1.clone(), act, purpose, after, behind, impact, reach, time };
        step.effect(self.desired, &mut self.world);
        self.steps.push(step);
        self.tails.insert(place, id.clone());
        id
    }

    /// The same, and nothing waits for it, whether it fails or not.
    pub fn write_alone(&mut self, instance: &InstanceId, role: &RoleName, act: Act, purpose: Purpose) -> StepId {
        let place = (instance.clone(), Some(role.clone()));
        let tail = self.tails.get(&place).cloned();
        let id = self.write(instance, Some(role), act, purpose);
        match tail {
            Some(tail) => self.tails.insert(place, tail),
            None => self.tails.remove(&place),
        };
        id
    }

    /// The same, but what comes later on the same VM waits for it.
    pub fn write_apart(&mut self, instance: &InstanceId, role: &RoleName, act: Act, purpose: Purpose) {
        let id = self.write_alone(instance, role, act, purpose);
        self.apart.insert((instance.clone(), Some(role.clone())), id);
    }

    /// Whatever comes later follows everything so far.
    pub fn barrier(&mut self) {
        if !self.tails.is_empty() {
            self.base = std::mem::take(&mut self.tails).into_values().collect();
            // They began behind it.
            self.loose.clear();
        }
        self.line = None;
    }

    /// Whatever comes later begins once everything so far has ended, well or not.
    pub fn loose_barrier(&mut self) {
        if !self.tails.is_empty() {
            self.loose = std::mem::take(&mut self.tails).into_values().collect();
        }
        self.line = None;
    }

    /// Something is waited for that keeps these steps back.
    pub fn wait(&mut self, on: WaitingOn, blocks: Vec<StepId>) {
        let wait = Wait { on, blocks };
        if !self.waits.contains(&wait) {
            self.waits.push(wait);
        }
    }

    /// Something cannot be seen, so its steps cannot be known.
    pub fn unknown(&mut self, what: impl Into<String>, cause: Cause) {
        self.wait(WaitingOn::Unknown { what: what.into(), cause }, Vec::new());
    }

    /// Something that only a person can mend.
    pub fn stall(&mut self, reason: Reason, message: impl Into<String>, hint: impl Into<String>) {
        self.stalls.push(Stall { reason, message: message.into(), hint: hint.into() });
    }

    /// The steps so far.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The finished plan.
    pub fn into_plan(self) -> Plan {
        Plan { appliance: self.desired.appliance.clone(), instance: self.desired.instance.clone(), steps: StepGraph::in_order(self.steps) }
    }

    /// A VM that is not set up serves nobody, and neither does an instance other than the wished one.
    fn impact(&self, (instance, role): &Place, act: &Act) -> Impact {
        let vm = role.as_ref().and_then(|role| self.world.instances.get(instance)?.vms.get(role));
        let serves = *instance == self.desired.instance && vm.is_some_and(|vm| vm.remarks.set_up);
        match act {
            _ if !serves => Impact::None,
            Act::InjectAddress { mac, .. } | Act::ConnectAdapter { mac, .. } | Act::SetVlan { mac, .. } => {
                let adapter = vm.and_then(|vm| vm.adapters.known()?.get(mac));
                let plugged = adapter.is_some_and(|adapter| adapter.switch.known().is_some());
                if plugged { Impact::Drain } else { Impact::None }
            }
            Act::DrainService { .. } | Act::HoldService { .. } | Act::DisconnectAdapter { .. } => Impact::Drain,
            Act::ShutDownVm | Act::RestartGuest { .. } | Act::RemoveVm { .. } | Act::RemoveDisk { .. } => Impact::VmPowerOff,
            _ => Impact::None,
        }
    }

    fn reach(&self, role: Option<&RoleName>, act: &Act) -> Reach {
        match act {
            Act::AwaitGuest { over } => *over,
            Act::RenameGuest { .. }
            | Act::JoinDomain { .. }
            | Act::RestartGuest { .. }
            | Act::DrainService { .. }
            | Act::HoldService { .. }
            | Act::StartService { .. }
            | Act::RestoreStartMode { .. }
            | Act::EnableRule { .. } => {
                let role = self.roles().iter().find(|one| Some(&one.role) == role);
                role.map_or(Reach::Serving, |role| self.reach_inside(role))
            }
            _ => Reach::HostOnly,
        }
    }

    /// Over which network a guest is reached by now: the management one while its VM has an adapter there.
    pub fn reach_inside(&self, role: &DesiredRole) -> Reach {
        let adapters = self.vm(role).and_then(|vm| vm.adapters.known());
        let management = network::management_adapter(self.desired, role);
        let managed = management.zip(adapters).is_some_and(|(adapter, seen)| seen.contains_key(&adapter.mac));
        if managed { Reach::Management } else { network::watch_reach(self.desired) }
    }
}

/// Two instances have equal production addresses: they may stand side by side only while one of them is off.
pub(crate) fn rival(desired: &Desired, observed: &Observed) -> Option<(InstanceId, VmName)> {
    let others = observed.instances.iter().filter(|(instance, _)| **instance != desired.instance);
    let mut all = others.flat_map(|(instance, vms)| vms.vms.values().map(move |vm| (instance, vm)));
    let (instance, vm) = all.find(|(_, vm)| vm.power != PowerState::Off)?;
    Some((instance.clone(), vm.name.clone()))
}
