//! One Windows machine that answers over WS-Management: a host, or a guest.
//!
//! Guarantees: every error names the machine and what it was asked; the client's pool of connections bounds how much is asked at once.
//! Deliberately absent: what any answer means.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::condition::{Disposition, Reason};
use model::desired::Scheme;
use model::names::CredentialName;
use model::seen::Cause;
use wsman::auth::{Basic, Cleartext};
use wsman::cim::{CimInstance, CimPath, CimValue};
use wsman::connect::Endpoint;
use wsman::fault::FaultKind;
use wsman::tls::{Fingerprint, Trust};
use wsman::{Access, Client, Error as WireError, Settings};

use crate::credential::Credential;
use crate::error::{ConnectError, chain};
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
    /// It answers, and refuses our account.
    #[error("`{peer}` refuses our credentials for {what}")]
    Refused {
        /// Host and port.
        peer: String,
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

    /// How an observation says it.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::Unreachable { peer, .. } => Cause::Unreachable(peer.clone()),
            Self::Refused { peer, .. } => Cause::Refused(peer.clone()),
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
    pub(crate) fn new(site: Site<'_>, credential: &CredentialName, context: &HostContext) -> Result<Self, ConnectError> {
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
        let found = context.credentials.resolve(credential);
        let found = found.map_err(|source| ConnectError::Credential { name: credential.clone(), source })?;
        let cleartext = match site.scheme {
            Scheme::Https => Cleartext::Refused,
            // A manifest that says `http` asked for it by name.
            Scheme::Http => Cleartext::Allowed,
        };
        let basic = Basic { cleartext, ..Basic::new(found.user.clone(), found.secret.clone()) };
        let access = Access {
            endpoint,
            connect: Arc::clone(&context.connect),
            trust,
            authenticate: Arc::new(basic),
            clock: Arc::clone(&context.clock),
        };
        let client = Client::new(access, Settings::default()).map_err(|error| wrong(error.into()))?;
        Ok(Self { name, client, credential: found, admitted: AtomicBool::new(false) })
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

    /// What was read of the answer to `what`.
    pub(crate) fn read<T>(&self, what: &str, read: Result<T, Malformed>) -> Result<T, TalkError> {
        read.map_err(|source| TalkError::Malformed { peer: self.name.clone(), what: what.to_owned(), source: Box::new(source) })
    }

    /// The error of a method that only reads and was refused.
    pub(crate) fn refused(&self, method: &str, code: ReturnCode) -> TalkError {
        TalkError::Code { peer: self.name.clone(), what: method.to_owned(), code }
    }

    fn error(&self, what: &str, source: WireError) -> TalkError {
        let (peer, what, source) = (self.name.clone(), format!("`{what}`"), Box::new(source));
        match &*source {
            WireError::Unreachable { .. } | WireError::NoAnswer { .. } => TalkError::Unreachable { peer, source },
            WireError::Unauthorized { .. } => TalkError::Refused { peer, what, source },
            WireError::Fault { fault, .. } if fault.kind() == FaultKind::AccessDenied => TalkError::Refused { peer, what, source },
            _ => TalkError::Failed { peer, what, source },
        }
    }
}
