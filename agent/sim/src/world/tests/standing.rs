//! What others hold of a VM: replicas, clusters; and what a host tells of all its VMs at once.

use super::*;
use crate::world::Fault;

fn clustered() -> Bench {
    Bench::of(&WORLD.replacen("    memoryGib: 16\n", "    memoryGib: 16\n    cluster: CLUSTER1\n", 1))
}

#[test]
fn clustering_brings_its_namespace() {
    let mut b = Bench::new();
    let at = b.at.clone();
    let machine = b.world.machine_mut(&at).expect("it runs");
    let refused = machine.instances(&Namespace::CLUSTER, "MSCluster_Resource").expect_err("no cluster").code;
    assert_eq!(refused.hresult(), 0x8004_100E);
    drop(machine);
    let mut b = clustered();
    assert_eq!(b.one(&Namespace::CLUSTER, "MSCluster_Cluster", "Name", "CLUSTER1").instance.properties().count(), 1);
    assert_eq!(b.all(&Namespace::CLUSTER, "MSCluster_Resource"), []);
}

#[test]
fn a_vm_that_is_a_role_has_two_resources_with_its_guid() {
    let mut b = clustered();
    let vm = b.define("web", 2);
    let host = HostName::new("hv-1");
    b.world.apply(Fault::VmClustered { host: host.clone(), vm: "web".to_owned() }).expect("it fits");
    let resources = b.all(&Namespace::CLUSTER, "MSCluster_Resource");
    let names: Vec<_> = resources.iter().map(|o| o.path.key("Name").unwrap()).collect();
    assert_eq!(names, ["Virtual Machine web", "Virtual Machine Configuration web"]);
    for resource in &resources {
        let private = resource.instance.embedded("PrivateProperties").unwrap().expect("private properties");
        assert!(private.text("VmID").unwrap().unwrap().eq_ignore_ascii_case(vm.key("Name").unwrap()));
    }
    b.world.apply(Fault::VmFreed { host, vm: "web".to_owned() }).expect("it fits");
    assert_eq!(b.all(&Namespace::CLUSTER, "MSCluster_Resource"), []);
    let alone = Fault::VmClustered { host: HostName::new("hv-2"), vm: "web".to_owned() };
    assert!(b.world.apply(alone).is_err(), "that host is in no cluster");
}

#[test]
fn a_replica_shows_on_the_vm_and_in_a_relationship() {
    let text = WORLD.replacen("generation: 1,", "generation: 1, replication: replica,", 1);
    let mut b = Bench::of(&text);
    let vm = b.one(&V2, "Msvm_ComputerSystem", "ElementName", "legacy").instance;
    assert_eq!((vm.unsigned("ReplicationMode").unwrap(), vm.unsigned("ReplicationState").unwrap()), (Some(2), Some(3)));
    let relation = b.all(&V2, "Msvm_ReplicationRelationship").pop().expect("a relationship").instance;
    assert_eq!(relation.text("InstanceID").unwrap(), Some("Microsoft:2B0E3F7C-0A11-4A3B-9C57-0D0C6E1F0001\\HVR\\0"));
}

#[test]
fn a_world_file_states_checkpoints_too() {
    let text = WORLD.replacen("generation: 1,", "generation: 1, checkpoints: [clean, patched],", 1);
    let mut b = Bench::of(&text);
    let names: Vec<_> =
        b.all(&V2, "Msvm_VirtualSystemSettingData").iter().map(|o| o.instance.text("ElementName").unwrap().unwrap().to_owned()).collect();
    assert_eq!(names, ["legacy", "clean", "patched"]);
}

#[test]
fn a_summary_has_what_was_asked_for() {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    b.boot(&vm, "192.168.0.50");
    let asked = class("in").with("RequestedInformation", vec![1u32, 4, 100, 103, 104, 105, 107]);
    let output = b.vsms("GetSummaryInformation", asked.clone());
    assert_eq!(output.return_value, 0);
    let all: Vec<_> = output.out.get("SummaryInformation").elements().iter().filter_map(CimValue::as_instance).cloned().collect();
    assert_eq!(all.len(), 2, "without settings, every VM");
    let web = all.iter().find(|one| one.text("ElementName").unwrap() == Some("web")).expect("ours");
    assert_eq!((web.unsigned("EnabledState").unwrap(), web.unsigned("Heartbeat").unwrap()), (Some(2), Some(2)));
    assert_eq!((web.unsigned("MemoryUsage").unwrap(), web.unsigned("UpTime").unwrap()), (Some(1024), Some(92_000)));
    assert_eq!(*web.get("Name"), CimValue::Null, "nobody asked");
    let one = asked.with("SettingData", vec![CimValue::from(Bench::settings(&vm))]);
    let output = b.vsms("GetSummaryInformation", one);
    assert_eq!(output.out.get("SummaryInformation").elements().len(), 1);
    assert_eq!(b.vsms("GetSummaryInformation", class("in")).return_value, 32773, "nothing asked");
}

#[test]
fn a_nic_that_moves_below_a_switch_takes_the_host_away_for_a_moment() {
    let mut b = Bench::of(
        &WORLD
            .replacen("    switches: [{name: Corpnet, type: external, nic: Ethernet 1, allowManagementOs: true}]\n", "", 1)
            .replace("{switch: Corpnet}", ""),
    );
    let external = b.all(&V2, "Msvm_ExternalEthernetPort");
    let nic = external
        .iter()
        .find(|o| o.instance.text("ElementName").unwrap().unwrap().contains("Ethernet 1"))
        .unwrap_or(&external[0])
        .path
        .on_host("HV01");
    let host = b.one(&V2, "Msvm_ComputerSystem", "Name", "HV01").path.on_host("HV01");
    let port = |resource: String| class("Msvm_EthernetPortAllocationSettingData").with("HostResource", vec![resource]);
    let settings = class("Msvm_VirtualEthernetSwitchSettingData").with("ElementName", "Corpnet");
    let input = class("in").with("SystemSettings", settings).with("ResourceSettings", vec![port(nic), port(host)]);
    assert!(b.who(&Place::Remote, "192.168.0.11").is_some());
    let output = b.invoke(&service("Msvm_VirtualEthernetSwitchManagementService"), "DefineSystem", input);
    assert_eq!(output.return_value, 4096);
    b.wait(3);
    assert_eq!(b.who(&Place::Remote, "192.168.0.11"), None, "the NIC moves");
    b.wait(5);
    assert_eq!(b.who(&Place::Remote, "192.168.0.11"), Some(b.at.clone()), "the switch has taken its address over");
}
