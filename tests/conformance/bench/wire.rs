//! A client that is answered in text: what it sends is kept as text, and what it gets was written here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use wsman::auth::{Authenticate, Basic, Cleartext};
use wsman::clock::TokioClock;
use wsman::connect::{BoxFuture, Connect, Endpoint, Stream};
use wsman::tls::Trust;
use wsman::{Access, Client, Secret, Settings};

use super::Answer;

const SOAP: &str = "Content-Type: application/soap+xml;charset=UTF-8\r\n";

/// What the scripted server does when it was asked.
#[derive(Debug)]
enum Turn {
    /// It says this; `{id}` in it is the name of the message that it answers.
    Says { status: u16, head: String, body: Vec<u8> },
    /// It hangs up.
    HangsUp,
    /// It says nothing, and stays.
    Waits,
}

/// What the scripted server does next, and what it was asked.
#[derive(Debug, Default)]
struct Play {
    turns: VecDeque<Turn>,
    heads: Vec<String>,
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
        let play = Arc::new(Mutex::new(Play::default()));
        let client = client(&runtime, &play, (Arc::new(basic(Cleartext::Allowed)), Settings::default()));
        Self { client, play, runtime, accepted: 0, refused: 0 }
    }
}

/// The account `trunkline`, whose name and password go with each request.
pub fn basic(cleartext: Cleartext) -> Basic {
    Basic { cleartext, ..Basic::new("trunkline", Secret::new("right")) }
}

fn client(runtime: &Runtime, play: &Arc<Mutex<Play>>, (authenticate, settings): (Arc<dyn Authenticate>, Settings)) -> Client {
    let _entered = runtime.enter();
    let access = Access {
        endpoint: Endpoint::http("10.1.0.10"),
        connect: Arc::new(Scripted(Arc::clone(play))),
        trust: Trust::System,
        authenticate,
        clock: Arc::new(TokioClock::starting_at("2026-03-01T02:00:00Z".parse().unwrap())),
    };
    Client::new(access, settings).unwrap()
}

impl Wire {
    /// The client is another one from now on.
    pub fn is(&mut self, authenticate: impl Authenticate + 'static, settings: Settings) {
        self.client = client(&self.runtime, &self.play, (Arc::new(authenticate), settings));
    }

    /// The server will answer with `status` and this envelope, after what it was told before. It hangs up when it knows no answer.
    pub fn answers(&self, status: u16, envelope: impl Into<String>) {
        self.says(status, SOAP, envelope.into());
    }

    /// The server will answer with `status`, these headers and this body.
    pub fn says(&self, status: u16, head: &str, body: impl Into<Vec<u8>>) {
        self.turn(Turn::Says { status, head: head.to_owned(), body: body.into() });
    }

    /// The server will hang up when it is asked.
    pub fn hangs_up(&self) {
        self.turn(Turn::HangsUp);
    }

    /// The server will not answer when it is asked.
    pub fn waits(&self) {
        self.turn(Turn::Waits);
    }

    fn turn(&self, turn: Turn) {
        self.play.lock().unwrap().turns.push_back(turn);
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
        // What the client sends without waiting for it goes out meanwhile.
        self.runtime.block_on(async { tokio::time::sleep(std::time::Duration::from_secs(1)).await });
        self.play.lock().unwrap().requests.clone()
    }

    /// The heads of the requests, in order.
    pub fn heads(&self) -> Vec<String> {
        self.play.lock().unwrap().heads.clone()
    }

    /// The envelopes that the client sent, to be read as answers are.
    pub fn asked(&self) -> Vec<Answer> {
        let requests = self.requests();
        requests.into_iter().zip(self.heads()).map(|(text, head)| Answer { status: 0, head, text }).collect()
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
    while let Some((head, request)) = read(&mut stream).await {
        let id = request.split_once("<a:MessageID>").and_then(|(_, rest)| rest.split_once('<')).map_or("", |(id, _)| id).to_owned();
        let turn = {
            let mut play = play.lock().unwrap();
            play.heads.push(head);
            play.requests.push(request);
            play.turns.pop_front()
        };
        let (status, head, body) = match turn {
            Some(Turn::Says { status, head, body }) => (status, head, body),
            Some(Turn::Waits) => std::future::pending().await,
            Some(Turn::HangsUp) | None => return,
        };
        let body = match String::from_utf8(body) {
            Ok(text) => text.replace("{id}", &id).into_bytes(),
            Err(other) => other.into_bytes(),
        };
        let head = format!("HTTP/1.1 {status} Said\r\n{head}Content-Length: {}\r\n\r\n", body.len());
        if stream.write_all(&[head.as_bytes(), &body].concat()).await.is_err() {
            return;
        }
    }
}

/// Head and body of the next request; `None` when the client hangs up.
async fn read(stream: &mut DuplexStream) -> Option<(String, String)> {
    let mut octets = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        if let Some(end) = octets.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&octets[..end]).to_lowercase();
            let length: usize =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |length| length.parse().unwrap());
            if octets.len() >= end + 4 + length {
                return Some((head, String::from_utf8_lossy(&octets[end + 4..end + 4 + length]).into_owned()));
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => octets.extend_from_slice(&buffer[..read]),
        }
    }
}
