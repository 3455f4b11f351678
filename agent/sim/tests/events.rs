//! Subscriptions and shells over the whole wire, with our own client: on driven time, over in-memory streams.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use sim::network::Simulator;
use sim::world::{Fault, HostName, MachineId, Place, World, WorldFile};
use tokio::time::Instant;
use trunkline_sim as sim;
use wsman::auth::{Basic, Cleartext};
use wsman::cim::Namespace;
use wsman::clock::{SharedClock, TokioClock};
use wsman::connect::Endpoint;
use wsman::event::{Bookmarks, Event, EventQuery, SubscribeSettings};
use wsman::tls::Trust;
use wsman::{Access, Client, Secret, Settings};

const WORLD: &str = r"
apiVersion: trunkline.dev/sim/v1alpha1
kind: World
networks: [{name: lan, subnet: 10.1.0.0/24}]
hosts:
  - name: hv-1
    computerName: HV01
    accounts: [{user: trunkline, password: right}]
    winrm: {basic: true}
    nics: [{name: Ethernet, network: lan, addresses: [10.1.0.10/24]}]
    services: [{name: Alpha}, {name: Beta}]
";

struct Bench {
    simulator: Simulator,
    clock: SharedClock,
}

impl Bench {
    fn new() -> Self {
        let clock: SharedClock = Arc::new(TokioClock::starting_at("2026-03-01T02:00:00Z".parse().expect("an instant")));
        let world = World::from_file(WorldFile::parse(WORLD).expect("a world file")).expect("a world");
        Self { simulator: Simulator::new(world, Arc::clone(&clock)), clock }
    }

    fn client(&self) -> Client {
        let thumbprint = self.simulator.world().certificate(&MachineId::Host(host())).expect("a listener").thumbprint.parse();
        let access = Access {
            endpoint: Endpoint::https("10.1.0.10"),
            connect: Arc::new(self.simulator.connect_from(Place::Remote)),
            trust: Trust::Pinned(thumbprint.expect("a thumbprint")),
            authenticate: Arc::new(Basic { cleartext: Cleartext::Allowed, ..Basic::new("trunkline", Secret::new("right")) }),
            clock: Arc::clone(&self.clock),
        };
        Client::new(access, Settings::default()).expect("a client")
    }

    async fn stop_after(&self, seconds: u64, service: &str) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        self.simulator.apply(Fault::ServiceStops { host: host(), vm: None, service: service.to_owned() }).expect("a service");
    }
}

fn host() -> HostName {
    HostName::new("hv-1")
}

fn services(within: u32) -> EventQuery {
    let text = format!(
        "SELECT * FROM __InstanceModificationEvent WITHIN {within} WHERE TargetInstance ISA 'Win32_Service' AND TargetInstance.Name = 'Beta'"
    );
    EventQuery::Wmi(Namespace::CIMV2, text)
}

#[tokio::test(start_paused = true)]
async fn a_change_is_told_at_the_next_look_and_others_are_not() {
    let bench = Bench::new();
    let mut subscription = bench.client().subscribe(services(10), SubscribeSettings::default()).await.expect("a subscription");
    let begun = Instant::now();
    let (event, ()) = tokio::join!(subscription.next(), async {
        bench.stop_after(3, "Alpha").await;
        bench.stop_after(1, "Beta").await;
    });
    let Event::Wmi(event) = event.expect("an event") else { panic!("no event of WMI") };
    let wsman::cim::CimValue::Instance(target) = event.get("TargetInstance") else { panic!("{event:?}") };
    assert_eq!((target.text("Name"), target.text("State")), (Ok(Some("Beta")), Ok(Some("Stopped"))));
    assert_eq!(begun.elapsed().as_secs(), 10, "looks are ten seconds apart");
}

#[tokio::test(start_paused = true)]
async fn where_nothing_happens_the_host_gives_a_sign_of_life() {
    let bench = Bench::new();
    let settings = SubscribeSettings { heartbeat: Duration::from_secs(20), ..SubscribeSettings::default() };
    let mut subscription = bench.client().subscribe(services(5), settings).await.expect("a subscription");
    let begun = Instant::now();
    for beat in 1..4 {
        assert_eq!(subscription.next().await.expect("a sign of life"), Event::Heartbeat);
        assert_eq!(begun.elapsed().as_secs(), 20 * beat);
    }
}

#[tokio::test(start_paused = true)]
async fn event_logs_are_read_from_a_bookmark_on() {
    let bench = Bench::new();
    let query = EventQuery::Log(
        "<QueryList><Query Id=\"0\" Path=\"System\"><Select Path=\"System\">*[System[Provider[@Name='Service Control Manager']]]</Select></Query></QueryList>".to_owned(),
    );
    let settings =
        SubscribeSettings { bookmarks: Bookmarks::Kept, lifetime: Some(Duration::from_secs(100)), ..SubscribeSettings::default() };
    let mut subscription = bench.client().subscribe(query, settings).await.expect("a subscription");
    let (event, ()) = tokio::join!(subscription.next(), bench.stop_after(7, "Beta"));
    let Event::Log(first) = event.expect("an event") else { panic!("no record") };
    assert_eq!((first.id, first.channel.as_str(), first.computer.as_str()), (7034, "System", "HV01"));
    assert!(first.message.as_deref().is_some_and(|text| text.contains("Beta")), "{first:?}");
    assert!(subscription.bookmark().is_some_and(|bookmark| bookmark.contains("Channel=\"System\"")), "{:?}", subscription.bookmark());
    // What happens while its life ends is told after it was made again.
    bench.stop_after(200, "Alpha").await;
    let mut seen = Vec::new();
    while seen.len() < 2 {
        match subscription.next().await.expect("an event") {
            Event::Heartbeat => {}
            other => seen.push(other),
        }
    }
    assert_eq!(seen[0], Event::Resumed);
    assert!(matches!(&seen[1], Event::Log(record) if record.record > first.record), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_restart_ends_subscriptions_and_the_reader_is_told() {
    let bench = Bench::new();
    let client = bench.client();
    let mut subscription = client.subscribe(services(5), SubscribeSettings::default()).await.expect("a subscription");
    bench.simulator.apply(Fault::HostRestart { host: host() }).expect("a host");
    tokio::time::sleep(Duration::from_secs(600)).await;
    let mut told = subscription.next().await;
    if told.is_err() {
        told = subscription.next().await;
    }
    assert_eq!(told.expect("an event"), Event::Resumed);
}

#[tokio::test(start_paused = true)]
async fn a_command_of_many_minutes_outlasts_the_limit_of_one() {
    let bench = Bench::new();
    let client = bench.client();
    let begun = Instant::now();
    let line = wsman::shell::Program::new("ping").arg("-n").arg("200").arg("127.0.0.1");
    let finished = client.run(&line, 1 << 20).await.expect("its end");
    assert_eq!((finished.exit_code, finished.stdout().matches("Reply").count()), (0, 200));
    assert_eq!(begun.elapsed().as_secs(), 199);
    let quiet = wsman::shell::Program::new("ping").arg("-n").arg("40").arg("10.9.9.9");
    let finished = client.run(&quiet, 1 << 20).await.expect("its end");
    assert_eq!(finished.exit_code, 1);
}
