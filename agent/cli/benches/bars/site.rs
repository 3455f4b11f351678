//! What it costs to look at a site: our client against pypsrp and pywinrm, over the same loopback sockets, TLS and authentication.
//!
//! The site of `examples/seattle` is simulated by a process of its own and installed first. What the others ask is what one `observe`
//! asked, taken from its trace of the wire. Guarantees: the bar is for the CPU of whole processes, user and system, by the kernel's count;
//! what is left of both without their start is told beside it. Deliberately absent: wall time, in which ours would also win by asking all at once.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use model::desired::{Authentication, Desired};
use model::names::CredentialName;
use serde_json::{Value, json};
use sim::network::Endpoints;
use source::Scratch;
use wsman::connect::Endpoint;
use wsman::envelope::{Envelope, Request};
use wsman::trace::Record;
use wsman::xml::Limits;

use crate::example::{CREDENTIALS, Example, root};
use crate::process::{Process, cpu};
use crate::python::python;
use crate::table::Row;

/// Runs of ours, of which one is too short for the kernel's count.
const OUR_RUNS: u32 = 40;
const THEIR_RUNS: u32 = 4;
/// The bar: a twentieth.
const BAR: f64 = 0.05;

/// Measures, with `binary` as the agent.
pub fn measure(binary: &str, room: &Path) {
    let site = Site::install(binary, room);
    let requests = site.requests();
    let (asked, idle) = (room.join("requests.json"), room.join("none.json"));
    std::fs::write(&asked, Value::from(requests.clone()).to_string()).expect("a file");
    std::fs::write(&idle, "[]").expect("a file");
    println!("{}", Row::told("requests of a look at both hosts and all eight guests", requests.len().to_string()));
    let ours = cpu(OUR_RUNS, &site.agent(&["observe"]));
    // Starting and reading the repository.
    let our_start = cpu(OUR_RUNS, &site.agent(&["explain", "appliance", "sea-1", "spec.size"]));
    let rows = [
        ("pypsrp", "observe a site, client CPU (floor: pypsrp)", "the same, both without what starting costs"),
        ("pywinrm", "observe a site, client CPU (floor: pywinrm)", "the same, both without what starting costs"),
    ];
    let script = root().join("tests/clients/bench.py");
    for (client, whole, bare) in rows {
        let asks = |requests: &Path| {
            let arguments = [&script, Path::new(client), requests].map(|argument| argument.to_string_lossy().into_owned());
            Process::new(&python().to_string_lossy(), &arguments.each_ref().map(String::as_str))
        };
        let says = asks(&asked).output();
        assert!(says.starts_with(&format!("{} ", requests.len())), "{says}");
        let (theirs, start) = (cpu(THEIR_RUNS, &asks(&asked)), cpu(THEIR_RUNS, &asks(&idle)));
        println!("{}", Row::against(whole, [theirs, ours], BAR));
        let asking = [theirs.saturating_sub(start), ours.saturating_sub(our_start)].map(|time| time.as_secs_f64() * 1e3);
        println!("{}", Row::told(bare, format!("{:.0} : {:.1} ms", asking[0], asking[1])));
    }
}

/// A simulated site. Dropping it ends the simulation.
#[derive(Debug)]
struct Site {
    binary: String,
    room: PathBuf,
    simulator: Child,
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.simulator.kill();
        let _ = self.simulator.wait();
    }
}

impl Site {
    #[expect(clippy::disallowed_methods, reason = "the agent starts no child process; its benchmarks start the agent")]
    fn install(binary: &str, room: &Path) -> Self {
        std::fs::create_dir_all(room).expect("a directory");
        // JSON is YAML.
        let world = serde_json::to_string(&Example::Seattle.hurried_world()).expect("JSON");
        std::fs::write(room.join("world.yaml"), world).expect("a file");
        let repository = Scratch::init(&room.join("fleet")).expect("a repository");
        let files = Example::Seattle.files();
        let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        repository.commit(&files, "everything", 0).expect("a commit");
        let entries = CREDENTIALS.map(|(name, user, password)| format!("{name}: {{ user: '{user}', password: {password} }}\n"));
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(room.join("credentials.yaml")).expect("a file");
        file.write_all(entries.concat().as_bytes()).expect("a file");
        let arguments = ["simulate", "--world", "world.yaml", "--state", "hosts", "--endpoints", "endpoints.yaml"];
        let mut command = Command::new(binary);
        command.args(arguments).current_dir(room).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut simulator = command.spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(simulator.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("a line");
        assert!(line.starts_with("serving"), "{line}");
        let site = Self { binary: binary.to_owned(), room: room.to_owned(), simulator };
        let says = site.agent(&["apply", "--yes"]).output();
        assert!(says.contains("sea-2: converged"), "{says}");
        site
    }

    /// The agent with the flags by which it finds this site.
    fn agent(&self, arguments: &[&str]) -> Process {
        let file = |name: &str| self.room.join(name).to_string_lossy().into_owned();
        let flags = [
            ("--source", file("fleet")),
            ("--state-dir", file("state")),
            ("--credentials", file("credentials.yaml")),
            ("--connect-to", file("endpoints.yaml")),
            ("--ca", file("hosts.pem")),
        ];
        let flags: Vec<&str> = flags.iter().flat_map(|(flag, value)| [*flag, value]).collect();
        Process::new(&self.binary, &[arguments, &flags].concat())
    }

    /// Every request of one look, for the scripts. They ask for further pages as they come.
    fn requests(&self) -> Vec<Value> {
        let trace = self.room.join("trace");
        let seen = self.agent(&["observe", "--wire-trace", &trace.to_string_lossy()]).output();
        assert!(seen.contains("sea-2"), "{seen}");
        let mut files: Vec<PathBuf> = std::fs::read_dir(&trace).expect("a trace").map(|entry| entry.expect("an entry").path()).collect();
        files.sort();
        let endpoints = std::fs::read_to_string(self.room.join("endpoints.yaml")).expect("a file");
        let endpoints = Endpoints::parse(&endpoints).expect("endpoints");
        let snapshot = source::read_directory(&Example::Seattle.directory()).expect("it can be read");
        let accounts: BTreeMap<IpAddr, Account> = snapshot.desired.values().flat_map(|desired| accounts(desired)).collect();
        let read = |file: &PathBuf| std::fs::read_to_string(file).expect("a file").parse::<Record>().expect("a record");
        let records = files.iter().map(read).filter(|record| record.act != "Pull");
        records.map(|record| request(&record, &endpoints, &accounts)).collect()
    }
}

type Account = (CredentialName, Authentication);

/// By which account each machine of an appliance is talked to.
fn accounts(desired: &Desired) -> impl Iterator<Item = (IpAddr, Account)> {
    let host = desired.host.address.parse().expect("the example's hosts have numbers");
    let guests = desired.roles.iter().flat_map(|role| {
        let addresses = role.adapters.iter().flat_map(|adapter| &adapter.addresses);
        addresses.map(|address| (address.addr(), (role.credential.clone(), role.authentication)))
    });
    std::iter::once((host, (desired.host.credential.clone(), desired.host.authentication))).chain(guests)
}

/// One request as the scripts take it.
fn request(record: &Record, endpoints: &Endpoints, accounts: &BTreeMap<IpAddr, Account>) -> Value {
    let Ok(answer) = &record.answer else { panic!("{record}") };
    let endpoint: Endpoint = record.endpoint.parse().expect("an endpoint");
    let address: IpAddr = endpoint.host.parse().expect("a number");
    let target = SocketAddr::new(address, endpoint.port);
    let (_, bound) = endpoints.bindings.iter().find(|(binding, _)| binding.target == target).expect("it is simulated");
    let (name, authentication) = &accounts[&address];
    let (_, user, password) = CREDENTIALS.into_iter().find(|(known, ..)| *known == name.as_str()).expect("a credential");
    let auth = match authentication {
        Authentication::Negotiate => "negotiate",
        Authentication::Basic => "basic",
        other => panic!("the scripts do not know {other:?}"),
    };
    let header = Envelope::<Request>::decode(&record.request.body, Limits::default()).expect("an envelope").header;
    let selectors: BTreeMap<&str, String> = header
        .selectors
        .iter()
        .map(|(name, key)| match key {
            wsman::cim::Key::Text(text) => (name.as_str(), text.clone()),
            wsman::cim::Key::Path(path) => panic!("the scripts do not know references: {path}"),
        })
        .collect();
    // The body under the namespaces of its envelope.
    let (_, namespaces) = record.request.body.split_once("<s:Envelope").expect("an envelope");
    let (_, body) = namespaces.split_once("<s:Body>").expect("a body");
    let namespaces = namespaces.split('>').next().unwrap_or_default();
    let body = body.split("</s:Body>").next().unwrap_or_default();
    json!({
        "url": format!("{}://{bound}{}", if endpoint.scheme == wsman::connect::Scheme::Https { "https" } else { "http" }, endpoint.path),
        "user": user,
        "password": password,
        "auth": auth,
        "action": header.action,
        "resource": header.resource.map(|resource| resource.to_string()),
        "selectors": selectors,
        "body": format!("<s:Body{namespaces}>{body}</s:Body>"),
        "envelope": record.request.body,
        "refused": answer.status() != Some(200),
    })
}
