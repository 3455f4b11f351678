//! The client: operations on one host.
//!
//! A handle is cheap to clone. Guarantees: one request in flight on each connection, and a few connections; a connection whose request
//! was given up is closed, so that dropping a future cancels; every request has an end in time; what was not sent is told from what
//! got no answer; a read whose connection died is asked once more, anything else never: only a request that was certainly not carried
//! out goes out again. Deliberately absent: waiting between attempts.

mod course;
mod enumeration;
mod exchange;
mod farewell;
mod filter;
mod operations;
mod patience;
mod pool;
mod shell;
mod subscription;
mod woken;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::auth::{Authenticate, Refusals};
use crate::clock::SharedClock;
use crate::connect::{Connect, Endpoint, Scheme};
use crate::secret::Secret;
use crate::tls::{Tls, TlsError, Trust};
use crate::trace::Trace;

pub use enumeration::Selection;
pub use operations::MethodOutput;
pub use shell::{
    CodePage, Detached, Finished, Input, Output, Program, ProgramError, Progress, Received, RunId, RunIdError, Running, Shell,
    ShellSettings, Signal,
};
pub use subscription::{Bookmarks, Event, EventQuery, LogEvent, SubscribeSettings, Subscription};

use course::Course;
pub(crate) use course::Heads;
pub(crate) use shell::quoted;

/// How a client behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Connections at once.
    pub connections: usize,
    /// How long the host may take for one operation; Windows allows 60 s unless configured otherwise.
    pub operation_timeout: Duration,
    /// How long a whole exchange may take, connecting included.
    pub total_timeout: Duration,
    /// Octets of one answer, as the host is told.
    pub max_envelope_size: u64,
    /// What it is told once it has said that an answer is larger than that.
    pub largest_envelope_size: u64,
    /// Items of one page.
    pub max_elements: u64,
    /// Items of one enumeration; more is taken for an error.
    pub max_items: usize,
    /// How classes are named: Microsoft's way, or DMTF's with the namespace beside it.
    pub spelling: Spelling,
    /// The language of faults and data, where the host has it: `en-US`.
    pub locale: String,
    /// Where each exchange is written down.
    pub trace: Option<Arc<Trace>>,
    /// Which accounts were refused where. Clients that are to remember together share it.
    pub refusals: Refusals,
}

/// How the resource of a class is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Spelling {
    /// `http://schemas.microsoft.com/wbem/wsman/1/wmi/<namespace>/<class>`.
    #[default]
    Microsoft,
    /// `http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/<class>`, with the selector `__cimnamespace`. Queries keep the other one.
    Dmtf,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connections: 4,
            operation_timeout: Duration::from_secs(60),
            total_timeout: Duration::from_secs(90),
            max_envelope_size: 512_000,
            largest_envelope_size: 4_096_000,
            max_elements: 512,
            max_items: 100_000,
            spelling: Spelling::default(),
            locale: "en-US".to_owned(),
            trace: None,
            refusals: Refusals::default(),
        }
    }
}

/// The way to a host.
#[derive(Debug, Clone)]
pub struct Access {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// How streams to it are made.
    pub connect: Arc<dyn Connect>,
    /// By what its certificate is known; not asked on HTTP.
    pub trust: Trust,
    /// Who we are.
    pub authenticate: Arc<dyn Authenticate>,
    /// What time it is, for certificates.
    pub clock: SharedClock,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
    operation_timeout: Duration,
    total_timeout: Duration,
}

#[derive(Debug)]
struct Shared {
    endpoint: Endpoint,
    /// The endpoint as errors and headers say it.
    address: String,
    connect: Arc<dyn Connect>,
    tls: Option<Tls>,
    authenticate: Arc<dyn Authenticate>,
    settings: Settings,
    pool: pool::Pool,
    requests: AtomicU64,
    farewells: farewell::Farewells,
}

impl Client {
    /// A client of the host behind `access`. Nothing is sent yet.
    ///
    /// # Errors
    /// What the host is trusted by cannot be read.
    pub fn new(access: Access, settings: Settings) -> Result<Self, TlsError> {
        let Access { endpoint, connect, trust, authenticate, clock } = access;
        let tls = match endpoint.scheme {
            Scheme::Https => Some(Tls::new(&trust, authenticate.identity(), clock)?),
            Scheme::Http => None,
        };
        let (operation_timeout, total_timeout) = (settings.operation_timeout, settings.total_timeout);
        let pool = pool::Pool::new(settings.connections);
        let address = endpoint.to_string();
        let shared = Shared {
            endpoint,
            address,
            connect,
            tls,
            authenticate,
            settings,
            pool,
            requests: AtomicU64::new(0),
            farewells: farewell::Farewells::default(),
        };
        Ok(Self { shared: Arc::new(shared), operation_timeout, total_timeout })
    }

    /// The same client, with other times: `operation` for the host, and half as much again for the whole.
    #[must_use]
    pub fn with_timeout(&self, operation: Duration) -> Self {
        Self { shared: Arc::clone(&self.shared), operation_timeout: operation, total_timeout: operation.mul_f32(1.5) }
    }

    /// Where the host listens.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.shared.endpoint
    }

    /// Keeps `secret` out of the trace, if there is one.
    pub fn conceal(&self, secret: &Secret) {
        if let Some(trace) = &self.shared.settings.trace {
            trace.conceal(secret);
        }
    }

    /// How many requests were sent so far, by all handles together.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }
}
