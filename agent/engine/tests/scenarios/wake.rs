//! What a host or a guest tells by itself is enough: these appliances are looked at by the clock once a day.

use engine::interrupt::KillSwitch;
use engine::outcome::Outcome;
use model::units::Span;
use sim::world::Fault;

use crate::support::{Stage, heard, is_done, log};

const VM: &str = "app1.2.1";

/// An appliance in force that nobody looks at before tomorrow.
async fn unwatched() -> Stage {
    log();
    let mut stage = Stage::new();
    assert_eq!(stage.settle(KillSwitch::default()).await, Outcome::Converged);
    stage.desired.watch.probe_every = Span::from_secs(86_400);
    stage
}

/// After which time a fault was mended.
async fn mended_after(fault: impl FnOnce(&Stage) -> Fault, step: &str) -> u64 {
    let stage = unwatched().await;
    let mut took = 0;
    stage
        .while_running(&stage.snapshot(), async |events| {
            // Both subscriptions stand by then, and nothing has been looked at for half an hour.
            tokio::time::sleep(std::time::Duration::from_secs(1800)).await;
            let quiet = stage.sim.exchanges().len();
            tokio::time::sleep(std::time::Duration::from_secs(50)).await;
            assert!(stage.sim.exchanges().len() <= quiet + 4, "but for heartbeats nobody asks anything");
            stage.sim.apply(fault(&stage)).unwrap();
            let broken = stage.clock.now();
            let mended = heard(events, |event| is_done(event, step)).await;
            took = u64::try_from(mended.at.duration_since(broken).as_secs()).unwrap();
        })
        .await;
    took
}

#[tokio::test(start_paused = true)]
async fn a_vm_that_goes_off_is_started_because_its_host_tells() {
    let took = mended_after(|stage| Fault::VmOff { host: stage.host(), vm: VM.to_owned() }, "2.1/app/start-vm").await;
    assert!(took < 60, "{took} s");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stops_is_started_because_its_guest_tells() {
    let stops = |stage: &Stage| Fault::ServiceStops { host: stage.host(), vm: Some(VM.to_owned()), service: "AppSvc".to_owned() };
    let took = mended_after(stops, "2.1/app/start-service/AppSvc").await;
    assert!(took < 60, "{took} s");
}
