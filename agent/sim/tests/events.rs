//! Subscriptions and shells over the whole wire, with our own client: on driven time, over in-memory streams.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod bench;

use std::time::Duration;

use sim::world::Fault;
use tokio::time::Instant;
use trunkline_sim as sim;
use wsman::cim::Namespace;
use wsman::event::{Bookmarks, Event, EventQuery, SubscribeSettings};
use wsman::{Client, Settings};

use bench::{Bench, host};

const SERVICES: &str = "    services: [{name: Alpha}, {name: Beta}]\n";

fn bench() -> Bench {
    Bench::new(SERVICES)
}

fn client(bench: &Bench) -> Client {
    bench.client_with(Settings::default())
}

async fn stop_after(bench: &Bench, seconds: u64, service: &str) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    bench.simulator.apply(Fault::ServiceStops { host: host(), vm: None, service: service.to_owned() }).expect("a service");
}

fn services(within: u32) -> EventQuery {
    let text = format!(
        "SELECT * FROM __InstanceModificationEvent WITHIN {within} WHERE TargetInstance ISA 'Win32_Service' AND TargetInstance.Name = 'Beta'"
    );
    EventQuery::Wmi(Namespace::CIMV2, text)
}

#[tokio::test(start_paused = true)]
async fn a_change_is_told_at_the_next_look_and_others_are_not() {
    let bench = bench();
    let mut subscription = client(&bench).subscribe(services(10), SubscribeSettings::default()).await.expect("a subscription");
    let begun = Instant::now();
    let (event, ()) = tokio::join!(subscription.next(), async {
        stop_after(&bench, 3, "Alpha").await;
        stop_after(&bench, 1, "Beta").await;
    });
    let Event::Wmi(event) = event.expect("an event") else { panic!("no event of WMI") };
    let wsman::cim::CimValue::Instance(target) = event.get("TargetInstance") else { panic!("{event:?}") };
    assert_eq!((target.text("Name"), target.text("State")), (Ok(Some("Beta")), Ok(Some("Stopped"))));
    assert_eq!(begun.elapsed().as_secs(), 10, "looks are ten seconds apart");
}

#[tokio::test(start_paused = true)]
async fn where_nothing_happens_the_host_gives_a_sign_of_life() {
    let bench = bench();
    let settings = SubscribeSettings { heartbeat: Duration::from_secs(20), ..SubscribeSettings::default() };
    let mut subscription = client(&bench).subscribe(services(5), settings).await.expect("a subscription");
    let begun = Instant::now();
    for beat in 1..4 {
        assert_eq!(subscription.next().await.expect("a sign of life"), Event::Heartbeat);
        assert_eq!(begun.elapsed().as_secs(), 20 * beat);
    }
}

#[tokio::test(start_paused = true)]
async fn event_logs_are_read_from_a_bookmark_on() {
    let bench = bench();
    let query = EventQuery::Log(
        "<QueryList><Query Id=\"0\" Path=\"System\"><Select Path=\"System\">*[System[Provider[@Name='Service Control Manager']]]</Select></Query></QueryList>".to_owned(),
    );
    let settings =
        SubscribeSettings { bookmarks: Bookmarks::Kept, lifetime: Some(Duration::from_secs(100)), ..SubscribeSettings::default() };
    let mut subscription = client(&bench).subscribe(query, settings).await.expect("a subscription");
    let (event, ()) = tokio::join!(subscription.next(), stop_after(&bench, 7, "Beta"));
    let Event::Log(first) = event.expect("an event") else { panic!("no record") };
    assert_eq!((first.id, first.channel.as_str(), first.computer.as_str()), (7034, "System", "HV01"));
    assert!(first.message.as_deref().is_some_and(|text| text.contains("Beta")), "{first:?}");
    assert!(subscription.bookmark().is_some_and(|bookmark| bookmark.contains("Channel=\"System\"")), "{:?}", subscription.bookmark());
    // What happens while its life ends is told after it was made again.
    stop_after(&bench, 200, "Alpha").await;
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
    let bench = bench();
    let client = client(&bench);
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
    let bench = bench();
    let client = client(&bench);
    let begun = Instant::now();
    let line = wsman::shell::Program::new("ping").arg("-n").arg("200").arg("127.0.0.1");
    let finished = client.run(&line, 1 << 20).await.expect("its end");
    assert_eq!((finished.exit_code, finished.stdout().matches("Reply").count()), (0, 200));
    assert_eq!(begun.elapsed().as_secs(), 199);
    let quiet = wsman::shell::Program::new("ping").arg("-n").arg("40").arg("10.9.9.9");
    let finished = client.run(&quiet, 1 << 20).await.expect("its end");
    assert_eq!(finished.exit_code, 1);
}
