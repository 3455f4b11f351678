//! What an appliance that takes no calls waits for, and what it does not wait for.

use std::time::Duration;

use engine::event::{Event, Happening};
use engine::interrupt::KillSwitch;
use engine::outcome::Outcome;
use model::condition::{Posture, Reason};
use sim::world::Fault;
use tokio_util::sync::CancellationToken;

use crate::support::{Stage, WORLD, heard, is_done, log};

/// A second image whose guest takes long to come up again, and the wish for both roles; the second one carries the calls.
async fn two_roles(boot: &str) -> Stage {
    log();
    let gateway = format!(
        "  - name: gateway\n    computerName: OTHER\n    boot: {boot}\n    accounts: [{{user: Administrator, password: guest-secret}}]\n    \
         services: [{{name: GateSvc}}]\nhosts:\n"
    );
    let world = WORLD.replace("hosts:\n", &gateway).replace(
        r"files: [{path: 'D:\Images\app.vhdx', gib: 12, image: app}]",
        r"files: [{path: 'D:\Images\app.vhdx', gib: 12, image: app}, {path: 'D:\Images\gateway.vhdx', gib: 12, image: gateway}]",
    );
    in_force(&world).await
}

/// Both roles on such a host, in force.
async fn in_force(world: &str) -> Stage {
    let stage = Stage::in_world(world, 2);
    let mut outcome = stage.settle(KillSwitch::default()).await;
    while let Outcome::Retrying { .. } = outcome {
        tokio::time::sleep(Duration::from_secs(60)).await;
        outcome = stage.settle(KillSwitch::default()).await;
    }
    assert_eq!(outcome, Outcome::Converged);
    stage
}

/// The same, with a support service that takes 20 minutes to start, and a call-path service that starts at once.
async fn with_a_slow_service() -> Stage {
    log();
    let gateway = "  - name: gateway\n    computerName: OTHER\n    accounts: [{user: Administrator, password: guest-secret}]\n    \
         services: [{name: GateSvc}]\nhosts:\n";
    let world = WORLD.replace("{name: AppSvc}", "{name: AppSvc, startTakes: 20m}").replace("hosts:\n", gateway).replace(
        r"files: [{path: 'D:\Images\app.vhdx', gib: 12, image: app}]",
        r"files: [{path: 'D:\Images\app.vhdx', gib: 12, image: app}, {path: 'D:\Images\gateway.vhdx', gib: 12, image: gateway}]",
    );
    in_force(&world).await
}

fn stops(stage: &Stage, vm: &str, service: &str) {
    let stops = Fault::ServiceStops { host: stage.host(), vm: Some(vm.to_owned()), service: service.to_owned() };
    stage.sim.apply(stops).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_support_service_that_takes_long_to_start_hides_no_fault_in_the_call_path_and_keeps_no_calls_away() {
    let stage = with_a_slow_service().await;
    stage
        .while_running(&stage.snapshot(), async |events| {
            tokio::time::sleep(Duration::from_secs(90)).await;
            stops(&stage, "app1.2.1", "AppSvc");
            let is_start =
                |event: &Event| matches!(&event.what, Happening::StepStarted { step, .. } if step.as_str().contains("app/start-service"));
            heard(events, is_start).await;
            tokio::time::sleep(Duration::from_secs(25)).await;
            stops(&stage, "gateway1.2.1", "GateSvc");
            let broken = stage.clock.now();
            let closed = heard(events, |event| matches!(event.what, Happening::Posture { now: Posture::Down(_) })).await;
            let noticed = closed.at.duration_since(broken);
            // The next look, and the one that confirms it.
            assert!(noticed.as_secs() <= 60 + 10 + 5, "noticed after {noticed:#}");
            let back = heard(events, |event| is_done(event, "2.1/gateway/start-service/GateSvc")).await;
            let took = back.at.duration_since(closed.at);
            assert!(took.as_secs() <= 60 + 30, "back {took:#} later");
            // What was slow is waited for as long as before, and looked at meanwhile.
            heard(events, |event| matches!(event.what, Happening::Converged { .. })).await;
        })
        .await;
    assert_eq!(stage.status(&stage.name()).posture, Some(Posture::Serving));
}

#[tokio::test(start_paused = true)]
async fn while_one_guest_takes_its_time_the_others_are_looked_at_and_mended() {
    let stage = two_roles("25m").await;
    stage
        .while_running(&stage.snapshot(), async |events| {
            tokio::time::sleep(Duration::from_secs(90)).await;
            stage.sim.apply(Fault::VmOff { host: stage.host(), vm: "gateway1.2.1".to_owned() }).unwrap();
            let awaits = heard(
                events,
                |event| matches!(&event.what, Happening::StepStarted { step, .. } if step.as_str().contains("gateway/await")),
            )
            .await;
            stage.sim.apply(Fault::VmOff { host: stage.host(), vm: "app1.2.1".to_owned() }).unwrap();
            let started =
                heard(events, |event| is_done(event, "2.1/app/start-vm") || is_done(event, "2.1/gateway/await-guest/serving")).await;
            assert!(is_done(&started, "2.1/app/start-vm"), "{}", started.what);
            assert!(started.at.duration_since(awaits.at).as_secs() < 120, "{} after {}", started.at, awaits.at);
            // Everything comes to a good end, and the long look is told once.
            let mut begun = 0;
            loop {
                let event = heard(events, |_| true).await;
                match &event.what {
                    Happening::StepStarted { step, .. } if step.as_str() == "2.1/gateway/await-guest/serving" => begun += 1,
                    Happening::Converged { .. } => break,
                    _ => {}
                }
            }
            assert_eq!(begun, 0, "it was begun once, before");
        })
        .await;
    assert_eq!(stage.status(&stage.name()).posture, Some(Posture::Serving));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_no_guest() {
    let stage = two_roles("25m").await;
    let mut stopped = stage.clock.now();
    stage
        .while_running(&stage.snapshot(), async |events| {
            tokio::time::sleep(Duration::from_secs(90)).await;
            stage.sim.apply(Fault::VmOff { host: stage.host(), vm: "gateway1.2.1".to_owned() }).unwrap();
            heard(events, |event| matches!(&event.what, Happening::StepStarted { step, .. } if step.as_str().contains("gateway/await")))
                .await;
            stopped = stage.clock.now();
        })
        .await;
    let took = stage.clock.now().duration_since(stopped);
    assert!(took.as_secs() < 10, "{took:#}");
    assert_eq!(stage.status(&stage.name()).running, []);
}

#[tokio::test(start_paused = true)]
async fn a_support_vm_that_will_not_start_keeps_the_calls_of_the_last_one_waiting_for_one_attempt_only() {
    let stage = two_roles("40s").await;
    stage
        .while_running(&stage.snapshot(), async |events| {
            tokio::time::sleep(Duration::from_secs(90)).await;
            for vm in ["gateway1.2.1", "app1.2.1"] {
                stage.sim.apply(Fault::VmOff { host: stage.host(), vm: vm.to_owned() }).unwrap();
            }
            let lost = Fault::FileLost { host: stage.host(), path: r"D:\Trunkline\Instances\2.1\app.vhdx".to_owned() };
            stage.sim.apply(lost).unwrap();
            let broken = stage.clock.now();
            let open = heard(events, |event| matches!(event.what, Happening::Posture { now: Posture::Degraded(_) })).await;
            let took = open.at.duration_since(broken);
            assert!(took.as_secs() < 300, "{took:#}");
        })
        .await;
    // It is the one that is ill, and it is tried again.
    let status = stage.status(&stage.name());
    assert!(status.attempts > 0, "{status:#?}");
}

#[tokio::test(start_paused = true)]
async fn beside_a_mark_that_cannot_be_read_nothing_is_built_and_its_end_is_seen_within_a_probe() {
    log();
    let odd = "    switches: [{name: Corpnet, type: external, nic: Ethernet, allowManagementOs: true}]\n    \
               machines: [{name: app1.2.1, notes: ['trunkline/1 fleet=contoso appliance=branch-1 role=ap']}]\n";
    let plain = "    switches: [{name: Corpnet, type: external, nic: Ethernet, allowManagementOs: true}]\n";
    let stage = Stage::in_world(&WORLD.replacen(plain, odd, 1), 1);
    let engine = stage.engine(KillSwitch::default());
    let outcome = engine.settle(&stage.snapshot(), CancellationToken::new()).await.remove(&stage.name()).unwrap();
    drop(engine);
    assert!(matches!(outcome, Outcome::Stalled { reason: Reason::UnreadableMark, until: None, .. }), "{outcome:?}");
    assert_eq!(stage.methods().len(), 0);
    stage
        .while_running(&stage.snapshot(), async |events| {
            tokio::time::sleep(Duration::from_secs(300)).await;
            stage.sim.apply(Fault::VmDeleted { host: stage.host(), vm: "app1.2.1".to_owned() }).unwrap();
            let mended = stage.clock.now();
            let begun = heard(events, |event| matches!(event.what, Happening::Begun { .. })).await;
            assert!(begun.at.duration_since(mended).as_secs() <= 60);
        })
        .await;
}
