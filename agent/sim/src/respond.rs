//! WS-Management operations over one machine: a request's envelope in, an answer's envelope out.
//!
//! Guarantees: what Windows refuses is refused with Windows's own code; answers carry Windows's prefixes and shapes; one file for each
//! operation, one table for what every header must satisfy; what has nothing to say yet can be asked again.

mod association_filter;
mod call;
mod create;
mod delete;
mod enumerate;
mod events;
mod get;
mod header;
mod identify;
mod invoke;
mod page;
mod pull;
mod put;
mod refusal;
mod release;
mod selector_filter;
mod shell;
mod subscribe;
mod target;

use uuid::Uuid;
use wsman::cim::{CimInstance, CimValue, Namespace};
use wsman::envelope::{Envelope, Header, Request, Response};
use wsman::resource::Naming;
use wsman::schema;

use crate::event::subscription::Subscriptions;
use crate::machine::Machine;
use crate::quota::{self, Enumerations, Owner};

pub use call::{Call, Mutation};
pub(crate) use refusal::{ACCESS_DENIED, QUOTA_LIMIT, Refusal, TIMED_OUT, UNREACHABLE};

/// The most bytes of an answer when the client does not say (`MaxEnvelopeSizekb` of 2012 and later).
const MAX_ENVELOPE: u64 = 500 * 1024;

/// One machine, asked by one user.
pub struct Service<'a> {
    /// The machine.
    pub machine: &'a mut dyn Machine,
    /// What is being enumerated.
    pub enumerations: &'a mut Enumerations,
    /// Who asks.
    pub owner: Owner,
    /// Whether the user was authenticated; without it only Identify is answered.
    pub authenticated: bool,
    /// The security profiles that the service tells its users of.
    pub profiles: Vec<&'static str>,
    /// How long the machine took for what it did.
    pub takes: std::time::Duration,
    /// What is subscribed to.
    pub(crate) subscriptions: &'a mut Subscriptions,
    /// Whether the client would wait longer.
    pub(crate) patience: Patience,
    /// Whether there was nothing to say yet: the answer is for a client that will wait no longer.
    pub(crate) waits: bool,
    /// When there will be something to say even if nothing happens.
    pub(crate) wakes: Option<jiff::Timestamp>,
    /// How far events were read, for the answer's header.
    pub(crate) bookmark: Option<String>,
}

/// An answer as HTTP carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The envelope; empty when the status says all.
    pub body: String,
}

/// Whether a client would wait longer for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Its time is not up.
    Left,
    /// It gets an answer now.
    Over,
}

/// An answer before it is written.
struct Answer {
    response: Response,
    naming: Naming,
}

impl Answer {
    /// An answer that names no class.
    fn of(response: Response) -> Self {
        Self { response, naming: Naming::Microsoft(Namespace::CIMV2) }
    }
}

/// Carries out `call`.
#[must_use]
pub fn respond(service: &mut Service<'_>, call: &Call) -> Reply {
    let computer = service.machine.computer_name().to_owned();
    let message = service.enumerations.fresh();
    let result = match call.envelope() {
        Ok(envelope) => answer(service, envelope).and_then(|answer| write(envelope, answer, (message, service.bookmark.take()))),
        Err(error) => Err(Refusal::from(error)),
    };
    result.unwrap_or_else(|refusal| refusal.reply(call.header(), &computer, message))
}

/// The refusal of `call` with the WS-Management code `code`.
#[must_use]
pub(crate) fn refuse(call: &Call, code: u32, computer: &str, message: Uuid) -> Reply {
    Refusal::code(code).reply(call.header(), computer, message)
}

fn answer(service: &mut Service<'_>, envelope: &Envelope<Request>) -> Result<Answer, Refusal> {
    let Envelope { header, body } = envelope;
    if *body == Request::Identify {
        return Ok(identify::answer(service));
    }
    if !service.authenticated {
        return Err(Refusal::ACCESS_DENIED);
    }
    header::check(header)?;
    match body {
        Request::Identify => Ok(identify::answer(service)),
        Request::Enumerate(enumerate) if shell::is_meant(header) => shell::enumerate(service, header, enumerate),
        Request::Enumerate(enumerate) => enumerate::answer(service, header, enumerate),
        Request::Pull(pull) => pull::answer(service, header, pull),
        Request::Release { context } => release::answer(service, header, context),
        Request::Get if shell::is_meant(header) => shell::get(service, header),
        Request::Get => get::answer(service, header),
        Request::Put(payload) => put::answer(service, header, payload),
        Request::Create(payload) => create::answer(service, header, payload),
        Request::Delete if shell::is_meant(header) => shell::delete(service, header),
        Request::Delete => delete::answer(service, header),
        Request::Invoke(invoke) => invoke::answer(service, header, invoke),
        Request::Subscribe(asked) => subscribe::answer(service, header, asked),
        Request::Unsubscribe => subscribe::end(service, header),
        Request::Shell(asked) => shell::answer(service, header, asked),
        Request::Other(_) => Err(subscribe::other(header)),
    }
}

fn write(request: &Envelope<Request>, answer: Answer, (message, bookmark): (Uuid, Option<String>)) -> Result<Reply, Refusal> {
    let header = match request.body {
        // Windows answers Identify with an empty header.
        Request::Identify => Header::default(),
        _ => Header { message_id: Some(quota::text(message)), bookmark, ..request.header.answer(None) },
    };
    let body = Envelope { header, body: answer.response }.encode(&answer.naming);
    if octets(&body) > limit(&request.header) {
        return Err(Refusal::ENVELOPE_EXCEEDED);
    }
    Ok(Reply { status: 200, body })
}

/// The most octets that the client takes.
fn limit(header: &Header) -> u64 {
    header.max_envelope_size.map_or(MAX_ENVELOPE, |size| size.min(MAX_ENVELOPE))
}

/// How Windows counts an envelope: in UTF-16.
fn octets(text: &str) -> u64 {
    u64::try_from(text.encode_utf16().count() * 2).unwrap_or(u64::MAX)
}

/// The instance with every declared property, as a provider gives it: what has no value is NULL.
fn complete(namespace: &Namespace, mut instance: CimInstance) -> CimInstance {
    let Some(class) = schema::class(namespace, instance.class().as_str()) else { return instance };
    for property in class.properties() {
        if *instance.get(property.name()) == CimValue::Null {
            instance.set(property.name(), CimValue::Null);
        }
    }
    instance
}

#[cfg(test)]
mod tests;
