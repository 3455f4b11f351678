//! Policy files and inputs of a test.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use model::desired::{
    Availability, Desired, DesiredHost, DesiredRole, Drain, DrainMode, Membership, Mode, OnDrainTimeout, OnLastServing, Place, Recovery,
    RoleImage, Scheme, StartAction, StopAction, Watch,
};
use model::diagnostic::Diagnostic;
use model::names::{
    ApplianceName, ComputerName, CredentialName, FleetName, HostPath, InstanceId, NetworkName, ProfileName, ReleaseName, RoleName,
    SiteName, VmName,
};
use model::snapshot::PolicyFile;
use model::units::Span;
use policy::{Input, Limits, Policies, Verdict};

pub fn file(path: &str, text: &str) -> PolicyFile {
    PolicyFile { path: path.into(), text: text.into() }
}

/// The repository's own policies alone.
pub fn own(files: &[PolicyFile]) -> (Policies, Vec<Diagnostic>) {
    Policies::load(&[], files, Limits::default())
}

pub fn now() -> Timestamp {
    "2026-04-01T00:00:00Z".parse().unwrap()
}

pub fn input(desired: &Desired) -> Input {
    Input::new(desired, now(), None).unwrap()
}

/// A verdict as people read it.
pub fn said(verdict: &Verdict) -> String {
    let lists = [("deny", &verdict.denied), ("warn", &verdict.warned)];
    let lines = lists.iter().flat_map(|(word, list)| {
        list.iter().map(move |found| {
            let hint = found.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            let appliance = found.appliance.as_deref().unwrap_or("-");
            format!("{word} {} {appliance}: {}{hint} at {}", found.policy, found.message, found.place)
        })
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A serving appliance with one role of so many processors, alone at its site.
pub fn desired(processors: u32) -> Desired {
    Desired {
        fleet: name("fleet", FleetName::new),
        site: name("seattle", SiteName::new),
        appliance: name("sea-1", ApplianceName::new),
        mode: Mode::Converge,
        profile: name("cloud-connector-2.1", ProfileName::new),
        release: name("2.1", ReleaseName::new),
        instance: name("2.1", InstanceId::new),
        host: DesiredHost {
            address: "192.0.2.10".into(),
            port: 5986,
            scheme: Scheme::Https,
            fingerprint: None,
            place: Place::Remote,
            credential: name("host", CredentialName::new),
            root: name(r"D:\Trunkline", HostPath::new),
        },
        networks: BTreeMap::new(),
        roles: vec![role(processors)],
        watch: Watch {
            network: name("corpnet", NetworkName::new),
            probe_every: Span::from_secs(60),
            confirm: Span::from_secs(10),
            repair_grace: Span::from_secs(5),
            stable_for: Span::from_secs(60),
            on_last_serving: OnLastServing::CallPathOnly,
        },
        drain: Drain { mode: DrainMode::Graceful, timeout: Span::from_secs(1200), on_timeout: OnDrainTimeout::Abort },
        availability: Availability { min_serving: 0, planned_outage: None },
        leader: name("sea-1", ApplianceName::new),
        peers: Vec::new(),
        windows: BTreeMap::new(),
        maintenance: None,
        prune: false,
        install_attempts: 3,
        recovery: Recovery { first_wait: Span::from_secs(10), longest_wait: Span::from_secs(3600), service_restarts: 3 },
        settings: Arc::default(),
        certificates: BTreeMap::new(),
    }
}

fn role(processors: u32) -> DesiredRole {
    DesiredRole {
        role: name("mediation", RoleName::new),
        vm: name("MED.2.1", VmName::new),
        computer: name("MED", ComputerName::new),
        processors: Some(processors),
        memory: None,
        image: RoleImage { path: name(r"D:\Images\med.vhdx", HostPath::new), size: None },
        disk: name(r"D:\Trunkline\2.1\med.vhdx", HostPath::new),
        adapters: Vec::new(),
        membership: Membership::None,
        services: Arc::default(),
        rules: Arc::default(),
        holds: true,
        start_action: StartAction::AlwaysStart,
        stop_action: StopAction::ShutDown,
        credential: name("guest", CredentialName::new),
        spec: "0000".into(),
    }
}

fn name<T, E: std::fmt::Debug>(text: &str, new: impl FnOnce(&str) -> Result<T, E>) -> T {
    new(text).unwrap()
}
