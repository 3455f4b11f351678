//! The processes of one running system, and the pipes between them.
//!
//! Guarantees: a process that nobody waits for is gone when it has ended; with the system all of them are gone.
//! Deliberately absent: how a process gets on; that is its program's matter.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Program;
use super::cmd::Interpreter;

/// Where a process reads from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Source {
    /// Nothing.
    Null,
    /// A pipe.
    Pipe(u64),
    /// The bytes of a file, which was read when it was opened.
    Bytes(Vec<u8>),
}

/// Where a process writes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Sink {
    /// Nowhere.
    Null,
    /// A pipe.
    Pipe(u64),
    /// The end of a file.
    File(String),
}

/// The three streams of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Streams {
    pub(crate) input: Source,
    pub(crate) output: Sink,
    pub(crate) errors: Sink,
}

impl Streams {
    /// Of a process without a console.
    pub(crate) const NONE: Self = Self { input: Source::Null, output: Sink::Null, errors: Sink::Null };
}

/// What a process waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Waits {
    /// An instant.
    Until(Timestamp),
    /// Another process.
    For(u32),
    /// Input.
    Input,
}

/// What runs in a process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Body {
    /// The command interpreter.
    Cmd(Box<Interpreter>),
    /// A program that is under way.
    Program(Program),
}

/// The environment's variables, by their names in upper case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Environment(BTreeMap<String, (String, String)>);

impl Environment {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_uppercase()).map(|(_, value)| value.as_str())
    }

    /// Sets a variable, or removes it when `value` is empty.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            self.0.remove(&name.to_uppercase());
        } else {
            self.0.insert(name.to_uppercase(), (name.to_owned(), value.to_owned()));
        }
    }

    /// Every variable, in the order of their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.values().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// How bytes and text become each other in a console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum CodePage {
    /// 65001.
    Utf8,
    /// Any other: what is not ASCII is shown as `?`.
    Ascii,
}

impl CodePage {
    pub(crate) fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Ascii => text.chars().map(|c| if c.is_ascii() { u8::try_from(c).unwrap_or(b'?') } else { b'?' }).collect(),
        }
    }
}

/// Where and how a process begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Setting {
    pub(crate) directory: String,
    pub(crate) environment: Environment,
    pub(crate) streams: Streams,
    pub(crate) code_page: CodePage,
    pub(crate) user: String,
    /// Who started it; 0 is nobody here.
    pub(crate) parent: u32,
}

/// One process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) command_line: String,
    pub(crate) started: Timestamp,
    pub(crate) setting: Setting,
    pub(crate) body: Option<Body>,
    pub(crate) waits: Option<Waits>,
    /// How it ended, for whoever waits for it.
    pub(crate) exit: Option<u32>,
    /// Whether somebody waits for its end.
    pub(crate) watched: bool,
}

/// A pipe between processes, or between one and a shell's client.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pipe {
    pub(crate) data: Vec<u8>,
    /// Whether nothing will follow.
    pub(crate) closed: bool,
}

/// Every process of a system.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Processes {
    pub(crate) all: BTreeMap<u32, Process>,
    pub(crate) pipes: BTreeMap<u64, Pipe>,
    next_pipe: u64,
}

impl Processes {
    /// A new pipe.
    pub(crate) fn pipe(&mut self) -> u64 {
        self.next_pipe += 1;
        self.pipes.insert(self.next_pipe, Pipe::default());
        self.next_pipe
    }

    /// Those that run.
    pub(crate) fn running(&self) -> impl Iterator<Item = &Process> {
        self.all.values().filter(|process| process.exit.is_none())
    }

    /// When one of them gets on by itself.
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        self.all.values().filter_map(|process| if let Some(Waits::Until(at)) = process.waits { Some(at) } else { None }).min()
    }

    /// Those that get on at `now`.
    pub(crate) fn due(&self, now: Timestamp) -> Vec<u32> {
        let due = |process: &&Process| matches!(process.waits, Some(Waits::Until(at)) if at <= now);
        self.all.values().filter(due).map(|process| process.id).collect()
    }

    /// The process and all that it, or one of those, has started.
    pub(crate) fn tree(&self, root: u32) -> Vec<u32> {
        let mut tree = vec![root];
        let mut at = 0;
        while let Some(parent) = tree.get(at).copied() {
            tree.extend(self.all.values().filter(|p| p.setting.parent == parent && p.id != parent).map(|p| p.id));
            at += 1;
        }
        tree
    }
}
