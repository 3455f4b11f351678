//! What becomes of a command that cannot tell what it has to tell: a full disk, a reader that has gone, a reader that does not read.
//!
//! Guarantees: each of these once kept an agent from its work, or ended it in the middle of a change.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Stdio;

use crate::support::binary::{Line, Running, wait_for};
use crate::support::example::Example;
use crate::support::room::Room;

/// Of `open(2)` on Linux: neither reading nor writing waits.
const O_NONBLOCK: i32 = 0o4000;

fn full_disk() -> File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

/// A pipe with a reader that does not read, and no room.
struct Stalled {
    reader: File,
    writer: File,
}

impl Stalled {
    fn at(path: &Path) -> Self {
        let made = Line::of(Path::new("mkfifo"), Path::new("/"), [path]).run();
        assert_eq!(made.code, 0, "{}", made.err);
        let mut reader = OpenOptions::new().read(true).write(true).custom_flags(O_NONBLOCK).open(path).unwrap();
        // More than any pipe holds.
        assert_eq!(reader.write_all(&vec![b'.'; 1 << 24]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let writer = OpenOptions::new().write(true).open(path).unwrap();
        Self { reader, writer }
    }

    /// What is in it now, filler and all.
    fn read(&mut self) -> String {
        let mut text = Vec::new();
        assert_eq!(self.reader.read_to_end(&mut text).unwrap_err().kind(), ErrorKind::WouldBlock);
        String::from_utf8(text).unwrap()
    }
}

fn tell(signal: &str, to: &Running) {
    let sent = Line::of(Path::new("sh"), Path::new("/"), ["-c", &format!("kill -{signal} {}", to.id())]).run();
    assert_eq!(sent.code, 0, "{}", sent.err);
}

/// Waits until the agent has changed each host, and asks it to end.
fn works_and_ends(room: &Room, mut agent: Running) {
    for host in ["hv-ulm", "hv-kiel", "hv-jena"] {
        wait_for(&format!("work on {host}"), || {
            assert!(!agent.has_ended(), "it has ended: {:?}", agent.code());
            room.deeds().iter().any(|(at, did)| at == host && did == "DefineSystem").then_some(())
        });
    }
    assert!(room.file("state/appliances/appliance-ulm-1/status.json").exists());
    tell("TERM", &agent);
    assert_eq!(wait_for("the end", || agent.code()), 0);
}

#[test]
fn an_agent_works_on_while_its_log_finds_no_room_on_the_disk() {
    let room = Room::raise(Example::BranchBundle);
    works_and_ends(&room, room.line(&["run", "--log", "trace"]).start_on(Stdio::null(), full_disk()));
}

#[test]
fn an_agent_works_on_while_the_reader_of_its_log_has_gone() {
    let room = Room::raise(Example::BranchBundle);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    works_and_ends(&room, room.line(&["run", "--log", "trace"]).start_on(Stdio::null(), writer));
}

#[test]
fn an_agent_works_on_while_the_reader_of_its_log_does_not_read() {
    let room = Room::raise(Example::BranchBundle);
    let stalled = Stalled::at(&room.file("log"));
    works_and_ends(&room, room.line(&["run", "--log", "trace"]).start_on(Stdio::null(), stalled.writer));
}

#[test]
fn a_reader_that_reads_again_gets_what_waited() {
    let room = Room::raise(Example::BranchBundle);
    let mut stalled = Stalled::at(&room.file("log"));
    let mut agent = room.line(&["run"]).start_on(Stdio::null(), stalled.writer.try_clone().unwrap());
    wait_for("work on hv-ulm", || room.deeds().iter().any(|(at, _)| at == "hv-ulm").then_some(()));
    let mut heard = stalled.read();
    wait_for("what waited", || {
        heard += &stalled.read();
        heard.contains("ulm-1: ").then_some(())
    });
    assert!(!heard.contains("lost"), "{heard}");
    tell("TERM", &agent);
    let code = wait_for("the end", || {
        heard += &stalled.read();
        agent.code()
    });
    assert_eq!(code, 0, "{heard}");
}

#[test]
fn a_simulation_serves_although_nobody_reads_that_it_does() {
    let room = Room::without_hosts(Example::BranchBundle);
    room.write("world.yaml", &Example::BranchBundle.world_text());
    let stalled = Stalled::at(&room.file("log"));
    let errors = stalled.writer.try_clone().unwrap();
    let _simulator = Line::new(room.path(), ["simulate", "--world", "world.yaml", "--plain-http"]).start_on(stalled.writer, errors);
    wait_for("the addresses", || room.file("endpoints.yaml").exists().then_some(()));
    room.line(&["observe", "ulm-1", "--connect-to", "endpoints.yaml", "--ca", "hosts.pem"]).run().well();
}

#[test]
fn what_cannot_be_told_beside_a_result_changes_no_exit_code() {
    let room = Room::without_hosts(Example::BranchBundle);
    let (code, out) = room.line(&["validate"]).run_telling(full_disk());
    assert!(code == 0 && out.starts_with("valid: "), "{code} {out}");
    let nowhere = |arguments: &[&str]| Line::new(room.path(), arguments).run_telling(full_disk());
    assert_eq!(nowhere(&["validate", "nowhere"]), (1, String::new()));
    assert_eq!(nowhere(&["validate", "nowhere", "--log", "trace"]), (1, String::new()));
    assert_eq!(nowhere(&["validate", "nowhere", "--log-format", "json"]), (1, String::new()));
    assert_eq!(nowhere(&["validate", "--no-such-flag"]), (1, String::new()));
    assert_eq!(nowhere(&["--config", "nowhere.yaml", "validate"]), (1, String::new()), "before there is any log");
}

#[test]
fn a_result_that_cannot_be_written_is_an_error_unless_nobody_wants_it_any_more() {
    let room = Room::without_hosts(Example::BranchBundle);
    let shell = |to: &str| {
        let line = format!("exec {} schema appliance.v1alpha1 {to}", env!("CARGO_BIN_EXE_trunkline"));
        Line::of(Path::new("sh"), room.path(), ["-c", &line]).run()
    };
    let full = shell(">/dev/full");
    assert_eq!((full.code, full.err.as_str()), (1, "error: the result could not be written to standard output\n"));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut gone = Line::new(room.path(), ["schema", "appliance.v1alpha1"]).start_on(writer, Stdio::null());
    assert_eq!(wait_for("the end", || gone.code()), 0);
}
