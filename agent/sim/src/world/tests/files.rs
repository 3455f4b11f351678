//! The world file and the saved world.

use insta::assert_snapshot;

use super::*;
use crate::world::WorldError;

#[test]
fn a_file_that_is_not_of_the_schema_is_refused_with_its_line() {
    let error = WorldFile::parse(&WORLD.replace("memoryGib: 16", "memoryGb: 16")).expect_err("no such key");
    assert_snapshot!(error, @"the world file is not of the schema trunkline.dev/sim/v1alpha1: unknown field `memoryGb`, expected one of name, computerName, version, caption, sockets, coresPerSocket, memoryGib, volumes, accounts, winrm, nics, switches, files, machines, cluster, services, firewallRules, setup at line 27, column 5");
    let error = WorldFile::parse("kind: World\nhosts: [").expect_err("no YAML");
    assert_snapshot!(error, @"the world file is not of the schema trunkline.dev/sim/v1alpha1: unclosed bracket '[' at line 2, column 8");
    let error = WorldFile::parse("kind: World\nseed: 1\nseed: 2\nhosts: []").expect_err("twice");
    assert_snapshot!(error, @"the world file is not of the schema trunkline.dev/sim/v1alpha1: the key `seed` stands there twice at line 3, column 1");
}

#[test]
fn every_contradiction_is_found_at_once() {
    let text = WORLD
        .replace("nic: Ethernet 1, allow", "nic: Ethernet 9, allow")
        .replace("image: directory}", "image: nothing}")
        .replace("computerName: HV02", "computerName: HV01")
        .replace("192.168.0.11/24", "10.9.9.9/24")
        .replace("id: 2b0e3f7c-0a11-4a3b-9c57-0d0c6e1f0001", "id: legacy");
    let Err(WorldError::Contradiction { problems }) = World::from_file(WorldFile::parse(&text).expect("it reads")) else {
        panic!("it fits together");
    };
    assert_snapshot!(problems.join("\n"), @r"
    hosts, by computerName,: two are called `HV01`
    hosts[hv-1].nics[Ethernet 1]: 10.9.9.9/24 is not in the network's subnet
    hosts[hv-1].nics[Ethernet 1]: the gateway 192.168.0.1 is in the subnet of none of its addresses
    hosts[hv-1].switches[Corpnet]: no NIC is called `Ethernet 9`
    hosts[hv-1].files[D:\Images\directory.vhdx]: no image is called `nothing`
    hosts[hv-1].machines[legacy]: `legacy` is no GUID
    hosts[hv-2].switches[Corpnet]: no NIC is called `Ethernet 9`
    ");
}

#[test]
fn what_no_host_could_be_is_refused() {
    let text = WORLD
        .replace("dependsOn: [RTCSRV]", "dependsOn: [NOSUCH, winrm], stopTakes: -2s")
        .replace("192.168.0.12/24", "192.168.0.11/24")
        .replace("gateway: 192.168.0.1,", "gateway: 192.168.7.1,")
        .replacen("accounts: [{user: operator, password: host}]", "accounts: []", 1)
        .replace("[{letter: D, gib: 200}]", "[{letter: D, gib: 10}, {letter: d, gib: 20}]");
    let Err(WorldError::Contradiction { problems }) = World::from_file(WorldFile::parse(&text).expect("it reads")) else {
        panic!("it fits together");
    };
    assert_snapshot!(problems.join("\n"), @"
    hosts[hv-2].nics[Ethernet 1]: 192.168.0.11 is an address of hv-1 already
    images[calls].services[RTCMEDSRV]: `stopTakes` is negative: nothing ends before it begins
    images[calls].services[RTCMEDSRV]: no service is called `NOSUCH`
    hosts[hv-1].volumes: two have the letter D
    hosts[hv-1].accounts: nobody could ever log on: name one
    hosts[hv-1].nics[Ethernet 1]: the gateway 192.168.7.1 is in the subnet of none of its addresses
    hosts[hv-1]: the files on D: have 35 GiB, the volume 10
    hosts[hv-1]: the files on d: have 35 GiB, the volume 20
    hosts[hv-2].volumes: two have the letter D
    ");
}

#[test]
fn the_examples_build() {
    for text in
        [include_str!("../../../../../examples/seattle.world.yaml"), include_str!("../../../../../examples/branch-bundle.world.yaml")]
    {
        World::from_file(WorldFile::parse(text).expect("it reads")).expect("it builds");
    }
}

#[test]
fn the_same_file_gives_the_same_world() {
    let text = || serde_json::to_string(&Bench::new().world).expect("plain data");
    assert_eq!(text(), text());
}

#[test]
fn a_vm_that_runs_from_the_beginning_has_its_guest_up() {
    let text = WORLD.replace(
        "generation: 1, disks: ['D:\\old.vhdx'], adapters: [{switch: Corpnet}]",
        "disks: ['D:\\Images\\calls.vhdx'], state: running, adapters: [{switch: Corpnet, addresses: [192.168.0.77/24]}]",
    );
    let world = World::from_file(WorldFile::parse(&text).expect("it reads")).expect("it builds");
    let guest = world.guest_of(&HostName::new("hv-1"), "legacy");
    assert!(guest.is_some());
    assert_eq!(world.machine_at(&Place::Remote, "192.168.0.77".parse().unwrap(), 5986), guest);
}

#[test]
fn a_world_goes_on_where_it_was_saved() {
    let directory = tempfile::tempdir().expect("a directory");
    assert!(World::load(directory.path()).expect("nothing is wrong").is_none());
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    b.ask(&vm, 2);
    b.world.save(directory.path()).expect("it can be written");
    let mut saved = World::load(directory.path()).expect("it reads").expect("it is there");
    let later = b.world.now() + SignedDuration::from_secs(200);
    b.world.advance(later);
    saved.advance(later);
    assert_eq!(serde_json::to_string(&saved).expect("plain data"), serde_json::to_string(&b.world).expect("plain data"));
}

#[test]
fn a_broken_or_foreign_state_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |text: &str| std::fs::write(directory.path().join("world.json"), text).expect("it can be written");
    write("{\"version\":1,");
    assert!(matches!(World::load(directory.path()), Err(WorldError::Broken { .. })));
    write("{\"version\":99}");
    assert!(matches!(World::load(directory.path()), Err(WorldError::Version { found: 99, .. })));
}

#[test]
fn faults_are_written_by_their_names() {
    use crate::world::Fault;
    for text in [
        "serviceStops: {host: hv-1, vm: web, service: RTCSRV}",
        "serviceStops: {host: hv-1, service: vmms}",
        "ruleDisabled: {host: hv-1, vm: web, rule: CS-RTCSRV}",
        "vmOff: {host: hv-1, vm: web}",
        "vmSaved: {host: hv-1, vm: web}",
        "vmDeleted: {host: hv-1, vm: web}",
        "nicUnplugged: {host: hv-1, vm: web, adapter: corpnet}",
        "nicRemoved: {host: hv-1, vm: web, adapter: corpnet}",
        "jobFails: {host: hv-1, kind: createDisk}",
        "guestUnreachable: {host: hv-1, vm: web, for: 30s}",
        "vmUntold: {host: hv-1, vm: web, for: 30s}",
        "memoryTaken: {host: hv-1, mib: 2048}",
        "fileLost: {host: hv-1, path: 'D:\\old.vhdx'}",
        "hostRestart: {host: hv-1}",
    ] {
        let fault: Fault = serde_saphyr::from_str(text).expect(text);
        let json = serde_json::to_string(&fault).expect("plain data");
        assert_eq!(serde_json::from_str::<Fault>(&json).expect(text), fault);
    }
    serde_saphyr::from_str::<Fault>("vmOff: {host: hv-1, vm: web, service: x}").expect_err("a key too many");
}
