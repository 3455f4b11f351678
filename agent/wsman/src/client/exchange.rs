//! One request and its answer, over a connection of the pool.

use std::sync::atomic::{AtomicBool, Ordering};

use hyper::StatusCode;
use hyper::body::Bytes;

use super::pool::Failure;
use super::{Client, Shared};
use crate::envelope::{Envelope, Header, Request, Response};
use crate::error::Error;
use crate::http::{Answer, BoxError, HttpError};
use crate::resource::ResourceUri;
use crate::xml::{Limits, XmlError};

impl Client {
    /// The header of a request, with what every request of this client says.
    pub(super) fn header(&self, action: impl Into<String>, resource: ResourceUri) -> Header {
        let mut header = Header::request(&self.shared.address, action, Some(resource));
        header.max_envelope_size = Some(self.shared.settings.max_envelope_size);
        header.operation_timeout = Some(self.operation_timeout);
        header
    }

    /// Sends `request` and waits for its answer; a fault is an error.
    pub(super) async fn exchange(&self, request: Envelope<Request>) -> Result<Response, Error> {
        let Envelope { header, body } = &request;
        let act = act(header, body);
        let sent = AtomicBool::new(false);
        let posted = tokio::time::timeout(self.total_timeout, self.shared.post(Bytes::from(request.encode()), &sent));
        let answer = match posted.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(failure)) => return Err(self.shared.failed(&act, failure)),
            Err(elapsed) => {
                let source: BoxError = elapsed.into();
                let error = if sent.load(Ordering::Relaxed) { HttpError::NoAnswer(source) } else { HttpError::NotSent(source) };
                return Err(self.shared.failed(&act, Failure::Http(error)));
            }
        };
        let envelope = self.shared.understand(&act, &answer)?;
        if let Some(related) = &envelope.header.relates_to
            && header.message_id.as_ref() != Some(related)
        {
            let source = XmlError::meaningless("the request that the answer relates to", related);
            return Err(Error::BadAnswer { endpoint: self.shared.address.clone(), act, source });
        }
        match envelope.body {
            Response::Fault(fault) => Err(Error::Fault { endpoint: self.shared.address.clone(), act, fault }),
            body => Ok(body),
        }
    }

    /// An answer of another kind than `wanted`.
    pub(super) fn unexpected(&self, act: &str, wanted: &'static str) -> Error {
        Error::BadAnswer { endpoint: self.shared.address.clone(), act: act.to_owned(), source: XmlError::Missing(wanted) }
    }
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
    fn understand(&self, act: &str, answer: &Answer) -> Result<Envelope<Response>, Error> {
        let (endpoint, act) = (self.address.clone(), act.to_owned());
        if !answer.has_words() {
            return Err(Error::Status { endpoint, act, status: answer.status.as_u16(), meaning: meaning(answer.status) });
        }
        let limits = Limits { bytes: self.answer_limit(), ..Limits::default() };
        let document = std::str::from_utf8(&answer.body).map_err(|_| XmlError::Missing("text in UTF-8"));
        let read = document.and_then(|document| Envelope::<Response>::decode(document, limits));
        read.map_err(|source| Error::BadAnswer { endpoint, act, source })
    }

    fn failed(&self, act: &str, failure: Failure) -> Error {
        let (endpoint, act) = (self.address.clone(), act.to_owned());
        match failure {
            Failure::Untrusted(source) => Error::Untrusted { endpoint, act, source },
            Failure::Credentials(source) | Failure::Http(HttpError::Auth(source)) => Error::Unauthorized { endpoint, act, source },
            Failure::Http(HttpError::Unsealed(source)) => Error::Unsealed { endpoint, act, source },
            Failure::Http(HttpError::Status(status)) => Error::Status { endpoint, act, status: status.as_u16(), meaning: meaning(status) },
            Failure::Http(HttpError::NotSent(source)) => Error::Unreachable { endpoint, act, source },
            Failure::Http(HttpError::NoAnswer(source)) => Error::NoAnswer { endpoint, act, source },
            Failure::Http(HttpError::TooLong) => Error::AnswerTooLong { endpoint, act, limit: self.answer_limit() },
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
