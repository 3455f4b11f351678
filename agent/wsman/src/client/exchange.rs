//! One request and its answer, over a connection of the pool.

use std::pin::pin;
use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Bytes;
use tokio::time::Instant;

use super::pool::Failure;
use super::woken::Woken;
use super::{Client, Course, Heads, Shared};
use crate::check::CheckError;
use crate::cim::Namespace;
use crate::envelope::{Envelope, Header, Language, Request, Response};
use crate::error::Error;
use crate::http::{Answer, BoxError, HttpError};
use crate::resource::{Naming, ResourceUri};
use crate::trace::Exchange;
use crate::xml::{Limits, XmlError};

impl Client {
    /// The header of a request, with what every request of this client says.
    pub(super) fn header(&self, action: impl Into<String>, resource: ResourceUri) -> Header {
        let mut header = Header::request(&self.shared.address, action, Some(resource));
        header.max_envelope_size = Some(self.shared.settings.max_envelope_size);
        header.operation_timeout = Some(self.operation_timeout);
        let language = Language(self.shared.settings.locale.clone());
        (header.locale, header.data_locale) = (Some(language.clone()), Some(language));
        header
    }

    /// Sends `request` and waits for its answer; a fault is an error.
    pub(super) async fn exchange(&self, request: Envelope<Request>) -> Result<Response, Error> {
        self.converse(request).await.map(|answer| answer.body)
    }

    /// The same, with the answer's header.
    pub(super) async fn converse(&self, request: Envelope<Request>) -> Result<Envelope<Response>, Error> {
        let Envelope { header, body } = &request;
        let act = act(header, body);
        let limit = answer_limit(header.max_envelope_size.unwrap_or(self.shared.settings.max_envelope_size));
        let text = Bytes::from(request.encode());
        let (course, begun) = (Course::new(self.shared.settings.trace.is_some()), Instant::now());
        let posted = pin!(async {
            let _leave = self.shared.pool.leave(self.total_timeout).await?;
            let posted = tokio::time::timeout(self.total_timeout, self.shared.post((text.clone(), limit), &course)).await;
            posted.unwrap_or_else(|elapsed| {
                let source: BoxError = elapsed.into();
                Err(Failure::Http(if course.is_sent() { HttpError::NoAnswer(source) } else { HttpError::NotSent(source) }))
            })
        });
        let answered = Woken::new(posted).await.map_err(|failure| self.shared.failed((&act, limit), failure));
        self.shared.trace((&act, &text), &answered, (course.take_heads(), begun.elapsed()));
        let naming = Naming::answering(header.resource.as_ref(), &header.selectors);
        let envelope = self.shared.understand((&act, limit), &answered?, naming.namespace())?;
        if let Some(related) = &envelope.header.relates_to
            && header.message_id.as_ref() != Some(related)
        {
            let source = XmlError::meaningless("the request that the answer relates to", related);
            return Err(Error::BadAnswer { endpoint: self.shared.address.clone(), act, source });
        }
        match envelope.body {
            Response::Fault(fault) => Err(Error::Fault { endpoint: self.shared.address.clone(), act, fault }),
            _ => Ok(envelope),
        }
    }

    /// An answer of another kind than `wanted`.
    pub(super) fn unexpected(&self, act: &str, wanted: &'static str) -> Error {
        self.misread(act, XmlError::Missing(wanted))
    }

    /// An answer of which a part makes no sense.
    pub(super) fn misread(&self, act: &str, source: XmlError) -> Error {
        Error::BadAnswer { endpoint: self.shared.address.clone(), act: act.to_owned(), source }
    }

    /// A method that only starts something and did not.
    pub(super) fn returned(&self, method: &'static str, code: u32, meaning: &'static str) -> Error {
        Error::Returned { endpoint: self.shared.address.clone(), method, code, meaning }
    }

    /// What is wrong with `act`, before it is sent.
    pub(super) fn checked<T>(&self, act: &str, check: Result<T, CheckError>) -> Result<T, Error> {
        check.map_err(|source| Error::Refused { endpoint: self.shared.address.clone(), act: act.to_owned(), source: Box::new(source) })
    }
}

/// Octets of an answer that are read: the host counts characters of two octets, an answer has up to three for one. Sealed, it has a few
/// hundred more.
fn answer_limit(envelope_size: u64) -> usize {
    usize::try_from(envelope_size).unwrap_or(usize::MAX).saturating_mul(3).saturating_add(1 << 16)
}

/// What is asked, in a word.
fn act(header: &Header, body: &Request) -> String {
    let named = header.action.as_deref().and_then(|action| action.rsplit('/').next());
    match body {
        Request::Identify => "Identify".to_owned(),
        _ => named.unwrap_or("a request").to_owned(),
    }
}

impl Shared {
    fn understand(&self, (act, limit): (&str, usize), answer: &Answer, namespace: &Namespace) -> Result<Envelope<Response>, Error> {
        let names = || (self.address.clone(), act.to_owned());
        if !answer.has_words() {
            let (endpoint, act) = names();
            return Err(Error::Status { endpoint, act, status: answer.status.as_u16(), meaning: meaning(answer.status) });
        }
        let limits = Limits { bytes: limit, ..Limits::default() };
        let document = std::str::from_utf8(&answer.body).map_err(|_| XmlError::Missing("text in UTF-8"));
        let read = document.and_then(|document| Envelope::<Response>::decode_in(document, limits, namespace));
        read.map_err(|source| {
            let (endpoint, act) = names();
            Error::BadAnswer { endpoint, act, source }
        })
    }

    fn trace(&self, (act, request): (&str, &Bytes), answered: &Result<Answer, Error>, (heads, took): (Heads, Duration)) {
        let Some(trace) = &self.settings.trace else { return };
        let answer = answered.as_ref().map(|answer| &answer.body[..]).map_err(ToString::to_string);
        trace.write(&Exchange { endpoint: &self.address, act, request, answer, heads, took });
    }

    fn failed(&self, (act, limit): (&str, usize), failure: Failure) -> Error {
        let (endpoint, act) = (self.address.clone(), act.to_owned());
        match failure {
            Failure::Untrusted(source) => Error::Untrusted { endpoint, act, source },
            Failure::Credentials(source) | Failure::Http(HttpError::Auth(source)) => Error::Unauthorized { endpoint, act, source },
            Failure::Http(HttpError::Unsealed(source)) => Error::Unsealed { endpoint, act, source },
            Failure::Http(HttpError::Status(status)) => Error::Status { endpoint, act, status: status.as_u16(), meaning: meaning(status) },
            Failure::Http(HttpError::NotSent(source)) => Error::Unreachable { endpoint, act, source },
            Failure::Http(HttpError::NoAnswer(source)) => Error::NoAnswer { endpoint, act, source },
            Failure::Http(HttpError::TooLong) => Error::AnswerTooLong { endpoint, act, limit },
        }
    }
}

/// What a status without an envelope means on this service.
fn meaning(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "nothing listens at this path",
        StatusCode::PAYLOAD_TOO_LARGE => "the request is longer than the host reads",
        StatusCode::SERVICE_UNAVAILABLE => "the service is not ready",
        StatusCode::INTERNAL_SERVER_ERROR => "the service failed without a word",
        _ => "this is no WS-Management service, or something stands before it",
    }
}
