//! Authentication that TLS or a header carries, against a host in memory that says yes or no.

#![allow(missing_docs, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use trunkline_wsman::auth::{AuthError, Authenticate, Basic, ClientCertificate, ClientIdentity, IdentityError, Refusals};
use trunkline_wsman::clock::SystemClock;
use trunkline_wsman::connect::{BoxFuture, Connect, Endpoint, Stream};
use trunkline_wsman::tls::{Fingerprint, TlsError, Trust};
use trunkline_wsman::{Access, Client, Error, Secret, Settings};

const IDENTITY: &str = r#"<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><wsmid:IdentifyResponse
 xmlns:wsmid="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"><wsmid:ProtocolVersion>
http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd</wsmid:ProtocolVersion><wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>
<wsmid:ProductVersion>OS: 10.0.20348 SP: 0.0 Stack: 3.0</wsmid:ProductVersion></wsmid:IdentifyResponse></s:Body></s:Envelope>"#;

/// A host that lets in whoever says one of `welcome`.
struct Host {
    tls: TlsAcceptor,
    welcome: Mutex<Vec<&'static str>>,
    heard: Arc<Mutex<Vec<String>>>,
    tasks: Mutex<JoinSet<()>>,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Host")
    }
}

impl Connect for Host {
    fn connect<'a>(&'a self, _to: &'a Endpoint) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            let (tls, heard) = (self.tls.clone(), Arc::clone(&self.heard));
            let welcome = self.welcome.lock().expect("words").clone();
            self.tasks.lock().expect("tasks").spawn(async move {
                if let Ok(stream) = tls.accept(theirs).await {
                    serve(stream, &welcome, &heard).await;
                }
            });
            Ok(Box::new(ours) as Box<dyn Stream>)
        })
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, welcome: &[&str], heard: &Mutex<Vec<String>>) {
    let mut buffer = vec![];
    while let Ok(1..) = stream.read_buf(&mut buffer).await {
        let text = String::from_utf8_lossy(&buffer).into_owned();
        if !text.contains("Envelope>") {
            continue;
        }
        buffer.clear();
        let words = text.lines().find_map(|line| line.strip_prefix("authorization: ")).unwrap_or_default().to_owned();
        let answer = if welcome.contains(&words.as_str()) {
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\nContent-Length: {}\r\n\r\n{IDENTITY}", IDENTITY.len())
        } else {
            let offers = "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: Basic realm=\"WSMAN\"\r\n";
            format!("HTTP/1.1 401 Unauthorized\r\n{offers}Content-Length: 0\r\n\r\n")
        };
        heard.lock().expect("heard").push(words);
        // A slow host: whoever does not wait for the first answer is heard.
        tokio::time::sleep(Duration::from_millis(200)).await;
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// A certificate of its own authority, and its key.
fn certificate(name: &str) -> (String, String, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).expect("a certificate");
    (made.cert.pem(), made.signing_key.serialize_pem(), made.cert.der().to_vec())
}

/// A host that asks for the certificate of `client`, when there is one, and its own certificate.
fn host(client: Option<&[u8]>, welcome: &[&'static str]) -> (Arc<Host>, Trust) {
    let made = rcgen::generate_simple_self_signed(vec!["hv01".to_owned()]).expect("a certificate");
    let der = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().expect("versions");
    let config = match client {
        None => config.with_no_client_auth(),
        Some(client) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(client.to_vec().into()).expect("an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().expect("a verifier");
            config.with_client_cert_verifier(verifier)
        }
    };
    let config = config.with_single_cert(vec![der.clone()], key.into()).expect("a server");
    let tls = TlsAcceptor::from(Arc::new(config));
    let host = Host { tls, welcome: Mutex::new(welcome.to_vec()), heard: Arc::default(), tasks: Mutex::default() };
    (Arc::new(host), Trust::Pinned(Fingerprint::sha256(&der)))
}

fn client(host: &Arc<Host>, trust: &Trust, authenticate: impl Authenticate + 'static, refusals: &Refusals) -> Result<Client, TlsError> {
    let access = Access {
        endpoint: Endpoint::https("hv01"),
        connect: Arc::clone(host) as _,
        trust: trust.clone(),
        authenticate: Arc::new(authenticate),
        clock: Arc::new(SystemClock),
    };
    Client::new(access, Settings { refusals: refusals.clone(), ..Settings::default() })
}

const MUTUAL: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual";

#[tokio::test]
async fn a_client_certificate_is_shown_by_tls_and_named_in_each_request() {
    let (pem, key, der) = certificate("agent");
    let (host, trust) = host(Some(&der), &[MUTUAL]);
    let identity = ClientIdentity::from_pem(pem.as_bytes(), key.as_bytes()).expect("an identity");
    assert!(!format!("{identity:?}").contains(&key[60..80]));
    let client = client(&host, &trust, ClientCertificate(identity), &Refusals::default()).expect("a client");
    client.identify().await.expect("let in");
    assert_eq!(*host.heard.lock().expect("heard"), [MUTUAL]);
}

#[tokio::test]
async fn without_the_right_certificate_nobody_is_let_in() {
    let ((pem, key, _), (_, other_key, other)) = (certificate("agent"), certificate("other"));
    let (asking, trust) = host(Some(&other), &[MUTUAL]);
    let identity = || ClientIdentity::from_pem(pem.as_bytes(), key.as_bytes()).expect("an identity");
    let error = client(&asking, &trust, ClientCertificate(identity()), &Refusals::default()).expect("a client").identify().await;
    assert!(error.is_err() && asking.heard.lock().expect("heard").is_empty(), "{error:?}");
    // A host that knows no account for it says 401.
    let (deaf, trust) = host(None, &[]);
    let error = client(&deaf, &trust, ClientCertificate(identity()), &Refusals::default()).expect("a client").identify().await;
    assert!(matches!(error, Err(Error::Unauthorized { source: AuthError::CertificateRefused, .. })), "{error:?}");
    // A key of another certificate does not go with it.
    let mixed = ClientIdentity::from_pem(pem.as_bytes(), other_key.as_bytes()).expect("both are readable");
    let error = client(&deaf, &trust, ClientCertificate(mixed), &Refusals::default());
    assert!(matches!(error, Err(TlsError::Identity(_))), "{error:?}");
    assert_eq!(ClientIdentity::from_pem(key.as_bytes(), key.as_bytes()), Err(IdentityError::Certificate));
    assert_eq!(ClientIdentity::from_pem(pem.as_bytes(), pem.as_bytes()), Err(IdentityError::Key));
}

const RIGHT: &str = "Basic YWdlbnQ6cmlnaHQ=";

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_tried_once_by_four_connections_and_by_their_successors() {
    let (host, trust) = host(None, &[RIGHT]);
    let refusals = Refusals::default();
    let with = |password: &str| client(&host, &trust, Basic::new("agent", Secret::new(password)), &refusals).expect("a client");
    let heard = || host.heard.lock().expect("heard").len();
    let wrong = with("wrong");
    let (a, b, c, d) = tokio::join!(wrong.identify(), wrong.identify(), wrong.identify(), wrong.identify());
    let refused = [&a, &b, &c, &d].into_iter().filter(|e| matches!(e, Err(Error::Unauthorized { source: AuthError::Refused { .. }, .. })));
    assert_eq!((refused.count(), heard()), (1, 1), "{a:?} {b:?} {c:?} {d:?}");
    // Another client of the same process is told so without asking the host.
    let error = with("wrong").identify().await.expect_err("rests");
    assert!(matches!(error, Error::Unauthorized { source: AuthError::Resting { .. }, .. }) && !error.outcome_unknown(), "{error:?}");
    assert_eq!(heard(), 1);
    // Another password is not held back, and then all go at once.
    let right = with("right");
    right.identify().await.expect("let in");
    let (a, b, c) = tokio::join!(right.identify(), right.identify(), right.identify());
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(heard(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_password_that_becomes_wrong_is_noticed_and_one_that_becomes_right_is_tried_after_its_rest() {
    let (host, trust) = host(None, &[RIGHT]);
    let client = client(&host, &trust, Basic::new("agent", Secret::new("right")), &Refusals::default()).expect("a client");
    client.identify().await.expect("let in");
    host.welcome.lock().expect("words").clear();
    // The connection that was let in knows the old words; it is closed, and the next one learns.
    host.tasks.lock().expect("tasks").abort_all();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(matches!(client.identify().await, Err(Error::Unauthorized { source: AuthError::Refused { .. }, .. })));
    host.welcome.lock().expect("words").push(RIGHT);
    assert!(matches!(client.identify().await, Err(Error::Unauthorized { source: AuthError::Resting { seconds: 1..=600, .. }, .. })));
    tokio::time::sleep(Duration::from_secs(600)).await;
    client.identify().await.expect("let in again");
}
