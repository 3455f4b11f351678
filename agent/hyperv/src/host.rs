//! One Hyper-V host: the conversation with it, and those with its guests.
//!
//! Guarantees: a guest is talked to only through a door that its host named (see `observe::door`); its conversation is kept and
//! used again. What is remembered here saves requests and is never needed: a `Host` that was just made does the same work.
//! Deliberately absent: retries and timeouts, which are the engine's.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::SignedDuration;
use model::desired::{Authentication, DesiredHost, DesiredRole, IntegrationService, Scheme};
use model::names::{CredentialName, InstanceId, RoleName};
use tokio::sync::OnceCell;
use wsman::auth::Refusals;
use wsman::clock::SharedClock;
use wsman::connect::Connect;
use wsman::tls::Trust;
use wsman::trace::Trace;

use crate::classes;
use crate::credential::Credentials;
use crate::error::ConnectError;
use crate::events::Source;
use crate::guid::Guid;
use crate::job::Following;
use crate::observe::cluster::Alone;
use crate::observe::door::Door;
use crate::observe::guest::PendingJoin;
use crate::observe::integration::KeptOffer;
use crate::peer::{Login, Peer, Site, TalkError};
use crate::refusal::Refusal;
use crate::row::Row;
use crate::wql::Query;

/// The port of a guest's listener (image contract).
const GUEST_PORT: u16 = 5986;

/// Connections to a host, which is asked thirty things at each look.
const HOST_CONNECTIONS: usize = 4;

/// Connections to a guest, which is asked seven: one may wait for events meanwhile.
const GUEST_CONNECTIONS: usize = 2;

/// How long an answer is believed that changes once in months: whether there is a failover cluster, what integration services are
/// offered. Nothing is ended or deleted on such an answer.
pub(crate) const KEPT: SignedDuration = SignedDuration::from_hours(1);

/// What a host needs of the process that it lives in.
#[derive(Debug, Clone)]
pub struct HostContext {
    /// Opens byte streams.
    pub connect: Arc<dyn Connect>,
    /// Resolves names of credentials.
    pub credentials: Arc<dyn Credentials>,
    /// By what hosts are known whose manifest names no fingerprint: the system's roots, or the settings' authority.
    pub trust: Trust,
    /// Tells the wall time.
    pub clock: SharedClock,
    /// Which accounts hosts have refused, so that a wrong password is not tried at each look.
    pub refusals: Refusals,
    /// Where each exchange is written down.
    pub trace: Option<Arc<Trace>>,
}

/// See the module. One per appliance.
#[derive(Debug)]
pub struct Host {
    peer: Arc<Peer>,
    context: HostContext,
    guests: Mutex<BTreeMap<(Door, CredentialName, Authentication), Arc<Peer>>>,
    memory: Mutex<Memory>,
    following: Following,
    name: OnceCell<String>,
}

/// What guests have told, which is as true in another conversation with their host: who refused our account until when, and who was sent
/// into a domain.
#[derive(Debug, Default)]
pub struct Lore {
    joins: BTreeMap<Guid, PendingJoin>,
    refusals: BTreeMap<(InstanceId, RoleName), Refusal>,
}

/// What is remembered between two steps.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The door that last opened, by VM.
    pub(crate) doors: BTreeMap<(InstanceId, RoleName), Door>,
    /// Joins that were sent and await a restart.
    pub(crate) joins: BTreeMap<Guid, PendingJoin>,
    /// Guests that refused our account.
    pub(crate) refusals: BTreeMap<(InstanceId, RoleName), Refusal>,
    /// The host is in no failover cluster, as it said lately.
    pub(crate) alone: Option<Alone>,
    /// What integration services are offered to VMs.
    pub(crate) offers: BTreeMap<(Guid, IntegrationService), KeptOffer>,
}

impl Host {
    /// A host that is connected to when it is first asked something.
    ///
    /// # Errors
    /// `ConnectError` when the credential cannot be resolved, or address, port and fingerprint make no endpoint.
    pub fn new(host: &DesiredHost, context: HostContext) -> Result<Self, ConnectError> {
        let fingerprint = host.fingerprint.as_deref();
        let site = Site { host: &host.address, port: host.port, scheme: host.scheme, fingerprint, connections: HOST_CONNECTIONS };
        let login = Login { credential: &host.credential, authentication: host.authentication, refusals: context.refusals.clone() };
        let peer = Peer::new(site, login, &context)?;
        Ok(Self {
            peer: Arc::new(peer),
            context,
            guests: Mutex::default(),
            memory: Mutex::default(),
            following: Following::default(),
            name: OnceCell::new(),
        })
    }

    /// The same, with what an earlier conversation with this host has left.
    #[must_use]
    pub fn with(self, lore: Lore) -> Self {
        {
            let mut memory = self.memory();
            (memory.joins, memory.refusals) = (lore.joins, lore.refusals);
        }
        self
    }

    /// The conversation ends; what it leaves to the next one.
    #[must_use]
    pub fn leave(&self) -> Lore {
        let mut memory = self.memory();
        Lore { joins: std::mem::take(&mut memory.joins), refusals: std::mem::take(&mut memory.refusals) }
    }

    /// The conversation with the host itself.
    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The same, to be kept.
    pub(crate) fn shared_peer(&self) -> Arc<Peer> {
        Arc::clone(&self.peer)
    }

    /// The process that this lives in.
    pub(crate) fn context(&self) -> &HostContext {
        &self.context
    }

    /// The jobs that this process waits for.
    pub(crate) fn following(&self) -> &Following {
        &self.following
    }

    /// What is remembered; never held across an await.
    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host's computer name, as object paths want it. Asked once.
    pub(crate) async fn name(&self) -> Result<&str, TalkError> {
        let ask = || async {
            let rows = self.peer.select(&Query::windows(classes::WINDOWS_COMPUTER)).await?;
            let missing = || crate::row::Malformed::Missing { class: classes::WINDOWS_COMPUTER.to_owned(), property: "Name" };
            let name = rows.first().ok_or_else(missing).and_then(|row| row.need("Name").map(str::to_owned));
            self.peer.read(classes::WINDOWS_COMPUTER, name)
        };
        self.name.get_or_try_init(ask).await.map(String::as_str)
    }

    /// The conversation with the guest behind `door`.
    pub(crate) fn guest(&self, door: &Door, role: &DesiredRole) -> Result<Arc<Peer>, ConnectError> {
        let key = (door.clone(), role.credential.clone(), role.authentication);
        let mut guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(peer) = guests.get(&key) {
            return Ok(Arc::clone(peer));
        }
        let address = door.address.to_string();
        let fingerprint = Some(&*door.thumbprint);
        let site = Site { host: &address, port: GUEST_PORT, scheme: Scheme::Https, fingerprint, connections: GUEST_CONNECTIONS };
        // What a guest refuses is remembered by `refusal`, which knows when another guest stands behind the same address.
        let login = Login { credential: &role.credential, authentication: role.authentication, refusals: Refusals::default() };
        let peer = Arc::new(Peer::new(site, login, &self.context)?);
        // A new certificate or address makes a new door; the old ones to that address lead nowhere any more.
        guests.retain(|(known, ..), _| known.address != door.address);
        guests.insert(key, Arc::clone(&peer));
        Ok(peer)
    }

    /// Who may tell by itself when something changes: the host, and the guests that have let us in.
    #[must_use]
    pub fn sources(&self) -> Vec<Source> {
        let guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        let guests = guests.values().filter(|peer| peer.was_admitted()).cloned().map(Source::guest);
        std::iter::once(Source::host(Arc::clone(&self.peer))).chain(guests).collect()
    }

    /// Forgets the conversation with the guest behind `door`, so that its credential is resolved anew.
    pub(crate) fn forget(&self, door: &Door) {
        let mut guests = self.guests.lock().unwrap_or_else(PoisonError::into_inner);
        guests.retain(|(known, ..), _| known != door);
    }
}
