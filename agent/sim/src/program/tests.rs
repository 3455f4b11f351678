//! Command lines on a simulated machine: what they print, how they end, and what they leave.

mod certificates;
mod cmd;
mod installers;
mod processes;

use jiff::Timestamp;

use super::desk::{CONTROL_C, Desk};
use super::process::CodePage;
use crate::shell::{IDLE, Shell, Wanted};
use crate::world::{HostName, MachineId, World, WorldFile};

pub(super) const USER: &str = r"HV01\admin";

/// A world of one host with a machine in it, and what people do there.
pub(super) struct Room {
    pub(super) world: World,
    pub(super) machine: MachineId,
}

/// What a command line gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) out: String,
    pub(super) err: String,
    pub(super) code: u32,
}

impl Room {
    /// The world that `text` describes, seen from its host `hv-1`.
    pub(super) fn of(text: &str) -> Self {
        let world = World::from_file(WorldFile::parse(text).unwrap()).unwrap();
        Self { world, machine: MachineId::Host(HostName::new("hv-1")) }
    }

    /// A host with nothing special.
    pub(super) fn plain() -> Self {
        Self::of(
            r"
apiVersion: trunkline.dev/sim/v1alpha1
kind: World
start: 2026-03-01T02:00:00Z
networks: [{name: lan, subnet: 10.1.0.0/24}]
hosts:
  - name: hv-1
    computerName: HV01
    accounts: [{user: admin, password: right}]
    nics: [{name: Ethernet, network: lan, addresses: [10.1.0.10/24]}]
    services: [{name: Alpha}]
    files: [{path: 'C:\data\notes.txt', content: 'one two'}]
",
        )
    }

    pub(super) fn desk(&mut self) -> Desk<'_> {
        Desk::new(&mut self.world, self.machine.clone())
    }

    pub(super) fn shell(&mut self) -> Shell {
        let wanted = Wanted {
            owner: USER.to_owned(),
            input: vec!["stdin".to_owned()],
            output: vec!["stdout".to_owned(), "stderr".to_owned()],
            directory: None,
            environment: Vec::new(),
            idle: IDLE,
            code_page: CodePage::Utf8,
        };
        self.desk().open_shell(wanted).unwrap()
    }

    /// Runs `line` as a remote shell does, to its end, however long that takes.
    pub(super) fn run(&mut self, line: &str) -> Run {
        let shell = self.shell().id;
        let line = format!(r"C:\Windows\system32\cmd.exe /C {line}");
        let command = self.desk().start_command(USER, &shell, &line).unwrap();
        let mut run = Run { out: String::new(), err: String::new(), code: CONTROL_C };
        for _ in 0..10_000 {
            if let Some(taken) = self.desk().take_output(USER, &shell, &command, (&[], 1 << 20)).unwrap() {
                for (stream, bytes) in taken.pieces {
                    let text = if stream == "stdout" { &mut run.out } else { &mut run.err };
                    text.push_str(&String::from_utf8(bytes).unwrap());
                }
                if let Some(code) = taken.exit {
                    run.code = code;
                    break;
                }
                continue;
            }
            let Some(next) = self.world.next_event() else { panic!("`{line}` waits for nothing: {run:?}") };
            self.world.advance(next);
        }
        self.desk().close_shell(USER, &shell).unwrap();
        run
    }

    /// The same, of what must go well; what it printed.
    pub(super) fn good(&mut self, line: &str) -> String {
        let run = self.run(line);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{line}: {}", run.out);
        run.out
    }

    pub(super) fn pass(&mut self, seconds: i64) {
        let until = Timestamp::from_second(self.world.now().as_second() + seconds).unwrap();
        self.world.advance(until);
    }
}
