//! Clients that nobody here wrote drive the simulated hosts: pypsrp and pywinrm.

use std::path::PathBuf;

use serde_json::json;
use sim::network::Endpoints;
use sim::world::Place;

use crate::support::binary::Line;
use crate::support::example::{Example, PASSWORDS, root};
use crate::support::room::Room;

/// The interpreter that has the clients, at the versions that `tests/run` pins.
fn python() -> PathBuf {
    let python = root().join("target/python/bin/python");
    assert!(python.exists(), "{} is missing; run `./tests/run setup`, which installs the Python clients", python.display());
    python
}

/// The loopback port that stands for a host's HTTPS listener.
fn port_of(room: &Room, address: &str) -> String {
    let endpoints = Endpoints::parse(&std::fs::read_to_string(room.file("endpoints.yaml")).unwrap()).unwrap();
    let found = endpoints
        .bindings
        .iter()
        .find(|(binding, _)| binding.from == Place::Remote && binding.target.ip().to_string() == address && binding.target.port() == 5986);
    found.unwrap().1.port().to_string()
}

/// Runs one of the scripts below `tests/clients`.
fn client(room: &Room, script: &str, arguments: &[&str]) -> String {
    let script = root().join("tests/clients").join(script);
    let port = port_of(room, "10.1.0.10");
    let all = [script.to_str().unwrap(), &port, "trunkline", PASSWORDS[0]];
    Line::of(&python(), room.path(), all.iter().chain(arguments)).run().well()
}

/// Branch hosts, and a VM in Ulm that somebody else has made.
fn room() -> Room {
    let mut world = Example::BranchBundle.hurried_world();
    let ulm = world.hosts.iter_mut().find(|host| host.name.as_str() == "hv-ulm").unwrap();
    ulm.machines.push(serde_json::from_value(json!({ "name": "theirs", "memoryMib": 512 })).unwrap());
    Room::around(Example::BranchBundle, &world)
}

#[test]
fn pypsrp_enumerates_gets_invokes_follows_a_job_and_is_refused() {
    insta::assert_snapshot!(client(&room(), "cim.py", &["theirs"]), @"
    version 10.0.20348
    vm theirs 3
    get theirs
    start 4096
    job 7
    vm theirs 2
    fault query refused True
    missing 2150858752
    wrong password AuthenticationError
    ");
}

#[test]
fn pywinrm_enumerates_and_is_refused() {
    insta::assert_snapshot!(client(&room(), "soap.py", &[]), @"
    host HV-ULM
    fault unknown class True
    wrong password refused
    ");
}
