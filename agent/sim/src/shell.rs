//! Remote shells: each belongs to a user of one machine, starts commands, and is gone when nobody asks for long.
//!
//! Guarantees: the quotas of Windows Server 2012 and later; what a shell has started ends with it.
//! Deliberately absent: envelopes, which `respond` reads and writes; disconnected sessions, which command shells do not have.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::program::Desk;
use crate::program::desk::{CONTROL_C, Watched};
use crate::program::process::{CodePage, Environment, Setting, Sink, Source, Streams};

/// Shells that a user may have open (`MaxShellsPerUser`).
pub(crate) const MAX_SHELLS: usize = 30;
/// Commands that may run in a shell at once (`MaxProcessesPerShell`).
pub(crate) const MAX_COMMANDS: usize = 25;
/// How long a shell lives without a request, when its client does not say (`IdleTimeout`).
pub(crate) const IDLE: SignedDuration = SignedDuration::from_secs(7200);
/// The streams that commands write.
pub(crate) const OUTPUT: [&str; 2] = ["stdout", "stderr"];
/// The most bytes of a stream that one answer holds in one piece.
const PIECE: usize = 32 * 1024;

/// What a client asks for when it makes a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) owner: String,
    pub(crate) input: Vec<String>,
    pub(crate) output: Vec<String>,
    pub(crate) directory: Option<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) idle: SignedDuration,
    pub(crate) code_page: CodePage,
}

/// One shell.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Shell {
    pub(crate) id: String,
    pub(crate) owner: String,
    pub(crate) input: Vec<String>,
    pub(crate) output: Vec<String>,
    pub(crate) created: Timestamp,
    pub(crate) used: Timestamp,
    pub(crate) idle: SignedDuration,
    directory: String,
    environment: Environment,
    code_page: CodePage,
    commands: BTreeMap<String, Command>,
}

/// One command of a shell.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Command {
    process: u32,
    input: u64,
    /// Those that the client wants, by their names.
    output: BTreeMap<String, u64>,
    /// How it ended.
    exit: Option<u32>,
}

/// Every shell of a system.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Shells(BTreeMap<String, Shell>);

/// What a command has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    /// Stream and bytes, in order.
    pub(crate) pieces: Vec<(String, Vec<u8>)>,
    /// Streams that have ended.
    pub(crate) ended: Vec<String>,
    /// The exit code, when it is done and all was said.
    pub(crate) exit: Option<u32>,
}

/// Why a shell refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShellError {
    NoShell,
    NoCommand,
    TooManyShells,
    TooManyCommands,
    /// A stream that was not agreed upon.
    NoStream,
    /// The directory is not there.
    NoDirectory,
    /// There is no such program, and no interpreter was to say so.
    NoProgram,
}

impl Shells {
    /// The shells of `owner`.
    pub(crate) fn of<'a>(&'a self, owner: &'a str) -> impl Iterator<Item = &'a Shell> {
        self.0.values().filter(move |shell| shell.owner.eq_ignore_ascii_case(owner))
    }

    /// When the next of them has been idle for too long.
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        self.0.values().filter_map(Shell::lapses).min()
    }
}

impl Shell {
    /// A shell with a command at work is not idle.
    fn lapses(&self) -> Option<Timestamp> {
        let busy = self.commands.values().any(|command| command.exit.is_none());
        if busy { None } else { self.used.saturating_add(self.idle).ok() }
    }
}

impl Desk<'_> {
    /// Makes a shell.
    pub(crate) fn open_shell(&mut self, wanted: Wanted) -> Result<Shell, ShellError> {
        let now = self.now();
        let mut environment = self.environment(&wanted.owner);
        wanted.environment.iter().for_each(|(name, value)| environment.set(name, value));
        let home = self.home(&wanted.owner);
        let directory = wanted.directory.map_or_else(|| home.clone(), |given| crate::file_tree::resolve(&home, &given));
        if self.files().is_none_or(|files| files.find(&directory) != crate::file_tree::Found::Folder) {
            return Err(ShellError::NoDirectory);
        }
        let id = self.ids().guid();
        let shells = &mut self.windows_mut().ok_or(ShellError::NoShell)?.activity.shells;
        if shells.of(&wanted.owner).count() >= MAX_SHELLS {
            return Err(ShellError::TooManyShells);
        }
        let shell = Shell {
            id: id.clone(),
            owner: wanted.owner,
            input: wanted.input,
            output: wanted.output,
            created: now,
            used: now,
            idle: wanted.idle,
            directory,
            environment,
            code_page: wanted.code_page,
            commands: BTreeMap::new(),
        };
        shells.0.insert(id, shell.clone());
        self.world.touched();
        Ok(shell)
    }

    /// The shell `id` of `owner`, which counts as used.
    fn shell(&mut self, owner: &str, id: &str) -> Result<&mut Shell, ShellError> {
        let now = self.now();
        let shells = &mut self.windows_mut().ok_or(ShellError::NoShell)?.activity.shells;
        let shell = shells.0.values_mut().find(|shell| shell.id.eq_ignore_ascii_case(id) && shell.owner.eq_ignore_ascii_case(owner));
        let shell = shell.ok_or(ShellError::NoShell)?;
        shell.used = now;
        Ok(shell)
    }

    /// Starts `line` in a shell; the command's id.
    pub(crate) fn start_command(&mut self, owner: &str, id: &str, line: &str) -> Result<String, ShellError> {
        let shell = self.shell(owner, id)?;
        if shell.commands.values().filter(|command| command.exit.is_none()).count() >= MAX_COMMANDS {
            return Err(ShellError::TooManyCommands);
        }
        let shell = shell.clone();
        let command = self.ids().guid();
        let input = self.open_pipe().ok_or(ShellError::NoShell)?;
        let mut output = BTreeMap::new();
        for name in &shell.output {
            output.insert(name.clone(), self.open_pipe().ok_or(ShellError::NoShell)?);
        }
        let sink = |name: &str| output.get(name).map_or(Sink::Null, |pipe| Sink::Pipe(*pipe));
        let takes_input = shell.input.iter().any(|name| name == "stdin");
        let setting = Setting {
            directory: shell.directory.clone(),
            environment: shell.environment.clone(),
            streams: Streams {
                input: if takes_input { Source::Pipe(input) } else { Source::Null },
                output: sink("stdout"),
                errors: sink("stderr"),
            },
            code_page: shell.code_page,
            user: owner.to_owned(),
            parent: 0,
        };
        let process = self.start(line, setting, Watched::Yes).ok_or(ShellError::NoProgram)?;
        let entry = Command { process, input, output, exit: None };
        self.shell(owner, id)?.commands.insert(command.clone(), entry);
        self.settle_command(owner, id, &command);
        self.world.touched();
        Ok(command)
    }

    /// Looks whether a command has ended.
    fn settle_command(&mut self, owner: &str, id: &str, command: &str) {
        let Ok(process) = self.command(owner, id, command).map(|found| found.process) else { return };
        let ended = self.reap(process).or_else(|| (!self.is_running(process)).then_some(CONTROL_C));
        if let (Some(code), Ok(found)) = (ended, self.command(owner, id, command)) {
            found.exit.get_or_insert(code);
        }
    }

    fn command(&mut self, owner: &str, id: &str, command: &str) -> Result<&mut Command, ShellError> {
        let shell = self.shell(owner, id)?;
        let found = shell.commands.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(command));
        found.map(|(_, command)| command).ok_or(ShellError::NoCommand)
    }

    /// Takes what a command has written into the `wanted` streams (none named: all), up to `most` bytes; `None` when there is nothing yet.
    pub(crate) fn take_output(
        &mut self,
        owner: &str,
        shell: &str,
        command: &str,
        (wanted, most): (&[String], usize),
    ) -> Result<Option<Output>, ShellError> {
        self.command(owner, shell, command)?;
        if self.command(owner, shell, command)?.exit.is_none() {
            self.settle_command(owner, shell, command);
        }
        let found = self.command(owner, shell, command)?;
        let (mut pipes, exit) = (found.output.clone(), found.exit);
        pipes.retain(|name, _| wanted.is_empty() || wanted.contains(name));
        let mut taken = Output { pieces: Vec::new(), ended: Vec::new(), exit: None };
        let mut room = most;
        let mut left = false;
        for name in OUTPUT {
            let Some(pipe) = pipes.get(name) else { continue };
            while room > 0 {
                let piece = self.take_from_pipe(*pipe, room.min(PIECE));
                if piece.is_empty() {
                    break;
                }
                room -= piece.len();
                taken.pieces.push((name.to_owned(), piece));
            }
            left |= self.pipe_holds(*pipe);
        }
        if !left && exit.is_some() {
            taken.ended = OUTPUT.into_iter().filter(|name| pipes.contains_key(*name)).map(str::to_owned).collect();
            taken.exit = exit;
        }
        Ok((!taken.pieces.is_empty() || taken.exit.is_some()).then_some(taken))
    }

    /// Gives a command input. What it no longer reads is lost.
    pub(crate) fn give_input(&mut self, owner: &str, shell: &str, command: &str, (data, last): (&[u8], bool)) -> Result<(), ShellError> {
        if !self.shell(owner, shell)?.input.iter().any(|name| name == "stdin") {
            return Err(ShellError::NoStream);
        }
        let pipe = self.command(owner, shell, command)?.input;
        self.write(&Sink::Pipe(pipe), data);
        if last {
            self.close_pipe(pipe);
        }
        self.run_readers(pipe);
        self.settle_command(owner, shell, command);
        self.world.touched();
        Ok(())
    }

    /// Ctrl+C or Ctrl+Break: what runs ends, and says so.
    pub(crate) fn interrupt(&mut self, owner: &str, shell: &str, command: &str) -> Result<(), ShellError> {
        let process = self.command(owner, shell, command)?.process;
        self.kill_tree(process, CONTROL_C);
        self.settle_command(owner, shell, command);
        self.world.touched();
        Ok(())
    }

    /// The client is done with a command: it ends, and is forgotten.
    pub(crate) fn terminate(&mut self, owner: &str, shell: &str, command: &str) -> Result<(), ShellError> {
        let found = self.command(owner, shell, command)?.clone();
        self.kill_tree(found.process, CONTROL_C);
        self.reap(found.process);
        found.output.values().chain([&found.input]).for_each(|pipe| self.drop_pipe(*pipe));
        self.shell(owner, shell)?.commands.retain(|known, _| !known.eq_ignore_ascii_case(command));
        self.world.touched();
        Ok(())
    }

    /// The commands of a shell, by id.
    fn commands(&mut self, owner: &str, shell: &str) -> Result<Vec<String>, ShellError> {
        Ok(self.shell(owner, shell)?.commands.keys().cloned().collect())
    }

    /// Ends a shell with all that it has started.
    pub(crate) fn close_shell(&mut self, owner: &str, shell: &str) -> Result<(), ShellError> {
        for command in self.commands(owner, shell)? {
            self.terminate(owner, shell, &command)?;
        }
        let id = self.shell(owner, shell)?.id.clone();
        self.windows_mut().ok_or(ShellError::NoShell)?.activity.shells.0.remove(&id);
        self.world.touched();
        Ok(())
    }

    /// Notes which commands have ended; from then on their shell may be idle.
    fn settle_commands(&mut self) {
        let Some(windows) = self.windows() else { return };
        let at_work = |shell: &Shell| {
            let commands = shell.commands.iter().filter(|(_, command)| command.exit.is_none());
            commands.map(|(id, command)| (shell.owner.clone(), shell.id.clone(), id.clone(), command.process)).collect::<Vec<_>>()
        };
        let at_work: Vec<_> = windows.activity.shells.0.values().flat_map(at_work).collect();
        for (owner, shell, command, process) in at_work {
            if !self.is_running(process) {
                self.settle_command(&owner, &shell, &command);
            }
        }
    }

    /// Shells that nobody has asked for too long end.
    pub(crate) fn end_idle_shells(&mut self) {
        self.settle_commands();
        let now = self.now();
        let Some(windows) = self.windows() else { return };
        let lapsed: Vec<_> = windows
            .activity
            .shells
            .0
            .values()
            .filter(|shell| shell.lapses().is_some_and(|at| at <= now))
            .map(|shell| (shell.owner.clone(), shell.id.clone()))
            .collect();
        for (owner, id) in lapsed {
            // It was there a moment ago.
            let _ = self.close_shell(&owner, &id);
        }
    }
}
