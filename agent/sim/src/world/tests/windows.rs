//! What every Windows has beside services and names: registry, updates, Defender, calls, clocks.

use std::time::Duration;

use super::*;

const CIMV2: Namespace = Namespace::CIMV2;

/// A bench whose hand is on a host that is set up with `setup`.
fn host_with(setup: &str) -> Bench {
    Bench::of(&WORLD.replacen("    sockets: 2\n", &format!("    sockets: 2\n    services: [{{name: Calls}}]\n    setup: {{{setup}}}\n"), 1))
}

fn of_class(namespace: &Namespace, name: &str) -> CimPath {
    CimPath::class_of(namespace.clone(), name)
}

fn at(key: &str, value: &str) -> CimInstance {
    class("in").with("hDefKey", 0x8000_0002_u32).with("sSubKeyName", key).with("sValueName", value)
}

#[test]
fn the_registry_is_one_in_both_of_its_namespaces() {
    let mut b = host_with(r"registry: [{key: 'SOFTWARE\Contoso', values: {Size: {number: 7}}}]");
    let [one, other] = [CIMV2, Namespace::DEFAULT].map(|namespace| of_class(&namespace, "StdRegProv"));
    assert_eq!(b.invoke(&one, "GetDWORDValue", at(r"software\contoso", "SIZE")).out.unsigned("uValue"), Ok(Some(7)));
    let set = at(r"SOFTWARE\Contoso", "Size").with("uValue", 8u32);
    assert_eq!(b.invoke(&other, "SetDWORDValue", set).return_value, 0);
    assert_eq!(b.invoke(&one, "GetDWORDValue", at(r"SOFTWARE\Contoso", "Size")).out.unsigned("uValue"), Ok(Some(8)));
}

#[test]
fn the_registry_answers_with_windows_error_codes() {
    let mut b = host_with("");
    let registry = of_class(&CIMV2, "StdRegProv");
    let mut code = |method: &str, input: CimInstance| b.invoke(&registry, method, input).return_value;
    assert_eq!(code("GetStringValue", at(r"SOFTWARE\Nothing", "x")), 2);
    assert_eq!(code("GetDWORDValue", at(r"SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName", "ComputerName")), 0x8004_1005);
    assert_eq!(code("SetDWORDValue", at(r"SOFTWARE\Nothing", "x").with("uValue", 1u32)), 2);
    assert_eq!(code("SetDWORDValue", at("SOFTWARE", "x")), 87);
    assert_eq!(code("EnumKey", class("in").with("hDefKey", 7u32).with("sSubKeyName", "SOFTWARE")), 6);
    assert_eq!(code("EnumKey", class("in").with("hDefKey", 0x8000_0001_u32).with("sSubKeyName", "SOFTWARE")), 2);
    assert_eq!(code("DeleteKey", at("SOFTWARE", "")), 5);
}

#[test]
fn calls_run_off_while_their_service_is_paused_and_come_back_when_it_goes_on() {
    let mut b = host_with("calls: {service: Calls, active: 3, each: 10s, counters: [{class: Win32_PerfRawData_Calls, property: Now}]}");
    let service = of_class(&CIMV2, "Win32_Service").with_key("Name", "Calls");
    let count = |b: &mut Bench| b.all(&CIMV2, "Win32_PerfRawData_Calls").remove(0).instance.unsigned("Now").unwrap().unwrap();
    assert_eq!(count(&mut b), 3);
    b.invoke(&service, "PauseService", class("in"));
    b.wait(9);
    assert_eq!(count(&mut b), 3);
    b.wait(12);
    assert_eq!(count(&mut b), 1);
    b.wait(100);
    assert_eq!(count(&mut b), 0);
    b.invoke(&service, "ResumeService", class("in"));
    assert_eq!(count(&mut b), 3);
    b.invoke(&service, "StopService", class("in"));
    b.wait(2);
    assert_eq!(count(&mut b), 0, "stopped, they are cut");
    let missing = b.world.machine_mut(&b.at.clone()).unwrap().instances(&CIMV2, "Win32_PerfRawData_Other").unwrap_err();
    assert_eq!(missing.code, WmiCode::InvalidClass);
}

#[test]
fn windows_s_own_services_cannot_be_paused() {
    let mut b = host_with("");
    let service = of_class(&CIMV2, "Win32_Service").with_key("Name", "vmms");
    assert_eq!(b.invoke(&service, "PauseService", class("in")).return_value, 4);
}

#[test]
fn a_scan_goes_on_without_its_caller_and_the_next_one_joins_it() {
    let mut b = host_with("updates: {scanTakes: 60s, offered: [{kb: KB1}]}");
    let operations = of_class(&Namespace::WINDOWS_UPDATE, "MSFT_WUOperations");
    let scan = |b: &mut Bench| b.invoke(&operations, "ScanForUpdates", class("in").with("SearchCriteria", "IsInstalled=0")).takes;
    assert_eq!(scan(&mut b), Duration::from_secs(60));
    b.wait(45);
    assert_eq!(scan(&mut b), Duration::from_secs(15));
    b.wait(20);
    assert_eq!(scan(&mut b), Duration::ZERO);
    b.wait(700);
    assert_eq!(scan(&mut b), Duration::from_secs(60), "after a while it looks anew");
}

#[test]
fn an_installation_that_is_cut_by_a_restart_is_not_in_force() {
    let mut b = host_with("updates: {scanTakes: 1s, offered: [{kb: KB1, takes: 300s}]}");
    let operations = of_class(&Namespace::WINDOWS_UPDATE, "MSFT_WUOperations");
    let offered = b.invoke(&operations, "ScanForUpdates", class("in")).out.get("Updates").clone();
    let installed = b.invoke(&operations, "InstallUpdates", class("in").with("Updates", offered));
    assert_eq!((installed.return_value, installed.takes), (0, Duration::from_secs(300)));
    let again = class("in").with("Updates", vec![class("MSFT_WUUpdate").with("UpdateID", "nobody's")]);
    assert_eq!(b.invoke(&operations, "InstallUpdates", again).return_value, 0x8024_0022);
    b.wait(10);
    let system = b.all(&CIMV2, "Win32_OperatingSystem").remove(0).path;
    b.invoke(&system, "Reboot", class("in"));
    b.wait(600);
    assert!(b.all(&CIMV2, "Win32_QuickFixEngineering").is_empty());
    assert_ne!(*b.invoke(&operations, "ScanForUpdates", class("in")).out.get("Updates"), CimValue::Null, "it is still offered");
}

#[test]
fn what_is_not_installed_has_no_namespace_and_what_is_of_another_version_no_class() {
    let mut b = host_with("defender: null");
    let mut code = |namespace: Namespace, name: &str| {
        b.world.machine_mut(&b.at.clone()).unwrap().instances(&namespace, name).map(|_| ()).map_err(|error| error.code)
    };
    assert_eq!(code(Namespace::DEFENDER, "MSFT_MpPreference"), Err(WmiCode::InvalidNamespace));
    assert_eq!(code(Namespace::WINDOWS_UPDATE, "MSFT_WUOperationsSession"), Err(WmiCode::InvalidClass));
    assert_eq!(code(Namespace::WINDOWS_UPDATE, "MSFT_WUOperations"), Ok(()));
}

#[test]
fn tamper_protection_swallows_changes() {
    let exclusions =
        |b: &mut Bench| b.all(&Namespace::DEFENDER, "MSFT_MpPreference").remove(0).instance.get("ExclusionPath").elements().len();
    let add = || class("in").with("ExclusionPath", vec![r"D:\Ours"]);
    let preference = of_class(&Namespace::DEFENDER, "MSFT_MpPreference");
    let mut open = host_with("");
    assert_eq!((open.invoke(&preference, "Add", add()).return_value, exclusions(&mut open)), (0, 1));
    let mut closed = host_with("defender: {tamperProtection: true}");
    assert_eq!((closed.invoke(&preference, "Add", add()).return_value, exclusions(&mut closed)), (0, 0));
}

#[test]
fn a_clock_that_is_ahead_says_so_and_its_utc_is_as_wrong() {
    let mut b = host_with("clock: {ahead: 90s, zone: Pacific Standard Time, bias: -480}");
    let now = b.world.now() + SignedDuration::from_secs(90);
    let system = b.all(&CIMV2, "Win32_OperatingSystem").remove(0).instance;
    assert_eq!(*system.get("LocalDateTime"), CimValue::Datetime(wsman::cim::CimDatetime::Instant(now)));
    assert_eq!(*system.get("CurrentTimeZone"), CimValue::Signed(-480));
    let utc = b.all(&CIMV2, "Win32_UTCTime").remove(0).instance;
    assert_eq!((utc.unsigned("Minute"), utc.unsigned("Second")), (Ok(Some(1)), Ok(Some(30))));
}
