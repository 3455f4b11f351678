//! How streams to hosts and guests are made: by TCP, or to the loopback ports that stand for simulated addresses.
//!
//! Guarantees: with `--connect-to`, an address that the file does not name is refused and never dialled for real. The file is read
//! again for every stream, since guests appear in it when they first boot. Deliberately absent: TLS and HTTP (those are `wsman`'s).

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use model::desired::{DesiredHost, Place};
use model::yaml;
use wsman::connect::{BoxFuture, Connect, Endpoint, Stream, TcpConnect};

/// The way to one host and to its guests.
#[must_use]
pub fn way_to(host: &DesiredHost, connect_to: Option<PathBuf>) -> Arc<dyn Connect> {
    match connect_to {
        None => Arc::new(TcpConnect::default()),
        Some(file) => Arc::new(Redirected { file, host: host.address.clone(), place: host.place, tcp: TcpConnect::default() }),
    }
}

/// Connects to the loopback port that stands for an address, seen from one place.
#[derive(Debug)]
struct Redirected {
    file: PathBuf,
    host: String,
    place: Place,
    tcp: TcpConnect,
}

impl Redirected {
    fn find(&self, to: &Endpoint) -> io::Result<(String, u16)> {
        let unreadable = |what: String| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {what}", self.file.display()));
        let bytes = std::fs::read(&self.file).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.file.display())))?;
        let (tree, faults) = yaml::parse(&bytes);
        if let Some(fault) = faults.first() {
            return Err(unreadable(fault.message.clone()));
        }
        let missing = |what: &str| io::Error::new(io::ErrorKind::ConnectionRefused, format!("{} names no `{what}`", self.file.display()));
        let root = tree.documents().next().ok_or_else(|| missing("endpoints"))?;
        let find = |section: &str, wanted: &str| {
            let section = root.get(section).ok_or_else(|| missing(section))?;
            let found = section.entries().find(|(key, _)| key.text().is_some_and(|key| key.eq_ignore_ascii_case(wanted)));
            found.and_then(|(_, value)| value.text()).ok_or_else(|| missing(wanted))
        };
        let from = match self.place {
            Place::OnHost => format!("on-host {}", find("hosts", &self.host)?),
            Place::Remote => "remote".to_owned(),
        };
        let bound = find("endpoints", &format!("{} ({from})", to.authority()))?;
        let (host, port) = bound.rsplit_once(':').ok_or_else(|| unreadable(format!("`{bound}` is no address and port")))?;
        let port = port.parse().map_err(|_| unreadable(format!("`{bound}` has no port")))?;
        Ok((host.to_owned(), port))
    }
}

impl Connect for Redirected {
    fn connect<'a>(&'a self, to: &'a Endpoint) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let (host, port) = self.find(to)?;
            self.tcp.connect(&Endpoint { host, port, ..to.clone() }).await
        })
    }
}
