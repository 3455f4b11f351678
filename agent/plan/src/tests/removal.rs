//! What is ours and no longer wished.

use model::desired::Desired;
use model::manifest::Approved;
use model::observed::{Observed, PowerState};
use model::seen::{Cause, Seen};
use model::validate::Approval;

use super::{gated, shown};
use crate::fixtures::{branch_bundle, converged, given, now, of};
use crate::given::Given;
use crate::plan;

/// A third role that the manifest no longer has.
fn with_a_role_too_many() -> (Desired, Observed) {
    let desired = branch_bundle();
    let mut observed = converged(&desired);
    let vms = &mut observed.instances.get_mut(&desired.instance).unwrap().vms;
    let mut extra = vms[&of("app")].clone();
    extra.name = of("fax1.2.1");
    extra.disks = Seen::Known(vec![of(r"D:\Trunkline\Instances\2.1\fax.vhdx"), of(r"E:\scans.vhdx")]);
    vms.insert(of("fax"), extra);
    (desired, observed)
}

#[test]
fn without_prune_it_stays_and_the_plan_says_so() {
    let (desired, observed) = with_a_role_too_many();
    insta::assert_snapshot!(shown(&desired, &observed, &given()), @"
    branch-1 (instance 2.1)
      serving

    no changes

      note: `fax1.2.1` is ours and no longer wished; it stays: prune is off
    ");
}

#[test]
fn with_prune_what_has_served_waits_for_an_approval() {
    let (mut desired, observed) = with_a_role_too_many();
    desired.prune = true;
    insta::assert_snapshot!(gated(&desired, &observed, &given()), @r"
    branch-1 (instance 2.1)
      serving

    changes
      instances.2.1.fax  - VM fax1.2.1

    3 steps, about 1m 45s: takes no calls meanwhile, a VM goes off
    .  1  fax  shut the VM down
    .  2  fax  delete the disk fax.vhdx
    .  3  fax  delete the VM fax1.2.1

    waits for
      approval consent to deleting `fax1.2.1` and its disks, which have served;
               approve with: an Approval (`allow: destroy`) of plan
               8a270d909fad288dbdc3e15e2b165a75a40caef3120a6df8017499683ed375ef (3
               steps)

      note: branch-1 takes no calls for about 1m 45s, and its site has no other
            appliance
      note: the disk `E:\scans.vhdx` stays: it lies outside `D:\Trunkline`
    ");
}

fn digest(desired: &Desired, observed: &Observed, given: &Given) -> String {
    plan(desired, observed, given).1.consent.unwrap().digest
}

fn approval(plan: &str) -> Approval {
    Approval {
        name: "goodbye-fax".to_owned(),
        appliance: of("branch-1"),
        allow: Approved::Destroy,
        plan: plan.to_owned(),
        expires: of("2026-03-10T00:00:00Z"),
        reason: "nobody faxes".to_owned(),
    }
}

#[test]
fn with_prune_and_approval_it_goes_disk_first() {
    let (mut desired, observed) = with_a_role_too_many();
    desired.prune = true;
    let mut given = given();
    given.approvals = vec![approval(&digest(&desired, &observed, &given))];
    insta::assert_snapshot!(gated(&desired, &observed, &given), @r"
    branch-1 (instance 2.1)
      serving

    changes
      instances.2.1.fax  - VM fax1.2.1

    3 steps, about 1m 45s: takes no calls meanwhile, a VM goes off
       1  fax  shut the VM down
       2  fax  delete the disk fax.vhdx
       3  fax  delete the VM fax1.2.1

      note: branch-1 takes no calls for about 1m 45s, and its site has no other
            appliance
      note: the disk `E:\scans.vhdx` stays: it lies outside `D:\Trunkline`
    ");
}

#[test]
fn an_approval_that_does_not_do_is_named_with_the_reason() {
    let (mut desired, observed) = with_a_role_too_many();
    desired.prune = true;
    let mut given = given();
    let right = approval(&digest(&desired, &observed, &given));
    let other = Approval { name: "other".to_owned(), ..approval(&"0".repeat(64)) };
    let late = Approval { name: "late".to_owned(), expires: now(), ..right.clone() };
    let gentle = Approval { name: "gentle".to_owned(), allow: Approved::Interrupt, ..right.clone() };
    let of_others = Approval { appliance: of("branch-2"), ..right };
    given.approvals = vec![other, late, gentle, of_others];
    let (plan, report) = plan(&desired, &observed, &given);
    let gated = crate::gate::gate(&plan, &report, &desired, &given);
    assert_eq!(gated.go, []);
    insta::assert_snapshot!(gated.waits[0].on, @"consent to deleting `fax1.2.1` and its disks, which have served; approve with: an Approval (`allow: destroy`) of plan 8a270d909fad288dbdc3e15e2b165a75a40caef3120a6df8017499683ed375ef; `other` is of another plan; `late` expired at 2026-03-03T11:30:00Z; `gentle` allows to interrupt only");
}

#[test]
fn a_consent_is_to_what_was_shown_and_to_nothing_else() {
    let (mut desired, mut observed) = with_a_role_too_many();
    desired.prune = true;
    let mut given = given();
    let shown = digest(&desired, &observed, &given);
    // Whatever else is to be done, and however long it is known to take: the consent is the same.
    crate::fixtures::set_rule(&mut observed, "app", "none", model::observed::RuleState::Enabled);
    crate::fixtures::unplug(&mut observed, "app", "corpnet");
    given.memory.durations.insert("remove-vm".to_owned(), model::units::Span::from_secs(77));
    assert_eq!(digest(&desired, &observed, &given), shown);
    let fax = |observed: &mut Observed| observed.instances.get_mut(&of("2.1")).unwrap().vms.get_mut(&of("fax")).unwrap().clone();
    let vms = |observed: &mut Observed| observed.instances.get_mut(&of("2.1")).unwrap().vms.clone();
    let mut off = observed.clone();
    off.instances.get_mut(&of("2.1")).unwrap().vms.get_mut(&of("fax")).unwrap().power = PowerState::Off;
    assert_eq!(digest(&desired, &off, &given), shown, "that it is off by now is no news");
    // Another disk, another VM, another appliance: another consent.
    let mut more = fax(&mut observed);
    more.disks.known_mut().unwrap().push(of(r"D:\Trunkline\Instances\2.1\mail.vhdx"));
    let mut other = observed.clone();
    let mut all = vms(&mut observed);
    all.insert(of("fax"), more);
    other.instances.get_mut(&of("2.1")).unwrap().vms = all;
    assert_ne!(digest(&desired, &other, &given), shown);
    desired.appliance = of("branch-2");
    assert_ne!(digest(&desired, &observed, &given), shown);
}

#[test]
fn a_consent_goes_on_holding_for_what_is_left_of_what_was_shown() {
    let (mut desired, mut observed) = with_a_role_too_many();
    desired.prune = true;
    let mut given = given();
    let (whole, report) = plan(&desired, &observed, &given);
    let consent = report.consent.unwrap();
    given.approvals = vec![approval(&consent.digest)];
    // The VM went off and its disk is gone; then the agent died.
    crate::fixtures::apply(&desired, &mut observed, whole.steps.iter().take(2));
    let (_, report) = plan(&desired, &observed, &given);
    assert_eq!(report.waits.len(), 1, "nobody remembers what was shown, so it is asked again");
    given.memory.consents.insert(consent.digest.clone(), consent.steps);
    let (rest, report) = plan(&desired, &observed, &given);
    assert_eq!((rest.steps.len(), report.waits), (1, vec![]));
    given.approvals.clear();
    assert_eq!(plan(&desired, &observed, &given).1.waits.len(), 1, "an Approval that was taken back no longer holds");
}

#[test]
fn what_never_served_needs_prune_only() {
    let (mut desired, mut observed) = with_a_role_too_many();
    desired.prune = true;
    let vm = observed.instances.get_mut(&desired.instance).unwrap().vms.get_mut(&of("fax")).unwrap();
    vm.remarks.set_up = false;
    vm.power = PowerState::Off;
    let (plan, report) = plan(&desired, &observed, &given());
    assert_eq!(plan.steps.len(), 2);
    assert_eq!(report.waits, []);
}

#[test]
fn a_vm_whose_disks_nobody_could_see_is_not_deleted() {
    let (mut desired, mut observed) = with_a_role_too_many();
    desired.prune = true;
    let vm = observed.instances.get_mut(&desired.instance).unwrap().vms.get_mut(&of("fax")).unwrap();
    vm.disks = Seen::Unknown(Cause::Failed("busy".to_owned()));
    let (plan, report) = plan(&desired, &observed, &given());
    assert!(plan.is_empty());
    assert_eq!(report.waits[0].on.to_string(), "the VM `fax1.2.1` cannot be seen: the query failed: busy");
}

#[test]
fn a_consent_to_delete_an_older_instance_is_the_same_once_its_vms_are_off() {
    let mut desired = branch_bundle();
    desired.prune = true;
    let mut observed = converged(&desired);
    let mut older = observed.instances[&desired.instance].clone();
    for (role, vm) in &mut older.vms {
        vm.name = of(&format!("{role}1.2.0"));
        vm.disks = Seen::Known(vec![of(&format!(r"D:\Trunkline\Instances\2.0\{role}.vhdx"))]);
    }
    observed.instances.insert(of("2.0"), older);
    let running = digest(&desired, &observed, &given());
    for vm in observed.instances.get_mut(&of("2.0")).unwrap().vms.values_mut() {
        vm.power = PowerState::Off;
    }
    assert_eq!(digest(&desired, &observed, &given()), running);
}
