//! `endpoints.yaml`: which loopback port stands for which simulated address.
//!
//! ```yaml
//! control: 127.0.0.1:40000
//! hosts:
//!   "10.20.0.10": sea-1
//! endpoints:
//!   "10.20.0.11:5986 (remote)": 127.0.0.1:40001
//!   "192.168.213.2:5986 (on-host sea-1)": 127.0.0.1:40002
//! ```
//!
//! `hosts` tells which host has an address that is reached from outside; `endpoints` has one key for each address, port and place of the
//! caller. Guarantees: the file is replaced as a whole, never seen half written. A caller reads it for each connection: guests appear in
//! it when they first boot. Deliberately absent: who reads it for `--connect-to`; that is the command line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use serde::Deserialize;

use crate::world::{HostName, Place};
use crate::yaml;

/// Text that is no `endpoints.yaml`. It never shows the text itself: whoever takes a credentials file for one must not find it in a log.
#[derive(Debug, thiserror::Error)]
pub enum EndpointsError {
    /// Not in the form of one.
    #[error("the endpoints file cannot be read")]
    Read(#[source] crate::yaml::Unreadable),
    /// A key that names no address and place.
    #[error("the endpoints file has the key `{0}`, which is no `address:port (place)`")]
    Key(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    control: Option<SocketAddr>,
    #[serde(default)]
    hosts: BTreeMap<IpAddr, HostName>,
    #[serde(default)]
    endpoints: BTreeMap<String, SocketAddr>,
}

/// One address as seen from one place, and the port that stands for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Binding {
    /// Where the caller stands.
    pub from: Place,
    /// The simulated address and port.
    pub target: SocketAddr,
}

impl Binding {
    /// `address` and `port` as seen from `from`.
    #[must_use]
    pub fn new(from: Place, address: IpAddr, port: u16) -> Self {
        Self { from, target: SocketAddr::new(address, port) }
    }
}

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Endpoints {
    /// Where commands are taken.
    pub control: Option<SocketAddr>,
    /// Which host has an address that is reached from outside.
    pub hosts: BTreeMap<IpAddr, HostName>,
    /// What stands for what.
    pub bindings: BTreeMap<Binding, SocketAddr>,
}

impl Endpoints {
    /// Reads the text of the file.
    ///
    /// # Errors
    /// `EndpointsError`.
    pub fn parse(text: &str) -> Result<Self, EndpointsError> {
        let Written { control, hosts, endpoints } = yaml::read(text).map_err(EndpointsError::Read)?;
        let read = |(key, bound): (String, SocketAddr)| match binding(&key) {
            Some(binding) => Ok((binding, bound)),
            None => Err(EndpointsError::Key(key)),
        };
        Ok(Self { control, hosts, bindings: endpoints.into_iter().map(read).collect::<Result<_, _>>()? })
    }

    /// The text of the file.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::from("# Written by `trunkline simulate`, read by `--connect-to`. It changes while guests come and go.\n");
        if let Some(control) = self.control {
            let _ = writeln!(text, "control: {control}");
        }
        text.push_str(if self.hosts.is_empty() { "hosts: {}\n" } else { "hosts:\n" });
        for (address, host) in &self.hosts {
            let _ = writeln!(text, "  \"{address}\": \"{host}\"");
        }
        text.push_str(if self.bindings.is_empty() { "endpoints: {}\n" } else { "endpoints:\n" });
        for (Binding { from, target }, bound) in &self.bindings {
            let place = match from {
                Place::OnHost(host) => format!("on-host {host}"),
                Place::Remote => "remote".to_owned(),
            };
            let _ = writeln!(text, "  \"{target} ({place})\": {bound}");
        }
        text
    }

    /// Replaces the file at `path`.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let beside = path.with_extension("yaml.new");
        std::fs::write(&beside, self.text())?;
        std::fs::rename(&beside, path)
    }
}

fn binding(key: &str) -> Option<Binding> {
    let (target, place) = key.trim().strip_suffix(')')?.split_once(" (")?;
    let from = match place.split_once(' ') {
        None if place == "remote" => Place::Remote,
        Some(("on-host", host)) if !host.is_empty() => Place::OnHost(HostName::new(host)),
        _ => return None,
    };
    Some(Binding { from, target: target.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_reads_back() {
        let mut endpoints = Endpoints { control: Some(SocketAddr::from(([127, 0, 0, 1], 40_000))), ..Endpoints::default() };
        assert_eq!(Endpoints::parse(&endpoints.text()).expect("an empty one"), endpoints);
        endpoints.hosts.insert([10, 20, 0, 10].into(), HostName::new("sea-1"));
        let host = Place::OnHost(HostName::new("sea-1"));
        for (number, (from, address)) in (1..).zip([(Place::Remote, "10.20.0.11"), (host.clone(), "192.168.213.2"), (host, "fd00::1")]) {
            let binding = Binding::new(from, address.parse().expect("an address"), 5986);
            endpoints.bindings.insert(binding, SocketAddr::from(([127, 0, 0, 1], 40_000 + number)));
        }
        insta::assert_snapshot!(endpoints.text(), @r##"
        # Written by `trunkline simulate`, read by `--connect-to`. It changes while guests come and go.
        control: 127.0.0.1:40000
        hosts:
          "10.20.0.10": "sea-1"
        endpoints:
          "192.168.213.2:5986 (on-host sea-1)": 127.0.0.1:40002
          "[fd00::1]:5986 (on-host sea-1)": 127.0.0.1:40003
          "10.20.0.11:5986 (remote)": 127.0.0.1:40001
        "##);
        assert_eq!(Endpoints::parse(&endpoints.text()).expect("readable"), endpoints);
    }

    #[test]
    fn a_credentials_file_that_is_taken_for_one_is_not_shown() {
        use std::error::Error as _;
        for text in
            ["host:\n  user: trunkline\n  password: s3cr3t\n", "s3cr3t\n", "control: s3cr3t\n", "hosts: { s3cr3t: a }\n", "- s3cr3t\n"]
        {
            let error = Endpoints::parse(text).expect_err(text);
            let said = format!("{error} {} {error:?}", error.source().expect("a cause"));
            assert!(!said.contains("s3cr3t") && said.contains("line "), "{said}");
        }
    }

    #[test]
    fn a_key_that_names_no_place_is_refused() {
        for key in ["10.0.0.1:5986", "10.0.0.1:5986 (moon)", "10.0.0.1 (remote)", "10.0.0.1:5986 (on-host )"] {
            let text = format!("endpoints:\n  \"{key}\": 127.0.0.1:1\n");
            assert!(matches!(Endpoints::parse(&text), Err(EndpointsError::Key(found)) if found == key), "{key}");
        }
    }
}
