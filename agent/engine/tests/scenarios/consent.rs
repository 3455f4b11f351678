//! What has served is destroyed only with a consent in git to just that.

use std::sync::Arc;

use engine::interrupt::{Interrupt, KillPoint, KillSwitch};
use engine::outcome::Outcome;
use engine::preview::preview;
use model::desired::StartAction;
use model::manifest::Approved;
use model::snapshot::Snapshot;
use model::units::MacAddress;
use model::validate::Approval;
use plan::consent::Consent;
use plan::fixtures::of;
use plan::step::StepId;
use sim::world::Fault;
use tokio_util::sync::CancellationToken;

use crate::support::{Stage, log};

/// The VM of an older instance that has served, off, beside that of the instance that is wished for.
async fn with_an_older_instance() -> Stage {
    log();
    let mut stage = Stage::new();
    assert_eq!(stage.settle(KillSwitch::default()).await, Outcome::Converged);
    // It is given up.
    stage.desired.roles[0].start_action = StartAction::Nothing;
    assert_eq!(stage.settle(KillSwitch::default()).await, Outcome::Converged);
    stage.sim.apply(Fault::VmOff { host: stage.host(), vm: "app1.2.1".to_owned() }).unwrap();
    stage.desired.instance = of("2.2");
    let role = &mut stage.desired.roles[0];
    role.start_action = StartAction::AlwaysStart;
    (role.vm, role.disk) = (of("app1.2.2"), of(r"D:\Trunkline\Instances\2.2\app.vhdx"));
    for adapter in &mut role.adapters {
        let [a, b, c, d, _, f] = adapter.mac.bytes();
        adapter.mac = MacAddress::new([a, b, c, d, 0x77, f]);
    }
    assert_eq!(stage.settle(KillSwitch::default()).await, Outcome::Converged);
    stage.desired.prune = true;
    stage
}

async fn shown(stage: &Stage) -> Consent {
    let mut previews = preview(stage.parts(KillSwitch::default()), &stage.snapshot(), &[stage.name()].into()).await;
    previews.remove(&stage.name()).unwrap().unwrap().decision.report.consent.unwrap()
}

fn approval(stage: &Stage, consent: &Consent) -> Approval {
    Approval {
        name: "goodbye".to_owned(),
        appliance: stage.name(),
        allow: Approved::Destroy,
        plan: consent.digest.clone(),
        expires: of("2026-03-04T00:00:00Z"),
        reason: "nobody goes back to 2.1".to_owned(),
    }
}

fn with(stage: &Stage, approval: Approval) -> Snapshot {
    Snapshot { approvals: Arc::new(vec![approval]), ..stage.snapshot() }
}

fn says(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Waiting { waits, .. } => waits.iter().map(|wait| wait.says.as_str()).collect::<Vec<_>>().join("\n"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_served_is_deleted_with_an_approval_of_just_that_plan() {
    let stage = with_an_older_instance().await;
    let (outcome, done) = stage.steps_of(&stage.snapshot()).await;
    assert_eq!(done, Vec::<String>::new());
    let (asked, consent) = (says(&outcome), shown(&stage).await);
    assert!(asked.contains(&format!("approve with: an Approval (`allow: destroy`) of plan {}", consent.digest)), "{asked}");

    let right = approval(&stage, &consent);
    let late = Approval { expires: stage.clock.now(), ..right.clone() };
    let (outcome, done) = stage.steps_of(&with(&stage, late)).await;
    assert!(done.is_empty() && says(&outcome).contains("`goodbye` expired at"), "{done:?} {outcome:?}");
    let other = Approval { plan: "0".repeat(64), ..right.clone() };
    let (outcome, done) = stage.steps_of(&with(&stage, other)).await;
    assert!(done.is_empty() && says(&outcome).contains("`goodbye` is of another plan"), "{done:?} {outcome:?}");

    let (outcome, done) = stage.steps_of(&with(&stage, right)).await;
    assert_eq!(outcome, Outcome::Converged);
    assert_eq!(done, [r"2.1/app/remove-disk/D:\Trunkline\Instances\2.1\app.vhdx", "2.1/app/remove-vm"]);
}

/// The disk is gone, the VM is not.
#[derive(Debug)]
struct DieBeforeTheVmGoes;

impl Interrupt for DieBeforeTheVmGoes {
    fn dies_at(&self, point: KillPoint, step: &StepId) -> bool {
        point == KillPoint::BeforeIntent && step.as_str().ends_with("/remove-vm")
    }

    fn dies_after(&self, _: &StepId) -> Option<std::time::Duration> {
        None
    }
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_dies_half_way_needs_no_second_consent() {
    let stage = with_an_older_instance().await;
    let snapshot = with(&stage, approval(&stage, &shown(&stage).await));
    let engine = stage.engine(KillSwitch::held_by(Arc::new(DieBeforeTheVmGoes)));
    let outcome = engine.settle(&snapshot, CancellationToken::new()).await.remove(&stage.name()).unwrap();
    assert_eq!(outcome, Outcome::Stopped);
    drop(engine);
    let (outcome, done) = stage.steps_of(&snapshot).await;
    assert_eq!((outcome, done), (Outcome::Converged, vec!["2.1/app/remove-vm".to_owned()]));
}
