//! What a VM boots from, and the integration services that its host offers.

use model::desired::{BootDevice, Desired, IntegrationService, Offer};
use model::observed::Observed;
use model::seen::{Cause, Seen};

use super::shown;
use crate::compare::compare;
use crate::fixtures::{bare, branch_bundle, converged, given, vm};
use crate::plan;
use crate::step::{Act, Impact};

fn wish() -> Desired {
    let mut desired = branch_bundle();
    desired.roles[0].integration_services.insert(IntegrationService::TimeSync, Offer::Off);
    desired.roles[0].integration_services.insert(IntegrationService::Heartbeat, Offer::On);
    desired.roles[0].boot_order = vec![BootDevice::Disk];
    desired
}

fn acts(desired: &Desired, observed: &Observed) -> Vec<Act> {
    let (plan, _) = plan(desired, observed, &given());
    let mine = |act: &Act| matches!(act, Act::SetIntegrationService { .. } | Act::SetBootOrder { .. });
    plan.steps.iter().map(|step| step.act.clone()).filter(mine).collect()
}

#[test]
fn a_new_vm_needs_only_what_hyper_v_does_not_do_by_itself() {
    let desired = wish();
    let made = [
        Act::SetIntegrationService { service: IntegrationService::TimeSync, to: Offer::Off },
        Act::SetBootOrder { to: vec![BootDevice::Disk] },
    ];
    assert_eq!(acts(&desired, &bare(&desired)), made);
    assert!(plan(&desired, &converged(&desired), &given()).0.is_empty());
}

#[test]
fn a_service_is_set_while_its_vm_serves_and_a_boot_order_while_it_is_off() {
    let desired = wish();
    let mut observed = converged(&desired);
    vm(&mut observed, "app").integration_services.insert(IntegrationService::Heartbeat, Seen::Known(Offer::Off));
    let (one, _) = plan(&desired, &observed, &given());
    assert_eq!((one.steps.iter().count(), one.impact()), (1, Impact::None), "nobody notices");
    vm(&mut observed, "app").boot_order = Seen::Known(vec![BootDevice::Other, BootDevice::Network, BootDevice::Disk]);
    insta::assert_snapshot!(shown(&desired, &observed, &given()), @"
    branch-1 (instance 2.1)
      serving

    changes
      roles.app.integrationServices.heartbeat  off -> on
      roles.app.bootOrder                      something else, network, disk -> disk

    15 steps, about 7m 56s: takes no calls meanwhile, a VM goes off
       1  app      integration service heartbeat: on
       2  gateway  hold GateSvc
       3  app      hold AppSvc
       4  app      note why no calls are taken
       5  gateway  note why no calls are taken
       6  app      shut the VM down
       7  app      boot from: disk
       8  app      start the VM
       9  app      look into the guest over the management network
      10  app      start AppSvc
      11  gateway  start GateSvc
      12  app      let AppSvc start: automatic
      13  gateway  let GateSvc start: automatic
      14  app      note that all is well
      15  gateway  note that all is well

      note: branch-1 takes no calls for about 7m 56s, and its site has no other
            appliance
    ");
}

#[test]
fn what_could_not_be_seen_and_what_is_not_there_is_left_alone() {
    let desired = wish();
    let mut observed = converged(&desired);
    let app = vm(&mut observed, "app");
    app.boot_order = Seen::Absent;
    app.integration_services.insert(IntegrationService::TimeSync, Seen::Unknown(Cause::Failed("busy".to_owned())));
    app.integration_services.remove(&IntegrationService::Heartbeat);
    assert_eq!(acts(&desired, &observed), []);
    assert!(plan(&desired, &observed, &given()).1.changes.is_empty());
}

#[test]
fn an_order_counts_by_its_kinds_and_whatever_it_does_not_name_comes_later() {
    use BootDevice::{Disk, Network, Other};
    let boots = |wanted: &[BootDevice], seen: &[BootDevice]| crate::rules::boots_in_order(wanted, seen);
    assert!(boots(&[], &[Other, Disk]), "not managed");
    assert!(boots(&[Disk], &[Disk, Disk, Network, Other]) && boots(&[Disk, Network], &[Disk, Network, Network]));
    assert!(!boots(&[Disk], &[Other, Disk]) && !boots(&[Network, Disk], &[Network, Disk, Network]));
}

#[test]
fn a_pull_request_says_what_it_changes() {
    let (mut base, mut head) = (wish(), wish());
    base.roles[0].boot_order.clear();
    head.roles[0].integration_services.insert(IntegrationService::FileCopy, Offer::On);
    head.roles[0].integration_services.remove(&IntegrationService::TimeSync);
    let said: Vec<String> = compare(&base, &head)
        .into_iter()
        .map(|change| format!("{}: {} {:?}", change.path, crate::render::change(&change), change.impact))
        .collect();
    insta::assert_snapshot!(said.join("\n"), @"
    roles.app.bootOrder: + disk VmPowerOff
    roles.app.integrationServices.timeSync: off -> no longer managed None
    roles.app.integrationServices.fileCopy: + on None
    ");
}
