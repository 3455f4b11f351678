//! The client against a hand-written server in memory: HTTP/1.1 in forty lines, and answers as Windows writes them.

#![allow(missing_docs, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "client/cut.rs"]
mod cut;
#[path = "client/enumerate.rs"]
mod enumerate;
#[path = "client/events.rs"]
mod events;
#[path = "client/faults.rs"]
mod faults;
#[path = "client/pool.rs"]
mod pool;
#[path = "client/shell.rs"]
mod shell;
#[path = "client/trace.rs"]
mod trace;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::header::HeaderValue;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::task::JoinSet;
use trunkline_wsman::auth::{Anonymous, AuthError, Authenticate, Basic, Offers, Peer, Reply as Said, Session};
use trunkline_wsman::cim::endpoint::EndpointReference;
use trunkline_wsman::cim::{CimInstance, CimPath, CimType, CimValue, Key, Name, Namespace};
use trunkline_wsman::clock::{SystemClock, TokioClock};
use trunkline_wsman::connect::{BoxFuture, Connect, Endpoint, Stream, TcpConnect};
use trunkline_wsman::envelope::{Envelope, FilterBody, Header, Identity, Item, Output, Page, Request, Response};
use trunkline_wsman::fault::{Fault, FaultKind};
use trunkline_wsman::resource::{Naming, ResourceUri};
use trunkline_wsman::schema::Declared;
use trunkline_wsman::tls::{Fingerprint, Trust};
use trunkline_wsman::xml::Limits;
use trunkline_wsman::{Access, Client, Disposition, Error, Secret, Settings};

/// What the server does with a request.
enum Reply {
    Http(u16, Vec<u8>),
    /// Closes without an answer.
    Cut,
    /// Closes after so many octets of the answer.
    CutAfter(usize, Vec<u8>),
    /// Never answers.
    Hang,
    /// Answers, then closes though the client could go on.
    Last(Vec<u8>),
    /// Answers after so long.
    After(Duration, Vec<u8>),
}

type Script = dyn Fn(usize, &Envelope<Request>) -> Reply + Send + Sync;

/// A host in memory.
struct Host {
    script: Arc<Script>,
    requests: Arc<AtomicUsize>,
    connections: AtomicUsize,
    heads: Arc<Mutex<Vec<String>>>,
    tls: Option<tokio_rustls::TlsAcceptor>,
    tasks: Mutex<JoinSet<()>>,
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Host")
    }
}

impl Connect for Host {
    fn connect<'a>(&'a self, to: &'a Endpoint) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            if to.host == "nowhere" {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            self.connections.fetch_add(1, Ordering::SeqCst);
            let (ours, theirs): (DuplexStream, DuplexStream) = tokio::io::duplex(1 << 16);
            let (script, requests, heads) = (Arc::clone(&self.script), Arc::clone(&self.requests), Arc::clone(&self.heads));
            let tls = self.tls.clone();
            self.tasks.lock().expect("tasks").spawn(async move {
                match tls {
                    None => serve(theirs, &*script, &requests, &heads).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(theirs).await {
                            serve(stream, &*script, &requests, &heads).await;
                        }
                    }
                }
            });
            Ok(Box::new(ours) as Box<dyn Stream>)
        })
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, script: &Script, requests: &AtomicUsize, heads: &Mutex<Vec<String>>) {
    let mut buffer = vec![];
    loop {
        let (head, body) = loop {
            let text = String::from_utf8_lossy(&buffer).into_owned();
            if let Some((head, rest)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
                let length: usize = length.map_or(0, |l| l.parse().expect("a length"));
                if rest.len() >= length {
                    break (head.to_owned(), rest[..length].to_owned());
                }
            }
            match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        };
        buffer.clear();
        heads.lock().expect("heads").push(head);
        if body.is_empty() {
            let _ = stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Two c2Vjb25k\r\nContent-Length: 0\r\n\r\n").await;
            continue;
        }
        let number = requests.fetch_add(1, Ordering::SeqCst);
        let request = Envelope::<Request>::decode(&body, Limits::default()).expect("a request");
        let http = |status: u16, body: &[u8]| {
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: application/soap+xml;charset=UTF-8\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            [head.as_bytes(), body].concat()
        };
        let result = match script(number, &request) {
            Reply::Http(status, body) => stream.write_all(&http(status, &body)).await,
            Reply::Last(body) => {
                let _ = stream.write_all(&http(200, &body)).await;
                return;
            }
            Reply::After(time, body) => {
                tokio::time::sleep(time).await;
                stream.write_all(&http(200, &body)).await
            }
            Reply::Cut => return,
            Reply::CutAfter(octets, body) => {
                let _ = stream.write_all(&http(200, &body)[..octets]).await;
                return;
            }
            Reply::Hang => std::future::pending().await,
        };
        if result.is_err() {
            return;
        }
    }
}

fn host(script: impl Fn(usize, &Envelope<Request>) -> Reply + Send + Sync + 'static) -> Arc<Host> {
    Arc::new(Host {
        script: Arc::new(script),
        requests: Arc::default(),
        connections: AtomicUsize::new(0),
        heads: Arc::default(),
        tls: None,
        tasks: Mutex::default(),
    })
}

fn client_to(host: &Arc<Host>, endpoint: Endpoint, trust: Trust, settings: Settings) -> Client {
    let connect: Arc<dyn Connect> = Arc::clone(host) as _;
    let access = Access { endpoint, connect, trust, authenticate: Arc::new(Anonymous), clock: Arc::new(SystemClock) };
    Client::new(access, settings).expect("a client")
}

fn client(host: &Arc<Host>) -> Client {
    client_to(host, Endpoint::http("hv01"), Trust::System, Settings::default())
}

fn answer(request: &Envelope<Request>, body: Response) -> Reply {
    let naming = Naming::answering(request.header.resource.as_ref(), &request.header.selectors);
    let (action, status) = match &body {
        Response::Fault(fault) => (Some(fault.action()), 500),
        _ => (None, 200),
    };
    Reply::Http(status, Envelope { header: request.header.answer(action), body }.encode(&naming).into_bytes())
}

fn vm(number: u32) -> CimInstance {
    CimInstance::new("Msvm_ComputerSystem").with("ElementName", format!("vm{number}")).with("ProcessID", number)
}

fn path(number: u32) -> CimPath {
    CimPath::class_of(Namespace::VIRTUALIZATION, "Msvm_ComputerSystem")
        .with_key("CreationClassName", "Msvm_ComputerSystem")
        .with_key("Name", format!("vm{number}"))
}

fn page(context: Option<&str>, items: Vec<Item>, end: bool) -> Page {
    Page { context: context.map(str::to_owned), items, end }
}

const ALL: &str = "SELECT * FROM Msvm_ComputerSystem";

#[tokio::test]
async fn a_query_follows_every_page_with_the_newest_context() {
    let host = host(|number, request| match (number, &request.body) {
        (0, Request::Enumerate(begin)) => {
            assert!(begin.optimize && begin.max_elements == Some(512));
            assert_eq!(request.header.max_envelope_size, Some(512_000));
            answer(request, Response::Enumerate(page(Some("uuid:1"), vec![Item::Object(vm(1))], false)))
        }
        (1, Request::Pull(pull)) if pull.context == "uuid:1" => {
            answer(request, Response::Pull(page(Some("uuid:2"), vec![Item::Object(vm(2)), Item::Object(vm(3))], false)))
        }
        (2, Request::Pull(pull)) if pull.context == "uuid:2" => {
            answer(request, Response::Pull(page(None, vec![Item::Object(vm(4))], true)))
        }
        other => panic!("{other:?}"),
    });
    let client = client(&host);
    let found = client.query(&Namespace::VIRTUALIZATION, ALL).await.expect("found");
    let ids: Vec<_> = found.iter().map(|i| i.unsigned("ProcessID").expect("a number")).collect();
    assert_eq!(ids, [Some(1), Some(2), Some(3), Some(4)]);
    assert_eq!(client.requests(), 3);
    assert_eq!(host.connections.load(Ordering::SeqCst), 1, "one connection serves them all");
}

#[tokio::test]
async fn a_query_that_fits_one_answer_is_one_request() {
    let host = host(|_, request| answer(request, Response::Enumerate(page(None, vec![Item::Object(vm(1))], true))));
    let client = client(&host);
    assert_eq!(client.query(&Namespace::VIRTUALIZATION, ALL).await.expect("found").len(), 1);
    assert_eq!(client.requests(), 1);
}

#[tokio::test]
async fn a_query_that_finds_nothing_is_empty_in_both_forms() {
    for optimised in [true, false] {
        let host = host(move |number, request| match number {
            0 if optimised => answer(request, Response::Enumerate(page(None, vec![], true))),
            0 => answer(request, Response::Enumerate(page(Some("uuid:1"), vec![], false))),
            _ => answer(request, Response::Pull(page(None, vec![], true))),
        });
        assert_eq!(client(&host).query(&Namespace::CIMV2, "SELECT * FROM X").await.expect("nothing"), vec![]);
    }
}

#[tokio::test]
async fn an_enumeration_without_end_is_released_and_refused() {
    let host = host(|_, request| match &request.body {
        Request::Enumerate(_) => answer(request, Response::Enumerate(page(Some("uuid:0"), vec![], false))),
        Request::Pull(_) => answer(request, Response::Pull(page(Some("uuid:1"), vec![], false))),
        Request::Release { context } if context == "uuid:1" => answer(request, Response::Empty),
        other => panic!("{other:?}"),
    });
    let client = client(&host);
    let error = client.query(&Namespace::CIMV2, "SELECT * FROM X").await.expect_err("no end");
    assert!(matches!(error, Error::BadAnswer { .. }), "{error:?}");
    assert_eq!(client.requests(), 1 + 16 + 1);
}

#[tokio::test]
async fn paths_come_alone_or_with_their_objects() {
    let host = host(|_, request| {
        let Request::Enumerate(begin) = &request.body else { panic!() };
        let item = match begin.mode {
            trunkline_wsman::envelope::Enumeration::References => Item::Path(path(1)),
            _ => Item::ObjectAndPath(vm(1), path(1)),
        };
        answer(request, Response::Enumerate(page(None, vec![item], true)))
    });
    let client = client(&host);
    assert_eq!(client.enumerate_paths(&Namespace::VIRTUALIZATION, ALL).await.expect("paths"), [path(1)]);
    assert_eq!(client.query_with_paths(&Namespace::VIRTUALIZATION, ALL).await.expect("pairs"), [(path(1), vm(1))]);
}

#[tokio::test]
async fn instances_are_read_changed_made_and_removed() {
    let host = host(|_, request| {
        let at = request.header.resource.as_ref().and_then(|r| r.path(&request.header.selectors)).expect("a path");
        match &request.body {
            Request::Get if at == path(1) => answer(request, Response::Object(vm(1))),
            Request::Get => answer(request, Response::Fault(Box::new(Fault::service(2_150_858_752, "gone").on("HV01")))),
            Request::Put(payload) => answer(request, Response::Object(payload.instance(&Namespace::VIRTUALIZATION))),
            Request::Create(_) => answer(request, Response::Created((&path(9)).into())),
            Request::Delete => answer(request, Response::Empty),
            other => panic!("{other:?}"),
        }
    });
    let client = client(&host);
    assert_eq!(client.get(&path(1)).await.expect("there"), vm(1));
    let gone = client.get(&path(2)).await.expect_err("gone");
    assert!(gone.is_not_found() && !gone.outcome_unknown());
    assert_eq!(client.put(&path(1), &vm(7)).await.expect("put"), vm(7));
    assert_eq!(client.create(&Namespace::VIRTUALIZATION, &vm(9)).await.expect("made"), path(9));
    client.delete(&path(9)).await.expect("removed");
}

#[tokio::test]
async fn a_method_takes_references_and_embedded_instances_and_gives_a_job() {
    let job = CimPath::class_of(Namespace::VIRTUALIZATION, "Msvm_ConcreteJob").with_key("InstanceID", "4D90");
    let given = job.clone();
    let host = host(move |_, request| {
        let Request::Invoke(call) = &request.body else { panic!("{request:?}") };
        let declared = |cim, array| Some(Declared { cim: Some(cim), array, class: None });
        let target = call.value("AffectedConfiguration", declared(CimType::Reference, false));
        assert_eq!(target, Some(path(1).into()));
        let Some(CimValue::Array(disks)) = call.value("ResourceSettings", declared(CimType::EmbeddedInstance, true)) else { panic!() };
        let [CimValue::Instance(disk), CimValue::Instance(_)] = &disks[..] else { panic!("{disks:?}") };
        assert_eq!(disk.texts("HostResource"), Ok(vec![r"C:\a & b.vhdx"]));
        let values = CimInstance::new("AddResourceSettings_OUTPUT")
            .with("Job", given.clone())
            .with("ReturnValue", 4096_u32)
            .with("ResultingResourceSettings", CimValue::Array(vec![path(5).into()]));
        let class = request.header.resource.as_ref().and_then(|r| r.class()).expect("a class").clone();
        answer(request, Response::Output(Output { class, method: call.method.clone(), values }))
    });
    let service = CimPath::class_of(Namespace::VIRTUALIZATION, "Msvm_VirtualSystemManagementService")
        .with_key("CreationClassName", "Msvm_VirtualSystemManagementService");
    let disk =
        CimInstance::new("Msvm_StorageAllocationSettingData").with("ResourceType", 31_u16).with("HostResource", vec![r"C:\a & b.vhdx"]);
    let values = [("AffectedConfiguration", path(1).into()), ("ResourceSettings", vec![disk.clone(), disk].into())];
    let output = client(&host).invoke(&service, "AddResourceSettings", &values).await.expect("output");
    assert_eq!(output.return_value, 4096);
    assert_eq!(output.out.get("Job"), &CimValue::from(job));
    assert_eq!(output.out.get("ResultingResourceSettings"), &CimValue::Array(vec![path(5).into()]));
}

#[tokio::test]
async fn a_call_that_contradicts_the_table_is_not_sent() {
    let host = host(|_, _| panic!("nothing may arrive"));
    let client = client(&host);
    let error = client.invoke(&path(1), "RequestStateChange", &[("RequestedState", "two".into())]).await.expect_err("refused");
    assert!(matches!(error, Error::Refused { .. }) && !error.outcome_unknown());
    assert_eq!((client.requests(), error.disposition()), (0, Disposition::Stall));
}

#[tokio::test]
async fn a_cut_connection_leaves_the_outcome_unknown_and_nothing_is_repeated() {
    let host = host(|_, _| Reply::Cut);
    let client = client(&host);
    let error = client.invoke(&path(1), "RequestStateChange", &[("RequestedState", 2_u16.into())]).await.expect_err("cut");
    assert!(matches!(error, Error::NoAnswer { .. }), "{error:?}");
    assert!(error.outcome_unknown());
    assert_eq!(host.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_answer_that_is_cut_anywhere_is_an_error_in_time() {
    let full = Arc::new(Mutex::new(0));
    let length = Arc::clone(&full);
    for cut in 0.. {
        let length = Arc::clone(&length);
        let host = host(move |_, request| {
            let Reply::Http(_, body) = answer(request, Response::Object(vm(1))) else { panic!() };
            *length.lock().expect("length") = body.len();
            Reply::CutAfter(cut * 37, body)
        });
        let error = client(&host).get(&path(1)).await.expect_err("cut");
        assert!(error.outcome_unknown(), "cut after {}: {error:?}", cut * 37);
        if (cut + 1) * 37 >= *full.lock().expect("length") {
            break;
        }
    }
}

#[tokio::test]
async fn a_connection_that_the_host_closed_while_idle_is_replaced() {
    let host = host(|_, request| match answer(request, Response::Object(vm(1))) {
        Reply::Http(_, body) => Reply::Last(body),
        other => other,
    });
    let client = client(&host);
    for _ in 0..3 {
        client.get(&path(1)).await.expect("there");
        tokio::task::yield_now().await;
    }
    assert_eq!((client.requests(), host.connections.load(Ordering::SeqCst)), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_never_answers_costs_the_total_timeout() {
    let host = host(|_, _| Reply::Hang);
    let client = client(&host).with_timeout(Duration::from_secs(10));
    let begun = tokio::time::Instant::now();
    let error = client.get(&path(1)).await.expect_err("hangs");
    assert!(matches!(error, Error::NoAnswer { .. }) && error.outcome_unknown());
    assert_eq!(begun.elapsed().as_secs(), 15);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_closes_its_connection() {
    let host = host(|number, request| if number == 0 { Reply::Hang } else { answer(request, Response::Object(vm(1))) });
    let client = client_to(&host, Endpoint::http("hv01"), Trust::System, Settings { connections: 1, ..Settings::default() });
    let dropped = tokio::time::timeout(Duration::from_secs(1), client.get(&path(1))).await;
    assert!(dropped.is_err());
    assert_eq!(client.get(&path(1)).await.expect("there"), vm(1));
    assert_eq!(host.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn no_more_requests_are_in_flight_than_there_are_connections() {
    let host = host(|_, request| answer(request, Response::Object(vm(1))));
    let client = client_to(&host, Endpoint::http("hv01"), Trust::System, Settings { connections: 2, ..Settings::default() });
    let mut all = JoinSet::new();
    for _ in 0..20 {
        let client = client.clone();
        all.spawn(async move { client.get(&path(1)).await.expect("there") });
    }
    assert_eq!(all.join_all().await.len(), 20);
    assert!(host.connections.load(Ordering::SeqCst) <= 2);
}

#[tokio::test]
async fn a_host_says_who_it_is() {
    let identity = Identity {
        protocol: "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd".to_owned(),
        vendor: "Microsoft Corporation".to_owned(),
        version: "OS: 10.0.20348 SP: 0.0 Stack: 3.0".to_owned(),
        security_profiles: vec!["http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/http/basic".to_owned()],
    };
    let said = identity.clone();
    let host = host(move |_, request| {
        assert_eq!((&request.body, &request.header), (&Request::Identify, &Header::default()));
        answer(request, Response::Identify(said.clone()))
    });
    assert_eq!(client(&host).identify().await.expect("an identity"), identity);
}

#[tokio::test]
async fn a_host_that_is_not_there_was_sent_nothing() {
    let host = host(|_, _| panic!("nothing may arrive"));
    let client = client_to(&host, Endpoint::http("nowhere"), Trust::System, Settings::default());
    let error = client.identify().await.expect_err("nobody");
    assert!(matches!(error, Error::Unreachable { .. }) && !error.outcome_unknown());
    assert_eq!((client.requests(), error.disposition()), (0, Disposition::Retry));
}

#[tokio::test]
async fn a_host_that_is_reached_elsewhere_is_asked_under_its_own_name() {
    let host = host(|_, request| answer(request, Response::Object(vm(1))));
    #[derive(Debug)]
    struct Elsewhere(Arc<Host>);
    impl Connect for Elsewhere {
        fn connect<'a>(&'a self, to: &'a Endpoint) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
            assert_eq!((to.host.as_str(), to.port), ("hv77", 5985));
            self.0.connect(to)
        }
    }
    let access = Access {
        endpoint: Endpoint::http("hv77"),
        connect: Arc::new(Elsewhere(Arc::clone(&host))),
        trust: Trust::System,
        authenticate: Arc::new(Anonymous),
        clock: Arc::new(SystemClock),
    };
    Client::new(access, Settings::default()).expect("a client").get(&path(1)).await.expect("there");
    assert!(host.heads.lock().expect("heads")[0].contains("host: hv77:5985"));
}

#[tokio::test]
async fn http_statuses_without_an_envelope_say_what_they_mean() {
    let mut said = vec![];
    for (status, body) in [(401, ""), (404, ""), (413, ""), (500, ""), (503, "x"), (200, "no xml"), (200, "<a/>")] {
        let host = host(move |_, _| Reply::Http(status, body.as_bytes().to_vec()));
        let error = client(&host).get(&path(1)).await.expect_err("no answer");
        said.push(format!("{status} {error}; {}; {:?}", error.outcome_unknown(), error.disposition()));
    }
    insta::assert_snapshot!(said.join("\n"), @r"
    401 `Get` was not carried out: `http://hv01:5985/wsman` does not let us in; false; Stall
    404 `http://hv01:5985/wsman` answered `Get` with HTTP status 404: nothing listens at this path; false; Stall
    413 `http://hv01:5985/wsman` answered `Get` with HTTP status 413: the request is longer than the host reads; false; Stall
    500 `http://hv01:5985/wsman` answered `Get` with HTTP status 500: the service failed without a word; true; Retry
    503 `http://hv01:5985/wsman` answered `Get` with HTTP status 503: the service is not ready; true; Retry
    200 `http://hv01:5985/wsman` answered `Get` with something that is no answer to it; true; Stall
    200 `http://hv01:5985/wsman` answered `Get` with something that is no answer to it; true; Stall
    ");
}

#[tokio::test]
async fn an_answer_longer_than_the_limit_is_not_read() {
    let host = host(|_, _| Reply::Http(200, vec![b' '; 3_000_000]));
    let error = client(&host).get(&path(1)).await.expect_err("too long");
    assert!(matches!(error, Error::AnswerTooLong { limit: 1_601_536, .. }), "{error:?}");
}

#[tokio::test]
async fn an_answer_to_another_request_is_not_taken() {
    let host = host(|_, request| {
        let mut header: Header = request.header.answer(None);
        header.relates_to = Some("uuid:another".to_owned());
        let naming = Naming::Microsoft(Namespace::VIRTUALIZATION);
        Reply::Http(200, Envelope { header, body: Response::Object(vm(1)) }.encode(&naming).into_bytes())
    });
    let error = client(&host).get(&path(1)).await.expect_err("another's");
    assert!(matches!(error, Error::BadAnswer { .. }));
}

#[tokio::test]
async fn a_timeout_fault_leaves_the_outcome_unknown_and_a_quota_asks_to_try_later() {
    for (code, kind, unknown, next) in [
        (2_150_858_793, FaultKind::TimedOut, true, Disposition::Retry),
        (2_150_859_174, FaultKind::QuotaLimit, false, Disposition::Retry),
        (5, FaultKind::AccessDenied, false, Disposition::Stall),
    ] {
        let host = host(move |_, request| answer(request, Response::Fault(Box::new(Fault::service(code, "no")))));
        let error = client(&host).get(&path(1)).await.expect_err("a fault");
        assert_eq!(error.fault().expect("a fault").kind(), kind);
        assert_eq!((error.outcome_unknown(), error.disposition()), (unknown, next));
    }
}

/// A certificate for `hv01`, and the server side of TLS with it.
fn certificate() -> (Vec<u8>, tokio_rustls::TlsAcceptor, String) {
    let made = rcgen::generate_simple_self_signed(vec!["hv01".to_owned()]).expect("a certificate");
    let der = made.cert.der().clone();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![der.clone()], key.into())
        .expect("a server");
    (der.to_vec(), tokio_rustls::TlsAcceptor::from(Arc::new(config)), made.cert.pem())
}

fn tls_host(acceptor: tokio_rustls::TlsAcceptor) -> Arc<Host> {
    let plain = host(|_, request| answer(request, Response::Object(vm(1))));
    let mut plain = Arc::into_inner(plain).expect("only ours");
    plain.tls = Some(acceptor);
    Arc::new(plain)
}

#[tokio::test]
async fn a_pinned_or_named_certificate_is_trusted_and_no_other() {
    let (der, acceptor, pem) = certificate();
    let (other, _, _) = certificate();
    let trusts = [
        (Trust::Pinned(Fingerprint::sha256(&der)), true),
        (Trust::Pinned(Fingerprint::sha1(&der)), true),
        (Trust::Authorities(pem.into_bytes()), true),
        (Trust::Pinned(Fingerprint::sha256(&other)), false),
        (Trust::Pinned(Fingerprint::sha1(&other)), false),
    ];
    for (trust, trusted) in trusts {
        let host = tls_host(acceptor.clone());
        let client = client_to(&host, Endpoint::https("hv01"), trust.clone(), Settings::default());
        match client.get(&path(1)).await {
            Ok(instance) => assert!(trusted && instance == vm(1), "{trust:?}"),
            Err(error) => {
                let Error::Untrusted { source, .. } = &error else { panic!("{trust:?}: {error:?}") };
                let (shown, expected) = match trust {
                    Trust::Pinned(pin @ Fingerprint::Sha1(_)) => (Fingerprint::sha1(&der), pin),
                    Trust::Pinned(pin) => (Fingerprint::sha256(&der), pin),
                    Trust::System | Trust::Authorities(_) => panic!("{trust:?}: {error:?}"),
                };
                assert!(!trusted);
                assert_eq!(source.to_string(), format!("its certificate has the fingerprint {shown}, expected is {expected}"));
                assert!(!error.outcome_unknown() && error.disposition() == Disposition::Stall);
            }
        }
        assert_eq!(host.requests.load(Ordering::SeqCst), usize::from(trusted));
    }
}

#[tokio::test]
async fn certificates_are_judged_by_the_clock_that_is_given() {
    let (_, acceptor, pem) = certificate();
    for (now, trusted) in [("2026-01-01T00:00:00Z", true), ("4200-01-01T00:00:00Z", false)] {
        let host = tls_host(acceptor.clone());
        let access = Access {
            endpoint: Endpoint::https("hv01"),
            connect: Arc::clone(&host) as _,
            trust: Trust::Authorities(pem.clone().into_bytes()),
            authenticate: Arc::new(Anonymous),
            clock: Arc::new(TokioClock::starting_at(now.parse().expect("an instant"))),
        };
        let answered = Client::new(access, Settings::default()).expect("a client").get(&path(1)).await;
        assert_eq!(answered.is_ok(), trusted, "{now}: {answered:?}");
        assert!(trusted || matches!(answered, Err(Error::Untrusted { .. })));
    }
}

#[tokio::test]
async fn a_host_that_speaks_no_tls_is_out_of_reach_and_was_sent_nothing() {
    let host = host(|_, _| panic!("nothing may arrive"));
    let client = client_to(&host, Endpoint::https("hv01"), Trust::Pinned(Fingerprint::Sha1([0; 20])), Settings::default());
    let client = client.with_timeout(Duration::from_millis(200));
    let error = client.get(&path(1)).await.expect_err("no TLS");
    assert!(!error.outcome_unknown(), "{error:?}");
    assert_eq!(client.requests(), 0);
}

#[tokio::test]
async fn a_real_socket_carries_it_too() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let script = |_: usize, request: &Envelope<Request>| answer(request, Response::Object(vm(1)));
        serve(stream, &script, &AtomicUsize::new(0), &Mutex::default()).await;
    });
    let access = |port| Access {
        endpoint: Endpoint { port, ..Endpoint::http("127.0.0.1") },
        connect: Arc::new(TcpConnect::default()),
        trust: Trust::System,
        authenticate: Arc::new(Anonymous),
        clock: Arc::new(SystemClock),
    };
    let client = Client::new(access(port), Settings::default()).expect("a client");
    assert_eq!(client.get(&path(1)).await.expect("there"), vm(1));
    drop(client);
    tasks.join_all().await;
    let client = Client::new(access(port), Settings::default()).expect("a client");
    assert!(matches!(client.get(&path(1)).await, Err(Error::Unreachable { .. })), "the port is closed again");
}

#[tokio::test]
async fn basic_goes_over_tls_with_each_request_and_never_over_http() {
    let (der, acceptor, _) = certificate();
    let host = tls_host(acceptor);
    let basic = Arc::new(Basic::new("agent", Secret::new("s3cret")));
    let access = |endpoint| Access {
        endpoint,
        connect: Arc::clone(&host) as _,
        trust: Trust::Pinned(Fingerprint::sha256(&der)),
        authenticate: Arc::clone(&basic) as _,
        clock: Arc::new(SystemClock),
    };
    let client = Client::new(access(Endpoint::https("hv01")), Settings::default()).expect("a client");
    client.get(&path(1)).await.expect("there");
    client.get(&path(1)).await.expect("there");
    let heads = host.heads.lock().expect("heads").clone();
    assert!(heads.len() == 2 && heads.iter().all(|head| head.contains("authorization: Basic YWdlbnQ6czNjcmV0")));
    assert_eq!(host.connections.load(Ordering::SeqCst), 1, "a connection with TLS is used again");
    let clear = Client::new(access(Endpoint::http("hv01")), Settings::default()).expect("a client");
    let error = clear.get(&path(1)).await.expect_err("in clear");
    assert!(matches!(error, Error::Unauthorized { source: AuthError::InClear { .. }, .. }), "{error:?}");
}

/// A way to authenticate that needs two steps on each connection, as Negotiate does.
#[derive(Debug)]
struct TwoSteps;
struct TwoStepsOnce(u8);

impl Authenticate for TwoSteps {
    fn session(&self, _peer: Peer<'_>) -> Result<Box<dyn Session>, AuthError> {
        Ok(Box::new(TwoStepsOnce(0)))
    }
}

impl Session for TwoStepsOnce {
    fn handshake<'a>(&'a mut self, said: Option<&'a Said>) -> BoxFuture<'a, Result<Option<HeaderValue>, AuthError>> {
        self.0 += 1;
        let words = match (self.0, said.and_then(|said| said.offers.find("Two"))) {
            (1, None) => Some(HeaderValue::from_static("Two first")),
            (2, Some(offer)) if offer.token == b"second" => Some(HeaderValue::from_static("Two third")),
            (3, Some(_)) => None,
            other => panic!("{other:?}"),
        };
        Box::pin(async move { Ok(words) })
    }

    fn refused(&self, _offers: &Offers) -> AuthError {
        AuthError::Forgotten { user: "two".to_owned() }
    }
}

#[tokio::test]
async fn a_session_may_shake_hands_before_the_first_request_of_a_connection() {
    let host = host(|_, request| answer(request, Response::Object(vm(1))));
    let access = Access {
        endpoint: Endpoint::http("hv01"),
        connect: Arc::clone(&host) as _,
        trust: Trust::System,
        authenticate: Arc::new(TwoSteps),
        clock: Arc::new(SystemClock),
    };
    let client = Client::new(access, Settings::default()).expect("a client");
    client.get(&path(1)).await.expect("there");
    client.get(&path(1)).await.expect("there");
    let heads = host.heads.lock().expect("heads").clone();
    assert_eq!(heads.iter().filter(|h| h.contains("Two ")).count(), 2);
    assert_eq!((heads.len(), client.requests()), (4, 2));
}
