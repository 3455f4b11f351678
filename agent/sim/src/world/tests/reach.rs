//! Who answers where, who is let in, and what accidents do.

use super::*;
use crate::world::Fault;

fn host() -> HostName {
    HostName::new("hv-1")
}

fn on_other_host() -> Place {
    Place::OnHost(HostName::new("hv-2"))
}

#[test]
fn a_host_answers_on_its_own_addresses_from_everywhere() {
    let b = Bench::new();
    for place in [b.on_host(), on_other_host(), Place::Remote] {
        assert_eq!(b.who(&place, "192.168.0.11"), Some(MachineId::Host(host())), "{place:?}");
    }
    assert_eq!(b.who(&b.on_host(), "127.0.0.1"), Some(MachineId::Host(host())));
    assert_eq!(b.who(&Place::Remote, "127.0.0.1"), None);
    assert_eq!(b.world.machine_at(&Place::Remote, "192.168.0.11".parse().unwrap(), 443), None, "another port");
}

#[test]
fn a_guest_on_an_internal_switch_answers_its_own_host_only() {
    let mut b = Bench::new();
    let switch = b.management_switch();
    let vm = b.appliance("web", "calls", &switch);
    let guest = b.boot(&vm, "192.168.213.10");
    assert_eq!(b.who(&b.on_host(), "192.168.213.10"), Some(guest.clone()));
    assert_eq!(b.who(&on_other_host(), "192.168.213.10"), None);
    assert_eq!(b.who(&Place::Remote, "192.168.213.10"), None);
    assert_eq!(b.world.machine_at(&b.on_host(), "192.168.213.10".parse().unwrap(), 5985), None, "guests speak TLS only");
    b.inject(&vm, "192.168.99.10", &[]);
    assert_eq!(b.who(&b.on_host(), "192.168.99.10"), None, "another subnet");
    assert!(b.world.endpoints().iter().all(|e| e.machine != guest));
}

#[test]
fn a_guest_on_an_external_switch_answers_from_outside_and_from_every_host_on_that_network() {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    let guest = b.boot(&vm, "192.168.0.50");
    for place in [b.on_host(), on_other_host(), Place::Remote] {
        assert_eq!(b.who(&place, "192.168.0.50"), Some(guest.clone()), "{place:?}");
    }
    let places: Vec<_> = b.world.endpoints().into_iter().filter(|e| e.machine == guest).map(|e| (e.from, e.port)).collect();
    assert_eq!(places.len(), 3);
}

#[test]
fn an_unplugged_guest_does_not_answer_and_answers_again_when_plugged() {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    let guest = b.boot(&vm, "192.168.0.50");
    b.world.apply(Fault::NicUnplugged { host: host(), vm: "web".to_owned(), adapter: "corpnet".to_owned() }).expect("it is plugged");
    assert_eq!(b.who(&b.on_host(), "192.168.0.50"), None);
    assert!(b.world.machine_mut(&guest).is_some(), "it runs on");
    let cables = b.all(&V2, "Msvm_EthernetPortAllocationSettingData");
    let name = vm.key("Name").unwrap();
    let cable = cables.iter().find(|o| o.instance.text("InstanceID").unwrap().is_some_and(|id| id.contains(name))).expect("a cable");
    assert_eq!(cable.instance.unsigned("EnabledState").unwrap(), Some(3));
    let id = cable.instance.text("InstanceID").unwrap().unwrap();
    let change = class("Msvm_EthernetPortAllocationSettingData").with("InstanceID", id).with("EnabledState", 2u16);
    assert_eq!(b.vsms("ModifyResourceSettings", class("in").with("ResourceSettings", vec![change])).return_value, 0);
    assert_eq!(b.who(&b.on_host(), "192.168.0.50"), Some(guest));
}

#[test]
fn machines_let_in_whom_they_know() {
    let mut b = Bench::new();
    let at_host = MachineId::Host(host());
    assert!(b.world.accepts(&at_host, "operator", "host"));
    assert!(b.world.accepts(&at_host, "HV01\\Operator", "host"));
    assert!(!b.world.accepts(&at_host, "operator", "wrong"));
    assert!(!b.world.accepts(&at_host, "OTHER\\operator", "host"));
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("ad", "directory", &corpnet);
    assert!(!b.world.accepts(&b.guest(&vm), "Administrator", "guest"), "it is off");
    let guest = b.boot(&vm, "192.168.0.40");
    assert!(b.world.accepts(&guest, "Administrator", "guest"));
    assert!(b.world.accepts(&guest, "VDOMAIN\\Administrator", "domain"), "a directory's accounts are its domain's");
}

#[test]
fn accidents_show_as_they_would_on_a_real_host() {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    let guest = b.boot(&vm, "192.168.0.50");
    let web = || "web".to_owned();
    b.world.apply(Fault::ServiceStops { host: host(), vm: Some(web()), service: "RTCSRV".to_owned() }).expect("it runs");
    b.world.apply(Fault::RuleDisabled { host: host(), vm: Some(web()), rule: "cs-rtcsrv".to_owned() }).expect("it is there");
    let at_host = std::mem::replace(&mut b.at, guest.clone());
    let service = b.one(&Namespace::CIMV2, "Win32_Service", "Name", "RTCSRV").instance;
    assert_eq!((service.text("State").unwrap(), service.unsigned("ExitCode").unwrap()), (Some("Stopped"), Some(1067)));
    let rule = b.one(&Namespace::STANDARD_CIMV2, "MSFT_NetFirewallRule", "InstanceID", "CS-RTCSRV").instance;
    assert_eq!(rule.unsigned("Enabled").unwrap(), Some(2));
    b.at = at_host;

    b.world.apply(Fault::GuestUnreachable { host: host(), vm: web(), length: SignedDuration::from_secs(30) }).expect("it is there");
    assert_eq!(b.who(&b.on_host(), "192.168.0.50"), None);
    b.wait(30);
    assert_eq!(b.who(&b.on_host(), "192.168.0.50"), Some(guest));

    b.world.apply(Fault::VmUntold { host: host(), vm: web(), length: SignedDuration::from_secs(30) }).expect("it is there");
    let settings = |b: &mut Bench| b.all(&V2, "Msvm_VirtualSystemSettingData").len();
    let without = settings(&mut b);
    assert_eq!(b.state(&vm), 2, "its state is told");
    b.wait(30);
    assert_eq!(settings(&mut b), without + 1);

    b.world.apply(Fault::VmSaved { host: host(), vm: web() }).expect("it runs");
    assert_eq!(b.state(&vm), 6);
    b.start(&vm);
    b.world.apply(Fault::VmOff { host: host(), vm: web() }).expect("it runs");
    assert_eq!(b.state(&vm), 3);
    b.world.apply(Fault::VmOff { host: host(), vm: web() }).expect_err("it is off");
    b.world.apply(Fault::VmDeleted { host: host(), vm: web() }).expect("it is off");
    b.world.apply(Fault::VmOff { host: host(), vm: web() }).expect_err("it is gone");
    b.world.apply(Fault::HostRestart { host: HostName::new("hv-9") }).expect_err("no such host");
}

#[test]
fn a_restarting_host_answers_nobody_loses_its_jobs_and_brings_its_vms_back() {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    let guest = b.boot(&vm, "192.168.0.50");
    let other = b.define("other", 2);
    b.ask(&other, 2);
    b.world.apply(Fault::HostRestart { host: host() }).expect("it is there");
    assert!(b.world.machine_mut(&MachineId::Host(host())).is_none());
    assert!(b.world.machine_mut(&guest).is_none());
    assert_eq!(b.who(&Place::Remote, "192.168.0.11"), None);
    b.wait(60);
    b.world.apply(Fault::HostRestart { host: host() }).expect("once more, on its way up");
    b.wait(183);
    assert_eq!(b.state(&vm), 2, "saved, and started because it ran before");
    assert_eq!(b.who(&Place::Remote, "192.168.0.50"), Some(guest));
    assert_eq!(b.state(&other), 3, "its start was lost");
}

#[test]
fn only_calls_that_change_something_make_the_world_dirty() {
    let mut b = Bench::new();
    let vm = b.define("web", 2);
    let before = b.world.dirty();
    assert_eq!(b.ask(&vm, 9).return_value, 4097);
    b.all(&V2, "Msvm_ComputerSystem");
    let images = service("Msvm_ImageManagementService");
    assert_eq!(b.invoke(&images, "GetVirtualHardDiskState", class("in").with("Path", "D:\\old.vhdx")).return_value, 0);
    assert_eq!(b.world.dirty(), before);
    b.ask(&vm, 2);
    assert!(b.world.dirty() > before);
}
