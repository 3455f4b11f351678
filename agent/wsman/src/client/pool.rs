//! The connections to one host: opened, authenticated, kept for the next request.
//!
//! Guarantees: one request in flight on each; while nobody has been let in, one attempt at a time, so that a wrong password is tried once
//! and not once for each connection; a connection whose authentication the host forgot is replaced once and never in a loop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use tokio::sync::{MutexGuard, Semaphore, SemaphorePermit};

use super::{Course, Shared};
use crate::auth::{AuthError, Peer};
use crate::http::{Answer, HttpConnection, HttpError};

/// Idle connections, and leave to use one.
#[derive(Debug)]
pub(super) struct Pool {
    leave: Semaphore,
    idle: Mutex<Vec<HttpConnection>>,
    /// Whether the host has let us in; held by whoever is finding out.
    admitted: AtomicBool,
    attempt: tokio::sync::Mutex<()>,
}

impl Pool {
    pub(super) fn new(connections: usize) -> Self {
        let (admitted, attempt) = (AtomicBool::new(false), tokio::sync::Mutex::default());
        Self { leave: Semaphore::new(connections.max(1)), idle: Mutex::new(vec![]), admitted, attempt }
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

    /// Waits until nobody else is finding out whether the host lets us in; `None` once it has.
    async fn attempt(&self) -> Option<MutexGuard<'_, ()>> {
        if self.admitted.load(Ordering::Acquire) {
            return None;
        }
        let guard = self.attempt.lock().await;
        (!self.admitted.load(Ordering::Acquire)).then_some(guard)
    }
}

/// Why there is no answer, before it is said with the names of host and act.
pub(super) enum Failure {
    Http(HttpError),
    Untrusted(std::io::Error),
    Credentials(AuthError),
}

/// A connection, and the leave to find out by it whether the host lets us in.
struct Line<'a> {
    connection: HttpConnection,
    is_new: bool,
    attempt: Option<MutexGuard<'a, ()>>,
}

impl Shared {
    /// Posts over an idle connection or a new one. Only what was certainly not carried out is posted a second time: what was not sent,
    /// or what met a connection whose authentication the host had forgotten.
    pub(super) async fn post(&self, (envelope, limit): (Bytes, usize), course: &Course) -> Result<Answer, Failure> {
        let _leave = self.pool.leave().await;
        let mut idle = self.pool.take().await;
        let mut forgotten = false;
        loop {
            let Line { mut connection, is_new, attempt } = match idle.take() {
                Some(connection) => Line { connection, is_new: false, attempt: None },
                None => self.open().await?,
            };
            let sending = |request: &Request<Full<Bytes>>| {
                course.sending(request);
                self.requests.fetch_add(1, Ordering::Relaxed);
            };
            let answered = |response: &Response<Incoming>| course.answered(response);
            let posted = connection.post((envelope.clone(), limit), sending, answered).await;
            let is_undone = matches!(posted, Err(HttpError::NotSent(_) | HttpError::Auth(_)));
            if is_undone && course.undo() {
                self.requests.fetch_sub(1, Ordering::Relaxed);
            }
            match posted {
                Ok(answer) => {
                    self.admit();
                    drop(attempt);
                    self.pool.put(connection);
                    return Ok(answer);
                }
                Err(HttpError::Auth(AuthError::Forgotten { .. })) if !forgotten => forgotten = true,
                Err(HttpError::Auth(error)) => return Err(self.turned_away(error)),
                // The host may have closed an idle connection just as it was taken; a new one fails for good.
                Err(HttpError::NotSent(_)) if !is_new => {}
                Err(error) => return Err(Failure::Http(error)),
            }
        }
    }

    async fn open(&self) -> Result<Line<'_>, Failure> {
        self.may_try()?;
        let stream = self.connect.connect(&self.endpoint).await.map_err(|e| Failure::Http(HttpError::NotSent(e.into())))?;
        let (stream, certificate) = match &self.tls {
            Some(tls) => tls.wrap(&self.endpoint.host, stream).await.map_err(handshake_failed)?,
            None => (stream, None),
        };
        // The host is there: only now is it worth to wait for the others, and theirs may have been the last attempt for a while.
        let attempt = self.pool.attempt().await;
        self.may_try()?;
        let peer = Peer { endpoint: &self.endpoint, certificate: certificate.as_deref() };
        let session = self.authenticate.session(peer).map_err(Failure::Credentials)?;
        match HttpConnection::open(&self.endpoint, stream, session).await {
            Ok(connection) if connection.shook_hands() => {
                self.admit();
                Ok(Line { connection, is_new: true, attempt: None })
            }
            Ok(connection) => Ok(Line { connection, is_new: true, attempt }),
            Err(HttpError::Auth(error)) => Err(self.turned_away(error)),
            Err(error) => Err(Failure::Http(error)),
        }
    }

    fn may_try(&self) -> Result<(), Failure> {
        let Some(account) = self.authenticate.account() else { return Ok(()) };
        self.settings.refusals.check(&self.address, account).map_err(Failure::Credentials)
    }

    /// Notes that the host let us in.
    fn admit(&self) {
        if !self.pool.admitted.swap(true, Ordering::AcqRel)
            && let Some(account) = self.authenticate.account()
        {
            self.settings.refusals.forget(&self.address, account);
        }
    }

    /// Notes that it did not.
    fn turned_away(&self, error: AuthError) -> Failure {
        self.pool.admitted.store(false, Ordering::Release);
        if error.is_refusal()
            && let Some(account) = self.authenticate.account()
        {
            self.settings.refusals.note(&self.address, account);
        }
        Failure::Credentials(error)
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
