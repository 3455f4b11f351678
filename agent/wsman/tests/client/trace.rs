//! The trace: what is written, what is not, and that it can be read again.

use std::path::PathBuf;

use trunkline_wsman::auth::Cleartext;
use trunkline_wsman::shell::Program;
use trunkline_wsman::trace::{Record, Trace, TraceLimits};

use super::*;

/// A directory that goes away with it.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("trace-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn trace(&self, limits: TraceLimits) -> Arc<Trace> {
        Arc::new(Trace::open(&self.0, limits, Arc::new(SystemClock)).expect("a trace"))
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = std::fs::read_dir(&self.0).expect("files").map(|f| f.expect("a file").path()).collect();
        files.sort();
        files
    }

    fn records(&self) -> Vec<Record> {
        self.files().iter().map(|file| std::fs::read_to_string(file).expect("text").parse().expect("a record")).collect()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn traced(host: &Arc<Host>, trace: &Arc<Trace>) -> Client {
    let settings = Settings { trace: Some(Arc::clone(trace)), ..Settings::default() };
    client_to(host, Endpoint::http("hv01"), Trust::System, settings)
}

#[tokio::test]
async fn a_traced_exchange_is_a_fixture_that_can_be_replayed() {
    let directory = Directory::new("replay");
    let live = host(|_, request| answer(request, Response::Object(vm(1))));
    let found = traced(&live, &directory.trace(TraceLimits::default())).get(&path(1)).await.expect("there");
    let [record] = &directory.records()[..] else { panic!("one exchange") };
    assert_eq!((record.act.as_str(), record.endpoint.as_str()), ("Get", "http://hv01:5985/wsman"));
    let request = Envelope::<Request>::decode(&record.request.body, Limits::default()).expect("a request");
    assert_eq!(request.body, Request::Get);
    let said = record.answer.clone().expect("an answer");
    // The file answers in the host's place; only the names of the messages differ.
    let (recorded, status) = (request.header.message_id.expect("an id"), said.status().expect("a status"));
    let replay = host(move |_, request| {
        let id = request.header.message_id.as_ref().expect("an id");
        Reply::Http(status, said.body.replace(&recorded, id).into_bytes())
    });
    assert_eq!(client(&replay).get(&path(1)).await.expect("there"), found);
}

#[tokio::test]
async fn a_trace_shows_both_heads_as_they_went_over_the_wire() {
    let directory = Directory::new("heads");
    let live = host(|_, request| answer(request, Response::Object(vm(1))));
    traced(&live, &directory.trace(TraceLimits::default())).get(&path(1)).await.expect("there");
    let [record] = &directory.records()[..] else { panic!("one exchange") };
    let seen = live.heads.lock().expect("heads");
    assert_eq!(record.request.head, seen[0].lines().collect::<Vec<_>>());
    assert_eq!(record.request.header("Content-Length"), Some(record.request.body.len().to_string().as_str()));
    let said = record.answer.as_ref().expect("an answer");
    let length = format!("content-length: {}", said.body.len());
    assert_eq!(said.head, ["HTTP/1.1 200 X", "content-type: application/soap+xml;charset=UTF-8", &length]);
}

#[tokio::test]
async fn a_refusal_is_traced_with_its_head_and_without_the_password() {
    let directory = Directory::new("refusal");
    let live = host(|_, _| Reply::Http(401, b"no".to_vec()));
    let mut basic = Basic::new("agent", Secret::new("s3cret"));
    basic.cleartext = Cleartext::Allowed;
    let authenticate = Arc::new(basic);
    let settings = Settings { trace: Some(directory.trace(TraceLimits::default())), ..Settings::default() };
    let connect: Arc<dyn Connect> = Arc::clone(&live) as _;
    let access = Access { endpoint: Endpoint::http("hv01"), connect, trust: Trust::System, authenticate, clock: Arc::new(SystemClock) };
    Client::new(access, settings).expect("a client").get(&path(1)).await.expect_err("refused");
    let [record] = &directory.records()[..] else { panic!("one exchange") };
    assert_eq!(record.request.header("authorization"), Some("Basic ***"));
    let nothing = record.answer.as_ref().expect_err("no answer");
    assert_eq!(nothing.head.first().map(String::as_str), Some("HTTP/1.1 401 X"));
    let file = std::fs::read_to_string(&directory.files()[0]).expect("text");
    assert!(!file.contains("YWdlbnQ6czNjcmV0"), "{file}");
}

#[tokio::test]
async fn what_was_never_sent_has_no_head() {
    let directory = Directory::new("unsent");
    let live = host(|_, _| panic!("nothing may arrive"));
    let settings = Settings { trace: Some(directory.trace(TraceLimits::default())), ..Settings::default() };
    client_to(&live, Endpoint::http("nowhere"), Trust::System, settings).get(&path(1)).await.expect_err("nobody there");
    let [record] = &directory.records()[..] else { panic!("one exchange") };
    assert!(record.request.head.is_empty() && record.request.body.contains("Msvm_ComputerSystem"));
    assert_eq!(record.answer.as_ref().expect_err("none").head, Vec::<String>::new());
}

#[tokio::test]
async fn no_secret_is_in_any_file_of_a_trace() {
    let directory = Directory::new("secrets");
    let trace = directory.trace(TraceLimits::default());
    trace.conceal(&Secret::new("kn0wn<secret>"));
    let host = host(|_, request| match &request.body {
        Request::Invoke(call) => {
            let values = CimInstance::new("Out").with("ReturnValue", 0_u32).with("Echo", "kn0wn<secret>");
            let class = request.header.resource.as_ref().and_then(|r| r.class()).expect("a class").clone();
            answer(request, Response::Output(Output { class, method: call.method.clone(), values }))
        }
        _ => Reply::Cut,
    });
    let client = traced(&host, &trace);
    let system = CimPath::class_of(Namespace::CIMV2, "Win32_ComputerSystem").with_key("Name", "GUEST");
    let join =
        [("Name", "example.org".into()), ("Password", "j0inme".into()), ("UserName", "agent".into()), ("FJoinOptions", 3_u32.into())];
    client.invoke(&system, "JoinDomainOrWorkgroup", &join).await.expect("joined");
    let embedded = CimInstance::new("Contoso_Account").with("AccountPassword", "emb3dded").with("User", "x");
    let service = CimPath::class_of(Namespace::CIMV2, "Contoso_Service");
    client.invoke(&service, "Set", &[("Account", embedded.into()), ("Other", "kn0wn<secret>".into())]).await.expect("set");
    let program = Program::new("net").arg("use").secret(Secret::new("c0mmand line"));
    client.run(&program, 10).await.expect_err("cut");
    let text: String = directory.files().iter().map(|file| std::fs::read_to_string(file).expect("text")).collect();
    for secret in ["j0inme", "emb3dded", "kn0wn", "c0mmand"] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(text.contains("example.org") && text.contains("<p:Password>***</p:Password>"), "{text}");
    assert_eq!(directory.records().last().expect("one").answer.as_ref().expect_err("cut").why.split('`').nth(1), Some("Create"));
}

#[tokio::test]
async fn a_trace_is_bounded_and_only_its_owners() {
    let directory = Directory::new("bounds");
    let host = host(|_, request| answer(request, Response::Object(vm(1).with("Notes", "x".repeat(5000)))));
    let limits = TraceLimits { files: 3, body: 1000 };
    for _ in 0..2 {
        // The second trace goes on after the first.
        let client = traced(&host, &directory.trace(limits));
        for _ in 0..2 {
            client.get(&path(1)).await.expect("there");
        }
    }
    let files = directory.files();
    assert_eq!(files.len(), 3);
    for file in &files {
        let size = std::fs::metadata(file).expect("a file").len();
        assert!(size < 3000, "{size}");
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file).expect("a file").permissions());
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}

#[tokio::test]
async fn a_trace_that_cannot_be_written_costs_nothing_but_itself() {
    let directory = Directory::new("gone");
    let trace = directory.trace(TraceLimits::default());
    std::fs::remove_dir_all(&directory.0).expect("removed");
    let host = host(|_, request| answer(request, Response::Object(vm(1))));
    assert_eq!(traced(&host, &trace).get(&path(1)).await.expect("there"), vm(1));
}
