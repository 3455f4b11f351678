//! What goes wrong while steps are done.

use std::time::Duration;

use model::condition::{Disposition, Reason};
use model::desired::{DesiredAdapter, DesiredNetwork, NetworkKind, StartMode};
use model::observed::{PowerState, ServiceState};
use model::seen::Cause;
use model::units::Span;
use plan::fixtures::{given_with_peer, of};
use plan::step::{Act, Purpose, Step, StepTime};
use trunkline_hyperv::{Blocker, Check, Failure};

use crate::bench::{Bench, chain};

#[tokio::test(start_paused = true)]
async fn a_foreign_vm_with_a_wanted_name_stalls_and_no_twin_is_built() {
    let bench = Bench::with_machines("{name: ad1.2.1, notes: ['ask Ann']}");
    let step = Bench::bare().advance_to("define-vm").await;
    let error = bench.host.check(&bench.desired, &step).await.expect_err("it is in the way");
    assert_eq!(error.disposition(), Disposition::Stall(Reason::AdoptionNeeded));
    insta::assert_snapshot!(chain(&error), @r"
    whether step `2.1/ad/define-vm` is done could not be seen
      because VM `ad1.2.1` is in the way: it bears no mark of ours
    ");
    bench.host.perform(&bench.desired, &step).await.expect_err("it is in the way");
    assert!(bench.changes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_vm_that_no_settings_tell_of_gets_no_twin_and_keeps_no_other_from_being_found() {
    let bench = Bench::bare();
    let steps = bench.plan(&bench.observe().await).steps;
    let of_role = |name: &str| steps.iter().find(|step| step.id.as_str() == format!("2.1/{name}/define-vm")).expect("it is to be made");
    let (ad, cms) = (of_role("ad"), of_role("cms"));
    bench.converge().await;
    let before = bench.changes().len();
    bench.play("- {at: 0s, do: {world: {vmUntold: {host: hv-1, vm: ad1.2.1, for: 1h}}}}");
    let error = bench.host.check(&bench.desired, ad).await.expect_err("nobody knows");
    assert_eq!(error.disposition(), Disposition::Retry, "{}", chain(&error));
    bench.host.perform(&bench.desired, ad).await.expect_err("nobody knows");
    assert_eq!(bench.changes().len(), before);
    assert_eq!(bench.check(cms).await, Check::Done);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_makes_no_twin() {
    let bench = Bench::bare();
    let step = bench.advance_to("define-vm").await;
    bench.play("- {on: {method: DefineSystem, class: Msvm_VirtualSystemManagementService}, do: cutBeforeAnswer}");
    bench.perform(&step).await.expect("it is found to be done");
    let defined = bench.changes().into_iter().filter(|method| method == "DefineSystem").count();
    let switches = 1;
    assert_eq!(defined, switches + 1);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_nobody_waits_for_blocks_what_it_may_create() {
    let bench = Bench::bare();
    let step = bench.advance_to("create-disk").await;
    let given_up = tokio::time::timeout(Duration::from_millis(300), bench.host.perform(&bench.desired, &step)).await;
    assert!(given_up.is_err(), "the job takes a second");
    let blocked = bench.check(&step).await;
    assert!(matches!(blocked, Check::Blocked(Blocker::Job { .. })), "{blocked:?}");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(bench.check(&step).await, Check::Done);
    assert_eq!(bench.changes().into_iter().filter(|method| method == "CreateVirtualHardDisk").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn connecting_an_adapter_waits_for_no_job_on_disks_or_on_another_vm() {
    let bench = Bench::with("kind: World\n", "kind: World\ntiming: {resources: 30s, createDisk: 5m}\n");
    bench.converge().await;
    let adapter = |role: usize| bench.desired.roles[role].adapters[0].clone();
    let connect = |role: &str, index: usize| {
        let DesiredAdapter { name, mac, .. } = adapter(index);
        bench.step(role, Act::ConnectAdapter { adapter: name, mac, switch: of("Corpnet"), vlan: None })
    };
    let add = |role: &str, last: u8| {
        let mac = of(&format!("00155D00EE{last:02X}"));
        bench.step(role, Act::AddAdapter { adapter: of("spare"), mac })
    };
    for vm in ["cms1.2.1", "mediation1.2.1"] {
        bench.play(&format!("- {{at: 0s, do: {{world: {{nicUnplugged: {{host: hv-1, vm: {vm}, adapter: corpnet}}}}}}}}"));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;

    // Somebody converts a disk, which takes its time.
    let path = of(r"D:\Images\copy.vhdx");
    let disk = bench.step("ad", Act::CreateDisk { path, parent: of(r"D:\Images\ad.vhdx") });
    tokio::time::timeout(Duration::from_millis(300), bench.host.perform(&bench.desired, &disk)).await.expect_err("it takes long");
    assert_eq!(bench.check(&connect("cms", 1)).await, Check::Open);
    assert_eq!(bench.check(&add("cms", 1)).await, Check::Open);

    // Something is added to a VM, and nobody here waits for it.
    let spare = add("cms", 1);
    tokio::time::timeout(Duration::from_millis(300), bench.host.perform(&bench.desired, &spare)).await.expect_err("it takes 30 s");
    assert_eq!(bench.check(&connect("mediation", 2)).await, Check::Open);
    assert_eq!(bench.check(&add("mediation", 2)).await, Check::Open);
    for of_this_vm in [connect("cms", 1), add("cms", 1)] {
        let stands = bench.check(&of_this_vm).await;
        assert!(matches!(stands, Check::Blocked(Blocker::Job { .. })), "it may be our own answer that was lost: {stands:?}");
    }
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(bench.check(&connect("cms", 1)).await, Check::Open);
    assert_eq!(bench.check(&spare).await, Check::Done);
}

#[tokio::test(start_paused = true)]
async fn what_is_being_removed_is_not_removed_again() {
    let bench = Bench::bare();
    let mut step = bench.advance_to("create-disk").await;
    let ours = |network: &&DesiredNetwork| matches!(network.kind, NetworkKind::Management { .. });
    step.act = Act::RemoveSwitch { switch: bench.desired.networks.values().find(ours).expect("a switch of ours").switch.clone() };
    let given_up = tokio::time::timeout(Duration::from_millis(300), bench.host.perform(&bench.desired, &step)).await;
    assert!(given_up.is_err(), "the job takes two seconds");
    let blocked = bench.check(&step).await;
    assert!(matches!(blocked, Check::Blocked(Blocker::Job { .. })), "{blocked:?}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(bench.check(&step).await, Check::Done);
    assert_eq!(bench.changes().into_iter().filter(|method| method == "DestroySystem").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails_says_why() {
    let bench = Bench::bare();
    let step = bench.advance_to("start-vm").await;
    bench.play("- {at: 0s, do: {world: {jobFails: {host: hv-1, kind: start, message: Not enough memory in the system.}}}}");
    let error = bench.host.perform(&bench.desired, &step).await.expect_err("the job fails");
    assert!(matches!(error.failure(), Failure::Job { .. }), "{}", chain(&error));
    assert!(chain(&error).contains("Not enough memory in the system."), "{}", chain(&error));
    bench.perform(&step).await.expect("the next one does not");
}

#[tokio::test(start_paused = true)]
async fn processors_are_set_only_while_the_vm_is_off() {
    let mut bench = Bench::bare();
    bench.converge().await;
    bench.desired.roles[0].processors = Some(4);
    let plan = bench.plan(&bench.observe().await);
    let step = plan.steps.iter().find(|step| step.act.verb() == "set-processors").expect("a change of processors").clone();
    assert!(matches!(bench.check(&step).await, Check::Blocked(Blocker::NotOff(_))));
    bench.converge().await;
    assert_eq!(
        bench.observe().await.instances.values().next().expect("an instance").vms[&"ad".parse().expect("a role")].processors.known(),
        Some(&4)
    );
}

#[tokio::test(start_paused = true)]
async fn jobs_that_we_wait_for_ourselves_do_not_block_each_other() {
    let bench = Bench::bare();
    bench.advance_to("create-disk").await;
    let plan = bench.plan(&bench.observe().await);
    let disks: Vec<_> = plan.steps.iter().filter(|step| step.act.verb() == "create-disk").cloned().collect();
    let started = tokio::time::Instant::now();
    let (one, two) = tokio::join!(bench.perform(&disks[0]), bench.perform(&disks[1]));
    one.and(two).unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert!(started.elapsed() < Duration::from_secs(2), "each takes a second: {:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_depends_on_a_held_service_is_stopped_with_it() {
    let bench = Bench::with("[{name: REPLICA}, {name: RTCSRV}]", "[{name: REPLICA}, {name: RTCSRV}, {name: RELAY, dependsOn: [RTCSRV]}]");
    bench.converge().await;
    let before = bench.changes().len();
    bench.mend("edge", Act::HoldService { service: of("RTCSRV") }).await;
    let stops = bench.changes()[before..].iter().filter(|method| *method == "StopService").count();
    assert_eq!(stops, 2, "the dependent, then the service itself");
    let guest = bench.observe().await.instances[&of("2.1")].vms[&of("edge")].guest.known().cloned().expect("the guest");
    let seen = guest.services.known().expect("services")[&of("RTCSRV")];
    assert_eq!((seen.state, seen.start_mode), (ServiceState::Stopped, StartMode::Manual));
}

#[tokio::test(start_paused = true)]
async fn what_was_stopped_with_a_held_service_is_started_with_it_however_deep_it_hangs() {
    let dependents = "{name: RELAY, dependsOn: [RTCSRV]}, {name: BILLING, dependsOn: [RELAY]}";
    let bench = Bench::with("[{name: REPLICA}, {name: RTCSRV}]", &format!("[{{name: REPLICA}}, {{name: RTCSRV}}, {dependents}]"));
    bench.converge().await;
    let done = |before: usize, wanted: &str| bench.changes()[before..].iter().filter(|method| *method == wanted).count();
    let before = bench.changes().len();
    bench.mend("edge", Act::HoldService { service: of("RTCSRV") }).await;
    assert_eq!(done(before, "StopService"), 3, "what depends on it, deepest first, then the service itself");
    bench.mend("edge", Act::HoldService { service: of("REPLICA") }).await;

    let back = |service: &str| Step { purpose: Purpose::Return, ..bench.step("edge", Act::StartService { service: of(service) }) };
    let before = bench.changes().len();
    bench.perform(&back("REPLICA")).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!(done(before, "StartService"), 1, "what hangs on another one waits for that");
    bench.perform(&back("RTCSRV")).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!(done(before, "StartService"), 4);
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_took_its_whole_grace_gets_no_longer_one_next_time() {
    let bench = Bench::with("computerName: WIN-EDGE", "computerName: WIN-EDGE\n    shutdown: 20m");
    bench.converge().await;
    let declared = bench.step("edge", Act::ShutDownVm);
    // As it is once somebody learned that it takes so long.
    let time = StepTime { expected: Span::from_secs(301), timeout: Span::from_secs(1204) };
    let began = tokio::time::Instant::now();
    bench.perform(&Step { time, ..declared }).await.expect("it goes off");
    let took = began.elapsed().as_secs();
    assert!((300..310).contains(&took), "{took} s");
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_has_served_and_took_the_shutdown_may_install_updates_for_half_an_hour() {
    let declared = StepTime::declared(&Act::ShutDownVm);
    assert!(declared.timeout.secs() / 2 >= 1800, "and be turned off after that");
    let shorter = StepTime { timeout: Span::from_secs(2400), ..declared };
    let cases = [("24m", declared, 1440, &["InitiateShutdown"][..]), ("24m", shorter, 1200, &["InitiateShutdown", "RequestStateChange"])];
    for (takes, time, ends_after, asked) in cases {
        let bench = Bench::with("computerName: WIN-EDGE", &format!("computerName: WIN-EDGE\n    shutdown: {takes}"));
        bench.converge().await;
        let step = Step { purpose: Purpose::Change, time, ..bench.step("edge", Act::ShutDownVm) };
        let (began, before) = (tokio::time::Instant::now(), bench.changes().len());
        bench.perform(&step).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
        let took = began.elapsed().as_secs();
        assert_eq!(bench.changes()[before..], *asked, "{takes}");
        assert!((ends_after..ends_after + 30).contains(&took), "{takes}: {took} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_does_not_shut_down_is_turned_off_after_its_grace() {
    let bench = Bench::with("computerName: WIN-EDGE", "computerName: WIN-EDGE\n    shutdown: 10m");
    bench.converge().await;
    let step = bench.step("edge", Act::ShutDownVm);
    let (began, before) = (tokio::time::Instant::now(), bench.changes().len());
    bench.perform(&step).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    let grace = step.time.timeout.as_duration() / 2;
    let took = began.elapsed();
    assert!(took >= grace && took < grace + Duration::from_secs(30), "{took:?} of {grace:?}");
    assert_eq!(bench.observe().await.instances[&of("2.1")].vms[&of("edge")].power, PowerState::Off);
    assert_eq!(bench.changes()[before..], ["InitiateShutdown", "RequestStateChange"], "asked first, and once");
}

#[tokio::test(start_paused = true)]
async fn a_disk_with_another_parent_waits_for_a_person_and_is_not_written_over() {
    let bench = Bench::bare();
    let step = bench.advance_to("create-disk").await;
    bench.perform(&step).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    let Act::CreateDisk { path, parent } = step.act.clone() else { panic!("{step:?}") };
    let other = bench.desired.roles.iter().map(|role| role.image.path.clone()).find(|image| *image != parent).expect("another image");
    let role = step.role.as_ref().expect("a role's disk").to_string();
    let step = bench.step(&role, Act::CreateDisk { path, parent: other });
    let before = bench.changes();
    for error in [bench.host.check(&bench.desired, &step).await.err(), bench.perform(&step).await.err()] {
        let error = error.expect("it is in the way");
        assert!(matches!(error.disposition(), Disposition::Stall(_)), "{}", chain(&error));
        assert!(chain(&error).contains("it is layered on"), "{}", chain(&error));
    }
    assert_eq!(bench.changes(), before);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_somebody_left_is_not_given_to_a_vm_that_is_made_from_another_image() {
    let mut bench = Bench::bare();
    bench.converge().await;
    for act in [Act::ShutDownVm, Act::RemoveVm { vm: of("edge1.2.1") }] {
        bench.mend("edge", act).await;
    }
    let (wished, mut other) = (bench.desired.roles[3].clone(), bench.desired.roles[3].clone());
    (other.image.path, other.spec) = (of(r"D:\Images\cms.vhdx"), "another".to_owned());
    bench.desired.roles[3] = other.clone();
    let define = bench.advance_to("define-vm").await;
    let before = bench.changes();
    let is_refused = async |bench: &Bench, step| {
        for error in [bench.host.check(&bench.desired, step).await.err(), bench.perform(step).await.err()] {
            let error = error.expect("its system is the old one");
            assert_eq!(error.disposition(), Disposition::Stall(Reason::AdoptionNeeded), "{}", chain(&error));
            assert!(chain(&error).contains("move it away to begin anew"), "{}", chain(&error));
        }
    };
    is_refused(&bench, &define).await;
    assert_eq!(bench.changes(), before, "no VM is made that could not have its disk");

    bench.desired.roles[3] = wished.clone();
    bench.perform(&define).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    // Nor does a VM that is there get it.
    bench.desired.roles[3] = other;
    is_refused(&bench, &bench.step("edge", Act::AttachDisk { path: wished.disk.clone() })).await;
    bench.desired.roles[3] = wished;
    bench.converge().await;
}

#[tokio::test(start_paused = true)]
async fn of_two_vms_with_one_mark_neither_is_touched() {
    let mark = "trunkline/1 fleet=contoso appliance=sea-1 role=ad instance=2.1 spec=9f3a";
    let bench = Bench::with_machines(&format!("{{name: ad1.2.1, notes: ['{mark}']}}, {{name: copy of ad1, notes: ['{mark}']}}"));
    let observed = bench.observe().await;
    assert_eq!(observed.duplicates.len(), 1);
    let (plan, report) = plan::plan(&bench.desired, &observed, &given_with_peer());
    assert!(plan.is_empty());
    assert_eq!(report.stalls.iter().map(|stall| stall.reason).collect::<Vec<_>>(), [Reason::DuplicateMark]);
    // Nor by a step that was planned before the copy came.
    for act in [Act::StartVm, Act::SetProcessors { to: 4 }, Act::RemoveVm { vm: of("ad1.2.1") }] {
        let error = bench.perform(&bench.step("ad", act)).await.expect_err("nobody can tell which one is meant");
        assert!(matches!(error.failure(), Failure::DuplicateMark { count: 2, .. }), "{}", chain(&error));
        assert_eq!(error.disposition(), Disposition::Stall(Reason::DuplicateMark));
    }
    assert_eq!(bench.changes(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_refuses_us_is_asked_once_for_each_password_and_rests_ever_longer() {
    let bench = Bench::bare();
    bench.converge().await;
    bench.set_guest_password("outdated");
    let agent = bench.another_agent();
    // Who was asked is named by its address, who rests by its VM.
    let look = async || {
        let observed = agent.observe(&bench.desired).await.expect("the host answers");
        let vms: Vec<_> = observed.instances.into_values().flat_map(|instance| instance.vms.into_values()).collect();
        let refused = vms.iter().filter_map(|vm| match vm.guest.unknown() {
            Some(Cause::Refused(by)) => Some(by.contains(":5986")),
            _ => None,
        });
        let asked: Vec<bool> = refused.collect();
        (asked.len(), asked.into_iter().filter(|asked| *asked).count())
    };
    assert_eq!(look().await, (4, 4));
    assert_eq!(look().await, (4, 0), "they rest");
    let step = bench.step("edge", Act::EnableRule { rule: of("CS RTCSRV") });
    let error = agent.check(&bench.desired, &step).await.expect_err("it is not asked");
    assert!(matches!(error.failure(), Failure::GuestRefuses { .. }), "{}", chain(&error));
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(look().await, (4, 4), "ten seconds are over");
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(look().await, (4, 0), "the second wait is longer");

    bench.set_guest_password("guest");
    assert_eq!(look().await, (0, 0), "another password is tried at once");
}

#[tokio::test(start_paused = true)]
async fn a_guest_whose_heartbeat_does_not_tell_is_looked_into_through_its_last_door() {
    let bench = Bench::bare();
    bench.converge().await;
    bench.observe().await;
    let silence = "- {on: {class: Msvm_HeartbeatComponent}, do: {fault: 2150858793}}";
    let seen = async |agent: &trunkline_hyperv::Host| {
        bench.play(silence);
        let observed = agent.observe(&bench.desired).await.expect("the host answers");
        observed.instances.values().flat_map(|instance| instance.vms.values()).filter(|vm| vm.guest.known().is_some()).count()
    };
    assert_eq!(seen(&bench.host).await, 4);
    assert_eq!(seen(&bench.another_agent()).await, 0, "who knows no door does not guess one");
}
