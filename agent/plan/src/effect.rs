//! What each act makes of what was seen.
//!
//! Guarantees: pure and total; folding the effects of a plan over the sight that it was made for leaves nothing to do. What
//! cannot be foretold becomes `Unknown`, never a guess; only [`Act::AwaitGuest`] foretells a guest, and the engine looks
//! again after it. Deliberately absent: failure.

use std::collections::{BTreeMap, BTreeSet};

use model::desired::{Desired, DesiredRole, Membership, StartMode, WatchedService};
use model::names::{ComputerName, RoleName, SwitchName};
use model::observed::{
    Mark, Observed, ObservedAdapter, ObservedFile, ObservedGuest, ObservedService, ObservedSwitch, ObservedVm, PowerState, Reach, Remarks,
    RuleState, ServiceState, SwitchKind,
};
use model::seen::{Cause, Seen};
use model::units::{DiskSize, MemorySize};

use crate::network;
use crate::signal::seen_name;
use crate::step::{Act, Step};

impl Step {
    /// What is seen once this step is done.
    pub fn effect(&self, desired: &Desired, observed: &mut Observed) {
        match &self.act {
            Act::CreateSwitch { .. } | Act::AddressHost { .. } | Act::RemoveSwitch { .. } => on_switches(&self.act, observed),
            Act::CreateDisk { path, .. } => {
                observed.host.files.insert(path.clone(), Seen::Known(ObservedFile { size: DiskSize::from_bytes(0) }));
            }
            Act::RemoveDisk { path } => {
                observed.host.files.insert(path.clone(), Seen::Absent);
                if let Some(disks) = self.vm_mut(observed).and_then(|vm| vm.disks.known_mut()) {
                    disks.retain(|disk| disk != path);
                }
            }
            Act::DefineVm { vm, mark } => {
                let vms = &mut observed.instances.entry(self.instance.clone()).or_default().vms;
                if let Some(role) = &self.role {
                    let wish = desired.roles.iter().find(|one| one.role == *role);
                    vms.insert(role.clone(), defined(vm.clone(), mark.clone(), wish));
                }
            }
            Act::RemoveVm { .. } => self.remove_vm(observed),
            Act::SetVlan { mac, to, .. } => {
                let adapters = self.vm_mut(observed).and_then(|vm| vm.adapters.known_mut());
                if let Some(adapter) = adapters.and_then(|adapters| adapters.get_mut(mac)) {
                    adapter.vlan = Seen::Known(*to);
                }
            }
            Act::AddAdapter { .. } | Act::ConnectAdapter { .. } | Act::DisconnectAdapter { .. } | Act::RemoveAdapter { .. } => {
                self.on_adapter(desired, observed);
            }
            Act::AwaitGuest { over } => {
                let at = observed.at;
                let role = desired.roles.iter().find(|role| Some(&role.role) == self.role.as_ref());
                if let (Some(role), Some(vm)) = (role, self.vm_mut(observed)) {
                    await_guest(role, vm, *over, at);
                }
            }
            Act::RestartGuest { .. } => {
                let at = observed.at;
                if let Some(guest) = self.guest_mut(observed) {
                    restart(guest, at);
                }
            }
            Act::SetProcessors { .. }
            | Act::SetMemory { .. }
            | Act::SetSecureBoot { .. }
            | Act::SetBootOrder { .. }
            | Act::SetIntegrationService { .. }
            | Act::SetStartAction { .. }
            | Act::SetStopAction { .. }
            | Act::AttachDisk { .. }
            | Act::WriteRemarks { .. }
            | Act::RestoreSetUp
            | Act::InjectAddress { .. } => {
                if let Some(vm) = self.vm_mut(observed) {
                    on_vm(&self.act, vm);
                }
            }
            Act::StartVm | Act::ShutDownVm => self.on_power(desired, observed),
            Act::RenameGuest { .. }
            | Act::JoinDomain { .. }
            | Act::DrainService { .. }
            | Act::HoldService { .. }
            | Act::StartService { .. }
            | Act::RestoreStartMode { .. }
            | Act::EnableRule { .. } => {
                if let Some(guest) = self.guest_mut(observed) {
                    on_guest(&self.act, guest);
                }
            }
        }
    }

    fn vm_mut<'a>(&self, observed: &'a mut Observed) -> Option<&'a mut ObservedVm> {
        observed.instances.get_mut(&self.instance)?.vms.get_mut(self.role.as_ref()?)
    }

    fn guest_mut<'a>(&self, observed: &'a mut Observed) -> Option<&'a mut ObservedGuest> {
        self.vm_mut(observed)?.guest.known_mut()
    }

    /// What a VM of the wish takes or gives back of the host's memory; what others give back is for the next look to say.
    fn on_power(&self, desired: &Desired, observed: &mut Observed) {
        let is_wished = self.instance == desired.instance && desired.roles.iter().any(|role| Some(&role.role) == self.role.as_ref());
        let Some(vm) = self.vm_mut(observed) else { return };
        let takes = matches!(vm.power, PowerState::Off | PowerState::Saved).then(|| vm.memory.known()).flatten();
        let (gives, takes) = match self.act {
            Act::StartVm => (0, takes.map_or(0, |memory| memory.mib())),
            _ => (memory_held(vm).mib(), 0),
        };
        on_vm(&self.act, vm);
        if let Some(free) = observed.host.free_memory.known_mut().filter(|_| is_wished) {
            *free = MemorySize::from_mib((free.mib() + gives).saturating_sub(takes));
        }
    }

    fn remove_vm(&self, observed: &mut Observed) {
        let Some(role) = &self.role else { return };
        let Some(instance) = observed.instances.get_mut(&self.instance) else { return };
        let removed = instance.vms.remove(role);
        if instance.vms.is_empty() {
            observed.instances.remove(&self.instance);
        }
        for adapter in removed.iter().filter_map(|vm| vm.adapters.known()).flat_map(BTreeMap::values) {
            plug(observed, adapter.switch.known().cloned().as_ref(), None);
        }
    }

    fn on_adapter(&self, desired: &Desired, observed: &mut Observed) {
        let role = desired.roles.iter().find(|role| Some(&role.role) == self.role.as_ref());
        let reached = |mac| role.is_some_and(|role| network::management_adapter(desired, role).is_some_and(|adapter| adapter.mac == mac));
        let Some(vm) = self.vm_mut(observed) else { return };
        let Some(adapters) = vm.adapters.known_mut() else { return };
        let (before, after, lost) = match &self.act {
            Act::AddAdapter { adapter, mac } => {
                let config = Seen::Unknown(Cause::NotObserved);
                adapters.insert(*mac, ObservedAdapter { name: adapter.clone(), switch: Seen::Absent, vlan: Seen::Absent, config });
                (None, None, false)
            }
            Act::ConnectAdapter { mac, switch, vlan, .. } => {
                let mut adapter = adapters.get_mut(mac);
                if let (Some(adapter), Some(vlan)) = (&mut adapter, vlan) {
                    adapter.vlan = Seen::Known(*vlan);
                }
                let before = adapter.map(|adapter| std::mem::replace(&mut adapter.switch, Seen::Known(switch.clone())));
                (before, Some(switch), false)
            }
            Act::DisconnectAdapter { mac, .. } => {
                let adapter = adapters.get_mut(mac);
                (adapter.map(|adapter| std::mem::replace(&mut adapter.switch, Seen::Absent)), None, reached(*mac))
            }
            Act::RemoveAdapter { mac, .. } => (adapters.remove(mac).map(|adapter| adapter.switch), None, reached(*mac)),
            _ => return,
        };
        // Whether the guest can still be reached over another network is for the next look to say.
        if let (true, Some(guest)) = (lost, vm.guest.known_mut())
            && guest.reach == Reach::Management
        {
            guest.reach = Reach::HostOnly;
        }
        plug(observed, before.and_then(|seen| seen.known().cloned()).as_ref(), after);
    }
}

fn plug(observed: &mut Observed, from: Option<&SwitchName>, to: Option<&SwitchName>) {
    let Some(switches) = observed.host.switches.known_mut() else { return };
    if let Some(switch) = from.and_then(|name| switches.get_mut(name)) {
        switch.connected = switch.connected.saturating_sub(1);
    }
    if let Some(switch) = to.and_then(|name| switches.get_mut(name)) {
        switch.connected = switch.connected.saturating_add(1);
    }
}

fn on_switches(act: &Act, observed: &mut Observed) {
    let Some(switches) = observed.host.switches.known_mut() else { return };
    match act {
        Act::CreateSwitch { switch, mark } => {
            let made = ObservedSwitch { kind: SwitchKind::Internal, mark: Some(mark.clone()), host_addresses: Vec::new(), connected: 0 };
            switches.insert(switch.clone(), made);
        }
        Act::AddressHost { switch, address } => {
            if let Some(switch) = switches.get_mut(switch) {
                switch.host_addresses = vec![*address];
            }
        }
        Act::RemoveSwitch { switch } => {
            switches.remove(switch);
        }
        _ => {}
    }
}

fn defined(name: model::names::VmName, mark: Mark, wish: Option<&DesiredRole>) -> ObservedVm {
    let untold = || Cause::NotObserved;
    let wished = wish.into_iter().flat_map(|wish| wish.integration_services.keys());
    ObservedVm {
        name,
        mark,
        remarks: Remarks::default(),
        power: PowerState::Off,
        processors: Seen::Unknown(untold()),
        memory: Seen::Unknown(untold()),
        dynamic_memory: Seen::Unknown(untold()),
        secure_boot: Seen::Unknown(untold()),
        boot_order: Seen::Unknown(untold()),
        integration_services: wished.map(|service| (*service, Seen::Known(service.at_first()))).collect(),
        checkpoints: Vec::new(),
        replica: Seen::Absent,
        clustered: Seen::Known(false),
        disks: Seen::Known(Vec::new()),
        adapters: Seen::Known(BTreeMap::new()),
        start_action: Seen::Unknown(untold()),
        stop_action: Seen::Unknown(untold()),
        listener: Seen::Unknown(Cause::PoweredOff),
        guest: Seen::Unknown(Cause::PoweredOff),
        services_had: BTreeSet::new(),
    }
}

/// What its guest is called by stays known while nobody can look into it.
pub(crate) fn remember_services(vm: &mut ObservedVm) {
    if let Some(services) = vm.guest.known().and_then(|guest| guest.services.known()) {
        vm.services_had = services.keys().cloned().collect();
    }
}

fn on_vm(act: &Act, vm: &mut ObservedVm) {
    match act {
        Act::SetProcessors { to } => vm.processors = Seen::Known(*to),
        Act::SetMemory { to } => (vm.memory, vm.dynamic_memory) = (Seen::Known(*to), Seen::Known(false)),
        Act::SetSecureBoot { to } => vm.secure_boot = Seen::Known(*to),
        Act::SetBootOrder { to } => vm.boot_order = Seen::Known(to.clone()),
        Act::SetIntegrationService { service, to } => {
            vm.integration_services.insert(*service, Seen::Known(*to));
        }
        Act::SetStartAction { to } => vm.start_action = Seen::Known(*to),
        Act::SetStopAction { to } => vm.stop_action = Seen::Known(*to),
        Act::AttachDisk { path } => {
            if let Some(disks) = vm.disks.known_mut() {
                disks.push(path.clone());
            }
        }
        Act::StartVm => {
            remember_services(vm);
            vm.power = PowerState::Running;
            vm.listener = Seen::Unknown(Cause::Booting);
            vm.guest = Seen::Unknown(Cause::Booting);
        }
        Act::ShutDownVm => {
            remember_services(vm);
            vm.power = PowerState::Off;
            vm.listener = Seen::Unknown(Cause::PoweredOff);
            vm.guest = Seen::Unknown(Cause::PoweredOff);
            for adapter in vm.adapters.known_mut().into_iter().flat_map(BTreeMap::values_mut) {
                adapter.config = Seen::Unknown(Cause::PoweredOff);
            }
        }
        Act::WriteRemarks { remarks } => vm.remarks = remarks.clone(),
        Act::RestoreSetUp => vm.remarks.set_up = true,
        Act::InjectAddress { mac, config, .. } => {
            if let Some(adapter) = vm.adapters.known_mut().and_then(|adapters| adapters.get_mut(mac)) {
                adapter.config = Seen::Known(config.clone());
            }
        }
        _ => {}
    }
}

fn on_guest(act: &Act, guest: &mut ObservedGuest) {
    match act {
        Act::RenameGuest { to } => guest.pending_name = Some(to.clone()),
        Act::JoinDomain { domain, .. } => guest.pending_domain = Some(domain.clone()),
        Act::DrainService { service } => {
            if let Some(service) = guest.services.known_mut().and_then(|services| services.get_mut(service)) {
                *service = ObservedService { state: ServiceState::Paused, start_mode: StartMode::Manual };
            }
        }
        Act::HoldService { service } => {
            // Whatever calls it carried are cut, and the others are its neighbours' to finish or to cut.
            if let Seen::Known(calls) = &mut guest.calls {
                *calls = 0;
            }
            if let Some(service) = guest.services.known_mut().and_then(|services| services.get_mut(service)) {
                *service = ObservedService { state: ServiceState::Stopped, start_mode: StartMode::Manual };
            }
        }
        Act::StartService { service } => {
            if let Some(service) = guest.services.known_mut().and_then(|services| services.get_mut(service)) {
                service.state = ServiceState::Running;
            }
        }
        Act::RestoreStartMode { service, to } => {
            if let Some(service) = guest.services.known_mut().and_then(|services| services.get_mut(service)) {
                service.start_mode = *to;
            }
        }
        Act::EnableRule { rule } => {
            if let Some(rule) = guest.rules.known_mut().and_then(|rules| rules.get_mut(rule)) {
                *rule = RuleState::Enabled;
            }
        }
        _ => {}
    }
}

fn restart(guest: &mut ObservedGuest, at: jiff::Timestamp) {
    guest.booted_at = at;
    if let Some(name) = guest.pending_name.take() {
        guest.computer = name;
    }
    if let Some(domain) = guest.pending_domain.take() {
        guest.domain = Seen::Known(domain);
    }
}

fn await_guest(role: &DesiredRole, vm: &mut ObservedVm, over: Reach, at: jiff::Timestamp) {
    match vm.guest.known_mut() {
        Some(guest) => guest.reach = guest.reach.max(over),
        None => vm.guest = Seen::Known(foretold(role, vm, over, at)),
    }
}

/// A guest that nobody has looked into yet. On a VM under set-up it is fresh from its image, so that every set-up step is
/// planned; on one that is set up it is as wished, with its services held when the notes say that we hold them.
fn foretold(role: &DesiredRole, vm: &ObservedVm, reach: Reach, at: jiff::Timestamp) -> ObservedGuest {
    let set_up = vm.remarks.set_up;
    // A VM's name holds a dot, a computer's never does: it is surely another name.
    let fresh = ComputerName::new(vm.name.as_str()).unwrap_or_else(|_| role.computer.clone());
    let held = set_up && role.holds && vm.remarks.down.is_some();
    let service = |mode| match held {
        true => ObservedService { state: ServiceState::Stopped, start_mode: StartMode::Manual },
        false => ObservedService { state: ServiceState::Running, start_mode: mode },
    };
    let name = |watched: &WatchedService| seen_name(watched, &vm.services_had).or_else(|| watched.names.first()).cloned();
    let services = role.services.iter().filter_map(|watched| Some((name(watched)?, service(watched.start_mode))));
    let domain = match &role.membership {
        Membership::None => Seen::Absent,
        Membership::Hosts(domain) => Seen::Known(domain.clone()),
        Membership::Joins { domain, .. } if set_up => Seen::Known(domain.clone()),
        Membership::Joins { .. } => Seen::Absent,
    };
    ObservedGuest {
        reach,
        computer: if set_up { role.computer.clone() } else { fresh },
        domain,
        booted_at: at,
        pending_name: None,
        pending_domain: None,
        services: Seen::Known(services.collect()),
        calls: if role.calls.is_empty() { Seen::Absent } else { Seen::Known(0) },
        rules: Seen::Known(role.rules.iter().map(|rule| (rule.name.clone(), RuleState::Enabled)).collect()),
    }
}

/// What a VM surely gives back of its host's memory when it goes off: nothing while it is off or saved, and of what the host changes
/// by itself nobody knows how much it is.
pub(crate) fn memory_held(vm: &ObservedVm) -> MemorySize {
    let holds = !matches!(vm.power, PowerState::Off | PowerState::Saved) && vm.dynamic_memory.known() != Some(&true);
    vm.memory.known().copied().filter(|_| holds).unwrap_or(MemorySize::from_mib(0))
}

/// The VM of a role of the instance that is wished for.
pub(crate) fn vm_of<'a>(desired: &Desired, observed: &'a Observed, role: &RoleName) -> Option<&'a ObservedVm> {
    observed.instances.get(&desired.instance)?.vms.get(role)
}
