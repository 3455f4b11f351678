//! Connections inside the process.
//!
//! Guarantees: the caller's bytes go through the same server as a socket's; nobody is reached who would not be reached from there.

use std::io;
use std::sync::{Arc, Weak};

use tokio::io::DuplexStream;
use wsman::connect::{BoxFuture, Connect, Endpoint, Stream};

use super::{Shared, Simulator};
use crate::server::{self, Peer};
use crate::world::Place;

/// How many bytes may be under way in one direction.
const BUFFER: usize = 64 * 1024;

/// Connects a caller who stands at one place. Does not keep the simulation alive.
#[derive(Debug, Clone)]
pub struct Memory {
    shared: Weak<Shared>,
    from: Place,
}

impl Memory {
    pub(super) fn new(simulator: &Simulator, from: Place) -> Self {
        Self { shared: Arc::downgrade(&simulator.shared), from }
    }

    /// Connects to `host`, an IP address in text form, and `port`.
    ///
    /// # Errors
    /// Nobody listens there who could be reached from here.
    pub fn open(&self, host: &str, port: u16) -> io::Result<DuplexStream> {
        let refused = |why: String| io::Error::new(io::ErrorKind::ConnectionRefused, why);
        let address =
            host.trim_matches(['[', ']']).parse().map_err(|_| io::Error::new(io::ErrorKind::NotFound, format!("no host `{host}`")))?;
        let shared = self.shared.upgrade().ok_or_else(|| refused("the simulation has ended".to_owned()))?;
        let machine = shared.lock().world.machine_at(&self.from, address, port);
        let machine = machine.ok_or_else(|| refused(format!("nobody listens on {host}:{port}")))?;
        let (near, far) = tokio::io::duplex(BUFFER);
        let peer = Peer { from: self.from.clone(), address, port, machine };
        shared.spawn(server::serve(self.shared.clone(), peer, far));
        Ok(near)
    }
}

impl Connect for Memory {
    fn connect<'a>(&'a self, to: &'a Endpoint) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move { self.open(&to.host, to.port).map(|stream| Box::new(stream) as Box<dyn Stream>) })
    }
}
