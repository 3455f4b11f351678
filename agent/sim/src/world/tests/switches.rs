//! Virtual switches, and what they do to the host's own addresses.

use super::*;

const SERVICE: &str = "Msvm_VirtualEthernetSwitchManagementService";

fn define(b: &mut Bench, name: &str, resources: &[String]) -> Output {
    let port = |text: &String| class("Msvm_EthernetPortAllocationSettingData").with("HostResource", vec![text.as_str()]);
    let settings = class("Msvm_VirtualEthernetSwitchSettingData").with("ElementName", name);
    let ports: Vec<_> = resources.iter().map(port).collect();
    b.invoke(&service(SERVICE), "DefineSystem", class("in").with("SystemSettings", settings).with("ResourceSettings", ports))
}

fn nic(b: &mut Bench, name: &str) -> String {
    b.one(&V2, "Msvm_ExternalEthernetPort", "Name", name).path.on_host("HV01")
}

fn switch_path(text: &str) -> CimPath {
    text.parse().expect("a path")
}

#[test]
fn an_internal_switch_gives_the_host_an_adapter_and_takes_it_away_again() {
    let mut b = Bench::new();
    let switch = b.management_switch();
    assert_eq!(b.all(&V2, "Msvm_InternalEthernetPort").len(), 2);
    let addresses = |b: &mut Bench| b.all(&Namespace::STANDARD_CIMV2, "MSFT_NetIPAddress").len();
    assert_eq!(addresses(&mut b), 2);
    let output = b.invoke(&service(SERVICE), "DestroySystem", class("in").with("AffectedSystem", switch_path(&switch)));
    b.done(&output);
    assert_eq!(addresses(&mut b), 1);
}

#[test]
fn an_external_switch_that_the_host_shares_takes_over_the_nics_addresses() {
    let mut b = Bench::new();
    let adapter = b.one(&Namespace::STANDARD_CIMV2, "MSFT_NetAdapter", "Name", "vEthernet (Corpnet)").instance;
    let index = adapter.unsigned("InterfaceIndex").unwrap();
    let address = b.one(&Namespace::STANDARD_CIMV2, "MSFT_NetIPAddress", "IPAddress", "192.168.0.11").instance;
    assert_eq!(address.unsigned("InterfaceIndex").unwrap(), index);
}

#[test]
fn a_nic_carries_one_switch_and_one_that_the_host_does_not_share_loses_its_adapter() {
    let mut b = Bench::new();
    let (first, second) = (nic(&mut b, "Ethernet 1"), nic(&mut b, "Ethernet 2"));
    assert_eq!(define(&mut b, "Again", std::slice::from_ref(&first)).return_value, 32774, "bound");
    let before = b.all(&Namespace::STANDARD_CIMV2, "MSFT_NetAdapter").len();
    let output = define(&mut b, "Internet", &[second]);
    b.done(&output);
    assert_eq!(b.all(&Namespace::STANDARD_CIMV2, "MSFT_NetAdapter").len(), before - 1);
    assert_eq!(b.one(&V2, "Msvm_ExternalEthernetPort", "Name", "Ethernet 2").instance.boolean("IsBound").unwrap(), Some(true));
    let bad = first.replace("Msvm_ExternalEthernetPort", "Msvm_DiskDrive");
    assert_eq!(define(&mut b, "Odd", &[bad]).return_value, 32773);
}

#[test]
fn what_kind_a_switch_is_follows_from_its_ports() {
    let mut b = Bench::new();
    let output = define(&mut b, "Private", &[]);
    b.done(&output);
    b.management_switch();
    let kinds = |b: &mut Bench, name: &str| {
        let settings = b.one(&V2, "Msvm_VirtualEthernetSwitchSettingData", "ElementName", name);
        let prefix = format!("{}\\", settings.path.key("InstanceID").unwrap());
        let ports = b.all(&V2, "Msvm_EthernetPortAllocationSettingData").into_iter();
        let ours = ports.filter(|o| o.instance.text("InstanceID").unwrap().unwrap().starts_with(&prefix));
        let class = |o: Object| switch_path(o.instance.texts("HostResource").unwrap()[0]).class().to_string();
        ours.map(class).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&mut b, "Private"), [""; 0]);
    assert_eq!(kinds(&mut b, "Management"), ["Msvm_ComputerSystem"]);
    assert_eq!(kinds(&mut b, "Corpnet"), ["Msvm_ExternalEthernetPort", "Msvm_ComputerSystem"]);
}

#[test]
fn a_switch_with_a_vm_on_it_cannot_be_destroyed() {
    let mut b = Bench::new();
    let switch = b.management_switch();
    let vm = b.define("web", 2);
    let adapter = b.added(&vm, Bench::nic("a", "00155D000001"));
    b.added(&vm, Bench::cable(&adapter, &switch));
    let destroy = class("in").with("AffectedSystem", switch_path(&switch));
    assert_eq!(b.invoke(&service(SERVICE), "DestroySystem", destroy.clone()).return_value, 32774);
    let cable: CimPath = switch_path(&adapter);
    assert_eq!(b.vsms("RemoveResourceSettings", class("in").with("ResourceSettings", vec![cable])).return_value, 0);
    let output = b.invoke(&service(SERVICE), "DestroySystem", destroy.clone());
    b.done(&output);
    assert_eq!(b.invoke(&service(SERVICE), "DestroySystem", destroy).return_value, 32773, "it is gone");
}
