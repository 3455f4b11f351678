//! Kerberos by name: tickets from a domain controller, then tokens and seals as with Negotiate.
//!
//! Guarantees: the service is `HTTP/<host>`, so the host must be addressed by the name that its directory knows; host and agent prove
//! themselves to each other; the password is never sent, not even hashed. A refusal by the domain controller counts as the host's.
//! Deliberately absent: ticket caches and the machine's own Kerberos settings as a need (`krb5.conf` is read for realm names only), UDP.
//! Over HTTPS it is not bound to the connection (see below), so a host with `CbtHardeningLevel=Strict` refuses it; over HTTP it is sealed.
//! The library does not compare the number of a sealed answer with its place, so a repeated one is caught by what it relates to.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::context::Package;
use super::multipart::Protocol;
use super::tokens::{Dialect, Tokens};
use super::{Account, AuthError, Authenticate, Peer, Session};
use crate::connect::{Connect, Endpoint, TcpConnect};

/// The first token proves the password. It is not bound to TLS: the library marks bound tokens with two octets where four belong
/// (`KERB_AP_OPTIONS_CBT` of MS-KILE), and MIT's library refuses them.
const DIALECT: Dialect = Dialect { scheme: "Kerberos", protocol: Protocol::Kerberos, proof: 1, binds: false };
/// Octets of a domain controller's answer; tickets of members of many groups have some ten thousand.
const MOST_OCTETS: u32 = 1 << 20;
const PORT: u16 = 88;
const PATIENCE: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug, Clone)]
pub struct Kerberos {
    /// Whose name and password: `agent@cce.contoso.local` or `CCE.CONTOSO.LOCAL\\agent`.
    pub account: Account,
    /// A domain controller, with a port if it is not 88. `None`: the realm's own DNS name, under which a directory's controllers stand.
    pub domain_controller: Option<String>,
}

impl Authenticate for Kerberos {
    fn session(&self, peer: Peer<'_>) -> Result<Box<dyn Session>, AuthError> {
        let unknown = || AuthError::NoRealm { user: self.account.user.clone() };
        let kdc = Kdc::new(self.domain_controller.as_deref().or_else(|| realm(&self.account.user))).ok_or_else(unknown)?;
        let package = Package::kerberos(&self.account, kdc)?;
        Ok(Box::new(Tokens::new(DIALECT, package, &self.account, peer)))
    }

    fn account(&self) -> Option<&Account> {
        Some(&self.account)
    }
}

fn realm(user: &str) -> Option<&str> {
    user.split_once('\\').map(|(domain, _)| domain).or_else(|| user.rsplit_once('@').map(|(_, suffix)| suffix))
}

/// A domain controller that gives tickets.
#[derive(Debug, Clone)]
pub(super) struct Kdc {
    endpoint: Endpoint,
    connect: Arc<TcpConnect>,
}

impl Kdc {
    fn new(address: Option<&str>) -> Option<Self> {
        let address = address.filter(|address| !address.is_empty())?;
        let endpoint: Endpoint = format!("http://{address}").parse().ok()?;
        // What reads addresses fills in another port than this one.
        let port = if address.ends_with(&format!(":{}", endpoint.port)) { endpoint.port } else { PORT };
        Some(Self { endpoint: Endpoint { port, ..endpoint }, connect: Arc::new(TcpConnect { timeout: PATIENCE }) })
    }

    pub(super) fn address(&self) -> String {
        self.endpoint.authority()
    }

    /// Sends a request with its length before it, and gives the answer with its length before it.
    pub(super) async fn ask(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let asking = async {
            let mut stream = self.connect.connect(&self.endpoint).await?;
            stream.write_all(request).await?;
            let length = stream.read_u32().await?;
            if length > MOST_OCTETS {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "its answer is too long"));
            }
            let mut answer = Vec::from(length.to_be_bytes());
            stream.take(u64::from(length)).read_to_end(&mut answer).await?;
            Ok(answer)
        };
        tokio::time::timeout(PATIENCE, asking).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }
}
