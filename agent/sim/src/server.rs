//! HTTP/1.1, TLS and Basic authentication on one stream: what stands between a connection and the answer to an envelope.
//!
//! Guarantees: a request is read up to the envelope limit and no further; nothing but Identify is answered without a password; a
//! connection ends when its machine goes away. Deliberately absent: Negotiate and sealed messages, whose place is `authenticate`.

mod basic;
mod cut;
mod tls;

use std::net::IpAddr;
use std::sync::Weak;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, SERVER, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::debug;

use crate::network::Shared;
use crate::world::{MachineId, Place};

pub use basic::Credentials;
use cut::Cut;
pub(crate) use tls::Tls;

/// The largest request that Windows reads (`MaxEnvelopeSizekb` of 2012 and later).
pub const MAX_REQUEST: usize = 500 * 1024;
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The port that speaks plain HTTP; every other one speaks TLS.
const PLAIN_PORT: u16 = 5985;

/// One connection: who called whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Where the caller stands.
    pub from: Place,
    /// The address that was called.
    pub address: IpAddr,
    /// The port that was called.
    pub port: u16,
    /// Who listened there when the connection began.
    pub machine: MachineId,
}

/// What is to happen with one request.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Answer, after a delay, up to a number of bytes.
    Answer { status: u16, body: String, delay: Duration, cut: Option<usize> },
    /// Close the connection without a word, after a delay.
    Hangup { delay: Duration },
}

/// Serves `stream` until either side ends it, or the machine goes away.
pub(crate) async fn serve<S>(shared: Weak<Shared>, peer: Peer, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Some(strong) = shared.upgrade() else { return };
    let changed = strong.changed();
    if peer.port == PLAIN_PORT {
        drop(strong);
        return converse(shared, peer, stream, changed).await;
    }
    let acceptor = strong.acceptor(&peer.machine);
    drop(strong);
    let Some(acceptor) = acceptor else { return };
    match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => converse(shared, peer, stream, changed).await,
        Ok(Err(error)) => debug!(machine = ?peer.machine, %error, "TLS handshake failed"),
        Err(_) => debug!(machine = ?peer.machine, "TLS handshake took too long"),
    }
}

async fn converse<S>(shared: Weak<Shared>, peer: Peer, stream: S, mut changed: tokio::sync::watch::Receiver<u64>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (stream, cut) = Cut::around(stream);
    let service = hyper::service::service_fn(|request| answer(&shared, &peer, &cut, request));
    // No date: hyper would take it from the machine's clock, not from the simulation's.
    let connection = hyper::server::conn::http1::Builder::new().auto_date_header(false).serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // Not cancel-safe, and need not be: the other arm ends the connection.
        ended = connection => {
            if let Err(error) = ended {
                debug!(machine = ?peer.machine, %error, "connection ended");
            }
        }
        // Cancel-safe: it only looks.
        () = gone(&shared, &peer, &mut changed) => debug!(machine = ?peer.machine, "machine went away"),
    }
}

/// Returns when the machine no longer answers this caller.
async fn gone(shared: &Weak<Shared>, peer: &Peer, changed: &mut tokio::sync::watch::Receiver<u64>) {
    while changed.changed().await.is_ok() {
        match shared.upgrade() {
            Some(shared) if shared.reaches(peer) => {}
            _ => return,
        }
    }
}

/// The connection shall end without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped")]
struct Dropped;

async fn answer(shared: &Weak<Shared>, peer: &Peer, cut: &Cut, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Dropped> {
    let (head, body) = request.into_parts();
    let unauthenticated = match head.uri.path().trim_end_matches('/') {
        path if path.eq_ignore_ascii_case("/wsman") => {
            head.headers.get("WSMANIDENTIFY").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"unauthenticated"))
        }
        path if path.eq_ignore_ascii_case("/wsman-anon/identify") => true,
        _ => return Ok(bare(StatusCode::NOT_FOUND)),
    };
    if head.method != Method::POST {
        return Ok(bare(StatusCode::METHOD_NOT_ALLOWED));
    }
    let body = match Limited::new(body, MAX_REQUEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Ok(bare(StatusCode::PAYLOAD_TOO_LARGE)),
        Err(_) => return Err(Dropped),
    };
    let strong = shared.upgrade().ok_or(Dropped)?;
    let caller = authenticate(&strong, peer, &head.headers);
    if caller.is_none() && !unauthenticated {
        return Ok(unauthorized(&strong, peer));
    }
    if !is_soap(&head.headers) {
        return Ok(bare(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let Ok(envelope) = std::str::from_utf8(&body) else { return Ok(bare(StatusCode::BAD_REQUEST)) };
    let outcome = strong.exchange(peer, caller.as_deref(), envelope);
    drop(strong);
    deliver(shared, peer, cut, outcome).await
}

async fn deliver(shared: &Weak<Shared>, peer: &Peer, cut: &Cut, outcome: Outcome) -> Result<Response<Full<Bytes>>, Dropped> {
    let (delay, kept) = match outcome {
        Outcome::Hangup { delay } => (delay, None),
        Outcome::Answer { status, body, delay, cut } => (delay, Some((status, body, cut))),
    };
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
        // The machine may have gone while the answer was held back.
        if !shared.upgrade().is_some_and(|shared| shared.reaches(peer)) {
            return Err(Dropped);
        }
    }
    let (status, body, bytes) = kept.ok_or(Dropped)?;
    if let Some(bytes) = bytes {
        cut.after(bytes);
    }
    let spoken = !body.is_empty();
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if spoken {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/soap+xml;charset=UTF-8"));
    }
    name_server(&mut response);
    Ok(response)
}

/// The account that the request proves to be. Negotiate will stand here beside Basic.
fn authenticate(shared: &Shared, peer: &Peer, headers: &HeaderMap) -> Option<String> {
    let given = headers.get(AUTHORIZATION)?.to_str().ok().and_then(Credentials::parse)?;
    (takes_basic(shared, peer) && shared.accepts(&peer.machine, &given)).then_some(given.user)
}

fn takes_basic(shared: &Shared, peer: &Peer) -> bool {
    peer.port != PLAIN_PORT || shared.plain_http()
}

fn unauthorized(shared: &Shared, peer: &Peer) -> Response<Full<Bytes>> {
    let mut refusal = bare(StatusCode::UNAUTHORIZED);
    // A Windows host without Basic on HTTP offers only what seals its messages.
    let offer = if takes_basic(shared, peer) { r#"Basic realm="WSMAN""# } else { "Negotiate" };
    refusal.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(offer));
    refusal
}

fn is_soap(headers: &HeaderMap) -> bool {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/soap+xml"))
}

/// An answer without a body.
fn bare(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    name_server(&mut response);
    response
}

fn name_server(response: &mut Response<Full<Bytes>>) {
    response.headers_mut().insert(SERVER, HeaderValue::from_static("Microsoft-HTTPAPI/2.0"));
}
