//! A simulation behind loopback sockets, as another process meets it. In real time, so as short as it can be.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod bench;

use std::net::IpAddr;
use std::sync::Arc;

use sim::network::{Binding, Endpoints};
use sim::world::Place;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use trunkline_sim as sim;
use wsman::cim::Namespace;
use wsman::connect::{Endpoint, TcpConnect};
use wsman::tls::Trust;
use wsman::{Access, Client, Error, Settings};

use bench::{ADDRESS, Bench, basic, host};

#[tokio::test]
async fn a_client_finds_the_host_through_the_endpoints_file() {
    let bench = Bench::in_real_time();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("endpoints.yaml");
    let serving = bench.simulator.serve([127, 0, 0, 1].into(), file.clone()).await.expect("served");
    let written = Endpoints::parse(&std::fs::read_to_string(&file).expect("the file")).expect("readable");
    let address: IpAddr = ADDRESS.parse().expect("an address");
    assert_eq!(written.hosts.get(&address), Some(&host()));
    let bound = written.bindings.get(&Binding::new(Place::Remote, address, 5986)).expect("the host's listener");
    let client = || {
        let endpoint = Endpoint { port: bound.port(), ..Endpoint::https(bound.ip().to_string()) };
        let access = Access {
            connect: Arc::new(TcpConnect::default()),
            ..bench.access(endpoint, basic("right"), Trust::Pinned(bench.thumbprint()))
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
    let bench = Bench::in_real_time();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("endpoints.yaml");
    let serving = bench.simulator.serve([127, 0, 0, 1].into(), file.clone()).await.expect("served");
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
    let bench = Bench::in_real_time();
    let refused = bench.simulator.serve([0, 0, 0, 0].into(), "unused.yaml".into()).await;
    assert_eq!(refused.expect_err("refused").to_string(), "0.0.0.0 is not a loopback address");
}
