//! One HTTP/1.1 connection: one request at a time, driven only while a request is under way.
//!
//! Guarantees: it tells a request that was never sent from one whose answer is missing; bodies are bounded; dropping it closes it.
//! There is no task behind it: the future that waits for the answer moves the connection.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

use crate::auth::{AuthError, Offers, Reply, Session};
use crate::connect::{Endpoint, Stream};

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Answer {
    /// Whether the body is an envelope. Where it is not, it is never read, so that it need not be sealed either.
    pub(crate) fn has_words(&self) -> bool {
        let may = matches!(self.status, StatusCode::OK | StatusCode::BAD_REQUEST | StatusCode::INTERNAL_SERVER_ERROR);
        may && !self.body.is_empty()
    }
}

/// An exchange that failed.
#[derive(Debug)]
pub(crate) enum HttpError {
    /// Nothing reached the host.
    NotSent(BoxError),
    /// The request went out, or may have; what became of it is not known.
    NoAnswer(BoxError),
    /// The answer is longer than is read.
    TooLong,
    /// Authentication went no further, or the host turned it down; the request was not carried out.
    Auth(AuthError),
    /// The handshake was answered with another status.
    Status(StatusCode),
    /// The answer is not sealed as it must be.
    Unsealed(AuthError),
}

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// See the module.
pub(crate) struct HttpConnection {
    sender: SendRequest<Full<Bytes>>,
    /// `None` once it has ended: only its drop gives back a request that it had not begun to send.
    driver: Option<Driver>,
    session: Box<dyn Session>,
    shook_hands: bool,
    host: HeaderValue,
    path: String,
}

impl fmt::Debug for HttpConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpConnection").field("host", &self.host).field("ended", &self.driver.is_none()).finish_non_exhaustive()
    }
}

impl HttpConnection {
    /// Speaks HTTP over `stream`, and authenticates as `session` says.
    pub(crate) async fn open(endpoint: &Endpoint, stream: Box<dyn Stream>, session: Box<dyn Session>) -> Result<Self, HttpError> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|e| HttpError::NotSent(e.into()))?;
        let host = HeaderValue::try_from(endpoint.authority()).map_err(|e| HttpError::NotSent(e.into()))?;
        let (driver, path): (Driver, _) = (Box::pin(connection), endpoint.path.clone());
        let mut this = Self { sender, driver: Some(driver), session, shook_hands: false, host, path };
        let mut reply = None;
        while let Some(words) = this.shake_hands(reply.as_ref()).await? {
            this.shook_hands = true;
            let request = this.request(Bytes::new(), None, Some(words)).map_err(HttpError::NotSent)?;
            // Nothing but the handshake is sent here, so that a missing answer leaves no doubt about the request itself.
            let response = this.send(request).await.map_err(unsent)?;
            reply = Some(Reply { status: response.status(), offers: offers(&response) });
            this.collect(response, 1 << 16).await.map_err(unsent)?;
        }
        Ok(this)
    }

    async fn shake_hands(&mut self, reply: Option<&Reply>) -> Result<Option<HeaderValue>, HttpError> {
        let went = self.session.handshake(reply).await;
        went.map_err(|error| match reply {
            // A service that is not there or not ready says so, and nothing about us.
            Some(Reply { status, .. }) if *status != StatusCode::UNAUTHORIZED && !status.is_success() => HttpError::Status(*status),
            // Nobody refused us, and it may answer soon.
            _ if matches!(error, AuthError::NoTicket { .. }) => HttpError::NotSent(error.into()),
            _ => HttpError::Auth(error),
        })
    }

    /// Whether the host has let us in on this connection, so that requests need not say who we are.
    pub(crate) fn shook_hands(&self) -> bool {
        self.shook_hands
    }

    /// Whether the connection can take a request; notices that the peer has closed it.
    pub(crate) async fn is_usable(&mut self) -> bool {
        let Self { sender, driver, .. } = self;
        std::future::poll_fn(|cx| {
            drive(driver, cx);
            // Ready or not, this asks once: an idle connection has no reason to wait.
            Poll::Ready(driver.is_some() && matches!(sender.poll_ready(cx), Poll::Ready(Ok(()))))
        })
        .await
    }

    /// Posts `envelope`, and reads at most `limit` octets of the answer. `sending` is called when the first octet may go out, `answered`
    /// when the head of the answer is there.
    pub(crate) async fn post(
        &mut self,
        (envelope, limit): (Bytes, usize),
        sending: impl FnOnce(&Request<Full<Bytes>>),
        answered: impl FnOnce(&Response<Incoming>),
    ) -> Result<Answer, HttpError> {
        let (media_type, body) = self.session.seal(envelope).map_err(HttpError::Auth)?;
        let authorization = self.session.authorization();
        let request = self.request(body, Some(media_type), authorization).map_err(HttpError::NotSent)?;
        sending(&request);
        let response = self.send(request).await?;
        answered(&response);
        let (status, media_type) = (response.status(), response.headers().get(CONTENT_TYPE).cloned());
        let offers = offers(&response);
        let body = self.collect(response, limit).await?;
        if status == StatusCode::UNAUTHORIZED {
            let refused = self.session.refused(&offers);
            // Whoever stands between may have said it, and passed the request on.
            return Err(if self.session.seals() { HttpError::NoAnswer(refused.into()) } else { HttpError::Auth(refused) });
        }
        let mut answer = Answer { status, body };
        if answer.has_words() {
            answer.body = self.session.unseal(media_type.as_ref(), answer.body).map_err(HttpError::Unsealed)?;
        }
        Ok(answer)
    }

    fn request(
        &self,
        body: Bytes,
        media_type: Option<HeaderValue>,
        authorization: Option<HeaderValue>,
    ) -> Result<Request<Full<Bytes>>, BoxError> {
        let mut request = Request::builder().method(Method::POST).uri(&self.path).header(HOST, self.host.clone());
        request = request.header(USER_AGENT, concat!("trunkline/", env!("CARGO_PKG_VERSION")));
        if let Some(media_type) = media_type {
            request = request.header(CONTENT_TYPE, media_type);
        }
        // A POST without a length is refused (411), and hyper leaves it out where there is no body.
        request = request.header(CONTENT_LENGTH, body.len());
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some((name, value)) = self.session.header() {
            request = request.header(name, value);
        }
        Ok(request.body(Full::new(body))?)
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, HttpError> {
        let Self { sender, driver, .. } = self;
        let sent = driven(driver, sender.try_send_request(request)).await;
        sent.map_err(|mut error| match error.take_message() {
            Some(_request) => HttpError::NotSent(error.into_error().into()),
            None => HttpError::NoAnswer(error.into_error().into()),
        })
    }

    async fn collect(&mut self, response: Response<Incoming>, limit: usize) -> Result<Bytes, HttpError> {
        let body = Limited::new(response.into_body(), limit);
        match driven(&mut self.driver, body.collect()).await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(HttpError::TooLong),
            Err(error) => Err(HttpError::NoAnswer(error)),
        }
    }
}

fn offers(response: &Response<Incoming>) -> Offers {
    Offers::parse(response.headers().get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()))
}

fn unsent(error: HttpError) -> HttpError {
    match error {
        HttpError::NoAnswer(error) => HttpError::NotSent(error),
        error => error,
    }
}

fn drive(driver: &mut Option<Driver>, cx: &mut Context<'_>) {
    // What went wrong is said by the future that waits for the answer.
    if driver.as_mut().is_some_and(|driver| driver.as_mut().poll(cx).is_ready()) {
        *driver = None;
    }
}

/// Waits for `future` while the connection moves.
async fn driven<F: Future>(driver: &mut Option<Driver>, future: F) -> F::Output {
    let mut future = pin!(future);
    let mut begun = false;
    std::future::poll_fn(|cx| {
        drive(driver, cx);
        match future.as_mut().poll(cx) {
            // The future has just given the connection something to do. Later it wakes whoever should do more.
            Poll::Pending if driver.is_some() && !std::mem::replace(&mut begun, true) => {
                drive(driver, cx);
                future.as_mut().poll(cx)
            }
            poll => poll,
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::auth::{Anonymous, Authenticate as _, Peer};

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_ends_before_its_request_is_begun_has_sent_nothing() {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let endpoint = Endpoint::http("hv01");
        let session = Anonymous.session(Peer { endpoint: &endpoint, certificate: None }).expect("a session");
        let mut connection = HttpConnection::open(&endpoint, Box::new(ours), session).await.expect("a connection");
        assert!(connection.is_usable().await);
        drop(theirs);
        let posted = connection.post((Bytes::from_static(b"<a/>"), 100), |_| {}, |_| {});
        let posted = tokio::time::timeout(Duration::from_secs(60), posted).await.expect("it does not wait");
        assert!(matches!(posted, Err(HttpError::NotSent(_))));
    }
}
