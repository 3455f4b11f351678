//! Clients that nobody here wrote drive the simulated hosts: pypsrp and pywinrm.

use std::net::SocketAddr;

use serde_json::json;
use sim::network::Endpoints;
use sim::world::Place;

use crate::support::binary::Line;
use crate::support::example::{Example, PASSWORDS, root};
use crate::support::python::python;
use crate::support::room::Room;

/// The loopback port that stands for a listener of the Ulm host.
fn port_of(room: &Room, port: u16) -> String {
    let endpoints = Endpoints::parse(&std::fs::read_to_string(room.file("endpoints.yaml")).unwrap()).unwrap();
    let target = SocketAddr::from(([10, 1, 0, 10], port));
    let found = endpoints.bindings.iter().find(|(binding, _)| binding.from == Place::Remote && binding.target == target);
    found.unwrap().1.port().to_string()
}

/// Runs one of the scripts below `tests/clients`.
fn client(room: &Room, script: &str, arguments: &[&str]) -> String {
    let script = root().join("tests/clients").join(script);
    let ports = [port_of(room, 5985), port_of(room, 5986)];
    let all = [script.to_str().unwrap(), &ports[0], &ports[1], "trunkline", PASSWORDS[0]];
    Line::of(&python(), room.path(), all.iter().chain(arguments)).run().well()
}

/// The ways in: a transport, and how a caller proves who it is.
const WAYS: [&str; 5] = ["http-negotiate", "http-ntlm", "https-negotiate", "https-ntlm", "https-basic"];

/// Branch hosts, and in Ulm a VM that somebody else has made for each way in.
fn room(hardening: &str) -> Room {
    let mut world = Example::BranchBundle.hurried_world();
    let ulm = world.hosts.iter_mut().find(|host| host.name.as_str() == "hv-ulm").unwrap();
    ulm.winrm = serde_json::from_value(json!({ "basic": true, "cbtHardeningLevel": hardening })).unwrap();
    for way in WAYS {
        ulm.machines.push(serde_json::from_value(json!({ "name": way, "memoryMib": 512 })).unwrap());
    }
    Room::around(Example::BranchBundle, &world)
}

#[test]
fn pypsrp_enumerates_gets_invokes_follows_a_job_and_is_refused_whichever_way_it_comes() {
    let room = room("strict");
    for way in WAYS {
        let told = client(&room, "cim.py", &[way, way]).replace(way, "<way>");
        insta::allow_duplicates! {
            insta::assert_snapshot!(told, @"
            version 10.0.20348
            vm <way> 3
            get <way>
            start 4096
            job 7
            vm <way> 2
            fault query refused True
            missing 2150858752
            wrong password AuthenticationError
            ");
        }
    }
}

#[test]
fn pywinrm_enumerates_and_is_refused_whichever_way_it_comes() {
    let room = room("strict");
    for way in ["http-ntlm", "https-ntlm", "https-basic"] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(client(&room, "soap.py", &[way]), @"
            host HV-ULM
            fault unknown class True
            wrong password refused
            ");
        }
    }
}

#[test]
fn what_was_touched_or_not_sealed_or_bound_elsewhere_is_refused() {
    insta::assert_snapshot!(client(&room("relaxed"), "seal.py", &[]), @"
    negotiate untouched Running
    negotiate signature touched WinRMTransportError 400
    negotiate untouched Running
    negotiate message touched WinRMTransportError 400
    negotiate not sealed WinRMTransportError 500
    negotiate sealed inside TLS Running
    negotiate bound Running
    negotiate not bound Running
    negotiate bound elsewhere AuthenticationError
    ntlm untouched Running
    ntlm signature touched WinRMTransportError 400
    ntlm untouched Running
    ntlm message touched WinRMTransportError 400
    ntlm not sealed WinRMTransportError 500
    ntlm sealed inside TLS Running
    ntlm bound Running
    ntlm not bound Running
    ntlm bound elsewhere AuthenticationError
    ");
}

#[test]
fn pywinrm_runs_commands_whichever_way_it_comes() {
    let room = room("strict");
    for way in ["https-basic", "http-ntlm"] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(client(&room, "shell.py", &["pywinrm", way]), @r#"
            echo ('one two\r\n', '', 0)
            environment ('ulm\r\n', '', 0)
            unknown ('', "'nonsense' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n", 1)
            code ('', '', 7)
            streams ('HV-ULM\r\nhv-ulm\\trunkline\r\n', 'The system cannot find the file specified.\r\n', 1)
            long 1
            input (b'first\r\nsecond\r\n', b'', 0)
            finished command 2150858843
            closed shell 2150858843
            "#);
        }
    }
}

#[test]
fn pypsrp_runs_commands_whichever_way_it_comes() {
    let room = room("strict");
    for way in ["https-basic", "http-negotiate"] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(client(&room, "shell.py", &["pypsrp", way]), @r#"
            echo ('one two\r\n', '', 0)
            directory ('C:\\Windows\r\n', '', 0)
            unknown ('', "'nonsense' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n", 1)
            code ('', '', 7)
            lots True
            long 1
            input ('first\r\nsecond\r\n', 0)
            stopped 0xc000013a
            "#);
        }
    }
}
