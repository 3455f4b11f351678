//! One entry of an event log.
//!
//! Guarantees: what the entry says of itself is kept as it stands; what is missing is `None` or empty. Deliberately absent: what it means.

use crate::envelope::Markup;
use crate::xml::{Limits, Reader, XmlError};

/// An entry of an event log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogEvent {
    /// Who wrote it.
    pub provider: String,
    /// Which kind of entry of that provider.
    pub id: u32,
    /// 1 critical, 2 error, 3 warning, 4 information, 5 verbose; 0 where the entry has none.
    pub level: u8,
    /// The log.
    pub channel: String,
    /// Its number in the log.
    pub record: u64,
    /// The machine.
    pub computer: String,
    /// When, as the host writes it.
    pub time: Option<jiff::Timestamp>,
    /// Its data, in order.
    pub data: Vec<String>,
    /// Its message in words, where the host renders it.
    pub message: Option<String>,
}

impl LogEvent {
    /// Reads an `Event` element.
    pub(super) fn read(markup: &Markup) -> Result<Self, XmlError> {
        if markup.name != "Event" {
            return Err(XmlError::meaningless("an event", &markup.name));
        }
        let document = format!("<Event>{}</Event>", markup.inner);
        let mut reader = Reader::new(&document, Limits::default())?;
        let mut event = Self::default();
        reader.root()?;
        while let Some(tag) = reader.child()? {
            match tag.local() {
                "System" => event.read_system(&mut reader)?,
                "EventData" => {
                    while let Some(_data) = reader.child()? {
                        event.data.push(reader.text()?.into_owned());
                    }
                }
                "RenderingInfo" => {
                    while let Some(tag) = reader.child()? {
                        if tag.local() == "Message" {
                            event.message = Some(reader.text()?.into_owned());
                        } else {
                            reader.skip()?;
                        }
                    }
                }
                _ => reader.skip()?,
            }
        }
        Ok(event)
    }

    fn read_system(&mut self, reader: &mut Reader<'_>) -> Result<(), XmlError> {
        while let Some(tag) = reader.child()? {
            let number = |reader: &mut Reader<'_>, what| {
                let text = reader.trimmed()?;
                text.parse::<u64>().map_err(|_| XmlError::meaningless(what, &text))
            };
            match tag.local() {
                "Provider" => {
                    self.provider = reader.attribute(&tag, "", "Name")?.unwrap_or_default().into_owned();
                    reader.skip()?;
                }
                "EventID" => self.id = u32::try_from(number(reader, "the id of an event")?).unwrap_or_default(),
                "Level" => self.level = u8::try_from(number(reader, "the level of an event")?).unwrap_or_default(),
                "EventRecordID" => self.record = number(reader, "the number of an event")?,
                "Channel" => self.channel = reader.trimmed()?.into_owned(),
                "Computer" => self.computer = reader.trimmed()?.into_owned(),
                "TimeCreated" => {
                    self.time = reader.attribute(&tag, "", "SystemTime")?.and_then(|text| text.parse().ok());
                    reader.skip()?;
                }
                _ => reader.skip()?,
            }
        }
        Ok(())
    }
}
