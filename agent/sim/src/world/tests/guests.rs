//! Guests: boot, services, rules, names, domains, what they tell their host.

use super::*;
use crate::world::Fault;

const CIMV2: Namespace = Namespace::CIMV2;

/// A bench whose hand is on a guest that runs `image`.
fn guest_of(image: &str) -> (Bench, CimPath) {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", image, &corpnet);
    b.at = b.boot(&vm, "192.168.0.50");
    (b, vm)
}

fn of_service(name: &str) -> CimPath {
    CimPath::class_of(CIMV2, "Win32_Service").with_key("Name", name)
}

fn state(b: &mut Bench, name: &str) -> (String, String) {
    let service = b.one(&CIMV2, "Win32_Service", "Name", name).instance;
    let text = |p: &str| service.text(p).unwrap().unwrap().to_owned();
    (text("State"), text("StartMode"))
}

fn says(b: &mut Bench, name: &str, state_: &str, mode: &str) {
    assert_eq!(state(b, name), (state_.to_owned(), mode.to_owned()), "{name}");
}

fn computer() -> CimPath {
    CimPath::class_of(CIMV2, "Win32_ComputerSystem").with_key("Name", "WIN-CALLS")
}

fn join(user: &str, password: &str) -> CimInstance {
    class("in").with("Name", "vdomain.local").with("UserName", user).with("Password", password).with("FJoinOptions", 3u32)
}

/// Restarts the system that the hand is on.
fn reboot(b: &mut Bench) {
    let system = b.all(&CIMV2, "Win32_OperatingSystem").remove(0).path;
    assert_eq!(b.invoke(&system, "Win32Shutdown", class("in").with("Flags", 6u32)).return_value, 0);
    assert!(b.world.machine_mut(&b.at.clone()).is_none(), "nothing answers on the way down");
    b.wait(60);
}

#[test]
fn a_guest_answers_once_it_has_booted_and_its_heart_beats_from_then() {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    let beat = |b: &mut Bench| {
        let all = b.all(&V2, "Msvm_HeartbeatComponent");
        all.first().map(|o| o.instance.get("OperationalStatus").elements()[0].as_u64().unwrap())
    };
    assert_eq!(beat(&mut b), None, "off");
    b.start(&vm);
    assert_eq!(beat(&mut b), Some(12), "no contact yet");
    let guest = b.guest(&vm);
    b.wait(89);
    assert!(b.world.machine_mut(&guest).is_none());
    b.wait(1);
    assert!(b.world.machine_mut(&guest).is_some());
    assert_eq!(beat(&mut b), Some(2));
    let paused = b.ask(&vm, 9);
    b.done(&paused);
    assert_eq!(beat(&mut b), Some(15));
    assert!(b.world.machine_mut(&guest).is_none(), "a paused system does not answer");
}

#[test]
fn a_first_boot_takes_longer_than_the_next() {
    let (mut b, vm) = guest_of("calls");
    b.at = MachineId::Host(HostName::new("hv-1"));
    let off = b.ask(&vm, 3);
    b.done(&off);
    b.start(&vm);
    let guest = b.guest(&vm);
    b.wait(39);
    assert!(b.world.machine_mut(&guest).is_none());
    b.wait(1);
    assert!(b.world.machine_mut(&guest).is_some());
}

#[test]
fn a_guest_tells_its_host_who_it_is() {
    let (mut b, vm) = guest_of("calls");
    let thumbprint = b.world.certificate(&b.guest(&vm)).expect("a listener").thumbprint.clone();
    b.at = MachineId::Host(HostName::new("hv-1"));
    let component = b.all(&V2, "Msvm_KvpExchangeComponent").remove(0).instance;
    let items = |property: &str| {
        let of = |v: &CimValue| match v {
            CimValue::Instance(i) => (i.text("Name").unwrap().unwrap().to_owned(), i.text("Data").unwrap().unwrap().to_owned()),
            other => panic!("{other:?}"),
        };
        component.get(property).elements().iter().map(of).collect::<std::collections::BTreeMap<_, _>>()
    };
    assert_eq!(items("GuestExchangeItems")["trunkline.listener"], thumbprint);
    assert_eq!(items("GuestExchangeItems")["role"], "calls");
    assert_eq!(items("GuestIntrinsicExchangeItems")["NetworkAddressIPv4"], "192.168.0.50");
    assert_eq!(items("GuestIntrinsicExchangeItems")["FullyQualifiedDomainName"], "WIN-CALLS");
}

#[test]
fn the_host_hands_items_in_once_each() {
    let (mut b, vm) = guest_of("calls");
    b.at = MachineId::Host(HostName::new("hv-1"));
    let input = |data: &str| {
        let item = class("Msvm_KvpExchangeDataItem").with("Name", "order").with("Data", data).with("Source", 0u16);
        class("in").with("TargetSystem", vm.clone()).with("DataItems", vec![item])
    };
    assert_eq!(b.vsms("ModifyKvpItems", input("x")).return_value, 32773, "not there");
    let output = b.vsms("AddKvpItems", input("one"));
    b.done(&output);
    assert_eq!(b.vsms("AddKvpItems", input("one")).return_value, 32773, "there already");
    let output = b.vsms("ModifyKvpItems", input("two"));
    b.done(&output);
    let items = |b: &mut Bench| {
        b.all(&V2, "Msvm_KvpExchangeComponentSettingData").pop().unwrap().instance.get("HostExchangeItems").elements().len()
    };
    assert_eq!(items(&mut b), 1);
    let output = b.vsms("RemoveKvpItems", input(""));
    b.done(&output);
    assert_eq!(items(&mut b), 0);
}

#[test]
fn addresses_are_injected_only_into_a_system_that_is_up() {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    let id = b.all(&V2, "Msvm_GuestNetworkAdapterConfiguration").pop().unwrap().instance.text("InstanceID").unwrap().unwrap().to_owned();
    let configuration = class("Msvm_GuestNetworkAdapterConfiguration").with("InstanceID", id);
    let good = configuration.clone().with("IPAddresses", vec!["10.0.0.1"]).with("Subnets", vec!["255.0.0.0"]);
    let bad = configuration.with("IPAddresses", vec!["10.0.0.999"]).with("Subnets", vec!["255.0.0.0"]);
    let input = |c: CimInstance| class("in").with("ComputerSystem", vm.clone()).with("NetworkConfiguration", vec![c]);
    assert_eq!(b.vsms("SetGuestNetworkAdapterConfiguration", input(good.clone())).return_value, 32775);
    b.start(&vm);
    b.wait(91);
    assert_eq!(b.vsms("SetGuestNetworkAdapterConfiguration", input(bad)).return_value, 32773);
    assert_eq!(b.vsms("SetGuestNetworkAdapterConfiguration", input(good)).return_value, 4096);
}

#[test]
fn after_a_boot_automatic_services_run_and_manual_ones_do_not() {
    let (mut b, _) = guest_of("calls");
    says(&mut b, "RTCSRV", "Running", "Auto");
    says(&mut b, "Spooler", "Stopped", "Manual");
    says(&mut b, "RTCMEDSRV", "Stopped", "Auto");
    let manual = class("in").with("StartMode", "Manual");
    assert_eq!(b.invoke(&of_service("RTCSRV"), "ChangeStartMode", manual).return_value, 0);
    assert_eq!(b.invoke(&of_service("Spooler"), "StartService", class("in")).return_value, 0);
    reboot(&mut b);
    says(&mut b, "RTCSRV", "Stopped", "Manual");
    says(&mut b, "Spooler", "Stopped", "Manual");
}

#[test]
fn services_start_and_stop_in_their_own_time() {
    let (mut b, _) = guest_of("calls");
    let target = of_service("RTCSRV");
    let ask = |b: &mut Bench, method: &str| b.invoke(&target, method, class("in")).return_value;
    assert_eq!(ask(&mut b, "StartService"), 10, "runs already");
    assert_eq!(ask(&mut b, "StopService"), 0);
    says(&mut b, "RTCSRV", "Stop Pending", "Auto");
    assert_eq!(ask(&mut b, "StopService"), 5, "is stopping already");
    b.wait(1);
    says(&mut b, "RTCSRV", "Stopped", "Auto");
    assert_eq!(ask(&mut b, "StopService"), 6, "is stopped already");
    assert_eq!(ask(&mut b, "StartService"), 0);
    says(&mut b, "RTCSRV", "Start Pending", "Auto");
    b.wait(3);
    says(&mut b, "RTCSRV", "Running", "Auto");
}

#[test]
fn a_dead_service_is_started_again_where_windows_has_orders_for_that() {
    let (mut b, _) = guest_of("calls");
    for service in ["Restless", "RTCSRV"] {
        let fault = Fault::ServiceStops { host: HostName::new("hv-1"), vm: Some("web".to_owned()), service: service.to_owned() };
        b.world.apply(fault).expect("it runs");
        says(&mut b, service, "Stopped", "Auto");
    }
    b.wait(5);
    says(&mut b, "Restless", "Start Pending", "Auto");
    b.wait(2);
    says(&mut b, "Restless", "Running", "Auto");
    says(&mut b, "RTCSRV", "Stopped", "Auto");
}

#[test]
fn a_method_of_an_instance_that_is_not_there_finds_nothing() {
    let (mut b, _) = guest_of("calls");
    let other = CimPath::class_of(CIMV2, "Win32_ComputerSystem").with_key("Name", "ANOTHER");
    let refused = b.try_invoke(&other, "Rename", &class("in").with("Name", "X1")).expect_err("another computer");
    assert_eq!(refused.code.hresult(), 0x8004_1002);
}

#[test]
fn a_service_refuses_odd_modes_disabled_starts_and_unknown_names() {
    let (mut b, _) = guest_of("calls");
    let mode = |m: &str| class("in").with("StartMode", m);
    assert_eq!(b.invoke(&of_service("Spooler"), "ChangeStartMode", mode("Auto")).return_value, 21, "the property's word");
    assert_eq!(b.invoke(&of_service("Spooler"), "ChangeStartMode", mode("Disabled")).return_value, 0);
    assert_eq!(b.invoke(&of_service("Spooler"), "StartService", class("in")).return_value, 14);
    let refused = b.try_invoke(&of_service("Nothing"), "StartService", &class("in")).expect_err("no such service");
    assert_eq!(refused.code.hresult(), 0x8004_1002);
    assert_eq!(b.invoke(&of_service("RTCMEDSRV"), "StartService", class("in")).return_value, 15, "its account is a domain's");
}

#[test]
fn a_rule_is_disabled_and_enabled_by_method_and_by_put() {
    let (mut b, _) = guest_of("calls");
    let std = Namespace::STANDARD_CIMV2;
    let rule = b.one(&std, "MSFT_NetFirewallRule", "InstanceID", "CS-RTCSRV").path;
    let enabled = |b: &mut Bench| b.one(&std, "MSFT_NetFirewallRule", "InstanceID", "CS-RTCSRV").instance.unsigned("Enabled").unwrap();
    assert_eq!(enabled(&mut b), Some(1));
    let short = CimPath::class_of(std.clone(), "MSFT_NetFirewallRule").with_key("InstanceID", "CS-RTCSRV");
    b.invoke(&short, "Disable", class("in"));
    assert_eq!(enabled(&mut b), Some(2));
    let at = b.at.clone();
    let change = class("MSFT_NetFirewallRule").with("Enabled", 1u16);
    b.world.machine_mut(&at).expect("it runs").put(&rule, &change).expect("it can be written");
    assert_eq!(enabled(&mut b), Some(1));
    let wrong = class("MSFT_NetFirewallRule").with("Enabled", 7u16);
    b.world.machine_mut(&at).expect("it runs").put(&rule, &wrong).expect_err("no such value");
}

#[test]
fn a_new_name_counts_after_the_next_boot() {
    let (mut b, _) = guest_of("calls");
    let rename = |name: &str| class("in").with("Name", name);
    assert_eq!(b.invoke(&computer(), "Rename", rename("a-name-far-too-long")).return_value, 1210);
    assert_eq!(b.invoke(&computer(), "Rename", rename("SEA-1-CMS")).return_value, 0);
    let name = |b: &mut Bench| b.all(&CIMV2, "Win32_ComputerSystem")[0].instance.text("DNSHostName").unwrap().unwrap().to_owned();
    assert_eq!(name(&mut b), "WIN-CALLS");
    reboot(&mut b);
    assert_eq!(name(&mut b), "SEA-1-CMS");
}

#[test]
fn a_reboot_is_seen_in_the_time_of_the_last_boot() {
    let (mut b, _) = guest_of("calls");
    let booted = |b: &mut Bench| b.all(&CIMV2, "Win32_OperatingSystem")[0].instance.get("LastBootUpTime").clone();
    let before = booted(&mut b);
    reboot(&mut b);
    assert_ne!(booted(&mut b), before);
}

#[test]
fn a_guest_joins_the_domain_that_its_dns_server_leads_to() {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let directory = b.appliance("ad", "directory", &corpnet);
    b.boot(&directory, "192.168.0.40");
    let vm = b.appliance("cms", "calls", &corpnet);
    let guest = b.boot(&vm, "192.168.0.50");
    let (host, admin) = (b.at.clone(), "VDOMAIN\\Administrator");

    b.at = guest.clone();
    assert_eq!(b.invoke(&computer(), "JoinDomainOrWorkgroup", join(admin, "domain")).return_value, 1355, "no DNS server");
    b.at = host.clone();
    b.inject(&vm, "192.168.0.50", &["192.168.0.40"]);
    b.at = guest;
    assert_eq!(b.invoke(&computer(), "JoinDomainOrWorkgroup", join(admin, "wrong")).return_value, 1326);
    assert_eq!(b.invoke(&computer(), "UnjoinDomainOrWorkgroup", class("in")).return_value, 2692);
    assert_eq!(b.invoke(&computer(), "JoinDomainOrWorkgroup", join(admin, "domain")).return_value, 0);
    assert_eq!(b.invoke(&computer(), "JoinDomainOrWorkgroup", join(admin, "domain")).return_value, 2691);
    let part = |b: &mut Bench| b.all(&CIMV2, "Win32_ComputerSystem")[0].instance.boolean("PartOfDomain").unwrap();
    assert_eq!(part(&mut b), Some(false));
    reboot(&mut b);
    assert_eq!(part(&mut b), Some(true));
    says(&mut b, "RTCMEDSRV", "Running", "Auto");
    assert_eq!(b.invoke(&computer().with_key("Name", "WIN-CALLS"), "UnjoinDomainOrWorkgroup", class("in")).return_value, 0);
}

#[test]
fn a_directory_that_is_off_is_no_domain() {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let directory = b.appliance("ad", "directory", &corpnet);
    b.boot(&directory, "192.168.0.40");
    let vm = b.appliance("cms", "calls", &corpnet);
    let guest = b.boot(&vm, "192.168.0.50");
    b.inject(&vm, "192.168.0.50", &["192.168.0.40"]);
    b.world.apply(Fault::VmOff { host: HostName::new("hv-1"), vm: "ad".to_owned() }).expect("it runs");
    b.at = guest;
    assert_eq!(b.invoke(&computer(), "JoinDomainOrWorkgroup", join("Administrator", "domain")).return_value, 1355);
}

#[test]
fn addresses_are_set_from_inside_with_windowss_own_codes() {
    let (mut b, _) = guest_of("calls");
    let target = b.all(&CIMV2, "Win32_NetworkAdapterConfiguration").remove(0).path;
    let fixed = |a: &str, m: &str| class("in").with("IPAddress", vec![a]).with("SubnetMask", vec![m]);
    assert_eq!(b.invoke(&target, "EnableStatic", fixed("nonsense", "255.255.255.0")).return_value, 70);
    assert_eq!(b.invoke(&target, "EnableStatic", fixed("10.0.0.1", "255.0.255.0")).return_value, 66);
    assert_eq!(b.invoke(&target, "SetGateways", class("in").with("DefaultIPGateway", vec!["x"])).return_value, 71);
    assert_eq!(b.invoke(&target, "EnableStatic", fixed("192.168.0.51", "255.255.255.0")).return_value, 0);
    assert_eq!(
        b.invoke(&target, "SetDNSServerSearchOrder", class("in").with("DNSServerSearchOrder", vec!["192.168.0.40"])).return_value,
        0
    );
    let view = b.all(&CIMV2, "Win32_NetworkAdapterConfiguration").remove(0).instance;
    assert_eq!(view.texts("IPAddress").unwrap(), ["192.168.0.51"]);
    assert_eq!(view.texts("IPSubnet").unwrap(), ["255.255.255.0"]);
    assert_eq!(view.texts("DNSServerSearchOrder").unwrap(), ["192.168.0.40"]);
    let servers = b.all(&Namespace::STANDARD_CIMV2, "MSFT_DNSClientServerAddress").remove(0).instance;
    assert_eq!(servers.texts("ServerAddresses").unwrap(), ["192.168.0.40"]);
}

#[test]
fn the_host_shuts_a_guest_down_and_reboots_it_through_its_component() {
    let (mut b, vm) = guest_of("calls");
    b.at = MachineId::Host(HostName::new("hv-1"));
    let component = b.all(&V2, "Msvm_ShutdownComponent").remove(0).path;
    let input = || class("in").with("Force", false).with("Reason", "test");
    assert_eq!(b.invoke(&component, "InitiateReboot", input()).return_value, 0);
    assert_eq!(b.invoke(&component, "InitiateShutdown", input()).return_value, 32782, "on its way already");
    b.wait(16);
    assert_eq!(b.invoke(&component, "InitiateShutdown", input()).return_value, 32780, "still booting");
    b.wait(40);
    assert_eq!(b.invoke(&component, "InitiateShutdown", input()).return_value, 0);
    b.wait(15);
    assert_eq!(b.state(&vm), 3);
    assert_eq!(b.try_invoke(&component, "InitiateShutdown", &input()).expect_err("gone with the power").code.hresult(), 0x8004_1002);
}

#[test]
fn the_registry_tells_names_joins_and_items_before_and_after_a_boot() {
    let (mut b, vm) = guest_of("calls");
    let registry = CimPath::class_of(CIMV2, "StdRegProv");
    let input = |key: &str| class("in").with("hDefKey", 2_147_483_650u32).with("sSubKeyName", key);
    let read = |b: &mut Bench, key: &str, name: &str| {
        let output = b.invoke(&registry, "GetStringValue", input(key).with("sValueName", name));
        (output.return_value, output.out.text("sValue").unwrap().map(str::to_owned))
    };
    let (active, next) = (
        r"SYSTEM\CurrentControlSet\Control\ComputerName\ActiveComputerName",
        r"system\currentcontrolset\control\computername\ComputerName",
    );
    b.invoke(&computer(), "Rename", class("in").with("Name", "SEA-1-CMS"));
    assert_eq!(read(&mut b, active, "ComputerName"), (0, Some("WIN-CALLS".to_owned())));
    assert_eq!(read(&mut b, next, "ComputerName"), (0, Some("SEA-1-CMS".to_owned())));
    assert_eq!(read(&mut b, next, "Nothing"), (2, None));
    reboot(&mut b);
    assert_eq!(read(&mut b, active, "ComputerName"), (0, Some("SEA-1-CMS".to_owned())));

    let keys = b.invoke(&registry, "EnumKey", input(r"SYSTEM\CurrentControlSet\Services\Netlogon"));
    assert_eq!(keys.out.texts("sNames").unwrap(), ["Parameters"]);
    assert_eq!(b.invoke(&registry, "EnumKey", input("SOFTWARE\\Nobody")).return_value, 2);
    let denied = b.invoke(&registry, "SetStringValue", input(next).with("sValueName", "ComputerName").with("sValue", "X"));
    assert_eq!(denied.return_value, 5);

    let items = input(r"SOFTWARE\Microsoft\Virtual Machine\Guest");
    assert_eq!(b.invoke(&registry, "SetStringValue", items.with("sValueName", "phase").with("sValue", "done")).return_value, 0);
    b.at = MachineId::Host(HostName::new("hv-1"));
    let component = b.all(&V2, "Msvm_KvpExchangeComponent").remove(0).instance;
    let has = |v: &CimValue| matches!(v, CimValue::Instance(i) if i.text("Name") == Ok(Some("phase")));
    assert!(component.get("GuestExchangeItems").elements().iter().any(has));
    assert_eq!(b.state(&vm), 2);
}
