//! Passwords that change while the agent runs: on the hosts, and in the file that a secret lies in.

use serde_json::{Value, json};

use crate::support::binary::wait_for;
use crate::support::example::{Example, PASSWORDS};
use crate::support::room::Room;

/// What is kept of ulm-1 when `seen` gives something of it.
fn once<T>(room: &Room, what: &str, seen: impl Fn(&Value) -> Option<T>) -> T {
    let file = room.file("state/appliances/appliance-ulm-1/status.json");
    wait_for(what, || seen(&serde_json::from_str(&std::fs::read_to_string(&file).ok()?).ok()?))
}

fn is_refused(status: &Value) -> Option<()> {
    status["conditions"].as_array()?.iter().any(|said| said["kind"] == "Stalled" && said["reason"] == "AccessDenied").then_some(())
}

/// The agent leaves a host that refused a password alone for ten minutes, which is longer than a test waits.
#[test]
fn a_password_that_is_changed_in_its_file_is_picked_up_by_the_agent_that_runs() {
    let room = Room::raise(Example::BranchBundle);
    let defaults = std::fs::read_to_string(room.file("fleet/defaults.yaml")).unwrap();
    room.commit(&[("defaults.yaml", &format!("{defaults}  probeEvery: 10s\n  confirm: 5s\n"))], "looks at short notice");
    room.write_private("credentials.yaml", "hyperv-host: { user: trunkline, passwordFile: host.pw }\n");
    room.write_private("host.pw", PASSWORDS[0]);
    // Nothing is to be installed meanwhile; hosts are looked at all the same.
    room.run(&["hold", "ulm-1", "--for", "1h", "--reason", "passwords change"]);
    let mut agent = room.line(&["run"]).start();
    once(&room, "a first look", |status| status["observedAt"].as_str().map(drop));

    let changed = json!({ "passwordChanged": { "host": "hv-ulm", "user": "trunkline", "password": "rotated" } });
    room.tell(&json!({ "world": changed }));
    room.tell(&json!({ "entry": { "on": { "machine": "hv-ulm" }, "do": "drop" } }));
    once(&room, "the host's refusal", is_refused);
    room.write_private("host.pw", "rotated\n");
    once(&room, "a look with the password that stands in the file now", |status| is_refused(status).is_none().then_some(()));
    assert!(!agent.has_ended());
}
