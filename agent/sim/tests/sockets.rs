//! A simulation behind loopback sockets, as another process meets it. In real time, so as short as it can be.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::net::IpAddr;
use std::sync::Arc;

use sim::network::{Binding, Endpoints, Simulator};
use sim::world::{HostName, MachineId, Place, World, WorldFile};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use trunkline_sim as sim;
use wsman::auth::Basic;
use wsman::cim::Namespace;
use wsman::clock::{SharedClock, SystemClock};
use wsman::connect::{Endpoint, RedirectConnect, TcpConnect};
use wsman::tls::Trust;
use wsman::{Access, Client, Error, Secret, Settings};

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
";

fn simulator() -> (Simulator, SharedClock) {
    let clock: SharedClock = Arc::new(SystemClock);
    let world = World::from_file(WorldFile::parse(WORLD).expect("a world file")).expect("a world");
    (Simulator::new(world, Arc::clone(&clock)), clock)
}

#[tokio::test]
async fn a_client_finds_the_host_through_the_endpoints_file() {
    let (simulator, clock) = simulator();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("endpoints.yaml");
    let serving = simulator.serve([127, 0, 0, 1].into(), file.clone()).await.expect("served");
    let pin = simulator.world().certificate(&MachineId::Host(HostName::new("hv-1"))).expect("a listener").thumbprint.clone();
    let written = Endpoints::parse(&std::fs::read_to_string(&file).expect("the file")).expect("readable");
    let address: IpAddr = "10.1.0.10".parse().expect("an address");
    assert_eq!(written.hosts.get(&address), Some(&HostName::new("hv-1")));
    let bound = written.bindings.get(&Binding::new(Place::Remote, address, 5986)).expect("the host's listener");
    let map = [((address.to_string(), 5986), (bound.ip().to_string(), bound.port()))];
    let client = || {
        let access = Access {
            endpoint: Endpoint::https(address.to_string()),
            connect: Arc::new(RedirectConnect::new(map.clone(), TcpConnect::default())),
            trust: Trust::Pinned(pin.parse().expect("a thumbprint")),
            authenticate: Arc::new(Basic::new("trunkline", Secret::new("right"))),
            clock: Arc::clone(&clock),
        };
        Client::new(access, Settings::default()).expect("a client")
    };
    let found = client().query(&Namespace::CIMV2, "SELECT * FROM Win32_ComputerSystem").await.expect("the host");
    assert_eq!(found[0].text("Name").expect("text"), Some("HV01"));
    drop(serving);
    assert!(matches!(client().identify().await, Err(Error::Unreachable { .. })), "nobody serves any more");
}

#[tokio::test]
async fn commands_are_obeyed_line_by_line() {
    let (simulator, _clock) = simulator();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("endpoints.yaml");
    let serving = simulator.serve([127, 0, 0, 1].into(), file.clone()).await.expect("served");
    let written = Endpoints::parse(&std::fs::read_to_string(&file).expect("the file")).expect("readable");
    assert_eq!(written.control, Some(serving.control()));
    let mut stream = tokio::net::TcpStream::connect(serving.control()).await.expect("a control socket");
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read).lines();
    for (command, reply) in [
        (r#"{"entry":{"on":{"operation":"Get"},"do":"drop"}}"#, r#"{"done":{}}"#),
        (r#"{"list":{}}"#, r#"{"entries":[{"on":{"operation":"Get","nth":1,"times":1},"do":"drop"}]}"#),
        (r#"{"clear":{}}"#, r#"{"done":{}}"#),
        (r#"{"list":{}}"#, r#"{"entries":[]}"#),
        (r#"{"world":{"hostRestart":{"host":"nobody"}}}"#, r#"{"refused":{"reason":"the world has no host `nobody`"}}"#),
        (r#"{"dance":{}}"#, r#"{"refused":{"reason":"not a command: unknown variant `dance`"#),
    ] {
        write.write_all(format!("{command}\n").as_bytes()).await.expect("sent");
        let line = lines.next_line().await.expect("an answer").expect("a line");
        assert!(line.starts_with(reply), "{command}: {line}");
    }
}

#[tokio::test]
async fn only_loopback_is_served() {
    let (simulator, _clock) = simulator();
    let refused = simulator.serve([0, 0, 0, 0].into(), "unused.yaml".into()).await;
    assert_eq!(refused.expect_err("refused").to_string(), "0.0.0.0 is not a loopback address");
}
