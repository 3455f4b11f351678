//! Wishes and sights for tests: a Cloud Connector of four roles, a branch bundle of two, and what is seen of them.
//!
//! Guarantees: every builder starts from something sound, so a test says only what matters to it.
//! Deliberately absent: manifests (a fixture must not depend on how they are read).
#![allow(clippy::expect_used, clippy::missing_panics_doc, missing_docs)]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use model::desired::*;
use model::names::*;
use model::observed::*;
use model::seen::{Cause, Seen};
use model::units::{DiskSize, MacAddress, MemorySize, Span};
use model::window::{Calendar, Window, Zone};

use crate::given::{Given, Peer, PeerSight};
use crate::step::Step;

/// A name, address, size … from its text.
pub fn of<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().expect("a fixture's text is sound")
}

/// The time of every fixture: a Tuesday morning.
#[must_use]
pub fn now() -> Timestamp {
    of("2026-03-03T11:30:00Z")
}

/// Nothing is known but the time, and all has been well for a day.
#[must_use]
pub fn given() -> Given {
    let mut given = Given::at(now());
    given.memory.well_since = Some(of("2026-03-02T11:30:00Z"));
    given
}

/// The same with a peer that is seen serving and has finished.
#[must_use]
pub fn given_with_peer() -> Given {
    let mut given = given();
    given.peers.insert(of("sea-2"), Peer { serving: PeerSight::Serving, finished: true });
    given
}

/// Four roles: directory, management store, mediation, edge; a temporary management switch; two appliances at the site.
#[must_use]
pub fn cloud_connector() -> Desired {
    let mut desired = appliance("sea-1", ManagementLifetime::Temporary);
    desired.peers = vec![of("sea-2")];
    desired.availability.min_serving = 1;
    desired.roles = vec![
        role(1, "ad", &["corpnet", "management"]),
        role(2, "cms", &["corpnet", "management"]),
        role(3, "mediation", &["corpnet", "management"]),
        role(4, "edge", &["corpnet", "internet", "management"]),
    ];
    let domain: DomainName = of("contoso.local");
    let joins = Membership::Joins { domain: domain.clone(), controller: of("ad"), credential: of("domain-admin") };
    if let [ad, cms, mediation, edge] = desired.roles.as_mut_slice() {
        ad.membership = Membership::Hosts(domain);
        ad.services = Arc::new([service(&["NTDS"], Grade::Support)]);
        ad.holds = false;
        cms.membership = joins.clone();
        cms.services = Arc::new([service(&["REPLICA"], Grade::Support), service(&["MASTER"], Grade::Support)]);
        mediation.membership = joins;
        mediation.services = Arc::new([
            service(&["REPLICA"], Grade::Support),
            service(&["MEDSVC", "RTCMEDSRV"], Grade::CallPath),
            service(&["RTCSRV"], Grade::CallPath),
        ]);
        mediation.rules = Arc::new([WatchedRule { name: of("CS RTCMEDSRV"), grade: Grade::CallPath }]);
        edge.services = Arc::new([service(&["REPLICA"], Grade::Support), service(&["RTCSRV"], Grade::CallPath)]);
        edge.rules = Arc::new([WatchedRule { name: of("CS RTCSRV"), grade: Grade::CallPath }]);
    }
    desired
}

/// Two roles, `app` and `gateway`; a permanent management switch over which guests are watched; alone at its site.
#[must_use]
pub fn branch_bundle() -> Desired {
    let mut desired = appliance("branch-1", ManagementLifetime::Permanent);
    desired.watch.network = of("management");
    desired.availability = Availability { min_serving: 0, planned_outage: None };
    desired.roles = vec![role(1, "app", &["corpnet", "management"]), role(2, "gateway", &["corpnet", "management"])];
    if let [app, gateway] = desired.roles.as_mut_slice() {
        app.services = Arc::new([service(&["AppSvc"], Grade::Support)]);
        gateway.services = Arc::new([service(&["GateSvc"], Grade::CallPath)]);
    }
    desired
}

fn appliance(name: &str, lifetime: ManagementLifetime) -> Desired {
    let network = |kind, switch: &str, subnet: &str| DesiredNetwork {
        kind,
        switch: of(switch),
        subnet: of(subnet),
        gateway: None,
        dns: vec![],
        vlan: None,
    };
    let management = NetworkKind::Management { lifetime, host: of("192.168.213.1/24") };
    Desired {
        fleet: of("contoso"),
        site: of("seattle"),
        appliance: of(name),
        mode: Mode::Converge,
        profile: of("cloud-connector-2.1"),
        release: of("cloud-connector-2.1"),
        instance: of("2.1"),
        host: DesiredHost {
            address: format!("{name}.contoso.example"),
            port: 5986,
            scheme: Scheme::Https,
            fingerprint: None,
            place: Place::OnHost,
            credential: of("host-admin"),
            authentication: Authentication::Negotiate,
            root: of(r"D:\Trunkline"),
        },
        networks: Arc::new(BTreeMap::from([
            (of("corpnet"), network(NetworkKind::Existing, "Corpnet", "192.168.0.0/24")),
            (of("internet"), network(NetworkKind::Existing, "Internet", "192.168.1.0/24")),
            (of("management"), network(management, "Trunkline Management", "192.168.213.0/24")),
        ])),
        roles: Vec::new(),
        watch: Watch {
            network: of("corpnet"),
            probe_every: Span::from_secs(60),
            confirm: Span::from_secs(10),
            repair_grace: Span::from_secs(5),
            stable_for: Span::from_secs(60),
            on_last_serving: OnLastServing::CallPathOnly,
        },
        drain: Drain { mode: DrainMode::Graceful, timeout: Span::from_secs(1800), on_timeout: OnDrainTimeout::Abort },
        availability: Availability { min_serving: 0, planned_outage: None },
        leader: of(name),
        peers: Vec::new(),
        windows: Arc::new(BTreeMap::new()),
        maintenance: None,
        prune: false,
        install_attempts: 3,
        recovery: Recovery { first_wait: Span::from_secs(10), longest_wait: Span::from_secs(3600), service_restarts: 3 },
        settings: Arc::new(BTreeMap::new()),
        certificates: Arc::new(BTreeMap::new()),
    }
}

/// A role with 2 processors and 4 GiB, no services and no domain; its third address part tells networks, its last the role.
#[must_use]
pub fn role(number: u8, name: &str, networks: &[&str]) -> DesiredRole {
    let adapter = |(index, network): (usize, &&str)| DesiredAdapter {
        name: of(network),
        network: of(network),
        mac: MacAddress::new([0x00, 0x15, 0x5d, 0, number, u8::try_from(index).unwrap_or(0)]),
        addresses: vec![of(&format!("192.168.{}.{}/24", subnet(network), 237 + u32::from(number)))],
        gateway: (*network != "management").then(|| of(&format!("192.168.{}.1", subnet(network)))),
        dns: Vec::new(),
    };
    DesiredRole {
        role: of(name),
        vm: of(&format!("{name}1.2.1")),
        computer: of(&format!("{name}1")),
        processors: Some(2),
        memory: Some(MemorySize::from_mib(4096)),
        secure_boot: None,
        boot_order: Vec::new(),
        integration_services: BTreeMap::new(),
        image: RoleImage { path: of(&format!(r"D:\Images\{name}.vhdx")), size: Some(DiskSize::from_bytes(4096)) },
        disk: of(&format!(r"D:\Trunkline\Instances\2.1\{name}.vhdx")),
        adapters: networks.iter().enumerate().map(adapter).collect(),
        membership: Membership::None,
        services: Arc::new([]),
        rules: Arc::new([]),
        calls: Arc::new([]),
        holds: true,
        start_action: StartAction::AlwaysStart,
        stop_action: StopAction::ShutDown,
        credential: of("guest-admin"),
        authentication: Authentication::Negotiate,
        spec: "9f3a".to_owned(),
    }
}

fn subnet(network: &str) -> u8 {
    match network {
        "corpnet" => 0,
        "internet" => 1,
        _ => 213,
    }
}

/// A watched service that starts with the system.
#[must_use]
pub fn service(names: &[&str], grade: Grade) -> WatchedService {
    WatchedService { names: names.iter().map(|name| of(name)).collect(), grade, start_mode: StartMode::Automatic }
}

/// Open every day from two to five at night, in Seattle.
#[must_use]
pub fn nights() -> Window {
    let zone = Zone::find("America/Los_Angeles").expect("the zone is bundled");
    Window { calendar: Calendar::Daily, start: of("02:00"), duration: Span::from_secs(3 * 3600), zone }
}

/// Adds a window to a wish.
pub fn add_window(desired: &mut Desired, name: &str, window: Window) {
    Arc::make_mut(&mut desired.windows).insert(of(name), window);
}

/// A host that carries nothing of ours: the images lie there, and the administrator's switches exist.
#[must_use]
pub fn bare(desired: &Desired) -> Observed {
    let existing = desired.networks.values().filter(|network| network.kind == NetworkKind::Existing);
    let switch = |network: &DesiredNetwork| {
        let kind = SwitchKind::External { host_shares: true };
        (network.switch.clone(), ObservedSwitch { kind, mark: None, host_addresses: vec![], connected: 0 })
    };
    let image = |role: &DesiredRole| (role.image.path.clone(), Seen::Known(ObservedFile { size: DiskSize::from_bytes(4096) }));
    let disk = |role: &DesiredRole| (role.disk.clone(), Seen::Absent);
    Observed {
        appliance: desired.appliance.clone(),
        at: now(),
        host: ObservedHost {
            name: of("HV-1"),
            version: "10.0.20348".to_owned(),
            booted_at: Seen::Known(of("2026-03-01T00:00:00Z")),
            processors: 12,
            memory: MemorySize::from_mib(65_536),
            free_memory: Seen::Known(MemorySize::from_mib(63_488)),
            switches: Seen::Known(existing.map(switch).collect()),
            files: desired.roles.iter().map(image).chain(desired.roles.iter().map(disk)).collect(),
            cluster: Seen::Absent,
            jobs: Seen::Known(Vec::new()),
        },
        instances: BTreeMap::new(),
        foreign: Vec::new(),
        duplicates: Vec::new(),
        unreadable: Vec::new(),
    }
}

/// The host once everything that is wished for is in force: what the effects of a whole install leave.
#[must_use]
pub fn converged(desired: &Desired) -> Observed {
    let mut observed = bare(desired);
    let desired = &Desired { mode: Mode::Converge, maintenance: None, ..desired.clone() };
    let (plan, _) = crate::plan(desired, &observed, &given_with_peer());
    apply(desired, &mut observed, plan.steps.iter());
    observed
}

/// Lets the effects of steps come true.
pub fn apply<'a>(desired: &Desired, observed: &mut Observed, steps: impl IntoIterator<Item = &'a Step>) {
    steps.into_iter().for_each(|step| step.effect(desired, observed));
}

/// The VM of a role of the wished instance.
pub fn vm<'a>(observed: &'a mut Observed, role: &str) -> &'a mut ObservedVm {
    let role: RoleName = of(role);
    observed.instances.values_mut().find_map(|instance| instance.vms.get_mut(&role)).expect("the VM exists in this fixture")
}

/// The guest of a role, which can be looked into.
pub fn guest<'a>(observed: &'a mut Observed, role: &str) -> &'a mut ObservedGuest {
    vm(observed, role).guest.known_mut().expect("the guest can be seen in this fixture")
}

/// Sets a service of a guest.
pub fn set_service(observed: &mut Observed, role: &str, service: &str, state: ServiceState, start_mode: StartMode) {
    let services = guest(observed, role).services.known_mut().expect("services can be seen in this fixture");
    services.insert(of(service), ObservedService { state, start_mode });
}

/// Has the calls of a role counted.
pub fn count_calls(desired: &mut Desired, role: &str) {
    let name: RoleName = of(role);
    let counter = CallCounter { classes: vec![of("Win32_PerfFormattedData_Calls")], instance: of("_Total"), property: of("Current") };
    desired.roles.iter_mut().filter(|one| one.role == name).for_each(|one| one.calls = Arc::new([counter.clone()]));
}

/// Sets how many calls run in a guest.
pub fn set_calls(observed: &mut Observed, role: &str, calls: Seen<u32>) {
    guest(observed, role).calls = calls;
}

/// Sets a firewall rule of a guest.
pub fn set_rule(observed: &mut Observed, role: &str, rule: &str, state: RuleState) {
    let rules = guest(observed, role).rules.known_mut().expect("rules can be seen in this fixture");
    rules.insert(of(rule), state);
}

/// Unplugs an adapter.
pub fn unplug(observed: &mut Observed, role: &str, adapter: &str) {
    let adapters = vm(observed, role).adapters.known_mut().expect("adapters can be seen in this fixture");
    let adapter: AdapterName = of(adapter);
    adapters.values_mut().filter(|one| one.name == adapter).for_each(|one| one.switch = Seen::Absent);
}

/// Turns a VM off, with all that follows for what can be seen.
pub fn turn_off(observed: &mut Observed, role: &str) {
    let vm = vm(observed, role);
    vm.power = PowerState::Off;
    vm.guest = Seen::Unknown(Cause::PoweredOff);
    vm.listener = Seen::Unknown(Cause::PoweredOff);
    let adapters = vm.adapters.known_mut().into_iter().flat_map(BTreeMap::values_mut);
    adapters.for_each(|adapter| adapter.config = Seen::Unknown(Cause::PoweredOff));
}

/// A VM that is not ours.
#[must_use]
pub fn foreign(name: &str) -> ForeignVm {
    ForeignVm { name: of(name), mark: None, disks: vec![], macs: vec![], addresses: vec![] }
}
