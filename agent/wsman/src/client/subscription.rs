//! Subscriptions: events of WMI and of event logs, pulled.
//!
//! Guarantees: a pull that ends empty is asked again, with the same context after a time-out and with the new one that an empty page
//! brings; a subscription that ended is made again from its bookmark, and the reader is told, since events may be lost between; a dropped
//! one is given up on the host. Renew is never sent: Windows refuses it (MS-WSMV 3.1.4.1.30.4).
//! Deliberately absent: any promise that every event arrives. They only say that it is worth to look.

mod log_event;

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

pub use log_event::LogEvent;

use super::Client;
use crate::cim::{CimInstance, Namespace, xml_duration};
use crate::envelope::{
    Delivery, Envelope, Filter, FilterBody, Header, Item, OptionValue, Pull, Request, Response, Subscribe, Subscribed, action, dialect,
};
use crate::error::Error;
use crate::fault::FaultKind;
use crate::resource::ResourceUri;

/// The delivery mode in which the subscriber asks.
pub const PULL_MODE: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/Pull";
/// The resource of event logs.
pub const EVENT_LOG: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/EventLog";
/// Events of one page.
const PAGE: u64 = 256;

/// Which events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventQuery {
    /// An event query in WQL: `SELECT * FROM __InstanceModificationEvent WITHIN 2 WHERE TargetInstance ISA 'Win32_Service'`.
    Wmi(Namespace, String),
    /// A query of event logs, in XML: `<QueryList>…`.
    Log(String),
}

/// How a subscription is made.
#[derive(Debug, Clone)]
pub struct SubscribeSettings {
    /// How often the host is to give a sign of life where nothing happens.
    pub heartbeat: Duration,
    /// How long it lives; it is made anew then. `None`: as the host likes.
    pub lifetime: Option<Duration>,
    /// Whether the host is to say how far the events were read. Event logs can; WMI refuses it.
    pub bookmarks: Bookmarks,
}

/// Whether a subscription keeps its place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Bookmarks {
    /// It begins with what happens from now on, each time.
    #[default]
    Unused,
    /// It goes on where it was.
    Kept,
}

impl Default for SubscribeSettings {
    fn default() -> Self {
        Self { heartbeat: Duration::from_secs(30), lifetime: Some(Duration::from_secs(3600)), bookmarks: Bookmarks::Unused }
    }
}

/// What a subscription says.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Something happened to an instance: of class `__InstanceModificationEvent` and the like, with its `TargetInstance`.
    Wmi(CimInstance),
    /// An entry of an event log.
    Log(Box<LogEvent>),
    /// Nothing happened, and the host is well.
    Heartbeat,
    /// The subscription had ended and was made again; what happened between may be lost.
    Resumed,
}

/// A subscription. Dropping it ends it on the host.
#[derive(Debug)]
pub struct Subscription {
    client: Client,
    query: EventQuery,
    settings: SubscribeSettings,
    made: Made,
    bookmark: Option<String>,
    waiting: VecDeque<Event>,
}

/// What the host made of a subscription.
#[derive(Debug)]
struct Made {
    identifier: String,
    resource: ResourceUri,
    context: String,
    ends: Option<Instant>,
}

impl Client {
    /// Subscribes to what `query` selects.
    ///
    /// # Errors
    /// See [`Error`]; a host or an account that may not gets a fault.
    pub async fn subscribe(&self, query: EventQuery, settings: SubscribeSettings) -> Result<Subscription, Error> {
        let made = self.make(&query, &settings, None).await?;
        Ok(Subscription { client: self.clone(), query, settings, made, bookmark: None, waiting: VecDeque::new() })
    }

    async fn make(&self, query: &EventQuery, settings: &SubscribeSettings, bookmark: Option<&str>) -> Result<Made, Error> {
        let resource = query.resource();
        let mut header = self.header(action::SUBSCRIBE, resource.clone());
        header.options = query.options();
        let filter = match query {
            EventQuery::Wmi(_, wql) => Filter::wql(wql),
            EventQuery::Log(xml) => Filter { dialect: Some(dialect::EVENT_QUERY.to_owned()), body: FilterBody::Text(xml.clone()) },
        };
        let subscribe = Subscribe {
            delivery: Delivery { mode: PULL_MODE.to_owned(), heartbeats: Some(settings.heartbeat) },
            filter: Some(filter),
            expires: settings.lifetime.map(|life| format!("PT{}.{:03}S", life.as_secs(), life.subsec_millis())),
            send_bookmarks: settings.bookmarks == Bookmarks::Kept,
            bookmark: bookmark.map(str::to_owned),
        };
        match self.exchange(Envelope { header, body: Request::Subscribe(subscribe) }).await? {
            Response::Subscribed(Subscribed { identifier, resource: own, expires, context }) => {
                let context = context.ok_or_else(|| self.unexpected("Subscribe", "a context to pull with"))?;
                let resource = if own.is_empty() { resource } else { ResourceUri::parse(&own) };
                let granted = expires.as_deref().and_then(xml_duration).and_then(|life| Duration::try_from(life).ok());
                // A recorded host grants `PT0.000S` and goes on for ever.
                let ends = granted.filter(|life| !life.is_zero()).and_then(|life| Instant::now().checked_add(life));
                Ok(Made { identifier, resource, context, ends })
            }
            _ => Err(self.unexpected("Subscribe", "a subscription")),
        }
    }

    async fn unsubscribe(&self, identifier: String, resource: ResourceUri) {
        let header = Header { subscription: Some(identifier), ..self.header(action::UNSUBSCRIBE, resource) };
        if let Err(error) = self.exchange(Envelope { header, body: Request::Unsubscribe }).await {
            tracing::debug!(endpoint = %self.shared.address, %error, "a subscription was not ended");
        }
    }
}

impl EventQuery {
    fn resource(&self) -> ResourceUri {
        match self {
            Self::Wmi(namespace, _) => ResourceUri::AllClasses(namespace.clone()),
            Self::Log(_) => ResourceUri::Other(EVENT_LOG.to_owned()),
        }
    }

    /// As recorded clients of event logs say it: messages in words, and a channel that is missing is no reason to refuse the others.
    fn options(&self) -> Vec<OptionValue> {
        let option =
            |name: &str, value: Option<&str>| OptionValue { name: name.to_owned(), value: value.map(str::to_owned), must_comply: false };
        match self {
            Self::Wmi(..) => vec![],
            Self::Log(_) => vec![
                option("SubscriptionName", Some("trunkline")),
                option("ContentFormat", Some("RenderedText")),
                option("IgnoreChannelError", None),
            ],
        }
    }
}

impl Subscription {
    /// How far the events were read, where the host says so.
    #[must_use]
    pub fn bookmark(&self) -> Option<&str> {
        self.bookmark.as_deref()
    }

    /// The next event. Dropping the future loses at most the page that was under way.
    ///
    /// # Errors
    /// See [`Error`]; the subscription may be asked again.
    pub async fn next(&mut self) -> Result<Event, Error> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(event);
            }
            if self.made.ends.is_some_and(|ends| ends <= Instant::now()) {
                return self.resume().await;
            }
            match self.pull().await {
                Ok(Pulled::Page) => {}
                Ok(Pulled::Ended) => return self.resume().await,
                // The long poll ended without an event; the same context goes on.
                Err(error) if kind(&error) == Some(FaultKind::TimedOut) => return Ok(Event::Heartbeat),
                Err(error) if kind(&error) == Some(FaultKind::InvalidEnumerationContext) => return self.resume().await,
                Err(error) => return Err(error),
            }
        }
    }

    /// Ends it now. Whether that succeeds changes nothing for the caller.
    pub async fn close(mut self) {
        let identifier = std::mem::take(&mut self.made.identifier);
        self.client.unsubscribe(identifier, self.made.resource.clone()).await;
    }

    /// Makes it again, from the bookmark where there is one that the host still knows.
    async fn resume(&mut self) -> Result<Event, Error> {
        let made = match self.client.make(&self.query, &self.settings, self.bookmark.as_deref()).await {
            Err(error) if self.bookmark.is_some() && kind(&error) == Some(FaultKind::InvalidBookmark) => {
                self.bookmark = None;
                self.client.make(&self.query, &self.settings, None).await?
            }
            made => made?,
        };
        self.give_up();
        self.made = made;
        Ok(Event::Resumed)
    }

    async fn pull(&mut self) -> Result<Pulled, Error> {
        let mut header = self.client.header(action::PULL, self.made.resource.clone());
        header.options = self.query.options();
        let pull = Pull { context: self.made.context.clone(), max_elements: Some(PAGE), ..Pull::default() };
        let Envelope { header, body } = self.client.converse(Envelope { header, body: Request::Pull(pull) }).await?;
        let page = match body {
            Response::Pull(page) => page,
            _ => return Err(self.client.unexpected("Pull", "events")),
        };
        if let Some(bookmark) = header.bookmark.filter(|_| self.settings.bookmarks == Bookmarks::Kept) {
            self.bookmark = Some(bookmark);
        }
        if page.items.is_empty() {
            self.waiting.push_back(Event::Heartbeat);
        }
        for item in page.items {
            self.waiting.push_back(match item {
                Item::Object(instance) | Item::ObjectAndPath(instance, _) | Item::Fragment(instance) => Event::Wmi(instance),
                Item::Other(markup) => match LogEvent::read(&markup) {
                    Ok(event) => Event::Log(Box::new(event)),
                    Err(source) => return Err(self.client.misread("Pull", source)),
                },
                Item::Path(_) => return Err(self.client.unexpected("Pull", "an event")),
            });
        }
        match page.context {
            Some(context) if !page.end => {
                self.made.context = context;
                Ok(Pulled::Page)
            }
            // What came last is still to be told.
            _ if self.waiting.iter().any(|event| *event != Event::Heartbeat) => {
                self.made.ends = Some(Instant::now());
                Ok(Pulled::Page)
            }
            _ => Ok(Pulled::Ended),
        }
    }

    /// Tells the host, without waiting, that nobody wants it any more.
    fn give_up(&mut self) {
        let identifier = std::mem::take(&mut self.made.identifier);
        if !identifier.is_empty() {
            let resource = self.made.resource.clone();
            self.client.bid(|client| async move { client.unsubscribe(identifier, resource).await });
        }
    }
}

enum Pulled {
    Page,
    Ended,
}

fn kind(error: &Error) -> Option<FaultKind> {
    error.fault().map(crate::fault::Fault::kind)
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.give_up();
    }
}
