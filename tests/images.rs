//! `image check` as a person meets it, over real sockets: what it prints, what it exits with, and that it leaves nothing.

use std::path::Path;

use serde_json::Value;
use sim::world::WorldFile;

use crate::support::binary::{Line, wait_for};
use crate::support::example::Example;
use crate::support::room::Room;

/// The hurried world, whose edge image lacks a service.
fn without_a_service() -> WorldFile {
    let mut world = Example::Seattle.hurried_world();
    for image in world.images.iter_mut().filter(|image| image.name == "edge") {
        image.services.retain(|service| service.name != "RTCMRAUTH");
    }
    world
}

/// How often each changing method was carried out on the host.
fn counted(room: &Room, method: &str) -> usize {
    room.deeds().iter().filter(|(_, done)| done == method).count()
}

/// What `observe` sees of the first host, but for the time.
fn seen(room: &Room) -> Value {
    let mut seen: Value = serde_json::from_str(&room.run(&["observe", "sea-1"]).well()).unwrap();
    seen["appliances"][0]["at"].take();
    seen
}

/// What was printed, without how long the boot took and which key the guest made.
fn plain(printed: &str) -> String {
    let differs = |line: &str| line.contains(" heartbeat ") || line.contains(" thumbprint ");
    let line = |line: &str| if differs(line) { format!("{}…\n", &line[..25]) } else { format!("{line}\n") };
    printed.lines().map(line).collect()
}

#[test]
fn an_image_is_checked_point_by_point_and_nothing_of_it_stays() {
    let room = Room::around(Example::Seattle, &without_a_service());
    let unasked = room.run(&["image", "check", "sea-1"]);
    assert_eq!(unasked.code, 1, "nobody is there to say yes");
    assert!(room.deeds().is_empty(), "{:?}", room.deeds());
    let before = seen(&room);

    let good = room.run(&["image", "check", "sea-1", "--role", "mediation", "--yes"]);
    assert_eq!(good.code, 0, "{}{}", good.out, good.err);
    insta::assert_snapshot!(plain(&good.out), @r"
    D:\Images\2.1\mediation.vhdx
    ok       image           a VHDX of 127.0 GiB, 22.0 GiB in its file
    ok       boot            a generation 2 VM on it starts
    ok       heartbeat       …
    ok       thumbprint      …
    ok       addresses       the guest takes the address that its host gives it
    ok       listener        192.168.213.254:5986 shows the certificate that the
                             guest publishes
    ok       account         user `Administrator` is let in
    ok       services        all 3 watched services are there
    ok       firewall        the watched inbound firewall rule is there
    ");

    let bad = room.run(&["image", "check", "sea-1", "--role", "edge", "--yes", "-o", "json"]);
    assert_eq!(bad.code, 1, "{}{}", bad.out, bad.err);
    let reports: Value = serde_json::from_str(&bad.out).unwrap();
    let services = reports[0]["findings"].as_array().unwrap().iter().find(|finding| finding["subject"] == "services").unwrap();
    assert_eq!(services["cause"], "the service `RTCMRAUTH` is missing");
    assert_eq!(seen(&room), before);
    room.assert_discreet(&[&good.out, &good.err, &bad.out, &bad.err]);
}

#[test]
fn what_a_killed_check_left_is_removed_by_the_next() {
    let room = Room::raise(Example::Seattle);
    let before = seen(&room);
    let mut killed = room.line(&["image", "check", "sea-1", "--role", "edge", "--yes"]).start();
    wait_for("a VM", || (counted(&room, "DefineSystem") >= 2).then_some(()));
    killed.kill();
    let next = room.run(&["image", "check", "sea-1", "--role", "ad", "--yes"]);
    assert_eq!(next.code, 0, "{}{}", next.out, next.err);
    assert!(next.err.contains("removed what an earlier check left: VM `"), "{}", next.err);
    assert_eq!(seen(&room), before);
}

#[test]
fn a_check_that_is_interrupted_removes_what_it_made() {
    let room = Room::raise(Example::Seattle);
    let before = seen(&room);
    let mut check = room.line(&["image", "check", "sea-1", "--role", "edge", "--yes"]).start();
    wait_for("a VM", || (counted(&room, "DefineSystem") >= 2).then_some(()));
    let interrupt = Line::of(Path::new("sh"), room.path(), ["-c", &format!("kill -INT {}", check.id())]).run();
    assert_eq!(interrupt.code, 0, "{}", interrupt.err);
    wait_for("the end of the check", || check.has_ended().then_some(()));
    assert_eq!(counted(&room, "DestroySystem"), 2, "the VM and the switch");
    assert_eq!(seen(&room), before);
}

#[test]
fn a_hold_holds_it_and_a_wrong_role_is_told() {
    let room = Room::raise(Example::Seattle);
    let wrong = room.run(&["image", "check", "sea-1", "--role", "proxy", "--yes"]);
    insta::assert_snapshot!(wrong.err, @r"
    error: cannot check the image of `proxy`
      cause: `sea-1` has no role `proxy`
    ");
    assert_eq!(room.run(&["hold", "sea-1", "--for", "4h", "--reason", "cabling"]).code, 3, "no agent worked here yet");
    let held = room.run(&["image", "check", "sea-1", "--yes"]);
    assert!(held.code == 1 && held.err.contains("cabling"), "{}", held.err);
    assert!(room.deeds().is_empty());
}
