//! Where sight differs from wish, field by field.
//!
//! Guarantees: wish and sight are taken apart exhaustively, so a new field does not compile until somebody decides about it; a
//! field that the manifest leaves out and one that could not be seen are no difference.
//! Deliberately absent: how a difference becomes steps (that is `rules`').

use std::collections::BTreeMap;
use std::fmt;

use model::desired::{BootDevice, Desired, DesiredAdapter, DesiredHost, DesiredRole, Membership, StartMode, WatchedRule};
use model::names::InstanceId;
use model::observed::{
    AdapterConfig, Mark, Observed, ObservedAdapter, ObservedGuest, ObservedInstance, ObservedVm, PowerState, Remarks, RuleState,
    ServiceState,
};
use model::seen::Seen;
use serde::{Deserialize, Serialize};

use crate::network;
use crate::rules::{has_addresses, has_gateway};
use crate::signal::existing;
use crate::step::Impact;

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Which: `roles.mediation.processors`.
    pub path: String,
    /// What it is; `None` when it is not there.
    pub from: Option<String>,
    /// What it is to be; `None` when it is no longer wished for.
    pub to: Option<String>,
    /// What bringing it into force does to an appliance that serves.
    pub impact: Impact,
}

/// Where sight differs from wish, in the order of the wish.
#[must_use]
pub fn diff(desired: &Desired, observed: &Observed) -> Vec<Change> {
    let mut diff = Diff { desired, changes: Vec::new() };
    diff.appliance(observed);
    diff.changes
}

struct Diff<'a> {
    desired: &'a Desired,
    changes: Vec<Change>,
}

impl Diff<'_> {
    fn add(&mut self, path: String, from: Option<String>, to: Option<String>, impact: Impact) {
        self.changes.push(Change { path, from, to, impact });
    }

    fn field<T: fmt::Display + PartialEq>(&mut self, path: String, seen: &Seen<T>, wanted: &T, impact: Impact) {
        match seen {
            Seen::Known(is) if is != wanted => self.add(path, Some(is.to_string()), Some(wanted.to_string()), impact),
            Seen::Absent => self.add(path, None, Some(wanted.to_string()), impact),
            Seen::Known(_) | Seen::Unknown(_) => {}
        }
    }

    fn appliance(&mut self, observed: &Observed) {
        let desired = self.desired;
        let Desired {
            // Who we are, where the host is and what may be done is no difference of a host.
            fleet: _,
            site: _,
            appliance: _,
            mode: _,
            profile: _,
            release: _,
            instance,
            host: DesiredHost { address: _, port: _, scheme: _, fingerprint: _, place: _, credential: _, authentication: _, root: _ },
            networks: _, // seen by their switches, below
            roles,
            watch: _,
            drain: _,
            availability: _,
            leader: _,
            peers: _,
            windows: _,
            maintenance: _,
            prune,
            install_attempts: _,
            recovery: _,
            settings: _,     // the product's; install actions and guest changes come later
            certificates: _, // likewise
        } = desired;
        let Observed { appliance: _, at: _, host, instances, foreign: _, duplicates: _, unreadable: _ /* by `hides_vms` */ } = observed;
        let present = instances.get(instance);
        let set_up = |role: &DesiredRole| present.and_then(|one| one.vms.get(&role.role)).is_some_and(|vm| vm.remarks.set_up);
        let built = roles.iter().all(set_up);
        for management in network::managements(desired) {
            let exists = host.switches.as_ref().map(|switches| switches.contains_key(management.switch));
            let lasting = management.lifetime == model::desired::ManagementLifetime::Permanent;
            let path = format!("host.switches.{}", management.switch);
            match exists {
                Seen::Known(true) if built && !lasting => self.add(path, Some("present".to_owned()), None, Impact::None),
                Seen::Known(false) | Seen::Absent if lasting => self.add(path, None, Some("present".to_owned()), Impact::None),
                Seen::Known(_) | Seen::Absent | Seen::Unknown(_) => {}
            }
        }
        for role in roles {
            match present.and_then(|one| one.vms.get(&role.role)) {
                // Unknown is not absent.
                None if observed.hides_vms() => {}
                None => self.add(format!("roles.{}", role.role), None, Some(format!("VM {}", role.vm)), Impact::None),
                Some(vm) => self.vm(role, vm),
            }
        }
        self.other_instances(instances);
        if !prune {
            return;
        }
        for (id, one) in instances {
            for (name, vm) in &one.vms {
                if id != instance || !roles.iter().any(|role| role.role == *name) {
                    let impact = if id == instance { Impact::VmPowerOff } else { Impact::None };
                    self.add(format!("instances.{id}.{name}"), Some(format!("VM {}", vm.name)), None, impact);
                }
            }
        }
    }

    /// Those that are off are not to come up beside the wished one when the host starts.
    fn other_instances(&mut self, instances: &BTreeMap<InstanceId, ObservedInstance>) {
        for (id, one) in instances.iter().filter(|(id, _)| **id != self.desired.instance) {
            for (name, vm) in one.vms.iter().filter(|(_, vm)| vm.power == PowerState::Off) {
                let seen = vm.start_action.as_ref().map(|action| start_action_name(*action));
                let never = start_action_name(model::desired::StartAction::Nothing);
                self.field(format!("instances.{id}.{name}.startAction"), &seen, &never, Impact::None);
            }
        }
    }

    fn vm(&mut self, wanted: &DesiredRole, seen: &ObservedVm) {
        let DesiredRole {
            role,
            vm: _, // a VM that somebody renamed is known by its mark
            computer: _,
            processors,
            memory,
            secure_boot: _, // in `firmware`, as the next two
            boot_order: _,
            integration_services: _,
            image: _, // cannot be observed: stands in the digest
            disk,
            adapters,
            membership: _,
            services: _,
            rules: _,
            calls: _,
            holds: _,
            start_action,
            stop_action,
            credential: _,
            authentication: _,
            spec,
        } = wanted;
        let ObservedVm {
            name: _,
            mark: Mark { fleet: _, appliance: _, role: _, instance: _, spec: made_for },
            remarks: Remarks { set_up, down },
            power,
            processors: has_processors,
            memory: has_memory,
            dynamic_memory: _, // in `firmware`, as the next three
            secure_boot: _,
            boot_order: _,
            integration_services: _,
            checkpoints: _, // other people's, as are the next two: they keep us from things, and are no wish
            replica: _,
            clustered: _,
            disks,
            adapters: has_adapters,
            start_action: has_start_action,
            stop_action: has_stop_action,
            listener: _,
            guest,
            services_had: _, // what the guest is to come back with
        } = seen;
        let at = |field: &str| format!("roles.{role}.{field}");
        if made_for != spec {
            self.add(at("spec"), Some(made_for.clone()), Some(spec.clone()), Impact::VmPowerOff);
        }
        if !set_up {
            self.add(at("setUp"), Some("under way".to_owned()), Some("done".to_owned()), Impact::None);
        }
        if let Some(down) = down {
            self.add(at("down"), Some(down.clone()), None, Impact::None);
        }
        if *power != PowerState::Running {
            self.add(at("power"), Some(power_name(*power).to_owned()), Some("running".to_owned()), Impact::None);
        }
        if let Some(processors) = processors {
            self.field(at("processors"), has_processors, processors, Impact::VmPowerOff);
        }
        if let Some(memory) = memory {
            self.field(at("memory"), has_memory, memory, Impact::VmPowerOff);
        }
        self.firmware(wanted, seen);
        if let Seen::Known(disks) = disks
            && !disks.contains(disk)
        {
            self.add(at("disk"), disks.first().map(ToString::to_string), Some(disk.to_string()), Impact::VmPowerOff);
        }
        let start = has_start_action.as_ref().map(|action| start_action_name(*action));
        let stop = has_stop_action.as_ref().map(|action| stop_action_name(*action));
        self.field(at("startAction"), &start, &start_action_name(*start_action), Impact::None);
        self.field(at("stopAction"), &stop, &stop_action_name(*stop_action), Impact::None);
        for (adapter, has) in adapters.iter().filter_map(|one| Some((one, has_adapters.known()?.get(&one.mac)))) {
            self.adapter(wanted, adapter, has, *set_up);
        }
        if let Seen::Known(guest) = guest {
            self.guest(wanted, guest);
        }
    }

    /// What cannot change while the VM runs, besides its size, and what its host offers to the guest.
    fn firmware(&mut self, wanted: &DesiredRole, seen: &ObservedVm) {
        let at = |field: &str| format!("roles.{}.{field}", wanted.role);
        if let (Some(memory), Seen::Known(true)) = (wanted.memory, &seen.dynamic_memory) {
            self.add(at("memory.dynamic"), Some("on".to_owned()), Some(format!("off, {memory} always")), Impact::VmPowerOff);
        }
        if let Some(template) = wanted.secure_boot {
            let is = seen.secure_boot.as_ref().map(|template| secure_boot_name(*template));
            self.field(at("secureBoot"), &is, &secure_boot_name(template), Impact::VmPowerOff);
        }
        for (service, wanted) in &wanted.integration_services {
            if let Some(offer) = seen.integration_services.get(service) {
                self.field(at(&format!("integrationServices.{}", service.as_str())), offer, wanted, Impact::None);
            }
        }
        if let Seen::Known(order) = &seen.boot_order
            && !crate::rules::boots_in_order(&wanted.boot_order, order)
        {
            let (from, to) = (boot_order_name(order), boot_order_name(&wanted.boot_order));
            self.add(at("bootOrder"), Some(from), Some(to), Impact::VmPowerOff);
        }
    }

    fn adapter(&mut self, role: &DesiredRole, wanted: &DesiredAdapter, seen: Option<&ObservedAdapter>, set_up: bool) {
        let DesiredAdapter { name, network: _, mac: _, addresses, gateway, dns } = wanted;
        let at = |field: &str| format!("roles.{}.adapters.{name}{field}", role.role);
        let lasting = network::is_lasting(self.desired, wanted);
        let Some(ObservedAdapter { name: _, switch, vlan, config }) = seen else {
            if lasting {
                self.add(at(""), None, Some("present".to_owned()), Impact::None);
            }
            return;
        };
        if !lasting {
            if set_up {
                self.add(at(""), Some("present".to_owned()), None, Impact::None);
            }
            return;
        }
        if let Some(wanted) = network::switch_of(self.desired, wanted) {
            let impact = if set_up && switch.known().is_some() { Impact::Drain } else { Impact::None };
            self.field(at(".switch"), switch, wanted, impact);
        }
        if let Some(wanted) = network::vlan_of(self.desired, wanted) {
            let impact = if set_up { Impact::Drain } else { Impact::None };
            self.field(at(".vlan"), vlan, &wanted, impact);
        }
        let Seen::Known(AdapterConfig { addresses: has, gateways, dns: has_dns, dhcp }) = config else { return };
        let lines = |all: &[ipnet::IpNet]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let seen = AdapterConfig { addresses: has.clone(), gateways: gateways.clone(), dns: has_dns.clone(), dhcp: *dhcp };
        if !has_addresses(wanted, &seen) {
            let from = if *dhcp { "from DHCP".to_owned() } else { lines(has) };
            self.add(at(".addresses"), Some(from), Some(lines(addresses)), Impact::VmPowerOff);
        }
        let list = |all: &[std::net::IpAddr]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if let Some(gateway) = gateway
            && !has_gateway(wanted, &seen)
        {
            self.add(at(".gateway"), Some(list(gateways)), Some(gateway.to_string()), Impact::Drain);
        }
        if !crate::rules::has_dns(wanted, &seen) {
            self.add(at(".dns"), Some(list(has_dns)), Some(list(dns)), Impact::Drain);
        }
    }

    fn guest(&mut self, role: &DesiredRole, seen: &ObservedGuest) {
        let ObservedGuest { reach: _, computer, domain, booted_at: _, pending_name: _, pending_domain: _, services, rules, calls: _ } =
            seen;
        let at = |field: String| format!("roles.{}.{field}", role.role);
        if *computer != role.computer {
            let (from, to) = (Some(computer.to_string()), Some(role.computer.to_string()));
            self.add(at("computer".to_owned()), from, to, Impact::VmPowerOff);
        }
        match &role.membership {
            Membership::None => {}
            Membership::Hosts(wanted) | Membership::Joins { domain: wanted, .. } => {
                self.field(at("domain".to_owned()), domain, wanted, Impact::VmPowerOff);
            }
        }
        if let Seen::Known(services) = services {
            for watched in role.services.iter() {
                let Some((name, seen)) = existing(watched, services) else { continue };
                if seen.state != ServiceState::Running {
                    let from = Some(service_state_name(seen.state).to_owned());
                    self.add(at(format!("services.{name}")), from, Some("running".to_owned()), Impact::None);
                }
                if seen.start_mode != watched.start_mode {
                    let [from, to] = [seen.start_mode, watched.start_mode].map(|mode| Some(start_mode_name(mode).to_owned()));
                    self.add(at(format!("services.{name}.startMode")), from, to, Impact::None);
                }
            }
        }
        if let Seen::Known(rules) = rules {
            for WatchedRule { name, grade: _ } in role.rules.iter() {
                if rules.get(name) == Some(&RuleState::Disabled) {
                    let path = at(format!("rules.{name}"));
                    self.add(path, Some("disabled".to_owned()), Some("enabled".to_owned()), Impact::None);
                }
            }
        }
    }
}

fn power_name(power: PowerState) -> &'static str {
    match power {
        PowerState::Running => "running",
        PowerState::Off => "off",
        PowerState::Saved => "saved",
        PowerState::Paused => "paused",
        PowerState::Changing => "changing",
        PowerState::Other(_) => "critical",
    }
}

/// A start action, for people.
#[must_use]
pub(crate) fn start_action_name(action: model::desired::StartAction) -> &'static str {
    use model::desired::StartAction;
    match action {
        StartAction::Nothing => "nothing",
        StartAction::StartIfRunning => "start if it ran",
        StartAction::AlwaysStart => "always start",
    }
}

/// A boot order, for people.
#[must_use]
pub(crate) fn boot_order_name(order: &[BootDevice]) -> String {
    let name = |device: &BootDevice| match device {
        BootDevice::Disk => "disk",
        BootDevice::Network => "network",
        BootDevice::Other => "something else",
    };
    if order.is_empty() { "nothing".to_owned() } else { order.iter().map(name).collect::<Vec<_>>().join(", ") }
}

/// A template of secure boot, for people.
#[must_use]
pub(crate) fn secure_boot_name(template: model::desired::SecureBoot) -> &'static str {
    use model::desired::SecureBoot;
    match template {
        SecureBoot::Windows => "Windows",
        SecureBoot::UefiAuthority => "the UEFI authority",
        SecureBoot::OpenSourceShielded => "open source shielded",
        SecureBoot::Disabled => "disabled",
    }
}

/// A stop action, for people.
#[must_use]
pub(crate) fn stop_action_name(action: model::desired::StopAction) -> &'static str {
    use model::desired::StopAction;
    match action {
        StopAction::TurnOff => "turn off",
        StopAction::Save => "save",
        StopAction::ShutDown => "shut down",
    }
}

/// A start mode, for people.
#[must_use]
pub(crate) fn start_mode_name(mode: StartMode) -> &'static str {
    match mode {
        StartMode::Automatic => "automatic",
        StartMode::Manual => "manual",
        StartMode::Disabled => "disabled",
    }
}

fn service_state_name(state: ServiceState) -> &'static str {
    match state {
        ServiceState::Running => "running",
        ServiceState::Stopped => "stopped",
        ServiceState::Starting => "starting",
        ServiceState::Stopping => "stopping",
        ServiceState::Paused => "paused",
    }
}
