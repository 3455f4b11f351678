//! One connection: each request on it from its head to its answer.
//!
//! Guarantees: requests are answered one after the other; a body is kept only for who is let in, and large ones only so many at once.

use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, TRANSFER_ENCODING, WWW_AUTHENTICATE};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};

use super::admission::{self, Admission, Channel, Entrance, Session};
use super::charset::Charset;
use super::cut::Cut;
use super::seal::{self, SEALED, Sealed};
use super::{MAX_REQUEST, Outcome, Peer, page};
use crate::image::Winrm;
use crate::network::{self, Shared};
use crate::script::{Act, Verdict};
use crate::world::Caller;

/// How long a body may take (`MaxPacketRetrievalTimeSeconds`).
const RETRIEVAL: Duration = Duration::from_secs(120);
/// A body that is larger waits until there is room for it.
const SMALL: u64 = 16 * 1024;

/// The connection shall end without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped")]
pub(super) struct Dropped;

type Answer = Result<Response<Full<Bytes>>, Dropped>;

/// See the module.
#[derive(Debug)]
pub(super) struct Connection {
    shared: Weak<Shared>,
    peer: Peer,
    channel: Channel,
    session: Mutex<Session>,
}

/// How a message came, so how it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrapping {
    Plain(Charset),
    Sealed,
}

/// A request, after its `Authorization` was looked at.
#[derive(Debug, Default)]
struct Admitted {
    caller: Option<Caller>,
    /// Whether it has ended a handshake.
    handshake: Handshake,
    /// What tells the client so.
    token: Option<HeaderValue>,
}

/// Whether a request has ended a handshake, beside what else it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Handshake {
    #[default]
    None,
    Ended,
}

impl Connection {
    pub(super) fn new(shared: Weak<Shared>, peer: Peer, channel: Channel) -> Self {
        Self { shared, peer, channel, session: Mutex::default() }
    }

    pub(super) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// What a script wants of a request whose first byte has come.
    pub(super) fn asked(&self) -> impl Fn() -> Option<usize> + Send + 'static {
        let (shared, machine) = (self.shared.clone(), self.peer.machine.clone());
        move || shared.upgrade()?.lock().cut_request(&machine)
    }

    /// Returns when the machine no longer answers this caller.
    pub(super) async fn gone(&self, changed: &mut tokio::sync::watch::Receiver<u64>) {
        while changed.changed().await.is_ok() {
            match self.shared.upgrade() {
                Some(shared) if shared.reaches(&self.peer) => {}
                _ => return,
            }
        }
    }

    /// Answers one request.
    pub(super) async fn answer(&self, cut: &Cut, request: Request<Incoming>) -> Answer {
        let answer = self.respond(cut, request).await;
        cut.answered();
        answer
    }

    async fn respond(&self, cut: &Cut, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let anonymous = match head.uri.path().trim_end_matches('/') {
            path if path.eq_ignore_ascii_case("/wsman") => {
                head.headers.get("WSMANIDENTIFY").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"unauthenticated"))
            }
            path if path.eq_ignore_ascii_case("/wsman-anon/identify") => true,
            _ => return Ok(page::of(StatusCode::NOT_FOUND)),
        };
        if let Some(refusal) = refuse_head(&head) {
            return Ok(page::of(refusal));
        }
        let verdict = self.consult(&head.headers)?;
        if !verdict.delay.is_zero() {
            tokio::time::sleep(verdict.delay).await;
        }
        let answer = match (self.admit(&head.headers)?, anonymous) {
            (Err(refusal), false) => {
                drain(body).await?;
                scripted(&verdict, refusal)?
            }
            // Who is nobody may ask for no more than who is there.
            (Err(_), true) => return self.exchange(cut, (&head, body), Admitted::default()).await,
            (Ok(admitted), _) if body.is_end_stream() && admitted.handshake == Handshake::Ended => {
                let mut answer = page::signed(StatusCode::OK, Bytes::new());
                admitted.tell(&mut answer);
                scripted(&verdict, answer)?
            }
            (Ok(admitted), _) => return self.exchange(cut, (&head, body), admitted).await,
        };
        if let Some(Act::CutAfter(bytes)) = verdict.wire {
            cut.after(usize::try_from(bytes).unwrap_or(usize::MAX));
        }
        Ok(answer)
    }

    /// What the script wants of a step of a handshake, which it sees as the operation `Authenticate`.
    fn consult(&self, headers: &HeaderMap) -> Result<Verdict, Dropped> {
        let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        if !given.is_some_and(|given| given.get(..9).is_some_and(|scheme| scheme.eq_ignore_ascii_case("negotiate"))) {
            return Ok(Verdict::default());
        }
        let shared = self.shared.upgrade().ok_or(Dropped)?;
        let verdict = shared.lock().meet_handshake(&self.peer);
        if verdict.wire == Some(Act::Drop) { Err(Dropped) } else { Ok(verdict) }
    }

    /// Who the request is from, or the answer that it gets instead.
    fn admit(&self, headers: &HeaderMap) -> Result<Result<Admitted, Response<Full<Bytes>>>, Dropped> {
        let shared = self.shared.upgrade().ok_or(Dropped)?;
        let winrm = self.winrm(&shared)?;
        let entrance = Entrance { shared: &shared, machine: &self.peer.machine, winrm: &winrm, channel: &self.channel };
        let admission = entrance.admit(headers, &mut self.session());
        let mut refusal = page::of(StatusCode::UNAUTHORIZED);
        match admission {
            Admission::Caller(caller) => return Ok(Ok(Admitted { caller: Some(caller), ..Admitted::default() })),
            Admission::LoggedOn(caller, token) => {
                let token = token.as_deref().and_then(admission::challenge);
                return Ok(Ok(Admitted { caller: Some(caller), handshake: Handshake::Ended, token }));
            }
            Admission::Challenge(token) => {
                refusal.headers_mut().extend(admission::challenge(&token).map(|value| (WWW_AUTHENTICATE, value)));
            }
            Admission::Nobody | Admission::Refused => entrance.offer(refusal.headers_mut()),
        }
        Ok(Err(refusal))
    }

    /// From the body on: what is let in is read, opened, carried out and answered.
    async fn exchange(&self, cut: &Cut, (head, body): (&Parts, Incoming), admitted: Admitted) -> Answer {
        let body = match self.read(body).await? {
            Ok(body) => body,
            Err(refusal) => return Ok(refusal),
        };
        let (wrapping, envelope) = match self.open(&head.headers, &body, &admitted)? {
            Ok(opened) => opened,
            Err(status) => return Ok(page::of(status)),
        };
        let shared = self.shared.upgrade().ok_or(Dropped)?;
        let winrm = self.winrm(&shared)?;
        let place = shared.enter(&self.peer.machine, winrm.max_connections);
        let crowded = place.is_none().then(|| shared.refuse_crowd(&self.peer, &envelope));
        drop(shared);
        let outcome = match crowded {
            Some(refusal) => refusal,
            None => network::exchange(&self.shared, &self.peer, admitted.caller.as_ref(), &envelope).await.ok_or(Dropped)?,
        };
        let mut answer = self.deliver(cut, wrapping, outcome).await?;
        admitted.tell(&mut answer);
        Ok(answer)
    }

    /// The whole body, or the answer that it gets instead.
    async fn read(&self, body: Incoming) -> Result<Result<Bytes, Response<Full<Bytes>>>, Dropped> {
        let rooms = self.shared.upgrade().ok_or(Dropped)?.large_bodies();
        let reading = async {
            let large = body.size_hint().upper().is_none_or(|bytes| bytes > SMALL);
            let _room = if large { rooms.acquire().await.ok() } else { None };
            Limited::new(body, MAX_REQUEST + seal::OVERHEAD).collect().await
        };
        match tokio::time::timeout(RETRIEVAL, reading).await {
            Ok(Ok(body)) => Ok(Ok(body.to_bytes())),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Ok(Err(page::of(StatusCode::PAYLOAD_TOO_LARGE))),
            Ok(Err(_)) | Err(_) => Err(Dropped),
        }
    }

    /// The envelope in `body`, or the status that it gets instead.
    fn open(&self, headers: &HeaderMap, body: &[u8], from: &Admitted) -> Result<Result<(Wrapping, String), StatusCode>, Dropped> {
        let (wrapping, plain) = if seal::is_announced(headers) {
            match self.unseal(headers, body) {
                Some(plain) => (Wrapping::Sealed, plain),
                None => return Ok(Err(StatusCode::BAD_REQUEST)),
            }
        } else {
            let shared = self.shared.upgrade().ok_or(Dropped)?;
            let readable = matches!(self.channel, Channel::Clear);
            if readable && from.caller.is_some() && !self.winrm(&shared)?.allow_unencrypted {
                // Windows says no more than this, and writes the reason into its own log.
                return Ok(Err(StatusCode::INTERNAL_SERVER_ERROR));
            }
            if !is_soap(headers) {
                return Ok(Err(StatusCode::UNSUPPORTED_MEDIA_TYPE));
            }
            let Some(charset) = Charset::of(headers) else { return Ok(Err(StatusCode::UNSUPPORTED_MEDIA_TYPE)) };
            (Wrapping::Plain(charset), body.to_vec())
        };
        if plain.len() > MAX_REQUEST {
            return Ok(Err(StatusCode::PAYLOAD_TOO_LARGE));
        }
        let charset = match wrapping {
            Wrapping::Plain(charset) => charset,
            Wrapping::Sealed => Charset::Utf8,
        };
        Ok(charset.decode(plain).map(|envelope| (wrapping, envelope)).ok_or(StatusCode::BAD_REQUEST))
    }

    /// The plain message. One that does not open ends the logon of this connection.
    fn unseal(&self, headers: &HeaderMap, body: &[u8]) -> Option<Vec<u8>> {
        let mut session = self.session();
        let Session::Somebody(established) = &mut *session else { return None };
        let plain = Sealed::read(headers, body).ok().and_then(|sealed| established.open(sealed));
        if plain.is_none() {
            *session = Session::Nobody;
        }
        plain
    }

    async fn deliver(&self, cut: &Cut, wrapping: Wrapping, outcome: Outcome) -> Answer {
        let (delay, kept) = match outcome {
            Outcome::Hangup { delay } => (delay, None),
            // Whoever carries out a request waits for its end.
            Outcome::Waiting { .. } => return Err(Dropped),
            Outcome::Answer { status, body, delay, cut } => (delay, Some((status, body, cut))),
        };
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
            // The machine may have gone while the answer was held back.
            if !self.shared.upgrade().is_some_and(|shared| shared.reaches(&self.peer)) {
                return Err(Dropped);
            }
        }
        let (status, body, bytes) = kept.ok_or(Dropped)?;
        if let Some(bytes) = bytes {
            cut.after(bytes);
        }
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if body.is_empty() {
            return Ok(page::of(status));
        }
        let (kind, body) = match wrapping {
            Wrapping::Plain(charset) => (charset.media_type(), charset.encode(body).into()),
            Wrapping::Sealed => (SEALED, self.seal(&body).ok_or(Dropped)?),
        };
        let mut answer = page::signed(status, body);
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        Ok(answer)
    }

    fn seal(&self, body: &str) -> Option<Bytes> {
        match &mut *self.session() {
            Session::Somebody(established) => established.seal(body.as_bytes()).map(|sealed| sealed.write().into()),
            Session::Nobody | Session::Halfway(_) => None,
        }
    }

    /// How the machine's service is configured, as this connection meets it.
    fn winrm(&self, shared: &Shared) -> Result<Winrm, Dropped> {
        let mut winrm = shared.lock().world.winrm(&self.peer.machine).cloned().ok_or(Dropped)?;
        if matches!(self.channel, Channel::Clear) && shared.plain_http() {
            (winrm.basic, winrm.allow_unencrypted) = (true, true);
        }
        Ok(winrm)
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Admitted {
    fn tell(&self, answer: &mut Response<Full<Bytes>>) {
        answer.headers_mut().extend(self.token.clone().map(|token| (WWW_AUTHENTICATE, token)));
    }
}

/// The status of a request that is refused for its head alone.
fn refuse_head(head: &Parts) -> Option<StatusCode> {
    if head.method != Method::POST {
        return Some(StatusCode::METHOD_NOT_ALLOWED);
    }
    let measured = head.headers.contains_key(CONTENT_LENGTH) || head.headers.contains_key(TRANSFER_ENCODING);
    (!measured).then_some(StatusCode::LENGTH_REQUIRED)
}

/// `answer`, or what the script has in its place.
fn scripted(verdict: &Verdict, answer: Response<Full<Bytes>>) -> Answer {
    match verdict.wire {
        Some(Act::CutBeforeAnswer) => Err(Dropped),
        Some(Act::Status(status)) => Ok(page::of(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))),
        _ => Ok(answer),
    }
}

/// Reads what nobody will look at, so that the connection can go on.
async fn drain(mut body: Incoming) -> Result<(), Dropped> {
    let draining = async {
        let mut left = MAX_REQUEST + seal::OVERHEAD;
        while let Some(frame) = body.frame().await {
            let read = frame.map_err(|_| Dropped)?.data_ref().map_or(0, Bytes::len);
            left = left.checked_sub(read).ok_or(Dropped)?;
        }
        Ok(())
    };
    tokio::time::timeout(RETRIEVAL, draining).await.unwrap_or(Err(Dropped))
}

fn is_soap(headers: &HeaderMap) -> bool {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/soap+xml"))
}
