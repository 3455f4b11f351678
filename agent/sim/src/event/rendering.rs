//! How a record of an event log stands in an envelope.

use wsman::envelope::Markup;
use wsman::xml::Writer;

use super::log::Record;

/// The namespace of events.
const EVENT: &str = "http://schemas.microsoft.com/win/2004/08/events/event";

/// How much a client wants of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentFormat {
    /// What it holds.
    Raw,
    /// And its message in words.
    RenderedText,
}

/// The `Event` element of `record`, written on `computer`.
pub(crate) fn event(record: &Record, computer: &str, format: ContentFormat) -> Markup {
    let mut writer = Writer::new();
    writer.open("System");
    writer.empty("Provider", &[("Name", &record.provider)]);
    writer.leaf_with("EventID", &[("Qualifiers", "0")], &record.id.to_string());
    writer.leaf("Level", &record.level.number().to_string());
    writer.leaf("Task", "0");
    writer.leaf("Keywords", "0x80000000000000");
    writer.empty("TimeCreated", &[("SystemTime", &format!("{:.9}", record.at))]);
    writer.leaf("EventRecordID", &record.number.to_string());
    writer.leaf("Channel", &record.log);
    writer.leaf("Computer", computer);
    writer.empty("Security", &[]);
    writer.close("System");
    writer.open("EventData");
    record.data.iter().for_each(|(name, value)| writer.leaf_with("Data", &[("Name", name)], value));
    writer.close("EventData");
    if format == ContentFormat::RenderedText {
        writer.open_with("RenderingInfo", &[("Culture", "en-US")]);
        writer.leaf("Message", &record.message);
        writer.leaf("Level", record.level.name());
        for name in ["Task", "Opcode", "Channel", "Provider"] {
            writer.empty(name, &[]);
        }
        writer.open("Keywords");
        writer.leaf("Keyword", "Classic");
        writer.close("Keywords");
        writer.close("RenderingInfo");
    }
    Markup { namespace: EVENT.to_owned(), name: "Event".to_owned(), inner: writer.finish(), prefixes: vec![] }
}
