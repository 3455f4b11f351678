//! What stands in the way of building, and is never touched.

use model::observed::{DuplicateMark, ForeignVm, Mark, PowerState, UnreadableObject};
use model::seen::{Cause, Seen};
use model::units::{DiskSize, MemorySize};

use super::shown;
use crate::fixtures::{bare, branch_bundle, cloud_connector, converged, foreign, given, given_with_peer, guest, of, set_rule, vm};
use crate::plan;

#[test]
fn a_foreign_vm_with_a_wanted_name_disk_or_address_stalls() {
    let desired = branch_bundle();
    let mut observed = bare(&desired);
    let mark = Mark { fleet: of("fabrikam"), appliance: of("x-1"), role: of("app"), instance: of("1"), spec: "0".to_owned() };
    observed.foreign = vec![
        foreign("APP1.2.1"),
        ForeignVm { mark: Some(mark), disks: vec![desired.roles[1].disk.clone()], ..foreign("theirs") },
        ForeignVm { addresses: vec!["192.168.0.239".parse().unwrap()], ..foreign("printer") },
    ];
    insta::assert_snapshot!(shown(&desired, &observed, &given()), @r"
    branch-1 (instance 2.1)
      down
        instance 2.1 is not installed
      stalled: the VM `APP1.2.1` is not ours and has the name that app is to have
               (AdoptionNeeded)
               what to do: rename, readdress or remove that VM, or change the
               manifest; we never build beside it
      stalled: the VM `theirs` belongs to x-1 of fleet fabrikam and has the disk
               `D:\Trunkline\Instances\2.1\gateway.vhdx` that gateway is to have
               (AdoptionNeeded)
               what to do: rename, readdress or remove that VM, or change the
               manifest; we never build beside it
      stalled: the VM `printer` is not ours and has the address 192.168.0.239 that
               gateway is to have (AdoptionNeeded)
               what to do: rename, readdress or remove that VM, or change the
               manifest; we never build beside it

    changes
      host.switches.Trunkline Management  + present
      roles.app                           + VM app1.2.1
      roles.gateway                       + VM gateway1.2.1

    no steps
    ");
}

#[test]
fn a_foreign_vm_elsewhere_is_no_business_of_ours() {
    let desired = branch_bundle();
    let mut observed = bare(&desired);
    let alone = shown(&desired, &observed, &given());
    observed.foreign = vec![ForeignVm { addresses: vec!["192.168.0.7".parse().unwrap()], ..foreign("printer") }];
    assert_eq!(shown(&desired, &observed, &given()), alone);
}

#[test]
fn two_vms_with_one_mark_stop_everything() {
    let desired = branch_bundle();
    let mut observed = converged(&desired);
    let vms = vec![of("app1.2.1"), of("app1.2.1 - Copy")];
    observed.duplicates = vec![DuplicateMark { instance: desired.instance.clone(), role: of("app"), vms }];
    insta::assert_snapshot!(shown(&desired, &observed, &given()), @"
    branch-1 (instance 2.1)
      serving
      stalled: the VMs `app1.2.1` and `app1.2.1 - Copy` bear the same mark: app of
               instance 2.1 (DuplicateMark)
               what to do: delete our line in the notes of the copy, or delete the
               copy

    no steps
    ");
}

#[test]
fn every_reason_not_to_build_is_said_at_once() {
    let mut desired = cloud_connector();
    let mut observed = bare(&desired);
    observed.host.switches.known_mut().unwrap().remove(&of("Internet"));
    observed.host.memory = MemorySize::from_mib(8192);
    observed.host.files.insert(desired.roles[0].image.path.clone(), Seen::Absent);
    desired.roles[1].image.size = Some(DiskSize::from_bytes(5000));
    desired.roles[2].processors = Some(64);
    insta::assert_snapshot!(shown(&desired, &observed, &given_with_peer()), @r"
    sea-1 (instance 2.1)
      down
        instance 2.1 is not installed
      stalled: the host has no switch `Internet`, which network internet names
               (SwitchMissing)
               what to do: make it in Hyper-V (it is bound to a physical adapter),
               or name another one
      stalled: the memory does not suffice: all VMs together ask for 16 GiB, the
               host has 8 GiB (HostTooSmall)
               what to do: lower `memory`, take other VMs off this host, or use a
               larger one
      stalled: mediation asks for 64 processors, the host has 12 (HostTooSmall)
               what to do: lower `processors`, or use a larger host
      stalled: the host has no image `D:\Images\ad.vhdx` (ImageMissing)
               what to do: put the finished image of ad there, or name its place
               under `images`
      stalled: the image `D:\Images\cms.vhdx` has 4096 bytes, the Release says 5000
               (ImageMissing)
               what to do: copy it again, or correct `size` in the Release

    changes
      roles.ad         + VM ad1.2.1
      roles.cms        + VM cms1.2.1
      roles.mediation  + VM mediation1.2.1
      roles.edge       + VM edge1.2.1

    no steps
    ");
}

#[test]
fn an_image_that_nobody_could_look_for_is_not_missing() {
    let desired = branch_bundle();
    let mut observed = bare(&desired);
    observed.host.files.insert(desired.roles[0].image.path.clone(), Seen::Unknown(Cause::Failed("access denied".to_owned())));
    insta::assert_snapshot!(shown(&desired, &observed, &given()), @r"
    branch-1 (instance 2.1)
      down
        instance 2.1 is not installed

    changes
      host.switches.Trunkline Management  + present
      roles.app                           + VM app1.2.1
      roles.gateway                       + VM gateway1.2.1

    no steps

    waits for
      unknown  the image `D:\Images\app.vhdx` cannot be seen: the query failed:
               access denied
    ");
}

#[test]
fn a_management_switch_of_the_wanted_name_that_is_not_ours_stalls() {
    let desired = branch_bundle();
    let mut observed = converged(&desired);
    let ours = observed.host.switches.known_mut().unwrap().remove(&of("Trunkline Management")).unwrap();
    let mut observed = bare(&desired);
    let theirs = model::observed::ObservedSwitch { mark: None, ..ours };
    observed.host.switches.known_mut().unwrap().insert(of("trunkline management"), theirs);
    insta::assert_snapshot!(shown(&desired, &observed, &given()), @"
    branch-1 (instance 2.1)
      down
        instance 2.1 is not installed
      stalled: the switch `Trunkline Management` exists and is not ours
               (AdoptionNeeded)
               what to do: give network management another switch name, or remove
               that switch

    changes
      roles.app      + VM app1.2.1
      roles.gateway  + VM gateway1.2.1

    no steps
    ");
}

#[test]
fn another_release_is_not_built_beside_one_that_runs() {
    let desired = branch_bundle();
    let mut observed = converged(&desired);
    let running = observed.instances.remove(&desired.instance).unwrap();
    observed.instances.insert(of("2.0"), running);
    insta::assert_snapshot!(shown(&desired, &observed, &given()), @"
    branch-1 (instance 2.0)
      serving
      stalled: instance 2.1 is not built in the place of instance 2.0, which is
               watched and repaired meanwhile (RebuildNeeded)
               what to do: keep the release of 2.0 in the Appliance; to give it up,
               hold the appliance, set the start action of its VMs to nothing and
               turn them off

    changes
      roles.app      + VM app1.2.1
      roles.gateway  + VM gateway1.2.1

    no steps
    ");
}

#[test]
fn an_instance_that_was_set_up_is_neither_started_nor_connected_beside_one_that_runs() {
    let mut desired = branch_bundle();
    let mut observed = converged(&desired);
    let mut running = observed.instances[&desired.instance].clone();
    running.vms.values_mut().for_each(|vm| vm.name = of(&format!("{}.old", vm.name)));
    observed.instances.insert(of("2.0"), running);
    for role in ["app", "gateway"] {
        let vm = observed.instances.get_mut(&desired.instance).unwrap().vms.get_mut(&of(role)).unwrap();
        vm.power = PowerState::Off;
        vm.guest = Seen::Unknown(Cause::PoweredOff);
        vm.adapters.known_mut().unwrap().values_mut().for_each(|adapter| adapter.switch = Seen::Absent);
    }
    desired.roles[0].processors = Some(4);
    desired.prune = true;
    insta::assert_snapshot!(shown(&desired, &observed, &given()), @"
    branch-1 (instance 2.1)
      down
        app is off
        gateway is off
        app/corpnet is unplugged
        app/management is unplugged
        gateway/corpnet is unplugged
        gateway/management is unplugged
      stalled: `app1.2.1.old` of instance 2.0 runs, with the addresses that instance
               2.1 is to have (RebuildNeeded)
               what to do: keep that release in the Appliance, or turn its VMs off
               first

    changes
      roles.app.power                           off -> running
      roles.app.processors                      2 -> 4
      roles.app.adapters.corpnet.switch         + Corpnet
      roles.app.adapters.management.switch      + Trunkline Management
      roles.gateway.power                       off -> running
      roles.gateway.adapters.corpnet.switch     + Corpnet
      roles.gateway.adapters.management.switch  + Trunkline Management
      instances.2.0.app                         - VM app1.2.1.old
      instances.2.0.gateway                     - VM gateway1.2.1.old

    2 steps, about 4s: nobody notices
       1  app      note why no calls are taken
       2  gateway  note why no calls are taken

      note: what is no longer wished stays until instance 2.1 runs and is as wished
    ");
    for power in [PowerState::Changing, PowerState::Saved, PowerState::Other(32768)] {
        observed.instances.get_mut(&of("2.0")).unwrap().vms.values_mut().for_each(|vm| vm.power = power);
        let text = shown(&desired, &observed, &given());
        assert!(!text.contains("start the VM") && !text.contains("connect "), "{power:?}, nobody knows that it is off: {text}");
    }
    observed.instances.get_mut(&of("2.0")).unwrap().vms.values_mut().for_each(|vm| vm.power = PowerState::Off);
    assert!(shown(&desired, &observed, &given()).contains("start the VM"), "it starts once the other one is off");
}

#[test]
fn the_host_does_not_start_another_instance_that_is_off_when_it_starts_itself() {
    let desired = branch_bundle();
    let mut observed = converged(&desired);
    let mut old = observed.instances[&desired.instance].clone();
    for vm in old.vms.values_mut() {
        (vm.name, vm.power) = (of(&format!("{}.old", vm.name)), PowerState::Off);
    }
    observed.instances.insert(of("2.0"), old);
    insta::assert_snapshot!(shown(&desired, &observed, &given()), @"
    branch-1 (instance 2.1)
      serving

    changes
      instances.2.0.app.startAction      always start -> nothing
      instances.2.0.gateway.startAction  always start -> nothing

    2 steps, about 2s: nobody notices
       1  app      when the host starts: nothing
       2  gateway  when the host starts: nothing

      note: `app1.2.1.old` is ours and no longer wished; it stays: prune is off
      note: `gateway1.2.1.old` is ours and no longer wished; it stays: prune is off
    ");
    observed.instances.get_mut(&of("2.0")).unwrap().vms.values_mut().for_each(|vm| vm.power = PowerState::Running);
    let text = shown(&desired, &observed, &given());
    assert!(text.contains("of instance 2.0 runs") && text.contains("no steps"), "{text}");
}

#[test]
fn an_image_that_hosts_another_domain_stops_the_set_up() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    for role in ["ad", "cms", "mediation", "edge"] {
        vm(&mut observed, role).remarks.set_up = false;
    }
    guest(&mut observed, "ad").domain = Seen::Known(of("fabrikam.local"));
    let text = shown(&desired, &observed, &given_with_peer());
    assert!(text.contains("ad belongs to the domain `fabrikam.local`, not `contoso.local`") && text.ends_with("no steps\n"), "{text}");
}

/// An appliance whose directory's VM bears a mark that somebody has damaged.
fn with_a_damaged_mark() -> (model::desired::Desired, model::observed::Observed) {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    let gone = observed.instances.get_mut(&desired.instance).unwrap().vms.remove(&of("ad")).unwrap();
    let says = "the mark `trunkline/1 fleet=contoso` lacks `appliance=`".to_owned();
    observed.unreadable = vec![UnreadableObject::Vm { name: gone.name, says }];
    (desired, observed)
}

#[test]
fn a_vm_whose_mark_cannot_be_read_is_unseen_and_the_stall_says_what_its_notes_are_to_hold() {
    let (mut desired, observed) = with_a_damaged_mark();
    // A commit that would need a VM off waits too.
    desired.roles[2].processors = Some(4);
    desired.prune = true;
    insta::assert_snapshot!(shown(&desired, &observed, &given_with_peer()), @"
    sea-1 (instance 2.1)
      serving
        ad cannot be seen: nobody looked
      stalled: the mark of the VM `ad1.2.1` cannot be read: the mark `trunkline/1
               fleet=contoso` lacks `appliance=` (UnreadableMark)
               what to do: see that its notes can be read, with the line
               `trunkline/1 fleet=contoso appliance=sea-1 role=ad instance=2.1
               spec=9f3a` if it is ours and without a mark if not. Until then
               nothing is made, changed or removed on this host

    changes
      roles.mediation.processors  2 -> 4

    no steps
    ");
}

#[test]
fn beside_an_unreadable_mark_what_is_known_is_mended() {
    let (desired, mut observed) = with_a_damaged_mark();
    set_rule(&mut observed, "edge", "CS RTCSRV", model::observed::RuleState::Disabled);
    let (plan, report) = plan(&desired, &observed, &given_with_peer());
    assert_eq!(plan.steps.iter().map(|step| step.id.as_str()).collect::<Vec<_>>(), ["2.1/edge/enable-rule/CS RTCSRV"]);
    assert_eq!((report.posture.clone(), report.seen_serving()), (model::condition::Posture::Serving, false));
}

#[test]
fn where_no_mark_can_be_read_nothing_is_built() {
    let (desired, mut observed) = with_a_damaged_mark();
    observed.instances.clear();
    let (plan, report) = plan(&desired, &observed, &given_with_peer());
    assert!(plan.is_empty() && !report.unseen.is_empty(), "{report:?}");
}

#[test]
fn a_switch_whose_mark_cannot_be_read_hides_no_vm() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    observed.instances.get_mut(&desired.instance).unwrap().vms.remove(&of("ad"));
    observed.host.switches = Seen::Unknown(Cause::NotObserved);
    let says = "the mark `trunkline/1` lacks `fleet=`".to_owned();
    observed.unreadable = vec![UnreadableObject::Switch { name: of("Trunkline Management"), says }];
    let (plan, report) = plan(&desired, &observed, &given_with_peer());
    assert!(plan.steps.iter().all(|step| !step.act.creates()), "{plan:?}");
    assert!(matches!(report.posture, model::condition::Posture::Down(_)), "the directory is gone: {report:?}");
    insta::assert_snapshot!(report.stalls[0].hint, @"see that its notes can be read, with the line `trunkline/1 fleet=contoso appliance=sea-1` if it is ours and without a mark if not. Until then nothing is made, changed or removed on this host");
}
