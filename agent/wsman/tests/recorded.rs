//! Envelopes that others recorded: requests of clients that nobody here wrote, and answers of real Windows hosts.

#![allow(missing_docs, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use trunkline_wsman::cim::{CimDatetime, CimValue, Key, Namespace};
use trunkline_wsman::envelope::shell::ShellResponse;
use trunkline_wsman::envelope::{Envelope, FilterBody, Item, Request, Response, dialect};
use trunkline_wsman::fault::FaultKind;
use trunkline_wsman::resource::ResourceUri;
use trunkline_wsman::xml::Limits;

fn fixtures(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/wire").join(kind);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).expect("fixtures").map(|f| f.expect("a file").path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn name(path: &Path) -> String {
    path.file_stem().expect("a name").to_string_lossy().into_owned()
}

fn request(path: &Path) -> Envelope<Request> {
    let text = std::fs::read_to_string(path).expect("text");
    Envelope::<Request>::decode(&text, Limits::default()).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn short(request: &Envelope<Request>) -> String {
    let resource = request.header.resource.as_ref().map(ToString::to_string).unwrap_or_default();
    let resource = resource.rsplit("/wmi/").next().unwrap_or_default().to_owned();
    let selectors: String = request.header.selectors.iter().fold(String::new(), |mut all, (name, key)| {
        let Key::Text(text) = key else { panic!("a path") };
        let _ = write!(all, " [{name}={text}]");
        all
    });
    let body = match &request.body {
        Request::Enumerate(e) => {
            let filter = e.filter.as_ref().expect("a filter");
            assert_eq!(filter.dialect.as_deref(), Some(dialect::WQL));
            let FilterBody::Text(text) = &filter.body else { panic!("no text") };
            format!("{text} ({:?})", e.mode)
        }
        Request::Pull(p) => format!("pull {}", p.max_elements.map_or("default".to_owned(), |n| n.to_string())),
        Request::Invoke(i) => {
            let input: Vec<String> = i.parameters.iter().map(|p| format!("{}: {:?}", p.name, p.form)).collect();
            format!("{}({})", i.method, input.join(", "))
        }
        Request::Other(markup) => format!("other {:?}", markup.as_ref().map(|m| (&m.name, &m.inner))),
        other => format!("{other:?}"),
    };
    format!("{resource}{selectors} {body}")
}

#[test]
fn every_request_of_libvirt_means_what_it_should() {
    let mut lines = String::new();
    for path in fixtures("virsh") {
        let request = request(&path);
        assert!(request.header.not_understood().next().is_none(), "{}", path.display());
        assert!(request.header.reply_to.is_some() && request.header.message_id.is_some());
        let _ = writeln!(lines, "{} {}", name(&path), short(&request));
    }
    insta::assert_snapshot!(lines);
}

#[test]
fn every_request_of_the_python_clients_means_what_it_should() {
    let mut lines = String::new();
    for path in fixtures("clients") {
        let request = request(&path);
        let options: Vec<String> = request.header.options.iter().map(|o| format!("{}={:?}", o.name, o.value)).collect();
        let timeout = request.header.operation_timeout.expect("a timeout");
        let _ = writeln!(lines, "{} {timeout:?} {options:?} {}", name(&path), short(&request));
        assert_eq!(request.header.max_envelope_size, Some(153_600));
        assert!(!request.header.locale_must_be_understood);
        assert!(request.header.not_understood().next().is_none());
    }
    insta::assert_snapshot!(lines);
}

#[test]
fn a_request_that_is_read_and_written_again_says_the_same() {
    for path in fixtures("virsh").into_iter().chain(fixtures("clients")) {
        let first = request(&path);
        let mut second = Envelope::<Request>::decode(&first.encode(), Limits::default()).expect("our own writing");
        second.header.unknown.clone_from(&first.header.unknown);
        assert_eq!(second, first, "{}", path.display());
    }
}

/// The folder with answers of real hosts, which are not ours to commit.
fn real_windows() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/wire/real-windows");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("lacking: {} (answers of real hosts); nothing was checked", folder.display());
    None
}

fn answer(folder: &Path, name: &str) -> Envelope<Response> {
    let text = std::fs::read_to_string(folder.join(name)).expect("text");
    Envelope::<Response>::decode(&text, Limits::default()).unwrap_or_else(|e| panic!("{name}: {e}"))
}

#[test]
fn every_envelope_of_a_real_host_is_read() {
    let Some(folder) = real_windows() else { return };
    let mut kinds = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("files") {
        let path = entry.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("text");
        let kind = if name(&path).starts_with("REQUEST") {
            // These are templates; the places that are to be filled in hold a name in braces.
            let filled = text.replace("{envelope_size}", "512000").replace("{locale}", "en-US");
            let request = Envelope::<Request>::decode(&filled, Limits::default()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            format!("{:?}", std::mem::discriminant(&request.body))
        } else {
            let answer = Envelope::<Response>::decode(&text, Limits::default()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            assert!(answer.header.relates_to.is_some(), "{}", path.display());
            if let Response::Pull(page) | Response::Enumerate(page) = &answer.body {
                assert!(page.end || page.context.is_some(), "{}", path.display());
            }
            format!("{:?}", std::mem::discriminant(&answer.body))
        };
        *kinds.entry(kind).or_insert(0) += 1;
    }
    assert!(kinds.len() >= 6, "{kinds:?}");
}

#[test]
fn a_real_computer_system_has_its_types() {
    let Some(folder) = real_windows() else { return };
    let answer = answer(&folder, "server_2012-Win32_ComputerSystem_star_000.xml");
    let Response::Enumerate(page) = answer.body else { panic!("{:?}", answer.body) };
    assert!(page.end && page.context.is_none());
    let [Item::Object(system)] = &page.items[..] else { panic!("{:?}", page.items) };
    assert_eq!(system.class(), &"Win32_ComputerSystem");
    assert_eq!(system.get("TotalPhysicalMemory"), &CimValue::Unsigned(644_468_736));
    assert_eq!(system.get("PauseAfterReset"), &CimValue::Signed(-1));
    assert_eq!(system.get("PartOfDomain"), &CimValue::Boolean(false));
    assert_eq!(system.texts("Roles"), Ok(vec!["LM_Workstation", "LM_Server", "NT", "Server_NT"]));
    assert_eq!(system.get("InstallDate"), &CimValue::Null);
    let untyped: Vec<String> = system
        .properties()
        .filter(|(name, value)| {
            let table = trunkline_wsman::schema::class(&Namespace::CIMV2, "Win32_ComputerSystem").expect("in the table");
            let declared = table.property(name.as_str()).and_then(|p| p.declared().cim);
            matches!(value, CimValue::String(_)) && declared != Some(trunkline_wsman::cim::CimType::String)
        })
        .map(|(name, _)| name.to_string())
        .collect();
    assert_eq!(untyped, Vec::<String>::new());
}

#[test]
fn a_real_operating_system_has_its_dates() {
    let Some(folder) = real_windows() else { return };
    let answer = answer(&folder, "server_2012-Win32_OperatingSystem_star_000.xml");
    let Response::Enumerate(page) = answer.body else { panic!("{:?}", answer.body) };
    let [Item::Object(system)] = &page.items[..] else { panic!("{:?}", page.items) };
    let CimValue::Datetime(CimDatetime::Instant(booted)) = system.get("LastBootUpTime") else { panic!("{system:?}") };
    let CimValue::Datetime(CimDatetime::Instant(now)) = system.get("LocalDateTime") else { panic!("{system:?}") };
    assert!(booted < now);
}

#[test]
fn a_real_page_of_services_is_read_whole() {
    let Some(folder) = real_windows() else { return };
    let text = std::fs::read_to_string(folder.join("server_2012-Win32_Service_star_003.xml")).expect("text");
    let answer = answer(&folder, "server_2012-Win32_Service_star_003.xml");
    let Response::Pull(page) = answer.body else { panic!("{:?}", answer.body) };
    assert_eq!(page.items.len(), text.matches("<p:Win32_Service ").count());
    for item in &page.items {
        let Item::Object(service) = item else { panic!("{item:?}") };
        assert!(service.text("Name").expect("text").is_some());
        assert!(service.unsigned("ProcessId").expect("a number").is_some());
        assert!(service.boolean("Started").expect("a truth value").is_some());
    }
}

#[test]
fn a_real_quota_fault_is_told_apart() {
    let Some(folder) = real_windows() else { return };
    let answer = answer(&folder, "max_concurrent.xml");
    let Response::Fault(fault) = answer.body else { panic!("{:?}", answer.body) };
    assert_eq!((fault.kind(), fault.code), (FaultKind::QuotaLimit, Some(2_150_859_174)));
    assert_eq!(fault.subcode.as_deref(), Some("w:InternalError"));
    assert!(fault.provider.expect("words").contains("maximum number of 15"));
}

#[test]
fn a_real_shell_and_subscription_are_read() {
    let Some(folder) = real_windows() else { return };
    let Response::Created(shell) = answer(&folder, "create_resp.xml").body else { panic!("no shell") };
    assert!(matches!(shell.resource, ResourceUri::Other(uri) if uri.ends_with("/shell/cmd")));
    assert_eq!(shell.selectors.len(), 1);
    let Response::Subscribed(subscription) = answer(&folder, "subscribe_resp.xml").body else { panic!("no subscription") };
    assert_eq!(subscription.identifier, "885E9924-235C-44EB-9834-B3440B7DCD38");
    assert!(subscription.context.is_some());
    let pulled = answer(&folder, "pull_resp_01.xml");
    let Response::Pull(page) = pulled.body else { panic!("no page") };
    assert!(matches!(&page.items[..], [Item::Other(event)] if event.name == "Event" && event.inner.contains("EventRecordID")));
    assert!(pulled.header.bookmark.is_some_and(|bookmark| bookmark.contains(r#"<Bookmark Channel="Application" IsCurrent="true""#)));
    let Response::Pull(empty) = answer(&folder, "pull_resp_02.xml").body else { panic!("no page") };
    assert!(empty.items.is_empty() && !empty.end && empty.context.is_some(), "nothing happened, and a new context");
}

#[test]
fn what_a_real_command_wrote_is_read_with_its_end() {
    let Some(folder) = real_windows() else { return };
    let Response::Shell(ShellResponse::Started { command }) = answer(&folder, "command_resp.xml").body else { panic!("no command") };
    let received = |name| match answer(&folder, name).body {
        Response::Shell(ShellResponse::Received { streams, state }) => (streams, state.expect("a state")),
        other => panic!("{other:?}"),
    };
    let (streams, state) = received("receive_resp_01.xml");
    let text: Vec<u8> = streams.iter().flat_map(|stream| stream.data.clone()).collect();
    assert!(String::from_utf8(text).expect("text").starts_with("\r\n\"(PDH-CSV 4.0)\",\"\\\\AMAZONA"));
    assert_eq!((state.state.as_str(), state.exit_code), ("Running", None));
    assert!(streams.iter().all(|stream| stream.command.as_ref() == Some(&command) && !stream.end));
    let (streams, state) = received("receive_resp_02.xml");
    assert_eq!((state.state.as_str(), state.exit_code), ("Done", Some(0)));
    let ends: Vec<&str> = streams.iter().filter(|stream| stream.end).map(|stream| stream.name.as_str()).collect();
    assert_eq!(ends, ["stdout", "stderr"]);
}
