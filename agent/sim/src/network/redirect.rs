//! Connects to a simulation in another process: looks each address up in its `endpoints.yaml`.
//!
//! Guarantees: an address that the file does not name is refused, so that nothing outside the simulation is ever called by mistake. The
//! file is read for each connection, as guests come and go.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use wsman::connect::{BoxFuture, Connect, Endpoint, Stream};

use super::{Binding, Endpoints};
use crate::world::Place;

/// A caller at one place; `inner` makes the loopback connection.
#[derive(Debug, Clone)]
pub struct Redirect<C> {
    file: PathBuf,
    from: Place,
    inner: C,
}

impl<C> Redirect<C> {
    /// Calls from `from` by what `file` says.
    pub fn new(file: PathBuf, from: Place, inner: C) -> Self {
        Self { file, from, inner }
    }

    fn look_up(&self, to: &Endpoint) -> io::Result<SocketAddr> {
        let refused = |what: String| io::Error::new(io::ErrorKind::ConnectionRefused, what);
        let text = std::fs::read_to_string(&self.file)
            .map_err(|error| io::Error::new(error.kind(), format!("cannot read {}: {error}", self.file.display())))?;
        let endpoints = Endpoints::parse(&text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let address = to.host.parse().map_err(|_| refused(format!("`{}` is no address of the simulation", to.host)))?;
        let binding = Binding::new(self.from.clone(), address, to.port);
        let bound = endpoints.bindings.get(&binding).copied();
        bound.ok_or_else(|| refused(format!("{} is not in {}", to.authority(), self.file.display())))
    }
}

impl<C: Connect> Connect for Redirect<C> {
    fn connect<'a>(&'a self, to: &'a Endpoint) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let bound = self.look_up(to)?;
            self.inner.connect(&Endpoint { host: bound.ip().to_string(), port: bound.port(), ..to.clone() }).await
        })
    }
}
