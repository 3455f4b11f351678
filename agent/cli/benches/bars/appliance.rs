//! One appliance of 240 items that are compared, what is seen of it, and the floor: a program that reads the same files, parses them
//! with the same parsers, compares each item, and prints what differs.
//!
//! Guarantees: floor and plan find equally many differences. Deliberately absent in the floor: all that makes a plan safe (validation,
//! resolving, order, gates).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use model::desired::{Desired, NetworkKind};
use model::observed::{Observed, ObservedFile, ObservedHost, ObservedSwitch, RuleState, ServiceState, SwitchKind};
use model::seen::Seen;
use model::units::{DiskSize, MemorySize};
use model::yaml::{self, Node};
use plan::given::Given;
use serde_json::{Value, json};

const ROLES: usize = 4;
const SERVICES: usize = 32;
const RULES: usize = 19;

/// Per role: processors, memory, power, disk, two actions, the adapter's switch and address and name; each service; each rule.
pub const ITEMS: usize = ROLES * (9 + SERVICES + RULES);

/// Writes the repository below `directory` and what is seen beside it; gives how many items differ.
pub fn write(directory: &Path, observation: &Path) -> usize {
    std::fs::create_dir_all(directory).expect("a directory");
    for (name, text) in files() {
        std::fs::write(directory.join(name), text).expect("a file");
    }
    let snapshot = source::read_directory(directory).expect("it can be read");
    assert!(snapshot.diagnostics.is_empty(), "{}", model::diagnostic::render_all(&snapshot.diagnostics));
    let desired = snapshot.desired.values().next().expect("one appliance");
    let mut observed = converged(desired);
    let differing = disturb(&mut observed);
    let document = json!({ "apiVersion": "trunkline.dev/observation.v2", "appliances": [observed] });
    std::fs::write(observation, serde_json::to_string_pretty(&document).expect("it is JSON")).expect("a file");
    differing
}

/// The floor.
pub fn floor(directory: &Path, observation: &Path) {
    let mut trees = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let (tree, faults) = yaml::parse(&std::fs::read(entry.expect("an entry").path()).expect("a file"));
        assert!(faults.is_empty(), "{faults:?}");
        trees.push(tree);
    }
    let observation: Value = serde_json::from_slice(&std::fs::read(observation).expect("a file")).expect("JSON");
    let of_kind = |kind: &str| {
        let mut all = trees.iter().flat_map(|tree| tree.documents());
        all.find(|document| text(*document, &["kind"]) == kind).expect("a document of the kind")
    };
    let (profile, release, appliance) = (of_kind("Profile"), of_kind("Release"), of_kind("Appliance"));
    let size = profile.at(&["spec", "sizes", "only", "roles"]).expect("a size");
    let instances = observation["appliances"][0]["instances"].as_object().expect("instances");
    let vms = &instances.values().next().expect("an instance")["vms"];
    let (mut differing, mut seen) = (String::new(), 0);
    let mut compare = |what: &dyn std::fmt::Display, wanted: &str, found: &Value| {
        seen += 1;
        let same = match found {
            Value::String(text) => text == wanted,
            other => wanted.parse::<Value>().is_ok_and(|wanted| wanted == *other),
        };
        if !same {
            let _ = writeln!(differing, "{what}: {found} -> {wanted}");
        }
    };
    for role in profile.at(&["spec", "roles"]).expect("roles").items() {
        let name = text(role, &["name"]);
        let vm = &vms[name];
        let gib: u64 = text(size, &[name, "memory"]).trim_end_matches(" GiB").parse().expect("a number");
        compare(&format_args!("{name} processors"), text(size, &[name, "processors"]), &vm["processors"]["known"]);
        compare(&format_args!("{name} memory"), &(gib * 1024).to_string(), &vm["memory"]["known"]);
        compare(&format_args!("{name} power"), "running", &vm["power"]);
        compare(&format_args!("{name} disk"), "true", &Value::Bool(vm["disks"]["known"].as_array().is_some_and(|disks| disks.len() == 1)));
        compare(&format_args!("{name} start action"), "alwaysStart", &vm["startAction"]["known"]);
        compare(&format_args!("{name} stop action"), "shutDown", &vm["stopAction"]["known"]);
        assert!(release.at(&["spec", "images", name, "path"]).is_some());
        let adapters = vm["adapters"]["known"].as_object().expect("adapters");
        let adapter = adapters.values().find(|adapter| adapter["name"] == "lan").expect("the adapter");
        let address = format!("{}/24", text(appliance, &["spec", "roles", name, "addresses", "lan"]));
        compare(&format_args!("{name} adapter"), "lan", &adapter["name"]);
        compare(&format_args!("{name} switch"), "Branch LAN", &adapter["switch"]["known"]);
        compare(&format_args!("{name} address"), &address, &adapter["config"]["known"]["addresses"][0]);
        let guest = &vm["guest"]["known"];
        for service in role.get("services").expect("services").items() {
            let service = service.get("names").and_then(|names| names.items().next()).and_then(Node::text).expect("a name");
            let found = &guest["services"]["known"][service];
            let runs = found["state"] == "running" && found["startMode"] == "automatic";
            compare(&format_args!("{name} {service}"), "true", &Value::Bool(runs));
        }
        for rule in role.get("firewallRules").expect("rules").items() {
            let rule = text(rule, &["name"]);
            compare(&format_args!("{name} {rule}"), "enabled", &guest["rules"]["known"][rule]);
        }
    }
    assert_eq!(seen, ITEMS);
    print!("{differing}");
}

fn text<'t>(node: Node<'t>, path: &[&str]) -> &'t str {
    node.at(path).and_then(Node::text).expect("a text")
}

fn head(kind: &str, name: &str) -> String {
    format!("apiVersion: trunkline.dev/v1alpha1\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n")
}

fn files() -> [(&'static str, String); 5] {
    let repository =
        head("Repository", "bench") + "  windows:\n    nights: { every: day, start: \"22:00\", duration: 6h, zone: Europe/Berlin }\n";
    let mut profile = head("Profile", "wide")
        + "  product: wide\n  version: \"1.0\"\n  probeNetwork: lan\n  networks:\n    lan: { owner: administrator, switch: Branch LAN }\n    management: { owner: trunkline, lifetime: temporary, switch: Branch Set-up, subnet: 192.168.250.0/24 }\n  sizes:\n    only:\n      default: true\n      roles:\n";
    let mut images = String::new();
    let mut roles = String::new();
    for role in 0..ROLES {
        let _ = writeln!(profile, "        role-{role}: {{ processors: 2, memory: 4 GiB }}");
        let _ = writeln!(images, "    role-{role}: {{ path: 'C:\\Images\\role-{role}.vhdx', size: 12 GiB }}");
        let _ = writeln!(roles, "    role-{role}: {{ name: wide-{role}, addresses: {{ lan: 10.3.0.2{role} }} }}");
    }
    profile.push_str("  roles:\n");
    for role in 0..ROLES {
        let _ = write!(profile, "    - name: role-{role}\n      adapters:\n        - {{ network: lan, gateway: true }}\n      services:\n");
        for service in 0..SERVICES {
            // As real products have it: one service takes the calls, the others support it.
            let grade = if service == 0 { "callPath" } else { "support" };
            let _ = writeln!(profile, "        - {{ names: [Service{service:02}], grade: {grade} }}");
        }
        profile.push_str("      firewallRules:\n");
        for rule in 0..RULES {
            let _ = writeln!(profile, "        - {{ name: Rule {rule:02}, grade: support }}");
        }
    }
    profile.push_str("  drain:\n    mode: immediate\n    timeout: 5m\n");
    let release = head("Release", "wide-1.0") + "  profile: wide\n  version: \"1.0\"\n  images:\n" + &images;
    let site = head("Site", "here")
        + "  release: wide-1.0\n  windows: [nights]\n  availability:\n    minServing: 0\n    plannedOutage: { in: [nights], atMost: 45m }\n  guests:\n    credential: guest-admin\n  networks:\n    lan: { subnet: 10.3.0.0/24, gateway: 10.3.0.1, dns: [10.3.0.1] }\n";
    let appliance = head("Appliance", "wide-1")
        + "  site: here\n  host:\n    name: HV-1\n    address: 10.3.0.10\n    credential: hyperv-host\n    directory: 'C:\\Trunkline'\n  roles:\n"
        + &roles;
    [
        ("repository.yaml", repository),
        ("profile.yaml", profile),
        ("release.yaml", release),
        ("site.yaml", site),
        ("appliance.yaml", appliance),
    ]
}

/// A host with nothing of ours, on which every step of the whole installation came true.
fn converged(desired: &Desired) -> Observed {
    let existing = desired.networks.values().filter(|network| network.kind == NetworkKind::Existing);
    let switch = ObservedSwitch { kind: SwitchKind::External { host_shares: true }, mark: None, host_addresses: vec![], connected: 0 };
    let images = desired.roles.iter().filter_map(|role| Some((role.image.path.clone(), role.image.size?)));
    let disks = desired.roles.iter().map(|role| (role.disk.clone(), Seen::Absent));
    let host = ObservedHost {
        name: "HV-1".parse().expect("a name"),
        version: "10.0.20348".to_owned(),
        booted_at: Seen::Known("2026-03-01T00:00:00Z".parse().expect("a time")),
        processors: 32,
        memory: MemorySize::from_mib(65_536),
        free_memory: Seen::Known(MemorySize::from_mib(63_488)),
        switches: Seen::Known(existing.map(|network| (network.switch.clone(), switch.clone())).collect()),
        files: images
            .map(|(path, size)| (path, Seen::Known(ObservedFile { size: DiskSize::from_bytes(size.bytes()) })))
            .chain(disks)
            .collect(),
        jobs: Seen::Known(Vec::new()),
        cluster: Seen::Absent,
    };
    let mut observed = Observed {
        appliance: desired.appliance.clone(),
        at: "2026-03-03T11:30:00Z".parse().expect("a time"),
        host,
        instances: BTreeMap::new(),
        foreign: Vec::new(),
        duplicates: Vec::new(),
        unreadable: Vec::new(),
    };
    let (plan, _) = plan::plan(desired, &observed, &Given::at(observed.at));
    plan.steps.iter().for_each(|step| step.effect(desired, &mut observed));
    observed
}

/// Stops a service and disables a rule of each role; how many items that is.
fn disturb(observed: &mut Observed) -> usize {
    let mut differing = 0;
    for vm in observed.instances.values_mut().flat_map(|instance| instance.vms.values_mut()) {
        let guest = vm.guest.known_mut().expect("a guest");
        let services = guest.services.known_mut().expect("services");
        services.get_mut(&"Service07".parse().expect("a name")).expect("the service").state = ServiceState::Stopped;
        let rules = guest.rules.known_mut().expect("rules");
        rules.insert("Rule 03".parse().expect("a name"), RuleState::Disabled);
        differing += 2;
    }
    differing
}

/// Another number of processors for one VM: the whole appliance is drained, stopped and started for it.
pub fn disturb_hardware(observation: &Path) {
    let text = std::fs::read_to_string(observation).expect("a file");
    let mut document: Value = serde_json::from_str(&text).expect("JSON");
    let instances = document["appliances"][0]["instances"].as_object_mut().expect("instances");
    instances.values_mut().next().expect("an instance")["vms"]["role-0"]["processors"] = json!({ "known": 4 });
    std::fs::write(observation, serde_json::to_string_pretty(&document).expect("it is JSON")).expect("a file");
}
