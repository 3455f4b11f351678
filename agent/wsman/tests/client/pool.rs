//! Which connection a request takes, how long it stands in line for one, and how often a password is tried.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::header::HeaderValue;
use tokio::task::JoinSet;
use tokio::time::Instant;
use trunkline_wsman::auth::{Account, AuthError, Authenticate, Offers, Peer, Reply as Said, Session};
use trunkline_wsman::clock::SystemClock;
use trunkline_wsman::connect::{BoxFuture, Connect, Endpoint};
use trunkline_wsman::envelope::Response;
use trunkline_wsman::tls::Trust;
use trunkline_wsman::{Access, Client, Error, Secret, Settings};

use super::{Host, Reply, answer, client, host, path, vm};

const LONG: Duration = Duration::from_secs(30);

/// So many reads at once.
async fn reads(client: &Client, count: usize) -> Vec<Result<(), Error>> {
    let mut all = JoinSet::new();
    for _ in 0..count {
        let client = client.clone();
        all.spawn(async move { client.get(&path(1)).await.map(drop) });
    }
    all.join_all().await
}

#[tokio::test(start_paused = true)]
async fn a_request_stands_in_line_for_as_long_as_others_are_answered() {
    let host = host(|_, request| Reply::After(LONG, answer_body(request)));
    let client = client(&host);
    let begun = Instant::now();
    let read = reads(&client, 20).await;
    assert!(read.iter().all(Result::is_ok), "{read:?}");
    assert_eq!(begun.elapsed(), 5 * LONG);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_answers_nobody_costs_all_the_same_time() {
    let host = host(|_, _| Reply::Hang);
    let client = client(&host);
    let begun = Instant::now();
    let read = reads(&client, 20).await;
    let (sent, unsent): (Vec<_>, Vec<_>) = read.into_iter().filter_map(Result::err).partition(Error::outcome_unknown);
    assert_eq!((sent.len(), unsent.len(), begun.elapsed()), (4, 16, Duration::from_secs(90)));
    assert!(unsent.iter().all(|error| matches!(error, Error::Unreachable { .. })), "{unsent:?}");
}

fn answer_body(request: &trunkline_wsman::envelope::Envelope<trunkline_wsman::envelope::Request>) -> Vec<u8> {
    let Reply::Http(_, body) = answer(request, Response::Object(vm(1))) else { panic!("an answer has a body") };
    body
}

/// A way to authenticate that shakes hands, on whose password the host changes its mind.
#[derive(Debug)]
struct Guarded {
    account: Account,
    is_right: Arc<AtomicBool>,
    attempts: Arc<AtomicUsize>,
    seals: bool,
}

struct Shaking {
    said_first: bool,
    is_right: Arc<AtomicBool>,
    attempts: Arc<AtomicUsize>,
    seals: bool,
}

impl Authenticate for Guarded {
    fn session(&self, _peer: Peer<'_>) -> Result<Box<dyn Session>, AuthError> {
        let (is_right, attempts) = (Arc::clone(&self.is_right), Arc::clone(&self.attempts));
        Ok(Box::new(Shaking { said_first: false, is_right, attempts, seals: self.seals }))
    }

    fn account(&self) -> Option<&Account> {
        Some(&self.account)
    }
}

impl Session for Shaking {
    fn handshake<'a>(&'a mut self, _said: Option<&'a Said>) -> BoxFuture<'a, Result<Option<HeaderValue>, AuthError>> {
        let words = if std::mem::replace(&mut self.said_first, true) {
            self.attempts.fetch_add(1, Ordering::SeqCst);
            let is_right = self.is_right.load(Ordering::SeqCst);
            if is_right { Ok(None) } else { Err(AuthError::Refused { user: "agent".to_owned() }) }
        } else {
            Ok(Some(HeaderValue::from_static("Two first")))
        };
        Box::pin(async move { words })
    }

    fn refused(&self, _offers: &Offers) -> AuthError {
        AuthError::Forgotten { user: "agent".to_owned() }
    }

    fn seals(&self) -> bool {
        self.seals
    }
}

/// A client whose password is right until the switch says otherwise, and how often it was tried.
fn guarded(host: &Arc<Host>, seals: bool) -> (Client, Arc<AtomicBool>, Arc<AtomicUsize>) {
    let (is_right, attempts) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let account = Account { user: "agent".to_owned(), password: Secret::new("s3cret") };
    let authenticate = Arc::new(Guarded { account, is_right: Arc::clone(&is_right), attempts: Arc::clone(&attempts), seals });
    let connect: Arc<dyn Connect> = Arc::clone(host) as _;
    let access = Access { endpoint: Endpoint::http("hv01"), connect, trust: Trust::System, authenticate, clock: Arc::new(SystemClock) };
    (Client::new(access, Settings::default()).expect("a client"), is_right, attempts)
}

#[tokio::test(start_paused = true)]
async fn an_old_connection_that_lives_on_says_nothing_for_a_password_that_was_refused_since() {
    let host = host(|_, request| Reply::After(LONG, answer_body(request)));
    let (client, is_right, attempts) = guarded(&host, false);
    assert!(client.get(&path(1)).await.is_ok());
    is_right.store(false, Ordering::SeqCst);
    for _ in 0..5 {
        let read = reads(&client, 2).await;
        assert_eq!(read.iter().filter(|read| read.is_ok()).count(), 1, "{read:?}");
    }
    assert_eq!(attempts.load(Ordering::SeqCst), 2, "once right, once wrong; then it rests");
}

#[tokio::test(start_paused = true)]
async fn a_password_is_tried_once_when_every_connection_has_ended() {
    let host =
        host(|number, request| if number < 4 { Reply::After(LONG, answer_body(request)) } else { Reply::Last(answer_body(request)) });
    let (client, is_right, attempts) = guarded(&host, false);
    assert!(reads(&client, 4).await.iter().all(Result::is_ok));
    assert!(reads(&client, 4).await.iter().all(Result::is_ok), "the host closes after these");
    assert_eq!(attempts.swap(0, Ordering::SeqCst), 4);
    is_right.store(false, Ordering::SeqCst);
    assert!(reads(&client, 4).await.iter().all(Result::is_err));
    assert_eq!(attempts.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_refusal_without_a_seal_leaves_open_whether_the_request_was_carried_out() {
    let seen = Arc::new(Mutex::new(vec![]));
    let noted = Arc::clone(&seen);
    let host = host(move |number, request| {
        noted.lock().expect("actions").push(request.header.action.clone().unwrap_or_default());
        if number % 2 == 0 { Reply::Http(401, vec![]) } else { answer(request, Response::Object(vm(1))) }
    });
    let (client, ..) = guarded(&host, true);
    assert_eq!(client.get(&path(1)).await.expect("a read is repeated"), vm(1));
    let act = client.invoke(&path(1), "RequestStateChange", &[("RequestedState", 2_u16.into())]).await;
    let error = act.expect_err("an act is not");
    assert!(matches!(error, Error::NoAnswer { .. }) && error.outcome_unknown(), "{error:?}");
    assert_eq!(seen.lock().expect("actions").len(), 3);
}
