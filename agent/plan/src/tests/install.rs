//! From a bare host to a serving appliance.

use model::desired::{Desired, Place};
use model::observed::{Reach, UnfinishedJob};
use model::seen::{Cause, Seen};

use super::{gated, shown};
use crate::fixtures::{apply, bare, branch_bundle, cloud_connector, converged, given, given_with_peer, guest, now, of, unplug, vm};
use crate::plan;
use crate::step::Act;

#[test]
fn a_bare_host_gets_two_roles_over_a_management_switch_that_stays() {
    let desired = branch_bundle();
    insta::assert_snapshot!(shown(&desired, &bare(&desired), &given()), @"
    branch-1 (instance 2.1)
      down
        instance 2.1 is not installed

    changes
      host.switches.Trunkline Management  + present
      roles.app                           + VM app1.2.1
      roles.gateway                       + VM gateway1.2.1

    38 steps, about 14m 35s: builds what serves nobody yet
       1  host     make the internal switch `Trunkline Management`
       2  host     give the host 192.168.213.1/24 on `Trunkline Management`
       3  app      make the disk app.vhdx
       4  app      make the VM app1.2.1
       5  app      set 2 processors
       6  app      set 4 GiB of memory
       7  app      when the host starts: always start
       8  app      when the host stops: shut down
       9  app      attach the disk app.vhdx
      10  app      add the adapter corpnet
      11  app      add the adapter management
      12  app      connect management to `Trunkline Management`
      13  gateway  make the disk gateway.vhdx
      14  gateway  make the VM gateway1.2.1
      15  gateway  set 2 processors
      16  gateway  set 4 GiB of memory
      17  gateway  when the host starts: always start
      18  gateway  when the host stops: shut down
      19  gateway  attach the disk gateway.vhdx
      20  gateway  add the adapter corpnet
      21  gateway  add the adapter management
      22  gateway  connect management to `Trunkline Management`
      23  app      start the VM
      24  app      set 192.168.213.238/24 on management
      25  app      look into the guest over the management network
      26  app      set 192.168.0.238/24, gateway 192.168.0.1 on corpnet
      27  app      name the guest app1
      28  app      restart the guest, for its name
      29  gateway  start the VM
      30  gateway  set 192.168.213.239/24 on management
      31  gateway  look into the guest over the management network
      32  gateway  set 192.168.0.239/24, gateway 192.168.0.1 on corpnet
      33  gateway  name the guest gateway1
      34  gateway  restart the guest, for its name
      35  app      connect corpnet to `Corpnet`
      36  gateway  connect corpnet to `Corpnet`
      37  app      note that all is well
      38  gateway  note that all is well
    ");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a golden plan is as long as the plan")]
fn a_bare_host_gets_four_roles_and_the_management_switch_goes_again() {
    let desired = cloud_connector();
    insta::assert_snapshot!(shown(&desired, &bare(&desired), &given_with_peer()), @"
    sea-1 (instance 2.1)
      down
        instance 2.1 is not installed

    changes
      roles.ad         + VM ad1.2.1
      roles.cms        + VM cms1.2.1
      roles.mediation  + VM mediation1.2.1
      roles.edge       + VM edge1.2.1

    90 steps, about 46m 56s: builds what serves nobody yet
       1  host       make the internal switch `Trunkline Management`
       2  host       give the host 192.168.213.1/24 on `Trunkline Management`
       3  ad         make the disk ad.vhdx
       4  ad         make the VM ad1.2.1
       5  ad         set 2 processors
       6  ad         set 4 GiB of memory
       7  ad         when the host starts: always start
       8  ad         when the host stops: shut down
       9  ad         attach the disk ad.vhdx
      10  ad         add the adapter corpnet
      11  ad         add the adapter management
      12  ad         connect management to `Trunkline Management`
      13  cms        make the disk cms.vhdx
      14  cms        make the VM cms1.2.1
      15  cms        set 2 processors
      16  cms        set 4 GiB of memory
      17  cms        when the host starts: always start
      18  cms        when the host stops: shut down
      19  cms        attach the disk cms.vhdx
      20  cms        add the adapter corpnet
      21  cms        add the adapter management
      22  cms        connect management to `Trunkline Management`
      23  mediation  make the disk mediation.vhdx
      24  mediation  make the VM mediation1.2.1
      25  mediation  set 2 processors
      26  mediation  set 4 GiB of memory
      27  mediation  when the host starts: always start
      28  mediation  when the host stops: shut down
      29  mediation  attach the disk mediation.vhdx
      30  mediation  add the adapter corpnet
      31  mediation  add the adapter management
      32  mediation  connect management to `Trunkline Management`
      33  edge       make the disk edge.vhdx
      34  edge       make the VM edge1.2.1
      35  edge       set 2 processors
      36  edge       set 4 GiB of memory
      37  edge       when the host starts: always start
      38  edge       when the host stops: shut down
      39  edge       attach the disk edge.vhdx
      40  edge       add the adapter corpnet
      41  edge       add the adapter internet
      42  edge       add the adapter management
      43  edge       connect management to `Trunkline Management`
      44  ad         start the VM
      45  ad         set 192.168.213.238/24 on management
      46  ad         look into the guest over the management network
      47  ad         set 192.168.0.238/24, gateway 192.168.0.1 on corpnet
      48  ad         name the guest ad1
      49  ad         restart the guest, for its name
      50  cms        start the VM
      51  cms        set 192.168.213.239/24 on management
      52  cms        look into the guest over the management network
      53  cms        set 192.168.0.239/24, gateway 192.168.0.1 on corpnet
      54  cms        name the guest cms1
      55  cms        restart the guest, for its name
      56  cms        join the domain contoso.local
      57  cms        restart the guest, for its domain
      58  mediation  start the VM
      59  mediation  set 192.168.213.240/24 on management
      60  mediation  look into the guest over the management network
      61  mediation  set 192.168.0.240/24, gateway 192.168.0.1 on corpnet
      62  mediation  name the guest mediation1
      63  mediation  restart the guest, for its name
      64  mediation  join the domain contoso.local
      65  mediation  restart the guest, for its domain
      66  edge       start the VM
      67  edge       set 192.168.213.241/24 on management
      68  edge       look into the guest over the management network
      69  edge       set 192.168.0.241/24, gateway 192.168.0.1 on corpnet
      70  edge       set 192.168.1.241/24, gateway 192.168.1.1 on internet
      71  edge       name the guest edge1
      72  edge       restart the guest, for its name
      73  ad         connect corpnet to `Corpnet`
      74  cms        connect corpnet to `Corpnet`
      75  mediation  connect corpnet to `Corpnet`
      76  edge       connect corpnet to `Corpnet`
      77  edge       connect internet to `Internet`
      78  ad         remove the adapter management
      79  cms        remove the adapter management
      80  mediation  remove the adapter management
      81  edge       remove the adapter management
      82  host       remove the switch `Trunkline Management`
      83  ad         look into the guest over the product network
      84  cms        look into the guest over the product network
      85  mediation  look into the guest over the product network
      86  edge       look into the guest over the product network
      87  ad         note that all is well
      88  cms        note that all is well
      89  mediation  note that all is well
      90  edge       note that all is well
    ");
}

#[test]
fn a_converged_appliance_needs_nothing() {
    for desired in [branch_bundle(), cloud_connector()] {
        insta::allow_duplicates!(assert!(shown(&desired, &converged(&desired), &given_with_peer()).ends_with("\nno changes\n")));
    }
}

#[test]
fn disks_and_vms_of_all_roles_are_ready_at_once_and_guests_follow_role_order() {
    let desired = cloud_connector();
    let (plan, _) = plan(&desired, &bare(&desired), &given_with_peer());
    let mut done: std::collections::BTreeSet<_> = plan.steps.iter().take(2).map(|step| step.id.clone()).collect();
    let ready: Vec<&str> = plan.steps.ready(&done).iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ready, ["2.1/ad/create-disk", "2.1/cms/create-disk", "2.1/mediation/create-disk", "2.1/edge/create-disk"]);
    let last_of_ad = "2.1/ad/restart-guest/renamed";
    done.extend(plan.steps.iter().take_while(|step| !matches!(step.act, Act::AwaitGuest { .. })).map(|step| step.id.clone()));
    assert!(!done.iter().any(|id| id.as_str() == last_of_ad));
    let looks = plan.steps.iter().filter(|step| matches!(step.act, Act::AwaitGuest { over: Reach::Management }));
    let follows: Vec<(&str, Vec<&str>)> =
        looks.map(|step| (step.id.as_str(), step.after.iter().map(crate::step::StepId::as_str).collect())).collect();
    assert_eq!(follows[1], ("2.1/cms/await-guest/management", vec!["2.1/cms/inject-address/management", last_of_ad]));
}

#[test]
fn an_install_that_was_cut_goes_on_where_it_stopped() {
    let desired = branch_bundle();
    let mut observed = bare(&desired);
    let (whole, _) = plan(&desired, &observed, &given());
    apply(&desired, &mut observed, whole.steps.iter().take(28));
    insta::assert_snapshot!(shown(&desired, &observed, &given()), @"
    branch-1 (instance 2.1)
      down
        instance 2.1 is being set up
        app/corpnet is unplugged
        gateway is off
        gateway/corpnet is unplugged

    changes
      roles.app.setUp                        under way -> done
      roles.app.adapters.corpnet.switch      + Corpnet
      roles.gateway.setUp                    under way -> done
      roles.gateway.power                    off -> running
      roles.gateway.adapters.corpnet.switch  + Corpnet

    10 steps, about 7m 15s: builds what serves nobody yet
       1  gateway  start the VM
       2  gateway  set 192.168.213.239/24 on management
       3  gateway  look into the guest over the management network
       4  gateway  set 192.168.0.239/24, gateway 192.168.0.1 on corpnet
       5  gateway  name the guest gateway1
       6  gateway  restart the guest, for its name
       7  app      connect corpnet to `Corpnet`
       8  gateway  connect corpnet to `Corpnet`
       9  app      note that all is well
      10  gateway  note that all is well
    ");
}

#[test]
fn a_lost_vm_of_a_serving_instance_is_built_again_while_the_others_are_held() {
    let desired = cloud_connector();
    let mut observed = converged(&desired);
    observed.instances.get_mut(&desired.instance).unwrap().vms.remove(&of("edge"));
    insta::assert_snapshot!(shown(&desired, &observed, &given_with_peer()), @"
    sea-1 (instance 2.1)
      down
        edge does not exist

    changes
      roles.edge  + VM edge1.2.1

    44 steps, about 19m 12s: takes no calls meanwhile
       1  mediation  hold RTCSRV
       2  mediation  hold MEDSVC
       3  mediation  hold REPLICA
       4  cms        hold MASTER
       5  cms        hold REPLICA
       6  cms        note why no calls are taken
       7  mediation  note why no calls are taken
       8  host       make the internal switch `Trunkline Management`
       9  host       give the host 192.168.213.1/24 on `Trunkline Management`
      10  edge       make the VM edge1.2.1
      11  edge       set 2 processors
      12  edge       set 4 GiB of memory
      13  edge       when the host starts: always start
      14  edge       when the host stops: shut down
      15  edge       attach the disk edge.vhdx
      16  edge       add the adapter corpnet
      17  edge       add the adapter internet
      18  edge       add the adapter management
      19  edge       connect management to `Trunkline Management`
      20  edge       start the VM
      21  edge       set 192.168.213.241/24 on management
      22  edge       look into the guest over the management network
      23  edge       set 192.168.0.241/24, gateway 192.168.0.1 on corpnet
      24  edge       set 192.168.1.241/24, gateway 192.168.1.1 on internet
      25  edge       name the guest edge1
      26  edge       restart the guest, for its name
      27  edge       connect corpnet to `Corpnet`
      28  edge       connect internet to `Internet`
      29  edge       remove the adapter management
      30  host       remove the switch `Trunkline Management`
      31  edge       look into the guest over the product network
      32  cms        start REPLICA
      33  cms        start MASTER
      34  mediation  start REPLICA
      35  mediation  start MEDSVC
      36  mediation  start RTCSRV
      37  cms        let REPLICA start: automatic
      38  cms        let MASTER start: automatic
      39  mediation  let REPLICA start: automatic
      40  mediation  let MEDSVC start: automatic
      41  mediation  let RTCSRV start: automatic
      42  cms        note that all is well
      43  mediation  note that all is well
      44  edge       note that all is well
    ");
}

#[test]
fn nothing_is_created_while_a_job_that_creates_has_not_ended() {
    let desired = branch_bundle();
    let mut observed = bare(&desired);
    let job = UnfinishedJob { id: "7".to_owned(), caption: "Creating Virtual Hard Disk".to_owned(), creates: true };
    observed.host.jobs = Seen::Known(vec![job]);
    let text = gated(&desired, &observed, &given());
    let waits = text.split("waits for\n").nth(1).unwrap();
    insta::assert_snapshot!(waits, @"  job      a Hyper-V job has not ended: Creating Virtual Hard Disk (7 steps)");
}

#[test]
fn an_adapter_that_was_lost_is_added_whatever_job_runs() {
    let desired = branch_bundle();
    let mut observed = converged(&desired);
    let mac = desired.roles[1].adapters[0].mac;
    let Seen::Known(adapters) = &mut vm(&mut observed, "gateway").adapters else { panic!("they are known") };
    adapters.remove(&mac);
    let mut given = given();
    given.memory.bad_since.insert("gateway/corpnet".to_owned(), now() - jiff::SignedDuration::from_mins(1));
    for jobs in [
        Seen::Known(vec![UnfinishedJob { id: "7".to_owned(), caption: "Merging".to_owned(), creates: true }]),
        Seen::Unknown(Cause::Failed("access denied".to_owned())),
    ] {
        observed.host.jobs = jobs;
        let (plan, report) = plan(&desired, &observed, &given);
        let go = crate::gate::gate(&plan, &report, &desired, &given).go;
        assert!(go.iter().any(|step| step.as_str() == "2.1/gateway/add-adapter/corpnet"), "{:?}: {go:?}", observed.host.jobs);
    }
}

#[test]
fn nothing_is_created_while_nobody_knows_what_jobs_run() {
    let desired = branch_bundle();
    let mut observed = bare(&desired);
    observed.host.jobs = Seen::Unknown(Cause::Failed("access denied".to_owned()));
    let (plan, report) = plan(&desired, &observed, &given());
    let gated = crate::gate::gate(&plan, &report, &desired, &given());
    assert_eq!(gated.go, []);
}

#[test]
fn from_another_machine_an_install_waits_for_reach() {
    let mut desired = branch_bundle();
    desired.host.place = Place::Remote;
    let text = gated(&desired, &bare(&desired), &given());
    let waits = text.split("waits for\n").nth(1).unwrap();
    insta::assert_snapshot!(waits, @"
    reach    the guest `app` is reached from the host only; run the agent there (1
             step)
    reach    the guest `gateway` is reached from the host only; run the agent
             there (1 step)
    ");
}

#[test]
fn a_guest_that_lacks_a_watched_service_is_never_called_set_up() {
    let desired = branch_bundle();
    let mut observed = converged(&desired);
    for role in ["app", "gateway"] {
        vm(&mut observed, role).remarks.set_up = false;
    }
    guest(&mut observed, "app").services.known_mut().unwrap().clear();
    insta::assert_snapshot!(shown(&desired, &observed, &given()), @"
    branch-1 (instance 2.1)
      down
        instance 2.1 is being set up
      stalled: app/AppSvc does not exist in the guest (SignalNeverSeen)
               what to do: correct the Profile's `watch`, or the image of that role

    changes
      roles.app.setUp      under way -> done
      roles.gateway.setUp  under way -> done

    no steps
    ");
}

#[test]
fn a_guest_that_dropped_off_late_in_a_set_up_is_reached_over_the_management_switch_again() {
    let desired: Desired = cloud_connector();
    let mut observed = converged(&desired);
    for role in ["ad", "cms", "mediation", "edge"] {
        vm(&mut observed, role).remarks.set_up = false;
    }
    unplug(&mut observed, "edge", "internet");
    let text = shown(&desired, &observed, &given_with_peer());
    assert!(text.contains("make the internal switch") && text.contains("connect internet to `Internet`"), "{text}");
}
