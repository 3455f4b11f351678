//! `kill -9` of an agent over real sockets, while the simulated hosts live on in a process of their own.
//!
//! Each story kills `trunkline apply` once, while it works on three hosts and is at another moment of its work on each. The next
//! `apply` must end where an undisturbed one ends, and no host may have been told anything more often.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::binary::{Running, wait_for};
use crate::support::example::Example;
use crate::support::room::Room;
use crate::support::sight::{EQUAL, differences, timeless_json};

/// How an installation that nobody disturbed ends.
struct Undisturbed {
    sight: Value,
    deeds: BTreeMap<(String, String), usize>,
}

fn undisturbed() -> &'static Undisturbed {
    static ONCE: OnceLock<Undisturbed> = OnceLock::new();
    ONCE.get_or_init(|| {
        let room = Room::raise(Example::BranchBundle);
        room.run(&["apply", "--yes"]).well();
        Undisturbed { sight: sight(&room), deeds: room.counted_deeds() }
    })
}

/// What is there.
fn sight(room: &Room) -> Value {
    timeless_json(&room.run(&["observe"]).well())
}

/// The request is carried out, and its answer held back for longer than the agent lives.
fn hold_the_answer(room: &Room, host: &str, class: &str, method: &str) {
    room.tell(&json!({ "entry": { "on": { "machine": host, "class": class, "method": method }, "do": { "slow": "5m" } } }));
}

fn wait_for_deed(room: &Room, machine: &str, what: &str) {
    wait_for(&format!("{what} on {machine}"), || room.deeds().iter().any(|(at, did)| at == machine && did == what).then_some(()));
}

/// Kills the agent, checks that nobody was converged yet, and lets the next one bring all to the end.
fn kill_and_go_on(room: &Room, mut agent: Running) {
    assert!(!agent.has_ended(), "the agent ended before it was killed");
    agent.kill();
    assert_nobody_goes_on(room);
    room.tell(&json!({ "clear": {} }));
    assert_ne!(room.counted_deeds(), undisturbed().deeds, "there was nothing left to do");
    room.run(&["apply", "--yes"]).well();
    assert_eq!(differences(&sight(room), &undisturbed().sight), EQUAL);
    assert_eq!(room.counted_deeds(), undisturbed().deeds, "a host noticed it");
    assert_eq!(room.run(&["plan", "--detailed-exitcode"]).code, 0, "something is left to do");
}

/// Tells as past what the agent was at, to machines as to people.
fn assert_nobody_goes_on(room: &Room) {
    let status: Value = serde_json::from_str(&room.run(&["status", "--output", "json"]).out).unwrap();
    let all =
        |key: &str| -> Vec<Value> { status["appliances"].as_array().unwrap().iter().filter_map(|one| one.get(key).cloned()).collect() };
    assert!(all("running").iter().all(|steps| *steps == json!([])), "{status:#}");
    assert!(all("nextAttempt").iter().all(Value::is_null), "{status:#}");
    let text = room.run(&["status"]).out;
    let left = all("wasRunning").iter().flat_map(|steps| steps.as_array().unwrap().clone()).collect::<Vec<_>>();
    assert!(!left.is_empty(), "{status:#}");
    for step in left {
        let says = step["says"].as_str().unwrap();
        assert!(text.contains(&format!("was running: {says}, since ")), "{says}: {text}");
    }
}

const VMS: &str = "Msvm_VirtualSystemManagementService";

#[test]
fn sent_and_not_answered_a_vm_defined_a_vm_started_a_guest_renamed() {
    undisturbed();
    let room = Room::raise(Example::BranchBundle);
    hold_the_answer(&room, "hv-ulm", VMS, "DefineSystem");
    hold_the_answer(&room, "hv-kiel", "Msvm_ComputerSystem", "RequestStateChange");
    hold_the_answer(&room, "BRANCH-APP", "Win32_ComputerSystem", "Rename");
    let agent = room.line(&["apply", "--yes"]).start();
    wait_for_deed(&room, "hv-ulm", "DefineSystem");
    wait_for_deed(&room, "hv-kiel", "RequestStateChange");
    wait_for("a guest that is renamed", || room.deeds().iter().any(|(_, what)| what == "Rename").then_some(()));
    kill_and_go_on(&room, agent);
}

#[test]
fn while_jobs_run_that_make_disks() {
    undisturbed();
    let mut world = Example::BranchBundle.hurried_world();
    world.timing.create_disk = SignedDuration::from_secs(4);
    let room = Room::around(Example::BranchBundle, &world);
    let agent = room.line(&["apply", "--yes"]).start();
    for host in ["hv-ulm", "hv-kiel", "hv-jena"] {
        wait_for_deed(&room, host, "CreateVirtualHardDisk");
    }
    kill_and_go_on(&room, agent);
}

#[test]
fn done_and_not_looked_at_meant_and_not_sent_and_while_a_guest_restarts() {
    undisturbed();
    let room = Room::raise(Example::BranchBundle);
    let agent = room.line(&["apply", "--yes"]).start();
    // Ulm: the host has done what it was asked, and whoever looks is kept waiting.
    wait_for_deed(&room, "hv-ulm", "AddResourceSettings");
    room.tell(&json!({ "entry": { "on": { "machine": "hv-ulm", "operation": "Enumerate", "times": null }, "do": { "slow": "5m" } } }));
    // Kiel: the connection ends whenever a VM is to be started, so that it is meant again and again and never sent.
    room.tell(&json!({ "entry": { "on": { "machine": "hv-kiel", "method": "RequestStateChange", "times": null }, "do": "drop" } }));
    let journal = room.file("state/appliances/appliance-kiel-1/journal.jsonl");
    let meant = || std::fs::read_to_string(&journal).ok()?.contains(r#"{"what":"intent","step":"1.0/app/start-vm"}"#).then_some(());
    wait_for("the intent to start a VM in Kiel", meant);
    wait_for_deed(&room, "a guest on hv-jena", "Win32Shutdown");
    assert!(!room.deeds().contains(&("hv-kiel".to_owned(), "RequestStateChange".to_owned())));
    kill_and_go_on(&room, agent);
}
