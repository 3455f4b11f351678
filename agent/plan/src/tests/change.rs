//! A commit changes a field of an appliance that serves.

use model::condition::Reason;
use model::desired::{Desired, Mode};
use model::observed::{Observed, PowerState};
use model::seen::{Cause, Seen};
use model::units::MemorySize;

use super::shown;
use crate::fixtures::{apply, bare, branch_bundle, cloud_connector, converged, given, given_with_peer, guest, of, turn_off, vm};
use crate::graph::Plan;
use crate::plan;
use crate::step::Impact;

#[test]
fn processors_2_to_4_drains_stops_sets_starts_and_resumes() {
    let mut desired = cloud_connector();
    let observed = converged(&desired);
    desired.roles[2].processors = Some(4);
    insta::assert_snapshot!(shown(&desired, &observed, &given_with_peer()), @"
    sea-1 (instance 2.1)
      serving

    changes
      roles.mediation.processors  2 -> 4

    31 steps, about 15m 45s: takes no calls meanwhile, a VM goes off
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
      11  mediation  shut the VM down
      12  mediation  set 4 processors
      13  mediation  start the VM
      14  mediation  look into the guest over the product network
      15  cms        start REPLICA
      16  cms        start MASTER
      17  mediation  start REPLICA
      18  mediation  start MEDSVC
      19  mediation  start RTCSRV
      20  edge       start REPLICA
      21  edge       start RTCSRV
      22  cms        let REPLICA start: automatic
      23  cms        let MASTER start: automatic
      24  mediation  let REPLICA start: automatic
      25  mediation  let MEDSVC start: automatic
      26  mediation  let RTCSRV start: automatic
      27  edge       let REPLICA start: automatic
      28  edge       let RTCSRV start: automatic
      29  cms        note that all is well
      30  mediation  note that all is well
      31  edge       note that all is well

      note: sea-1 takes no calls for about 15m 45s; others seen serving: 1 of 1,
            promised: 1
    ");
}

#[test]
fn a_service_is_called_by_the_name_that_its_guest_has() {
    let mut desired = cloud_connector();
    let mut observed = converged(&desired);
    let services = guest(&mut observed, "mediation").services.known_mut().unwrap();
    let seen = services.remove(&of("MEDSVC")).unwrap();
    services.insert(of("RTCMEDSRV"), seen);
    desired.roles[2].processors = Some(4);
    let mut given = given_with_peer();
    given.memory.note(&desired, &observed, given.now);
    let (whole, report) = plan(&desired, &observed, &given);
    let named = |plan: &Plan, name: &str| plan.steps.iter().filter(|step| step.act.object() == name).count();
    assert_eq!((named(&whole, "RTCMEDSRV"), named(&whole, "MEDSVC")), (3, 0), "held, started, let start");
    assert!(report.notes.iter().all(|note| !note.contains("may be called")), "{:?}", report.notes);

    // While the VM is off, whoever remembers says the same, and whoever does not says that nobody knows.
    let off = whole.steps.iter().position(|step| step.id.as_str() == "2.1/mediation/set-processors").unwrap();
    apply(&desired, &mut observed, whole.steps.iter().take(off));
    vm(&mut observed, "mediation").services_had.clear();
    let (rest, report) = plan(&desired, &observed, &given);
    assert_eq!((named(&rest, "RTCMEDSRV"), named(&rest, "MEDSVC")), (2, 0));
    assert!(report.notes.iter().all(|note| !note.contains("may be called")), "{:?}", report.notes);
    let (rest, report) = plan(&desired, &observed, &given_with_peer());
    assert_eq!((named(&rest, "RTCMEDSRV"), named(&rest, "MEDSVC")), (0, 2));
    let told = "MEDSVC of mediation may be called RTCMEDSRV there: nobody has looked into its guest yet";
    assert!(report.notes.iter().any(|note| note == told), "{:?}", report.notes);
}

#[test]
fn while_a_vm_is_off_for_a_change_its_notes_say_why() {
    let mut desired = branch_bundle();
    let mut observed = converged(&desired);
    desired.roles[1].memory = Some(MemorySize::from_mib(8192));
    let (whole, _) = plan(&desired, &observed, &given());
    let off = whole.steps.iter().position(|step| step.id.as_str() == "2.1/gateway/shut-down-vm").unwrap();
    apply(&desired, &mut observed, whole.steps.iter().take(off + 1));
    insta::assert_snapshot!(vm(&mut observed, "app").remarks.down.clone().unwrap(), @"planned work: memory of gateway 4 GiB -> 8 GiB; by hand: start this VM's services, set them to Automatic");
    insta::assert_snapshot!(shown(&desired, &observed, &given()), @"
    branch-1 (instance 2.1)
      down
        gateway is off

    changes
      roles.app.down                       - planned work: memory of gateway 4 GiB
                                           -> 8 GiB; by hand: start this VM's
                                           services, set them to Automatic
      roles.app.services.AppSvc            stopped -> running
      roles.app.services.AppSvc.startMode  manual -> automatic
      roles.gateway.down                   - planned work: memory of gateway 4 GiB
                                           -> 8 GiB; by hand: start this VM's
                                           services, set them to Automatic
      roles.gateway.power                  off -> running
      roles.gateway.memory                 4 GiB -> 8 GiB

    9 steps, about 5m 22s: nobody notices
       1  gateway  set 8 GiB of memory
       2  gateway  start the VM
       3  gateway  look into the guest over the management network
       4  app      start AppSvc
       5  gateway  start GateSvc
       6  app      let AppSvc start: automatic
       7  gateway  let GateSvc start: automatic
       8  app      note that all is well
       9  gateway  note that all is well
    ");
}

#[test]
fn what_calls_were_stopped_for_is_withdrawn_when_it_cannot_be_done_any_more() {
    let mut desired = branch_bundle();
    let mut observed = converged(&desired);
    desired.roles[1].memory = Some(MemorySize::from_mib(8192));
    let withdrawn = |desired: &Desired, observed: &Observed| plan(desired, observed, &given()).1.withdrawn;
    let (whole, _) = plan(&desired, &observed, &given());
    let free = observed.host.free_memory.clone();
    for (done, step) in whole.steps.iter().enumerate() {
        assert!(!withdrawn(&desired, &observed), "before {}", step.id);
        // Once the notes say what calls are kept away for, and until there is more memory.
        let begun = (3..6).contains(&done);
        observed.host.free_memory = Seen::Known(MemorySize::from_mib(1024));
        assert_eq!(withdrawn(&desired, &observed), begun, "before {}", step.id);
        observed.host.free_memory = free.clone();
        apply(&desired, &mut observed, [step]);
    }
    // What else is done meanwhile goes on.
    desired.roles[0].processors = Some(4);
    desired.roles[1].memory = Some(MemorySize::from_mib(1 << 30));
    let (whole, _) = plan(&desired, &observed, &given());
    let off = whole.steps.iter().position(|step| step.id.as_str() == "2.1/app/shut-down-vm").unwrap();
    apply(&desired, &mut observed, whole.steps.iter().take(off + 1));
    assert!(!withdrawn(&desired, &observed));
}

#[test]
fn a_field_that_the_manifest_leaves_out_is_left_alone() {
    let mut desired = branch_bundle();
    let mut observed = converged(&desired);
    desired.roles[0].processors = None;
    vm(&mut observed, "app").processors = Seen::Known(7);
    assert!(shown(&desired, &observed, &given()).ends_with("\nno changes\n"));
}

#[test]
fn a_field_that_could_not_be_seen_is_left_alone_and_waited_for() {
    let desired = branch_bundle();
    let mut observed = converged(&desired);
    vm(&mut observed, "app").processors = Seen::Unknown(Cause::Failed("busy".to_owned()));
    let waits = "\nno steps\n\nwaits for\n  unknown  the processors of app cannot be seen: the query failed: busy\n";
    let shown = shown(&desired, &observed, &given());
    assert!(shown.ends_with(waits), "{shown}");
}

#[test]
fn a_guest_that_cannot_be_looked_into_is_not_turned_off_for_planned_work() {
    let mut desired = branch_bundle();
    let mut observed = converged(&desired);
    desired.roles[0].processors = Some(4);
    vm(&mut observed, "gateway").guest = Seen::Unknown(Cause::Unreachable("192.168.213.239".to_owned()));
    insta::assert_snapshot!(shown(&desired, &observed, &given()), @"
    branch-1 (instance 2.1)
      serving
        gateway cannot be seen: no answer from 192.168.213.239

    changes
      roles.app.processors  2 -> 4

    no steps

    waits for
      unknown  the guest gateway cannot be seen: no answer from 192.168.213.239
    ");
}

#[test]
fn a_vm_that_is_off_anyway_is_changed_before_it_starts() {
    let mut desired = branch_bundle();
    let mut observed = converged(&desired);
    desired.roles[1].processors = Some(4);
    turn_off(&mut observed, "gateway");
    insta::assert_snapshot!(shown(&desired, &observed, &given()), @"
    branch-1 (instance 2.1)
      down
        gateway is off

    changes
      roles.gateway.power       off -> running
      roles.gateway.processors  2 -> 4

    12 steps, about 5m 56s: takes no calls meanwhile
       1  app      hold AppSvc
       2  app      note why no calls are taken
       3  gateway  note why no calls are taken
       4  gateway  set 4 processors
       5  gateway  start the VM
       6  gateway  look into the guest over the management network
       7  app      start AppSvc
       8  gateway  start GateSvc
       9  app      let AppSvc start: automatic
      10  gateway  let GateSvc start: automatic
      11  app      note that all is well
      12  gateway  note that all is well
    ");
}

#[test]
fn in_mode_repair_a_vm_that_is_off_starts_unchanged() {
    let mut desired = branch_bundle();
    desired.mode = Mode::Repair;
    let mut observed = converged(&desired);
    desired.roles[1].processors = Some(4);
    turn_off(&mut observed, "gateway");
    let (plan, _) = plan(&desired, &observed, &given());
    assert!(!plan.steps.iter().any(|step| step.act.verb() == "set-processors"));
    assert!(plan.steps.iter().any(|step| step.act.verb() == "start-vm"));
    let mut after = observed.clone();
    apply(&desired, &mut after, plan.steps.iter());
    assert_eq!(vm(&mut after, "gateway").power, PowerState::Running);
}

#[test]
fn another_gateway_drains_without_turning_anything_off() {
    let mut desired = branch_bundle();
    let observed = converged(&desired);
    desired.roles[0].adapters[0].gateway = Some("192.168.0.254".parse().unwrap());
    insta::assert_snapshot!(shown(&desired, &observed, &given()), @"
    branch-1 (instance 2.1)
      serving

    changes
      roles.app.adapters.corpnet.gateway  192.168.0.1 -> 192.168.0.254

    11 steps, about 3m 34s: takes no calls meanwhile
       1  gateway  hold GateSvc
       2  app      hold AppSvc
       3  app      note why no calls are taken
       4  gateway  note why no calls are taken
       5  app      set 192.168.0.238/24, gateway 192.168.0.254 on corpnet
       6  app      start AppSvc
       7  gateway  start GateSvc
       8  app      let AppSvc start: automatic
       9  gateway  let GateSvc start: automatic
      10  app      note that all is well
      11  gateway  note that all is well

      note: branch-1 takes no calls for about 3m 34s, and its site has no other
            appliance
    ");
}

#[test]
fn what_only_a_new_vm_could_mend_stalls() {
    let mut desired = cloud_connector();
    let observed = converged(&desired);
    desired.roles[0].computer = of("dc1");
    desired.roles[1].adapters[0].addresses = vec![of("192.168.0.99/24")];
    desired.roles[2].spec = "other".to_owned();
    desired.roles[3].disk = of(r"D:\Trunkline\Instances\2.1\other.vhdx");
    insta::assert_snapshot!(shown(&desired, &observed, &given_with_peer()), @r"
    sea-1 (instance 2.1)
      serving
      stalled: ad calls itself `ad1`, not `dc1` (RebuildNeeded)
               what to do: undo the change in git; side-by-side rebuilding will do
               this without an outage, today it means a new instance
      stalled: cms has the addresses 192.168.0.239/24 on corpnet, not
               192.168.0.99/24 (RebuildNeeded)
               what to do: undo the change in git; side-by-side rebuilding will do
               this without an outage, today it means a new instance
      stalled: mediation was made from another image, for another domain or with
               other settings than the manifest asks for (RebuildNeeded)
               what to do: put back in git what changed of the image's path or size
               (now `D:\Images\mediation.vhdx` of 4096 bytes), the domain (now
               contoso.local) or a setting that the profile classes as rebuild or
               identity: `trunkline plan --base` an older commit `--head` this one
               names it; else it means a new instance
      stalled: edge is to have the disk `D:\Trunkline\Instances\2.1\other.vhdx` and
               has not (RebuildNeeded)
               what to do: undo the change in git; side-by-side rebuilding will do
               this without an outage, today it means a new instance

    changes
      roles.ad.computer                     ad1 -> dc1
      roles.cms.adapters.corpnet.addresses  192.168.0.239/24 -> 192.168.0.99/24
      roles.mediation.spec                  9f3a -> other
      roles.edge.disk                       D:\Trunkline\Instances\2.1\edge.vhdx ->
                                            D:\Trunkline\Instances\2.1\other.vhdx

    no steps
    ");
}

#[test]
fn addresses_of_a_family_that_nobody_wishes_for_are_the_guests_own() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    let adapters = vm(&mut observed, "edge").adapters.known_mut().unwrap();
    for config in adapters.values_mut().filter_map(|adapter| adapter.config.known_mut()) {
        config.addresses.push(of("2001:db8::7/64"));
        config.addresses.push(of("169.254.1.2/16"));
        config.gateways.push(of("fe80::1"));
        config.dns.push(of("fec0:0:0:ffff::1"));
    }
    assert!(shown(&desired, &observed, &given_with_peer()).ends_with("\nno changes\n"));
}

#[test]
fn another_switch_in_git_is_planned_work_behind_the_drain() {
    let mut desired = branch_bundle();
    let mut observed = converged(&desired);
    let there = observed.host.switches.known().unwrap()[&of("Corpnet")].clone();
    observed.host.switches.known_mut().unwrap().insert(of("Corpnet 2"), there);
    std::sync::Arc::make_mut(&mut desired.networks).get_mut(&of("corpnet")).unwrap().switch = of("Corpnet 2");
    desired.roles[1].adapters.remove(0);
    insta::assert_snapshot!(shown(&desired, &observed, &given()), @"
    branch-1 (instance 2.1)
      serving

    changes
      roles.app.adapters.corpnet.switch  Corpnet -> Corpnet 2

    11 steps, about 3m 17s: takes no calls meanwhile
       1  gateway  hold GateSvc
       2  app      hold AppSvc
       3  app      note why no calls are taken
       4  gateway  note why no calls are taken
       5  app      connect corpnet to `Corpnet 2`
       6  app      start AppSvc
       7  gateway  start GateSvc
       8  app      let AppSvc start: automatic
       9  gateway  let GateSvc start: automatic
      10  app      note that all is well
      11  gateway  note that all is well

      note: branch-1 takes no calls for about 3m 17s, and its site has no other
            appliance
    ");
    desired.mode = Mode::Repair;
    assert!(shown(&desired, &observed, &given()).contains("no steps"));
}

#[test]
fn another_switch_in_git_that_the_host_has_not_stalls_and_closes_nothing() {
    let mut desired = branch_bundle();
    let observed = converged(&desired);
    std::sync::Arc::make_mut(&mut desired.networks).get_mut(&of("corpnet")).unwrap().switch = of("Corpnet 2");
    desired.roles[1].adapters.remove(0);
    insta::assert_snapshot!(shown(&desired, &observed, &given()), @"
    branch-1 (instance 2.1)
      serving
      stalled: the host has no switch `Corpnet 2`, which app/corpnet hangs on
               (SwitchMissing)
               what to do: make it in Hyper-V (it is bound to a physical adapter),
               or name another one

    changes
      roles.app.adapters.corpnet.switch  Corpnet -> Corpnet 2

    no steps
    ");
}

#[test]
fn memory_that_the_host_has_not_free_stalls_before_anything_is_drained() {
    let mut desired = branch_bundle();
    let mut observed = converged(&desired);
    // 64 GiB in all, most of it with VMs of others.
    observed.host.free_memory = Seen::Known(MemorySize::from_mib(3072));
    desired.roles[1].memory = Some(MemorySize::from_mib(8192));
    insta::assert_snapshot!(shown(&desired, &observed, &given()), @"
    branch-1 (instance 2.1)
      serving
      stalled: gateway asks for 8 GiB of memory; all VMs together ask for 12 GiB,
               which the host's 64 GiB do not leave beside other VMs and the 1 GiB
               that it keeps (HostTooSmall)
               what to do: lower `memory`, take other VMs off this host, or use a
               larger one

    changes
      roles.gateway.memory  4 GiB -> 8 GiB

    no steps

      note: the host has 3 GiB of memory free; its VMs of the wish hold 8 GiB and
            need 12 GiB
    ");
    // How much exactly is free is no news.
    let stalls = |observed: &_| plan(&desired, observed, &given()).1.stalls;
    let told = stalls(&observed);
    observed.host.free_memory = Seen::Known(MemorySize::from_mib(3019));
    assert_eq!(stalls(&observed), told);

    // What is free and what the VM gives back suffice, with what stays the host's own.
    observed.host.free_memory = Seen::Known(MemorySize::from_mib(5120));
    let (steps, report) = plan(&desired, &observed, &given());
    assert!(report.stalls.is_empty() && steps.impact() == Impact::VmPowerOff, "{report:?}");

    // And go on sufficing while they are moved: nothing is left half-way.
    for (done, step) in steps.steps.iter().enumerate() {
        step.effect(&desired, &mut observed);
        let (rest, report) = plan(&desired, &observed, &given());
        assert!(report.stalls.is_empty(), "after {}: {report:?}", step.id);
        assert_eq!(rest.steps.len(), steps.steps.len() - done - 1, "after {}", step.id);
    }
    assert_eq!(observed.host.free_memory, Seen::Known(MemorySize::from_mib(1024)));
}

#[test]
fn memory_that_another_vm_gives_back_counts_and_what_the_host_moves_by_itself_does_not() {
    let mut desired = branch_bundle();
    let mut observed = converged(&desired);
    observed.host.free_memory = Seen::Known(MemorySize::from_mib(1024));
    desired.roles[0].memory = Some(MemorySize::from_mib(2048));
    desired.roles[1].memory = Some(MemorySize::from_mib(6144));
    let stalls = |observed: &_| plan(&desired, observed, &given()).1.stalls.len();
    assert_eq!(stalls(&observed), 0);
    vm(&mut observed, "app").dynamic_memory = Seen::Known(true);
    assert_eq!(stalls(&observed), 1, "it may hold less than that");
}

#[test]
fn a_vm_whose_memory_nobody_wishes_for_needs_what_it_has_unless_it_goes_off() {
    let mut desired = branch_bundle();
    let mut observed = converged(&desired);
    observed.host.free_memory = Seen::Known(MemorySize::from_mib(4096));
    desired.roles[0].memory = None;
    desired.roles[1].memory = Some(MemorySize::from_mib(6144));
    let each_step_leads_to_the_rest = |desired: &Desired, observed: &Observed| {
        let (steps, report) = plan(desired, observed, &given());
        let mut observed = observed.clone();
        for (done, step) in steps.steps.iter().enumerate() {
            step.effect(desired, &mut observed);
            let (rest, _) = plan(desired, &observed, &given());
            assert_eq!(rest.steps.len(), steps.steps.len() - done - 1, "after {}", step.id);
        }
        (report.stalls.len(), steps.steps.iter().any(|step| step.act.verb() == "set-memory"))
    };
    for dynamic in [false, true] {
        vm(&mut observed, "app").dynamic_memory = Seen::Known(dynamic);
        assert_eq!(each_step_leads_to_the_rest(&desired, &observed), (0, true), "dynamic: {dynamic}");
    }
    // What it gives back when it goes off nobody knows, and it needs its memory when it starts again.
    desired.roles[0].processors = Some(4);
    assert_eq!(each_step_leads_to_the_rest(&desired, &observed), (1, false));
    desired.roles[0].processors = Some(2);
    turn_off(&mut observed, "app");
    assert_eq!(each_step_leads_to_the_rest(&desired, &observed), (1, false));
}

#[test]
fn what_is_to_be_built_needs_memory_that_is_free() {
    let desired = branch_bundle();
    let mut observed = bare(&desired);
    observed.host.free_memory = Seen::Known(MemorySize::from_mib(9000));
    let (steps, report) = plan(&desired, &observed, &given());
    assert!(steps.is_empty());
    assert_eq!(report.stalls.iter().map(|stall| stall.reason).collect::<Vec<_>>(), [Reason::HostTooSmall]);
    observed.host.free_memory = Seen::Unknown(Cause::NotObserved);
    assert!(!plan(&desired, &observed, &given()).0.is_empty(), "an older look does not tell");
}
