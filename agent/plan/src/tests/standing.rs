//! A commit asks for another release, and the one that serves stays what it was: watched and repaired.

use jiff::SignedDuration;
use model::condition::{Posture, Reason};
use model::desired::{Desired, StartAction, StartMode};
use model::observed::{Observed, PowerState, ServiceState, UnreadableObject};
use model::seen::Seen;
use model::units::MemorySize;

use super::shown;
use crate::fixtures::{apply, branch_bundle, converged, given, of, set_service, turn_off, unplug, vm};
use crate::given::Given;
use crate::posture::posture;
use crate::{gate, plan};

/// A wish for 2.2, on a host where 2.1 serves.
fn bumped() -> (Desired, Observed, Given) {
    let old = branch_bundle();
    let mut observed = converged(&old);
    let mut given = given();
    given.memory.note(&old, &observed, given.now);
    let mut desired = Desired { instance: of("2.2"), release: of("cloud-connector-2.2"), ..old };
    for (number, role) in desired.roles.iter_mut().enumerate() {
        (role.vm, role.disk, role.spec) =
            (of(&format!("{}1.2.2", role.role)), of(&format!(r"D:\Trunkline\2.2\{}.vhdx", role.role)), "b".into());
        observed.host.files.insert(role.disk.clone(), Seen::Absent);
        role.memory = Some(MemorySize::from_mib(8192));
        for (index, adapter) in role.adapters.iter_mut().enumerate() {
            adapter.mac = format!("00155D0022{number}{index}").parse().unwrap();
        }
    }
    (desired, observed, given)
}

/// Sees the same for a while, so that faults count.
fn see(desired: &Desired, observed: &Observed, given: &mut Given) {
    for _ in 0..2 {
        given.memory.note(desired, observed, given.now);
        given.now = given.now.saturating_add(SignedDuration::from_secs(11)).unwrap();
    }
}

fn ids(desired: &Desired, observed: &Observed, given: &Given) -> Vec<String> {
    plan(desired, observed, given).0.steps.iter().map(|step| step.id.to_string()).collect()
}

/// Every step leads to the rest of the plan, and the last one to nothing.
fn each_step_leads_to_the_rest(desired: &Desired, observed: &Observed, given: &Given) {
    let (whole, _) = plan(desired, observed, given);
    let all = ids(desired, observed, given);
    let mut seen = observed.clone();
    for (done, step) in whole.steps.iter().enumerate() {
        apply(desired, &mut seen, [step]);
        assert_eq!(ids(desired, &seen, given), all[done + 1..], "after {}", step.id);
    }
}

#[test]
fn a_release_that_serves_goes_on_serving_and_the_new_one_is_told_of() {
    let (desired, observed, given) = bumped();
    insta::assert_snapshot!(shown(&desired, &observed, &given), @"
    branch-1 (instance 2.1)
      serving
      stalled: instance 2.2 is not built in the place of instance 2.1, which is
               watched and repaired meanwhile (RebuildNeeded)
               what to do: keep the release of 2.1 in the Appliance; to give it up,
               hold the appliance, set the start action of its VMs to nothing and
               turn them off

    changes
      roles.app      + VM app1.2.2
      roles.gateway  + VM gateway1.2.2

    no steps
    ");
    assert_eq!(posture(&desired, &observed, &given), Posture::Serving);
}

#[test]
fn a_fault_of_what_serves_closes_it_and_is_mended() {
    let (desired, mut observed, mut given) = bumped();
    set_service(&mut observed, "gateway", "GateSvc", ServiceState::Stopped, StartMode::Automatic);
    unplug(&mut observed, "app", "corpnet");
    see(&desired, &observed, &mut given);
    assert!(matches!(posture(&desired, &observed, &given), Posture::Down(_)));
    let steps = ids(&desired, &observed, &given);
    for step in ["2.1/app/hold-service/AppSvc", "2.1/app/connect-adapter/corpnet", "2.1/gateway/start-service/GateSvc"] {
        assert!(steps.iter().any(|id| id == step), "{step} in {steps:?}");
    }
    let (whole, report) = plan(&desired, &observed, &given);
    assert_eq!(report.stalls.iter().map(|stall| stall.reason).collect::<Vec<_>>(), [Reason::RebuildNeeded]);
    let gated = gate::gate(&whole, &report, &desired, &given);
    assert!(!gated.go.is_empty(), "it waits for nobody: {gated:?}");
    each_step_leads_to_the_rest(&desired, &observed, &given);
}

#[test]
fn vms_that_went_off_are_started_and_none_is_retired() {
    let (desired, observed, given) = bumped();
    for off in [&["gateway"][..], &["app", "gateway"]] {
        let mut observed = observed.clone();
        off.iter().for_each(|role| turn_off(&mut observed, role));
        let steps = ids(&desired, &observed, &given);
        for role in off {
            assert!(steps.contains(&format!("2.1/{role}/start-vm")), "{steps:?}");
        }
        assert!(steps.iter().all(|step| step.starts_with("2.1/") && !step.ends_with("/set-start-action")), "{steps:?}");
        each_step_leads_to_the_rest(&desired, &observed, &given);
    }
}

#[test]
fn a_vm_that_is_lost_closes_what_stands_and_is_not_forgotten() {
    let (desired, mut observed, mut given) = bumped();
    let lost = "gateway".parse().unwrap();
    observed.instances.get_mut(&of("2.1")).unwrap().vms.remove(&lost);
    see(&desired, &observed, &mut given);
    assert!(matches!(posture(&desired, &observed, &given), Posture::Down(_)));
    let steps = ids(&desired, &observed, &given);
    assert!(steps.contains(&"2.1/app/hold-service/AppSvc".to_owned()), "{steps:?}");
    assert!(steps.iter().all(|step| !step.contains("/gateway/")), "nothing is built in its place: {steps:?}");
    each_step_leads_to_the_rest(&desired, &observed, &given);
    // Nor when the commit is taken back.
    assert!(matches!(posture(&branch_bundle(), &observed, &given), Posture::Down(_)));
}

#[test]
fn what_a_person_gave_up_makes_room() {
    let (desired, mut observed, given) = bumped();
    for role in ["app", "gateway"] {
        turn_off(&mut observed, role);
        vm(&mut observed, role).start_action = Seen::Known(StartAction::Nothing);
    }
    let steps = ids(&desired, &observed, &given);
    assert!(steps.contains(&"2.2/app/define-vm".to_owned()) && !steps.iter().any(|step| step.starts_with("2.1/")), "{steps:?}");
    // One that is on, or would come on, has not been given up.
    vm(&mut observed, "gateway").start_action = Seen::Known(StartAction::AlwaysStart);
    let steps = ids(&desired, &observed, &given);
    assert!(steps.contains(&"2.1/gateway/start-vm".to_owned()) && !steps.iter().any(|step| step.starts_with("2.2/")), "{steps:?}");
}

#[test]
fn nothing_is_started_beside_what_was_begun_of_the_new_release() {
    let (desired, mut observed, given) = bumped();
    let mut begun = observed.instances[&of("2.1")].clone();
    begun.vms.retain(|role, _| role.as_str() == "app");
    for vm in begun.vms.values_mut() {
        (vm.name, vm.remarks, vm.power) = (of("app1.2.2"), Default::default(), PowerState::Running);
    }
    turn_off(&mut observed, "gateway");
    observed.instances.insert(of("2.2"), begun);
    let (steps, report) = plan(&desired, &observed, &given);
    assert!(!steps.steps.iter().any(|step| step.act.verb() == "start-vm"), "{steps:?}");
    insta::assert_snapshot!(report.stalls[0].message, @"instance 2.2 is not built in the place of instance 2.1, which is watched and repaired meanwhile; nothing of it is started beside `app1.2.2` of instance 2.2");
}

#[test]
fn while_a_mark_cannot_be_read_nothing_is_retired() {
    let (desired, mut observed, given) = bumped();
    turn_off(&mut observed, "gateway");
    observed.unreadable.push(UnreadableObject::Vm { name: of("app1.2.2"), says: "it lacks `role=`".to_owned() });
    assert_eq!(ids(&desired, &observed, &given), Vec::<String>::new(), "it may be the one that serves");
}
