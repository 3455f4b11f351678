//! Faults, and what is done about each.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::condition::Posture;
use model::desired::{Maintenance, OnExpiry, StartMode};
use model::names::RoleName;
use model::observed::{PowerState, RuleState, ServiceState};
use model::seen::{Cause, Seen};

use super::shown;
use crate::fixtures::{
    apply, branch_bundle, cloud_connector, converged, given, given_with_peer, guest, now, of, set_rule, set_service, turn_off, unplug, vm,
};
use crate::given::{Attempts, Given};
use crate::posture::posture;
use crate::step::{Act, StepId};
use crate::{plan, signal};

/// Everything that is bad has been bad for a minute.
fn since_a_minute(given: Given, desired: &model::desired::Desired, observed: &model::observed::Observed) -> Given {
    let mut given = given;
    let since: Timestamp = of("2026-03-03T11:29:00Z");
    let bad = signal::signals(desired, observed).into_iter().filter(|signal| signal.fault().is_some());
    given.memory.bad_since = bad.map(|signal| (signal.name, since)).collect();
    given
}

#[test]
fn a_disabled_rule_is_enabled_and_nothing_is_held() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    set_rule(&mut observed, "edge", "CS RTCSRV", RuleState::Disabled);
    insta::assert_snapshot!(shown(&desired, &observed, &given_with_peer()), @"
    sea-1 (instance 2.1)
      serving
        edge/CS RTCSRV is disabled

    changes
      roles.edge.rules.CS RTCSRV  disabled -> enabled

    1 step, about 3s: nobody notices
       1  edge  enable the rule CS RTCSRV
    ");
}

#[test]
fn an_unplugged_adapter_is_plugged_in_and_nothing_is_held() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    unplug(&mut observed, "edge", "internet");
    insta::assert_snapshot!(shown(&desired, &observed, &given_with_peer()), @"
    sea-1 (instance 2.1)
      serving
        edge/internet is unplugged

    changes
      roles.edge.adapters.internet.switch  + Internet

    1 step, about 3s: nobody notices
       1  edge  connect internet to `Internet`
    ");
}

#[test]
fn a_rule_that_stays_off_closes_the_appliance_first() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    set_rule(&mut observed, "edge", "CS RTCSRV", RuleState::Disabled);
    let given = since_a_minute(given_with_peer(), &desired, &observed);
    let (plan, _) = plan(&desired, &observed, &given);
    let verbs: Vec<&str> = plan.steps.iter().map(|step| step.act.verb()).collect();
    let enable = verbs.iter().position(|verb| *verb == "enable-rule").unwrap();
    assert!(verbs[..enable].iter().all(|verb| matches!(*verb, "hold-service" | "write-remarks")), "{verbs:?}");
    assert!(enable > 0);
}

#[test]
fn a_stopped_service_is_read_again_before_it_counts() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    set_service(&mut observed, "mediation", "RTCSRV", ServiceState::Stopped, StartMode::Automatic);
    insta::assert_snapshot!(shown(&desired, &observed, &given_with_peer()), @"
    sea-1 (instance 2.1)
      serving
        mediation/RTCSRV is stopped although it starts automatically

    changes
      roles.mediation.services.RTCSRV  stopped -> running

    no steps

    waits for
      confirm  mediation/RTCSRV is read again before it counts, after 10s
    ");
}

#[test]
fn a_service_that_stays_stopped_closes_the_appliance_and_all_come_back_in_role_order() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    set_service(&mut observed, "mediation", "RTCSRV", ServiceState::Stopped, StartMode::Automatic);
    let given = since_a_minute(given_with_peer(), &desired, &observed);
    insta::assert_snapshot!(shown(&desired, &observed, &given), @"
    sea-1 (instance 2.1)
      down
        mediation/RTCSRV is stopped although it starts automatically

    changes
      roles.mediation.services.RTCSRV  stopped -> running

    27 steps, about 11m 3s: takes no calls meanwhile
       1  edge       hold RTCSRV
       2  edge       hold REPLICA
       3  mediation  hold MEDSVC
       4  mediation  hold REPLICA
       5  cms        hold MASTER
       6  cms        hold REPLICA
       7  cms        note why no calls are taken
       8  mediation  note why no calls are taken
       9  edge       note why no calls are taken
      10  mediation  hold RTCSRV
      11  cms        start REPLICA
      12  cms        start MASTER
      13  mediation  start REPLICA
      14  mediation  start MEDSVC
      15  mediation  start RTCSRV
      16  edge       start REPLICA
      17  edge       start RTCSRV
      18  cms        let REPLICA start: automatic
      19  cms        let MASTER start: automatic
      20  mediation  let REPLICA start: automatic
      21  mediation  let MEDSVC start: automatic
      22  mediation  let RTCSRV start: automatic
      23  edge       let REPLICA start: automatic
      24  edge       let RTCSRV start: automatic
      25  cms        note that all is well
      26  mediation  note that all is well
      27  edge       note that all is well
    ");
}

#[test]
fn the_last_serving_appliance_stays_open_for_a_fault_outside_the_call_path() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    set_service(&mut observed, "cms", "MASTER", ServiceState::Stopped, StartMode::Automatic);
    let given = since_a_minute(given(), &desired, &observed);
    insta::assert_snapshot!(shown(&desired, &observed, &given), @"
    sea-1 (instance 2.1)
      serving, degraded
        cms/MASTER is stopped although it starts automatically

    changes
      roles.cms.services.MASTER  stopped -> running

    1 step, about 1m: nobody notices
       1  cms  start MASTER
    ");
}

#[test]
fn the_last_serving_appliance_closes_for_a_fault_in_the_call_path() {
    let desired = branch_bundle();
    let mut observed = converged(&desired);
    set_service(&mut observed, "gateway", "GateSvc", ServiceState::Stopped, StartMode::Automatic);
    let given = since_a_minute(given(), &desired, &observed);
    insta::assert_snapshot!(shown(&desired, &observed, &given), @"
    branch-1 (instance 2.1)
      down
        gateway/GateSvc is stopped although it starts automatically

    changes
      roles.gateway.services.GateSvc  stopped -> running

    10 steps, about 3m 14s: takes no calls meanwhile
       1  app      hold AppSvc
       2  app      note why no calls are taken
       3  gateway  note why no calls are taken
       4  gateway  hold GateSvc
       5  app      start AppSvc
       6  gateway  start GateSvc
       7  app      let AppSvc start: automatic
       8  gateway  let GateSvc start: automatic
       9  app      note that all is well
      10  gateway  note that all is well
    ");
}

#[test]
fn a_vm_that_is_off_starts_while_the_others_are_held() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    turn_off(&mut observed, "edge");
    insta::assert_snapshot!(shown(&desired, &observed, &given_with_peer()), @"
    sea-1 (instance 2.1)
      down
        edge is off

    changes
      roles.edge.power  off -> running

    27 steps, about 13m 13s: takes no calls meanwhile
       1  mediation  hold RTCSRV
       2  mediation  hold MEDSVC
       3  mediation  hold REPLICA
       4  cms        hold MASTER
       5  cms        hold REPLICA
       6  cms        note why no calls are taken
       7  mediation  note why no calls are taken
       8  edge       note why no calls are taken
       9  edge       start the VM
      10  edge       look into the guest over the product network
      11  cms        start REPLICA
      12  cms        start MASTER
      13  mediation  start REPLICA
      14  mediation  start MEDSVC
      15  mediation  start RTCSRV
      16  edge       start REPLICA
      17  edge       start RTCSRV
      18  cms        let REPLICA start: automatic
      19  cms        let MASTER start: automatic
      20  mediation  let REPLICA start: automatic
      21  mediation  let MEDSVC start: automatic
      22  mediation  let RTCSRV start: automatic
      23  edge       let REPLICA start: automatic
      24  edge       let RTCSRV start: automatic
      25  cms        note that all is well
      26  mediation  note that all is well
      27  edge       note that all is well
    ");
}

#[test]
fn a_saved_vm_starts_too() {
    let desired = branch_bundle();
    let mut observed = converged(&desired);
    vm(&mut observed, "app").power = PowerState::Saved;
    vm(&mut observed, "app").guest = Seen::Unknown(Cause::PoweredOff);
    let (plan, _) = plan(&desired, &observed, &given());
    assert!(plan.steps.iter().any(|step| step.id.as_str() == "2.1/app/start-vm"));
}

#[test]
fn held_services_come_back_once_all_has_been_well_long_enough() {
    let desired = branch_bundle();
    let mut observed = converged(&desired);
    set_service(&mut observed, "gateway", "GateSvc", ServiceState::Stopped, StartMode::Manual);
    let mut given = given();
    given.memory.well_since = Some(of("2026-03-03T11:29:20Z"));
    insta::assert_snapshot!(shown(&desired, &observed, &given), @"
    branch-1 (instance 2.1)
      down
        gateway/GateSvc is held by us

    changes
      roles.gateway.services.GateSvc            stopped -> running
      roles.gateway.services.GateSvc.startMode  manual -> automatic

    2 steps, about 1m 3s: nobody notices
       1  gateway  start GateSvc
       2  gateway  let GateSvc start: automatic

    waits for
      stable   all must stay well before calls return, until 2026-03-03T11:30:20Z (1
               step)
    ");
}

#[test]
fn held_services_stay_held_while_a_guest_cannot_be_seen() {
    let desired = branch_bundle();
    let mut observed = converged(&desired);
    set_service(&mut observed, "gateway", "GateSvc", ServiceState::Stopped, StartMode::Manual);
    vm(&mut observed, "app").guest = Seen::Unknown(Cause::Unreachable("192.168.213.238".to_owned()));
    insta::assert_snapshot!(shown(&desired, &observed, &given()), @"
    branch-1 (instance 2.1)
      down
        gateway/GateSvc is held by us
        app cannot be seen: no answer from 192.168.213.238

    changes
      roles.gateway.services.GateSvc            stopped -> running
      roles.gateway.services.GateSvc.startMode  manual -> automatic

    no steps

    waits for
      unknown  the guest app cannot be seen: no answer from 192.168.213.238
    ");
}

/// When each guest started, by its own clock.
fn boots(desired: &model::desired::Desired, observed: &model::observed::Observed) -> BTreeMap<RoleName, Timestamp> {
    let vms = observed.instances[&desired.instance].vms.iter();
    vms.filter_map(|(role, vm)| Some((role.clone(), vm.guest.known()?.booted_at))).collect()
}

#[test]
fn a_guest_whose_clock_is_behind_is_not_restarted_again_and_again() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    set_service(&mut observed, "edge", "RTCSRV", ServiceState::Stopped, StartMode::Manual);
    let mut given = given_with_peer();
    let id = StepId::of(&desired.instance, Some(&of("edge")), &Act::StartService { service: of("RTCSRV") });
    let attempts = Attempts { failed: 3, proven: 3, ended: of("2026-03-03T11:29:00Z"), retry_at: now(), boots: boots(&desired, &observed) };
    given.memory.attempts.insert(id, attempts);
    let restarts = |observed: &model::observed::Observed| {
        let (plan, _) = plan(&desired, observed, &given);
        plan.steps.iter().filter(|step| matches!(step.act, Act::RestartGuest { .. })).count()
    };
    assert_eq!(restarts(&observed), 4);
    for role in ["ad", "cms", "mediation", "edge"] {
        guest(&mut observed, role).booted_at = of("2019-01-01T00:00:00Z");
    }
    assert_eq!(restarts(&observed), 0, "they are up from another boot, whatever their clocks say");
}

#[test]
fn a_service_that_could_not_be_asked_for_restarts_no_guest() {
    let mut desired = cloud_connector();
    let mut observed = converged(&desired);
    set_service(&mut observed, "edge", "RTCSRV", ServiceState::Stopped, StartMode::Manual);
    let id = StepId::of(&desired.instance, Some(&of("edge")), &Act::StartService { service: of("RTCSRV") });
    for (service_restarts, proven, restarted) in [(3, 2, 0), (3, 3, 4), (0, 0, 0), (0, 1, 4)] {
        let mut given = given_with_peer();
        let boots = boots(&desired, &observed);
        let attempts = Attempts { failed: 5, proven, ended: of("2026-03-03T11:29:00Z"), retry_at: now(), boots };
        given.memory.attempts.insert(id.clone(), attempts);
        desired.recovery.service_restarts = service_restarts;
        let (plan, _) = plan(&desired, &observed, &given);
        let restarts = plan.steps.iter().filter(|step| matches!(step.act, Act::RestartGuest { .. })).count();
        assert_eq!(restarts, restarted, "{service_restarts} {proven}");
    }
}

#[test]
fn services_that_would_not_start_three_times_lead_to_restarts_in_role_order() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    set_service(&mut observed, "edge", "RTCSRV", ServiceState::Stopped, StartMode::Manual);
    let mut given = given_with_peer();
    for role in ["ad", "cms", "mediation", "edge"] {
        guest(&mut observed, role).booted_at = of("2026-03-01T00:00:00Z");
    }
    let id = StepId::of(&desired.instance, Some(&of("edge")), &Act::StartService { service: of("RTCSRV") });
    let ended = of("2026-03-03T11:29:00Z");
    given.memory.attempts.insert(id, Attempts { failed: 3, proven: 3, ended, retry_at: now(), boots: boots(&desired, &observed) });
    insta::assert_snapshot!(shown(&desired, &observed, &given), @"
    sea-1 (instance 2.1)
      down
        edge/RTCSRV is held by us

    changes
      roles.edge.services.RTCSRV            stopped -> running
      roles.edge.services.RTCSRV.startMode  manual -> automatic

    6 steps, about 13m 3s: takes no calls meanwhile, a VM goes off
       1  ad         restart the guest, as its services would not start
       2  cms        restart the guest, as its services would not start
       3  mediation  restart the guest, as its services would not start
       4  edge       restart the guest, as its services would not start
       5  edge       start RTCSRV
       6  edge       let RTCSRV start: automatic
    ");
}

#[test]
fn a_guest_that_does_not_answer_is_only_waited_for() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    vm(&mut observed, "edge").guest = Seen::Unknown(Cause::Unreachable("192.168.0.241".to_owned()));
    insta::assert_snapshot!(shown(&desired, &observed, &given_with_peer()), @"
    sea-1 (instance 2.1)
      serving
        edge cannot be seen: no answer from 192.168.0.241

    no steps

    waits for
      unknown  the guest edge cannot be seen: no answer from 192.168.0.241
    ");
}

#[test]
fn services_that_cannot_be_read_are_waited_for_although_nothing_would_be_done() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    guest(&mut observed, "mediation").services = Seen::Unknown(Cause::Failed("busy".to_owned()));
    vm(&mut observed, "cms").processors = Seen::Unknown(Cause::Failed("busy".to_owned()));
    insta::assert_snapshot!(shown(&desired, &observed, &given_with_peer()), @"
    sea-1 (instance 2.1)
      serving
        mediation/REPLICA cannot be seen: the query failed: busy
        mediation/MEDSVC cannot be seen: the query failed: busy
        mediation/RTCSRV cannot be seen: the query failed: busy

    no steps

    waits for
      unknown  the processors of cms cannot be seen: the query failed: busy
      unknown  the services of guest mediation cannot be seen: the query failed:
               busy
    ");
}

#[test]
fn a_guest_on_its_way_up_does_not_keep_a_serving_appliance_in_a_step() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    vm(&mut observed, "edge").guest = Seen::Unknown(Cause::Booting);
    insta::assert_snapshot!(shown(&desired, &observed, &given_with_peer()), @"
    sea-1 (instance 2.1)
      serving
        edge cannot be seen: the guest is still starting

    no steps

    waits for
      unknown  the guest edge cannot be seen: the guest is still starting
    ");
}

#[test]
fn the_second_accepted_name_counts_and_a_service_that_never_existed_is_no_fault() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    let services = guest(&mut observed, "mediation").services.known_mut().unwrap();
    let running = services.remove(&of("MEDSVC")).unwrap();
    services.insert(of("rtcmedsrv"), running);
    assert!(shown(&desired, &observed, &given_with_peer()).ends_with("\nno changes\n"));
    guest(&mut observed, "mediation").services.known_mut().unwrap().remove(&of("RTCMEDSRV"));
    insta::assert_snapshot!(shown(&desired, &observed, &given_with_peer()), @"
    sea-1 (instance 2.1)
      serving
      stalled: mediation/MEDSVC does not exist in the guest (accepted names: MEDSVC,
               RTCMEDSRV) (SignalNeverSeen)
               what to do: correct the Profile's `watch`, or the image of that role

    no steps
    ");
}

#[test]
fn maintenance_holds_everything_that_is_held_and_then_only_looks() {
    let mut desired = cloud_connector();
    let mut observed = converged(&desired);
    let until = of("2026-03-03T14:00:00Z");
    desired.maintenance = Some(Maintenance { reason: "new memory modules".to_owned(), until, on_expiry: OnExpiry::Resume });
    insta::assert_snapshot!(shown(&desired, &observed, &given_with_peer()), @"
    sea-1 (instance 2.1)
      serving

    10 steps, about 3m 36s: takes no calls meanwhile
       1  edge       hold RTCSRV
       2  edge       hold REPLICA
       3  mediation  hold RTCSRV
       4  mediation  hold MEDSVC
       5  mediation  hold REPLICA
       6  cms        hold MASTER
       7  cms        hold REPLICA
       8  cms        note why no calls are taken
       9  mediation  note why no calls are taken
      10  edge       note why no calls are taken

      note: maintenance: services are held, nothing else is done
    ");
    let (drain, _) = plan(&desired, &observed, &given_with_peer());
    apply(&desired, &mut observed, drain.steps.iter());
    assert_eq!(posture(&desired, &observed, &given_with_peer()), Posture::Maintenance);
    turn_off(&mut observed, "edge");
    assert!(plan(&desired, &observed, &given_with_peer()).0.is_empty(), "in maintenance we only look");
}

#[test]
fn calls_return_when_maintenance_expires() {
    let mut desired = branch_bundle();
    let until = of("2026-03-03T14:00:00Z");
    desired.maintenance = Some(Maintenance { reason: "cabling".to_owned(), until, on_expiry: OnExpiry::Resume });
    let mut observed = converged(&branch_bundle());
    let (drain, _) = plan(&desired, &observed, &given());
    apply(&desired, &mut observed, drain.steps.iter());
    let mut later = given();
    later.now = of("2026-03-03T14:00:00Z");
    insta::assert_snapshot!(shown(&desired, &observed, &later), @"
    branch-1 (instance 2.1)
      down
        app/AppSvc is held by us
        gateway/GateSvc is held by us

    changes
      roles.app.down                            - maintenance until
                                                2026-03-03T14:00:00Z: cabling; by
                                                hand: start this VM's services, set
                                                them to Automatic
      roles.app.services.AppSvc                 stopped -> running
      roles.app.services.AppSvc.startMode       manual -> automatic
      roles.gateway.down                        - maintenance until
                                                2026-03-03T14:00:00Z: cabling; by
                                                hand: start this VM's services, set
                                                them to Automatic
      roles.gateway.services.GateSvc            stopped -> running
      roles.gateway.services.GateSvc.startMode  manual -> automatic

    6 steps, about 2m 10s: nobody notices
       1  app      start AppSvc
       2  gateway  start GateSvc
       3  app      let AppSvc start: automatic
       4  gateway  let GateSvc start: automatic
       5  app      note that all is well
       6  gateway  note that all is well
    ");
}

#[test]
fn the_last_hope_comes_back_although_something_outside_the_call_path_is_ill() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    for (role, service) in [("mediation", "RTCSRV"), ("mediation", "MEDSVC"), ("edge", "RTCSRV")] {
        set_service(&mut observed, role, service, ServiceState::Stopped, StartMode::Manual);
    }
    set_service(&mut observed, "cms", "MASTER", ServiceState::Stopped, StartMode::Automatic);
    let mut alone = since_a_minute(given(), &desired, &observed);
    alone.memory.well_since = None;
    alone.memory.call_path_well_since = Some(of("2026-03-03T11:00:00Z"));
    insta::assert_snapshot!(shown(&desired, &observed, &alone), @"
    sea-1 (instance 2.1)
      down
        mediation/MEDSVC is held by us
        mediation/RTCSRV is held by us
        edge/RTCSRV is held by us
        cms/MASTER is stopped although it starts automatically

    changes
      roles.cms.services.MASTER                  stopped -> running
      roles.mediation.services.MEDSVC            stopped -> running
      roles.mediation.services.MEDSVC.startMode  manual -> automatic
      roles.mediation.services.RTCSRV            stopped -> running
      roles.mediation.services.RTCSRV.startMode  manual -> automatic
      roles.edge.services.RTCSRV                 stopped -> running
      roles.edge.services.RTCSRV.startMode       manual -> automatic

    7 steps, about 3m 9s: nobody notices
       1  cms        start MASTER
       2  mediation  start MEDSVC
       3  mediation  start RTCSRV
       4  edge       start RTCSRV
       5  mediation  let MEDSVC start: automatic
       6  mediation  let RTCSRV start: automatic
       7  edge       let RTCSRV start: automatic
    ");
    let (whole, _) = plan(&desired, &observed, &alone);
    let ill = StepId::of(&desired.instance, Some(&of("cms")), &Act::StartService { service: of("MASTER") });
    assert!(whole.steps.iter().all(|step| !step.after.contains(&ill)), "nothing waits for what is ill");
    let helped = since_a_minute(given_with_peer(), &desired, &observed);
    let (plan, _) = plan(&desired, &observed, &helped);
    assert!(plan.steps.iter().any(|step| step.act.verb() == "hold-service"), "with a serving peer it stays closed as a whole");
}

#[test]
fn what_carries_calls_has_been_well_since_the_last_fault_that_kept_them_away() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    set_service(&mut observed, "cms", "MASTER", ServiceState::Stopped, StartMode::Automatic);
    let mut memory = crate::given::Memory::default();
    memory.note(&desired, &observed, now());
    assert_eq!((memory.well_since, memory.call_path_well_since), (None, Some(now())));
    set_service(&mut observed, "edge", "RTCSRV", ServiceState::Stopped, StartMode::Automatic);
    memory.note(&desired, &observed, now());
    assert_eq!(memory.call_path_well_since, None);
}

#[test]
fn no_guest_is_restarted_below_a_role_that_cannot_be_seen() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    set_service(&mut observed, "edge", "RTCSRV", ServiceState::Stopped, StartMode::Manual);
    for role in ["ad", "cms", "mediation", "edge"] {
        guest(&mut observed, role).booted_at = of("2026-03-01T00:00:00Z");
    }
    vm(&mut observed, "cms").guest = Seen::Unknown(Cause::Unreachable("192.168.0.239".to_owned()));
    let mut given = given_with_peer();
    let id = StepId::of(&desired.instance, Some(&of("edge")), &Act::StartService { service: of("RTCSRV") });
    given.memory.attempts.insert(
        id,
        Attempts { failed: 3, proven: 3, ended: of("2026-03-03T11:29:00Z"), retry_at: now(), boots: boots(&desired, &observed) },
    );
    let (plan, _) = plan(&desired, &observed, &given);
    let restarts: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).filter(|id| id.contains("restart")).collect();
    assert_eq!(restarts, ["2.1/ad/restart-guest/recovered"]);
}

#[test]
fn a_service_that_refuses_to_stop_prevents_neither_the_closing_nor_a_repair() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    turn_off(&mut observed, "edge");
    let (plan, _) = plan(&desired, &observed, &given_with_peer());
    let refuses = StepId::of(&desired.instance, Some(&of("mediation")), &Act::HoldService { service: of("RTCSRV") });
    let mut lost = std::collections::BTreeSet::from([refuses.clone()]);
    for step in &plan.steps {
        if step.after.iter().any(|id| lost.contains(id)) {
            lost.insert(step.id.clone());
        }
    }
    assert_eq!(lost, [refuses.clone()].into());
    let ended = |id: &StepId, of: &StepId| {
        let mut before = vec![id.clone()];
        while let Some(step) = before.pop().and_then(|id| plan.steps.get(&id)) {
            if step.id == *of {
                return true;
            }
            before.extend(step.after.iter().chain(&step.behind).cloned());
        }
        false
    };
    for what in ["2.1/edge/start-vm", "2.1/mediation/start-service/RTCSRV"] {
        let step = plan.steps.iter().find(|step| step.id.as_str() == what).unwrap();
        assert!(ended(&step.id, &refuses), "{what} begins before it ended");
    }
}
