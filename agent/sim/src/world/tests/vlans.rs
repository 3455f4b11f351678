//! VLANs of ports: how they are set, and who is reached through them.

use super::*;

const VLAN: &str = "Msvm_EthernetSwitchPortVlanSettingData";

fn connection(b: &mut Bench, vm: &CimPath) -> CimPath {
    let all = b.all(&V2, "Msvm_EthernetPortAllocationSettingData");
    let mine = all.into_iter().find(|o| o.instance.text("InstanceID").unwrap().unwrap().contains(vm.key("Name").unwrap()));
    mine.expect("a connection").path
}

fn access(vlan: u16) -> CimInstance {
    class(VLAN).with("OperationMode", 1u32).with("AccessVlanId", vlan)
}

fn add(b: &mut Bench, port: &CimPath, setting: CimInstance) -> Output {
    b.vsms("AddFeatureSettings", class("in").with("AffectedConfiguration", port.clone()).with("FeatureSettings", vec![setting]))
}

/// The settings of VMs' ports; the default that the host has is left out.
fn settings(b: &mut Bench) -> Vec<Object> {
    let own = |o: &Object| !o.path.key("InstanceID").unwrap().contains("Definition");
    b.all(&V2, VLAN).into_iter().filter(own).collect()
}

fn served() -> (Bench, CimPath, CimPath) {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    b.boot(&vm, "192.168.0.50");
    let port = connection(&mut b, &vm);
    (b, vm, port)
}

#[test]
fn a_guest_in_a_vlan_is_not_where_the_host_is() {
    let (mut b, vm, port) = served();
    let from = b.on_host();
    assert_eq!(b.who(&from, "192.168.0.50"), Some(b.guest(&vm)));
    assert_eq!(add(&mut b, &port, access(10)).return_value, 0, "a port may be changed while it is used");
    assert_eq!(b.who(&from, "192.168.0.50"), None);
    let own = settings(&mut b).remove(0);
    assert_eq!(b.vsms("RemoveFeatureSettings", class("in").with("FeatureSettings", vec![own.path])).return_value, 0);
    assert_eq!(b.who(&from, "192.168.0.50"), Some(b.guest(&vm)));
}

#[test]
fn a_host_whose_port_is_in_the_vlan_reaches_it() {
    let tagged = WORLD.replacen("allowManagementOs: true}", "allowManagementOs: true, vlan: 10}", 1);
    let mut b = Bench::of(&tagged);
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    b.boot(&vm, "192.168.0.50");
    let from = b.on_host();
    assert_eq!(b.who(&from, "192.168.0.50"), None);
    let port = connection(&mut b, &vm);
    assert_eq!(add(&mut b, &port, access(10)).return_value, 0);
    assert_eq!(b.who(&from, "192.168.0.50"), Some(b.guest(&vm)));
}

#[test]
fn a_port_has_one_setting_which_is_changed_by_its_id() {
    let (mut b, _, port) = served();
    assert_eq!(add(&mut b, &port, access(10)).return_value, 0);
    assert_eq!(add(&mut b, &port, access(11)).return_value, 32768, "it has one");
    let own = settings(&mut b).remove(0);
    let id = own.path.key("InstanceID").unwrap().to_owned();
    assert!(id.starts_with(port.key("InstanceID").unwrap()), "{id}");
    let change =
        |vlan: u16| class("in").with("FeatureSettings", vec![class(VLAN).with("InstanceID", id.as_str()).with("AccessVlanId", vlan)]);
    assert_eq!(b.vsms("ModifyFeatureSettings", change(4095)).return_value, 32773);
    assert_eq!(b.vsms("ModifyFeatureSettings", change(12)).return_value, 0);
    assert_eq!(settings(&mut b)[0].instance.unsigned("AccessVlanId").unwrap(), Some(12));
    let at = b.at.clone();
    let links = b.world.machine_mut(&at).expect("it runs").associations(&V2, &port).expect("it is there");
    assert!(links.iter().any(|a| a.class == "Msvm_EthernetPortSettingDataComponent" && a.other == own.path));
}

#[test]
fn a_mode_wants_its_ids() {
    let (mut b, _, port) = served();
    for (why, setting) in [
        ("access without an id", class(VLAN).with("OperationMode", 1u32)),
        ("a trunk of nothing", class(VLAN).with("OperationMode", 2u32).with("NativeVlanId", 1u16)),
        ("private without a mode", class(VLAN).with("OperationMode", 3u32).with("PrimaryVlanId", 1u16).with("SecondaryVlanId", 2u16)),
        ("no such mode", class(VLAN).with("OperationMode", 4u32)),
    ] {
        assert_eq!(add(&mut b, &port, setting).return_value, 32773, "{why}");
    }
    let other = class("Msvm_EthernetSwitchPortSecuritySettingData");
    assert_eq!(add(&mut b, &port, other).return_value, 32770);
    let trunk = class(VLAN).with("OperationMode", 2u32).with("NativeVlanId", 7u16).with("TrunkVlanIdArray", vec![7u16, 8]);
    assert_eq!(add(&mut b, &port, trunk).return_value, 0);
}

#[test]
fn what_hangs_on_a_port_goes_with_it() {
    let (mut b, _, port) = served();
    assert_eq!(add(&mut b, &port, access(10)).return_value, 0);
    let nic = port.key("InstanceID").unwrap().strip_suffix("\\C").unwrap().to_owned();
    let nic = CimPath::class_of(V2, "Msvm_SyntheticEthernetPortSettingData").with_key("InstanceID", nic);
    assert_eq!(b.vsms("RemoveResourceSettings", class("in").with("ResourceSettings", vec![nic])).return_value, 0);
    assert_eq!(settings(&mut b), []);
    let at = b.at.clone();
    assert!(b.world.machine_mut(&at).expect("it runs").get(&port).is_err(), "its connection too");
}
