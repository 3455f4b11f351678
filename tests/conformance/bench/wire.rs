//! A client that is answered in text: what it sends is kept as text, and what it gets was written here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use wsman::auth::{Basic, Cleartext};
use wsman::clock::TokioClock;
use wsman::connect::{BoxFuture, Connect, Endpoint, Stream};
use wsman::tls::Trust;
use wsman::{Access, Client, Secret, Settings};

/// What the scripted server says next, and what it was asked.
#[derive(Debug, Default)]
struct Play {
    answers: VecDeque<(u16, String)>,
    requests: Vec<String>,
    servers: JoinSet<()>,
}

/// See the module.
#[derive(Debug)]
pub struct Wire {
    client: Client,
    play: Arc<Mutex<Play>>,
    runtime: Runtime,
    accepted: usize,
    refused: usize,
}

impl Default for Wire {
    fn default() -> Self {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let entered = runtime.enter();
        let play = Arc::new(Mutex::new(Play::default()));
        let access = Access {
            endpoint: Endpoint::http("10.1.0.10"),
            connect: Arc::new(Scripted(Arc::clone(&play))),
            trust: Trust::System,
            authenticate: Arc::new(Basic { cleartext: Cleartext::Allowed, ..Basic::new("trunkline", Secret::new("right")) }),
            clock: Arc::new(TokioClock::starting_at("2026-03-01T02:00:00Z".parse().unwrap())),
        };
        let client = Client::new(access, Settings::default()).unwrap();
        drop(entered);
        Self { client, play, runtime, accepted: 0, refused: 0 }
    }
}

impl Wire {
    /// The server will answer with `status` and this envelope, after what it was told before. It hangs up when it knows no answer.
    pub fn answers(&self, status: u16, envelope: impl Into<String>) {
        self.play.lock().unwrap().answers.push_back((status, envelope.into()));
    }

    /// What the client makes of the answers, which must go well.
    pub fn takes<T, E: std::fmt::Debug, F: Future<Output = Result<T, E>>>(&mut self, ask: impl FnOnce(Client) -> F) -> T {
        let made = self.runtime.block_on(ask(self.client.clone())).unwrap();
        self.accepted += 1;
        made
    }

    /// The client's own refusal: of what it was to send, or of what came.
    pub fn refuses<T: std::fmt::Debug, E, F: Future<Output = Result<T, E>>>(&mut self, ask: impl FnOnce(Client) -> F) -> E {
        let refusal = match self.runtime.block_on(ask(self.client.clone())) {
            Ok(made) => panic!("taken: {made:?}"),
            Err(refusal) => refusal,
        };
        self.refused += 1;
        refusal
    }

    /// The envelopes that the client sent, in order.
    pub fn requests(&self) -> Vec<String> {
        self.play.lock().unwrap().requests.clone()
    }

    /// Operations that went well.
    pub fn accepted(&self) -> usize {
        self.accepted
    }

    /// Operations that the client refused or gave up.
    pub fn refused(&self) -> usize {
        self.refused
    }
}

/// Connects to the scripted server.
#[derive(Debug)]
struct Scripted(Arc<Mutex<Play>>);

impl Connect for Scripted {
    fn connect<'a>(&'a self, _: &'a Endpoint) -> BoxFuture<'a, std::io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let (near, far) = tokio::io::duplex(64 * 1024);
            self.0.lock().unwrap().servers.spawn(serve(Arc::clone(&self.0), far));
            Ok(Box::new(near) as Box<dyn Stream>)
        })
    }
}

async fn serve(play: Arc<Mutex<Play>>, mut stream: DuplexStream) {
    while let Some(request) = read(&mut stream).await {
        let answer = {
            let mut play = play.lock().unwrap();
            play.requests.push(request);
            play.answers.pop_front()
        };
        let Some((status, body)) = answer else { return };
        let head =
            format!("HTTP/1.1 {status} Said\r\nContent-Type: application/soap+xml;charset=UTF-8\r\nContent-Length: {}\r\n\r\n", body.len());
        if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The body of the next request; `None` when the client hangs up.
async fn read(stream: &mut DuplexStream) -> Option<String> {
    let mut octets = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        if let Some(end) = octets.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&octets[..end]).to_lowercase();
            let length: usize =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |length| length.parse().unwrap());
            if octets.len() >= end + 4 + length {
                return Some(String::from_utf8(octets[end + 4..end + 4 + length].to_vec()).unwrap());
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => octets.extend_from_slice(&buffer[..read]),
        }
    }
}
