//! What VMs boot from, and the integration services that their host offers, over the wire.

use std::time::Duration;

use model::desired::{BootDevice, IntegrationService, Offer};
use model::observed::{ObservedVm, PowerState};
use model::seen::{Cause, Seen};
use plan::fixtures::of;
use plan::step::Act;
use trunkline_hyperv::Check;

use crate::bench::Bench;

/// An appliance whose directory has its time from elsewhere.
async fn installed() -> Bench {
    let mut bench = Bench::bare();
    let ad = &mut bench.desired.roles[0];
    ad.integration_services.insert(IntegrationService::TimeSync, Offer::Off);
    ad.integration_services.insert(IntegrationService::Heartbeat, Offer::On);
    bench.converge().await;
    bench
}

async fn ad(bench: &Bench) -> ObservedVm {
    bench.observe().await.instances[&of("2.1")].vms[&of("ad")].clone()
}

fn offer(seen: &ObservedVm, service: IntegrationService) -> Option<&Offer> {
    seen.integration_services.get(&service).and_then(Seen::known)
}

async fn cost(bench: &Bench) -> u64 {
    let before = bench.requests();
    bench.observe().await;
    bench.requests() - before
}

#[tokio::test(start_paused = true)]
async fn services_are_offered_as_wished_and_set_once() {
    let bench = installed().await;
    let seen = ad(&bench).await;
    let told: Vec<_> = seen.integration_services.keys().map(|service| (*service, *offer(&seen, *service).expect("it is seen"))).collect();
    assert_eq!(told, [(IntegrationService::Heartbeat, Offer::On), (IntegrationService::TimeSync, Offer::Off)]);
    assert_eq!(
        bench.changes().iter().filter(|method| *method == "ModifyGuestServiceSettings").count(),
        1,
        "the rest is as Hyper-V makes it"
    );
}

#[tokio::test(start_paused = true)]
async fn what_somebody_turned_off_is_seen_at_the_next_look_and_turned_on_again() {
    let bench = installed().await;
    bench.observe().await;
    let other = bench.another_agent();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let switched = other.operations().offer_integration_service(&of("ad1.2.1"), IntegrationService::Heartbeat, Offer::Off).await;
    switched.expect("it may be off");
    let seen = ad(&bench).await;
    assert_eq!(offer(&seen, IntegrationService::Heartbeat), Some(&Offer::Off));
    assert!(seen.guest.known().is_some(), "its last door is tried before a silent service is believed");
    bench.converge().await;
    assert_eq!(offer(&ad(&bench).await, IntegrationService::Heartbeat), Some(&Offer::On));
}

#[tokio::test(start_paused = true)]
async fn a_look_at_a_host_where_nothing_happened_asks_for_no_service() {
    let bench = installed().await;
    let plain = {
        let bench = Bench::bare();
        bench.converge().await;
        cost(&bench).await;
        cost(&bench).await
    };
    cost(&bench).await;
    assert_eq!(cost(&bench).await, plain);
    tokio::time::sleep(Duration::from_secs(3601)).await;
    assert_eq!(cost(&bench).await, plain + 3, "the cluster, and a request for each service that is wished");
    assert_eq!(cost(&bench).await, plain);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_cannot_be_seen_is_unknown_and_set_to_nothing() {
    let bench = installed().await;
    let other = bench.another_agent();
    bench.play("- {on: {class: Msvm_TimeSyncComponentSettingData}, do: {fault: 2150858793}}");
    let observed = other.observe(&bench.desired).await.expect("the rest is seen");
    let seen = &observed.instances[&of("2.1")].vms[&of("ad")].integration_services;
    assert!(matches!(seen[&IntegrationService::TimeSync], Seen::Unknown(Cause::Failed(_))), "{seen:?}");
    assert_eq!(seen[&IntegrationService::Heartbeat], Seen::Known(Offer::On));
    assert!(bench.plan(&observed).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_boot_order_is_seen_without_a_request_and_set_while_the_vm_is_off() {
    let mut bench = installed().await;
    cost(&bench).await;
    let plain = cost(&bench).await;
    assert_eq!(ad(&bench).await.boot_order, Seen::Unknown(Cause::NotObserved), "nobody wished for one");
    bench.desired.roles[0].boot_order = vec![BootDevice::Network];
    assert_eq!(cost(&bench).await, plain);
    assert_eq!(ad(&bench).await.boot_order, Seen::Known(vec![BootDevice::Disk, BootDevice::Network]));
    let running = bench.step("ad", Act::SetBootOrder { to: vec![BootDevice::Network] });
    assert!(matches!(bench.check(&running).await, Check::Blocked(_)), "it runs");
    bench.converge().await;
    let seen = ad(&bench).await;
    assert_eq!(seen.boot_order, Seen::Known(vec![BootDevice::Network, BootDevice::Disk]));
    assert_eq!(seen.power, PowerState::Running);
}
