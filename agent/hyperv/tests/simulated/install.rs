//! A whole installation, by the real plan.

use std::sync::Arc;

use model::desired::{ManagementLifetime, NetworkKind};
use model::observed::{PowerState, Reach};
use plan::fixtures::of;
use trunkline_hyperv::Check;

use crate::bench::Bench;

#[tokio::test(start_paused = true)]
async fn a_bare_host_converges_and_stays_so() {
    let bench = Bench::bare();
    bench.converge().await;
    let observed = bench.observe().await;
    let instance = &observed.instances[&of("2.1")];
    assert_eq!(instance.vms.len(), 4);
    for (role, vm) in &instance.vms {
        assert_eq!(vm.power, PowerState::Running, "{role}");
        let guest = vm.guest.known().unwrap_or_else(|| panic!("the guest of {role}: {:?}", vm.guest));
        assert_eq!(guest.reach, Reach::Serving, "{role}");
    }
    assert!(bench.plan(&observed).is_empty());

    let before = bench.guest_requests();
    bench.observe().await;
    let each = (bench.guest_requests() - before) / 4;
    assert!(each <= 9, "{each} requests for each guest: seven questions, two of which may take a second page");
}

#[tokio::test(start_paused = true)]
async fn guests_are_looked_at_over_the_watched_network_first_although_the_management_switch_stays() {
    let mut bench = Bench::bare();
    for network in Arc::make_mut(&mut bench.desired.networks).values_mut() {
        if let NetworkKind::Management { lifetime, .. } = &mut network.kind {
            *lifetime = ManagementLifetime::Permanent;
        }
    }
    bench.converge().await;
    let reach = async |bench: &Bench| bench.observe().await.instances[&of("2.1")].vms[&of("edge")].guest.known().map(|guest| guest.reach);
    assert_eq!(reach(&bench).await, Some(Reach::Serving));

    bench.play("- {at: 0s, do: {world: {nicUnplugged: {host: hv-1, vm: edge1.2.1, adapter: corpnet}}}}");
    tokio::time::sleep(std::time::Duration::from_secs(30)).await;
    assert_eq!(reach(&bench).await, Some(Reach::Management), "the other way in is there when the first is not");

    bench.desired.watch.network = of("management");
    bench.converge().await;
    assert_eq!(reach(&bench).await, Some(Reach::Management), "over our own switch is over our own switch, watched or not");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_remembers_nothing_sees_the_same_and_does_nothing() {
    let bench = Bench::bare();
    bench.converge().await;
    let before = bench.changes();
    let other = bench.another_agent();
    let mut seen = other.observe(&bench.desired).await.expect("it can be observed");
    let mut mine = bench.observe().await;
    (seen.at, mine.at) = (of("2026-03-03T12:00:00Z"), of("2026-03-03T12:00:00Z"));
    assert_eq!(seen, mine);
    assert_eq!(bench.changes(), before, "looking changes nothing");
}

#[tokio::test(start_paused = true)]
async fn no_step_is_sent_twice() {
    let bench = Bench::bare();
    for _ in 0..20 {
        let plan = bench.plan(&bench.observe().await);
        if plan.is_empty() {
            return;
        }
        for step in plan.steps.iter() {
            bench.perform(step).await.expect("it can be done");
            let changes = bench.changes();
            let other = bench.another_agent();
            assert_eq!(other.check(&bench.desired, step).await.expect("it can be checked"), Check::Done, "`{}`", step.id);
            other.perform(&bench.desired, step).await.expect("it is done");
            assert_eq!(bench.changes(), changes, "`{}` was sent twice", step.id);
        }
    }
    panic!("it does not converge");
}

/// Methods that change something, on the host and in guests.
const CHANGING: [&str; 10] = [
    "DefineSystem",
    "CreateVirtualHardDisk",
    "AddResourceSettings",
    "ModifyResourceSettings",
    "ModifySystemSettings",
    "RequestStateChange",
    "SetGuestNetworkAdapterConfiguration",
    "Rename",
    "JoinDomainOrWorkgroup",
    "Win32Shutdown",
];

#[tokio::test(start_paused = true)]
async fn an_install_whose_every_answer_is_lost_changes_nothing_twice() {
    let (plain, cut) = (Bench::bare(), Bench::bare());
    for method in CHANGING {
        cut.play(&format!("- {{on: {{method: {method}, times: null}}, do: cutBeforeAnswer}}"));
    }
    plain.converge().await;
    cut.converge().await;
    let sorted = |bench: &Bench| {
        let mut changes = bench.changes();
        changes.sort();
        changes
    };
    assert_eq!(sorted(&cut), sorted(&plain));
}
