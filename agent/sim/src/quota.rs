//! Open enumerations and requests under way, and how many of each there may be.
//!
//! Guarantees: at most `MAX_OPEN` for one user of one machine, and `MAX_ITEMS` held for all of them; one that nobody pulls from for
//! `IDLE` is gone; identifiers never repeat within a simulation, and are the same in each run of the same requests.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;
use wsman::cim::Name;

use crate::machine::Object;
use crate::world::MachineId;

/// Enumerations that one user may have open on one machine: what Windows Server 2012 and later allow.
pub const MAX_OPEN: usize = 1500;
/// Items that all open enumerations hold together: a bound on memory, far beyond what honest clients leave open.
pub const MAX_ITEMS: usize = 250_000;
/// How long an enumeration lives without a pull (`EnumerationTimeoutms`).
pub const IDLE: Duration = Duration::from_secs(60);

/// Who opened an enumeration; nobody else may pull from it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The machine that was asked.
    pub machine: MachineId,
    /// The account that asked.
    pub user: String,
}

/// What each item of an enumeration looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The instance.
    Objects,
    /// Its endpoint reference.
    References,
    /// Both.
    Both,
}

/// The rest of an enumeration.
#[derive(Debug, Clone)]
pub struct Open {
    /// What has not been pulled yet.
    pub items: VecDeque<Object>,
    /// How an item is shown.
    pub mode: Mode,
    /// The properties that were asked for by name.
    pub projection: Option<Vec<Name>>,
    /// Whether references are shown in DMTF's form, as the request was.
    pub naming: wsman::resource::Naming,
}

/// The quota is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much is being enumerated already")]
pub struct QuotaExceeded;

/// All open enumerations of all machines.
#[derive(Debug, Default)]
pub struct Enumerations {
    open: HashMap<Uuid, (Owner, Instant, Open)>,
    serial: u64,
}

impl Enumerations {
    /// Keeps `rest` until it is pulled from; gives the context's text.
    ///
    /// # Errors
    /// `QuotaExceeded`.
    pub fn keep(&mut self, owner: Owner, rest: Open) -> Result<String, QuotaExceeded> {
        let now = Instant::now();
        self.open.retain(|_, (_, until, _)| *until > now);
        let held: usize = self.open.values().map(|(_, _, open)| open.items.len()).sum();
        let own = self.open.values().filter(|(own, _, _)| *own == owner).count();
        if own >= MAX_OPEN || held + rest.items.len() > MAX_ITEMS {
            return Err(QuotaExceeded);
        }
        let id = self.fresh();
        self.open.insert(id, (owner, now + IDLE, rest));
        Ok(text(id))
    }

    /// Takes an enumeration out; `None` when there is none of that name, it is somebody else's, or its time is over.
    pub fn take(&mut self, owner: &Owner, context: &str) -> Option<Open> {
        let id = id(context)?;
        let (own, until, _) = self.open.get(&id)?;
        if own != owner || *until <= Instant::now() {
            return None;
        }
        self.open.remove(&id).map(|(_, _, open)| open)
    }

    /// An identifier that was never given before: for contexts and messages.
    pub fn fresh(&mut self) -> Uuid {
        self.serial += 1;
        Uuid::new_v5(&Uuid::NAMESPACE_OID, &self.serial.to_be_bytes())
    }

    /// How many are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

/// The requests that machines have under way (`MaxConnections`).
#[derive(Debug, Default)]
pub(crate) struct Crowd(Mutex<HashMap<MachineId, usize>>);

/// One request's place among them, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    crowd: Arc<Crowd>,
    machine: MachineId,
}

impl Crowd {
    /// A place among at most `limit` requests to `machine`; `None` when there is none.
    pub(crate) fn enter(self: &Arc<Self>, machine: &MachineId, limit: usize) -> Option<Place> {
        let mut present = self.present();
        let count = present.entry(machine.clone()).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Place { crowd: Arc::clone(self), machine: machine.clone() })
    }

    fn present(&self) -> MutexGuard<'_, HashMap<MachineId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(count) = self.crowd.present().get_mut(&self.machine) {
            *count -= 1;
        }
    }
}

/// `uuid:` and upper case, as Windows writes identifiers.
pub fn text(id: Uuid) -> String {
    format!("uuid:{:X}", id.hyphenated())
}

fn id(context: &str) -> Option<Uuid> {
    let context = context.trim();
    let bare = context.strip_prefix("uuid:").or_else(|| context.strip_prefix("urn:uuid:")).unwrap_or(context);
    Uuid::parse_str(bare).ok()
}

#[cfg(test)]
mod tests {
    use wsman::cim::Namespace;
    use wsman::resource::Naming;

    use super::*;
    use crate::world::HostName;

    fn owner(user: &str) -> Owner {
        Owner { machine: MachineId::Host(HostName::new("hv01")), user: user.to_owned() }
    }

    fn open() -> Open {
        Open { items: VecDeque::new(), mode: Mode::Objects, projection: None, naming: Naming::Microsoft(Namespace::CIMV2) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_context_serves_once_and_only_its_owner() {
        let mut all = Enumerations::default();
        let context = all.keep(owner("alice"), open()).expect("room");
        assert!(all.take(&owner("bob"), &context).is_none(), "somebody else's");
        assert!(all.take(&owner("alice"), "uuid:nonsense").is_none());
        assert!(all.take(&owner("alice"), &context.to_lowercase()).is_some());
        assert!(all.take(&owner("alice"), &context).is_none(), "taken already");
    }

    #[tokio::test(start_paused = true)]
    async fn a_context_lapses_when_nobody_pulls() {
        let mut all = Enumerations::default();
        let context = all.keep(owner("alice"), open()).expect("room");
        tokio::time::advance(IDLE).await;
        assert!(all.take(&owner("alice"), &context).is_none());
        all.keep(owner("alice"), open()).expect("room");
        assert_eq!(all.len(), 1, "the lapsed one was cleared away");
    }

    #[tokio::test(start_paused = true)]
    async fn each_user_has_a_quota_of_their_own() {
        let mut all = Enumerations::default();
        for _ in 0..MAX_OPEN {
            all.keep(owner("alice"), open()).expect("room");
        }
        assert_eq!(all.keep(owner("alice"), open()), Err(QuotaExceeded));
        assert!(all.keep(owner("bob"), open()).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_all_contexts_hold_is_bounded() {
        let path = wsman::cim::CimPath::class_of(Namespace::CIMV2, "Win32_Service");
        let object = Object { instance: wsman::cim::CimInstance::new(path.class().clone()), path };
        let many = |count: usize| Open { items: std::iter::repeat_n(object.clone(), count).collect(), ..open() };
        let mut all = Enumerations::default();
        let context = all.keep(owner("alice"), many(MAX_ITEMS)).expect("room");
        assert_eq!(all.keep(owner("bob"), many(1)), Err(QuotaExceeded));
        all.take(&owner("alice"), &context).expect("hers");
        assert!(all.keep(owner("bob"), many(1)).is_ok());
    }

    #[test]
    fn a_place_is_free_again_when_its_request_has_ended() {
        let (crowd, hosts) = (Arc::new(Crowd::default()), ["hv01", "hv02"].map(|name| MachineId::Host(HostName::new(name))));
        let places: Vec<_> = (0..2).map(|_| crowd.enter(&hosts[0], 2).expect("room")).collect();
        assert!(crowd.enter(&hosts[0], 2).is_none());
        assert!(crowd.enter(&hosts[1], 2).is_some(), "each machine counts for itself");
        drop(places);
        assert!(crowd.enter(&hosts[0], 2).is_some());
    }
}
