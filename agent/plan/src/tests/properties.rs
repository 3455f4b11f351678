//! Law 1 over generated sights: installs that stopped anywhere, then drifted in several ways at once.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use model::condition::Posture;
use model::desired::{BootDevice, Desired, IntegrationService, Mode, Offer, SecureBoot, StartMode};
use model::names::{HostPath, SwitchName, VmName};
use model::observed::{Observed, ObservedService};
use model::observed::{
    ObservedGuest, ObservedVm, PowerState, Remarks, ReplicaRole, RuleState, ServiceState, UnfinishedJob, UnreadableObject,
};
use model::seen::{Cause, Seen};
use model::units::{MacAddress, MemorySize};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::fixtures::{bare, branch_bundle, cloud_connector, converged, count_calls, foreign, given, given_with_peer, of};
use crate::given::{Attempts, Given, PeerSight, TurnState};
use crate::graph::Plan;
use crate::render::json::json;
use crate::report::WaitingOn;
use crate::step::{Act, Impact, Purpose, Step, StepId};
use crate::{gate, plan, posture, signal};

#[derive(Debug, Clone)]
enum Drift {
    Power(PowerState),
    Unplug,
    WrongSwitch,
    AdapterGone,
    RuleOff,
    Service(ServiceState, StartMode),
    ServiceGone,
    ServicesUnseen,
    Calls(Seen<u32>),
    GuestUnseen(Cause),
    Processors(Seen<u32>),
    Memory(Seen<MemorySize>),
    AdaptersUnseen,
    DisksUnseen,
    VmGone,
    NotSetUp,
    MarkDamaged,
    NotedDown,
    OtherGateway,
    OtherAddress,
    OtherName,
    OtherSpec,
    PendingName,
    SwitchGone,
    SwitchesUnseen,
    DiskFileUnseen,
    ImageGone,
    Foreign,
    OldInstance,
    Job,
    Checkpointed,
    Replica(Seen<ReplicaRole>),
    Clustered(Seen<bool>),
    ClusterUnseen,
    DynamicMemory,
    FreeMemory(Seen<MemorySize>),
    SecureBoot(Seen<SecureBoot>),
    BootOrder(Seen<Vec<BootDevice>>),
    TimeSync(Seen<Offer>),
    Vlan(Seen<u16>),
}

fn drifts() -> impl Strategy<Value = Drift> {
    let power = prop_oneof![Just(PowerState::Off), Just(PowerState::Saved), Just(PowerState::Paused), Just(PowerState::Changing)];
    let state =
        prop_oneof![Just(ServiceState::Stopped), Just(ServiceState::Starting), Just(ServiceState::Paused), Just(ServiceState::Running)];
    let mode = prop_oneof![Just(StartMode::Automatic), Just(StartMode::Manual), Just(StartMode::Disabled)];
    let cause =
        prop_oneof![Just(Cause::Booting), Just(Cause::Unreachable("10.0.0.1".to_owned())), Just(Cause::Failed("no class".to_owned()))];
    let processors = prop_oneof![Just(Seen::Known(1)), Just(Seen::Known(4)), Just(Seen::Unknown(Cause::Failed("busy".to_owned())))];
    let calls = prop_oneof![Just(Seen::Known(12)), Just(Seen::Unknown(Cause::Failed("no counter".to_owned())))];
    let common = prop_oneof![
        4 => power.prop_map(Drift::Power),
        2 => Just(Drift::Unplug),
        1 => Just(Drift::AdapterGone),
        2 => Just(Drift::RuleOff),
        6 => (state, mode).prop_map(|(state, mode)| Drift::Service(state, mode)),
        3 => calls.prop_map(Drift::Calls),
        3 => cause.prop_map(Drift::GuestUnseen),
        3 => processors.prop_map(Drift::Processors),
        1 => Just(Drift::NotedDown),
        2 => Just(Drift::OtherGateway),
    ];
    let rare = prop_oneof![
        Just(Drift::WrongSwitch),
        Just(Drift::ServiceGone),
        Just(Drift::ServicesUnseen),
        Just(Drift::Memory(Seen::Known(MemorySize::from_mib(2048)))),
        Just(Drift::AdaptersUnseen),
        Just(Drift::DisksUnseen),
        Just(Drift::VmGone),
        Just(Drift::MarkDamaged),
        Just(Drift::NotSetUp),
        Just(Drift::OtherAddress),
        Just(Drift::OtherName),
        Just(Drift::OtherSpec),
        Just(Drift::PendingName),
        Just(Drift::SwitchGone),
        Just(Drift::SwitchesUnseen),
        Just(Drift::DiskFileUnseen),
        Just(Drift::ImageGone),
        Just(Drift::Foreign),
        Just(Drift::OldInstance),
        Just(Drift::Job),
        Just(Drift::Checkpointed),
        prop_oneof![Just(Seen::Known(ReplicaRole::Primary)), Just(Seen::Known(ReplicaRole::Replica)), Just(unseen())]
            .prop_map(Drift::Replica),
        prop_oneof![Just(Seen::Known(true)), Just(Seen::Unknown(Cause::Failed("busy".to_owned())))].prop_map(Drift::Clustered),
        Just(Drift::ClusterUnseen),
        Just(Drift::DynamicMemory),
        prop_oneof![
            (0..12_u64).prop_map(|gib| Seen::Known(MemorySize::from_mib(gib * 1024))),
            Just(Seen::Unknown(Cause::Failed("busy".to_owned())))
        ]
        .prop_map(Drift::FreeMemory),
        prop_oneof![Just(Seen::Known(SecureBoot::Disabled)), Just(Seen::Absent)].prop_map(Drift::SecureBoot),
        prop_oneof![Just(Seen::Known(vec![BootDevice::Network, BootDevice::Disk])), Just(Seen::Absent)].prop_map(Drift::BootOrder),
        prop_oneof![Just(Seen::Known(Offer::On)), Just(Seen::Unknown(Cause::Failed("busy".to_owned())))].prop_map(Drift::TimeSync),
        prop_oneof![Just(Seen::Known(7)), Just(Seen::Absent), Just(Seen::Unknown(Cause::Failed("a trunk".to_owned())))]
            .prop_map(Drift::Vlan),
    ];
    prop_oneof![3 => common, 1 => rare]
}

fn unseen() -> Seen<ReplicaRole> {
    Seen::Unknown(Cause::Failed("busy".to_owned()))
}

/// Where a drift strikes: a role, and a thing of it.
type Strike = (Drift, Index, Index);

#[derive(Clone)]
struct Scene {
    story: String,
    desired: Desired,
    observed: Observed,
    given: Given,
}

impl std::fmt::Debug for Scene {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (plan, report) = plan(&self.desired, &self.observed, &self.given);
        write!(f, "{}\n{}", self.story, crate::render::text::text(&plan, &report, None))
    }
}

fn scenes() -> impl Strategy<Value = Scene> {
    let wish = (
        any::<bool>(),
        any::<(bool, bool)>(),
        any::<bool>(),
        any::<bool>(),
        prop_oneof![4 => Just(Mode::Converge), 1 => Just(Mode::Repair)],
    );
    let strikes = proptest::collection::vec((drifts(), any::<Index>(), any::<Index>()), 0..5);
    let circumstances = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (wish, any::<Option<Index>>(), strikes, circumstances).prop_map(
        |((large, (more, counts), prune, tagged, mode), stop, strikes, circumstances)| {
            let story = format!(
                "large {large}, more {more}, counts {counts}, prune {prune}, tagged {tagged}, {mode:?}, circumstances {circumstances:?}"
            );
            let mut desired = if large { cloud_connector() } else { branch_bundle() };
            desired.prune = prune;
            desired.mode = mode;
            if counts {
                count_calls(&mut desired, if large { "mediation" } else { "gateway" });
            }
            if tagged {
                std::sync::Arc::make_mut(&mut desired.networks).get_mut(&of("corpnet")).expect("a fixture's network").vlan = Some(10);
                desired.roles[0].secure_boot = Some(SecureBoot::Windows);
                desired.roles[0].boot_order = vec![BootDevice::Disk];
                desired.roles[0].integration_services.insert(IntegrationService::TimeSync, Offer::Off);
            }
            let mut observed = match stop {
                None => converged(&desired),
                Some(stop) => partly_installed(&desired, stop),
            };
            if more {
                let last = desired.roles.len() - 1;
                desired.roles[last].processors = Some(4);
                desired.roles[0].memory = Some(MemorySize::from_mib(8192));
            }
            let installed: Vec<_> = observed.instances.values().flat_map(|one| one.vms.keys()).map(ToString::to_string).collect();
            let mut story = format!("{story}\nVMs: {}", installed.join(" "));
            for strike in &strikes {
                let role = &desired.roles[strike.1.index(desired.roles.len())].role;
                story += &format!("\n{role}: {:?}", strike.0);
                happen(&desired, &mut observed, strike);
            }
            // Up for days, so that a restart shows.
            let vms = observed.instances.values_mut().flat_map(|instance| instance.vms.values_mut());
            vms.filter_map(|vm| vm.guest.known_mut()).for_each(|guest| guest.booted_at = of("2026-03-01T00:00:00Z"));
            let given = circumstances_of(&desired, &observed, circumstances);
            Scene { story, desired, observed, given }
        },
    )
}

fn partly_installed(desired: &Desired, stop: Index) -> Observed {
    let mut observed = bare(desired);
    let (plan, _) = plan(&Desired { mode: Mode::Converge, ..desired.clone() }, &observed, &given_with_peer());
    let count = stop.index(plan.steps.len() + 1);
    plan.steps.iter().take(count).for_each(|step| step.effect(desired, &mut observed));
    observed
}

fn circumstances_of(desired: &Desired, observed: &Observed, (peer, confirmed, failed, remembers): (bool, bool, bool, bool)) -> Given {
    let mut given = if peer { given_with_peer() } else { given() };
    if remembers {
        // The last role came into the wish later.
        let before = Desired { roles: desired.roles[..desired.roles.len() - 1].to_vec(), ..desired.clone() };
        given.memory.note(&before, &converged(desired), given.now);
        // A pass notes what it sees before it plans: what is gone is known to be.
        let mut sees = given.memory.clone();
        sees.note(&before, observed, given.now);
        given.memory.seen_good = sees.seen_good;
    }
    let long_ago: Timestamp = of("2026-03-03T10:00:00Z");
    if confirmed {
        let bad = signal::signals(desired, observed).into_iter().filter(|signal| signal.fault().is_some());
        given.memory.bad_since = bad.map(|signal| (signal.name, long_ago)).collect();
    }
    if failed {
        let vms = observed.instances.get(&desired.instance).into_iter().flat_map(|instance| &instance.vms);
        let boots: BTreeMap<_, _> = vms.filter_map(|(role, vm)| Some((role.clone(), vm.guest.known()?.booted_at))).collect();
        for role in &desired.roles {
            for name in role.services.iter().flat_map(|service| &service.names) {
                let act = Act::StartService { service: name.clone() };
                let attempts = Attempts { failed: 3, proven: 3, ended: long_ago, retry_at: long_ago, boots: boots.clone() };
                given.memory.attempts.insert(StepId::of(&desired.instance, Some(&role.role), &act), attempts);
            }
            // Nobody waits any more for what carries no call.
            given.memory.unseen_since.insert(role.role.to_string(), long_ago);
        }
    }
    given
}

fn happen(desired: &Desired, observed: &mut Observed, (drift, which, thing): &Strike) {
    let role = &desired.roles[which.index(desired.roles.len())];
    match drift {
        Drift::SwitchGone => {
            if let Some(switches) = observed.host.switches.known_mut()
                && !switches.is_empty()
            {
                let name = switches.keys().nth(thing.index(switches.len())).unwrap().clone();
                switches.remove(&name);
            }
        }
        Drift::SwitchesUnseen => observed.host.switches = Seen::Unknown(Cause::Failed("busy".to_owned())),
        Drift::DiskFileUnseen => {
            observed.host.files.insert(role.disk.clone(), Seen::Unknown(Cause::Failed("busy".to_owned())));
        }
        Drift::ImageGone => {
            observed.host.files.insert(role.image.path.clone(), Seen::Absent);
        }
        Drift::Foreign => {
            let mut vm = foreign(role.vm.as_str());
            vm.addresses = vec!["192.168.0.77".parse().unwrap()];
            vm.disks = vec![of(r"E:\theirs.vhdx")];
            observed.foreign.push(vm);
        }
        Drift::OldInstance => {
            let vms = observed.instances.get(&desired.instance).cloned().unwrap_or_default();
            let mut old = vms;
            for vm in old.vms.values_mut() {
                vm.power = if thing.index(2) == 0 { PowerState::Off } else { PowerState::Running };
                vm.mark.instance = of("2.0");
                vm.remarks.set_up |= thing.index(3) == 0;
                vm.name = of(&format!("{}.old", vm.name));
            }
            observed.instances.insert(of("2.0"), old);
        }
        Drift::Job => {
            let job = UnfinishedJob { id: "1".to_owned(), caption: "Creating Virtual Hard Disk".to_owned(), creates: true };
            observed.host.jobs = Seen::Known(vec![job]);
        }
        Drift::ClusterUnseen => observed.host.cluster = Seen::Unknown(Cause::Failed("busy".to_owned())),
        Drift::FreeMemory(seen) => observed.host.free_memory = seen.clone(),
        Drift::VmGone => {
            if let Some(instance) = observed.instances.get_mut(&desired.instance) {
                instance.vms.remove(&role.role);
            }
        }
        Drift::MarkDamaged => {
            let instance = observed.instances.get_mut(&desired.instance);
            if let Some(vm) = instance.and_then(|instance| instance.vms.remove(&role.role)) {
                observed.unreadable.push(UnreadableObject::Vm { name: vm.name, says: "it lacks `role=`".to_owned() });
            }
        }
        _ => {
            let vm = observed.instances.get_mut(&desired.instance).and_then(|one| one.vms.get_mut(&role.role));
            if let Some(vm) = vm {
                happen_to_vm(vm, drift, *thing);
            }
        }
    }
}

fn happen_to_vm(vm: &mut ObservedVm, drift: &Drift, thing: Index) {
    let adapter = vm.adapters.known().filter(|all| !all.is_empty()).map(|all| *all.keys().nth(thing.index(all.len())).unwrap());
    match drift {
        Drift::Power(power) => {
            vm.power = *power;
            vm.guest = Seen::Unknown(Cause::PoweredOff);
            let adapters = vm.adapters.known_mut().into_iter().flat_map(|all| all.values_mut());
            adapters.for_each(|adapter| adapter.config = Seen::Unknown(Cause::PoweredOff));
        }
        Drift::Processors(seen) => vm.processors = seen.clone(),
        Drift::Memory(seen) => vm.memory = seen.clone(),
        Drift::AdaptersUnseen => vm.adapters = Seen::Unknown(Cause::Failed("busy".to_owned())),
        Drift::DisksUnseen => vm.disks = Seen::Unknown(Cause::Failed("busy".to_owned())),
        Drift::Checkpointed => vm.checkpoints = vec!["by hand".to_owned()],
        Drift::Replica(seen) => vm.replica = seen.clone(),
        Drift::Clustered(seen) => vm.clustered = seen.clone(),
        Drift::DynamicMemory => vm.dynamic_memory = Seen::Known(true),
        Drift::SecureBoot(seen) => vm.secure_boot = seen.clone(),
        Drift::BootOrder(seen) => vm.boot_order = seen.clone(),
        Drift::TimeSync(seen) => {
            vm.integration_services.insert(IntegrationService::TimeSync, seen.clone());
        }
        Drift::NotSetUp => vm.remarks = Remarks::default(),
        Drift::NotedDown => vm.remarks.down = Some("for a test".to_owned()),
        Drift::OtherSpec => vm.mark.spec = "0000".to_owned(),
        Drift::GuestUnseen(cause) => vm.guest = Seen::Unknown(cause.clone()),
        Drift::Unplug | Drift::WrongSwitch | Drift::AdapterGone | Drift::Vlan(_) | Drift::OtherGateway | Drift::OtherAddress => {
            let Some((mac, adapters)) = adapter.zip(vm.adapters.known_mut()) else { return };
            let Some(seen) = adapters.get_mut(&mac) else { return };
            match drift {
                Drift::Unplug => seen.switch = Seen::Absent,
                Drift::Vlan(vlan) => seen.vlan = vlan.clone(),
                Drift::WrongSwitch => seen.switch = Seen::Known(of("Elsewhere")),
                Drift::OtherGateway => {
                    if let Some(config) = seen.config.known_mut() {
                        config.gateways = vec!["192.168.0.9".parse().unwrap()];
                    }
                }
                Drift::OtherAddress => {
                    if let Some(config) = seen.config.known_mut() {
                        config.addresses = vec![of("192.168.0.99/24")];
                    }
                }
                _ => {
                    adapters.remove(&mac);
                }
            }
        }
        _ => {
            if let Some(guest) = vm.guest.known_mut() {
                happen_to_guest(guest, drift, thing);
            }
        }
    }
}

fn happen_to_guest(guest: &mut ObservedGuest, drift: &Drift, thing: Index) {
    match drift {
        Drift::RuleOff => {
            guest.rules.known_mut().into_iter().flat_map(|rules| rules.values_mut()).for_each(|rule| *rule = RuleState::Disabled)
        }
        Drift::ServicesUnseen => guest.services = Seen::Unknown(Cause::Failed("busy".to_owned())),
        Drift::Calls(calls) => guest.calls = calls.clone(),
        Drift::OtherName => guest.computer = of("STRANGER"),
        Drift::PendingName => guest.pending_name = Some(of("LATER")),
        Drift::Service(..) | Drift::ServiceGone => {
            let Some(services) = guest.services.known_mut().filter(|services| !services.is_empty()) else { return };
            let name = services.keys().nth(thing.index(services.len())).unwrap().clone();
            match drift {
                Drift::Service(state, start_mode) => services.insert(name, ObservedService { state: *state, start_mode: *start_mode }),
                _ => services.remove(&name),
            };
        }
        _ => {}
    }
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_plan_after_k_steps_is_the_rest_of_the_plan_and_in_the_end_nothing_is_left(scene in scenes()) {
        let Scene { desired, mut observed, given, .. } = scene;
        let (whole, report) = plan(&desired, &observed, &given);
        let blind = report.waits.iter().any(|wait| matches!(wait.on, WaitingOn::Unknown { .. }));
        let expected = ids(&whole);
        for (done, step) in whole.steps.iter().enumerate() {
            step.effect(&desired, &mut observed);
            // What could not be seen kept work back; a look may add it.
            if blind && step.act.is_look() {
                break;
            }
            let (rest, _) = plan(&desired, &observed, &given);
            prop_assert_eq!(ids(&rest), &expected[done + 1..], "after {} steps, the last of which was {}", done + 1, step.id);
        }
    }

    #[test]
    fn planning_and_doing_come_to_an_end(scene in scenes()) {
        let Scene { desired, mut observed, given, .. } = scene;
        for _ in 0..3 {
            let (plan, _) = plan(&desired, &observed, &given);
            plan.steps.iter().for_each(|step| step.effect(&desired, &mut observed));
        }
        let (rest, _) = plan(&desired, &observed, &given);
        prop_assert_eq!(ids(&rest), Vec::<&str>::new());
    }

    #[test]
    fn ids_are_unique_and_what_comes_first_stands_first(scene in scenes()) {
        let (plan, _) = plan(&scene.desired, &scene.observed, &scene.given);
        let mut done: BTreeSet<StepId> = BTreeSet::new();
        for step in &plan.steps {
            prop_assert!(step.after.iter().chain(&step.behind).all(|id| done.contains(id)), "{} follows something that comes later", step.id);
            prop_assert!(done.insert(step.id.clone()), "{} stands twice", step.id);
        }
    }

    #[test]
    fn planning_twice_gives_the_same_bytes(scene in scenes()) {
        let text = || {
            let (plan, report) = plan(&scene.desired, &scene.observed, &scene.given);
            json(&plan, &report, Some(&gate::gate(&plan, &report, &scene.desired, &scene.given))).unwrap()
        };
        prop_assert_eq!(text(), text());
    }

    #[test]
    fn nothing_foreign_is_touched(scene in scenes()) {
        let Scene { desired, observed, given, .. } = scene;
        let (plan, _) = plan(&desired, &observed, &given);
        let foreign = Foreign::of(&observed, &desired);
        for step in &plan.steps {
            prop_assert!(!foreign.is_touched_by(step), "{} touches what is not ours", step.id);
        }
    }

    #[test]
    fn what_cannot_be_seen_is_never_stopped_or_deleted(scene in scenes()) {
        let Scene { desired, observed, given, .. } = scene;
        let (plan, _) = plan(&desired, &observed, &given);
        for step in &plan.steps {
            let vm = step.role.as_ref().and_then(|role| observed.instances.get(&step.instance)?.vms.get(role));
            let Some(vm) = vm.filter(|vm| vm.remarks.set_up && vm.power == PowerState::Running) else { continue };
            let blind = vm.guest.known().is_none() && step.purpose != Purpose::Prune;
            let stops = matches!(step.act, Act::ShutDownVm | Act::HoldService { .. } | Act::RestartGuest { .. });
            prop_assert!(!(blind && stops), "{} although the guest could not be seen", step.id);
            let deletes = matches!(step.act, Act::RemoveVm { .. } | Act::RemoveDisk { .. });
            prop_assert!(!(vm.disks.known().is_none() && deletes), "{} although the disks could not be seen", step.id);
            prop_assert!(desired.prune || !deletes, "{} without prune", step.id);
        }
    }

    #[test]
    fn beside_what_cannot_be_read_nothing_is_made_changed_or_removed(scene in scenes()) {
        let Scene { desired, observed, given, .. } = scene;
        let (plan, report) = plan(&desired, &observed, &given);
        let planned = [Purpose::SetUp, Purpose::Change, Purpose::Prune];
        for step in plan.steps.iter().filter(|_| !observed.unreadable.is_empty()) {
            // What a VM whose mark can be read has lost is mended.
            prop_assert!(!step.act.creates() && !planned.contains(&step.purpose), "{} beside a mark that cannot be read", step.id);
        }
        prop_assert!(!(observed.hides_vms() && report.seen_serving()), "peers would count on it");
    }

    #[test]
    fn what_others_hold_of_a_vm_is_not_spoilt(scene in scenes()) {
        let Scene { desired, observed, given, .. } = scene;
        let (plan, _) = plan(&desired, &observed, &given);
        for step in &plan.steps {
            let vm = step.role.as_ref().and_then(|role| observed.instances.get(&step.instance)?.vms.get(role));
            let Some(vm) = vm else { continue };
            let copies = !vm.replica.is_absent();
            let bound = !vm.checkpoints.is_empty() || copies || !matches!(vm.clustered, Seen::Known(false));
            let harms = matches!(step.act, Act::ShutDownVm | Act::RemoveVm { .. } | Act::RemoveDisk { .. } | Act::AttachDisk { .. });
            prop_assert!(!(bound && harms), "{} although others hold the VM", step.id);
            let elsewhere = vm.replica == Seen::Known(ReplicaRole::Replica) || vm.clustered == Seen::Known(true);
            prop_assert!(!(elsewhere && step.act == Act::StartVm), "{} although others decide about its power", step.id);
        }
    }

    #[test]
    fn losing_sight_never_marks_an_appliance_down(scene in scenes(), which in any::<Index>()) {
        let Scene { desired, mut observed, given, .. } = scene;
        let before = posture::posture(&desired, &observed, &given);
        let role = &desired.roles[which.index(desired.roles.len())].role;
        if let Some(vm) = observed.instances.get_mut(&desired.instance).and_then(|one| one.vms.get_mut(role))
            && vm.power == PowerState::Running
        {
            vm.guest = Seen::Unknown(Cause::Unreachable("10.0.0.1".to_owned()));
            let after = posture::posture(&desired, &observed, &given);
            let was_down = matches!(before, Posture::Down(_) | Posture::Maintenance);
            prop_assert!(was_down || !matches!(after, Posture::Down(_)), "{before:?} became {after:?}");
        }
    }

    #[test]
    fn the_gate_lets_nothing_through_before_what_it_follows(scene in scenes()) {
        let Scene { desired, observed, given, .. } = scene;
        let (plan, report) = plan(&desired, &observed, &given);
        let gated = gate::gate(&plan, &report, &desired, &given);
        let go: BTreeSet<&StepId> = gated.go.iter().collect();
        for step in plan.steps.iter().filter(|step| go.contains(&step.id)) {
            prop_assert!(step.after.iter().all(|id| go.contains(id)));
            let planned = matches!(step.purpose, Purpose::Change | Purpose::Drain | Purpose::Prune);
            let serving = given.peers.values().filter(|peer| peer.serving == PeerSight::Serving).count();
            let promised = serving >= desired.availability.min_serving as usize;
            let noted = observed.instances.values().flat_map(|one| one.vms.values()).any(|vm| vm.remarks.down.is_some());
            let ours = given.turn == TurnState::Ours || noted || report.posture == Posture::Maintenance;
            let asked = report.takes_calls() || !ours;
            prop_assert!(!(planned && asked && step.impact >= Impact::Drain) || promised, "{} breaks the promise", step.id);
        }
    }
}

struct Foreign {
    names: BTreeSet<VmName>,
    disks: BTreeSet<HostPath>,
    macs: BTreeSet<MacAddress>,
    switches: BTreeSet<SwitchName>,
}

impl Foreign {
    fn of(observed: &Observed, desired: &Desired) -> Self {
        let switches = observed.host.switches.known().into_iter().flatten();
        let ours = desired.roles.iter().flat_map(|role| &role.adapters).map(|adapter| adapter.mac).collect::<BTreeSet<_>>();
        let vms = observed.instances.values().flat_map(|one| one.vms.values());
        let macs = vms.filter_map(|vm| vm.adapters.known()).flat_map(|all| all.keys()).filter(|mac| !ours.contains(mac));
        Self {
            names: observed.foreign.iter().map(|vm| vm.name.clone()).collect(),
            disks: observed.foreign.iter().flat_map(|vm| vm.disks.clone()).collect(),
            macs: macs.copied().chain(observed.foreign.iter().flat_map(|vm| vm.macs.clone())).collect(),
            switches: switches.filter(|(_, switch)| switch.mark.is_none()).map(|(name, _)| name.clone()).collect(),
        }
    }

    fn is_touched_by(&self, step: &Step) -> bool {
        match &step.act {
            Act::DefineVm { vm, .. } | Act::RemoveVm { vm } => self.names.contains(vm),
            Act::CreateDisk { path, .. } | Act::AttachDisk { path } | Act::RemoveDisk { path } => self.disks.contains(path),
            Act::CreateSwitch { switch, .. } | Act::AddressHost { switch, .. } | Act::RemoveSwitch { switch } => {
                self.switches.contains(switch)
            }
            Act::AddAdapter { mac, .. }
            | Act::ConnectAdapter { mac, .. }
            | Act::DisconnectAdapter { mac, .. }
            | Act::RemoveAdapter { mac, .. }
            | Act::InjectAddress { mac, .. } => self.macs.contains(mac),
            _ => false,
        }
    }
}
