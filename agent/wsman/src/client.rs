//! The client: operations on one host.
//!
//! A handle is cheap to clone. Guarantees: one request in flight on each connection, and a few connections; a connection whose request
//! was given up is closed, so that dropping a future cancels; every request has an end in time; what was not sent is told from what
//! got no answer. Deliberately absent: repetition (only a request that was certainly never sent goes out again, on a new connection).

mod exchange;
mod operations;
mod pool;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::auth::{Authenticate, Refusals};
use crate::clock::SharedClock;
use crate::connect::{Connect, Endpoint, Scheme};
use crate::tls::{Tls, TlsError, Trust};

pub use operations::MethodOutput;

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
    /// Items of one page.
    pub max_elements: u64,
    /// Items of one enumeration; more is taken for an error.
    pub max_items: usize,
    /// Which accounts were refused where. Clients that are to remember together share it.
    pub refusals: Refusals,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connections: 4,
            operation_timeout: Duration::from_secs(60),
            total_timeout: Duration::from_secs(90),
            max_envelope_size: 512_000,
            max_elements: 512,
            max_items: 100_000,
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
        let shared = Shared { endpoint, address, connect, tls, authenticate, settings, pool, requests: AtomicU64::new(0) };
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

    /// How many requests were sent so far, by all handles together.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }
}
