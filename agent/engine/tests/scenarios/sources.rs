//! What the repository says and does not say: removals, refusals, holds.

use std::sync::Arc;
use std::time::Duration;

use engine::hold::{Hold, HoldScope, Holds};
use engine::interrupt::KillSwitch;
use engine::outcome::Outcome;
use engine::status::{ApplianceStatus, read_all};
use model::condition::{ConditionKind, Reason, Truth};
use model::desired::Mode;
use model::diagnostic::{Code, Diagnostic, Place, Refuses, Severity};
use model::snapshot::{Kept, Revision, Snapshot};
use model::units::Span;
use tokio_util::sync::CancellationToken;

use crate::support::{Stage, log, while_running};

fn status(stage: &Stage) -> ApplianceStatus {
    read_all(&stage.state()).0.remove(0)
}

fn reason(stage: &Stage, kind: ConditionKind) -> (Truth, Reason) {
    let status = status(stage);
    let condition = status.condition(kind).unwrap();
    (condition.status, condition.reason)
}

#[tokio::test(start_paused = true)]
async fn an_appliance_that_is_no_longer_described_is_let_go_only_when_every_document_is_sound() {
    log();
    let mut stage = Stage::new();
    stage.desired.mode = Mode::Observe;
    let engine = stage.engine(KillSwitch::default());
    while_running(&engine, &stage.snapshot(), async |snapshots| {
        tokio::time::sleep(Duration::from_secs(5)).await;
        snapshots.send(Snapshot { complete: false, ..Snapshot::unread() }).unwrap();
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert_eq!(reason(&stage, ConditionKind::Ready), (Truth::False, Reason::ModeForbids), "no removal is believed yet");
        snapshots.send(Snapshot { complete: true, ..Snapshot::unread() }).unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(reason(&stage, ConditionKind::Ready), (Truth::Unknown, Reason::NotDescribed));
    })
    .await;
    assert_eq!(stage.methods().len(), 0, "nothing on the host was touched");
}

fn fault() -> Diagnostic {
    Diagnostic {
        place: Place { file: "sites/seattle/sea-1.yaml".into(), line: 14, column: 15, length: 2 },
        code: Code::FaultyPolicy,
        severity: Severity::Error,
        message: "12 processors, the host has 8".to_owned(),
        expected: None,
        hint: None,
        related: Vec::new(),
        refuses: Refuses::Everything,
        source_line: None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_revision_is_said_first_and_the_last_good_one_stays_in_force() {
    log();
    let mut stage = Stage::new();
    stage.desired.mode = Mode::Observe;
    let good = stage.snapshot();
    let kept = Kept { revision: good.revision.clone(), desired: Arc::clone(&good.desired[&stage.name()]) };
    let refused = Snapshot {
        revision: Revision::of_commit("main", "bad0bad0bad0bad0"),
        refused: Arc::new([(stage.name(), vec![fault()])].into()),
        kept: Arc::new([(stage.name(), kept)].into()),
        ..Snapshot::unread()
    };
    let engine = stage.engine(KillSwitch::default());
    let outcome = engine.settle(&refused, CancellationToken::new()).await.remove(&stage.name()).unwrap();
    assert!(matches!(outcome, Outcome::Waiting { .. }), "{outcome:?}");
    let status = status(&stage);
    assert_eq!(status.revision, Some(good.revision));
    assert_eq!(reason(&stage, ConditionKind::Stalled), (Truth::True, Reason::InvalidManifest));
    let says = &status.condition(ConditionKind::Ready).unwrap().message;
    insta::assert_snapshot!(says, @"main@bad0bad0bad0 is refused: 1 fault, first at sites/seattle/sea-1.yaml:14: 12 processors, the host has 8; main@1f2e3d4c5b6a stays in force: mode `observe` allows no more");
}

#[tokio::test(start_paused = true)]
async fn what_stays_in_force_beside_a_refused_revision_is_said_once() {
    log();
    let stage = Stage::new();
    assert_eq!(stage.settle(KillSwitch::default()).await, Outcome::Converged);
    let good = stage.snapshot();
    let kept = Kept { revision: good.revision.clone(), desired: Arc::clone(&good.desired[&stage.name()]) };
    let refused = Snapshot {
        revision: Revision::of_commit("main", "bad0bad0bad0bad0"),
        refused: Arc::new([(stage.name(), vec![fault()])].into()),
        kept: Arc::new([(stage.name(), kept)].into()),
        ..Snapshot::unread()
    };
    let engine = stage.engine(KillSwitch::default());
    engine.settle(&refused, CancellationToken::new()).await;
    let says = status(&stage).condition(ConditionKind::Stalled).unwrap().message.clone();
    assert!(says.ends_with("12 processors, the host has 8; main@1f2e3d4c5b6a stays in force"), "{says}");
}

#[tokio::test(start_paused = true)]
async fn an_appliance_that_never_had_a_good_wish_is_stalled_without_a_look() {
    log();
    let stage = Stage::new();
    let refused = Snapshot { refused: Arc::new([(stage.name(), vec![fault()])].into()), ..Snapshot::unread() };
    let engine = stage.engine(KillSwitch::default());
    let outcome = engine.settle(&refused, CancellationToken::new()).await.remove(&stage.name()).unwrap();
    assert!(matches!(outcome, Outcome::Stalled { reason: Reason::InvalidManifest, .. }), "{outcome:?}");
    assert_eq!(stage.sim.exchanges(), []);
}

#[tokio::test(start_paused = true)]
async fn a_hold_on_the_host_stops_everything_until_it_expires() {
    log();
    let stage = Stage::new();
    let hold = Hold::starting_at(stage.clock.now(), Span::from_secs(600), HoldScope::All, "cabling");
    Holds::of(&stage.state()).place(&hold).unwrap();
    let engine = stage.engine(KillSwitch::default());
    while_running(&engine, &stage.snapshot(), async |_| {
        tokio::time::sleep(Duration::from_secs(590)).await;
        assert_eq!(reason(&stage, ConditionKind::Ready), (Truth::False, Reason::Held));
        assert_eq!(status(&stage).hold.map(|hold| hold.reason), Some("cabling".to_owned()));
        assert_eq!(stage.methods().len(), 0);
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_ne!(stage.methods().len(), 0, "the hold is over");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_away_is_tried_again_and_nothing_is_said_of_what_it_carries() {
    log();
    let mut stage = Stage::new();
    stage.desired.host.address = "192.168.0.77".to_owned();
    let outcome = stage.settle(KillSwitch::default()).await;
    assert!(matches!(outcome, Outcome::Blind { reason: Reason::HostUnreachable, attempts: 3, .. }), "{outcome:?}");
    assert_eq!(reason(&stage, ConditionKind::Ready), (Truth::Unknown, Reason::HostUnreachable));
    assert_eq!(status(&stage).posture, None);
}
