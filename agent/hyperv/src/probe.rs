//! First contact with a machine: can it be reached, does it prove who it is, does it let us in, and what may we read there.
//!
//! Guarantees: nothing is changed there; each check stands by itself, so that one refusal does not hide the next; each refusal says what
//! to do about it. What a machine simply does not have is no trouble. Deliberately absent: any use of what is found.

mod advice;
mod capability;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use model::cause::chain;
use model::desired::{Authentication, Scheme};
use model::names::CredentialName;
use serde::Serialize;
use tokio::time::timeout;
use wsman::auth::{Anonymous, Refusals};
use wsman::connect::Endpoint;
use wsman::tls::{Fingerprint, Trust, shown};
use wsman::{Access, Client, Error as WireError, Settings};

use crate::error::ConnectError;
use crate::host::HostContext;
use crate::peer::{Login, Peer, Site};
use crate::windows::Windows;
use crate::windows::certificate::Facts;

/// What only a change can prove, so that a probe does not: somebody should see it once on a real host.
pub const FIRST_CONTACT: [&str; 12] = [
    "`EnableStatic` on a fresh internal adapter, and which of the host's adapters belongs to a new switch",
    "`CreateVirtualHardDisk` into a directory that does not exist yet",
    "`Reservation` and `Limit` in one minimal `ModifyResourceSettings`; whether `JobType` is filled; how long jobs stay after they end",
    "hot removal of a generation 2 adapter while its guest uses it",
    "`SetGuestNetworkAdapterConfiguration` right after the first heartbeat",
    "`InitiateShutdown` on a locked or updating guest; services that hang in Stop Pending",
    "`StopService` on a stopped service; the five keys of a firewall rule; `Put` on classes of root/StandardCimv2 (not used)",
    "`MSFT_WUOperations.ScanForUpdates` and `InstallUpdates` over WS-Management: a scan outlasts the 60 s that are allowed",
    "`MSFT_MpPreference.Add` with tamper protection on",
    "a detached command outliving its shell, and the account it runs as",
    "Kerberos in a domain of Windows's own; a client certificate mapped to an account",
    "the rights that `trunkline host prepare` gives: whether they are enough, and none too many",
];

/// A machine, and who we are there.
#[derive(Debug, Clone)]
pub struct Target {
    /// Name or address.
    pub address: String,
    /// Port.
    pub port: u16,
    /// With or without TLS.
    pub scheme: Scheme,
    /// The certificate to insist on, in hex.
    pub fingerprint: Option<String>,
    /// By which credential and in which way; `None`: only what nobody is asked for.
    pub login: Option<(CredentialName, Authentication)>,
}

/// What a probe found.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Where it was asked: `https://hv01:5986/wsman`.
    pub endpoint: String,
    /// In the order of asking.
    pub findings: Vec<Finding>,
    /// Classes and properties that it has and our class table does not state; they are read as text.
    pub unverified: BTreeSet<String>,
}

/// One thing that was tried.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What: `reach`, `certificate`, `Hyper-V`.
    pub subject: &'static str,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "outcome")]
pub enum Outcome {
    /// It works.
    Works {
        /// What was read.
        detail: String,
    },
    /// The machine has no such thing, and need not.
    Absent {
        /// What is not there.
        detail: String,
    },
    /// It does not work.
    Trouble {
        /// Why.
        cause: String,
        /// What to do.
        advice: String,
    },
    /// It was not tried.
    NotTried {
        /// Why not.
        because: &'static str,
    },
}

impl Outcome {
    fn works(detail: impl Into<String>) -> Self {
        Self::Works { detail: detail.into() }
    }

    fn trouble(cause: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Trouble { cause: cause.into(), advice: advice.into() }
    }

    fn works_at_all(&self) -> bool {
        !matches!(self, Self::Trouble { .. })
    }
}

impl Report {
    /// Whether nothing that was tried failed.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.findings.iter().all(|finding| finding.outcome.works_at_all())
    }

    fn note(&mut self, subject: &'static str, outcome: Outcome) {
        self.findings.push(Finding { subject, outcome });
    }

    fn skip(&mut self, subjects: &[&'static str], because: &'static str) {
        self.findings.extend(subjects.iter().map(|subject| Finding { subject, outcome: Outcome::NotTried { because } }));
    }
}

/// For a certificate; a machine that is busy still shows it within a second.
const PATIENCE: Duration = Duration::from_secs(20);

const REACH: &str = "reach";
const CERTIFICATE: &str = "certificate";
const IDENTIFY: &str = "identify";
const ACCOUNT: &str = "account";
const CAPABILITIES: &str = "capabilities";

/// Tries everything on `target`.
///
/// # Errors
/// `ConnectError` when the target cannot even be spoken of: a credential that nobody knows, a fingerprint that is none.
pub async fn probe(target: &Target, context: &HostContext) -> Result<Report, ConnectError> {
    let endpoint = endpoint(target);
    let anonymous = anonymous(target, &endpoint, context)?;
    let peer = target.login.as_ref().map(|login| peer(target, login, context)).transpose()?;
    let mut report = Report { endpoint: endpoint.to_string(), findings: Vec::new(), unverified: BTreeSet::new() };
    if let Err(error) = reach(&endpoint, context, &mut report).await {
        report.note(REACH, Outcome::trouble(error.to_string(), advice::on_reach(&error, target.port)));
        report.skip(&[CERTIFICATE, IDENTIFY, ACCOUNT, CAPABILITIES], "nothing answers there");
        return Ok(report);
    }
    if !report.is_well() {
        report.skip(&[IDENTIFY, ACCOUNT, CAPABILITIES], "there is no TLS");
        return Ok(report);
    }
    if let Err(error) = identify(&anonymous, &mut report).await
        && matches!(error, WireError::Untrusted { .. })
    {
        report.skip(&[ACCOUNT, CAPABILITIES], "no password goes to a machine that does not prove who it is");
        return Ok(report);
    }
    let Some(peer) = peer else {
        report.skip(&[ACCOUNT, CAPABILITIES], "no credential was named (`--credential`)");
        return Ok(report);
    };
    let windows = Windows::new(Arc::new(peer), Arc::clone(&context.clock));
    match capability::account(&windows).await {
        Ok(detail) => report.note(ACCOUNT, Outcome::works(detail)),
        Err(error) => {
            report.note(ACCOUNT, Outcome::trouble(chain(&error), advice::on_talk(&error)));
            report.skip(&[CAPABILITIES], "the account is not let in");
            return Ok(report);
        }
    }
    capability::try_all(&windows, &mut report).await;
    Ok(report)
}

fn endpoint(target: &Target) -> Endpoint {
    match target.scheme {
        Scheme::Https => Endpoint { port: target.port, ..Endpoint::https(&target.address) },
        Scheme::Http => Endpoint { port: target.port, ..Endpoint::http(&target.address) },
    }
}

fn anonymous(target: &Target, endpoint: &Endpoint, context: &HostContext) -> Result<Client, ConnectError> {
    let wrong = |source: Box<dyn std::error::Error + Send + Sync>| ConnectError::Endpoint { address: endpoint.authority(), source };
    let trust = match &target.fingerprint {
        Some(pin) => Trust::Pinned(pin.parse::<Fingerprint>().map_err(|error| wrong(error.into()))?),
        None => context.trust.clone(),
    };
    let access = Access {
        endpoint: endpoint.clone(),
        connect: Arc::clone(&context.connect),
        trust,
        authenticate: Arc::new(Anonymous),
        clock: Arc::clone(&context.clock),
    };
    let settings = Settings { trace: context.trace.clone(), ..Settings::default() };
    Client::new(access, settings).map_err(|error| wrong(error.into()))
}

fn peer(
    target: &Target,
    (credential, authentication): &(CredentialName, Authentication),
    context: &HostContext,
) -> Result<Peer, ConnectError> {
    let fingerprint = target.fingerprint.as_deref();
    // One question at a time.
    let site = Site { host: &target.address, port: target.port, scheme: target.scheme, fingerprint, connections: 1 };
    Peer::new(site, Login { credential, authentication: *authentication, refusals: Refusals::default() }, context)
}

/// Opens a stream, and over TLS looks at the certificate. What fails after the stream is open is noted here.
async fn reach(endpoint: &Endpoint, context: &HostContext, report: &mut Report) -> io::Result<()> {
    let stream = context.connect.connect(endpoint).await?;
    report.note(REACH, Outcome::works(format!("{} listens", endpoint.authority())));
    if endpoint.scheme == wsman::connect::Scheme::Http {
        report.note(CERTIFICATE, Outcome::Absent { detail: "http has none; messages are sealed by Negotiate or Kerberos".to_owned() });
        return Ok(());
    }
    let outcome = match timeout(PATIENCE, shown(&endpoint.host, stream)).await {
        Ok(Ok(certificate)) => Outcome::works(described(&certificate)),
        Ok(Err(error)) => Outcome::trouble(error.to_string(), advice::NO_TLS),
        Err(_) => Outcome::trouble(format!("it takes connections and says nothing for {} s", PATIENCE.as_secs()), advice::SILENT),
    };
    report.note(CERTIFICATE, outcome);
    Ok(())
}

fn described(certificate: &[u8]) -> String {
    let fingerprint = Fingerprint::sha256(certificate);
    match Facts::read(certificate) {
        Ok(facts) => format!("{}, until {}, SHA-256 {fingerprint}", facts.subject, facts.not_after.strftime("%Y-%m-%d")),
        Err(_) => format!("SHA-256 {fingerprint}"),
    }
}

async fn identify(client: &Client, report: &mut Report) -> Result<(), WireError> {
    let outcome = match client.identify().await {
        Ok(identity) => {
            report.note(IDENTIFY, Outcome::works(format!("{}, {}", identity.vendor, identity.version)));
            return Ok(());
        }
        Err(error) => error,
    };
    report.note(IDENTIFY, Outcome::trouble(chain(&outcome), advice::on_wire(&outcome)));
    Err(outcome)
}
