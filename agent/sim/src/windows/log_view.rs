//! The classic logs as WMI shows them: `Win32_NTLogEvent`.
//!
//! Deliberately absent: the newer channels, which this class does not show on Windows either.

use wsman::cim::{CimInstance, CimValue, Namespace};

use super::system::instant;
use crate::event::log::{EventLog, Level, Record};
use crate::machine::Object;

/// Every record, newest first, as Windows gives them.
pub(crate) fn objects(log: &EventLog, computer: &str) -> Vec<Object> {
    let classic = log.all().filter(|record| !record.log.contains('/'));
    let mut all: Vec<&Record> = classic.collect();
    all.sort_by(|a, b| (&a.log, std::cmp::Reverse(a.number)).cmp(&(&b.log, std::cmp::Reverse(b.number))));
    all.into_iter().map(|record| Object::keyed(&Namespace::CIMV2, view(record, computer), &["Logfile", "RecordNumber"])).collect()
}

fn view(record: &Record, computer: &str) -> CimInstance {
    // 1 is error, 2 warning, 3 information; there is none for what is critical.
    let (kind, name) = match record.level {
        Level::Critical | Level::Error => (1u8, "Error"),
        Level::Warning => (2u8, "Warning"),
        Level::Information => (3u8, "Information"),
    };
    let strings: Vec<&str> = record.data.iter().map(|(_, text)| text.as_str()).collect();
    CimInstance::new("Win32_NTLogEvent")
        .with("Logfile", record.log.as_str())
        .with("RecordNumber", record.number)
        .with("EventCode", u64::from(record.id & 0xffff))
        .with("EventIdentifier", record.id)
        .with("SourceName", record.provider.as_str())
        .with("EventType", kind)
        .with("Type", name)
        .with("Category", 0u16)
        .with("ComputerName", computer)
        .with("Message", record.message.as_str())
        .with("InsertionStrings", if strings.is_empty() { CimValue::Null } else { strings.into() })
        .with("TimeGenerated", instant(record.at))
        .with("TimeWritten", instant(record.at))
}
