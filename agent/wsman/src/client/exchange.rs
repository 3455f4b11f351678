//! One request and its answer, over a connection of the pool.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use hyper::StatusCode;
use hyper::body::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Client, Shared};
use crate::auth::AuthError;
use crate::envelope::{Envelope, Header, Request, Response};
use crate::error::Error;
use crate::http::{Answer, BoxError, HttpConnection, HttpError};
use crate::resource::ResourceUri;
use crate::xml::{Limits, XmlError};

/// Idle connections, and leave to use one.
#[derive(Debug)]
pub(super) struct Pool {
    leave: Semaphore,
    idle: Mutex<Vec<HttpConnection>>,
}

impl Pool {
    pub(super) fn new(connections: usize) -> Self {
        Self { leave: Semaphore::new(connections.max(1)), idle: Mutex::new(vec![]) }
    }

    async fn leave(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.leave.acquire().await.ok()
    }

    /// The connection that rested the least, since it is the likeliest to be open still.
    async fn take(&self) -> Option<HttpConnection> {
        loop {
            let mut connection = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if connection.is_usable().await {
                return Some(connection);
            }
        }
    }

    fn put(&self, connection: HttpConnection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }
}

/// Why there is no answer, before it is said with the names of host and act.
enum Failure {
    Http(HttpError),
    Untrusted(std::io::Error),
    Credentials(AuthError),
}

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
    /// Posts over an idle connection or a new one. Only what was certainly not sent is posted a second time.
    async fn post(&self, envelope: Bytes, sent: &AtomicBool) -> Result<Answer, Failure> {
        let _leave = self.pool.leave().await;
        let mut idle = self.pool.take().await;
        loop {
            let (mut connection, is_new) = match idle.take() {
                Some(connection) => (connection, false),
                None => (self.open().await?, true),
            };
            let limit = self.answer_limit();
            let sending = || {
                sent.store(true, Ordering::Relaxed);
                self.requests.fetch_add(1, Ordering::Relaxed);
            };
            match connection.post(envelope.clone(), limit, sending).await {
                Ok(answer) => {
                    self.pool.put(connection);
                    return Ok(answer);
                }
                Err(error) => {
                    if matches!(error, HttpError::NotSent(_)) && sent.swap(false, Ordering::Relaxed) {
                        self.requests.fetch_sub(1, Ordering::Relaxed);
                    }
                    // The host may have closed an idle connection just as it was taken; a new one fails for good.
                    if is_new || !matches!(error, HttpError::NotSent(_)) {
                        return Err(Failure::Http(error));
                    }
                }
            }
        }
    }

    /// Octets of an answer that are read: the host counts characters of two octets, an answer has up to three for one.
    fn answer_limit(&self) -> usize {
        usize::try_from(self.settings.max_envelope_size).unwrap_or(usize::MAX).saturating_mul(3).saturating_add(1 << 16)
    }

    async fn open(&self) -> Result<HttpConnection, Failure> {
        let session = self.authenticate.session(&self.endpoint).map_err(Failure::Credentials)?;
        let stream = self.connect.connect(&self.endpoint).await.map_err(|e| Failure::Http(HttpError::NotSent(e.into())))?;
        let stream = match &self.tls {
            Some(tls) => tls.wrap(&self.endpoint.host, stream).await.map_err(handshake_failed)?,
            None => stream,
        };
        HttpConnection::open(&self.endpoint, stream, session).await.map_err(Failure::Http)
    }

    fn understand(&self, act: &str, answer: &Answer) -> Result<Envelope<Response>, Error> {
        let (endpoint, act) = (self.address.clone(), act.to_owned());
        let meaning = match answer.status {
            StatusCode::OK | StatusCode::BAD_REQUEST | StatusCode::INTERNAL_SERVER_ERROR if !answer.body.is_empty() => None,
            StatusCode::NOT_FOUND => Some("nothing listens at this path"),
            StatusCode::PAYLOAD_TOO_LARGE => Some("the request is longer than the host reads"),
            StatusCode::SERVICE_UNAVAILABLE => Some("the service is not ready"),
            StatusCode::INTERNAL_SERVER_ERROR => Some("the service failed without a word"),
            _ => Some("this is no WS-Management service, or something stands before it"),
        };
        if let Some(meaning) = meaning {
            return Err(Error::Status { endpoint, act, status: answer.status.as_u16(), meaning });
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
            Failure::Credentials(source) | Failure::Http(HttpError::Auth(source)) => {
                Error::Unauthorized { endpoint, act, source: Some(source) }
            }
            Failure::Http(HttpError::Unauthorized) => Error::Unauthorized { endpoint, act, source: None },
            Failure::Http(HttpError::NotSent(source)) => Error::Unreachable { endpoint, act, source },
            Failure::Http(HttpError::NoAnswer(source)) => Error::NoAnswer { endpoint, act, source },
            Failure::Http(HttpError::TooLong) => Error::AnswerTooLong { endpoint, act, limit: self.answer_limit() },
        }
    }
}

/// A handshake that TLS itself ended is a matter of trust; one whose stream ended is a matter of reach.
fn handshake_failed(error: std::io::Error) -> Failure {
    let by_tls = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
    if by_tls || error.kind() == std::io::ErrorKind::InvalidInput {
        Failure::Untrusted(error)
    } else {
        Failure::Http(HttpError::NotSent(error.into()))
    }
}
