//! What is ours and no longer wished.

use model::desired::Desired;
use model::observed::{Observed, PowerState};
use model::seen::{Cause, Seen};

use super::{gated, shown};
use crate::fixtures::{branch_bundle, converged, given, of};
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

    no steps

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
      approval an Approval in git for deleting `fax1.2.1` and its disks, which have
               served (3 steps)

      note: branch-1 takes no calls for about 1m 45s, and its site has no other
            appliance
      note: the disk `E:\scans.vhdx` stays: it lies outside `D:\Trunkline`
    ");
}

#[test]
fn with_prune_and_approval_it_goes_disk_first() {
    let (mut desired, observed) = with_a_role_too_many();
    desired.prune = true;
    let mut given = given();
    let (plan, _) = plan(&desired, &observed, &given);
    given.approved.extend(plan.steps.iter().last().map(|step| step.id.clone()));
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
