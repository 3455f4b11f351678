//! `cmd.exe`: reads a command line, runs its commands one after the other, and waits for those that take time.
//!
//! Guarantees: variables are put in once, before the line is taken apart, and once more by `call`; a command that is none of its own and
//! no program that is simulated is not recognised, with 1 for `&&` and the exit code, and 9009 for `%errorlevel%`.
//! Deliberately absent: batch files, `for`, labels, arithmetic, delayed expansion, the keyboard.

mod builtin;
mod expand;
mod files;
mod listing;
mod node;
mod parse;

use serde::{Deserialize, Serialize};

use super::call::{Call, Input};
use super::desk::Watched;
use super::process::{Setting, Sink, Source, Streams, Waits};
use super::{Step, desk};
use crate::file_tree::Found;
use builtin::Verdict;
use node::{Condition, Node, Redirection, Target, Test};

/// What `%errorlevel%` is after a command that nobody knows.
const NOT_RECOGNIZED: u32 = 9009;

/// How far the interpreter has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Done(u32),
    Waits(Waits),
}

/// What is still to be done, the next last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Frame {
    Run(Node),
    IfWell(Node),
    IfNot(Node),
    /// The right side of a pipe, which reads what the left has written.
    PipeInto {
        node: Node,
        pipe: u64,
        streams: Streams,
    },
    Restore(Streams),
    /// A variable that waits for its line.
    Ask(String),
    /// A line of the console is done.
    Prompt,
}

/// One `cmd.exe`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Interpreter {
    /// The line of `/c`, until it is begun.
    line: Option<String>,
    /// Whether it reads lines from its input.
    console: Console,
    frames: Vec<Frame>,
    child: Option<u32>,
    /// What the last command gave back, for `&&` and the exit code.
    last: u32,
    error_level: u32,
}

/// Whether an interpreter goes on with its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Console {
    /// It ends with its line.
    No,
    /// It has yet to greet.
    Silent,
    /// It has shown its prompt.
    Prompted,
}

/// `cmd` inside of `cmd` is a process of its own, which the desk starts.
pub(crate) fn start_nested(call: &mut Call<'_, '_>) -> Option<Step> {
    call.fail("The system cannot execute the specified program.", 1)
}

impl Interpreter {
    /// With the switches that stand in `tail`.
    pub(crate) fn of(tail: &str) -> Self {
        let new = |line, console| Self { line, console, frames: Vec::new(), child: None, last: 0, error_level: 0 };
        let (mut rest, mut strips) = (tail, false);
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',', ';', '=']);
            let Some(switch) = rest.strip_prefix('/') else { return new(None, Console::Silent) };
            let letter = switch.chars().next().unwrap_or(' ').to_ascii_lowercase();
            let behind = switch.get(letter.len_utf8()..).unwrap_or_default();
            match letter {
                'c' | 'r' => return new(Some(unquoted(behind, strips)), Console::No),
                'k' => return new(Some(unquoted(behind, strips)), Console::Silent),
                's' => strips = true,
                _ => {}
            }
            // `/v:off` and its kind.
            let end = behind.find([' ', '\t', '/', ',', ';', '=']).filter(|_| behind.starts_with(':')).unwrap_or(0);
            rest = behind.get(end..).unwrap_or_default();
        }
    }

    /// Runs until it has ended or must wait.
    pub(crate) fn get_on(&mut self, call: &mut Call<'_, '_>) -> Progress {
        if let Some(line) = self.line.take() {
            self.begin(&line, call);
        }
        loop {
            if let Some(child) = self.child {
                match call.desk.reap(child) {
                    Some(code) => self.ends(code),
                    None if call.desk.is_running(child) => return Progress::Waits(Waits::For(child)),
                    None => self.ends(1),
                }
                self.child = None;
            }
            let Some(frame) = self.frames.pop() else {
                if self.console == Console::No {
                    return Progress::Done(self.last);
                }
                match self.converse(call) {
                    Some(progress) => return progress,
                    None => continue,
                }
            };
            if let Some(progress) = self.step(frame, call) {
                return progress;
            }
        }
    }

    /// Puts variables into `line` and takes it apart.
    fn begin(&mut self, line: &str, call: &mut Call<'_, '_>) {
        let line = expand::expand(line, |name| self.variable(name, call));
        match parse::parse(&line) {
            Ok(node) => self.frames.push(Frame::Run(node)),
            Err(error) => {
                call.complain(&error.to_string());
                self.ends(1);
            }
        }
    }

    fn variable(&self, name: &str, call: &Call<'_, '_>) -> Option<String> {
        if let Some(value) = call.setting.environment.get(name) {
            return Some(value.to_owned());
        }
        let local = call.now().to_zoned(jiff::tz::TimeZone::UTC);
        match name.to_ascii_uppercase().as_str() {
            "ERRORLEVEL" => Some(self.error_level.cast_signed().to_string()),
            "CD" => Some(call.setting.directory.clone()),
            "DATE" => Some(local.strftime("%a %m/%d/%Y").to_string()),
            "TIME" => Some(local.strftime("%H:%M:%S.00").to_string()),
            _ => None,
        }
    }

    fn ends(&mut self, code: u32) {
        (self.last, self.error_level) = (code, code);
    }

    /// The next line of the input, with a prompt before it.
    fn converse(&mut self, call: &mut Call<'_, '_>) -> Option<Progress> {
        let prompt = format!("\r\n{}>", call.setting.directory);
        if self.console == Console::Silent {
            let version = call.windows().map(|w| w.version.clone()).unwrap_or_default();
            call.print(&format!("Microsoft Windows [Version {version}]\r\n(c) Microsoft Corporation. All rights reserved.\r\n{prompt}"));
            self.console = Console::Prompted;
        }
        match call.read_line() {
            Input::NotYet => Some(Progress::Waits(Waits::Input)),
            Input::End => Some(Progress::Done(self.last)),
            Input::Line(line) => {
                let line = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
                call.say(&line);
                self.frames.push(Frame::Prompt);
                self.begin(&line, call);
                None
            }
        }
    }

    fn step(&mut self, frame: Frame, call: &mut Call<'_, '_>) -> Option<Progress> {
        match frame {
            Frame::Run(node) => return self.run(node, call),
            Frame::IfWell(node) if self.last == 0 => self.frames.push(Frame::Run(node)),
            Frame::IfNot(node) if self.last != 0 => self.frames.push(Frame::Run(node)),
            Frame::IfWell(_) | Frame::IfNot(_) => {}
            Frame::Restore(streams) => call.setting.streams = streams,
            Frame::Prompt => call.print(&format!("\r\n{}>", call.setting.directory)),
            Frame::PipeInto { node, pipe, streams } => {
                call.desk.close_pipe(pipe);
                call.setting.streams = Streams { input: Source::Pipe(pipe), ..streams.clone() };
                self.frames.push(Frame::Restore(streams));
                self.frames.push(Frame::Run(node));
            }
            Frame::Ask(name) => match call.read_line() {
                Input::NotYet => {
                    self.frames.push(Frame::Ask(name));
                    return Some(Progress::Waits(Waits::Input));
                }
                Input::End => self.ends(1),
                Input::Line(line) => {
                    call.setting.environment.set(&name, String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']));
                    self.last = 0;
                }
            },
        }
        None
    }

    fn run(&mut self, node: Node, call: &mut Call<'_, '_>) -> Option<Progress> {
        match node {
            Node::Empty => {}
            Node::Simple { text, redirections } => return self.simple(&text, &redirections, call),
            Node::Group { inner, redirections } => {
                let streams = call.setting.streams.clone();
                if self.redirect(&redirections, call) {
                    self.frames.push(Frame::Restore(streams));
                    self.frames.push(Frame::Run(*inner));
                } else {
                    call.setting.streams = streams;
                }
            }
            Node::Both(left, right) => self.frames.extend([Frame::Run(*right), Frame::Run(*left)]),
            Node::And(left, right) => self.frames.extend([Frame::IfWell(*right), Frame::Run(*left)]),
            Node::Or(left, right) => self.frames.extend([Frame::IfNot(*right), Frame::Run(*left)]),
            Node::Pipe(left, right) => {
                let Some(pipe) = call.desk.open_pipe() else { return Some(Progress::Done(1)) };
                let streams = call.setting.streams.clone();
                call.setting.streams.output = Sink::Pipe(pipe);
                self.frames.extend([Frame::PipeInto { node: *right, pipe, streams }, Frame::Run(*left)]);
            }
            Node::If { condition, then, otherwise } => {
                if self.holds(&condition, call) {
                    self.frames.push(Frame::Run(*then));
                } else {
                    self.frames.extend(otherwise.map(|node| Frame::Run(*node)));
                }
            }
        }
        None
    }

    fn holds(&self, condition: &Condition, call: &mut Call<'_, '_>) -> bool {
        let fold = |text: &str| if condition.any_case { text.to_lowercase() } else { text.to_owned() };
        let truth = match &condition.test {
            Test::Exist(path) => files::exists(path, call),
            Test::Defined(name) => self.variable(name, call).is_some(),
            Test::ErrorLevel(least) => self.error_level.cast_signed() >= *least,
            Test::Compare(left, operator, right) => {
                let (left, right) = (fold(left), fold(right));
                let order = match (left.parse::<i32>(), right.parse::<i32>()) {
                    (Ok(left), Ok(right)) if operator != "==" => left.cmp(&right),
                    _ => left.cmp(&right),
                };
                match operator.as_str() {
                    "NEQ" => order.is_ne(),
                    "LSS" => order.is_lt(),
                    "LEQ" => order.is_le(),
                    "GTR" => order.is_gt(),
                    "GEQ" => order.is_ge(),
                    _ => order.is_eq(),
                }
            }
        };
        truth != condition.negated
    }

    fn simple(&mut self, text: &str, redirections: &[Redirection], call: &mut Call<'_, '_>) -> Option<Progress> {
        let text = text.trim_start_matches([' ', '\t', ',', ';', '=']);
        let streams = call.setting.streams.clone();
        if !self.redirect(redirections, call) {
            call.setting.streams = streams;
            return None;
        }
        if text.is_empty() {
            call.setting.streams = streams;
            return None;
        }
        let verdict = match builtin::find(text) {
            Some((builtin, tail)) => builtin::run(builtin, tail, self.error_level, call),
            None => self.start(text, call),
        };
        // A variable that waits for its line, and a line that `call` runs, keep the streams until they are done.
        let held = matches!(verdict, Verdict::Ask(_) | Verdict::Again(_));
        if held {
            self.frames.push(Frame::Restore(streams));
        } else {
            call.setting.streams = streams;
        }
        match verdict {
            Verdict::Well => self.last = 0,
            Verdict::Ends(code) => self.ends(code),
            Verdict::Unknown => (self.last, self.error_level) = (1, NOT_RECOGNIZED),
            Verdict::Started(child) => self.child = Some(child),
            Verdict::Ask(name) => self.frames.push(Frame::Ask(name)),
            Verdict::Again(line) => self.begin(&line, call),
            Verdict::Exit(code) => return Some(Progress::Done(code.unwrap_or(self.error_level))),
        }
        None
    }

    /// Starts a program, or says that there is none.
    fn start(&self, text: &str, call: &mut Call<'_, '_>) -> Verdict {
        let (name, _) = desk::split_program(text);
        let setting = Setting { parent: call.id, ..call.setting.clone() };
        if let Some(child) = call.desk.start(text, setting, Watched::Yes) {
            return Verdict::Started(child);
        }
        let path = call.path(&name);
        let found = call.files().map(|files| (files.find(&path), files.find(crate::file_tree::parent(&path))));
        match found {
            Some((Found::File, _)) => {
                call.complain("The system cannot execute the specified program.");
                Verdict::Ends(1)
            }
            Some((_, Found::Nothing)) if name.contains(['\\', ':']) => {
                call.complain("The system cannot find the path specified.");
                Verdict::Ends(1)
            }
            _ => {
                call.complain(&format!(
                    "'{name}' is not recognized as an internal or external command,\r\noperable program or batch file."
                ));
                Verdict::Unknown
            }
        }
    }

    /// Leads the streams; `false` when a file cannot be opened, which is said.
    fn redirect(&mut self, redirections: &[Redirection], call: &mut Call<'_, '_>) -> bool {
        for redirection in redirections {
            if let Err(words) = lead(redirection, call) {
                call.complain(&words);
                self.ends(1);
                return false;
            }
        }
        true
    }
}

fn lead(redirection: &Redirection, call: &mut Call<'_, '_>) -> Result<(), String> {
    let is_nul = |name: &str| name.trim_matches('"').trim_end_matches(':').eq_ignore_ascii_case("nul");
    let sink = match &redirection.to {
        Target::Same(1) => call.setting.streams.output.clone(),
        Target::Same(2) => call.setting.streams.errors.clone(),
        Target::Same(_) => return Err("The handle could not be duplicated\r\nduring redirection of handle 1.".to_owned()),
        Target::Read(name) if is_nul(name) => {
            call.setting.streams.input = Source::Null;
            return Ok(());
        }
        Target::Read(name) => {
            let path = call.path(name);
            let bytes = call.files().ok_or_else(String::new)?.read(&path).map_err(|error| error.to_string())?;
            call.setting.streams.input = Source::Bytes(bytes);
            return Ok(());
        }
        Target::Write(name) | Target::Append(name) if is_nul(name) => Sink::Null,
        Target::Write(name) => {
            let path = call.path(name);
            call.files().ok_or_else(String::new)?.write_bytes(&path, Vec::new()).map_err(|error| error.to_string())?;
            Sink::File(path)
        }
        Target::Append(name) => {
            let path = call.path(name);
            call.files().ok_or_else(String::new)?.append(&path, &[]).map_err(|error| error.to_string())?;
            Sink::File(path)
        }
    };
    match redirection.stream {
        1 => call.setting.streams.output = sink,
        2 => call.setting.streams.errors = sink,
        // Programs here have no further streams to write to.
        _ => {}
    }
    Ok(())
}

/// What is left of the line behind `/c` when its outer quotes are gone, as `cmd /?` says it.
fn unquoted(behind: &str, strips: bool) -> String {
    let text = behind.trim_start();
    let Some(inside) = text.strip_prefix('"') else { return behind.to_owned() };
    let special = text.contains(['&', '<', '>', '(', ')', '@', '^', '|']);
    let named =
        inside.split_once('"').filter(|(name, rest)| !rest.contains('"') && name.contains([' ', '\t']) && super::find(name).is_some());
    if !strips && !special && named.is_some() {
        return text.to_owned();
    }
    match inside.rsplit_once('"') {
        Some((before, after)) => format!("{before}{after}"),
        None => inside.to_owned(),
    }
}
