//! What others hold of a VM, seen over the wire: checkpoints, replicas, clusters; and VLANs and firmware that a wish names.

use std::sync::Arc;
use std::time::Duration;

use model::condition::{Disposition, Reason};
use model::desired::SecureBoot;
use model::observed::{ObservedVm, ReplicaRole};
use model::seen::{Cause, Seen};
use plan::fixtures::of;
use plan::step::Act;
use sim::world::{Fault, HostName};

use crate::bench::{Bench, chain};

const IN_CLUSTER: (&str, &str) = ("    computerName: HV01\n", "    computerName: HV01\n    cluster: CLUSTER1\n");

async fn vm(bench: &Bench, role: &str) -> ObservedVm {
    let observed = bench.observe().await;
    observed.instances.values().next().and_then(|instance| instance.vms.get(&of(role))).expect("the VM is there").clone()
}

fn happen(bench: &Bench, fault: impl FnOnce(HostName, String) -> Fault) {
    bench.simulator.world().apply(fault(HostName::new("hv-1"), "ad1.2.1".to_owned())).expect("it fits");
}

fn checkpoint(bench: &Bench) {
    happen(bench, |host, vm| Fault::VmCheckpointed { host, vm, name: "by hand".to_owned() });
}

#[tokio::test(start_paused = true)]
async fn checkpoints_replicas_and_clusters_are_seen_and_gone_again() {
    let bench = Bench::with(IN_CLUSTER.0, IN_CLUSTER.1);
    bench.converge().await;
    let free = vm(&bench, "ad").await;
    assert_eq!((free.checkpoints, free.replica, free.clustered), (vec![], Seen::Absent, Seen::Known(false)));
    checkpoint(&bench);
    happen(&bench, |host, vm| Fault::VmReplicated { host, vm, mode: sim::world::file::ReplicaMode::Primary });
    happen(&bench, |host, vm| Fault::VmClustered { host, vm });
    let held = vm(&bench, "ad").await;
    assert_eq!(held.checkpoints, ["by hand"]);
    assert_eq!((held.replica, held.clustered), (Seen::Known(ReplicaRole::Primary), Seen::Known(true)));
    assert!(held.disks.known().is_some_and(|disks| disks.contains(&bench.desired.roles[0].disk)), "its own disk lies beneath");
    let roles = bench.observe().await.host.cluster;
    assert_eq!(roles.known().map(|roles| roles.iter().map(|role| role.vm.to_string()).collect()), Some(vec!["ad1.2.1".to_owned()]));
    happen(&bench, |host, vm| Fault::VmFreed { host, vm });
    let freed = vm(&bench, "ad").await;
    assert_eq!((freed.checkpoints, freed.replica, freed.clustered), (vec![], Seen::Absent, Seen::Known(false)));
    assert!(bench.plan(&bench.observe().await).is_empty(), "nothing is left of it");
}

#[tokio::test(start_paused = true)]
async fn a_host_without_clustering_is_in_no_cluster_and_one_that_does_not_say_is_unknown() {
    let bench = Bench::bare();
    assert_eq!(bench.observe().await.host.cluster, Seen::Absent);
    bench.play("- {on: {class: MSCluster_Resource}, do: {fault: 2150858793}}");
    let other = bench.another_agent().observe(&bench.desired).await.expect("the rest is seen");
    assert!(matches!(other.host.cluster.unknown(), Some(Cause::Failed(_))));
}

#[tokio::test(start_paused = true)]
async fn that_there_is_no_cluster_is_believed_for_an_hour() {
    let bench = Bench::bare();
    let cost = async || {
        let before = bench.requests();
        bench.observe().await;
        bench.requests() - before
    };
    let first = cost().await;
    assert_eq!(cost().await, first - 1, "nobody asks again");
    tokio::time::sleep(Duration::from_secs(3601)).await;
    assert_eq!((cost().await, cost().await), (first, first - 1));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_has_restarted_is_asked_again_for_its_cluster() {
    let bench = Bench::bare();
    bench.observe().await;
    bench.simulator.world().apply(Fault::HostRestart { host: HostName::new("hv-1") }).expect("it restarts");
    tokio::time::sleep(Duration::from_secs(900)).await;
    bench.play("- {on: {class: MSCluster_Resource}, do: {fault: 2150858793}}");
    assert!(matches!(bench.observe().await.host.cluster.unknown(), Some(Cause::Failed(_))), "it was asked");
}

#[tokio::test(start_paused = true)]
async fn whoever_ends_something_asks_for_the_cluster_anew() {
    let bench = Bench::with(IN_CLUSTER.0, IN_CLUSTER.1);
    bench.converge().await;
    let step = bench.step("ad", Act::ShutDownVm);
    happen(&bench, |host, vm| Fault::VmClustered { host, vm });
    let before = bench.changes().len();
    let error = bench.perform(&step).await.expect_err("it is refused");
    assert_eq!(error.disposition(), Disposition::Stall(Reason::Clustered));
    insta::assert_snapshot!(chain(&error), @"
    step `2.1/ad/shut-down-vm` could not be done
      because a failover cluster has `ad1.2.1` as a role: take it out of the cluster first
    ");
    assert_eq!(bench.changes().len(), before, "nothing was sent");
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_that_came_after_the_plan_still_stops_the_step() {
    let bench = Bench::bare();
    bench.converge().await;
    let step = bench.step("ad", Act::ShutDownVm);
    checkpoint(&bench);
    let before = bench.changes().len();
    let error = bench.perform(&step).await.expect_err("it is refused");
    assert_eq!(error.disposition(), Disposition::Stall(Reason::Checkpointed));
    insta::assert_snapshot!(chain(&error), @"
    step `2.1/ad/shut-down-vm` could not be done
      because `ad1.2.1` has the checkpoints `by hand`: apply or delete them first
    ");
    assert_eq!(bench.changes().len(), before, "nothing was sent");
}

#[tokio::test(start_paused = true)]
async fn ports_are_in_their_vlan_from_the_first_moment_and_secure_boot_is_as_wished() {
    let mut bench = Bench::with("nic: Ethernet 1, allowManagementOs: true}", "nic: Ethernet 1, allowManagementOs: true, vlan: 10}");
    Arc::make_mut(&mut bench.desired.networks).get_mut(&of("corpnet")).expect("a network").vlan = Some(10);
    bench.desired.roles[3].secure_boot = Some(SecureBoot::UefiAuthority);
    bench.converge().await;
    let edge = vm(&bench, "edge").await;
    assert_eq!(edge.secure_boot, Seen::Known(SecureBoot::UefiAuthority));
    let vlans: Vec<_> =
        edge.adapters.known().into_iter().flat_map(|all| all.values()).map(|one| (one.name.to_string(), one.vlan.clone())).collect();
    assert_eq!(vlans, [("corpnet".to_owned(), Seen::Known(10)), ("internet".to_owned(), Seen::Absent)]);
    assert!(bench.changes().iter().all(|method| method != "ModifyFeatureSettings"), "each was set once");
}

#[tokio::test(start_paused = true)]
async fn a_port_moves_to_another_vlan_through_the_settings_that_it_has() {
    let mut bench = Bench::bare();
    bench.converge().await;
    let adapter = bench.desired.roles[3].adapters[1].clone();
    let act = |to| Act::SetVlan { adapter: adapter.name.clone(), mac: adapter.mac, to };
    bench.mend("edge", act(20)).await;
    bench.mend("edge", act(30)).await;
    let changes = bench.changes();
    let count = |method: &str| changes.iter().filter(|one| *one == method).count();
    assert_eq!((count("AddFeatureSettings"), count("ModifyFeatureSettings")), (1, 1));
    let internet = of("internet");
    Arc::make_mut(&mut bench.desired.networks).get_mut(&internet).expect("a network").vlan = Some(30);
    assert!(bench.plan(&bench.observe().await).is_empty());
}
