//! A machine room over real sockets: a directory with a repository, credentials and settings, and `trunkline simulate` beside it.
//!
//! Guarantees: the simulator is a process of its own, so it lives on when an agent is killed; it goes with the room.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sim::network::Endpoints;
use sim::world::WorldFile;
use source::Scratch;

use super::binary::{Done, Line, Running};
use super::example::{CREDENTIALS, Example, PASSWORDS};
use super::memory::files_below;

/// When commits of tests are made, seconds since 1970.
const COMMITTED: i64 = 1_772_000_000;

/// See the module.
#[derive(Debug)]
pub struct Room {
    directory: tempfile::TempDir,
    /// The repository.
    pub repository: Scratch,
    simulator: Option<Running>,
}

impl Room {
    /// An example's manifests, committed, without any host.
    pub fn without_hosts(example: Example) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let repository = Scratch::init(&directory.path().join("fleet")).unwrap();
        let room = Self { directory, repository, simulator: None };
        let files = example.files();
        let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        room.commit(&files, "everything");
        let entries: String =
            CREDENTIALS.iter().map(|(name, user, password)| format!("{name}: {{ user: '{user}', password: {password} }}\n")).collect();
        room.write_private("credentials.yaml", &entries);
        room
    }

    /// The same with its bare hosts, whose boots take a second.
    pub fn raise(example: Example) -> Self {
        Self::around(example, &example.hurried_world())
    }

    /// The same with the hosts of `world`.
    pub fn around(example: Example, world: &WorldFile) -> Self {
        let mut room = Self::without_hosts(example);
        // JSON is YAML.
        room.write("world.yaml", &serde_json::to_string_pretty(world).unwrap());
        room.power_on();
        room
    }

    /// Starts the simulator, which goes on from its state.
    pub fn power_on(&mut self) {
        let arguments = ["simulate", "--world", "world.yaml", "--state", "hosts", "--endpoints", "endpoints.yaml"];
        let mut simulator = Line::new(self.path(), arguments).start();
        let line = simulator.line();
        assert_eq!(line, "serving; addresses are in endpoints.yaml\n");
        self.simulator = Some(simulator);
    }

    /// The process of the simulator.
    pub fn simulator(&self) -> u32 {
        self.simulator.as_ref().unwrap().id()
    }

    /// The room's directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).unwrap();
    }

    /// Writes a file that nobody else may read.
    pub fn write_private(&self, name: &str, text: &str) {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(self.file(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// Commits files; the commit's id.
    pub fn commit(&self, files: &[(&str, &str)], message: &str) -> String {
        self.repository.commit(files, message, COMMITTED).unwrap()
    }

    /// `trunkline` with these arguments and the flags by which it finds repository and hosts.
    pub fn line(&self, arguments: &[&str]) -> Line {
        let flags = ["--source", "fleet", "--state-dir", "state", "--credentials", "credentials.yaml"];
        let hosts: &[&str] = if self.simulator.is_some() { &["--connect-to", "endpoints.yaml", "--ca", "hosts.pem"] } else { &[] };
        Line::new(self.path(), arguments.iter().chain(&flags).chain(hosts))
    }

    /// Runs that to its end.
    pub fn run(&self, arguments: &[&str]) -> Done {
        self.line(arguments).run()
    }

    /// Tells the simulator something; what it answers.
    pub fn tell(&self, command: &Value) -> Value {
        let endpoints = Endpoints::parse(&std::fs::read_to_string(self.file("endpoints.yaml")).unwrap()).unwrap();
        let mut stream = TcpStream::connect(endpoints.control.unwrap()).unwrap();
        writeln!(stream, "{command}").unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer.get("refused").is_none(), "{command}: {answer}");
        answer
    }

    /// Everything that has changed a machine so far, in order: machine, method.
    pub fn deeds(&self) -> Vec<(String, String)> {
        let answer = self.tell(&json!({ "mutations": {} }));
        let text = |value: &Value, key: &str| value[key].as_str().unwrap().to_owned();
        let done = answer["mutations"].as_array().unwrap().iter().filter(|mutation| mutation["status"] == 200);
        done.map(|mutation| {
            let machine = text(mutation, "machine");
            let machine = machine.split_once('/').map_or(machine.clone(), |(host, _)| format!("a guest on {host}"));
            (machine, text(mutation, "what"))
        })
        .collect()
    }

    /// How often each was done. Who tells a guest its address twice has told it once.
    pub fn counted_deeds(&self) -> BTreeMap<(String, String), usize> {
        let mut counted = BTreeMap::new();
        for deed in self.deeds().into_iter().filter(|(_, what)| what != "SetGuestNetworkAdapterConfiguration") {
            *counted.entry(deed).or_default() += 1;
        }
        counted
    }

    /// Every file that the agent keeps.
    pub fn state(&self) -> BTreeMap<String, Vec<u8>> {
        files_below(&self.file("state"))
    }

    /// Fails when a password stands in what was printed or in what the agent keeps.
    pub fn assert_discreet(&self, printed: &[&str]) {
        let kept = self.state();
        let kept = kept.iter().map(|(name, bytes)| (name.as_str(), String::from_utf8_lossy(bytes).into_owned()));
        let all: Vec<_> = printed.iter().map(|text| ("output", (*text).to_owned())).chain(kept).collect();
        for (place, text) in &all {
            for password in PASSWORDS {
                assert!(!text.contains(password), "`{password}` stands in {place}:\n{text}");
            }
        }
    }
}
