//! Integration services that the host offers or does not.

use super::*;

fn id_of(vm: &CimPath, guid: &str) -> String {
    format!("Microsoft:{}\\{guid}", vm.key("Name").unwrap())
}

fn set(b: &mut Bench, name: &str, id: &str, state: u16) -> u32 {
    let setting = class(name).with("InstanceID", id).with("EnabledState", state);
    b.vsms("ModifyGuestServiceSettings", class("in").with("GuestServiceSettings", vec![setting])).return_value
}

const HEARTBEAT: &str = "84EAAE65-2F2E-45F5-9BB5-0E857DC8EB47";
const SHUTDOWN: &str = "9F8233AC-BE49-4C79-8EE3-E7E1985B2077";
const EXCHANGE: &str = "2A34B1C2-FD73-4043-8A5B-DD2159BC743F";
const INTERFACE: &str = "6C09BB55-D683-4DA0-8931-C9BF705F6480";

#[test]
fn all_are_on_but_the_guest_service_interface() {
    let mut b = Bench::new();
    let vm = b.define("web", 2);
    let mine = |o: &Object| o.path.key("InstanceID").unwrap().contains(vm.key("Name").unwrap());
    let of =
        |b: &mut Bench, name: &str| b.all(&V2, name).into_iter().find(mine).expect("settings").instance.unsigned("EnabledState").unwrap();
    for name in ["Heartbeat", "Shutdown", "KvpExchange", "TimeSync", "Vss"] {
        assert_eq!(of(&mut b, &format!("Msvm_{name}ComponentSettingData")), Some(2), "{name}");
    }
    assert_eq!(of(&mut b, "Msvm_GuestServiceInterfaceComponentSettingData"), Some(3));
    assert_eq!(set(&mut b, "Msvm_GuestServiceInterfaceComponentSettingData", &id_of(&vm, INTERFACE), 2), 0);
    assert_eq!(of(&mut b, "Msvm_GuestServiceInterfaceComponentSettingData"), Some(2));
}

#[test]
fn a_service_that_is_off_does_not_do_its_work() {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    b.boot(&vm, "192.168.0.50");
    for (name, guid) in [
        ("Msvm_HeartbeatComponentSettingData", HEARTBEAT),
        ("Msvm_ShutdownComponentSettingData", SHUTDOWN),
        ("Msvm_KvpExchangeComponentSettingData", EXCHANGE),
    ] {
        assert_eq!(set(&mut b, name, &id_of(&vm, guid), 3), 0, "{name}");
    }
    let status = |o: &Object| (o.instance.unsigned("EnabledState").unwrap(), o.instance.unsigneds("OperationalStatus").unwrap());
    assert_eq!(b.all(&V2, "Msvm_HeartbeatComponent").iter().map(status).collect::<Vec<_>>(), [(Some(3), vec![12, 12])]);
    let exchange = b.all(&V2, "Msvm_KvpExchangeComponent").pop().expect("it is there");
    assert_eq!(*exchange.instance.get("GuestIntrinsicExchangeItems"), CimValue::Null);
    let shutdown = b.all(&V2, "Msvm_ShutdownComponent").pop().expect("it is there").path;
    assert_eq!(b.invoke(&shutdown, "InitiateShutdown", class("in").with("Force", true)).return_value, 32780);
}

#[test]
fn a_setting_names_a_service_of_its_own_class_and_a_state() {
    let mut b = Bench::new();
    let vm = b.define("web", 2);
    assert_eq!(set(&mut b, "Msvm_HeartbeatComponentSettingData", &id_of(&vm, SHUTDOWN), 3), 32773, "another's");
    assert_eq!(set(&mut b, "Msvm_HeartbeatComponentSettingData", "Microsoft:none", 3), 32773);
    assert_eq!(set(&mut b, "Msvm_HeartbeatComponentSettingData", &id_of(&vm, HEARTBEAT), 9), 32773);
}

#[test]
fn a_service_that_the_system_inside_does_not_run_does_not_do_its_work() {
    let mut b = Bench::new();
    let corpnet = b.switch("Corpnet");
    let vm = b.appliance("web", "calls", &corpnet);
    b.boot(&vm, "192.168.0.50");
    let status = |b: &mut Bench| b.all(&V2, "Msvm_HeartbeatComponent")[0].instance.unsigneds("OperationalStatus").unwrap();
    let pairs = |b: &mut Bench| b.all(&V2, "Msvm_KvpExchangeComponent")[0].instance.get("GuestIntrinsicExchangeItems").clone();
    assert_eq!(status(&mut b), [2, 2]);
    assert_ne!(pairs(&mut b), CimValue::Null);
    let host = HostName::new("hv-1");
    let guest = b.world.host_mut(&host).and_then(|h| h.guest_mut(vm.key("Name").unwrap())).expect("it runs");
    for name in ["vmicheartbeat", "vmickvpexchange", "vmicshutdown"] {
        let spec = serde_json::json!({ "name": name, "startMode": "disabled" });
        guest.windows.services.push(crate::windows::service::Service::new(&serde_json::from_value(spec).expect("a service")));
    }
    assert_eq!(status(&mut b), [12, 12]);
    assert_eq!(pairs(&mut b), CimValue::Null);
    let shutdown = b.all(&V2, "Msvm_ShutdownComponent").pop().expect("the host offers it").path;
    assert_eq!(b.invoke(&shutdown, "InitiateShutdown", class("in").with("Force", true)).return_value, 32780);
}

#[test]
fn a_vm_says_when_its_configuration_last_changed() {
    let mut b = Bench::new();
    let vm = b.define("web", 2);
    let changed = |b: &mut Bench| {
        let all = b.all(&V2, "Msvm_ComputerSystem");
        let mine = all.into_iter().find(|o| o.path.key("Name") == vm.key("Name")).expect("it is there");
        mine.instance.get("TimeOfLastConfigurationChange").clone()
    };
    let before = changed(&mut b);
    b.wait(5);
    assert_eq!(changed(&mut b), before);
    assert_eq!(set(&mut b, "Msvm_HeartbeatComponentSettingData", &id_of(&vm, HEARTBEAT), 3), 0);
    assert_ne!(changed(&mut b), before);
}
