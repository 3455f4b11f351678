//! What shall go wrong, and when: the script of a simulation.
//!
//! An entry waits for a time (`at`), or for the n-th request that matches (`on`), or both; then it acts: on the wire (a slow answer, a
//! cut connection, a fault) or on the world (a service stops, a VM loses power). Guarantees: entries act in the order in which they
//! are written; the same requests at the same times meet the same entries. Written as YAML or JSON, in a file or line by line to the
//! control socket.

mod control;
mod entry;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::world::{Fault, HostName, MachineId};
use crate::yaml;

pub use control::{Command, Deed, Reply, answer};
pub(crate) use entry::AUTHENTICATE;
pub use entry::{Act, Entry, Moment, Request};

/// The JSON Schema of a script: a list of entries.
#[must_use]
pub fn schema() -> schemars::Schema {
    let mut schema = schemars::schema_for!(Vec<Entry>);
    schema.insert("title".to_owned(), "Faults".into());
    schema.insert("description".to_owned(), "What shall go wrong in a simulation, and when: `trunkline simulate --faults FILE`.".into());
    schema
}

/// The most entries that wait at once.
const MAX_ENTRIES: usize = 10_000;

/// Why a script was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// Not in the form of a script.
    #[error("the fault script cannot be read")]
    Read(#[source] crate::yaml::Unreadable),
    /// An entry that never acts, or means two things.
    #[error("entry {number} of the fault script {fault}")]
    Entry {
        /// Counted from 1.
        number: usize,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// An entry that could never happen to this world.
    #[error("entry {number} of the fault script harms the host `{host}`, and the world has {known}")]
    UnknownHost {
        /// Counted from 1.
        number: usize,
        /// The host that it names.
        host: String,
        /// Those that there are.
        known: String,
    },
    /// More entries than are kept.
    #[error("the fault script has more than {MAX_ENTRIES} entries")]
    TooMany,
}

/// A request, as entries look at it.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The machine that is asked.
    pub machine: &'a MachineId,
    /// Its computer name.
    pub computer: &'a str,
    /// `Enumerate`, `Invoke` …
    pub operation: &'a str,
    /// The class of the resource URI, or of the query; empty when there is none.
    pub class: &'a str,
    /// The method that is invoked; empty when none is.
    pub method: &'a str,
}

/// What the script wants done with one request.
#[derive(Debug, Default)]
pub struct Verdict {
    /// How long the answer is held back.
    pub delay: Duration,
    /// What else happens on the wire; the first entry that says something wins.
    pub wire: Option<Act>,
    /// What happens to the world before the request is looked at.
    pub world: Vec<Fault>,
}

/// All entries that still wait, and how often each was met.
#[derive(Debug, Clone, Default)]
pub struct Script {
    waiting: Vec<Waiting>,
    started: Option<Timestamp>,
}

#[derive(Debug, Clone)]
struct Waiting {
    entry: Entry,
    met: u32,
}

impl Waiting {
    /// Counts a request that `is_meant` takes once the entry's time has come; whether the entry acts on this one.
    fn meets(&mut self, (started, now): (Timestamp, Timestamp), is_meant: impl FnOnce(&Request) -> bool) -> bool {
        let Some(on) = &self.entry.on else { return false };
        if self.entry.at.is_some_and(|at| at.after(started) > now) || !is_meant(on) {
            return false;
        }
        self.met = self.met.saturating_add(1);
        self.met >= on.nth
    }

    /// Whether it acts on requests still to come.
    fn goes_on(&self) -> bool {
        match &self.entry.on {
            Some(Request { nth, times: Some(times), .. }) => self.met - nth + 1 < *times,
            _ => true,
        }
    }
}

impl Script {
    /// Reads the text of a script: a list of entries, YAML or JSON.
    ///
    /// # Errors
    /// `ScriptError`; nothing is taken then.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let entries: Vec<Entry> = yaml::read(text).map_err(ScriptError::Read)?;
        let mut script = Self::default();
        for (index, entry) in entries.into_iter().enumerate() {
            script.add(entry).map_err(|error| match error {
                ScriptError::Entry { fault, .. } => ScriptError::Entry { number: index + 1, fault },
                other => other,
            })?;
        }
        Ok(script)
    }

    /// Refuses entries that harm a host which is none of `hosts`. VMs come and go, and are looked for when the time has come.
    ///
    /// # Errors
    /// `UnknownHost`, for the first of them.
    pub(crate) fn check_hosts<'w>(&self, hosts: impl Iterator<Item = &'w HostName>) -> Result<(), ScriptError> {
        let known: BTreeSet<_> = hosts.collect();
        for (index, entry) in self.entries().enumerate() {
            let Act::World(fault) = &entry.act else { continue };
            if !known.contains(fault.host()) {
                let known: Vec<_> = known.iter().map(|host| format!("`{host}`")).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(ScriptError::UnknownHost { number: index + 1, host: fault.host().to_string(), known });
            }
        }
        Ok(())
    }

    /// Adds one entry.
    ///
    /// # Errors
    /// It could never act, or the script is full.
    pub fn add(&mut self, entry: Entry) -> Result<(), ScriptError> {
        if self.waiting.len() >= MAX_ENTRIES {
            return Err(ScriptError::TooMany);
        }
        entry.check().map_err(|fault| ScriptError::Entry { number: 1, fault })?;
        self.waiting.push(Waiting { entry, met: 0 });
        Ok(())
    }

    /// Forgets every entry.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    /// The entries that still wait.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.waiting.iter().map(|waiting| &waiting.entry)
    }

    /// Fixes the instant that `at: 30s` counts from; the first call counts.
    pub fn start(&mut self, now: Timestamp) {
        self.started.get_or_insert(now);
    }

    /// World faults whose time has come by `now`, each with its own instant, earliest first.
    pub fn due(&mut self, now: Timestamp) -> Vec<(Timestamp, Fault)> {
        let started = self.started.unwrap_or(now);
        let mut due = Vec::new();
        self.waiting.retain(|waiting| match (&waiting.entry.act, &waiting.entry.on, waiting.entry.at.map(|at| at.after(started))) {
            (Act::World(fault), None, Some(at)) if at <= now => {
                due.push((at, fault.clone()));
                false
            }
            _ => true,
        });
        due.sort_by_key(|(at, _)| *at);
        due
    }

    /// What to do with a request that has just come in.
    pub fn meet(&mut self, seen: &Seen<'_>, now: Timestamp) -> Verdict {
        let started = self.started.unwrap_or(now);
        let mut verdict = Verdict::default();
        self.waiting.retain_mut(|waiting| {
            let blind = matches!(waiting.entry.act, Act::CutRequest(_));
            if blind || !waiting.meets((started, now), |on| on.matches(seen)) {
                return true;
            }
            match &waiting.entry.act {
                Act::Slow(delay) => verdict.delay += delay.unsigned_abs(),
                Act::World(fault) => verdict.world.push(fault.clone()),
                act => {
                    verdict.wire.get_or_insert_with(|| act.clone());
                }
            }
            waiting.goes_on()
        });
        verdict
    }

    /// After how many bytes of a request, whose first byte has just come, the connection shall end; `None` lets it be read.
    pub fn begin(&mut self, machine: &MachineId, computer: &str, now: Timestamp) -> Option<u32> {
        let started = self.started.unwrap_or(now);
        let mut cut = None;
        self.waiting.retain_mut(|waiting| {
            let Act::CutRequest(bytes) = waiting.entry.act else { return true };
            if !waiting.meets((started, now), |on| on.leads_to(machine, computer)) {
                return true;
            }
            cut.get_or_insert(bytes);
            waiting.goes_on()
        });
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn after(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).expect("in range")
    }

    fn meet(script: &mut Script, now: Timestamp, method: &str) -> Option<Act> {
        let machine = MachineId::Host(HostName::new("hv01"));
        let seen = Seen { machine: &machine, computer: "HV01-PC", operation: "Invoke", class: "Msvm_X", method };
        script.meet(&seen, now).wire
    }

    fn script(text: &str) -> Script {
        let mut script = Script::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        script.start(START);
        script
    }

    #[test]
    fn the_nth_matching_request_is_met_once() {
        let mut script = script("- on: { machine: HV01, method: definesystem, nth: 2 }\n  do: cutBeforeAnswer\n");
        assert_eq!(meet(&mut script, START, "DefineSystem"), None);
        assert_eq!(meet(&mut script, START, "DestroySystem"), None, "another method does not count");
        assert_eq!(meet(&mut script, START, "DefineSystem"), Some(Act::CutBeforeAnswer));
        assert_eq!(meet(&mut script, START, "DefineSystem"), None);
        assert_eq!(script.entries().count(), 0);
    }

    #[test]
    fn an_entry_may_last_for_ever_and_begin_later() {
        let mut script = script("- at: 10s\n  on: { machine: hv01-pc, times: null }\n  do: { fault: 2150858793 }\n");
        assert_eq!(meet(&mut script, after(9), "A"), None);
        for _ in 0..5 {
            assert_eq!(meet(&mut script, after(10), "A"), Some(Act::Fault(2_150_858_793)));
        }
    }

    #[test]
    fn delays_add_up_and_the_first_word_on_the_wire_wins() {
        let mut script =
            script(r#"[{"on":{},"do":{"slow":"2s"}},{"on":{},"do":"drop"},{"on":{},"do":{"slow":"1s"}},{"on":{},"do":{"cutAfter":9}}]"#);
        let machine = MachineId::Host(HostName::new("hv01"));
        let verdict = script.meet(&Seen { machine: &machine, computer: "", operation: "Get", class: "", method: "" }, START);
        assert_eq!((verdict.delay, verdict.wire), (Duration::from_secs(3), Some(Act::Drop)));
    }

    #[test]
    fn a_credentials_file_that_is_taken_for_one_is_not_shown() {
        use std::error::Error as _;
        for text in ["host:\n  user: trunkline\n  password: s3cr3t\n", "s3cr3t\n", "- s3cr3t\n"] {
            let error = Script::parse(text).expect_err(text);
            let said = format!("{error} {} {error:?}", error.source().expect("a cause"));
            assert!(!said.contains("s3cr3t") && said.contains("line "), "{said}");
        }
    }

    #[test]
    fn an_entry_that_can_never_act_is_refused_by_number() {
        for (text, expected) in [
            ("- do: drop\n", "entry 1 of the fault script says neither `at` nor `on`"),
            ("- on: {}\n  do: drop\n- at: 5s\n  do: drop\n", "entry 2 of the fault script acts on the wire and needs `on`"),
            ("- on: { nth: 0 }\n  do: drop\n", "entry 1 of the fault script counts requests from 0; the first is 1"),
            ("- on: {}\n  do: { status: 200 }\n", "entry 1 of the fault script has a status outside 400 to 599"),
            ("- on: { mashine: x }\n  do: drop\n", "the fault script cannot be read"),
            ("- at: soon\n  on: {}\n  do: drop\n", "the fault script cannot be read"),
        ] {
            match Script::parse(text) {
                Err(error) => assert_eq!(error.to_string(), expected, "{text}"),
                Ok(_) => panic!("{text} was taken"),
            }
        }
    }
}
