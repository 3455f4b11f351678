//! Repairs of a converged appliance, one after the other, each seen to be needed and to be done.

use std::time::Duration;

use model::desired::StartMode;
use model::observed::{ObservedVm, PowerState, Reach, Remarks, ServiceState};
use plan::fixtures::of;
use plan::step::{Act, Purpose, RestartReason, Step};
use trunkline_hyperv::{Blocker, Check, Failure};

use crate::bench::{Bench, chain};

impl Bench {
    async fn fault(&self, fault: &str) {
        self.play(&format!("- {{at: 0s, do: {{world: {fault}}}}}"));
        tokio::time::sleep(Duration::from_secs(30)).await;
    }

    async fn vm(&self, role: &str) -> ObservedVm {
        self.observe().await.instances.remove(&of("2.1")).expect("the instance").vms.remove(&of(role)).expect("the VM")
    }

    async fn service(&self, role: &str, service: &str) -> (ServiceState, StartMode) {
        let guest = self.vm(role).await.guest;
        let seen =
            guest.known().expect("the guest").services.known().expect("its services").get(&of(service)).copied().expect("the service");
        (seen.state, seen.start_mode)
    }
}

#[tokio::test(start_paused = true)]
async fn every_repair_is_seen_to_be_needed_and_done() {
    let bench = Bench::bare();
    bench.converge().await;
    services(&bench).await;
    rules_and_adapters(&bench).await;
    power(&bench).await;
    notes(&bench).await;
}

async fn services(bench: &Bench) {
    bench.fault("{serviceStops: {host: hv-1, vm: mediation1.2.1, service: RTCMEDSRV}}").await;
    assert_eq!(bench.service("mediation", "RTCMEDSRV").await, (ServiceState::Stopped, StartMode::Automatic));
    bench.mend("mediation", Act::StartService { service: of("RTCMEDSRV") }).await;
    bench.mend("mediation", Act::HoldService { service: of("RTCMEDSRV") }).await;
    assert_eq!(bench.service("mediation", "RTCMEDSRV").await, (ServiceState::Stopped, StartMode::Manual));
    bench.mend("mediation", Act::StartService { service: of("RTCMEDSRV") }).await;
    bench.mend("mediation", Act::RestoreStartMode { service: of("RTCMEDSRV"), to: StartMode::Automatic }).await;
    assert_eq!(bench.service("mediation", "RTCMEDSRV").await, (ServiceState::Running, StartMode::Automatic));

    bench.fault("{servicePaused: {host: hv-1, vm: mediation1.2.1, service: RTCMEDSRV}}").await;
    assert_eq!(bench.service("mediation", "RTCMEDSRV").await, (ServiceState::Paused, StartMode::Automatic));
    bench.mend("mediation", Act::StartService { service: of("RTCMEDSRV") }).await;
    bench.fault("{servicePaused: {host: hv-1, vm: mediation1.2.1, service: RTCMEDSRV}}").await;
    bench.mend("mediation", Act::HoldService { service: of("RTCMEDSRV") }).await;
    bench.mend("mediation", Act::StartService { service: of("RTCMEDSRV") }).await;
    bench.mend("mediation", Act::RestoreStartMode { service: of("RTCMEDSRV"), to: StartMode::Automatic }).await;

    let missing = bench.step("mediation", Act::StartService { service: of("NOBODY") });
    let error = bench.host.check(&bench.desired, &missing).await.expect_err("there is no such service");
    assert!(matches!(error.failure(), Failure::Missing(_)), "{}", chain(&error));
}

async fn rules_and_adapters(bench: &Bench) {
    bench.fault("{ruleDisabled: {host: hv-1, vm: edge1.2.1, rule: edge-in}}").await;
    bench.mend("edge", Act::EnableRule { rule: of("CS RTCSRV") }).await;

    bench.fault("{nicUnplugged: {host: hv-1, vm: cms1.2.1, adapter: corpnet}}").await;
    let adapter = bench.desired.roles[1].adapters[0].clone();
    assert!(bench.vm("cms").await.adapters.known().expect("adapters")[&adapter.mac].switch.is_absent());
    let (name, mac) = (adapter.name, adapter.mac);
    bench.mend("cms", Act::ConnectAdapter { adapter: name.clone(), mac, switch: of("Corpnet"), vlan: None }).await;
    bench.mend("cms", Act::DisconnectAdapter { adapter: name.clone(), mac }).await;
    bench.mend("cms", Act::ConnectAdapter { adapter: name.clone(), mac, switch: of("Corpnet"), vlan: None }).await;

    let nowhere = bench.step("cms", Act::ConnectAdapter { adapter: name, mac, switch: of("Nowhere"), vlan: None });
    let error = bench.host.check(&bench.desired, &nowhere).await.expect_err("there is no such switch");
    assert!(matches!(error.failure(), Failure::NoSwitch(_)), "{}", chain(&error));
}

async fn power(bench: &Bench) {
    let back = || Act::AwaitGuest { over: Reach::Serving };
    bench.fault("{vmOff: {host: hv-1, vm: edge1.2.1}}").await;
    assert!(matches!(bench.check(&bench.step("edge", back())).await, Check::Blocked(_)), "nobody waits for a VM that is off");
    bench.mend("edge", Act::StartVm).await;
    bench.mend("edge", back()).await;

    bench.fault("{vmSaved: {host: hv-1, vm: edge1.2.1}}").await;
    assert_eq!(bench.vm("edge").await.power, PowerState::Saved);
    bench.mend("edge", Act::StartVm).await;
    bench.perform(&bench.step("edge", back())).await.expect("the guest answers again");

    let before = bench.vm("edge").await.guest.known().expect("the guest").booted_at;
    bench.mend("edge", Act::RestartGuest { so_that: RestartReason::Recovered { from: before } }).await;
    assert!(bench.vm("edge").await.guest.known().expect("the guest").booted_at > before);

    bench.mend("edge", Act::ShutDownVm).await;
    let changes = bench.changes();
    assert!(changes.iter().any(|method| method == "InitiateShutdown"), "the guest was asked");
    bench.mend("edge", Act::StartVm).await;
    bench.perform(&bench.step("edge", back())).await.expect("the guest answers again");
}

async fn notes(bench: &Bench) {
    let remarks = Remarks { set_up: true, down: Some("service RTCSRV is stopped".to_owned()) };
    bench.mend("edge", Act::WriteRemarks { remarks: remarks.clone() }).await;
    assert_eq!(bench.vm("edge").await.remarks, remarks);
    // A person writes over the line, and what else stands there stays.
    let overwritten = Remarks { set_up: false, ..remarks.clone() };
    bench.mend("edge", Act::WriteRemarks { remarks: overwritten }).await;
    bench.mend("edge", Act::RestoreSetUp).await;
    assert_eq!(bench.vm("edge").await.remarks, remarks);
}

#[tokio::test(start_paused = true)]
async fn what_is_pruned_goes_with_its_disk_and_never_runs_again() {
    let bench = Bench::bare();
    bench.converge().await;
    let path = bench.desired.roles[3].disk.clone();
    let remove_vm = || Act::RemoveVm { vm: of("edge1.2.1") };
    let remove_disk = || Act::RemoveDisk { path: path.clone() };
    assert!(matches!(bench.check(&bench.step("edge", remove_vm())).await, Check::Blocked(Blocker::NotOff(_))), "a VM that runs stays");
    assert!(matches!(bench.check(&bench.step("edge", remove_disk())).await, Check::Blocked(Blocker::InUse(..))), "a disk in use stays");
    let outside = bench.step("edge", Act::RemoveDisk { path: bench.desired.roles[3].image.path.clone() });
    let error = bench.host.check(&bench.desired, &outside).await.expect_err("an image is not ours");
    assert!(matches!(error.failure(), Failure::NotOurs(_)), "{}", chain(&error));

    bench.fault("{vmSaved: {host: hv-1, vm: edge1.2.1}}").await;
    let before = bench.changes().len();
    let shut_down = Step { purpose: Purpose::Prune, ..bench.step("edge", Act::ShutDownVm) };
    bench.perform(&shut_down).await.expect("it goes off");
    assert_eq!(bench.changes()[before..], ["RequestStateChange"], "it does not run once more on its way out");
    assert_eq!(bench.vm("edge").await.power, PowerState::Off);
    let others = Step { role: Some(of("cms")), ..bench.step("edge", remove_disk()) };
    assert!(matches!(bench.check(&others).await, Check::Blocked(_)), "the disk of another VM stays, off or not");
    bench.mend("edge", remove_disk()).await;
    bench.mend("edge", remove_vm()).await;
    let observed = bench.observe().await;
    assert!(!observed.instances[&of("2.1")].vms.contains_key(&of("edge")));
    assert!(observed.host.files[&path].is_absent());
}
