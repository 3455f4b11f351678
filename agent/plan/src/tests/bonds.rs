//! What others hold of a VM: seen, told, and never spoilt.

use std::sync::Arc;

use model::desired::SecureBoot;
use model::observed::{ClusterRole, ReplicaRole};
use model::seen::{Cause, Seen};

use super::shown;
use crate::fixtures::{bare, branch_bundle, converged, given, of, turn_off, vm};
use crate::plan;
use crate::step::Act;

/// Two processors more for the gateway, whose VM would have to go off.
fn wants_off() -> (model::desired::Desired, model::observed::Observed) {
    let mut desired = branch_bundle();
    let observed = converged(&desired);
    desired.roles[1].processors = Some(4);
    (desired, observed)
}

#[test]
fn a_checkpoint_keeps_its_vm_on_and_the_appliance_serving() {
    let (desired, mut observed) = wants_off();
    vm(&mut observed, "gateway").checkpoints = vec!["before the update".to_owned()];
    insta::assert_snapshot!(shown(&desired, &observed, &given()), @"
    branch-1 (instance 2.1)
      serving
      stalled: `gateway1.2.1` has the checkpoints `before the update`, so it is not
               turned off for a change (Checkpointed)
               what to do: apply or delete them in Hyper-V Manager
               (`Get-VMCheckpoint`, `Remove-VMCheckpoint`) and wait until their
               disks are merged

    changes
      roles.gateway.processors  2 -> 4

    no steps
    ");
}

#[test]
fn a_replica_and_a_cluster_do_too() {
    let (desired, mut observed) = wants_off();
    vm(&mut observed, "gateway").replica = Seen::Known(ReplicaRole::Primary);
    let (one, report) = plan(&desired, &observed, &given());
    assert!(one.is_empty());
    insta::assert_snapshot!(report.stalls[0].message, @"Hyper-V Replica copies `gateway1.2.1` to another host, so it is not turned off for a change");
    vm(&mut observed, "gateway").replica = Seen::Absent;
    vm(&mut observed, "gateway").clustered = Seen::Known(true);
    let (two, report) = plan(&desired, &observed, &given());
    assert!(two.is_empty());
    insta::assert_snapshot!(format!("{}; {}", report.stalls[0].message, report.stalls[0].hint), @"a failover cluster has `gateway1.2.1` as a role, and decides where it runs and when, so it is not turned off for a change; take it out of the cluster (`Remove-ClusterGroup -Name 'gateway1.2.1' -RemoveResources`), which leaves the VM");
}

#[test]
fn a_bond_that_could_not_be_seen_is_waited_for() {
    let (desired, mut observed) = wants_off();
    vm(&mut observed, "gateway").clustered = Seen::Unknown(Cause::Failed("access is denied".to_owned()));
    let (plan, report) = plan(&desired, &observed, &given());
    assert!(plan.is_empty() && report.stalls.is_empty());
    assert_eq!(report.waits.len(), 1);
}

#[test]
fn what_asks_for_no_vm_to_go_off_goes_on() {
    let desired = branch_bundle();
    let mut observed = converged(&desired);
    vm(&mut observed, "gateway").checkpoints = vec!["before the update".to_owned()];
    vm(&mut observed, "gateway").replica = Seen::Known(ReplicaRole::Primary);
    let (plan, report) = plan(&desired, &observed, &given());
    assert!(plan.is_empty() && report.stalls.is_empty(), "nothing is wrong with it");
}

#[test]
fn what_a_cluster_or_a_replica_keeps_off_is_not_started() {
    let desired = branch_bundle();
    let starts =
        |observed: &model::observed::Observed| plan(&desired, observed, &given()).0.steps.iter().any(|step| step.act == Act::StartVm);
    let mut observed = converged(&desired);
    turn_off(&mut observed, "gateway");
    assert!(starts(&observed));
    vm(&mut observed, "gateway").replica = Seen::Known(ReplicaRole::Primary);
    assert!(starts(&observed), "the original may run");
    vm(&mut observed, "gateway").replica = Seen::Known(ReplicaRole::Replica);
    assert!(!starts(&observed), "its copy may not");
    vm(&mut observed, "gateway").replica = Seen::Absent;
    vm(&mut observed, "gateway").clustered = Seen::Known(true);
    assert!(!starts(&observed), "the cluster may have it elsewhere");
}

#[test]
fn a_vm_that_a_cluster_moved_is_not_built_anew() {
    let desired = branch_bundle();
    let mut observed = bare(&desired);
    observed.host.cluster = Seen::Known(vec![ClusterRole { vm: desired.roles[1].vm.clone(), node: Some(of("HV02")) }]);
    let (plan, report) = plan(&desired, &observed, &given());
    assert!(plan.is_empty());
    insta::assert_snapshot!(report.stalls[0].message, @"`gateway1.2.1` is a role of the host's failover cluster and is on node HV02, so it is not made anew");
}

#[test]
fn a_vlan_is_set_behind_the_drain_and_secure_boot_while_the_vm_is_off() {
    let mut desired = branch_bundle();
    let mut observed = converged(&desired);
    Arc::make_mut(&mut desired.networks).get_mut(&of("corpnet")).unwrap().vlan = Some(10);
    desired.roles[1].secure_boot = Some(SecureBoot::UefiAuthority);
    vm(&mut observed, "gateway").secure_boot = Seen::Known(SecureBoot::Windows);
    insta::assert_snapshot!(shown(&desired, &observed, &given()), @"
    branch-1 (instance 2.1)
      serving

    changes
      roles.app.adapters.corpnet.vlan      + 10
      roles.gateway.secureBoot             Windows -> the UEFI authority
      roles.gateway.adapters.corpnet.vlan  + 10

    16 steps, about 7m 58s: takes no calls meanwhile, a VM goes off
       1  gateway  hold GateSvc
       2  app      hold AppSvc
       3  app      note why no calls are taken
       4  gateway  note why no calls are taken
       5  app      put corpnet into VLAN 10
       6  gateway  put corpnet into VLAN 10
       7  gateway  shut the VM down
       8  gateway  secure boot: the UEFI authority
       9  gateway  start the VM
      10  gateway  look into the guest over the management network
      11  app      start AppSvc
      12  gateway  start GateSvc
      13  app      let AppSvc start: automatic
      14  gateway  let GateSvc start: automatic
      15  app      note that all is well
      16  gateway  note that all is well

      note: branch-1 takes no calls for about 7m 58s, and its site has no other
            appliance
    ");
}

#[test]
fn dynamic_memory_is_turned_off_with_the_memory_that_is_wished() {
    let desired = branch_bundle();
    let mut observed = converged(&desired);
    vm(&mut observed, "app").dynamic_memory = Seen::Known(true);
    let (plan, report) = plan(&desired, &observed, &given());
    assert!(plan.steps.iter().any(|step| matches!(step.act, Act::SetMemory { .. })));
    insta::assert_snapshot!(format!("{:?}", report.changes[0].path), @r#""roles.app.memory.dynamic""#);
}
