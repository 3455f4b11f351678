//! A commit asks for another release, and the one that serves stays what it was: watched and repaired.

use jiff::SignedDuration;
use model::condition::{Posture, Reason};
use model::desired::{Desired, StartAction, StartMode};
use model::observed::{Observed, PowerState, ServiceState, UnreadableObject};
use model::seen::Seen;
use model::units::{MacAddress, MemorySize};

use super::shown;
use crate::fixtures::{apply, branch_bundle, converged, foreign, given, of, role, set_service, turn_off, unplug, vm};
use crate::given::{Given, Memory};
use crate::posture::posture;
use crate::step::{Act, Purpose};
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
            if adapter.network.as_str() == "management" {
                adapter.addresses = vec![of(&format!("192.168.213.1{number}/24"))];
            }
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

/// Takes an adapter away; its hardware address.
fn lose(observed: &mut Observed, role: &str, adapter: &str) -> MacAddress {
    let adapters = vm(observed, role).adapters.known_mut().unwrap();
    let mac = *adapters.iter().find(|(_, one)| one.name.as_str() == adapter).unwrap().0;
    adapters.remove(&mac);
    mac
}

#[test]
fn an_adapter_that_is_lost_closes_what_stands_and_comes_back_as_it_was() {
    let (desired, observed, given) = bumped();
    let old = branch_bundle();
    for (index, adapter) in ["corpnet", "management"].into_iter().enumerate() {
        let (mut observed, mut given) = (observed.clone(), given.clone());
        let mac = lose(&mut observed, "gateway", adapter);
        see(&desired, &observed, &mut given);
        assert!(matches!(posture(&desired, &observed, &given), Posture::Down(_)), "{adapter}");
        let (whole, _) = plan(&desired, &observed, &given);
        let added = whole.steps.iter().find(|step| step.act.verb() == "add-adapter").map(|step| (&step.act, step.purpose));
        assert_eq!(added, Some((&Act::AddAdapter { adapter: of(adapter), mac }, Purpose::Repair)));
        let addresses = whole.steps.iter().find_map(|step| match &step.act {
            Act::InjectAddress { config, .. } => Some(&config.addresses),
            _ => None,
        });
        assert_eq!(addresses, Some(&old.roles[1].adapters[index].addresses), "its own, on {adapter}");
        each_step_leads_to_the_rest(&desired, &observed, &given);
    }
}

#[test]
fn an_adapter_that_what_stands_never_had_is_not_missed() {
    let (mut desired, mut observed, mut given) = bumped();
    let more = |desired: &mut Desired| {
        let internet = role(2, "gateway", &["corpnet", "management", "internet"]).adapters.remove(2);
        desired.roles[1].adapters.push(internet);
    };
    more(&mut desired);
    see(&desired, &observed, &mut given);
    assert_eq!((posture(&desired, &observed, &given), ids(&desired, &observed, &given)), (Posture::Serving, vec![]));
    // Nor one that was taken off while nobody wished for it.
    lose(&mut observed, "gateway", "corpnet");
    let mut without = branch_bundle();
    without.roles[1].adapters.remove(0);
    given.memory.note(&without, &observed, given.now);
    see(&desired, &observed, &mut given);
    assert_eq!((posture(&desired, &observed, &given), ids(&desired, &observed, &given)), (Posture::Serving, vec![]));
    // Who forgot everything cannot tell.
    given.memory = Memory::default();
    see(&desired, &observed, &mut given);
    assert_eq!(posture(&desired, &observed, &given), Posture::Serving);
}

#[test]
fn what_was_given_up_and_turned_on_again_comes_back_with_its_host() {
    let (desired, mut observed, given) = bumped();
    for role in ["app", "gateway"] {
        vm(&mut observed, role).start_action = Seen::Known(StartAction::Nothing);
    }
    assert_eq!(ids(&desired, &observed, &given), ["2.1/app/set-start-action", "2.1/gateway/set-start-action"]);
    each_step_leads_to_the_rest(&desired, &observed, &given);
    let (whole, report) = plan(&desired, &observed, &given);
    assert!(whole.steps.iter().all(|step| step.purpose == Purpose::Repair), "{whole:?}");
    assert_eq!(gate::gate(&whole, &report, &desired, &given).go.len(), 2, "it waits for nobody");
    // Then the host restarts, and starts nothing.
    apply(&desired, &mut observed, whole.steps.iter());
    ["app", "gateway"].iter().for_each(|role| turn_off(&mut observed, role));
    let steps = ids(&desired, &observed, &given);
    assert!(steps.contains(&"2.1/app/start-vm".to_owned()) && steps.iter().all(|step| step.starts_with("2.1/")), "{steps:?}");
}

#[test]
fn where_the_host_is_to_start_nothing_our_line_is_what_gives_up() {
    let (mut desired, mut observed, given) = bumped();
    for name in ["app", "gateway"] {
        vm(&mut observed, name).start_action = Seen::Known(StartAction::Nothing);
        turn_off(&mut observed, name);
    }
    desired.roles.iter_mut().for_each(|role| role.start_action = StartAction::Nothing);
    let (steps, report) = plan(&desired, &observed, &given);
    assert!(steps.steps.iter().any(|step| step.id.as_str() == "2.1/app/start-vm"), "it looks as after a restart of the host: {steps:?}");
    insta::assert_snapshot!(report.stalls[0].hint, @"keep the release of 2.1 in the Appliance; to give it up, hold the appliance, turn its VMs off and delete our line in their notes: what is not ours is left alone");
    observed.foreign = observed.instances.remove(&of("2.1")).unwrap().vms.into_values().map(|vm| foreign(vm.name.as_str())).collect();
    let steps = ids(&desired, &observed, &given);
    assert!(steps.contains(&"2.2/app/define-vm".to_owned()) && !steps.iter().any(|step| step.starts_with("2.1/")), "{steps:?}");
}

#[test]
fn notes_that_lost_their_line_end_no_watch() {
    let (desired, mut observed, given) = bumped();
    for role in ["app", "gateway"] {
        vm(&mut observed, role).remarks.set_up = false;
    }
    assert_eq!(ids(&desired, &observed, &given), ["2.1/app/restore-set-up", "2.1/gateway/restore-set-up"]);
    assert_eq!(posture(&desired, &observed, &given), Posture::Serving);
    each_step_leads_to_the_rest(&desired, &observed, &given);
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
