//! What the machines show, against the table of classes that Windows declares.

use wsman::cim::CimType;
use wsman::schema::{self, Declared};

use super::*;

fn fits(declared: Declared, value: &CimValue) -> bool {
    let one = |v: &CimValue| match (declared.cim, v) {
        (None, _) | (_, CimValue::Null) => true,
        (Some(cim), v) => matches!(
            (cim, v),
            (CimType::Boolean, CimValue::Boolean(_))
                | (CimType::Uint8 | CimType::Uint16 | CimType::Uint32 | CimType::Uint64, CimValue::Unsigned(_))
                | (CimType::Sint8 | CimType::Sint16 | CimType::Sint32 | CimType::Sint64, CimValue::Signed(_))
                | (CimType::String, CimValue::String(_))
                | (CimType::Datetime, CimValue::Datetime(_))
                | (CimType::Reference, CimValue::Reference(_))
                | (CimType::Object | CimType::EmbeddedInstance, CimValue::Instance(_))
        ),
    };
    match value {
        CimValue::Array(values) => declared.array && values.iter().all(one),
        CimValue::Null => true,
        scalar => !declared.array && one(scalar),
    }
}

/// Everything that `machine` shows and that the table does not know, or knows otherwise.
fn faults(machine: &dyn crate::machine::Machine, found: &mut std::collections::BTreeSet<String>) {
    for class in schema::classes() {
        let Ok(objects) = machine.instances(&Namespace::new(class.namespace()), class.name()) else { continue };
        for object in objects.iter().filter(|o| *o.instance.class() == class.name()) {
            for (name, value) in object.instance.properties() {
                match class.property(name.as_str()) {
                    None => drop(found.insert(format!("{}.{name} is not declared", class.name()))),
                    Some(p) if !fits(p.declared(), value) => {
                        found.insert(format!("{}.{name} is {:?}, here {value:?}", class.name(), p.declared()));
                    }
                    Some(_) => {}
                }
            }
            for key in class.keys().filter(|key| object.path.keys().all(|(name, _)| *name != key.name())) {
                found.insert(format!("{} lacks the key {}", class.name(), key.name()));
            }
            let keys: Vec<_> = class.keys().map(schema::Property::name).collect();
            for (name, _) in object.path.keys().filter(|(name, _)| !keys.is_empty() && !keys.iter().any(|k| *name == k)) {
                found.insert(format!("{} has no key {name}", class.name()));
            }
        }
    }
}

/// Checkpoints, replicas, clusters and VLANs, so that there is something of each to look at.
fn stand(b: &mut Bench) {
    use crate::world::{Fault, file::ReplicaMode};
    let (host, vm) = (HostName::new("hv-1"), || "cms".to_owned());
    b.world.apply(Fault::VmCheckpointed { host: host.clone(), vm: vm(), name: "by hand".to_owned() }).expect("it fits");
    b.world.apply(Fault::VmReplicated { host: host.clone(), vm: vm(), mode: ReplicaMode::Primary }).expect("it fits");
    b.world.apply(Fault::VmClustered { host, vm: vm() }).expect("it fits");
    let ports = b.all(&V2, "Msvm_EthernetPortAllocationSettingData");
    let port = ports.into_iter().find(|o| o.path.key("InstanceID").is_some_and(|id| id.ends_with("\\C"))).expect("a port").path;
    let vlan = class("Msvm_EthernetSwitchPortVlanSettingData").with("OperationMode", 1u32).with("AccessVlanId", 5u16);
    let output = b.vsms("AddFeatureSettings", class("in").with("AffectedConfiguration", port).with("FeatureSettings", vec![vlan]));
    assert_eq!(output.return_value, 0);
}

#[test]
fn every_property_and_key_is_one_that_windows_declares() {
    let mut b = Bench::of(&WORLD.replacen("    memoryGib: 16\n", "    memoryGib: 16\n    cluster: CLUSTER1\n", 1));
    b.management_switch();
    let corpnet = b.switch("Corpnet");
    let mut found = std::collections::BTreeSet::new();
    for (name, image, address) in [("ad", "directory", "192.168.0.40"), ("cms", "calls", "192.168.0.50")] {
        let vm = b.appliance(name, image, &corpnet);
        let guest = b.boot(&vm, address);
        faults(b.world.machine_mut(&guest).expect("it runs").as_ref(), &mut found);
        b.ask(&vm, 9);
    }
    stand(&mut b);
    let host = b.at.clone();
    faults(b.world.machine_mut(&host).expect("it runs").as_ref(), &mut found);
    assert_eq!(found.into_iter().collect::<Vec<_>>().join("\n"), "");
}

#[test]
fn every_class_that_has_instances_is_in_the_table() {
    let mut b = Bench::new();
    let classes: Vec<_> = crate::host::provider::known().collect();
    for (namespace, name) in classes {
        let known = schema::class(namespace, name).is_some();
        assert!(known || b.all(namespace, name).is_empty(), "{name}");
    }
}
