//! A wish is brought into force, kept in force, and changed.

use std::sync::Arc;

use engine::event::Happening;
use engine::interrupt::{Interrupt, KillPoint, KillSwitch};
use engine::outcome::Outcome;
use model::condition::{Posture, Reason};
use plan::step::{Impact, StepId};
use sim::world::Fault;
use tokio_util::sync::CancellationToken;

use crate::support::{Stage, heard, is_done, log};

#[tokio::test(start_paused = true)]
async fn a_bare_host_converges_and_a_second_life_finds_nothing_to_do() {
    log();
    let stage = Stage::new();
    let engine = stage.engine(KillSwitch::default());
    let mut events = engine.listen();
    let outcome = engine.settle(&stage.snapshot(), CancellationToken::new()).await.remove(&stage.name()).unwrap();
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        told.push(event.what.to_string());
    }
    assert_eq!(outcome, Outcome::Converged, "{told:#?}");
    drop(engine);
    let status = engine::status::read_all(&stage.state()).0.remove(0);
    assert_eq!(status.posture, Some(Posture::Serving));
    assert!(status.is_ready(), "{status:#?}");
    let done = stage.sim.mutations().len();

    let engine = stage.engine(KillSwitch::default());
    let mut events = engine.listen();
    let outcome = engine.settle(&stage.snapshot(), CancellationToken::new()).await.remove(&stage.name()).unwrap();
    assert_eq!(outcome, Outcome::Converged);
    assert_eq!(stage.sim.mutations().len(), done, "the second life changed something");
    let steps = std::iter::from_fn(|| events.try_recv().ok()).filter(|event| matches!(event.what, Happening::StepStarted { .. })).count();
    assert_eq!(steps, 0);
}

#[tokio::test(start_paused = true)]
async fn only_what_was_shown_is_applied() {
    log();
    let mut stage = Stage::new();
    assert_eq!(stage.settle(KillSwitch::default()).await, Outcome::Converged);
    stage.desired.roles[0].processors = Some(4);
    let apply = async |shown: Impact| {
        let engine = stage.engine(KillSwitch::default());
        let shown = [(stage.name(), shown)].into();
        engine.apply_once(&stage.snapshot(), shown, CancellationToken::new()).await.remove(&stage.name()).unwrap()
    };
    let before = stage.sim.mutations().len();
    assert!(matches!(apply(Impact::None).await, Outcome::Beyond { .. }));
    assert_eq!(stage.sim.mutations().len(), before);
    assert_eq!(apply(Impact::VmPowerOff).await, Outcome::Converged);
}

#[tokio::test(start_paused = true)]
async fn a_set_up_that_was_begun_from_another_image_is_begun_anew() {
    log();
    let mut stage = Stage::new();
    let death = DieOnce { before: "rename-guest" };
    assert_eq!(stage.settle(KillSwitch::held_by(Arc::new(death))).await, Outcome::Stopped);
    stage.desired.roles[0].spec = "another".to_owned();
    let (outcome, done) = stage.steps_of(&stage.snapshot()).await;
    assert_eq!(outcome, Outcome::Converged, "{done:#?}");
    let begins = ["2.1/app/shut-down-vm", r"2.1/app/remove-disk/D:\Trunkline\Instances\2.1\app.vhdx", "2.1/app/remove-vm"];
    assert_eq!(done[..3], begins);
    assert!(done.iter().any(|step| step == "2.1/app/define-vm"));

    // It serves now: another wish is no reason to delete it.
    stage.desired.roles[0].spec = "a third".to_owned();
    let (outcome, done) = stage.steps_of(&stage.snapshot()).await;
    assert!(matches!(outcome, Outcome::Stalled { reason: Reason::RebuildNeeded, .. }), "{outcome:?}");
    assert_eq!(done, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_serves_is_mended_while_another_release_is_wished_for() {
    log();
    let mut stage = Stage::new();
    assert_eq!(stage.settle(KillSwitch::default()).await, Outcome::Converged);
    let vm = stage.desired.roles[0].vm.to_string();
    stage.desired.instance = "2.2".parse().unwrap();
    for role in &mut stage.desired.roles {
        (role.vm, role.disk) = (format!("{}1.2.2", role.role).parse().unwrap(), r"D:\Trunkline\Instances\2.2\app.vhdx".parse().unwrap());
        role.adapters.iter_mut().zip(0..).for_each(|(adapter, number)| adapter.mac = format!("00155D02020{number}").parse().unwrap());
    }
    let (outcome, done) = stage.steps_of(&stage.snapshot()).await;
    assert!(matches!(outcome, Outcome::Stalled { reason: Reason::RebuildNeeded, .. }), "{outcome:?}");
    assert_eq!((done, stage.status(&stage.name()).posture), (vec![], Some(Posture::Serving)));

    let (host, defined) = (stage.host(), stage.methods()["DefineSystem"]);
    let faults = [
        (Fault::NicUnplugged { host: host.clone(), vm: vm.clone(), adapter: "corpnet".to_owned() }, "2.1/app/connect-adapter/corpnet"),
        (Fault::NicRemoved { host: host.clone(), vm: vm.clone(), adapter: "corpnet".to_owned() }, "2.1/app/connect-adapter/corpnet"),
        (Fault::ServiceStops { host: host.clone(), vm: Some(vm.clone()), service: "AppSvc".to_owned() }, "2.1/app/start-service/AppSvc"),
        (Fault::VmOff { host, vm }, "2.1/app/start-vm"),
    ];
    stage
        .while_running(&stage.snapshot(), async |events| {
            for (fault, step) in faults {
                stage.sim.apply(fault).unwrap();
                heard(events, |event| is_done(event, step)).await;
            }
        })
        .await;
    assert_eq!(stage.methods()["DefineSystem"], defined, "nothing is built in its place");
    stage.steps_of(&stage.snapshot()).await;
    assert_eq!(stage.status(&stage.name()).posture, Some(Posture::Serving));
}

#[derive(Debug)]
struct DieOnce {
    before: &'static str,
}

impl Interrupt for DieOnce {
    fn dies_at(&self, point: KillPoint, step: &StepId) -> bool {
        point == KillPoint::BeforeIntent && step.as_str().contains(self.before)
    }

    fn dies_after(&self, _: &StepId) -> Option<std::time::Duration> {
        None
    }
}
