//! What holds whatever is called, in whatever order, and whatever goes wrong.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::host::power::Power;
use crate::world::{Fault, JobKind};

#[derive(Debug, Clone)]
enum Deed {
    Wait(i64),
    Ask(usize, u16),
    Shutdown(usize),
    Destroy(usize),
    Define,
    Unplug(usize),
    Restart,
    Fail(JobKind),
    Save,
}

fn deed() -> impl Strategy<Value = Deed> {
    let state = prop::sample::select(vec![2u16, 3, 6, 9, 10, 11]);
    let kind =
        prop::sample::select(vec![JobKind::Start, JobKind::StateChange, JobKind::Save, JobKind::DestroySystem, JobKind::DefineSystem]);
    prop_oneof![
        4 => (0i64..100).prop_map(Deed::Wait),
        6 => (0usize..4, state).prop_map(|(vm, state)| Deed::Ask(vm, state)),
        2 => (0usize..4).prop_map(Deed::Shutdown),
        1 => (0usize..4).prop_map(Deed::Destroy),
        1 => Just(Deed::Define),
        1 => (0usize..4).prop_map(Deed::Unplug),
        1 => Just(Deed::Restart),
        1 => kind.prop_map(Deed::Fail),
        1 => Just(Deed::Save),
    ]
}

/// Does it, wherever it fits; a refusal is as good as an effect here.
fn perform(b: &mut Bench, deed: Deed) {
    let host = HostName::new("hv-1");
    let names: Vec<_> = b.world.host(&host).expect("a host").machines.iter().map(|m| (m.id.clone(), m.name.clone())).collect();
    let pick = |n: usize| names.get(n % names.len().max(1)).cloned();
    let path = |id: &str| crate::host::computer_system::path_of(id);
    let call = |b: &mut Bench, target: &CimPath, method: &str, input: CimInstance| {
        let at = b.at.clone();
        if let Some(mut machine) = b.world.machine_mut(&at) {
            drop(machine.invoke(target, method, &input));
        }
    };
    let vsms = service("Msvm_VirtualSystemManagementService");
    match deed {
        Deed::Wait(seconds) => b.wait(seconds),
        Deed::Ask(vm, state) => {
            if let Some((id, _)) = pick(vm) {
                call(b, &path(&id), "RequestStateChange", class("in").with("RequestedState", state));
            }
        }
        Deed::Shutdown(vm) => {
            if let Some((id, _)) = pick(vm) {
                let component = CimPath::class_of(V2, "Msvm_ShutdownComponent").with_key("SystemName", id);
                call(b, &component, "InitiateReboot", class("in"));
            }
        }
        Deed::Destroy(vm) => {
            if let Some((id, _)) = pick(vm) {
                call(b, &vsms, "DestroySystem", class("in").with("AffectedSystem", path(&id)));
            }
        }
        Deed::Define => {
            let settings = class("Msvm_VirtualSystemSettingData").with("ElementName", "more");
            call(b, &vsms, "DefineSystem", class("in").with("SystemSettings", settings));
        }
        Deed::Unplug(vm) => {
            if let Some((vm, _)) = pick(vm) {
                drop(b.world.apply(Fault::NicUnplugged { host, vm, adapter: "corpnet".to_owned() }));
            }
        }
        Deed::Restart => b.world.apply(Fault::HostRestart { host }).expect("there is such a host"),
        Deed::Fail(kind) => b.world.apply(Fault::JobFails { host, kind, message: "no".to_owned() }).expect("there is such a host"),
        Deed::Save => {
            let text = serde_json::to_string(&b.world).expect("plain data");
            b.world = serde_json::from_str(&text).expect("it reads back");
        }
    }
}

fn check(b: &mut Bench) {
    let host = b.world.host(&HostName::new("hv-1")).expect("a host");
    for machine in &host.machines {
        let holds = machine.run.is_some();
        match machine.power {
            Power::Off => assert!(!holds, "an off VM holds nothing"),
            Power::Starting => {}
            _ => assert!(holds, "{:?} holds a system", machine.power),
        }
        let moving = matches!(machine.power, Power::Starting | Power::Stopping | Power::Saving | Power::Pausing | Power::Resuming);
        assert!(!moving || host.jobs.iter().any(crate::job::Job::is_running), "{:?} has a job that ends it", machine.power);
    }
    assert!(host.next_event().is_none_or(|at| at > b.world.now() || host.down_until.is_some()), "nothing is overdue");
    for endpoint in b.world.endpoints() {
        assert!(b.world.machine_mut(&endpoint.machine).is_some(), "who answers is there");
    }
    if b.world.machine_mut(&b.at.clone()).is_some() {
        for class in ["CIM_ResourceAllocationSettingData", "CIM_ConcreteJob", "Msvm_VirtualSystemSettingData"] {
            let ids: Vec<_> = b.all(&V2, class).into_iter().map(|o| o.path.key("InstanceID").expect("a key").to_owned()).collect();
            assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{class} has unique keys");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_course_of_events_leaves_a_machine_between_states(deeds in prop::collection::vec(deed(), 1..60)) {
        let mut b = Bench::new();
        let corpnet = b.switch("Corpnet");
        b.appliance("ad", "directory", &corpnet);
        b.appliance("cms", "calls", &corpnet);
        for deed in deeds {
            perform(&mut b, deed);
            check(&mut b);
        }
    }
}
