//! How a stream of bytes to a host is made: the seam at which tests and the simulator come in.
//!
//! Guarantees: whatever stream is given, TLS, authentication and HTTP run over it all the same.
//! Deliberately absent: name caches and proxies.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

/// A future that a trait object gives back.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A stream of bytes in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Makes streams to endpoints.
pub trait Connect: Send + Sync + fmt::Debug {
    /// A stream to `to`; TLS is not this one's work.
    fn connect<'a>(&'a self, to: &'a Endpoint) -> BoxFuture<'a, io::Result<Box<dyn Stream>>>;
}

/// With or without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Without.
    Http,
    /// With.
    Https,
}

/// Where a service listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// With or without TLS.
    pub scheme: Scheme,
    /// A name or an address, without brackets.
    pub host: String,
    /// The port; 5985 and 5986 by custom.
    pub port: u16,
    /// The path; `/wsman` by custom.
    pub path: String,
}

/// Text that is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no endpoint: write `https://host`, with a port and a path if they are not 5986 and /wsman")]
pub struct EndpointError(pub String);

impl Endpoint {
    /// `https://<host>:5986/wsman`.
    #[must_use]
    pub fn https(host: impl Into<String>) -> Self {
        Self { scheme: Scheme::Https, host: host.into(), port: 5986, path: "/wsman".to_owned() }
    }

    /// `http://<host>:5985/wsman`.
    #[must_use]
    pub fn http(host: impl Into<String>) -> Self {
        Self { scheme: Scheme::Http, port: 5985, ..Self::https(host) }
    }

    /// Host and port as a URL writes them.
    #[must_use]
    pub fn authority(&self) -> String {
        let brackets = self.host.contains(':');
        if brackets { format!("[{}]:{}", self.host, self.port) } else { format!("{}:{}", self.host, self.port) }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.scheme == Scheme::Https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || EndpointError(text.to_owned());
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let base = match scheme.to_ascii_lowercase().as_str() {
            "https" => Self::https(""),
            "http" => Self::http(""),
            _ => return Err(wrong()),
        };
        let (authority, path) = rest.find('/').map_or((rest, base.path.as_str()), |at| rest.split_at(at));
        let (host, port) = split_authority(authority).ok_or_else(wrong)?;
        let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
        let is_path = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '#');
        if host.is_empty() || !host.chars().all(is_host) || !path.chars().all(is_path) {
            return Err(wrong());
        }
        let port = match port {
            Some(port) => port.parse().ok().filter(|p| *p != 0).ok_or_else(wrong)?,
            None => base.port,
        };
        Ok(Self { scheme: base.scheme, host: host.to_owned(), port, path: path.to_owned() })
    }
}

fn split_authority(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        return match after {
            "" => Some((host, None)),
            port => Some((host, Some(port.strip_prefix(':')?))),
        };
    }
    Some(authority.rsplit_once(':').map_or((authority, None), |(host, port)| (host, Some(port))))
}

/// Connects by TCP.
#[derive(Debug, Clone)]
pub struct TcpConnect {
    /// How long the host may take to accept.
    pub timeout: Duration,
}

impl Default for TcpConnect {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10) }
    }
}

impl Connect for TcpConnect {
    fn connect<'a>(&'a self, to: &'a Endpoint) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let connecting = tokio::net::TcpStream::connect((to.host.as_str(), to.port));
            let stream = tokio::time::timeout(self.timeout, connecting).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            // Each request waits for its answer, so that Nagle's algorithm would only delay it.
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_as_people_write_them() {
        for (text, written) in [
            ("https://hv01.example.org", "https://hv01.example.org:5986/wsman"),
            ("http://10.0.0.1", "http://10.0.0.1:5985/wsman"),
            ("HTTPS://hv01:443/other", "https://hv01:443/other"),
            ("https://[fe80::1]:5986", "https://[fe80::1]:5986/wsman"),
        ] {
            let endpoint: Endpoint = text.parse().expect(text);
            assert_eq!(endpoint.to_string(), written);
            assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for text in ["", "hv01", "ftp://hv01", "https://", "https://hv01:0", "https://hv01:70000", "https://a b", "https://hv01/\r\nX: y"] {
            assert_eq!(text.parse::<Endpoint>(), Err(EndpointError(text.to_owned())));
        }
    }
}
