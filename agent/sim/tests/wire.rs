//! The whole wire, from the client's operation to the simulated machine and back, over in-memory streams on driven time.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod bench;

use std::sync::Arc;
use std::time::Duration;

use sim::network::{PlainHttp, Simulator};
use sim::script::Script;
use sim::world::{Fault, Place, World};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;
use trunkline_sim as sim;
use wsman::auth::{Anonymous, Authenticate, Basic};
use wsman::cim::{CimPath, Namespace};
use wsman::connect::{Connect, Endpoint};
use wsman::fault::FaultKind;
use wsman::tls::{Fingerprint, Trust};
use wsman::{Access, Client, Error, Secret, Settings};

use bench::{ADDRESS, Bench, basic, host, machine};

const HOST: &str = r"    services: [{name: Alpha}, {name: Beta}, {name: Gamma}, {name: Delta}, {name: Epsilon}]
    switches: [{name: inside, type: internal, addresses: [192.168.9.1/24]}]
    files: [{path: 'C:\vm\web01.vhdx', gib: 10, image: web}]
    machines:
      - name: web01
        state: running
        disks: ['C:\vm\web01.vhdx']
        adapters: [{switch: inside, addresses: [192.168.9.2/24]}]
";

fn bench() -> Bench {
    Bench::new(HOST)
}

fn play(bench: &Bench, script: &str) {
    bench.simulator.play(&Script::parse(script).expect("a script")).expect("room for it");
}

fn client_of(bench: &Bench, endpoint: Endpoint, authenticate: Arc<dyn Authenticate>, trust: Trust) -> Client {
    Client::new(bench.access(endpoint, authenticate, trust), settings()).expect("a client")
}

/// Small pages, so that there are many; one connection, so that their order is known.
fn settings() -> Settings {
    Settings { max_elements: 2, connections: 1, ..Settings::default() }
}

fn client(bench: &Bench) -> Client {
    bench.client_with(settings())
}

fn invoked(bench: &Bench) -> usize {
    bench.simulator.mutations().iter().filter(|mutation| mutation.operation == "Invoke").count()
}

fn service(name: &str) -> CimPath {
    CimPath::class_of(Namespace::CIMV2, "Win32_Service").with_key("Name", name)
}

async fn names(client: &Client) -> Vec<String> {
    let found = client.query(&Namespace::CIMV2, "SELECT * FROM Win32_Service WHERE Name LIKE '%a' AND StartMode = 'Auto'").await;
    let found = found.expect("services");
    found.iter().filter_map(|service| service.text("Name").expect("text").map(str::to_owned)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_query_comes_back_whole_over_tls_however_small_its_pages() {
    let bench = bench();
    let client = client(&bench);
    let found = names(&client).await;
    for name in ["Alpha", "Beta", "Gamma", "Delta"] {
        assert!(found.iter().any(|found| found == name), "{name} is missing in {found:?}");
    }
    let pulls = bench.simulator.exchanges().into_iter().find(|(_, operation, _)| operation == "Pull");
    assert!(pulls.is_some_and(|(asked, _, count)| asked == machine() && count >= 2), "it took several pages");
}

#[tokio::test(start_paused = true)]
async fn identify_tells_strangers_less() {
    let bench = bench();
    let known = client(&bench).identify().await.expect("an identity");
    assert_eq!(known.version, "OS: 10.0.20348 SP: 0.0 Stack: 3.0");
    let endpoint = Endpoint { path: "/wsman-anon/identify".to_owned(), ..Endpoint::https(ADDRESS) };
    let stranger = client_of(&bench, endpoint, Arc::new(Anonymous), Trust::Pinned(bench.thumbprint()));
    assert_eq!(stranger.identify().await.expect("an identity").version, "OS: 0.0.0 SP: 0.0 Stack: 3.0");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_or_certificate_goes_no_further() {
    let bench = bench();
    let wrong = client_of(&bench, Endpoint::https(ADDRESS), basic("wrong"), Trust::Pinned(bench.thumbprint()));
    assert!(matches!(wrong.get(&service("Alpha")).await, Err(Error::Unauthorized { .. })));
    let stranger = client_of(&bench, Endpoint::https(ADDRESS), basic("right"), Trust::Pinned(Fingerprint::sha256(b"another")));
    assert!(matches!(stranger.get(&service("Alpha")).await, Err(Error::Untrusted { .. })));
    assert!(bench.simulator.exchanges().is_empty(), "no request was looked at");
}

#[tokio::test(start_paused = true)]
async fn basic_over_http_is_refused_until_it_is_allowed() {
    let bench = bench();
    let client = client_of(&bench, Endpoint::http(ADDRESS), basic("right"), Trust::System);
    assert!(matches!(client.get(&service("Alpha")).await, Err(Error::Unauthorized { .. })));
    bench.simulator.set_plain_http(PlainHttp::Allowed);
    client.get(&service("Alpha")).await.expect("a service");
}

#[tokio::test(start_paused = true)]
async fn where_nobody_listens_nobody_is_reached() {
    let bench = bench();
    for host in ["10.1.0.11", "not-an-address"] {
        let client = client_of(&bench, Endpoint::https(host), basic("right"), Trust::Pinned(bench.thumbprint()));
        assert!(matches!(client.get(&service("Alpha")).await, Err(Error::Unreachable { .. })), "{host}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_changes_the_host_is_logged_once() {
    let bench = bench();
    let client = client(&bench);
    let output = client.invoke(&service("Alpha"), "StopService", &[]).await.expect("an answer");
    assert_eq!(output.return_value, 0);
    client.get(&service("Alpha")).await.expect("a service");
    let log = bench.simulator.mutations();
    let [mutation] = log.as_slice() else { panic!("{log:?}") };
    assert_eq!((mutation.method.as_str(), mutation.status, &mutation.machine), ("StopService", 200, &machine()));
    assert_eq!(mutation.target, r#"root\cimv2:Win32_Service.Name="Alpha""#);
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_takes_its_time_and_no_longer_than_the_operation_may() {
    let bench = bench();
    play(&bench, "- on: { operation: Get }\n  do: { slow: 5s }\n- on: { operation: Get, nth: 2 }\n  do: { slow: 70s }\n");
    let client = client(&bench);
    let begun = Instant::now();
    client.get(&service("Alpha")).await.expect("a service");
    assert_eq!(begun.elapsed().as_secs(), 5);
    let error = client.get(&service("Alpha")).await.expect_err("too slow");
    assert!(matches!(&error, Error::Fault { fault, .. } if fault.kind() == FaultKind::TimedOut), "{error:?}");
    assert_eq!(begun.elapsed().as_secs(), 65);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_request_was_not_carried_out_and_a_cut_answer_was() {
    let bench = bench();
    play(&bench, "- on: { method: StopService, times: null }\n  do: drop\n- on: { method: StartService }\n  do: cutBeforeAnswer\n");
    let client = client(&bench);
    client.invoke(&service("Alpha"), "StopService", &[]).await.expect_err("dropped");
    assert_eq!(invoked(&bench), 0);
    bench.simulator.clear_script();
    client.invoke(&service("Alpha"), "StopService", &[]).await.expect("stopped");
    tokio::time::sleep(Duration::from_secs(5)).await;
    play(&bench, "- on: { method: StartService }\n  do: cutBeforeAnswer\n");
    let error = client.invoke(&service("Alpha"), "StartService", &[]).await.expect_err("cut");
    assert!(matches!(error, Error::NoAnswer { .. }), "{error:?}");
    assert_eq!(invoked(&bench), 2, "the host had carried it out, once");
}

#[tokio::test(start_paused = true)]
async fn an_answer_cut_anywhere_is_no_answer() {
    let bench = bench();
    let client = client(&bench);
    for bytes in [0, 1, 16, 100, 250, 400, 900, 1500] {
        // A read is asked once more, so the second answer is cut as well.
        let cut = |nth: u32| format!("- on: {{ operation: Get, nth: {nth} }}\n  do: {{ cutAfter: {bytes} }}\n");
        play(&bench, &[cut(1), cut(2)].concat());
        let alpha = service("Alpha");
        let asked = tokio::time::timeout(Duration::from_secs(600), client.get(&alpha));
        let error = asked.await.expect("no hanging").expect_err("cut");
        assert!(matches!(error, Error::NoAnswer { .. }), "{bytes}: {error:?}");
    }
    client.get(&service("Alpha")).await.expect("a service, on a new connection");
}

#[tokio::test(start_paused = true)]
async fn scripted_faults_and_statuses_reach_the_client() {
    let bench = bench();
    play(&bench, "- on: { class: win32_service }\n  do: { fault: 2150859174 }\n- on: { operation: Get, nth: 2 }\n  do: { status: 503 }\n");
    let client = client(&bench);
    let error = client.get(&service("Alpha")).await.expect_err("a fault");
    assert!(matches!(&error, Error::Fault { fault, .. } if fault.kind() == FaultKind::QuotaLimit), "{error:?}");
    let error = client.get(&service("Alpha")).await.expect_err("a status");
    assert!(matches!(error, Error::Status { status: 503, .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_enumeration_expires() {
    let bench = bench();
    // The client begins anew once.
    play(&bench, "- on: { operation: Pull, times: null }\n  do: { slow: 61s }\n");
    let client = client(&bench).with_timeout(Duration::from_secs(90));
    let error = client.query(&Namespace::CIMV2, "SELECT * FROM Win32_Service").await.expect_err("too late for the next page");
    assert!(matches!(&error, Error::Fault { fault, .. } if fault.kind() == FaultKind::InvalidEnumerationContext), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_restarts_takes_its_connections_along_and_comes_back() {
    let bench = bench();
    let client = client(&bench);
    client.get(&service("Alpha")).await.expect("a service");
    play(&bench, "- on: { operation: Get }\n  do: { slow: 30s }\n");
    let alpha = service("Alpha");
    let begun = Instant::now();
    let restart = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        bench.simulator.apply(Fault::HostRestart { host: host() }).expect("a host");
    };
    let (answer, ()) = tokio::join!(client.get(&alpha), restart);
    assert!(matches!(answer, Err(Error::Unreachable { .. })), "asked once more while it starts: {answer:?}");
    assert_eq!(begun.elapsed().as_secs(), 3, "the connection went with the host, not at the end of the answer");
    assert!(matches!(client.get(&alpha).await, Err(Error::Unreachable { .. })), "it is still starting");
    tokio::time::sleep(Duration::from_secs(1800)).await;
    client.get(&alpha).await.expect("a service");
}

#[tokio::test(start_paused = true)]
async fn a_guest_is_reached_over_its_adapter_only_while_it_runs() {
    let bench = bench();
    let guest = |from: Place| {
        let world = bench.simulator.world();
        let id = world.guest_of(&host(), "web01").expect("a guest");
        let pin: Fingerprint = world.certificate(&id).expect("a listener").thumbprint.parse().expect("a thumbprint");
        drop(world);
        let connect: Arc<dyn Connect> = Arc::new(bench.simulator.connect_from(from));
        let access = Access {
            endpoint: Endpoint::https("192.168.9.2"),
            connect,
            trust: Trust::Pinned(pin),
            authenticate: Arc::new(Basic::new("Administrator", Secret::new("guest"))),
            clock: Arc::clone(&bench.clock),
        };
        Client::new(access, Settings::default()).expect("a client")
    };
    let near = guest(Place::OnHost(host()));
    near.get(&service("Web")).await.expect("a service of the guest");
    let far = guest(Place::Remote).get(&service("Web")).await;
    assert!(matches!(far, Err(Error::Unreachable { .. })), "an internal switch ends at the host: {far:?}");
    bench.simulator.apply(Fault::VmOff { host: host(), vm: "web01".to_owned() }).expect("a running guest");
    // A moment for the news to reach the other end of the pooled connection.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(matches!(near.get(&service("Web")).await, Err(Error::Unreachable { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_timed_fault_happens_at_its_time_though_nobody_asked() {
    let bench = bench();
    play(&bench, "- at: 10s\n  do: { world: { serviceStops: { host: hv-1, service: Alpha } } }\n");
    let client = client(&bench);
    let state = |name: &'static str| {
        let client = client.clone();
        async move { client.get(&service(name)).await.expect("a service").text("State").expect("text").map(str::to_owned) }
    };
    assert_eq!(state("Alpha").await.as_deref(), Some("Running"));
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(state("Alpha").await.as_deref(), Some("Stopped"));
    assert_eq!(state("Beta").await.as_deref(), Some("Running"));
}

/// One exchange in HTTP's own words.
async fn raw(bench: &Bench, request: &str) -> String {
    let mut stream = bench.simulator.connect_from(Place::Remote).open(ADDRESS, 5985).expect("a listener");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    // The end of the head is enough: bodies are looked at elsewhere.
    while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(read) => answer.extend_from_slice(&buffer[..read]),
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(start_paused = true)]
async fn http_is_answered_as_windows_answers_it() {
    let bench = bench();
    bench.simulator.set_plain_http(PlainHttp::Allowed);
    let login = "Authorization: Basic dHJ1bmtsaW5lOnJpZ2h0\r\n";
    let soap = "Content-Type: application/soap+xml;charset=UTF-8\r\n";
    let post = |path: &str, headers: &str, body: &str| {
        format!("POST {path} HTTP/1.1\r\nHost: hv01\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
    };
    let identify = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Header/><s:Body><i:Identify xmlns:i=\"http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd\"/></s:Body></s:Envelope>";
    let large = "x".repeat(sim::server::MAX_REQUEST + 1);
    for (what, request, status) in [
        ("another path", post("/other", login, ""), "404"),
        ("another verb", format!("GET /wsman HTTP/1.1\r\nHost: hv01\r\n{login}\r\n"), "405"),
        ("nobody", post("/wsman", soap, identify), "401"),
        ("nobody in particular", post("/wsman", &format!("{soap}WSMANIDENTIFY: unauthenticated\r\n"), identify), "200"),
        ("another media type", post("/wsman", &format!("{login}Content-Type: text/plain\r\n"), identify), "415"),
        ("no XML", post("/wsman", &format!("{login}{soap}"), "<hello"), "400"),
        ("a request too large", post("/wsman", &format!("{login}{soap}"), &large), "413"),
        ("a known user", post("/wsman/", &format!("{login}{soap}"), identify), "200"),
    ] {
        let answer = raw(&bench, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {answer}");
        assert_eq!(answer.to_ascii_lowercase().contains("www-authenticate: basic realm="), status == "401", "{what}: {answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_changed_survives_the_simulation() {
    let folder = tempfile::tempdir().expect("a folder");
    let bench = bench();
    bench.simulator.keep_state_in(folder.path().to_owned()).expect("writable");
    client(&bench).invoke(&service("Alpha"), "StopService", &[]).await.expect("an answer");
    let saved = World::load(folder.path()).expect("readable").expect("saved before the answer went out");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let later = Bench { simulator: Simulator::new(saved, Arc::clone(&bench.clock)), clock: Arc::clone(&bench.clock) };
    assert_eq!(later.thumbprint(), bench.thumbprint(), "the listener keeps its certificate");
    let found = client(&later).get(&service("Alpha")).await.expect("a service");
    assert_eq!(found.text("State").expect("text"), Some("Stopped"));
}
