//! The connections to one host: opened, authenticated, kept for the next request.
//!
//! Guarantees: one request in flight on each; while no connection is alive on which the host let us in, one attempt at a time, so that a
//! wrong password is tried once and not once for each connection; a connection whose authentication the host forgot is replaced once and
//! never in a loop; a request stands in line as long as others are answered.

use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use tokio::sync::{MutexGuard, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::{Course, Shared};
use crate::auth::{AuthError, Peer};
use crate::http::{Answer, HttpConnection, HttpError};
use crate::tls::AnotherCertificate;

/// Idle connections, and leave to use one.
#[derive(Debug)]
pub(super) struct Pool {
    leave: Semaphore,
    idle: Mutex<Vec<Kept>>,
    /// When the last answer came.
    answered: Mutex<Option<Instant>>,
    /// Held by each connection on which the host let us in since it last turned us away.
    proof: Mutex<Weak<Proof>>,
    attempt: tokio::sync::Mutex<()>,
}

/// That the host let us in.
#[derive(Debug)]
struct Proof;

/// A connection, with the proof that it gave or used.
#[derive(Debug)]
struct Kept {
    connection: HttpConnection,
    proof: Option<Arc<Proof>>,
}

impl Pool {
    pub(super) fn new(connections: usize) -> Self {
        Self {
            leave: Semaphore::new(connections.max(1)),
            idle: Mutex::default(),
            answered: Mutex::default(),
            proof: Mutex::default(),
            attempt: tokio::sync::Mutex::default(),
        }
    }

    /// Waits in line for leave to use a connection: for `patience` since the last answer that anybody got.
    pub(super) async fn leave(&self, patience: Duration) -> Result<Option<SemaphorePermit<'_>>, Failure> {
        // Whoever stands in line already goes first: what is given back is theirs.
        if let Ok(permit) = self.leave.try_acquire() {
            return Ok(Some(permit));
        }
        let mut line = pin!(self.leave.acquire());
        let mut since = Instant::now();
        loop {
            tokio::select! {
                // Leave that those give up who waited as long is of no use.
                biased;
                () = tokio::time::sleep_until(since + patience) => match *self.answered.lock().unwrap_or_else(PoisonError::into_inner) {
                    Some(answered) if answered > since => since = answered,
                    _ => return Err(Failure::Http(HttpError::NotSent("it answered none of the requests before this one".into()))),
                },
                // The semaphore is never closed.
                permit = &mut line => return Ok(permit.ok()),
            }
        }
    }

    /// The connection that rested the least, since it is the likeliest to be open still.
    async fn take(&self) -> Option<Kept> {
        loop {
            let mut kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if self.may_use(&kept) && kept.connection.is_usable().await {
                return Some(kept);
            }
        }
    }

    /// Whether a request over `kept` tries no password that the host has turned away since: one that never shook hands sends it each time.
    fn may_use(&self, kept: &Kept) -> bool {
        let is_current = || self.proof().zip(kept.proof.as_ref()).is_some_and(|(now, then)| Arc::ptr_eq(&now, then));
        kept.connection.shook_hands() || is_current()
    }

    fn put(&self, kept: Kept) {
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
    }

    fn proof(&self) -> Option<Arc<Proof>> {
        self.proof.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }

    /// A proof of now, the same for all connections that have one.
    fn prove(&self) -> Arc<Proof> {
        let mut known = self.proof.lock().unwrap_or_else(PoisonError::into_inner);
        known.upgrade().unwrap_or_else(|| {
            let proof = Arc::new(Proof);
            *known = Arc::downgrade(&proof);
            proof
        })
    }

    /// Forgets every proof: what older connections got tells nothing of a new one.
    fn disprove(&self) {
        *self.proof.lock().unwrap_or_else(PoisonError::into_inner) = Weak::new();
    }

    /// Waits until nobody else is finding out whether the host lets us in; `None` once it has.
    async fn attempt(&self) -> Option<MutexGuard<'_, ()>> {
        if self.proof().is_some() {
            return None;
        }
        let guard = self.attempt.lock().await;
        self.proof().is_none().then_some(guard)
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
    kept: Kept,
    is_new: bool,
    attempt: Option<MutexGuard<'a, ()>>,
}

impl Shared {
    /// Posts over an idle connection or a new one. Only what was certainly not carried out is posted a second time: what was not sent,
    /// or what met a connection whose authentication the host had forgotten.
    pub(super) async fn post(&self, (envelope, limit): (Bytes, usize), course: &Course) -> Result<Answer, Failure> {
        let mut idle = self.pool.take().await;
        let mut forgotten = false;
        loop {
            let Line { mut kept, is_new, attempt } = match idle.take() {
                Some(kept) => Line { kept, is_new: false, attempt: None },
                None => self.open().await?,
            };
            let sending = |request: &Request<Full<Bytes>>| {
                course.sending(request);
                self.requests.fetch_add(1, Ordering::Relaxed);
            };
            let answered = |response: &Response<Incoming>| course.answered(response);
            let posted = kept.connection.post((envelope.clone(), limit), sending, answered).await;
            let is_undone = matches!(posted, Err(HttpError::NotSent(_) | HttpError::Auth(_)));
            if is_undone && course.undo() {
                self.requests.fetch_sub(1, Ordering::Relaxed);
            }
            match posted {
                Ok(answer) => {
                    // One that shook hands proved itself then, and says nothing of the password by now.
                    if kept.proof.is_none() && !kept.connection.shook_hands() {
                        kept.proof = Some(self.admit());
                    }
                    drop(attempt);
                    self.pool.put(kept);
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
        let attempt = match self.authenticate.account() {
            Some(account) => {
                let attempt = self.pool.attempt().await;
                self.settings.refusals.claim(&self.address, account).map_err(Failure::Credentials)?;
                attempt
            }
            // There is nothing that could be wrong.
            None => None,
        };
        let peer = Peer { endpoint: &self.endpoint, certificate: certificate.as_deref() };
        let session = self.authenticate.session(peer).map_err(Failure::Credentials)?;
        match HttpConnection::open(&self.endpoint, stream, session).await {
            Ok(connection) if connection.shook_hands() => {
                let kept = Kept { connection, proof: Some(self.admit()) };
                Ok(Line { kept, is_new: true, attempt: None })
            }
            Ok(connection) => Ok(Line { kept: Kept { connection, proof: None }, is_new: true, attempt }),
            Err(HttpError::Auth(error)) => Err(self.turned_away(error)),
            Err(error) => Err(Failure::Http(error)),
        }
    }

    fn may_try(&self) -> Result<(), Failure> {
        let Some(account) = self.authenticate.account() else { return Ok(()) };
        self.settings.refusals.check(&self.address, account).map_err(Failure::Credentials)
    }

    /// Notes that the host let us in.
    fn admit(&self) -> Arc<Proof> {
        if let Some(account) = self.authenticate.account() {
            self.settings.refusals.forget(&self.address, account);
        }
        self.pool.prove()
    }

    /// Notes that it did not.
    fn turned_away(&self, error: AuthError) -> Failure {
        self.pool.disprove();
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
    let by_tls = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>() || inner.is::<AnotherCertificate>());
    if by_tls || error.kind() == std::io::ErrorKind::InvalidInput {
        Failure::Untrusted(error)
    } else {
        Failure::Http(HttpError::NotSent(error.into()))
    }
}
