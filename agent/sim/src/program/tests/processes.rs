//! Processes: those of a shell, and those that belong to none.

use wsman::cim::{CimInstance, CimPath, Namespace};

use super::super::desk::CONTROL_C;
use super::{Room, USER};
use crate::machine::Output;
use crate::shell::{MAX_COMMANDS, MAX_SHELLS, ShellError};

fn create(room: &mut Room, line: &str) -> Output {
    let class = CimPath::class_of(Namespace::CIMV2, "Win32_Process");
    let input = CimInstance::new("__PARAMETERS").with("CommandLine", line);
    room.desk().invoke_process(&class, "Create", &input, USER).unwrap()
}

fn names(room: &mut Room) -> Vec<String> {
    room.desk().windows().unwrap().activity.processes.running().map(|p| p.name.clone()).collect()
}

#[test]
fn a_process_of_no_shell_outlives_them_all_but_no_restart() {
    let mut room = Room::plain();
    let shell = room.shell().id;
    let begun = create(&mut room, r"cmd.exe /c ping -n 100 127.0.0.1 > C:\data\out");
    assert_eq!(begun.return_value, 0);
    room.desk().close_shell(USER, &shell).unwrap();
    room.pass(50);
    assert_eq!(names(&mut room).len(), 2, "the interpreter and what it runs");
    let host = crate::world::HostName::new("hv-1");
    room.world.apply(crate::world::Fault::HostRestart { host }).unwrap();
    room.pass(3600);
    assert!(names(&mut room).is_empty());
    let out = room.good(r"type C:\data\out");
    assert!((45..=55).contains(&out.matches("Reply").count()), "what it had written stays: {out}");
}

#[test]
fn create_tells_what_it_cannot_start() {
    let mut room = Room::plain();
    for (line, code) in [("", 21), (r"C:\nope\x.exe", 9), ("nope", 9), ("hostname", 0)] {
        assert_eq!(create(&mut room, line).return_value, code, "{line}");
    }
}

#[test]
fn a_killed_program_ends_with_the_reason_and_its_interpreter_goes_on() {
    let mut room = Room::plain();
    create(&mut room, r"cmd.exe /c ping -n 100 127.0.0.1 > nul & call echo %^errorlevel% > C:\data\code");
    let ping = room.desk().windows().unwrap().activity.processes.running().find(|p| p.name == "ping.exe").map(|p| p.id).unwrap();
    let target = CimPath::class_of(Namespace::CIMV2, "Win32_Process").with_key("Handle", ping.to_string());
    let reason = CimInstance::new("__PARAMETERS").with("Reason", 42u32);
    room.desk().invoke_process(&target, "Terminate", &reason, USER).unwrap();
    assert_eq!(room.good(r"type C:\data\code"), "42 \r\n");
}

#[test]
fn output_comes_while_the_command_runs_and_ctrl_c_ends_it() {
    let mut room = Room::plain();
    let shell = room.shell().id;
    let command = room.desk().start_command(USER, &shell, "cmd /c ping -n 100 127.0.0.1").unwrap();
    let first = room.desk().take_output(USER, &shell, &command, (&[], 1000)).unwrap().unwrap();
    assert!(first.exit.is_none() && !first.pieces.is_empty());
    assert_eq!(room.desk().take_output(USER, &shell, &command, (&[], 1000)).unwrap(), None, "nothing more yet");
    room.pass(1);
    assert!(room.desk().take_output(USER, &shell, &command, (&[], 1000)).unwrap().is_some());
    room.desk().interrupt(USER, &shell, &command).unwrap();
    let last = room.desk().take_output(USER, &shell, &command, (&[], 1000)).unwrap().unwrap();
    assert_eq!((last.exit, last.ended), (Some(CONTROL_C), vec!["stdout".to_owned(), "stderr".to_owned()]));
    room.desk().terminate(USER, &shell, &command).unwrap();
    assert_eq!(room.desk().take_output(USER, &shell, &command, (&[], 1000)), Err(ShellError::NoCommand));
    assert!(names(&mut room).is_empty());
}

#[test]
fn input_reaches_the_program_line_by_line_and_ends_it() {
    let mut room = Room::plain();
    let shell = room.shell().id;
    let command = room.desk().start_command(USER, &shell, "cmd /c more").unwrap();
    room.desk().give_input(USER, &shell, &command, (b"first\nsec", false)).unwrap();
    let taken = room.desk().take_output(USER, &shell, &command, (&[], 1000)).unwrap().unwrap();
    assert_eq!(taken.pieces, [("stdout".to_owned(), b"first\r\n".to_vec())]);
    room.desk().give_input(USER, &shell, &command, (b"ond", true)).unwrap();
    let taken = room.desk().take_output(USER, &shell, &command, (&[], 1000)).unwrap().unwrap();
    assert_eq!((taken.pieces, taken.exit), (vec![("stdout".to_owned(), b"second\r\n".to_vec())], Some(0)));
}

#[test]
fn quotas_are_those_of_windows_and_idle_shells_end() {
    let mut room = Room::plain();
    let shell = room.shell().id;
    for _ in 0..MAX_COMMANDS {
        room.desk().start_command(USER, &shell, "cmd /c ping -n 9999 127.0.0.1").unwrap();
    }
    assert_eq!(room.desk().start_command(USER, &shell, "cmd /c ver"), Err(ShellError::TooManyCommands));
    for _ in 1..MAX_SHELLS {
        room.shell();
    }
    let wanted = crate::shell::Wanted {
        owner: USER.to_owned(),
        input: Vec::new(),
        output: Vec::new(),
        directory: None,
        environment: Vec::new(),
        idle: crate::shell::IDLE,
        code_page: super::CodePage::Utf8,
    };
    assert_eq!(room.desk().open_shell(wanted.clone()).map(|shell| shell.id), Err(ShellError::TooManyShells));
    room.pass(7201);
    let left = room.desk().windows().unwrap().activity.shells.of(USER).count();
    assert_eq!(left, 1, "the one that is at work");
    assert!(room.desk().open_shell(wanted).is_ok());
}

#[test]
fn a_shutdown_comes_at_its_time_or_is_taken_back() {
    let mut room = Room::plain();
    let booted = room.desk().windows().unwrap().last_boot;
    assert_eq!(room.run("shutdown /a").code, 1116);
    room.good("shutdown /r /t 60 /c \"updates\"");
    assert_eq!(room.run("shutdown /r /t 10").code, 1190);
    room.good("shutdown /a");
    room.pass(120);
    assert_eq!(room.desk().windows().unwrap().last_boot, booted);
    room.good("shutdown /r /t 60");
    room.pass(600);
    let windows = room.desk().windows().unwrap().log.of("System").map(|r| r.id).collect::<Vec<_>>();
    assert!(room.desk().windows().unwrap().last_boot > booted);
    assert!(windows.contains(&1074) && windows.contains(&6005), "{windows:?}");
}
