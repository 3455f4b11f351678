//! Repairs do not stand behind planned work.

use model::desired::{Desired, StartMode};
use model::observed::{Observed, ServiceState};

use crate::decide;
use crate::fixtures::{add_window, cloud_connector, converged, given, given_with_peer, nights, now, of, set_service, turn_off};
use crate::given::{Attempts, Given, Memory, Ruling, Verdict};
use crate::step::{Act, StepId};

fn runs(desired: &Desired, observed: &Observed, given: &Given, verdicts: &[Verdict]) -> Vec<String> {
    let decision = decide(desired, observed, given, |_, _| verdicts.to_vec());
    decision.to_run().1.go.iter().map(ToString::to_string).collect()
}

#[test]
fn a_fault_of_the_last_one_is_repaired_while_a_change_waits_for_its_window() {
    let mut desired = cloud_connector();
    let mut observed = converged(&desired);
    desired.roles[2].processors = Some(4);
    add_window(&mut desired, "nights", nights());
    set_service(&mut observed, "cms", "MASTER", ServiceState::Stopped, StartMode::Automatic);
    let mut given = Given { now: of("2026-03-03T20:00:00Z"), ..given() };
    given.memory.bad_since.insert("cms/MASTER".to_owned(), now());
    let decision = decide(&desired, &observed, &given, |_, _| Vec::new());
    assert_eq!(decision.gated.go, [], "the whole plan begins with the change");
    assert_eq!(runs(&desired, &observed, &given, &[]), ["2.1/cms/start-service/MASTER"]);
}

#[test]
fn a_vm_that_is_off_starts_unchanged_when_a_policy_denies_the_change() {
    let mut desired = cloud_connector();
    let mut observed = converged(&desired);
    desired.roles[3].processors = Some(4);
    turn_off(&mut observed, "edge");
    let deny = Verdict { policy: "friday".to_owned(), ruling: Ruling::Deny, message: "not on a Friday".to_owned() };
    let runs = runs(&desired, &observed, &given_with_peer(), &[deny]);
    assert!(runs.iter().any(|id| id == "2.1/edge/start-vm") && !runs.iter().any(|id| id.contains("set-processors")), "{runs:?}");
}

#[test]
fn serving_does_not_end_for_a_change_whose_step_failed_a_moment_ago() {
    let mut desired = cloud_connector();
    let observed = converged(&desired);
    desired.roles[3].processors = Some(4);
    let mut given = given_with_peer();
    let id = StepId::of(&desired.instance, Some(&of("edge")), &Act::SetProcessors { to: 4 });
    given
        .memory
        .attempts
        .insert(id, Attempts { failed: 1, proven: 1, ended: now(), retry_at: of("2026-03-03T11:30:10Z"), boots: Default::default() });
    assert_eq!(runs(&desired, &observed, &given, &[]), Vec::<String>::new());
}

#[test]
fn while_we_suspect_ourselves_a_vm_that_is_off_still_starts() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    turn_off(&mut observed, "edge");
    let given = Given { breaker: Some("3 of 4 appliances would close".to_owned()), ..given_with_peer() };
    let runs = runs(&desired, &observed, &given, &[]);
    assert!(runs.iter().any(|id| id == "2.1/edge/start-vm") && !runs.iter().any(|id| id.contains("hold-service")), "{runs:?}");
}

#[test]
fn an_unchanged_host_is_planned_alike_whenever_it_is_looked_at() {
    let well = converged(&cloud_connector());
    let stopped = |start_mode| {
        let mut observed = well.clone();
        set_service(&mut observed, "mediation", "RTCSRV", ServiceState::Stopped, start_mode);
        observed
    };
    let mut changed = cloud_connector();
    changed.roles[2].processors = Some(4);
    for (desired, sight, wait) in [
        (&changed, well.clone(), "all must stay well for 1m before calls return"),
        (&changed, stopped(StartMode::Manual), "all must stay well for 1m before calls return"),
        (&cloud_connector(), stopped(StartMode::Automatic), "mediation/RTCSRV is read again before it counts, after 10s"),
    ] {
        let mut told = Vec::new();
        // Of two looks, each by whoever knows nothing from earlier ones.
        for seconds in [0, 2, 100] {
            let at = now().saturating_add(jiff::SignedDuration::new(seconds, 123_456_789)).unwrap();
            let mut given = Given { now: at, memory: Memory::default(), ..given_with_peer() };
            given.memory.note(desired, &sight, at);
            let decision = decide(desired, &sight, &given, |_, _| Vec::new());
            let document = serde_json::to_string(&crate::render::json::decided(&decision)).unwrap();
            let markdown = crate::render::markdown::decided(&decision);
            told.push((crate::render::text::decided(&decision).to_string(), document, markdown));
        }
        assert_eq!(told[0], told[1]);
        assert_eq!(told[0], told[2]);
        assert!(told[0].1.contains(wait), "{}", told[0].1);
    }
}

#[test]
fn an_earlier_look_tells_when_a_wait_is_over_to_the_second() {
    let desired = cloud_connector();
    let mut held = converged(&desired);
    set_service(&mut held, "mediation", "RTCSRV", ServiceState::Stopped, StartMode::Manual);
    let mut given = given_with_peer();
    given.now = of("2026-03-03T11:30:00.123456789Z");
    given.memory.well_since = Some(of("2026-03-03T11:29:20.987654321Z"));
    let decision = decide(&desired, &held, &given, |_, _| Vec::new());
    let wait = &crate::render::json::decided(&decision).waits[0];
    assert_eq!(wait.says, "all must stay well before calls return, until 2026-03-03T11:30:20Z");
    assert_eq!(wait.until.as_deref(), Some("2026-03-03T11:30:20Z"));
}

#[test]
fn repairs_that_run_alone_stand_beside_the_plan_that_waits() {
    let mut desired = cloud_connector();
    let mut observed = converged(&desired);
    desired.roles[2].processors = Some(4);
    add_window(&mut desired, "nights", nights());
    set_service(&mut observed, "cms", "MASTER", ServiceState::Stopped, StartMode::Automatic);
    let mut given = Given { now: of("2026-03-03T20:00:00Z"), ..given() };
    given.memory.bad_since.insert("cms/MASTER".to_owned(), now());
    let decision = decide(&desired, &observed, &given, |_, _| Vec::new());
    insta::assert_snapshot!(crate::render::text::decided(&decision), @r"
    sea-1 (instance 2.1)
      serving, degraded
        cms/MASTER is stopped although it starts automatically

    changes
      roles.cms.services.MASTER   stopped -> running
      roles.mediation.processors  2 -> 4

    31 steps, about 15m 45s: takes no calls meanwhile, a VM goes off
    .  1  edge       hold RTCSRV
    .  2  edge       hold REPLICA
    .  3  mediation  hold RTCSRV
    .  4  mediation  hold MEDSVC
    .  5  mediation  hold REPLICA
    .  6  cms        hold REPLICA
    .  7  cms        note why no calls are taken
    .  8  mediation  note why no calls are taken
    .  9  edge       note why no calls are taken
    . 10  cms        hold MASTER
    . 11  mediation  shut the VM down
    . 12  mediation  set 4 processors
    . 13  mediation  start the VM
    . 14  mediation  look into the guest over the product network
    . 15  cms        start REPLICA
    . 16  cms        start MASTER
    . 17  mediation  start REPLICA
    . 18  mediation  start MEDSVC
    . 19  mediation  start RTCSRV
    . 20  edge       start REPLICA
    . 21  edge       start RTCSRV
    . 22  cms        let REPLICA start: automatic
    . 23  cms        let MASTER start: automatic
    . 24  mediation  let REPLICA start: automatic
    . 25  mediation  let MEDSVC start: automatic
    . 26  mediation  let RTCSRV start: automatic
    . 27  edge       let REPLICA start: automatic
    . 28  edge       let RTCSRV start: automatic
    . 29  cms        note that all is well
    . 30  mediation  note that all is well
    . 31  edge       note that all is well

    repairs meanwhile, about 1m: nobody notices
       1  cms  start MASTER

    waits for
      window   window `nights` opens at 2026-03-04T10:00:00Z (11 steps)
      peer     1 other appliances must be seen serving, 0 are; it goes all the same
               with an Approval (`allow: interrupt`) of plan
               e97d5af3fed2c292d3bec4db0d8e910321a828ca1f2d1226d1e43807ab780731 (11
               steps)

      note: sea-1 takes no calls for about 15m 45s; others seen serving: 0 of 1,
            promised: 1
    ");
    let markdown = crate::render::markdown::decided(&decision);
    insta::assert_snapshot!(markdown.lines().skip_while(|line| !line.contains("Repairs")).collect::<Vec<_>>().join("\n"), @r"
    <details><summary>Repairs meanwhile</summary>

    1. cms: start MASTER

    </details>
    ");
    let repairs = crate::render::json::decided(&decision).repairs;
    assert_eq!(
        repairs.iter().map(|step| (step.id.as_str(), step.may_run)).collect::<Vec<_>>(),
        [("2.1/cms/start-service/MASTER", Some(true))]
    );
}

#[test]
fn a_fault_that_is_read_again_is_waited_for_although_the_change_waits_longer() {
    let mut desired = cloud_connector();
    let mut observed = converged(&desired);
    desired.roles[2].processors = Some(4);
    add_window(&mut desired, "nights", nights());
    set_service(&mut observed, "cms", "MASTER", ServiceState::Stopped, StartMode::Automatic);
    let mut given = Given { now: of("2026-03-03T20:00:00Z"), ..given() };
    given.memory.bad_since.insert("cms/MASTER".to_owned(), given.now);
    let decision = decide(&desired, &observed, &given, |_, _| Vec::new());
    assert_eq!(decision.to_run().1.go, []);
    assert_eq!(decision.gated.look_again, Some(of("2026-03-03T20:00:10Z")));
}
