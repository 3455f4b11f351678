//! How streams to hosts and guests are made: by TCP, or to the loopback ports that stand for simulated addresses.
//!
//! Guarantees: with `--connect-to`, an address that the file does not name is refused and never dialled for real. The file is read
//! again for every stream, since guests appear in it when they first boot, and understood again when it has changed. Deliberately absent: TLS and HTTP (those are `wsman`'s).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use model::desired::{DesiredHost, Place};
use sim::network::{Binding, Endpoints};
use sim::world::Place as Standpoint;
use wsman::connect::{BoxFuture, Connect, Endpoint, Stream, TcpConnect};

use crate::bounded;

/// An address map has a line for each port of each guest; ten thousand appliances have a tenth of this.
pub const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// The way to one host and to its guests.
#[must_use]
pub fn way_to(host: &DesiredHost, connect_to: Option<PathBuf>) -> Arc<dyn Connect> {
    match connect_to {
        None => Arc::new(TcpConnect::default()),
        Some(file) => {
            let (host, place) = (host.address.clone(), host.place);
            Arc::new(Redirected { file, host, place, tcp: TcpConnect::default(), read: Mutex::default() })
        }
    }
}

/// Connects to the loopback port that stands for an address, seen from one place.
#[derive(Debug)]
struct Redirected {
    file: PathBuf,
    host: String,
    place: Place,
    tcp: TcpConnect,
    /// The text that was understood last, and what it says.
    read: Mutex<Option<(String, Arc<Endpoints>)>>,
}

impl Redirected {
    fn understand(&self, text: String) -> io::Result<Arc<Endpoints>> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        match &*read {
            Some((known, endpoints)) if *known == text => Ok(Arc::clone(endpoints)),
            _ => {
                let endpoints = Endpoints::parse(&text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                Ok(Arc::clone(&read.insert((text, Arc::new(endpoints))).1))
            }
        }
    }

    fn find(&self, to: &Endpoint) -> io::Result<SocketAddr> {
        let file = self.file.display();
        let text = bounded::read_text(&self.file, MOST_BYTES).map_err(|error| io::Error::new(error.kind(), format!("{file}: {error}")))?;
        let endpoints = self.understand(text)?;
        let missing = |what: &str| io::Error::new(io::ErrorKind::NotFound, format!("{file} names no `{what}`"));
        let address = |text: &str| text.parse::<IpAddr>().map_err(|_| missing(text));
        let from = match self.place {
            Place::OnHost => Standpoint::OnHost(endpoints.hosts.get(&address(&self.host)?).cloned().ok_or_else(|| missing(&self.host))?),
            Place::Remote => Standpoint::Remote,
        };
        let binding = Binding::new(from, address(&to.host)?, to.port);
        endpoints.bindings.get(&binding).copied().ok_or_else(|| missing(&to.authority()))
    }
}

impl Connect for Redirected {
    fn connect<'a>(&'a self, to: &'a Endpoint) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let bound = self.find(to)?;
            self.tcp.connect(&Endpoint { host: bound.ip().to_string(), port: bound.port(), ..to.clone() }).await
        })
    }
}
