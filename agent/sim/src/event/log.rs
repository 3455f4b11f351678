//! The event logs of one Windows, and who writes into them.
//!
//! Guarantees: record numbers grow by one in each log and are never given again; a log keeps its newest records.
//! Deliberately absent: the hundreds of sources that say nothing of what is simulated.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How many records a log keeps.
const KEPT: usize = 4096;

/// The levels that records have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Level {
    Critical,
    Error,
    Warning,
    Information,
}

impl Level {
    /// As events count it.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Critical => 1,
            Self::Error => 2,
            Self::Warning => 3,
            Self::Information => 4,
        }
    }

    /// As people read it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Critical => "Critical",
            Self::Error => "Error",
            Self::Warning => "Warning",
            Self::Information => "Information",
        }
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The log that it stands in: `System`, `Application`, or a channel's whole name.
    pub(crate) log: String,
    /// Who wrote it.
    pub(crate) provider: String,
    pub(crate) id: u32,
    pub(crate) level: Level,
    /// What is put into the message, in its order.
    pub(crate) data: Vec<(String, String)>,
    pub(crate) message: String,
    /// Set when it is written.
    pub(crate) number: u64,
    /// Set when it is written.
    pub(crate) at: Timestamp,
}

impl Record {
    pub(crate) fn new(level: Level, log: &str, provider: &str, id: u32, message: impl Into<String>) -> Self {
        Self {
            log: log.to_owned(),
            provider: provider.to_owned(),
            id,
            level,
            data: Vec::new(),
            message: message.into(),
            number: 0,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    pub(crate) fn information(log: &str, provider: &str, id: u32, message: impl Into<String>) -> Self {
        Self::new(Level::Information, log, provider, id, message)
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.data.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// Every log of one Windows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct EventLog {
    records: BTreeMap<String, VecDeque<Record>>,
    next: BTreeMap<String, u64>,
    /// What was last seen of each service and machine: their changes are what is written.
    seen: BTreeMap<String, String>,
}

impl EventLog {
    /// Writes a record at `at`.
    pub(crate) fn write(&mut self, at: Timestamp, record: Record) {
        let next = self.next.entry(record.log.clone()).or_insert(1);
        let log = self.records.entry(record.log.clone()).or_default();
        if log.len() == KEPT {
            log.pop_front();
        }
        log.push_back(Record { number: *next, at, ..record });
        *next += 1;
    }

    /// The records of `log`, the oldest first.
    pub(crate) fn of<'a>(&'a self, log: &str) -> impl Iterator<Item = &'a Record> + use<'a> {
        let log = log.to_owned();
        self.records.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(&log)).flat_map(|(_, records)| records)
    }

    /// Every record, log by log.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Record> {
        self.records.values().flatten()
    }

    /// The number of the newest record of `log`; 0 where there is none.
    pub(crate) fn newest(&self, log: &str) -> u64 {
        self.of(log).last().map_or(0, |record| record.number)
    }

    /// Every log that there is.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        ["System", "Application"]
            .into_iter()
            .chain(self.records.keys().map(String::as_str).filter(|name| !matches!(*name, "System" | "Application")))
    }

    /// Remembers that `what` is `state` now; whether it was something else before, and is not seen for the first time.
    pub(crate) fn turned(&mut self, what: &str, state: &str) -> bool {
        match self.seen.get_mut(what) {
            Some(before) if before == state => false,
            Some(before) => {
                state.clone_into(before);
                true
            }
            None => {
                self.seen.insert(what.to_owned(), state.to_owned());
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_grow_in_each_log_and_old_records_go() {
        let mut log = EventLog::default();
        for _ in 0..KEPT + 2 {
            log.write(Timestamp::UNIX_EPOCH, Record::information("System", "EventLog", 6005, "x"));
        }
        log.write(Timestamp::UNIX_EPOCH, Record::information("Application", "MsiInstaller", 1033, "x"));
        assert_eq!((log.of("system").count(), log.newest("System"), log.newest("Application")), (KEPT, 4098, 1));
        assert_eq!(log.of("System").next().map(|record| record.number), Some(3));
    }

    #[test]
    fn only_a_change_is_news() {
        let mut log = EventLog::default();
        assert_eq!([log.turned("a", "on"), log.turned("a", "on"), log.turned("a", "off")], [false, false, true]);
    }
}
