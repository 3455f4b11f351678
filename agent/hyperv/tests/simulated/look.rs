//! What a look costs, and what it says when it goes wrong.

use model::condition::{Disposition, Reason};
use model::desired::Grade;
use model::observed::{Observed, UnreadableObject};
use model::seen::Cause;
use plan::fixtures::{of, service};

use crate::bench::{Bench, chain};

fn machines(count: usize) -> String {
    let one = |n: usize| format!("{{name: other{n}, adapters: [{{switch: Corpnet}}], notes: ['of somebody else']}}");
    (0..count).map(one).collect::<Vec<_>>().join(", ")
}

async fn requests_with(count: usize) -> u64 {
    let bench = Bench::with_machines(&machines(count));
    let observed = bench.observe().await;
    assert_eq!(observed.foreign.len(), count);
    let before = bench.requests();
    bench.observe().await;
    bench.requests() - before
}

#[tokio::test(start_paused = true)]
async fn the_number_of_requests_does_not_depend_on_the_number_of_vms() {
    // With one VM some classes have one instance, which needs no second page.
    let two = requests_with(2).await;
    assert_eq!(requests_with(16).await, two);
    assert!(two <= 2 * 21, "{two} requests for twenty-one classes");
}

#[tokio::test(start_paused = true)]
async fn the_number_of_requests_does_not_depend_on_the_number_of_services() {
    let mut bench = Bench::bare();
    bench.converge().await;
    let watching = async |bench: &mut Bench, count: usize| {
        for role in &mut bench.desired.roles {
            let more = (role.services.len()..count).map(|n| service(&[&format!("Service{n}")], Grade::Support));
            role.services = role.services.iter().cloned().chain(more).collect();
        }
        let before = bench.guest_requests();
        bench.observe().await;
        bench.guest_requests() - before
    };
    let few = watching(&mut bench, 5).await;
    assert_eq!(watching(&mut bench, 50).await, few);
    assert!(few <= 4 * 10, "{few} requests to four guests");
}

#[tokio::test(start_paused = true)]
async fn what_vms_hold_of_the_memory_is_seen_and_effects_foretell_it() {
    let bench = Bench::bare();
    let mut foretold = bench.observe().await;
    let free = |observed: &Observed| observed.host.free_memory.known().map(|free| free.mib());
    let before = free(&foretold).expect("the host tells");
    for step in bench.converge().await {
        step.effect(&bench.desired, &mut foretold);
    }
    let seen = bench.observe().await;
    assert_eq!(free(&seen), Some(before - 4 * 4096));
    assert_eq!(free(&foretold), free(&seen));
}

#[tokio::test(start_paused = true)]
async fn a_class_that_fails_is_unknown_and_not_absent() {
    let bench = Bench::bare();
    bench.play("- {on: {class: Msvm_VirtualEthernetSwitchSettingData}, do: {fault: 2150858793}}");
    let observed = bench.observe().await;
    assert!(matches!(observed.host.switches.unknown(), Some(Cause::Failed(_))), "{:?}", observed.host.switches);
    assert!(observed.host.jobs.known().is_some(), "the others are seen");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_does_not_answer_is_tried_again() {
    let mut bench = Bench::bare();
    bench.desired.host.address = "192.168.0.99".to_owned();
    let host = bench.another_agent();
    let error = host.observe(&bench.desired).await.expect_err("nobody is there");
    assert_eq!((error.disposition(), error.reason()), (Disposition::Retry, Reason::HostUnreachable));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_refuses_us_waits_for_a_person() {
    let mut bench = Bench::bare();
    bench.desired.host.credential = of("nobody");
    let host = bench.another_agent();
    let error = host.observe(&bench.desired).await.expect_err("we are refused");
    assert_eq!((error.disposition(), error.reason()), (Disposition::Stall(Reason::AccessDenied), Reason::AccessDenied));
    assert!(!chain(&error).contains("not-its-own"), "no password is shown: {}", chain(&error));
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_cannot_be_read_is_not_foreign() {
    let bench = Bench::with_machines("{name: odd, notes: ['trunkline/1 fleet=contoso appliance=sea-1']}");
    let seen = bench.host.observe(&bench.desired).await.expect("everything else is seen");
    assert_eq!(seen.foreign, []);
    let says = "the mark `trunkline/1 fleet=contoso appliance=sea-1` lacks `role=`".to_owned();
    assert_eq!(seen.unreadable, [UnreadableObject::Vm { name: of("odd"), says }]);
}

/// Has the host tell nothing of the settings of a VM for an hour.
fn tell_no_settings(bench: &Bench, vm: &str) {
    bench.play(&format!("- {{at: 0s, do: {{world: {{vmUntold: {{host: hv-1, vm: {vm}, for: 1h}}}}}}}}"));
}

fn hidden(observed: &Observed) -> Vec<&str> {
    let names = observed.unreadable.iter().map(|object| match object {
        UnreadableObject::Vm { name, .. } => name.as_str(),
        UnreadableObject::Switch { name, .. } => name.as_str(),
    });
    names.collect()
}

#[tokio::test(start_paused = true)]
async fn a_vm_of_others_that_no_settings_tell_of_hides_none_of_ours() {
    let bench = Bench::with_machines("{name: theirs}");
    bench.converge().await;
    let whole = bench.observe().await;
    tell_no_settings(&bench, "theirs");
    let seen = bench.host.observe(&bench.desired).await.expect("everything else is seen");
    assert_eq!((&seen.instances, &seen.unreadable), (&whole.instances, &vec![]));
    assert!(bench.plan(&seen).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_vm_of_ours_that_no_settings_tell_of_is_hidden_and_not_absent() {
    let bench = Bench::with_machines("{name: theirs}");
    bench.converge().await;
    tell_no_settings(&bench, "theirs");
    tell_no_settings(&bench, "edge1.2.1");
    let seen = bench.host.observe(&bench.desired).await.expect("everything else is seen");
    let mut names = hidden(&seen);
    names.sort_unstable();
    assert_eq!(names, ["edge1.2.1", "theirs"], "either may be the one that is missing");
    assert_eq!(seen.instances[&of("2.1")].vms.len(), 3);
    assert!(bench.plan(&seen).is_empty(), "nothing is closed for it, and nothing built in its place");
}

#[tokio::test(start_paused = true)]
async fn while_a_vm_is_being_set_up_whatever_no_settings_tell_of_may_be_ours() {
    let bench = Bench::with_machines("{name: theirs}");
    let step = bench.advance_to("start-vm").await;
    tell_no_settings(&bench, "theirs");
    let seen = bench.host.observe(&bench.desired).await.expect("everything else is seen");
    assert_eq!(hidden(&seen), ["theirs"]);
    assert!(bench.plan(&seen).is_empty(), "it may run with the addresses of `{}`", step.id);
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_is_off_or_starts_says_so() {
    let bench = Bench::bare();
    let step = bench.advance_to("start-vm").await;
    let vm = |observed: &model::observed::Observed| {
        observed.instances[&of("2.1")].vms[step.role.as_ref().expect("a VM's step")].guest.unknown().cloned()
    };
    assert_eq!(vm(&bench.observe().await), Some(Cause::PoweredOff));
    bench.perform(&step).await.expect("it starts");
    assert_eq!(vm(&bench.observe().await), Some(Cause::Booting));
}
