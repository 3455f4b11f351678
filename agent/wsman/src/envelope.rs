//! SOAP envelopes of WS-Management, in both directions: what a client sends and a server reads, and the other way round.
//!
//! Guarantees: any prefixes are read, Windows' own are written; documents are bounded (`xml::Limits`); what this crate does not know
//! in a header is kept by name with its `mustUnderstand`, what it does not know in a body is kept as markup.
//! Deliberately absent: which requests are right. That is the server's to say, and it finds here all that it needs to say it.

mod body;
mod filter;
mod header;
mod request;
mod response;
pub mod shell;

pub use body::{Identity, Item, Markup, Output, Page, Parameter};
pub use filter::{Associations, Filter, FilterBody};
pub use header::{Header, Language, OptionValue, UnknownHeader};
pub use request::{Delivery, Enumerate, Enumeration, Invoke, Payload, Pull, Request, Subscribe};
pub use response::{Response, Subscribed};

use crate::xml::names::SOAP;
use crate::xml::{Limits, Reader, XmlError};

/// A header and a body.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope<B> {
    /// What it is about and how it is to be treated.
    pub header: Header,
    /// What it says.
    pub body: B,
}

/// The actions of the specifications; a method's action is its class's URI and its name.
pub mod action {
    /// WS-Enumeration: begin.
    pub const ENUMERATE: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate";
    /// WS-Enumeration: the next page.
    pub const PULL: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Pull";
    /// WS-Enumeration: give up.
    pub const RELEASE: &str = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Release";
    /// WS-Transfer: read.
    pub const GET: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get";
    /// WS-Transfer: change.
    pub const PUT: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Put";
    /// WS-Transfer: make.
    pub const CREATE: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Create";
    /// WS-Transfer: remove.
    pub const DELETE: &str = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Delete";
    /// WS-Eventing: subscribe.
    pub const SUBSCRIBE: &str = "http://schemas.xmlsoap.org/ws/2004/08/eventing/Subscribe";
    /// WS-Eventing: end a subscription.
    pub const UNSUBSCRIBE: &str = "http://schemas.xmlsoap.org/ws/2004/08/eventing/Unsubscribe";
}

/// Filter dialects.
pub mod dialect {
    /// WQL.
    pub const WQL: &str = "http://schemas.microsoft.com/wbem/wsman/1/WQL";
    /// Selectors.
    pub const SELECTOR: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter";
    /// Associations.
    pub const ASSOCIATION: &str = "http://schemas.dmtf.org/wbem/wsman/1/cimbinding/associationFilter";
    /// Event logs.
    pub const EVENT_QUERY: &str = "http://schemas.microsoft.com/win/2004/08/events/eventquery";
}

/// The document without the mark that some writers put before it.
fn unmarked(document: &str) -> &str {
    document.trim_start_matches('\u{feff}')
}

/// The header of an envelope whose body may be unreadable: a refusal has to name the message that it refuses.
#[must_use]
pub fn header_of(document: &str, limits: Limits) -> Option<Header> {
    let mut reader = Reader::new(document.trim_start_matches('\u{feff}'), limits).ok()?;
    let root = reader.root().ok()?;
    let header = reader.child().ok()??;
    let fits = reader.is(&root, SOAP, "Envelope") && reader.is(&header, SOAP, "Header");
    fits.then(|| header::read(&mut reader, document).ok()).flatten()
}

/// Reads an envelope up to its body, whose children are then `read`.
fn read<'x, B>(
    document: &'x str,
    limits: Limits,
    read: impl FnOnce(&mut Reader<'x>, &Header) -> Result<B, XmlError>,
) -> Result<Envelope<B>, XmlError> {
    let mut reader = Reader::new(document, limits)?;
    let root = reader.root()?;
    if !reader.is(&root, SOAP, "Envelope") {
        let found = format!("{{{}}}{}", reader.namespace(&root)?, root.local());
        return Err(XmlError::meaningless("the root of an envelope", &found));
    }
    let mut header = Header::default();
    while let Some(tag) = reader.child()? {
        if reader.is(&tag, SOAP, "Header") {
            header = header::read(&mut reader, document)?;
        } else if reader.is(&tag, SOAP, "Body") {
            let body = read(&mut reader, &header)?;
            reader.finish()?;
            return Ok(Envelope { header, body });
        } else {
            reader.skip()?;
        }
    }
    Err(XmlError::Missing("a body"))
}
