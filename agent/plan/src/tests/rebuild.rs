//! What never served may be built anew; what was set up never is.

use model::condition::Reason;
use model::desired::Desired;
use model::observed::{Observed, PowerState, Remarks};
use model::seen::{Cause, Seen};

use super::shown;
use crate::fixtures::{apply, bare, branch_bundle, cloud_connector, converged, given, given_with_peer, of, vm};
use crate::plan;

/// An installation that was begun from another image and got as far as the first boots.
fn half_way() -> (Desired, Observed) {
    let mut desired = branch_bundle();
    let mut observed = bare(&desired);
    let (whole, _) = plan(&desired, &observed, &given());
    let booted = whole.steps.iter().take_while(|step| step.act.verb() != "await-guest");
    apply(&desired, &mut observed, booted);
    desired.roles[0].spec = "another".to_owned();
    (desired, observed)
}

fn verbs(desired: &Desired, observed: &Observed, given: &crate::given::Given) -> Vec<String> {
    plan(desired, observed, given).0.steps.iter().map(|step| step.id.to_string()).collect()
}

fn deletes(steps: &[String]) -> bool {
    steps.iter().any(|step| step.contains("/remove-vm") || step.contains("/remove-disk"))
}

#[test]
fn a_vm_that_never_served_and_was_made_from_another_image_is_built_anew() {
    let (desired, mut observed) = half_way();
    let steps = verbs(&desired, &observed, &given());
    let first: Vec<&str> = steps.iter().filter(|step| step.starts_with("2.1/app/")).take(5).map(String::as_str).collect();
    assert_eq!(
        first,
        [
            "2.1/app/shut-down-vm",
            r"2.1/app/remove-disk/D:\Trunkline\Instances\2.1\app.vhdx",
            "2.1/app/remove-vm",
            "2.1/app/create-disk",
            "2.1/app/define-vm"
        ]
    );
    assert!(!steps.iter().any(|step| step.starts_with("2.1/gateway/remove")), "the other one is as it is to be");
    // Each step leads to the rest of the plan, and the last one to nothing.
    let (whole, report) = plan(&desired, &observed, &given());
    assert_eq!(report.stalls, []);
    for done in 1..=4 {
        let mut partly = observed.clone();
        apply(&desired, &mut partly, whole.steps.iter().take(done));
        assert_eq!(verbs(&desired, &partly, &given()), steps[done..], "after {done} steps");
    }
    apply(&desired, &mut observed, whole.steps.iter());
    assert_eq!(observed.instances[&desired.instance].vms[&of("app")].mark.spec, "another");
    assert!(shown(&desired, &observed, &given()).ends_with("\nno changes\n"));
}

#[test]
fn a_vm_that_was_set_up_is_never_built_anew() {
    let mut desired = branch_bundle();
    let mut observed = converged(&desired);
    desired.roles[0].spec = "another".to_owned();
    let stalls = |observed: &Observed, given: &crate::given::Given| {
        let (plan, report) = plan(&desired, observed, given);
        let steps: Vec<String> = plan.steps.iter().map(|step| step.id.to_string()).collect();
        assert!(!deletes(&steps), "{steps:?}");
        assert_eq!(report.stalls.iter().map(|stall| stall.reason).collect::<Vec<_>>(), [Reason::RebuildNeeded]);
    };
    stalls(&observed, &given());
    // Nor when somebody has deleted the remark and the agent remembers.
    let mut remembers = given();
    remembers.memory.note(&desired, &observed, given().now);
    vm(&mut observed, "app").remarks = Remarks::default();
    stalls(&observed, &remembers);
    // Nor when the notes say that it was closed once.
    vm(&mut observed, "app").remarks = Remarks { set_up: false, down: Some("AppSvc is stopped".to_owned()) };
    stalls(&observed, &given());
}

#[test]
fn a_directory_that_was_lost_is_not_built_anew_under_those_who_belong_to_it() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    observed.instances.get_mut(&desired.instance).unwrap().vms.remove(&of("ad"));
    let (plan, report) = plan(&desired, &observed, &given_with_peer());
    let steps: Vec<String> = plan.steps.iter().map(|step| step.id.to_string()).collect();
    assert!(!steps.iter().any(|step| step.contains("define-vm")), "{steps:?}");
    assert!(steps.iter().any(|step| step.contains("hold-service/RTCSRV")), "it takes no calls: {steps:?}");
    insta::assert_snapshot!(report.stalls[0].message, @"`ad1.2.1` is gone, and with it the directory that cms, mediation belong to");
    // Where nobody belongs to it it is made, as everything is.
    let steps = verbs(&desired, &bare(&desired), &given());
    assert!(steps.iter().any(|step| step.contains("ad/define-vm")), "{steps:?}");
}

#[test]
fn it_is_not_built_anew_more_often_than_the_manifest_allows() {
    let (mut desired, observed) = half_way();
    desired.install_attempts = 2;
    let mut given = given();
    given.memory.rebuilds.insert(of("app"), 1);
    assert!(deletes(&verbs(&desired, &observed, &given)));
    given.memory.rebuilds.insert(of("app"), 2);
    let (plan, report) = plan(&desired, &observed, &given);
    assert!(plan.is_empty());
    assert_eq!(report.stalls[0].reason, Reason::RebuildNeeded);
}

#[test]
fn nothing_is_deleted_that_could_not_be_made_again_or_could_not_be_seen() {
    let (desired, observed) = half_way();
    let mut no_image = observed.clone();
    no_image.host.files.insert(desired.roles[0].image.path.clone(), Seen::Absent);
    assert_eq!(verbs(&desired, &no_image, &given()), Vec::<String>::new());
    let mut no_disks = observed.clone();
    vm(&mut no_disks, "app").disks = Seen::Unknown(Cause::Failed("busy".to_owned()));
    assert!(!deletes(&verbs(&desired, &no_disks, &given())));
    let mut changing = observed.clone();
    vm(&mut changing, "app").power = PowerState::Changing;
    assert!(!deletes(&verbs(&desired, &changing, &given())));
    let outside = of(r"E:\elsewhere.vhdx");
    let mut kept = observed;
    vm(&mut kept, "app").disks.known_mut().unwrap().push(outside);
    assert!(!verbs(&desired, &kept, &given()).iter().any(|step| step.contains("elsewhere")), "what is not ours stays");
}
