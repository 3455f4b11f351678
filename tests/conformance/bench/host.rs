//! One simulated host, asked in HTTP's own words over a stream in memory, on driven time.

use std::sync::Arc;
use std::time::Duration;

use sim::network::{PlainHttp, Simulator};
use sim::script::Script;
use sim::world::{Fault, HostName, Place, World, WorldFile};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;
use wsman::clock::TokioClock;

use super::{Answer, Ask};

/// The GUID of the VM `web01`.
pub const VM_ID: &str = "2B0E3F7C-0A11-4A3B-9C57-0D0C6E1F0001";
/// The GUID of the switch `inside`.
pub const SWITCH_ID: &str = "C08CB7B8-9B3C-408E-8E30-5E16A3AEB444";

const ADDRESS: &str = "10.1.0.10";
/// `trunkline:right`, `viewer:right` and `helper:right`.
const USERS: [&str; 3] = ["dHJ1bmtsaW5lOnJpZ2h0", "dmlld2VyOnJpZ2h0", "aGVscGVyOnJpZ2h0"];
const WORLD: &str = r#"
apiVersion: trunkline.dev/sim/v1alpha1
kind: World
networks: [{name: lan, subnet: 10.1.0.0/24}]
images: [{name: web, computerName: WEB01, accounts: [{user: Administrator, password: guest}], winrm: {basic: true}, services: [{name: Web}]}]
hosts:
  - name: hv-1
    computerName: HV01
    version: 10.0.14393
    firewallRules: [{id: SIP, displayName: SIP signalling, protocol: TCP, ports: ['5060']}]
    accounts: [{user: trunkline, password: right}, {user: viewer, password: right}, {user: helper, password: right, rights: remoteManagement}]
    winrm: {basic: true}
    nics: [{name: Ethernet, network: lan, addresses: [10.1.0.10/24]}]
    services: [{name: Alpha}, {name: Beta}, {name: Gamma}, {name: Delta}, {name: Epsilon}]
    switches: [{name: inside, id: C08CB7B8-9B3C-408E-8E30-5E16A3AEB444, type: internal, addresses: [192.168.9.1/24]}]
    files: [{path: 'C:\vm\web01.vhdx', gib: 10, image: web}, {path: 'C:\vm\db01.vhdx', gib: 10, image: web}]
    machines:
      - name: web01
        id: 2B0E3F7C-0A11-4A3B-9C57-0D0C6E1F0001
        notes: [first, second]
        state: running
        disks: ['C:\vm\web01.vhdx']
        adapters: [{switch: inside, addresses: [192.168.9.2/24]}]
      - {name: db01, id: 2B0E3F7C-0A11-4A3B-9C57-0D0C6E1F0002, notes: ["a\x01b\x1fc"], disks: ['C:\vm\db01.vhdx']}
"#;

/// See the module.
#[derive(Debug)]
pub struct Host {
    /// The simulation, for looking behind the wire.
    pub sim: Simulator,
    runtime: Runtime,
    stream: Option<DuplexStream>,
    begun: Instant,
    user: &'static str,
    accepted: usize,
    refused: usize,
}

impl Default for Host {
    fn default() -> Self {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let entered = runtime.enter();
        let begun = Instant::now();
        let clock = Arc::new(TokioClock::starting_at("2026-03-01T02:00:00Z".parse().unwrap()));
        let sim = Simulator::new(World::from_file(WorldFile::parse(WORLD).unwrap()).unwrap(), clock);
        sim.set_plain_http(PlainHttp::Allowed);
        drop(entered);
        Self { sim, runtime, stream: None, begun, user: USERS[0], accepted: 0, refused: 0 }
    }
}

impl Host {
    /// The answer to what must be carried out.
    pub fn accepts(&mut self, ask: &Ask) -> Answer {
        self.accepts_text(&ask.text())
    }

    /// The same, for a whole envelope.
    pub fn accepts_text(&mut self, envelope: &str) -> Answer {
        let answer = self.post(envelope);
        assert_eq!(answer.status, 200, "{envelope}\n{}\n{}", answer.head, answer.text);
        self.accepted += 1;
        answer
    }

    /// The refusal of what must be refused with the number `code`.
    pub fn refuses(&mut self, ask: &Ask, code: u32) -> Answer {
        self.refuses_text(&ask.text(), code)
    }

    /// The same, for a whole envelope.
    pub fn refuses_text(&mut self, envelope: &str, code: u32) -> Answer {
        let answer = self.post(envelope);
        assert_ne!(answer.status, 200, "{envelope}\n{}", answer.text);
        assert_eq!(answer.code(), code, "{envelope}\n{}", answer.text);
        self.refused += 1;
        answer
    }

    /// The refusal by HTTP itself of a POST to `path` with these headers.
    pub fn turns_away(&mut self, path: &str, head: &str, body: &[u8], status: u16) -> Answer {
        let answer = self.exchange(path, head, body);
        assert_eq!(answer.status, status, "{}\n{}", answer.head, answer.text);
        self.refused += 1;
        answer
    }

    /// The answer to a POST to `path` with these headers, which must be carried out.
    pub fn serves(&mut self, path: &str, head: &str, body: &[u8]) -> Answer {
        let answer = self.exchange(path, head, body);
        assert_eq!(answer.status, 200, "{}\n{}", answer.head, answer.text);
        self.accepted += 1;
        answer
    }

    /// Begins an enumeration, and gives its context.
    pub fn begins(&mut self, ask: &Ask) -> String {
        self.accepts(ask).context()
    }

    /// Begins an enumeration and pulls its first page, without saying how much of it is wanted.
    pub fn first(&mut self, ask: &Ask) -> Answer {
        let context = self.begins(ask);
        self.accepts(&Ask::pull(super::SERVICE, &context, ""))
    }

    /// Begins an enumeration and pulls all of it at once.
    pub fn whole(&mut self, ask: &Ask) -> Answer {
        let context = self.begins(ask);
        let page = self.accepts(&Ask::pull(super::SERVICE, &context, "<n:MaxElements>1000</n:MaxElements>"));
        assert!(page.has("n:EndOfSequence"), "{}", page.text);
        page
    }

    /// Asks as somebody else from now on.
    pub fn as_viewer(&mut self) {
        self.user = USERS[1];
    }

    /// Asks as somebody who may log on and has no right to any resource.
    pub fn as_helper(&mut self) {
        self.user = USERS[2];
    }

    /// Asks as the first user again.
    pub fn as_before(&mut self) {
        self.user = USERS[0];
    }

    /// Has a script of faults played.
    pub fn play(&self, script: &str) {
        self.sim.play(&Script::parse(script).unwrap()).unwrap();
    }

    /// Lets time pass.
    pub fn wait(&self, length: Duration) {
        self.runtime.block_on(tokio::time::advance(length));
    }

    /// Has a service of the host stop by itself.
    pub fn stops(&self, service: &str) {
        let _entered = self.runtime.enter();
        self.sim.apply(Fault::ServiceStops { host: HostName::new("hv-1"), vm: None, service: service.to_owned() }).unwrap();
    }

    /// Has the host restart, and lets it come up again.
    pub fn restarts(&mut self) {
        let entered = self.runtime.enter();
        self.sim.apply(Fault::HostRestart { host: HostName::new("hv-1") }).unwrap();
        drop(entered);
        self.stream = None;
        self.wait(Duration::from_secs(900));
    }

    /// Which whole seconds of the simulation have gone by.
    pub fn seconds(&self) -> u64 {
        self.runtime.block_on(async { Instant::now() }).duration_since(self.begun).as_secs()
    }

    /// Exchanges that were carried out.
    pub fn accepted(&self) -> usize {
        self.accepted
    }

    /// Exchanges that were refused.
    pub fn refused(&self) -> usize {
        self.refused
    }

    /// The headers of an authenticated request.
    pub fn login(&self) -> String {
        format!("Authorization: Basic {}\r\n{SOAP}", self.user)
    }

    fn post(&mut self, envelope: &str) -> Answer {
        self.exchange("/wsman", &self.login(), envelope.as_bytes())
    }

    fn exchange(&mut self, path: &str, head: &str, body: &[u8]) -> Answer {
        let head = format!("POST {path} HTTP/1.1\r\nHost: hv01\r\n{head}Content-Length: {}\r\n\r\n", body.len());
        let octets = [head.as_bytes(), body].concat();
        let Self { sim, runtime, stream, .. } = self;
        runtime.block_on(async {
            let mut open = match stream.take() {
                Some(open) => open,
                None => sim.connect_from(Place::Remote).open(ADDRESS, 5985).unwrap(),
            };
            // A host that turns a request away may hang up before it has read all of it; what it said can be read all the same.
            let _ = open.write_all(&octets).await;
            let answer = read(&mut open).await;
            // Where the host may have hung up, the next request calls anew.
            *stream = (answer.status == 200 || answer.status == 500).then_some(open);
            answer
        })
    }
}

/// What a SOAP request says of itself in HTTP.
pub const SOAP: &str = "Content-Type: application/soap+xml;charset=UTF-8\r\n";

async fn read(stream: &mut DuplexStream) -> Answer {
    let mut octets = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        if let Some(end) = octets.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&octets[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |length| length.parse().unwrap());
            if octets.len() >= end + 4 + length {
                let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                return Answer { status, text: decoded(&head, &octets[end + 4..end + 4 + length]), head };
            }
        }
        let read = stream.read(&mut buffer).await.unwrap();
        assert_ne!(read, 0, "the host hung up after {:?}", String::from_utf8_lossy(&octets));
        octets.extend_from_slice(&buffer[..read]);
    }
}

fn decoded(head: &str, body: &[u8]) -> String {
    if !head.contains("charset=utf-16") {
        return String::from_utf8(body.to_vec()).unwrap();
    }
    let units: Vec<u16> = body.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16(&units).unwrap().trim_start_matches('\u{feff}').to_owned()
}
