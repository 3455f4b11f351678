//! Commands to a running simulation: one JSON object a line, one JSON object back.
//!
//! ```text
//! {"entry": {"on": {"operation": "Invoke", "method": "DefineSystem"}, "do": "cutBeforeAnswer"}}
//! {"world": {…}}        a fault at once
//! {"list": {}}          the entries that wait
//! {"clear": {}}         forgets them
//! {"status": {}}        the time, and how many requests each machine has had
//! {"mutations": {}}     every request that changed something, in the order in which they came
//! ```
//!
//! A command that says nothing further may be its name alone: `"status"`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Entry;
use crate::network::{Mutation, Simulator};
use crate::world::Fault;

/// A command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Command {
    /// Adds an entry to the script.
    Entry(Entry),
    /// Does something to the world at once.
    World(Fault),
    /// Asks for the entries that wait.
    List {},
    /// Forgets them.
    Clear {},
    /// Asks for the time and the counters.
    Status {},
    /// Asks what has changed machines.
    Mutations {},
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Reply {
    /// It is done.
    Done {},
    /// It was refused.
    Refused {
        /// Why, for a person.
        reason: String,
    },
    /// The entries that wait.
    Entries(Vec<Entry>),
    /// The time and the counters.
    Status {
        /// The simulation's present instant.
        now: Timestamp,
        /// Requests by machine.
        requests: BTreeMap<String, u64>,
    },
    /// What has changed machines, oldest first.
    Mutations(Vec<Deed>),
}

/// A request that changed something. What was sent with it is left out: that may be a password.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deed {
    /// When.
    pub at: Timestamp,
    /// On which machine.
    pub machine: String,
    /// The method; for what is not an invocation, the operation.
    pub what: String,
    /// The instance or class.
    pub target: String,
    /// The HTTP status of the answer: 200 when the machine did it.
    pub status: u16,
}

impl From<Mutation> for Deed {
    fn from(mutation: Mutation) -> Self {
        let Mutation { at, machine, operation, target, method, input: _, status } = mutation;
        Self { at, machine: machine.to_string(), what: if method.is_empty() { operation } else { method }, target, status }
    }
}

/// Carries out one line and gives the line that answers it.
#[must_use]
pub fn answer(simulator: &Simulator, line: &str) -> String {
    let reply = match read(line) {
        Ok(command) => carry_out(simulator, command),
        Err(error) => Reply::Refused { reason: format!("not a command: {error}") },
    };
    // Every reply can be written: it holds text, numbers and lists only.
    serde_json::to_string(&reply).unwrap_or_else(|error| format!(r#"{{"refused":{{"reason":"{error}"}}}}"#))
}

fn read(line: &str) -> Result<Command, serde_json::Error> {
    match serde_json::from_str(line) {
        Ok(Value::String(name)) => serde_json::from_value(json!({ name: {} })),
        // From the text and not from the value: what is wrong with it has a place there.
        _ => serde_json::from_str(line),
    }
}

fn carry_out(simulator: &Simulator, command: Command) -> Reply {
    let done = |result: Result<(), String>| match result {
        Ok(()) => Reply::Done {},
        Err(reason) => Reply::Refused { reason },
    };
    match command {
        Command::Entry(entry) => done(simulator.add(entry).map_err(|error| error.to_string())),
        Command::World(fault) => done(simulator.apply(fault).map_err(|error| error.to_string())),
        Command::List {} => Reply::Entries(simulator.script()),
        Command::Clear {} => {
            simulator.clear_script();
            Reply::Done {}
        }
        Command::Mutations {} => Reply::Mutations(simulator.mutations().into_iter().map(Deed::from).collect()),
        Command::Status {} => {
            let mut requests = BTreeMap::new();
            for (machine, _, count) in simulator.exchanges() {
                *requests.entry(machine.to_string()).or_default() += count;
            }
            Reply::Status { now: simulator.now(), requests }
        }
    }
}
