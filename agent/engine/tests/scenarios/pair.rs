//! Two appliances of one site: the leader first, one at a time, never both out, and never both closed for one reason.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use engine::event::{Event, Happening};
use engine::interrupt::KillSwitch;
use engine::outcome::Outcome;
use model::condition::Posture;
use model::desired::{Desired, Grade};
use model::snapshot::Snapshot;
use plan::fixtures;
use sim::world::{Fault, HostName};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::support::{self, Stage, converge, log, while_running};

fn snapshot(of: &(Desired, Desired)) -> Snapshot {
    support::snapshot([&of.0, &of.1])
}

fn heard(events: &mut broadcast::Receiver<Arc<Event>>) -> Vec<Arc<Event>> {
    std::iter::from_fn(|| events.try_recv().ok()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_leader_goes_first_and_a_change_never_takes_both_out() {
    log();
    let stage = Stage::new();
    let mut pair = stage.pair();
    let engine = stage.engine(KillSwitch::default());
    let mut events = engine.listen();
    converge(&engine, &snapshot(&pair)).await;
    let order: Vec<String> = heard(&mut events)
        .iter()
        .filter(|event| matches!(event.what, Happening::StepDone { .. }))
        .map(|event| event.appliance.to_string())
        .collect();
    let mut changes = order.clone();
    changes.dedup();
    assert_eq!(changes, ["branch-1", "branch-2"], "the leader was finished before the other was begun");

    pair.0.roles[0].processors = Some(4);
    pair.1.roles[0].processors = Some(4);
    converge(&engine, &snapshot(&pair)).await;
    let (mut out, mut was_out) = (BTreeSet::new(), BTreeSet::new());
    for event in heard(&mut events) {
        if let Happening::Posture { now } = &event.what {
            if *now == Posture::Serving {
                out.remove(&event.appliance);
            } else {
                out.insert(event.appliance.clone());
                was_out.insert(event.appliance.clone());
            }
            assert!(out.len() < 2, "both are out at {}", event.at);
        }
    }
    assert_eq!(was_out.len(), 2, "each had its turn");
}

#[tokio::test(start_paused = true)]
async fn that_the_leader_finished_an_older_wish_lets_nobody_go_first() {
    log();
    let stage = Stage::new();
    let mut pair = stage.pair();
    let engine = stage.converged(&snapshot(&pair)).await;

    let mut events = engine.listen();
    pair.0.roles[0].processors = Some(4);
    pair.1.roles[0].processors = Some(4);
    // The leader cannot be seen, so its last word, young enough to count, is about the wish before.
    pair.0.host.address = "192.168.0.99".to_owned();
    let ended = engine.settle(&snapshot(&pair), CancellationToken::new()).await;
    let second = &ended[&pair.1.appliance];
    assert!(matches!(second, Outcome::Waiting { waits, .. } if waits.iter().any(|wait| wait.on == "leader")), "{second:#?}");
    let done: Vec<_> = heard(&mut events).into_iter().filter(|event| matches!(event.what, Happening::StepDone { .. })).collect();
    assert!(done.is_empty(), "{done:#?}");
}

#[tokio::test(start_paused = true)]
async fn one_fault_on_both_closes_one_and_raises_one_alert() {
    log();
    let stage = Stage::new();
    let mut pair = stage.pair();
    for desired in [&mut pair.0, &mut pair.1] {
        // Without it no call goes through, so even the last one that serves would close for it.
        desired.roles[0].services = Arc::new([fixtures::service(&["AppSvc"], Grade::CallPath)]);
    }
    let engine = stage.converged(&snapshot(&pair)).await;

    let mut events = engine.listen();
    while_running(&engine, &snapshot(&pair), async |_| {
        for host in ["hv-1", "hv-2"] {
            let stops = Fault::ServiceStops { host: HostName::new(host), vm: Some("app1.2.1".to_owned()), service: "AppSvc".to_owned() };
            stage.sim.apply(stops).unwrap();
        }
        tokio::time::sleep(Duration::from_secs(240)).await;
    })
    .await;
    let told = heard(&mut events);
    let alerts = told.iter().filter(|event| matches!(event.what, Happening::Alert { .. })).count();
    let closed: BTreeSet<_> = told
        .iter()
        .filter(|event| matches!(&event.what, Happening::StepDone { step, .. } if step.as_str().contains("hold-service")))
        .map(|event| event.appliance.clone())
        .collect();
    assert_eq!(closed.len(), 1, "{closed:?} were closed for one reason");
    assert_eq!(alerts, 1, "that the other was held open is told once");
    let status = engine::status::read_all(&stage.state()).0;
    for status in status {
        // One was closed, mended and let back; the other stayed open and was mended in place.
        assert_eq!(status.posture, Some(Posture::Serving), "{status:#?}");
    }
}

/// The change for the first one alone.
fn with_a_change_of_the_first(mut pair: (Desired, Desired)) -> (Desired, Desired) {
    pair.0.roles[0].processors = Some(4);
    pair
}

fn holds(event: &Event) -> bool {
    matches!(&event.what, Happening::StepDone { step, .. } if step.as_str().contains("hold-service"))
}

#[tokio::test(start_paused = true)]
async fn while_one_is_worked_on_the_other_does_not_close_for_a_support_fault() {
    log();
    let stage = Stage::new();
    let pair = stage.pair();
    let engine = stage.converged(&snapshot(&pair)).await;

    let mut events = engine.listen();
    let mut fell = Vec::new();
    while_running(&engine, &snapshot(&with_a_change_of_the_first(pair.clone())), async |_| {
        support::heard(&mut events, |event| event.appliance == pair.0.appliance && holds(event)).await;
        let stops = Fault::ServiceStops { host: HostName::new("hv-2"), vm: Some("app1.2.1".to_owned()), service: "AppSvc".to_owned() };
        stage.sim.apply(stops).unwrap();
        let back = |event: &Event| event.appliance == pair.0.appliance && matches!(event.what, Happening::Converged { .. });
        loop {
            let event = support::heard(&mut events, |_| true).await;
            if back(&event) {
                break;
            }
            if event.appliance == pair.1.appliance {
                fell.push(event);
            }
        }
    })
    .await;
    assert!(!fell.iter().any(|event| holds(event)), "nobody serves: {fell:#?}");
    let degraded = |event: &Arc<Event>| matches!(event.what, Happening::Posture { now: Posture::Degraded(_) });
    assert!(fell.iter().any(degraded), "the fault was seen meanwhile: {fell:#?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_moves_to_another_site_leaves_its_turn_behind() {
    log();
    let stage = Stage::new();
    let mut pair = stage.pair();
    let engine = stage.converged(&snapshot(&pair)).await;

    let mut events = engine.listen();
    pair = with_a_change_of_the_first(pair);
    while_running(&engine, &snapshot(&pair), async |snapshots| {
        support::heard(&mut events, |event| event.appliance == pair.0.appliance && holds(event)).await;
        for desired in [&mut pair.0, &mut pair.1] {
            (desired.peers, desired.leader, desired.availability.min_serving) = (Vec::new(), desired.appliance.clone(), 0);
        }
        // The change of the second is allowed: it is alone now, and its window is open.
        pair.1.windows = Arc::clone(&stage.desired.windows);
        pair.1.availability.planned_outage = stage.desired.availability.planned_outage.clone();
        pair.0.site = fixtures::of("tacoma");
        pair.1.roles[0].processors = Some(4);
        snapshots.send(snapshot(&pair)).unwrap();
        let done = |event: &Event| matches!(event.what, Happening::Converged { .. });
        let mut waits: BTreeSet<_> = [pair.0.appliance.clone(), pair.1.appliance.clone()].into();
        while !waits.is_empty() {
            let event = support::heard(&mut events, done).await;
            waits.remove(&event.appliance);
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn whoever_was_not_seen_a_moment_ago_is_not_relied_on() {
    log();
    let stage = Stage::new();
    let mut pair = stage.pair();
    let engine = stage.converged(&snapshot(&pair)).await;

    let mut events = engine.listen();
    // As far as anybody can tell, its host is dead.
    pair.1.host.address = "192.168.0.99".to_owned();
    while_running(&engine, &snapshot(&pair), async |snapshots| {
        let blind = |event: &Event| event.appliance == pair.1.appliance && matches!(event.what, Happening::Retrying { .. });
        support::heard(&mut events, blind).await;
        snapshots.send(snapshot(&with_a_change_of_the_first(pair.clone()))).unwrap();
        let decided = |event: &Event| {
            event.appliance == pair.0.appliance
                && (holds(event) || matches!(event.what, Happening::Waiting { .. } | Happening::Begun { .. }))
        };
        let first = support::heard(&mut events, decided).await;
        let says = first.what.to_string();
        assert!(says.contains("1 other appliances must be seen serving, 0 are"), "{says}");
    })
    .await;
}
