//! Loopback sockets that stand for simulated addresses, and the control socket.
//!
//! Guarantees: one listener for each address, port and place, kept once bound; a caller is turned away where nobody listens at that
//! moment; connections are bounded; everything ends when `Serving` is dropped. The world's time moves at least every `TICK`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing::{debug, warn};

use super::{Binding, Endpoints, Shared, Simulator};
use crate::script;
use crate::server::{self, Peer};
use crate::world::{self, MachineId, Place};

/// How often the world is asked for addresses that are new.
const TICK: Duration = Duration::from_millis(250);
/// Connections that are served at once.
const MAX_CONNECTIONS: usize = 4096;
/// Listeners at most.
const MAX_LISTENERS: usize = 4096;
/// The longest command that is read.
const MAX_COMMAND: u64 = 256 * 1024;

/// The simulation cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// No port could be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: IpAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The file could not be written.
    #[error("cannot write {}", .path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Only loopback is allowed: the simulated passwords protect nothing.
    #[error("{address} is not a loopback address")]
    NotLoopback {
        /// The address.
        address: IpAddr,
    },
}

/// A simulation that listens. Dropping it closes every socket.
#[derive(Debug)]
pub struct Serving {
    control: SocketAddr,
    tasks: JoinSet<()>,
}

impl Serving {
    /// Where commands are taken, one JSON object a line.
    #[must_use]
    pub fn control(&self) -> SocketAddr {
        self.control
    }

    /// Waits for as long as the simulation is served.
    pub async fn ended(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Simulator {
    /// Listens on free ports of `bind`, a loopback address, and writes `file`, again whenever an address is new.
    ///
    /// # Errors
    /// `bind` is no loopback address, a port cannot be had, or `file` cannot be written.
    pub async fn serve(&self, bind: IpAddr, file: PathBuf) -> Result<Serving, ServeError> {
        if !bind.is_loopback() {
            return Err(ServeError::NotLoopback { address: bind });
        }
        let control = TcpListener::bind((bind, 0)).await.map_err(|source| ServeError::Listen { address: bind, source })?;
        let address = control.local_addr().map_err(|source| ServeError::Listen { address: bind, source })?;
        let mut keeper = Keeper {
            shared: Arc::downgrade(&self.shared),
            bind,
            file,
            endpoints: Endpoints { control: Some(address), ..Endpoints::default() },
            connections: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            listeners: JoinSet::new(),
        };
        keeper.bind_new().await?;
        keeper.write()?;
        let mut tasks = JoinSet::new();
        tasks.spawn(keeper.run());
        tasks.spawn(take_commands(control, self.clone()));
        Ok(Serving { control: address, tasks })
    }
}

/// Binds a listener for each address as it appears.
struct Keeper {
    shared: Weak<Shared>,
    bind: IpAddr,
    file: PathBuf,
    endpoints: Endpoints,
    connections: Arc<Semaphore>,
    listeners: JoinSet<()>,
}

impl Keeper {
    async fn run(mut self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if self.shared.strong_count() == 0 {
                return;
            }
            let result = match self.bind_new().await {
                Ok(true) => self.write(),
                Ok(false) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = result {
                warn!(%error, "a simulated address is not served");
            }
        }
    }

    /// Whether there was a new one.
    async fn bind_new(&mut self) -> Result<bool, ServeError> {
        let Some(shared) = self.shared.upgrade() else { return Ok(false) };
        let wanted = shared.lock().world.endpoints();
        shared.publish();
        drop(shared);
        let before = self.endpoints.bindings.len();
        for world::Endpoint { from, address, port, machine } in wanted {
            if let (MachineId::Host(host), Place::Remote) = (machine, &from) {
                self.endpoints.hosts.insert(address, host);
            }
            let binding = Binding::new(from, address, port);
            if self.endpoints.bindings.contains_key(&binding) || self.endpoints.bindings.len() >= MAX_LISTENERS {
                continue;
            }
            let listen = |source| ServeError::Listen { address: self.bind, source };
            let listener = TcpListener::bind((self.bind, 0)).await.map_err(listen)?;
            let bound = listener.local_addr().map_err(listen)?;
            self.endpoints.bindings.insert(binding.clone(), bound);
            self.listeners.spawn(accept(listener, binding, self.shared.clone(), Arc::clone(&self.connections)));
        }
        Ok(self.endpoints.bindings.len() != before)
    }

    fn write(&self) -> Result<(), ServeError> {
        self.endpoints.write(&self.file).map_err(|source| ServeError::Write { path: self.file.clone(), source })
    }
}

async fn accept(listener: TcpListener, binding: Binding, shared: Weak<Shared>, connections: Arc<Semaphore>) {
    let mut served = JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        tokio::select! {
            // Cancel-safe: a connection that was not accepted waits in the backlog.
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let (shared, binding) = (shared.clone(), binding.clone());
                    served.spawn(async move {
                        receive(stream, &binding, shared).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    debug!(%error, "a connection was not accepted");
                    // Out of descriptors, most likely: give the others time to end.
                    tokio::time::sleep(TICK).await;
                }
            },
            // Cancel-safe: it only clears away what has ended.
            Some(_) = served.join_next() => {}
        }
    }
}

async fn receive(stream: TcpStream, binding: &Binding, shared: Weak<Shared>) {
    let Some(strong) = shared.upgrade() else { return };
    let (address, port) = (binding.target.ip(), binding.target.port());
    let machine = strong.lock().world.machine_at(&binding.from, address, port);
    drop(strong);
    let Some(machine) = machine else {
        // As near to a refusal as an accepted connection comes: the caller sees a reset.
        let _ = stream.set_zero_linger();
        return;
    };
    let _ = stream.set_nodelay(true);
    server::serve(shared, Peer { from: binding.from.clone(), address, port, machine }, stream).await;
}

async fn take_commands(listener: TcpListener, simulator: Simulator) {
    let mut served = JoinSet::new();
    loop {
        tokio::select! {
            // Cancel-safe, as above.
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if served.len() < 16 => {
                    served.spawn(obey(stream, simulator.clone()));
                }
                Ok(_) => debug!("too many control connections"),
                Err(error) => {
                    debug!(%error, "a control connection was not accepted");
                    tokio::time::sleep(TICK).await;
                }
            },
            // Cancel-safe, as above.
            Some(_) = served.join_next() => {}
        }
    }
}

async fn obey(mut stream: TcpStream, simulator: Simulator) {
    let (read, mut write) = stream.split();
    let mut read = BufReader::new(read);
    loop {
        let mut line = String::new();
        match (&mut read).take(MAX_COMMAND).read_line(&mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) if !line.ends_with('\n') => return,
            Ok(_) => {}
        }
        let mut reply = script::answer(&simulator, &line);
        reply.push('\n');
        if write.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}
