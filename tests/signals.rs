//! What Ctrl-C and a termination do to commands that would go on for long.

use std::io::Read as _;
use std::path::Path;

use serde_json::json;

use crate::support::binary::{Line, Running, wait_for};
use crate::support::example::Example;
use crate::support::room::Room;

fn tell(signal: &str, to: &Running) {
    let sent = Line::of(Path::new("sh"), Path::new("/"), ["-c", &format!("kill -{signal} {}", to.id())]).run();
    assert_eq!(sent.code, 0, "{}", sent.err);
}

#[test]
fn a_second_signal_ends_a_command_at_once_whatever_step_it_waits_for() {
    let room = Room::raise(Example::BranchBundle);
    room.tell(&json!({ "entry": { "on": { "operation": "Invoke" }, "do": { "slow": "1h" } } }));
    let mut apply = room.line(&["apply", "--yes", "--only", "ulm-1"]).start();
    wait_for("a step", || room.deeds().first().cloned());
    // Two that come at once may be one to the system.
    let code = wait_for("the end", || {
        tell("TERM", &apply);
        apply.code()
    });
    assert_eq!(code, 143, "-1 would be a death without a word");
}

#[test]
fn a_signal_ends_the_demo_in_the_middle_of_a_scene() {
    let place = tempfile::tempdir().unwrap();
    let temporary = place.path().join("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let mut demo = Line::new(place.path(), ["demo", "--once"]).with("TMPDIR", temporary.to_str().unwrap()).start();
    while !demo.line().starts_with("1. ") {}
    tell("INT", &demo);
    let mut said = String::new();
    demo.output().read_to_string(&mut said).unwrap();
    assert_eq!(wait_for("the end", || demo.code()), 3, "{said}");
    assert!(said.ends_with("\nstopped\n") && !said.contains("2. "), "{said}");
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "something stays behind");
}
