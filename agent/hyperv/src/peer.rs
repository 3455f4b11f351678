//! One Windows machine that answers over WS-Management: a host, or a guest.
//!
//! Guarantees: every error names the machine and what it was asked; the client's pool of connections bounds how much is asked at once.
//! Deliberately absent: what any answer means.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::cause::chain;
use model::condition::{Disposition, Reason};
use model::desired::{Authentication, Scheme};
use model::names::CredentialName;
use model::seen::Cause;
use wsman::auth::{Account, AuthError, Authenticate, Basic, Cleartext, ClientCertificate, Kerberos, Negotiate, Refusals};
use wsman::cim::{CimInstance, CimPath, CimValue, Namespace};
use wsman::connect::Endpoint;
use wsman::event::{EventQuery, SubscribeSettings, Subscription};
use wsman::fault::FaultKind;
use wsman::shell::{Finished, Program};
use wsman::tls::{Fingerprint, Trust};
use wsman::{Access, Client, Error as WireError, Settings};

use crate::classes;
use crate::credential::{Credential, CredentialError};
use crate::error::ConnectError;
use crate::host::HostContext;
use crate::return_code::ReturnCode;
use crate::row::Malformed;
use crate::wql::{self, Query};

/// A conversation that failed.
#[derive(Debug, thiserror::Error)]
pub enum TalkError {
    /// No answer comes from there.
    #[error("`{peer}` does not answer")]
    Unreachable {
        /// Host and port.
        peer: String,
        /// Why.
        #[source]
        source: Box<WireError>,
    },
    /// It refuses our account, or our account cannot be shown to it.
    #[error("{}", if is_ours(source) {
        format!("credential `{credential}` (user `{user}`) cannot be used for `{peer}`")
    } else {
        format!("`{peer}` refuses credential `{credential}` (user `{user}`) for {what}")
    })]
    Refused {
        /// Host and port.
        peer: String,
        /// The credential's name, as manifests write it.
        credential: CredentialName,
        /// The user that stands behind it.
        user: String,
        /// What was asked.
        what: String,
        /// How.
        #[source]
        source: Box<WireError>,
    },
    /// It answers with a fault, or we do not trust the answer.
    #[error("`{peer}` was asked for {what} in vain")]
    Failed {
        /// Host and port.
        peer: String,
        /// What was asked.
        what: String,
        /// Why.
        #[source]
        source: Box<WireError>,
    },
    /// It answers with something that its class does not allow.
    #[error("`{peer}` answered {what} with something that cannot be read")]
    Malformed {
        /// Host and port.
        peer: String,
        /// What was asked.
        what: String,
        /// What is wrong with it.
        #[source]
        source: Box<Malformed>,
    },
    /// A method that only reads was refused.
    #[error("`{peer}` refused `{what}`: {code}")]
    Code {
        /// Host and port.
        peer: String,
        /// The method.
        what: String,
        /// Its return value.
        code: ReturnCode,
    },
}

/// Whether nobody was asked: how we would say who we are is wrong already.
fn is_ours(error: &WireError) -> bool {
    matches!(error, WireError::Unauthorized { source, .. } if source.is_ours())
}

impl TalkError {
    /// What it asks for.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Unreachable { .. } | Self::Malformed { .. } => Disposition::Retry,
            Self::Refused { .. } => Disposition::Stall(Reason::AccessDenied),
            Self::Code { code, .. } => code.disposition(),
            Self::Failed { source, .. } => match source.disposition() {
                wsman::Disposition::Retry => Disposition::Retry,
                wsman::Disposition::Wait => Disposition::Wait { until: None },
                wsman::Disposition::Stall => Disposition::Stall(Reason::StepFailed),
            },
        }
    }

    /// Whether the machine may have done what it was asked for, although no answer says so.
    #[must_use]
    pub fn outcome_unknown(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } | Self::Refused { source, .. } | Self::Failed { source, .. } => source.outcome_unknown(),
            Self::Malformed { .. } => true,
            Self::Code { .. } => false,
        }
    }

    /// Whether the machine has no such class or namespace: what brings it is not installed there.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        let kind = match self {
            Self::Failed { source, .. } => source.fault().map(wsman::fault::Fault::kind),
            Self::Unreachable { .. } | Self::Refused { .. } | Self::Malformed { .. } | Self::Code { .. } => None,
        };
        matches!(kind, Some(FaultKind::InvalidNamespace | FaultKind::InvalidClass | FaultKind::InvalidResource))
    }

    /// Whether the machine gave up waiting for its own provider, which goes on.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        let kind = match self {
            Self::Failed { source, .. } => source.fault().map(wsman::fault::Fault::kind),
            Self::Unreachable { .. } | Self::Refused { .. } | Self::Malformed { .. } | Self::Code { .. } => None,
        };
        kind == Some(FaultKind::TimedOut)
    }

    /// Whether it is no answer of a machine that has just been looked at: its service is about to stop, or its classes are not there yet.
    #[must_use]
    pub(crate) fn is_odd(&self) -> bool {
        let broken = |source: &WireError| matches!(source, WireError::Status { .. } | WireError::BadAnswer { .. });
        matches!(self, Self::Failed { source, .. } if broken(source)) || self.is_absent()
    }

    /// For how long it is not asked again, as it refused this very password.
    #[must_use]
    pub fn rest(&self) -> Option<Duration> {
        match self {
            Self::Refused { source, .. } => match source.as_ref() {
                WireError::Unauthorized { source: AuthError::Resting { seconds, .. }, .. } => Some(Duration::from_secs(*seconds)),
                _ => None,
            },
            Self::Unreachable { .. } | Self::Failed { .. } | Self::Malformed { .. } | Self::Code { .. } => None,
        }
    }

    /// Whether asking again soon would bring the same answer.
    #[must_use]
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Refused { .. } => true,
            Self::Failed { source, .. } => source.disposition() == wsman::Disposition::Stall,
            Self::Unreachable { .. } | Self::Malformed { .. } | Self::Code { .. } => false,
        }
    }

    /// How an observation says it.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::Unreachable { peer, .. } => Cause::Unreachable(peer.clone()),
            Self::Refused { source, .. } if is_ours(source) => Cause::Failed(chain(self)),
            Self::Refused { peer, credential, user, .. } => {
                Cause::Refused(format!("{peer} refused credential `{credential}` (user `{user}`)"))
            }
            Self::Failed { .. } | Self::Malformed { .. } | Self::Code { .. } => Cause::Failed(chain(self)),
        }
    }
}

/// Where a machine listens, and by what it is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) scheme: Scheme,
    /// The certificate to insist on; `None`: the context's trust decides.
    pub(crate) fingerprint: Option<&'a str>,
    /// Connections at once. Each costs a handshake of TLS and one of authentication, which is most of what a single look costs.
    pub(crate) connections: usize,
}

/// Who we are there, and how we say so.
#[derive(Debug, Clone)]
pub(crate) struct Login<'a> {
    pub(crate) credential: &'a CredentialName,
    pub(crate) authentication: Authentication,
    /// What the machine refused before.
    pub(crate) refusals: Refusals,
}

/// An instance and where it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object {
    pub(crate) path: CimPath,
    pub(crate) row: CimInstance,
}

/// What a method is given, in the declared order.
pub(crate) type Input = [(&'static str, CimValue)];

/// What a method answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) value: u32,
    pub(crate) out: CimInstance,
}

/// See the module.
pub(crate) struct Peer {
    name: String,
    client: Client,
    known_as: CredentialName,
    credential: Credential,
    // Whether it ever let us in by this account.
    admitted: AtomicBool,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Peer {
    /// A machine that is connected to when it is first asked something.
    pub(crate) fn new(site: Site<'_>, login: Login<'_>, context: &HostContext) -> Result<Self, ConnectError> {
        let endpoint = match site.scheme {
            Scheme::Https => Endpoint { port: site.port, ..Endpoint::https(site.host) },
            Scheme::Http => Endpoint { port: site.port, ..Endpoint::http(site.host) },
        };
        let name = endpoint.authority();
        let wrong = |source: Box<dyn std::error::Error + Send + Sync>| ConnectError::Endpoint { address: name.clone(), source };
        let trust = match site.fingerprint {
            Some(pin) => Trust::Pinned(pin.parse::<Fingerprint>().map_err(|error| wrong(error.into()))?),
            None => context.trust.clone(),
        };
        let Login { credential: known_as, authentication, refusals } = login;
        let unusable = |source| ConnectError::Credential { name: known_as.clone(), source };
        let found = context.credentials.resolve(known_as).map_err(unusable)?;
        let access = Access {
            endpoint,
            connect: Arc::clone(&context.connect),
            trust,
            authenticate: way_to_say(&found, authentication).map_err(unusable)?,
            clock: Arc::clone(&context.clock),
        };
        let settings = Settings { connections: site.connections, refusals, trace: context.trace.clone(), ..Settings::default() };
        let client = Client::new(access, settings).map_err(|error| wrong(error.into()))?;
        client.conceal(&found.secret);
        Ok(Self { name, client, known_as: known_as.clone(), credential: found, admitted: AtomicBool::new(false) })
    }

    /// By which account it is talked to.
    pub(crate) fn credential(&self) -> &Credential {
        &self.credential
    }

    /// Notes that it let us in.
    pub(crate) fn note_admitted(&self) {
        self.admitted.store(true, Ordering::Relaxed);
    }

    /// Whether it ever let us in during this conversation.
    pub(crate) fn was_admitted(&self) -> bool {
        self.admitted.load(Ordering::Relaxed)
    }

    /// The instances that a query finds.
    pub(crate) async fn select(&self, query: &Query) -> Result<Vec<CimInstance>, TalkError> {
        // A client's future is large, and many wait at once: each is kept on the heap.
        let found = Box::pin(self.client.query(query.namespace(), &query.to_string())).await;
        found.map_err(|error| self.error(query.class(), error))
    }

    /// The same with their paths.
    pub(crate) async fn objects(&self, query: &Query) -> Result<Vec<Object>, TalkError> {
        let found = Box::pin(self.client.query_with_paths(query.namespace(), &query.to_string())).await;
        let found = found.map_err(|error| self.error(query.class(), error))?;
        Ok(found.into_iter().map(|(path, row)| Object { path, row }).collect())
    }

    /// The services that depend on the one at `path`.
    pub(crate) async fn dependents(&self, path: &CimPath) -> Result<Vec<CimInstance>, TalkError> {
        let found = Box::pin(self.client.query(path.namespace(), &wql::dependents(path))).await;
        found.map_err(|error| self.error(path.class().as_str(), error))
    }

    /// What the job of that `InstanceID` works on.
    pub(crate) async fn affected(&self, job: &str) -> Result<Vec<CimInstance>, TalkError> {
        let found = Box::pin(self.client.query(&Namespace::VIRTUALIZATION, &wql::affected(job))).await;
        found.map_err(|error| self.error(classes::JOB, error))
    }

    /// The instance at `path`; `None` when nothing is there.
    pub(crate) async fn find(&self, path: &CimPath) -> Result<Option<CimInstance>, TalkError> {
        match Box::pin(self.client.get(path)).await {
            Ok(row) => Ok(Some(row)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(self.error(path.class().as_str(), error)),
        }
    }

    /// Calls a method.
    pub(crate) async fn invoke(&self, target: &CimPath, method: &'static str, input: &Input) -> Result<Answer, TalkError> {
        let answer = Box::pin(self.client.invoke(target, method, input)).await.map_err(|error| self.error(method, error))?;
        Ok(Answer { value: answer.return_value, out: answer.out })
    }

    /// Calls a method that may take so long. The machine may allow less: then it gives up, and what it began goes on.
    pub(crate) async fn invoke_within(
        &self,
        target: &CimPath,
        method: &'static str,
        input: &Input,
        patience: Duration,
    ) -> Result<Answer, TalkError> {
        let client = self.client.with_timeout(patience);
        let answer = Box::pin(client.invoke(target, method, input)).await.map_err(|error| self.error(method, error))?;
        Ok(Answer { value: answer.return_value, out: answer.out })
    }

    /// Makes an instance and tells where it is.
    pub(crate) async fn create(&self, namespace: &Namespace, new: &CimInstance) -> Result<CimPath, TalkError> {
        let made = Box::pin(self.client.create(namespace, new)).await;
        made.map_err(|error| self.error(new.class().as_str(), error))
    }

    /// Subscribes to what `query` selects.
    pub(crate) async fn subscribe(&self, query: EventQuery, settings: SubscribeSettings) -> Result<Subscription, TalkError> {
        Box::pin(self.client.subscribe(query, settings)).await.map_err(|error| self.error("its events", error))
    }

    /// Runs `program` there to its end and keeps `most` octets of what it writes.
    pub(crate) async fn run(&self, program: &Program, most: usize) -> Result<Finished, TalkError> {
        Box::pin(self.client.run(program, most)).await.map_err(|error| self.error(program.name(), error))
    }

    /// Host and port.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What was read of the answer to `what`.
    pub(crate) fn read<T>(&self, what: &str, read: Result<T, Malformed>) -> Result<T, TalkError> {
        read.map_err(|source| TalkError::Malformed { peer: self.name.clone(), what: what.to_owned(), source: Box::new(source) })
    }

    /// The error of a method that only reads and was refused.
    pub(crate) fn refused(&self, method: &str, code: ReturnCode) -> TalkError {
        TalkError::Code { peer: self.name.clone(), what: method.to_owned(), code }
    }

    /// What went wrong when it was asked for `what`.
    pub(crate) fn error(&self, what: &str, source: WireError) -> TalkError {
        let (peer, what, source) = (self.name.clone(), format!("`{what}`"), Box::new(source));
        let refused = |peer, what, source| {
            let (credential, user) = (self.known_as.clone(), self.credential.user.clone());
            TalkError::Refused { peer, credential, user, what, source }
        };
        match &*source {
            WireError::Unreachable { .. } | WireError::NoAnswer { .. } => TalkError::Unreachable { peer, source },
            WireError::Unauthorized { .. } => refused(peer, what, source),
            WireError::Fault { fault, .. } if fault.kind() == FaultKind::AccessDenied => refused(peer, what, source),
            _ => TalkError::Failed { peer, what, source },
        }
    }
}

/// How the client says who it is.
fn way_to_say(found: &Credential, authentication: Authentication) -> Result<Arc<dyn Authenticate>, CredentialError> {
    let account = || Account { user: found.user.clone(), password: found.secret.clone() };
    Ok(match authentication {
        Authentication::Negotiate => Arc::new(Negotiate::new(account())),
        Authentication::Kerberos => Arc::new(Kerberos { account: account(), domain_controller: found.domain_controller.clone() }),
        Authentication::Basic => Arc::new(Basic { account: account(), cleartext: Cleartext::Refused }),
        // The manifest asked for it by name, and was warned of.
        Authentication::BasicInClear => Arc::new(Basic { account: account(), cleartext: Cleartext::Allowed }),
        Authentication::Certificate => {
            let lacks = || CredentialError::Unreadable("`authentication: certificate` needs a `certificate` and its `key`".to_owned());
            let identity = found.certificate.clone().ok_or_else(lacks)?;
            Arc::new(ClientCertificate(identity))
        }
    })
}
