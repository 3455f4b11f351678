//! What differs between two wishes for one appliance, without looking at any host: what a pull request asks for.
//!
//! Guarantees: the wish is taken apart exhaustively; a field that disappears is *no longer managed*, never set to nothing.
//! Deliberately absent: what is true on the host (that is `diff`'s).

use std::collections::BTreeMap;
use std::fmt;

use model::desired::{BootDevice, Desired, DesiredAdapter, DesiredHost, DesiredNetwork, DesiredRole, IntegrationService, SecureBoot};
use model::names::RoleName;
use model::units::Span;
use serde::Serialize;
use serde_json::Value;

use crate::diff::{Change, boot_order_name, secure_boot_name};
use crate::step::Impact;

/// What differs between two wishes, in the order of the fields.
#[must_use]
pub fn compare(base: &Desired, head: &Desired) -> Vec<Change> {
    let mut compare = Compare { changes: Vec::new() };
    compare.appliance(base, head);
    compare.changes
}

/// What differs between two whole revisions, by appliance; one that appears or disappears is one change.
pub fn compare_all<'a, N: Ord>(
    base: &'a BTreeMap<N, impl AsRef<Desired>>,
    head: &'a BTreeMap<N, impl AsRef<Desired>>,
) -> BTreeMap<&'a N, Vec<Change>> {
    let names: std::collections::BTreeSet<&N> = base.keys().chain(head.keys()).collect();
    let one = |name: &'a N| match (base.get(name), head.get(name)) {
        (Some(base), Some(head)) => compare(base.as_ref(), head.as_ref()),
        (None, Some(head)) => vec![whole(head.as_ref(), |release| (None, Some(release)))],
        (Some(base), None) => vec![whole(base.as_ref(), |release| (Some(release), None))],
        (None, None) => Vec::new(),
    };
    names.into_iter().map(|name| (name, one(name))).filter(|(_, changes)| !changes.is_empty()).collect()
}

fn whole(desired: &Desired, sides: impl Fn(String) -> (Option<String>, Option<String>)) -> Change {
    let (from, to) = sides(format!("release {} with {} VMs", desired.release, desired.roles.len()));
    Change { path: "appliance".to_owned(), from, to, impact: Impact::None }
}

struct Compare {
    changes: Vec<Change>,
}

impl Compare {
    /// Every leaf of a part that differs.
    fn part<T: Serialize + PartialEq>(&mut self, path: &str, base: &T, head: &T, impact: Impact) {
        if base == head {
            return;
        }
        // A wish that cannot be shown as JSON would be a mistake of ours; nothing is lost but the detail.
        let [base, head] = [base, head].map(|part| serde_json::to_value(part).unwrap_or(Value::Null));
        self.leaves(path, &base, &head, impact);
    }

    /// A field that a manifest may leave out: then nobody touches it, and nothing happens to what serves.
    fn managed<T: fmt::Display + PartialEq>(&mut self, path: String, base: Option<&T>, head: Option<&T>, impact: Impact) {
        let (to, impact) = match head {
            Some(head) => (head.to_string(), impact),
            None => ("no longer managed".to_owned(), Impact::None),
        };
        if base != head {
            self.changes.push(Change { path, from: base.map(ToString::to_string), to: Some(to), impact });
        }
    }

    fn leaves(&mut self, path: &str, base: &Value, head: &Value, impact: Impact) {
        let none = serde_json::Map::new();
        match (base, head) {
            (Value::Object(_), Value::Object(_) | Value::Null) | (Value::Null, Value::Object(_)) => {
                let [base, head] = [base, head].map(|side| side.as_object().unwrap_or(&none));
                let keys: std::collections::BTreeSet<&String> = base.keys().chain(head.keys()).collect();
                for key in keys {
                    let path = format!("{path}.{key}");
                    self.leaves(&path, base.get(key).unwrap_or(&Value::Null), head.get(key).unwrap_or(&Value::Null), impact);
                }
            }
            (base, head) if base != head => {
                let [from, to] = [base, head].map(|side| if is_span(path) { span(side) } else { text(side) });
                self.changes.push(Change { path: path.to_owned(), from, to, impact });
            }
            _ => {}
        }
    }

    fn appliance(&mut self, base: &Desired, head: &Desired) {
        let Desired {
            fleet,
            site,
            appliance: _, // compared by it
            mode,
            profile,
            release,
            instance,
            host,
            networks,
            roles,
            watch,
            drain,
            availability,
            leader,
            peers,
            windows,
            maintenance,
            prune,
            install_attempts,
            recovery,
            settings,
            certificates,
        } = base;
        self.part("fleet", fleet, &head.fleet, Impact::VmPowerOff);
        self.part("site", site, &head.site, Impact::VmPowerOff);
        self.part("mode", mode, &head.mode, Impact::None);
        self.part("profile", profile, &head.profile, Impact::None);
        self.part("release", release, &head.release, Impact::VmPowerOff);
        self.part("instance", instance, &head.instance, Impact::VmPowerOff);
        self.host(host, &head.host);
        for name in networks.keys().chain(head.networks.keys().filter(|name| !networks.contains_key(*name))) {
            self.network(&format!("networks.{name}"), networks.get(name), head.networks.get(name));
        }
        self.roles(roles, &head.roles);
        self.part("watch", watch, &head.watch, Impact::None);
        self.part("drain", drain, &head.drain, Impact::None);
        self.part("availability", availability, &head.availability, Impact::None);
        self.part("leader", leader, &head.leader, Impact::None);
        self.part("peers", peers, &head.peers, Impact::None);
        self.part("windows", windows, &head.windows, Impact::None);
        self.part("maintenance", maintenance, &head.maintenance, Impact::Drain);
        self.part("prune", prune, &head.prune, Impact::None);
        self.part("installAttempts", install_attempts, &head.install_attempts, Impact::None);
        self.part("recovery", recovery, &head.recovery, Impact::None);
        self.part("settings", settings, &head.settings, Impact::Drain);
        self.part("certificates", certificates, &head.certificates, Impact::None);
    }

    fn host(&mut self, base: &DesiredHost, head: &DesiredHost) {
        let DesiredHost { address, port, scheme, fingerprint, place, credential, authentication, root } = base;
        self.part("host.address", address, &head.address, Impact::None);
        self.part("host.port", port, &head.port, Impact::None);
        self.part("host.scheme", scheme, &head.scheme, Impact::None);
        self.part("host.fingerprint", fingerprint, &head.fingerprint, Impact::None);
        self.part("host.place", place, &head.place, Impact::None);
        self.part("host.credential", credential, &head.credential, Impact::None);
        self.part("host.authentication", authentication, &head.authentication, Impact::None);
        self.part("host.root", root, &head.root, Impact::VmPowerOff);
    }

    fn network(&mut self, path: &str, base: Option<&DesiredNetwork>, head: Option<&DesiredNetwork>) {
        let (Some(base), Some(head)) = (base, head) else {
            let show = |network: &DesiredNetwork| format!("switch {}", network.switch);
            let (from, to) = (base.map(show), head.map(show));
            return self.changes.push(Change { path: path.to_owned(), from, to, impact: Impact::VmPowerOff });
        };
        let DesiredNetwork { kind, switch, subnet, gateway, dns, vlan } = base;
        self.part(&format!("{path}.kind"), kind, &head.kind, Impact::None);
        self.part(&format!("{path}.switch"), switch, &head.switch, Impact::VmPowerOff);
        self.part(&format!("{path}.subnet"), subnet, &head.subnet, Impact::VmPowerOff);
        self.part(&format!("{path}.gateway"), gateway, &head.gateway, Impact::Drain);
        self.part(&format!("{path}.dns"), dns, &head.dns, Impact::Drain);
        self.managed(format!("{path}.vlan"), vlan.as_ref(), head.vlan.as_ref(), Impact::Drain);
    }

    fn roles(&mut self, base: &[DesiredRole], head: &[DesiredRole]) {
        let by_name = |roles: &[DesiredRole]| roles.iter().map(|role| role.role.clone()).collect::<Vec<RoleName>>();
        let (was, is) = (by_name(base), by_name(head));
        let heads: BTreeMap<&RoleName, &DesiredRole> = head.iter().map(|role| (&role.role, role)).collect();
        for role in base {
            match heads.get(&role.role) {
                Some(head) => self.role(role, head),
                None => self.whole_role(role, |vm| (Some(vm), None)),
            }
        }
        for role in head.iter().filter(|role| !was.contains(&role.role)) {
            self.whole_role(role, |vm| (None, Some(vm)));
        }
        let kept = |names: &[RoleName], others: &[RoleName]| names.iter().filter(|name| others.contains(name)).cloned().collect::<Vec<_>>();
        self.part("roles.order", &kept(&was, &is), &kept(&is, &was), Impact::None);
    }

    fn whole_role(&mut self, role: &DesiredRole, sides: impl Fn(String) -> (Option<String>, Option<String>)) {
        let (from, to) = sides(format!("VM {}", role.vm));
        self.changes.push(Change { path: format!("roles.{}", role.role), from, to, impact: Impact::VmPowerOff });
    }

    fn role(&mut self, base: &DesiredRole, head: &DesiredRole) {
        let DesiredRole {
            role,
            vm,
            computer,
            processors,
            memory,
            secure_boot,
            boot_order,
            integration_services,
            image,
            disk,
            adapters,
            membership,
            services,
            rules,
            calls,
            holds,
            start_action,
            stop_action,
            credential,
            authentication,
            spec: _, // a digest of what stands here in clear
        } = base;
        let at = |field: &str| format!("roles.{role}.{field}");
        self.part(&at("vm"), vm, &head.vm, Impact::VmPowerOff);
        self.part(&at("computer"), computer, &head.computer, Impact::VmPowerOff);
        self.managed(at("processors"), processors.as_ref(), head.processors.as_ref(), Impact::VmPowerOff);
        self.managed(at("memory"), memory.as_ref(), head.memory.as_ref(), Impact::VmPowerOff);
        let template = |one: &Option<SecureBoot>| one.map(secure_boot_name);
        self.managed(at("secureBoot"), template(secure_boot).as_ref(), template(&head.secure_boot).as_ref(), Impact::VmPowerOff);
        let order = |order: &Vec<BootDevice>| (!order.is_empty()).then(|| boot_order_name(order));
        self.managed(at("bootOrder"), order(boot_order).as_ref(), order(&head.boot_order).as_ref(), Impact::VmPowerOff);
        for service in IntegrationService::ALL {
            let [base, head] = [integration_services, &head.integration_services].map(|services| services.get(&service));
            self.managed(at(&format!("integrationServices.{}", service.as_str())), base, head, Impact::None);
        }
        self.part(&at("image"), image, &head.image, Impact::VmPowerOff);
        self.part(&at("disk"), disk, &head.disk, Impact::VmPowerOff);
        self.adapters(&at("adapters"), adapters, &head.adapters);
        self.part(&at("membership"), membership, &head.membership, Impact::VmPowerOff);
        self.part(&at("services"), services, &head.services, Impact::None);
        self.part(&at("rules"), rules, &head.rules, Impact::None);
        self.part(&at("calls"), calls, &head.calls, Impact::None);
        self.part(&at("holds"), holds, &head.holds, Impact::None);
        self.part(&at("startAction"), start_action, &head.start_action, Impact::None);
        self.part(&at("stopAction"), stop_action, &head.stop_action, Impact::None);
        self.part(&at("credential"), credential, &head.credential, Impact::None);
        self.part(&at("authentication"), authentication, &head.authentication, Impact::None);
    }

    fn adapters(&mut self, path: &str, base: &[DesiredAdapter], head: &[DesiredAdapter]) {
        for adapter in base {
            let path = format!("{path}.{}", adapter.name);
            let Some(head) = head.iter().find(|one| one.name == adapter.name) else {
                self.changes.push(Change { path, from: Some("present".to_owned()), to: None, impact: Impact::VmPowerOff });
                continue;
            };
            let DesiredAdapter { name: _, network, mac, addresses, gateway, dns } = adapter;
            self.part(&format!("{path}.network"), network, &head.network, Impact::VmPowerOff);
            self.part(&format!("{path}.mac"), mac, &head.mac, Impact::VmPowerOff);
            self.part(&format!("{path}.addresses"), addresses, &head.addresses, Impact::VmPowerOff);
            self.managed(format!("{path}.gateway"), gateway.as_ref(), head.gateway.as_ref(), Impact::Drain);
            self.part(&format!("{path}.dns"), dns, &head.dns, Impact::Drain);
        }
        for adapter in head.iter().filter(|one| !base.iter().any(|other| other.name == one.name)) {
            let path = format!("{path}.{}", adapter.name);
            self.changes.push(Change { path, from: None, to: Some("present".to_owned()), impact: Impact::VmPowerOff });
        }
    }
}

/// Fields that count seconds; product settings carry their own units.
const SPANS: [&str; 11] = [
    "atMost",
    "confirm",
    "duration",
    "firstWait",
    "lifetime",
    "longestWait",
    "probeEvery",
    "renewBefore",
    "repairGrace",
    "stableFor",
    "timeout",
];

fn is_span(path: &str) -> bool {
    let field = path.rsplit('.').next().unwrap_or(path);
    !path.starts_with("settings.") && SPANS.contains(&field)
}

fn span(value: &Value) -> Option<String> {
    value.as_u64().map(|seconds| Span::from_secs(seconds).to_string()).or_else(|| text(value))
}

/// A leaf for people; `None` for what is not there.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => Some(items.iter().map(|item| text(item).unwrap_or_default()).collect::<Vec<_>>().join(", ")),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => Some(value.to_string()),
    }
}
