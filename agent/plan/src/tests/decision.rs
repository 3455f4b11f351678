//! Repairs do not stand behind planned work.

use model::desired::{Desired, StartMode};
use model::observed::{Observed, ServiceState};

use crate::decide;
use crate::fixtures::{add_window, cloud_connector, converged, given, given_with_peer, nights, now, of, set_service, turn_off};
use crate::given::{Attempts, Given, Ruling, Verdict};
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
    given.memory.attempts.insert(id, Attempts { failed: 1, ended: now(), retry_at: of("2026-03-03T11:30:10Z") });
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
