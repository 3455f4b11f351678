//! A thousand clients at once against one simulated host, over real sockets: no answer is lost, and the host holds bounded memory.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use sim::network::Endpoints;
use sim::world::Place;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use wsman::auth::{Account, Authenticate, Negotiate};
use wsman::cim::{CimPath, Namespace};
use wsman::clock::SystemClock;
use wsman::connect::{BoxFuture, Connect, Endpoint, Stream, TcpConnect};
use wsman::tls::Trust;
use wsman::{Access, Client, Secret, Settings};

use crate::support::example::{Example, PASSWORDS};
use crate::support::room::Room;

const CLIENTS: usize = 1000;
const HOST: &str = "10.1.0.10";
/// What the host's process may hold with all of them connected: some forty kilobytes for each connection beside what it holds alone.
const MOST_MIB: u64 = 128;

/// Leads to the loopback ports that stand for those of the host.
#[derive(Debug)]
struct Ports(BTreeMap<u16, SocketAddr>);

impl Connect for Ports {
    fn connect<'a>(&'a self, to: &'a Endpoint) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let bound = self.0[&to.port];
            TcpConnect::default().connect(&Endpoint { host: bound.ip().to_string(), port: bound.port(), ..to.clone() }).await
        })
    }
}

fn connect(room: &Room) -> Arc<dyn Connect> {
    let endpoints = Endpoints::parse(&std::fs::read_to_string(room.file("endpoints.yaml")).unwrap()).unwrap();
    let own = |target: &SocketAddr| target.ip().to_string() == HOST;
    let found = endpoints.bindings.into_iter().filter(|(binding, _)| binding.from == Place::Remote && own(&binding.target));
    Arc::new(Ports(found.map(|(binding, bound)| (binding.target.port(), bound)).collect()))
}

/// The most memory that a process has held so far, MiB.
fn most_held(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() / 1024
}

/// Every client keeps its connection while all others have theirs, and asks twice.
async fn crowd(access: impl Fn(usize) -> Access) -> usize {
    let together = Arc::new(Barrier::new(CLIENTS));
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let client = Client::new(access(number), Settings { connections: 1, ..Settings::default() }).unwrap();
        let together = Arc::clone(&together);
        clients.spawn(async move {
            let service = CimPath::class_of(Namespace::CIMV2, "Win32_Service").with_key("Name", "WinRM");
            let before = client.get(&service).await;
            together.wait().await;
            let after = client.get(&service).await;
            let state = |seen: Result<wsman::cim::CimInstance, wsman::Error>| seen.unwrap().text("State").unwrap().map(str::to_owned);
            [state(before), state(after)] == [Some("Running".to_owned()), Some("Running".to_owned())]
        });
    }
    clients.join_all().await.into_iter().filter(|answered| *answered).count()
}

#[test]
fn a_thousand_clients_at_once_lose_no_answer_and_the_host_holds_bounded_memory() {
    // The host's process inherits the limit.
    rlimit::increase_nofile_limit(16 * 1024).unwrap();
    let room = Room::raise(Example::BranchBundle);
    let (connect, authorities) = (connect(&room), std::fs::read(room.file("hosts.pem")).unwrap());
    let account = Account { user: "trunkline".to_owned(), password: Secret::new(PASSWORDS[0]) };
    let authenticate: Arc<dyn Authenticate> = Arc::new(Negotiate::new(account));
    let access = |number: usize| Access {
        // Sealed over HTTP, and bound to its TLS over HTTPS.
        endpoint: if number.is_multiple_of(2) { Endpoint::http(HOST) } else { Endpoint::https(HOST) },
        connect: Arc::clone(&connect),
        trust: Trust::Authorities(authorities.clone()),
        authenticate: Arc::clone(&authenticate),
        clock: Arc::new(SystemClock),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(runtime.block_on(crowd(access)), CLIENTS);
    let held = most_held(room.simulator());
    assert!(held < MOST_MIB, "the host held {held} MiB");
}
