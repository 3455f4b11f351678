//! HTTP/1.1, TLS, authentication and sealing on one stream: what stands between a connection and the answer to an envelope.
//!
//! Guarantees: a request is read up to the envelope limit and no further, and kept only for who is let in; nothing but Identify is
//! answered to nobody; what came sealed is answered sealed; whatever a peer does or leaves undone ends within two minutes; a connection
//! ends when its machine goes away. Deliberately absent: Kerberos and CredSSP.

mod admission;
mod basic;
mod binding;
mod charset;
mod connection;
mod cut;
mod mutual;
mod negotiate;
mod ntlm;
mod page;
mod patience;
mod seal;
mod tls;

use std::net::IpAddr;
use std::sync::Weak;
use std::time::Duration;

use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::debug;

use crate::network::Shared;
use crate::script::Verdict;
use crate::world::{MachineId, Place};
use admission::Channel;
use connection::Connection;
use cut::Cut;
use patience::Patient;
pub(crate) use tls::{ClientAuth, Tls};

/// The largest request that Windows reads (`MaxEnvelopeSizekb` of 2012 and later).
pub const MAX_REQUEST: usize = 500 * 1024;
/// The largest head of a request; http.sys takes 16 KiB and a Kerberos ticket can be longer.
const MAX_HEAD: usize = 64 * 1024;
/// TLS handshakes at once; further ones wait.
pub(crate) const MAX_HANDSHAKES: usize = 256;
/// How long a TLS handshake may take, with the wait for its turn.
const HANDSHAKE: Duration = Duration::from_secs(30);
/// How long a head may take from the end of the last answer on, so how long a connection may be idle: as http.sys has it.
const IDLE: Duration = Duration::from_secs(120);
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
    /// There is nothing to say yet: to be asked again when something has changed, or after so long.
    Waiting { verdict: Verdict, wakes: Option<Duration> },
}

/// Serves `stream` until either side ends it, or the machine goes away.
pub(crate) async fn serve<S>(shared: Weak<Shared>, peer: Peer, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Some(strong) = shared.upgrade() else { return };
    let changed = strong.changed();
    let stream = Patient::around(stream);
    if peer.port == PLAIN_PORT {
        drop(strong);
        return converse(Connection::new(shared, peer, Channel::Clear), stream, changed).await;
    }
    let (listener, turns) = (strong.listener(&peer.machine), strong.handshakes());
    drop(strong);
    let Some((acceptor, certificate)) = listener else { return };
    let handshake = async {
        let _turn = turns.acquire().await;
        acceptor.accept(stream).await
    };
    match tokio::time::timeout(HANDSHAKE, handshake).await {
        Ok(Ok(stream)) => {
            let client = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
            let client = client.map(|shown| crate::ids::thumbprint(shown));
            converse(Connection::new(shared, peer, Channel::Tls { certificate, client }), stream, changed).await;
        }
        Ok(Err(error)) => debug!(machine = ?peer.machine, %error, "TLS handshake failed"),
        Err(_) => debug!(machine = ?peer.machine, "TLS handshake took too long"),
    }
}

async fn converse<S>(connection: Connection, stream: S, mut changed: tokio::sync::watch::Receiver<u64>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let asked = connection.asked();
    let (stream, cut) = Cut::around(stream, asked);
    let service = hyper::service::service_fn(|request| connection.answer(&cut, request));
    let served = hyper::server::conn::http1::Builder::new()
        // No date: hyper would take it from the machine's clock, not from the simulation's.
        .auto_date_header(false)
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let peer = connection.peer();
    tokio::select! {
        // Not cancel-safe, and need not be: the other arm ends the connection.
        ended = served => {
            if let Err(error) = ended {
                debug!(machine = ?peer.machine, %error, "connection ended");
            }
        }
        // Cancel-safe: it only looks.
        () = connection.gone(&mut changed) => debug!(machine = ?peer.machine, "machine went away"),
    }
}
