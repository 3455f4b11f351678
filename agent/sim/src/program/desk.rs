//! One running machine, as whoever works on it from inside sees it: its Windows, its files, its processes, and the world beyond.
//!
//! Guarantees: a process gets on until it must wait; whoever waits for it gets on when it has ended.
//! Deliberately absent: the wire. Shells and WMI come here from outside.

use jiff::Timestamp;

use super::Step;
use super::call::{Call, Input};
use super::cmd;
use super::process::{Body, Process, Setting, Sink, Waits};
use crate::file_tree::FileTree;
use crate::ids::Ids;
use crate::windows::provider::Wish;
use crate::windows::{Segment, Windows};
use crate::world::{MachineId, World};

/// What a process that was killed by Ctrl+C ends with: `STATUS_CONTROL_C_EXIT`.
pub(crate) const CONTROL_C: u32 = 0xC000_013A;

/// How deep processes may start each other at one instant.
const DEPTH: usize = 24;

/// See the module.
#[derive(Debug)]
pub struct Desk<'w> {
    pub(crate) world: &'w mut World,
    pub(crate) machine: MachineId,
    depth: usize,
}

impl<'w> Desk<'w> {
    pub(crate) fn new(world: &'w mut World, machine: MachineId) -> Self {
        Self { world, machine, depth: 0 }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.world.now()
    }

    pub(crate) fn ids(&mut self) -> &mut Ids {
        self.world.ids_mut()
    }

    /// The Windows of this machine; `None` when the machine is gone.
    pub(crate) fn windows(&self) -> Option<&Windows> {
        match &self.machine {
            MachineId::Host(host) => Some(&self.world.host(host)?.windows),
            MachineId::Guest { host, vm } => {
                let host = self.world.host(host)?;
                Some(&host.guest(host.machine(vm)?)?.windows)
            }
        }
    }

    pub(crate) fn windows_mut(&mut self) -> Option<&mut Windows> {
        match &self.machine {
            MachineId::Host(host) => Some(&mut self.world.host_mut(host)?.windows),
            MachineId::Guest { host, vm } => Some(&mut self.world.host_mut(host)?.guest_mut(vm)?.windows),
        }
    }

    /// Its files.
    pub(crate) fn files(&mut self) -> Option<FileTree<'_>> {
        let now = self.world.now();
        match &self.machine {
            MachineId::Host(name) => {
                let host = self.world.host_mut(name)?;
                let volumes = host.volumes.iter().map(|v| (v.letter, host.free_space(v.letter))).collect();
                let open = host.files.keys().filter(|key| host.is_open(key.as_str())).cloned().collect();
                Some(FileTree { files: &mut host.files, folders: &mut host.windows.activity.folders, volumes, open, now })
            }
            MachineId::Guest { host, vm } => {
                let host = self.world.host_mut(host)?;
                let free: u64 = {
                    let machine = host.machine(vm)?;
                    host.hardware_of(machine).disks.iter().map(|disk| disk.free).sum()
                };
                let windows = &mut host.guest_mut(vm)?.windows;
                let volumes = vec![('C', free)];
                Some(FileTree {
                    files: &mut windows.activity.files,
                    folders: &mut windows.activity.folders,
                    volumes,
                    open: Vec::new(),
                    now,
                })
            }
        }
    }

    /// Something that this machine's owner of the hardware carries out.
    pub(crate) fn wish(&mut self, wish: Wish) {
        if wish == Wish::Nothing {
            return;
        }
        match self.machine.clone() {
            // Nobody could switch a simulated host on again, so a shutdown is a restart too.
            MachineId::Host(host) => self.world.restart_host(&host),
            MachineId::Guest { host, vm } => self.world.shut_down_guest(&host, &vm, wish),
        }
    }

    /// Whether this machine reaches what lies outside of all hosts.
    pub(crate) fn reaches_outside(&self) -> bool {
        self.world.segments_of(&self.machine).iter().any(Segment::is_outside)
    }

    /// Starts `line` in a process of its own, which gets on as far as it can; its id. `None` when there is no such program.
    pub(crate) fn start(&mut self, line: &str, setting: Setting, watched: Watched) -> Option<u32> {
        let (name, tail) = split_program(line);
        let (file, start) = super::find(&name)?;
        let id = self.fresh_process_id()?;
        let mut process = Process {
            id,
            name: format!("{file}.exe"),
            command_line: line.to_owned(),
            started: self.now(),
            setting,
            body: None,
            waits: None,
            exit: None,
            watched: watched == Watched::Yes,
        };
        if file == "cmd" {
            process.body = Some(Body::Cmd(Box::new(cmd::Interpreter::of(tail))));
            self.put_back(process);
            self.run(id);
            return Some(id);
        }
        let mut call = Call { desk: self, setting: &mut process.setting, tail: tail.to_owned(), id };
        let step = start(&mut call);
        self.settle(process, step);
        Some(id)
    }

    fn fresh_process_id(&mut self) -> Option<u32> {
        loop {
            let id = self.ids().process_id();
            if !self.windows()?.activity.processes.all.contains_key(&id) {
                return Some(id);
            }
        }
    }

    /// Lets a process get on.
    pub(crate) fn run(&mut self, id: u32) {
        let Some(mut process) = self.windows_mut().and_then(|w| w.activity.processes.all.remove(&id)) else { return };
        if process.exit.is_some() || self.depth >= DEPTH {
            return self.put_back(process);
        }
        process.waits = None;
        self.depth += 1;
        match process.body.take() {
            Some(Body::Cmd(interpreter)) => self.run_cmd(process, interpreter),
            Some(Body::Program(program)) => {
                let mut call = Call { desk: self, setting: &mut process.setting, tail: String::new(), id };
                let step = program.resume(&mut call);
                self.settle(process, step);
            }
            None => self.put_back(process),
        }
        self.depth -= 1;
    }

    fn run_cmd(&mut self, mut process: Process, mut interpreter: Box<cmd::Interpreter>) {
        let mut call = Call { desk: self, setting: &mut process.setting, tail: String::new(), id: process.id };
        match interpreter.get_on(&mut call) {
            cmd::Progress::Done(code) => self.end(process, code),
            cmd::Progress::Waits(waits) => {
                process.body = Some(Body::Cmd(interpreter));
                process.waits = Some(waits);
                self.put_back(process);
            }
        }
    }

    fn settle(&mut self, mut process: Process, step: Option<Step>) {
        match step {
            Some(Step::Done(code)) => self.end(process, code),
            Some(Step::Later(at, program)) => {
                (process.body, process.waits) = (Some(Body::Program(program)), Some(Waits::Until(at)));
                self.put_back(process);
            }
            Some(Step::Reading(program)) => {
                (process.body, process.waits) = (Some(Body::Program(program)), Some(Waits::Input));
                self.put_back(process);
            }
            None => {}
        }
    }

    fn put_back(&mut self, process: Process) {
        if let Some(windows) = self.windows_mut() {
            windows.activity.processes.all.insert(process.id, process);
        }
    }

    /// A process has ended; whoever waits for it gets on.
    fn end(&mut self, mut process: Process, code: u32) {
        let id = process.id;
        (process.exit, process.body, process.waits) = (Some(code), None, None);
        if process.watched {
            self.put_back(process);
        }
        let waits = |p: &&Process| p.waits == Some(Waits::For(id));
        let waiting = self.windows().and_then(|w| w.activity.processes.all.values().find(waits).map(|p| p.id));
        if let Some(waiting) = waiting {
            self.run(waiting);
        }
    }

    /// Ends a process from outside; `false` when there is none.
    pub(crate) fn kill(&mut self, id: u32, code: u32) -> bool {
        let process = self.windows_mut().and_then(|w| w.activity.processes.all.remove(&id));
        match process {
            Some(process) if process.exit.is_none() => {
                self.end(process, code);
                true
            }
            Some(process) => {
                self.put_back(process);
                false
            }
            None => false,
        }
    }

    /// Ends a process with all that it has started, the youngest last, so that nothing new is started meanwhile.
    pub(crate) fn kill_tree(&mut self, root: u32, code: u32) {
        let Some(tree) = self.windows().map(|w| w.activity.processes.tree(root)) else { return };
        for id in tree {
            self.kill(id, code);
        }
    }

    /// How a process ended that was waited for; it is forgotten then.
    pub(crate) fn reap(&mut self, id: u32) -> Option<u32> {
        let processes = &mut self.windows_mut()?.activity.processes;
        let code = processes.all.get(&id)?.exit?;
        processes.all.remove(&id);
        Some(code)
    }

    pub(crate) fn write(&mut self, sink: &Sink, bytes: &[u8]) {
        match sink {
            Sink::Null => {}
            Sink::Pipe(pipe) => {
                if let Some(pipe) = self.windows_mut().and_then(|w| w.activity.processes.pipes.get_mut(pipe)) {
                    pipe.data.extend_from_slice(bytes);
                }
            }
            Sink::File(path) => {
                if let Some(mut files) = self.files() {
                    // A full disk loses what does not fit, as it does for a program that does not look.
                    let _ = files.append(path, bytes);
                }
            }
        }
    }

    pub(crate) fn read_line(&mut self, pipe: u64) -> Input {
        let Some(pipe) = self.windows_mut().and_then(|w| w.activity.processes.pipes.get_mut(&pipe)) else { return Input::End };
        match pipe.data.iter().position(|byte| *byte == b'\n') {
            Some(at) => Input::Line(pipe.data.drain(..=at).collect()),
            None if pipe.closed && pipe.data.is_empty() => Input::End,
            None if pipe.closed => Input::Line(std::mem::take(&mut pipe.data)),
            None => Input::NotYet,
        }
    }

    /// What happens here at the present instant: programs get on, a shutdown that was announced begins, idle shells end.
    pub(crate) fn advance(&mut self) {
        let now = self.now();
        let Some(due) = self.windows().map(|w| w.activity.processes.due(now)) else { return };
        due.into_iter().for_each(|id| self.run(id));
        self.end_idle_shells();
        self.begin_shutdown();
    }

    /// The variables that a user's processes begin with.
    pub(crate) fn environment(&self, user: &str) -> super::process::Environment {
        let mut environment = super::process::Environment::default();
        let name = user.rsplit('\\').next().unwrap_or(user);
        let computer = self.windows().map(|w| w.computer_name.clone()).unwrap_or_default();
        let profile = format!(r"C:\Users\{name}");
        for (variable, value) in [
            ("ALLUSERSPROFILE", r"C:\ProgramData"),
            ("COMPUTERNAME", &computer),
            ("ComSpec", r"C:\Windows\system32\cmd.exe"),
            ("OS", "Windows_NT"),
            ("Path", r"C:\Windows\system32;C:\Windows;C:\Windows\System32\Wbem"),
            ("PATHEXT", ".COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH;.MSC"),
            ("PROCESSOR_ARCHITECTURE", "AMD64"),
            ("ProgramData", r"C:\ProgramData"),
            ("ProgramFiles", r"C:\Program Files"),
            ("PROMPT", "$P$G"),
            ("SystemDrive", "C:"),
            ("SystemRoot", r"C:\Windows"),
            ("TEMP", r"C:\Windows\TEMP"),
            ("TMP", r"C:\Windows\TEMP"),
            ("USERDOMAIN", &computer),
            ("USERNAME", name),
            ("USERPROFILE", &profile),
            ("windir", r"C:\Windows"),
        ] {
            environment.set(variable, value);
        }
        environment
    }

    /// The folder that a user's processes begin in.
    pub(crate) fn home(&mut self, user: &str) -> String {
        let home = format!(r"C:\Users\{}", user.rsplit('\\').next().unwrap_or(user));
        if let Some(mut files) = self.files() {
            // Below a folder that every system has, it can always be made.
            let _ = files.make_folder(&home);
        }
        home
    }
}

/// Whether somebody will ask how a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watched {
    Yes,
    No,
}

/// The program of a command line, and the rest as it stands.
pub(crate) fn split_program(line: &str) -> (String, &str) {
    let line = line.trim_start();
    if let Some(rest) = line.strip_prefix('"') {
        let (name, tail) = rest.split_once('"').unwrap_or((rest, ""));
        return (name.to_owned(), tail);
    }
    let end = line.find([' ', '\t']).unwrap_or(line.len());
    // `cmd/c` is a program and its switch.
    let end = line[..end].find('/').filter(|at| *at > 0).unwrap_or(end);
    (line[..end].to_owned(), &line[end..])
}
