//! Role images that keep the contract, and images that do not; what a check leaves on the host: nothing.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use model::desired::{ManagementLifetime, NetworkKind, Place};
use model::observed::Observed;
use plan::fixtures::of;
use trunkline_hyperv::image_check::{ImageCheck, ImageCheckError, Report};
use trunkline_hyperv::probe::{Finding, Outcome};

use crate::bench::{Bench, chain};

async fn examine(bench: &Bench, role: &str) -> Report {
    let check = ImageCheck::new(&bench.host, &bench.desired, &of(role)).expect("it can be checked");
    let mut told = Vec::new();
    let report = check.examine(&mut |finding: &Finding| told.push(finding.subject)).await;
    let cleared = check.clear().await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    let report = report.unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!(told, report.findings.iter().map(|finding| finding.subject).collect::<Vec<_>>(), "each is told as it comes");
    assert!(cleared.vms.iter().all(|vm| *vm == *check.vm()), "{cleared:?}");
    report
}

/// What is broken, a line each, and what was not tried.
fn broken(report: &Report) -> String {
    let mut text = String::new();
    let mut untried = Vec::new();
    for finding in &report.findings {
        match &finding.outcome {
            Outcome::Trouble { cause, .. } => writeln!(text, "{}: {cause}", finding.subject).expect("a string takes all"),
            Outcome::NotTried { .. } => untried.push(finding.subject),
            Outcome::Works { .. } | Outcome::Absent { .. } => {}
        }
    }
    if !untried.is_empty() {
        writeln!(text, "not tried: {}", untried.join(", ")).expect("a string takes all");
    }
    text
}

async fn broken_with(from: &str, to: &str, role: &str) -> String {
    let bench = Bench::with(from, to);
    let text = broken(&examine(&bench, role).await);
    assert!(is_bare(&bench).await);
    text
}

/// All that stands on the host, but for the time of looking.
async fn seen(bench: &Bench) -> Observed {
    let mut seen = bench.observe().await;
    seen.at = of("2026-03-03T11:30:00Z");
    seen
}

/// Whether nothing of ours is there: no VM, no switch, no disk of a check.
async fn is_bare(bench: &Bench) -> bool {
    let mut wish = bench.desired.clone();
    for role in &mut wish.roles {
        role.disk = of(&format!(r"D:\Trunkline\ImageCheck\{}.vhdx", role.role));
    }
    let disks: Vec<_> = wish.roles.iter().map(|role| role.disk.clone()).collect();
    let there = bench.host.observe(&wish).await.expect("the host can be observed");
    let switches = there.host.switches.known().expect("switches can be seen");
    there.instances.is_empty()
        && there.foreign.is_empty()
        && switches.values().all(|switch| switch.mark.is_none())
        && disks.iter().all(|disk| there.host.files[disk].is_absent())
}

#[tokio::test(start_paused = true)]
async fn a_good_image_keeps_every_point_and_nothing_of_the_check_stays() {
    let bench = Bench::bare();
    for role in ["ad", "cms", "mediation", "edge"] {
        let report = examine(&bench, role).await;
        assert!(report.is_kept(), "{role}:\n{}", broken(&report));
        assert!(is_bare(&bench).await, "{role}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_appliance_that_serves_is_not_touched_and_its_management_switch_is_used() {
    let mut bench = Bench::bare();
    for network in Arc::make_mut(&mut bench.desired.networks).values_mut() {
        if let NetworkKind::Management { lifetime, .. } = &mut network.kind {
            *lifetime = ManagementLifetime::Permanent;
        }
    }
    bench.converge().await;
    let before = seen(&bench).await;
    let report = examine(&bench, "edge").await;
    assert!(report.is_kept(), "{}", broken(&report));
    assert_eq!(seen(&bench).await, before);
}

#[tokio::test(start_paused = true)]
async fn each_broken_point_is_named_and_what_rests_on_it_is_not_tried() {
    let edge = "computerName: WIN-EDGE";
    let file = r"- {path: 'D:\Images\edge.vhdx', gib: 10, image: edge}";
    let guest = "WIN-EDGE\n    accounts: [{user: Administrator, password: guest}]\n";
    let services = "services: [{name: REPLICA}, {name: RTCSRV}]\n";
    let cases: [(&str, &str, String); 10] = [
        ("the image is not there", file, String::new()),
        ("nothing starts from it", file, file.replace(", image: edge", "")),
        ("no heartbeat", services, services.replace("}]", "}, {name: vmicheartbeat, startMode: disabled}]")),
        ("no exchange with the host", services, services.replace("}]", "}, {name: vmickvpexchange, startMode: disabled}]")),
        ("no thumbprint", edge, format!("{edge}\n    kvp: {{trunkline.listener: ''}}")),
        ("another thumbprint", edge, format!("{edge}\n    kvp: {{trunkline.listener: '{}'}}", "ab".repeat(20))),
        ("no listener", services, services.replace("}]", "}, {name: WinRM, startMode: manual}]")),
        ("another password", guest, guest.replace("password: guest", "password: other")),
        ("a service less", services, services.replace(", {name: RTCSRV}", "")),
        ("a rule less", "firewallRules: [{id: edge-in, displayName: CS RTCSRV}]", "firewallRules: []".to_owned()),
    ];
    let mut text = String::new();
    for (name, from, to) in cases {
        let said = broken_with(from, &to, "edge").await;
        write!(text, "# {name}\n{said}").expect("a string takes all");
    }
    insta::assert_snapshot!(text, @r"
    # the image is not there
    image: the host has no file `D:\Images\edge.vhdx`
    not tried: boot, heartbeat, thumbprint, addresses, listener, account, services, firewall
    # nothing starts from it
    heartbeat: no heartbeat within 30m
    not tried: thumbprint, addresses, listener, account, services, firewall
    # no heartbeat
    heartbeat: no heartbeat within 30m
    not tried: thumbprint, addresses, listener, account, services, firewall
    # no exchange with the host
    thumbprint: the guest publishes no key-value pairs at all
    addresses: step `imagecheck/edge/inject-address/management` could not be done: `SetGuestNetworkAdapterConfiguration` on edge1.imagecheck was refused: the object is in another state than this needs (32775)
    not tried: listener, account, services, firewall
    # no thumbprint
    thumbprint: the guest publishes no thumbprint (40 hex digits) as `trunkline.listener`
    not tried: listener, account, services, firewall
    # another thumbprint
    listener: 192.168.213.254:5986 shows another certificate than the one that the guest publishes
    not tried: account, services, firewall
    # no listener
    listener: nothing answers at 192.168.213.254:5986
    not tried: account, services, firewall
    # another password
    account: the guest refuses user `Administrator`
    not tried: services, firewall
    # a service less
    services: the service `RTCSRV` is missing
    # a rule less
    firewall: the inbound firewall rule `CS RTCSRV` is missing
    ");
}

#[tokio::test(start_paused = true)]
async fn from_another_machine_the_host_is_asked_and_what_needs_the_guest_is_left() {
    let mut bench = Bench::bare();
    bench.desired.host.place = Place::Remote;
    let report = examine(&bench, "edge").await;
    assert_eq!((report.is_kept(), report.is_broken()), (false, false));
    insta::assert_snapshot!(broken(&report), @"not tried: listener, account, services, firewall");
    assert!(is_bare(&bench).await);
    let mut silent =
        Bench::with("{name: REPLICA}, {name: RTCSRV}]\n    firewall", "{name: vmicheartbeat, startMode: disabled}]\n    firewall");
    silent.desired.host.place = Place::Remote;
    assert!(examine(&silent, "edge").await.is_broken());
}

#[tokio::test(start_paused = true)]
async fn a_directory_without_its_domain_is_told() {
    let said = broken_with("domain: {name: contoso.local", "domain: {name: fabrikam.local", "ad").await;
    insta::assert_snapshot!(said, @"directory: the guest is in the domain `fabrikam.local`, and is to host `contoso.local`");
}

#[tokio::test(start_paused = true)]
async fn what_a_check_that_was_cut_off_left_is_removed_by_the_next() {
    // At a half of a second after the start of the check, and then ever later.
    for moment in 1..24 {
        let bench = Bench::bare();
        let check = ImageCheck::new(&bench.host, &bench.desired, &of("edge")).expect("it can be checked");
        let cut = tokio::time::timeout(Duration::from_millis(500 * moment * moment), check.examine(&mut |_: &Finding| {})).await;
        let other = bench.another_agent();
        let next = ImageCheck::new(&other, &bench.desired, &of("ad")).expect("it can be checked");
        next.clear().await.unwrap_or_else(|error| panic!("{moment}: {}", chain(&error)));
        assert!(is_bare(&bench).await, "{moment}: {cut:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_foreign_vm_of_that_name_is_left_alone() {
    let bench = Bench::with_machines("{name: edge1.imagecheck}");
    let before = seen(&bench).await;
    let check = ImageCheck::new(&bench.host, &bench.desired, &of("edge")).expect("it can be checked");
    let error = check.examine(&mut |_: &Finding| {}).await.expect_err("it is in the way");
    assert!(matches!(error, ImageCheckError::NotPlanned { .. }), "{}", chain(&error));
    check.clear().await.expect("nothing is ours");
    assert_eq!(seen(&bench).await, before);
    insta::assert_snapshot!(
        chain(&error),
        @"the VM of the check cannot be made: the VM `edge1.imagecheck` is not ours and has the name that edge is to have: rename, readdress or remove that VM, or change the manifest; we never build beside it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_vm_of_an_appliance_that_is_called_like_a_check_is_not_removed() {
    let mark = "trunkline/1 fleet=contoso appliance=sea-1.imagecheck role=edge instance=2.1 spec=9f3a";
    let bench = Bench::with_machines(&format!("{{name: edge1.2.1, notes: ['{mark}']}}"));
    let before = seen(&bench).await;
    let check = ImageCheck::new(&bench.host, &bench.desired, &of("edge")).expect("it can be checked");
    let error = check.clear().await.expect_err("it is none of a check");
    insta::assert_snapshot!(chain(&error), @"`edge1.2.1` bears the mark of image checks and is none of them; it is left alone");
    assert_eq!(seen(&bench).await, before);
}

fn fail(bench: &Bench, kind: &str, message: &str) {
    bench.play(&format!("- {{at: 0s, do: {{world: {{jobFails: {{host: hv-1, kind: {kind}, message: '{message}'}}}}}}}}"));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_fails_once_is_asked_again() {
    let bench = Bench::bare();
    for kind in ["defineSwitch", "createDisk", "defineSystem", "addResources", "start", "guestExchange", "destroySystem", "destroySwitch"] {
        fail(&bench, kind, "The server is busy.");
    }
    let report = examine(&bench, "edge").await;
    assert!(report.is_kept(), "{}", broken(&report));
    assert!(is_bare(&bench).await);
}

#[tokio::test(start_paused = true)]
async fn a_vm_that_does_not_start_says_what_the_host_says_of_it() {
    let bench = Bench::bare();
    for _ in 0..60 {
        fail(&bench, "start", "Not enough memory in the system.");
    }
    let said = broken(&examine(&bench, "edge").await);
    assert!(said.starts_with("boot: step `imagecheck/edge/start-vm` could not be done: ") && said.contains("Not enough memory"), "{said}");
    assert!(is_bare(&bench).await);
}
