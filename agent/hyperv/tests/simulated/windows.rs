//! Windows's own capabilities over the wire: read, changed, refused.

use std::time::Duration;

use jiff::SignedDuration;
use model::condition::{Disposition, Reason};
use model::desired::CallCounter;
use model::seen::{Cause, Seen};
use plan::fixtures::of;
use trunkline_hyperv::windows::certificate::{Blob, Store};
use trunkline_hyperv::windows::defender::Exclusions;
use trunkline_hyperv::windows::domain::{Account, Membership, OldAccount};
use trunkline_hyperv::windows::event_log::Severity;
use trunkline_hyperv::windows::feature::FeatureState;
use trunkline_hyperv::windows::registry::{Access, Data, Kind};
use trunkline_hyperv::windows::update::{RestartCause, Update};
use trunkline_hyperv::windows::{Windows, WindowsError};
use wsman::Secret;

use crate::bench::{ADDRESS, Bench, chain, host_id};

/// The host's Windows, set up with `setup` (the inside of a YAML map).
fn host_with(setup: &str) -> (Bench, Windows) {
    let accounts = "accounts: [{user: trunkline, password: right}]\n    volumes";
    let bench = Bench::with(accounts, &format!("accounts: [{{user: trunkline, password: right}}]\n    setup: {{{setup}}}\n    volumes"));
    let windows = bench.host.windows();
    (bench, windows)
}

fn told<T>(result: Result<T, WindowsError>) -> T {
    result.unwrap_or_else(|error| panic!("{}", chain(&error)))
}

fn refused<T: std::fmt::Debug>(result: Result<T, WindowsError>) -> WindowsError {
    result.expect_err("it is refused")
}

#[tokio::test(start_paused = true)]
async fn every_type_of_value_is_written_and_read_back() {
    let (_bench, windows) = host_with("");
    let (registry, key) = (windows.registry(), r"SOFTWARE\Trunkline\Test");
    told(registry.create_key(key).await);
    let all = [
        ("text", Data::Text("Grüße & <b>".to_owned())),
        ("path", Data::ExpandedText(r"%SystemRoot%\x".to_owned())),
        ("octets", Data::Binary(vec![0, 1, 127, 128, 255])),
        ("number", Data::Number(u32::MAX)),
        ("texts", Data::Texts(vec!["a".to_owned(), "b".to_owned()])),
        ("wide", Data::WideNumber(u64::MAX)),
    ];
    for (name, data) in &all {
        told(registry.set(key, name, data).await);
    }
    assert_eq!(registry.text(key, "text").await.unwrap().as_deref(), Some("Grüße & <b>"));
    assert_eq!(registry.expanded_text(key, "path").await.unwrap().as_deref(), Some(r"C:\Windows\x"));
    assert_eq!(registry.binary(key, "octets").await.unwrap(), Some(vec![0, 1, 127, 128, 255]));
    assert_eq!(registry.number(key, "number").await.unwrap(), Some(u32::MAX));
    assert_eq!(registry.texts(key, "texts").await.unwrap(), Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(registry.wide_number(key, "wide").await.unwrap(), Some(u64::MAX));
    let kinds = registry.values(key).await.unwrap().expect("the key is there");
    assert_eq!(kinds.iter().find(|(name, _)| name == "octets").map(|(_, kind)| *kind), Some(Kind::Binary));
    assert_eq!(registry.keys(r"SOFTWARE\Trunkline").await.unwrap(), Some(vec!["Test".to_owned()]));
    assert_eq!(registry.may(key, Access::Write).await.unwrap(), Some(true));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_in_the_registry_is_missing_and_what_is_windows_s_own_is_refused() {
    let (_bench, windows) = host_with("");
    let registry = windows.registry();
    assert_eq!(registry.keys(r"SOFTWARE\Nothing").await.unwrap(), None);
    assert_eq!(registry.text(r"SOFTWARE\Nothing", "x").await.unwrap(), None);
    assert_eq!(registry.may(r"SOFTWARE\Nothing", Access::Read).await.unwrap(), None);
    let names = r"SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName";
    assert_eq!(registry.number(names, "ComputerName").await.unwrap(), None, "a text is no number");
    assert_eq!(registry.may(names, Access::Write).await.unwrap(), Some(false));
    let error = refused(registry.set(names, "ComputerName", &Data::Text("OTHER".to_owned())).await);
    assert_eq!(error.disposition(), Disposition::Stall(Reason::AccessDenied));
    assert!(matches!(refused(registry.set(r"SOFTWARE\Nothing", "x", &Data::Number(1)).await), WindowsError::Missing(_)));
    assert!(!told(registry.delete_value(r"SOFTWARE\Microsoft", "x").await));
    told(registry.create_key(r"SOFTWARE\Trunkline\Below").await);
    assert!(registry.delete_key(r"SOFTWARE\Trunkline").await.is_err(), "keys are below it");
    assert!(told(registry.delete_key(r"SOFTWARE\Trunkline\Below").await));
    assert!(!told(registry.delete_key(r"SOFTWARE\Trunkline\Below").await));
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_put_into_a_store_read_renamed_and_removed_without_a_shell() {
    let (bench, windows) = host_with("");
    let certificates = windows.certificates();
    let der = bench.simulator.world().certificate(&host_id()).expect("a listener").certificate.clone();
    assert!(certificates.inventory(Store::Root).await.unwrap().is_empty());
    let thumbprint = told(certificates.add(Store::Root, &Blob::new(der).with_friendly_name("ours")).await);
    told(certificates.rename(Store::Root, &thumbprint, "edge, 2026").await);
    let all = certificates.inventory(Store::Root).await.unwrap();
    let stored = all[0].as_ref().expect("it can be read");
    assert_eq!((stored.thumbprint.as_str(), stored.friendly_name.as_deref(), stored.has_key), (&*thumbprint, Some("edge, 2026"), false));
    assert_eq!(stored.facts.subject, "CN=HV01");
    assert!(stored.facts.names.iter().any(|name| name == ADDRESS), "{:?}", stored.facts.names);
    assert!(stored.facts.is_valid_at(of("2026-03-03T12:00:00Z")) && !stored.facts.is_valid_at(of("1960-01-01T00:00:00Z")));
    assert_eq!(certificates.thumbprints(Store::Ca).await.unwrap(), [""; 0]);
    assert!(told(certificates.remove(Store::Root, &thumbprint).await));
    assert!(!told(certificates.remove(Store::Root, &thumbprint).await));
}

const UPDATES: &str = "updates: {scanTakes: 150s, installed: [KB1000], offered: [
    {kb: KB2000, severity: Critical, needsRestart: true, takes: 90s}, {kb: KB2001, after: KB2000, takes: 10s}]}";

/// Asks until the host has an answer.
async fn scan(windows: &Windows) -> (u32, Vec<Update>) {
    for asked in 1..10 {
        match windows.updates().scan(Duration::from_secs(120)).await {
            Ok(updates) => return (asked, updates),
            Err(error) => assert_eq!(error.disposition(), Disposition::Wait { until: None }, "{}", chain(&error)),
        }
    }
    panic!("the scan never ends");
}

#[tokio::test(start_paused = true)]
async fn a_scan_that_outlasts_a_request_is_waited_for_and_an_update_is_in_force_after_the_restart() {
    let (_bench, windows) = host_with(UPDATES);
    let updates = windows.updates();
    let (asked, offered) = scan(&windows).await;
    assert_eq!(asked, 3, "150 s in requests of at most 60");
    assert_eq!(offered.iter().map(|update| update.article.as_deref()).collect::<Vec<_>>(), [Some("2000")]);
    assert_eq!(offered[0].severity.as_deref(), Some("Critical"));
    assert_eq!(updates.says_restart_is_due().await.unwrap(), Some(false));
    let error = refused(updates.install(&offered, Duration::from_secs(60)).await);
    assert!(matches!(error, WindowsError::StillRunning(_)), "{error}");
    let installed = told(updates.install(&offered, Duration::from_secs(60)).await);
    assert!(installed.needs_restart);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(told(updates.restart_causes().await), [RestartCause::Update]);
    assert_eq!(updates.says_restart_is_due().await.unwrap(), Some(true));
    assert!(scan(&windows).await.1.is_empty(), "what depends on it is not offered before");
    let boot = told(windows.boot().await);
    told(windows.restart(boot).await);
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_ne!(told(windows.boot().await), boot);
    told(windows.restart(boot).await);
    assert_eq!(told(updates.restart_causes().await), []);
    assert!(told(updates.installed().await).iter().any(|hotfix| hotfix.article == "KB2000"));
    assert_eq!(scan(&windows).await.1[0].article.as_deref(), Some("2001"), "the next one follows");
}

#[tokio::test(start_paused = true)]
async fn an_update_that_fails_says_so_with_its_number() {
    let (_bench, windows) = host_with("updates: {scanTakes: 1s, offered: [{kb: KB3000, takes: 1s, fails: 2149842978}]}");
    let (_, offered) = scan(&windows).await;
    let error = refused(windows.updates().install(&offered, Duration::from_secs(60)).await);
    insta::assert_snapshot!(error, @"`InstallUpdates` for Update for Windows Server (KB3000) was refused: none of the updates could be installed (0x80240022)");
}

#[tokio::test(start_paused = true)]
async fn windows_server_2016_is_asked_through_a_session() {
    let accounts = "accounts: [{user: trunkline, password: right}]\n    volumes";
    let more = "accounts: [{user: trunkline, password: right}]\n    version: 10.0.14393\n    \
        setup: {updates: {scanTakes: 1s, offered: [{kb: KB4000, takes: 1s, needsRestart: true}]}}\n    volumes";
    let bench = Bench::with(accounts, more);
    let windows = bench.host.windows();
    let (_, offered) = scan(&windows).await;
    assert_eq!(offered[0].article.as_deref(), Some("4000"));
    assert_eq!(windows.updates().says_restart_is_due().await.unwrap(), None, "it cannot be asked");
    assert!(told(windows.updates().install(&offered, Duration::from_secs(60)).await).needs_restart);
}

fn ours() -> Exclusions {
    Exclusions { paths: vec![r"D:\Trunkline".to_owned()], processes: vec!["trunkline.exe".to_owned()], ..Exclusions::default() }
}

#[tokio::test(start_paused = true)]
async fn defender_is_told_what_not_to_scan_and_keeps_what_others_told_it() {
    let (_bench, windows) = host_with(r"defender: {excludedPaths: ['C:\Theirs']}");
    let defender = windows.defender();
    told(defender.exclude(&ours()).await);
    told(defender.exclude(&ours()).await);
    let all = told(defender.exclusions().await);
    assert_eq!(all.paths, [r"C:\Theirs", r"D:\Trunkline"]);
    told(defender.include(&ours()).await);
    assert_eq!(told(defender.exclusions().await).paths, [r"C:\Theirs"]);
    let status = told(defender.status().await);
    assert!(status.real_time && !status.tamper_protected);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_tamper_protection_swallows_is_noticed() {
    let (_bench, windows) = host_with("defender: {tamperProtection: true}");
    let error = refused(windows.defender().exclude(&ours()).await);
    assert!(matches!(error, WindowsError::RefusedSilently { .. }), "{error}");
    assert_eq!(error.disposition(), Disposition::Stall(Reason::AccessDenied));
    let (_bench, windows) = host_with("defender: null");
    assert!(matches!(refused(windows.defender().status().await), WindowsError::NotInstalled(_)));
}

#[tokio::test(start_paused = true)]
async fn a_clock_is_held_against_ours() {
    let (_bench, windows) = host_with("clock: {ahead: -90s, zone: Pacific Standard Time, bias: -480, daylight: true}");
    let clock = told(windows.clock().await);
    assert_eq!((clock.zone.as_str(), clock.offset), ("Pacific Standard Time", -420));
    assert_eq!(clock.ahead, SignedDuration::from_secs(-90));
    assert!(clock.is_off_by_more_than(SignedDuration::from_secs(60)));
}

#[tokio::test(start_paused = true)]
async fn what_a_machine_is_made_of_is_read() {
    let (_bench, windows) = host_with(
        r"features: {Hyper-V: enabled, IIS: disabled}, firewall: {public: false},
          registry: [{key: 'SOFTWARE\dotnet\Setup\InstalledVersions\x64\sharedfx\Microsoft.NETCore.App', values: {8.0.4: {number: 1}}}]",
    );
    let features = told(windows.features(&["Hyper-V", "IIS", "Nothing"]).await);
    assert_eq!(features.get("Hyper-V"), Some(&FeatureState::Enabled));
    assert_eq!((features.get("IIS"), features.get("Nothing")), (Some(&FeatureState::Disabled), None));
    let profiles = told(windows.firewall_profiles().await);
    assert_eq!(profiles.iter().filter(|profile| !profile.on).map(|profile| profile.name.as_str()).collect::<Vec<_>>(), ["Public"]);
    assert_eq!(windows.framework().await.unwrap().and_then(|framework| framework.version()), Some("4.8"));
    assert_eq!(windows.runtimes().await.unwrap(), [("Microsoft.NETCore.App".to_owned(), vec!["8.0.4".to_owned()])]);
    let volumes = told(windows.volumes().await);
    assert_eq!(volumes.iter().map(|volume| volume.drive.as_str()).collect::<Vec<_>>(), ["C:", "D:"]);
    assert!(told(windows.addresses().await).iter().any(|address| address.net.to_string() == "192.168.0.10/24" && address.is_manual));
    assert!(told(windows.routes().await).iter().any(|route| route.to.to_string() == "192.168.0.0/24"));
    assert!(told(windows.adapters().await).iter().any(|adapter| adapter.is_connected));
    assert!(told(windows.name_servers().await).iter().all(|one| one.servers.is_empty()));
    assert_eq!(told(windows.rule_ports("nothing").await), None);
    let services = told(windows.services(&[of("WinRM"), of("Nothing")]).await);
    assert_eq!(services.len(), 1);
    assert!(!services[&of::<model::names::ServiceName>("WinRM")].accepts_pause);
    assert_eq!(told(windows.dependents(&of("WinRM")).await), []);
}

#[tokio::test(start_paused = true)]
async fn events_are_read_by_their_numbers_and_by_time() {
    let (bench, windows) = host_with("");
    let boot = told(windows.boot().await);
    told(windows.restart(boot).await);
    tokio::time::sleep(Duration::from_secs(200)).await;
    let all = told(windows.events_after("System", 0).await);
    assert!(all.iter().any(|event| event.code == 6005 && event.severity == Severity::Information), "{all:?}");
    let last = all.last().expect("there are some").record;
    assert_eq!(told(windows.events_after("System", last).await), []);
    let now = bench.simulator.now();
    assert_eq!(told(windows.events_between("System", of("2019-01-01T00:00:00Z"), now).await).len(), all.len());
    let lately = told(windows.events_between("System", now - SignedDuration::from_hours(2), now).await);
    assert!(!lately.is_empty() && lately.len() < all.len(), "the first boot was long ago");
    assert_eq!(told(windows.events_between("System", now, now).await), []);
}

fn counter(class: &str) -> CallCounter {
    CallCounter { classes: vec![of("Win32_PerfFormattedData_Other"), of(class)], instance: of("_Total"), property: of("Current") }
}

#[tokio::test(start_paused = true)]
async fn calls_are_counted_by_the_first_counter_that_is_there_and_never_guessed() {
    let setup = "calls: {service: WinRM, active: 12, counters: [{class: Win32_PerfFormattedData_Calls, property: Current}]}";
    let (_bench, windows) = host_with(setup);
    assert_eq!(windows.calls(&[counter("Win32_PerfFormattedData_Calls")]).await, Seen::Known(12));
    let unknown = windows.calls(&[counter("Win32_PerfFormattedData_Nothing")]).await;
    assert!(matches!(unknown, Seen::Unknown(Cause::Failed(_))), "{unknown:?}");
    assert_eq!(windows.calls(&[]).await, Seen::Absent);
    assert!(told(windows.knows_counter("Win32_PerfFormattedData_Calls").await));
    assert!(!told(windows.knows_counter("Win32_PerfFormattedData_Nothing").await));
}

#[tokio::test(start_paused = true)]
async fn a_guest_leaves_its_domain_and_enters_it_again() {
    let bench = Bench::bare();
    bench.converge().await;
    let cms = bench.host.guest_windows(&bench.desired, &bench.desired.instance, &of("cms")).await.expect("the guest answers");
    assert_eq!(told(cms.membership().await), Membership::Domain("contoso.local".to_owned()));
    assert!(cms.enter_workgroup("WORKGROUP").await.is_err(), "a member leaves first");
    let (right, wrong) = (Secret::new("join"), Secret::new("wrong"));
    let account = |secret| Account { user: r"CONTOSO\Joiner", secret };
    let error = refused(cms.unjoin(OldAccount::IsRemovedBy(account(&wrong))).await);
    assert_eq!(error.disposition(), Disposition::Stall(Reason::AccessDenied));
    assert!(!format!("{error:?}").contains("wrong"), "no password stands in an error");
    told(cms.unjoin(OldAccount::IsRemovedBy(account(&right))).await);
    let boot = told(cms.boot().await);
    told(cms.restart(boot).await);
    tokio::time::sleep(Duration::from_secs(120)).await;
    let cms = bench.host.guest_windows(&bench.desired, &bench.desired.instance, &of("cms")).await.expect("it is up again");
    assert!(matches!(told(cms.membership().await), Membership::Workgroup(_)));
    told(cms.unjoin(OldAccount::Stays).await);
    assert!(cms.join(&of("nowhere.local"), account(&right)).await.is_err());
    told(cms.join(&of("contoso.local"), account(&right)).await);
    told(cms.join(&of("contoso.local"), account(&right)).await);
    let error = refused(cms.rename(&of("no_name!"), None).await);
    assert_eq!(error.disposition(), Disposition::Stall(Reason::StepFailed));
}
