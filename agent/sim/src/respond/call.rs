//! A request as the script and the counters look at it, before it is carried out.

use std::time::Duration;

use jiff::Timestamp;
use wsman::envelope::shell::ShellRequest;
use wsman::envelope::{self, Envelope, FilterBody, Header, Request};
use wsman::xml::{Limits, XmlError};

use crate::world::MachineId;
use crate::wql::{self, Query};

/// The longest that any operation may take (`MaxTimeoutms`), and what it may take when the client does not say.
const MAX_TIMEOUT: Duration = Duration::from_secs(60);
/// How much of a changing request's input is remembered.
const MAX_INPUT: usize = 2048;

/// A request that changed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutation {
    /// When.
    pub at: Timestamp,
    /// On which machine.
    pub machine: MachineId,
    /// `Invoke`, `Put`, `Create` or `Delete`.
    pub operation: String,
    /// The instance or class, as a path.
    pub target: String,
    /// The method; empty for the others.
    pub method: String,
    /// Its input, as `Debug` shows it, shortened: who compares two of them sees whether the same was asked twice.
    pub input: String,
    /// The HTTP status of the answer: 200 when the machine did it.
    pub status: u16,
}

/// A request that was read, or that could not be.
#[derive(Debug)]
pub struct Call {
    envelope: Result<Envelope<Request>, XmlError>,
    /// The header, where only the body could not be read.
    header: Option<Header>,
}

impl Call {
    /// Reads `document`.
    #[must_use]
    pub fn read(document: &str) -> Self {
        let envelope = Envelope::<Request>::decode(document, Limits::default());
        let header = if envelope.is_err() { envelope::header_of(document, Limits::default()) } else { None };
        Self { envelope, header }
    }

    /// The request, or why it is none.
    ///
    /// # Errors
    /// The document was not read.
    pub fn envelope(&self) -> Result<&Envelope<Request>, &XmlError> {
        self.envelope.as_ref()
    }

    /// Its header, where it could be read.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        self.envelope.as_ref().ok().map(|envelope| &envelope.header).or(self.header.as_ref())
    }

    fn request(&self) -> Option<&Request> {
        self.envelope.as_ref().ok().map(|envelope| &envelope.body)
    }

    /// `Enumerate`, `Invoke` …; `Unreadable` for what is no request.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        match self.request() {
            Some(Request::Identify) => "Identify",
            Some(Request::Enumerate(_)) => "Enumerate",
            Some(Request::Pull(_)) => "Pull",
            Some(Request::Release { .. }) => "Release",
            Some(Request::Get) => "Get",
            Some(Request::Put(_)) => "Put",
            Some(Request::Create(_)) => "Create",
            Some(Request::Delete) => "Delete",
            Some(Request::Invoke(_)) => "Invoke",
            Some(Request::Subscribe(_)) => "Subscribe",
            Some(Request::Unsubscribe) => "Unsubscribe",
            Some(Request::Shell(asked)) => match asked {
                ShellRequest::Create(_) => "Create",
                ShellRequest::Command(_) => "Command",
                ShellRequest::Send(_) => "Send",
                ShellRequest::Receive { .. } => "Receive",
                ShellRequest::Signal { .. } => "Signal",
            },
            Some(Request::Other(_)) => "Other",
            None => "Unreadable",
        }
    }

    /// The class of the resource, or of the query; empty when there is none.
    #[must_use]
    pub fn class(&self) -> String {
        let resource = self.header().and_then(|header| header.resource.as_ref());
        if let Some(class) = resource.and_then(|resource| resource.class()) {
            return class.to_string();
        }
        let Some(Request::Enumerate(enumerate)) = self.request() else { return String::new() };
        match enumerate.filter.as_ref().map(|filter| &filter.body) {
            Some(FilterBody::Text(text)) => match wql::parse(text) {
                Ok(Query::Select(select) | Query::Event(select)) => select.class.to_string(),
                Ok(Query::Associators(related) | Query::References(related)) => {
                    related.result_class.map(|c| c.to_string()).unwrap_or_default()
                }
                Err(_) => String::new(),
            },
            _ => String::new(),
        }
    }

    /// The method that is invoked; empty when none is.
    #[must_use]
    pub fn method(&self) -> &str {
        match self.request() {
            Some(Request::Invoke(invoke)) => &invoke.method,
            _ => "",
        }
    }

    /// How long the client, or Windows, lets the operation take. A Pull may take as long as the client says in its header; what it says
    /// in the body counts only where the header says nothing, and up to what Windows allows.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        let wanted = self.header().and_then(|header| header.operation_timeout);
        match self.request() {
            Some(Request::Pull(pull)) => wanted.or(Some(pull.max_time.map_or(MAX_TIMEOUT, |most| most.min(MAX_TIMEOUT)))),
            _ => Some(wanted.map_or(MAX_TIMEOUT, |timeout| timeout.min(MAX_TIMEOUT))),
        }
    }

    /// What is remembered of it when it changed something.
    #[must_use]
    pub fn mutation(&self, at: Timestamp, machine: &MachineId, status: u16) -> Mutation {
        let mut input = match self.request() {
            Some(Request::Invoke(invoke)) => format!("{:?}", invoke.parameters),
            Some(Request::Shell(ShellRequest::Command(line))) => format!("{} {}", line.command, line.arguments.join(" ")),
            Some(Request::Put(payload) | Request::Create(payload)) => format!("{:?}", payload.properties),
            _ => String::new(),
        };
        if let Some((end, _)) = input.char_indices().nth(MAX_INPUT) {
            input.truncate(end);
        }
        let target = self.header().and_then(|header| {
            let path = header.resource.as_ref()?.path(&header.selectors)?;
            Some(path.to_string())
        });
        Mutation {
            at,
            machine: machine.clone(),
            operation: self.operation().to_owned(),
            target: target.unwrap_or_else(|| self.class()),
            method: self.method().to_owned(),
            input,
            status,
        }
    }
}
