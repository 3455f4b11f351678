//! A simulated host with its images, the wish for it, and an agent that stands on it.

use std::sync::{Arc, Mutex};

use model::condition::Disposition;
use model::desired::Desired;
use model::names::CredentialName;
use model::observed::{Observed, Reach};
use model::units::Span;
use plan::fixtures::{cloud_connector, given_with_peer, of};
use plan::graph::Plan;
use plan::step::{Act, Impact, Purpose, Step, StepId, StepTime};
use sim::network::Simulator;
use sim::script::Script;
use sim::world::{HostName, MachineId, Place, World, WorldFile};
use trunkline_hyperv::{Check, Credential, CredentialError, Credentials, Host, HostContext, PerformError};
use wsman::Secret;
use wsman::auth::Refusals;
use wsman::clock::{SharedClock, TokioClock};
use wsman::tls::Trust;

pub const ADDRESS: &str = "192.168.0.10";

const WORLD: &str = r"
apiVersion: trunkline.dev/sim/v1alpha1
kind: World
networks: [{name: corp, subnet: 192.168.0.0/24}, {name: net, subnet: 192.168.1.0/24}]
images:
  - name: ad
    computerName: WIN-AD
    accounts: [{user: Administrator, password: guest}]
    services: [{name: NTDS}]
    domain: {name: contoso.local, netbios: CONTOSO, accounts: [{user: Joiner, password: join}]}
  - name: cms
    computerName: WIN-CMS
    accounts: [{user: Administrator, password: guest}]
    services: [{name: MASTER, needs: domainMember}, {name: REPLICA}]
  - name: mediation
    computerName: WIN-MS
    accounts: [{user: Administrator, password: guest}]
    services: [{name: REPLICA}, {name: RTCMEDSRV}, {name: RTCSRV}]
    firewallRules: [{id: ms-in, displayName: CS RTCMEDSRV}]
  - name: edge
    computerName: WIN-EDGE
    accounts: [{user: Administrator, password: guest}]
    services: [{name: REPLICA}, {name: RTCSRV}]
    firewallRules: [{id: edge-in, displayName: CS RTCSRV}]
hosts:
  - name: hv-1
    computerName: HV01
    accounts: [{user: trunkline, password: right}]
    volumes: [{letter: C, gib: 500}, {letter: D, gib: 2000}]
    nics:
      - {name: Ethernet 1, network: corp, addresses: [192.168.0.10/24]}
      - {name: Ethernet 2, network: net}
    switches:
      - {name: Corpnet, type: external, nic: Ethernet 1, allowManagementOs: true}
      - {name: Internet, type: external, nic: Ethernet 2}
    files:
      - {path: 'D:\Images\ad.vhdx', gib: 10, image: ad}
      - {path: 'D:\Images\cms.vhdx', gib: 10, image: cms}
      - {path: 'D:\Images\mediation.vhdx', gib: 10, image: mediation}
      - {path: 'D:\Images\edge.vhdx', gib: 10, image: edge}
    machines: [MACHINES]
";

/// Passwords of the world above; that of the guests can be set to another one.
#[derive(Debug)]
struct Passwords {
    guest: Mutex<&'static str>,
}

impl Credentials for Passwords {
    fn resolve(&self, name: &CredentialName) -> Result<Credential, CredentialError> {
        let (user, password) = match name.as_str() {
            "host-admin" => ("trunkline", "right"),
            "guest-admin" => ("Administrator", *self.guest.lock().expect("nobody panics with it")),
            "domain-admin" => ("Joiner", "join"),
            "nobody" => ("Administrator", "not-its-own"),
            _ => return Err(CredentialError::Unknown),
        };
        Ok(Credential::new(user, Secret::new(password)))
    }
}

/// See the module.
pub struct Bench {
    pub simulator: Simulator,
    pub desired: Desired,
    pub host: Host,
    passwords: Arc<Passwords>,
    clock: SharedClock,
}

impl Bench {
    /// A host that carries nothing of ours.
    pub fn bare() -> Self {
        Self::with_machines("")
    }

    /// A host that carries VMs of others, as the world file writes them.
    pub fn with_machines(machines: &str) -> Self {
        Self::of_world(&WORLD.replace("MACHINES", machines))
    }

    /// A bare host whose world file has one text in place of another.
    pub fn with(from: &str, to: &str) -> Self {
        assert!(WORLD.contains(from), "the world file holds no `{from}`");
        Self::of_world(&WORLD.replace(from, to).replace("MACHINES", ""))
    }

    fn of_world(text: &str) -> Self {
        let clock: SharedClock = Arc::new(TokioClock::starting_at(of("2026-03-03T11:30:00Z")));
        let world = World::from_file(WorldFile::parse(text).expect("a world file")).expect("a world");
        let simulator = Simulator::new(world, Arc::clone(&clock));
        let desired = wish(&simulator);
        let passwords = Arc::new(Passwords { guest: Mutex::new("guest") });
        let host = agent(&simulator, &desired, (&clock, &passwords));
        Self { simulator, desired, host, passwords, clock }
    }

    /// Another agent, which remembers nothing.
    pub fn another_agent(&self) -> Host {
        agent(&self.simulator, &self.desired, (&self.clock, &self.passwords))
    }

    /// Sets the password that the agent has for its guests.
    pub fn set_guest_password(&self, password: &'static str) {
        *self.passwords.guest.lock().expect("nobody panics with it") = password;
    }

    pub async fn observe(&self) -> Observed {
        self.host.observe(&self.desired).await.expect("the host can be observed")
    }

    pub fn plan(&self, observed: &Observed) -> Plan {
        let mut given = given_with_peer();
        given.now = observed.at;
        plan::plan(&self.desired, observed, &given).0
    }

    /// The first step of the present plan whose verb is `verb`, once everything before it is done.
    pub async fn advance_to(&self, verb: &str) -> Step {
        for _ in 0..20 {
            let plan = self.plan(&self.observe().await);
            for step in plan.steps.iter() {
                if step.act.verb() == verb {
                    return step.clone();
                }
                self.perform(step).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
            }
        }
        panic!("no step `{verb}` came up");
    }

    /// Does `step` within its own time.
    pub async fn perform(&self, step: &Step) -> Result<(), PerformError> {
        let limit = step.time.timeout.as_duration();
        let ended = tokio::time::timeout(limit, self.host.perform(&self.desired, step)).await;
        ended.unwrap_or_else(|_| panic!("step `{}` did not end in {limit:?}", step.id))
    }

    /// Does `step`, and tries again where that is what a failure asks for.
    async fn insist(&self, step: &Step) {
        for _ in 0..10 {
            match self.perform(step).await {
                Ok(()) => return,
                Err(error) => assert_eq!(error.disposition(), Disposition::Retry, "{}", chain(&error)),
            }
        }
        panic!("`{}` was tried ten times", step.id);
    }

    pub async fn check(&self, step: &Step) -> Check {
        self.host.check(&self.desired, step).await.unwrap_or_else(|error| panic!("{}", chain(&error)))
    }

    /// Steps until nothing is to be done; gives the steps that were done, in order.
    pub async fn converge(&self) -> Vec<Step> {
        let mut done = Vec::new();
        for _ in 0..20 {
            let plan = self.plan(&self.observe().await);
            if plan.is_empty() {
                return done;
            }
            for step in plan.steps.iter() {
                self.insist(step).await;
                assert_eq!(self.check(step).await, Check::Done, "`{}` right after it was done", step.id);
                done.push(step.clone());
            }
        }
        let left: Vec<_> = self.plan(&self.observe().await).steps.iter().map(|step| step.id.to_string()).collect();
        panic!("it does not converge, these steps come up again and again: {left:#?}");
    }

    /// A step of `act` on `role`, with five minutes for it.
    pub fn step(&self, role: &str, act: Act) -> Step {
        let (instance, role) = (self.desired.instance.clone(), Some(of(role)));
        let time = StepTime { expected: Span::from_secs(10), timeout: Span::from_secs(300) };
        let id = StepId::of(&instance, role.as_ref(), &act);
        Step {
            id,
            instance,
            role,
            act,
            purpose: Purpose::Repair,
            after: vec![],
            behind: vec![],
            impact: Impact::None,
            reach: Reach::None,
            time,
        }
    }

    /// Does what is open, and sees that it is done.
    pub async fn mend(&self, role: &str, act: Act) {
        let step = self.step(role, act);
        assert_eq!(self.check(&step).await, Check::Open, "`{}` before", step.id);
        self.perform(&step).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
        assert_eq!(self.check(&step).await, Check::Done, "`{}` after", step.id);
    }

    pub fn play(&self, script: &str) {
        self.simulator.play(&Script::parse(script).expect("a script")).expect("room for it");
    }

    /// Requests that the host answered.
    pub fn requests(&self) -> u64 {
        let host = host_id();
        self.simulator.exchanges().into_iter().filter(|(machine, _, _)| *machine == host).map(|(_, _, count)| count).sum()
    }

    /// Requests that all guests together answered.
    pub fn guest_requests(&self) -> u64 {
        let guests = self.simulator.exchanges().into_iter().filter(|(machine, _, _)| matches!(machine, MachineId::Guest { .. }));
        guests.map(|(_, _, count)| count).sum()
    }

    /// Methods that changed something, on the host and in guests, in order.
    pub fn changes(&self) -> Vec<String> {
        let reads = |method: &str| method.starts_with("Get") || method.starts_with("Enum");
        self.simulator.mutations().into_iter().map(|mutation| mutation.method).filter(|method| !reads(method)).collect()
    }
}

pub fn host_id() -> MachineId {
    MachineId::Host(HostName::new("hv-1"))
}

/// The cloud connector of `plan`'s fixtures, with name servers so that members find their domain.
fn wish(simulator: &Simulator) -> Desired {
    let mut desired = cloud_connector();
    desired.host.address = ADDRESS.to_owned();
    let listener = simulator.world().certificate(&host_id()).expect("the host listens").thumbprint.clone();
    desired.host.fingerprint = Some(listener);
    for role in &mut desired.roles {
        role.image.size = None;
        for adapter in &mut role.adapters {
            match adapter.network.as_str() {
                "corpnet" => adapter.dns = vec![of("192.168.0.238")],
                "management" => adapter.dns = vec![of("192.168.213.238")],
                _ => {}
            }
        }
    }
    desired
}

fn agent(simulator: &Simulator, desired: &Desired, (clock, passwords): (&SharedClock, &Arc<Passwords>)) -> Host {
    let connect = Arc::new(simulator.connect_from(Place::OnHost(HostName::new("hv-1"))));
    let context = HostContext {
        connect,
        credentials: Arc::<Passwords>::clone(passwords),
        trust: Trust::System,
        clock: Arc::clone(clock),
        refusals: Refusals::default(),
        trace: None,
    };
    Host::new(&desired.host, context).expect("an endpoint")
}

/// An error and all that caused it.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!("\n  because {cause}"));
        next = cause.source();
    }
    text
}
