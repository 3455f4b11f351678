//! Many appliances and few places: whoever is worked on keeps nobody from being looked at, and planned work has its bound.

use engine::Limits;
use engine::event::{Event, Happening};
use engine::interrupt::KillSwitch;
use model::desired::Desired;
use plan::fixtures;
use sim::world::{Fault, HostName};
use tokio_util::sync::CancellationToken;

use crate::support::{Stage, WORLD, converge, heard, is_done, log, snapshot};

/// The wishes for two appliances that have nothing to do with each other.
fn strangers(stage: &Stage) -> (Desired, Desired) {
    let (mut first, mut second) = stage.pair();
    second.site = fixtures::of("portland");
    for one in [&mut first, &mut second] {
        one.peers.clear();
        one.leader = one.appliance.clone();
        one.availability.min_serving = 0;
    }
    (first, second)
}

#[tokio::test(start_paused = true)]
async fn one_place_to_look_from_is_enough_to_mend_one_appliance_while_another_is_installed() {
    log();
    let world = WORLD.replace("computerName: TEMPLATE", "computerName: TEMPLATE\n    firstBoot: 4m");
    let mut stage = Stage::in_world(&world, 1);
    let (first, second) = strangers(&stage);
    drop(stage.converged(&snapshot([&second])).await);

    stage.limits = Limits { looks: 1, ..Limits::default() };
    stage
        .while_running(&snapshot([&first, &second]), async |events| {
            heard(events, |event| matches!(&event.what, Happening::StepStarted { step, .. } if step.as_str().contains("inject-address")))
                .await;
            let stops = Fault::ServiceStops { host: HostName::new("hv-2"), vm: Some("app1.2.1".to_owned()), service: "AppSvc".to_owned() };
            stage.sim.apply(stops).unwrap();
            let broken = stage.clock.now();
            let mended = heard(events, |event| is_done(event, "2.1/app/start-service/AppSvc") || is_converged(event, &first)).await;
            assert_eq!(mended.appliance, second.appliance, "the installation was not waited for");
            let took = mended.at.duration_since(broken);
            assert!(took.as_secs() < 120, "{took:#}");
        })
        .await;
}

fn is_converged(event: &Event, wish: &Desired) -> bool {
    event.appliance == wish.appliance && matches!(event.what, Happening::Converged { .. })
}

#[tokio::test(start_paused = true)]
async fn where_there_is_room_for_one_installation_the_others_say_that_they_wait_and_come_after_it() {
    log();
    let mut stage = Stage::new();
    stage.limits = Limits { works: 1, ..Limits::default() };
    let (first, second) = strangers(&stage);
    let engine = stage.engine(KillSwitch::default());
    let mut events = engine.listen();
    converge(&engine, &snapshot([&first, &second])).await;
    let told: Vec<_> = std::iter::from_fn(|| events.try_recv().ok()).collect();
    let mut order: Vec<_> =
        told.iter().filter(|event| matches!(event.what, Happening::StepStarted { .. })).map(|event| event.appliance.clone()).collect();
    order.dedup();
    assert_eq!(order.len(), 2, "one after the other: {order:?}");
    let says = "waiting: another appliance is being worked on, and this agent works on one at a time";
    assert!(told.iter().any(|event| event.appliance == order[1] && event.what.to_string() == says), "{told:#?}");
}

#[tokio::test(start_paused = true)]
async fn no_repair_waits_for_an_installation() {
    log();
    let world = WORLD.replace("computerName: TEMPLATE", "computerName: TEMPLATE\n    firstBoot: 4m");
    let mut stage = Stage::in_world(&world, 1);
    let (first, second) = strangers(&stage);
    let engine = stage.engine(KillSwitch::default());
    engine.settle(&snapshot([&second]), CancellationToken::new()).await;
    drop(engine);
    stage.limits = Limits { works: 1, ..Limits::default() };
    stage
        .while_running(&snapshot([&first, &second]), async |events| {
            heard(events, |event| matches!(&event.what, Happening::StepStarted { step, .. } if step.as_str().contains("inject-address")))
                .await;
            stage.sim.apply(Fault::VmOff { host: HostName::new("hv-2"), vm: "app1.2.1".to_owned() }).unwrap();
            let mended = heard(events, |event| is_done(event, "2.1/app/start-vm") || is_converged(event, &first)).await;
            assert_eq!(mended.appliance, second.appliance);
        })
        .await;
}
