//! Events of the classic logs: `Application`, `System`, and those that products bring.
//!
//! Guarantees: what is read is bounded by record numbers, never by hope. Deliberately absent: the newer channels, which WMI does not
//! show, and waiting for events, which is a subscription's.

use jiff::Timestamp;
use wsman::cim::CimInstance;

use super::{Windows, WindowsError};
use crate::classes;
use crate::row::{Malformed, Row};
use crate::wql::Query;

/// The most events that are read at once.
pub const MOST: u64 = 500;

/// How grave an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// 1.
    Error,
    /// 2.
    Warning,
    /// 3, and audits (4, 5).
    Information,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number in its log; later ones have greater numbers, until the log is cleared.
    pub record: u64,
    /// What people look up, `25003`.
    pub code: u64,
    /// Who wrote it.
    pub source: String,
    /// How grave it is.
    pub severity: Severity,
    /// When it happened.
    pub at: Timestamp,
    /// Its text; empty where the source's texts are not installed.
    pub message: String,
}

impl Windows {
    /// The events of `log` right after the record `after`, at most [`MOST`] records further, oldest first.
    ///
    /// # Errors
    /// `Talk`.
    pub async fn events_after(&self, log: &str, after: u64) -> Result<Vec<Event>, WindowsError> {
        let query = Query::windows(classes::LOG_EVENT).equal("Logfile", log).within("RecordNumber", (after, after.saturating_add(MOST)));
        self.events(&query).await
    }

    /// The events of `log` from `from` on and before `to`, oldest first.
    ///
    /// # Errors
    /// `Talk`; `TooMany` when there are more than [`MOST`].
    pub async fn events_between(&self, log: &str, from: Timestamp, to: Timestamp) -> Result<Vec<Event>, WindowsError> {
        let query = Query::windows(classes::LOG_EVENT).equal("Logfile", log).between("TimeWritten", (from, to));
        let events = self.events(&query).await?;
        let most = usize::try_from(MOST).unwrap_or(usize::MAX);
        if events.len() > most { Err(WindowsError::TooMany { what: format!("the log `{log}`"), most }) } else { Ok(events) }
    }

    async fn events(&self, query: &Query) -> Result<Vec<Event>, WindowsError> {
        let rows = self.peer().select(query).await?;
        let mut events: Vec<Event> = self.peer().read(classes::LOG_EVENT, rows.iter().map(event).collect())?;
        events.sort_by_key(|event| event.record);
        Ok(events)
    }
}

fn event(row: &CimInstance) -> Result<Event, Malformed> {
    Ok(Event {
        record: row.number("RecordNumber")?,
        code: row.number("EventCode")?,
        source: row.need("SourceName")?.to_owned(),
        severity: match row.unsigned("EventType")? {
            Some(1) => Severity::Error,
            Some(2) => Severity::Warning,
            _ => Severity::Information,
        },
        at: row.instant("TimeWritten")?,
        message: row.text("Message")?.unwrap_or_default().trim_end().to_owned(),
    })
}
