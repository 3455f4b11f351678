//! What the appliances of a site tell each other, and whose turn it is to be disrupted.
//!
//! Guarantees asked of every backend: a status older than its time to live is not told; at most one appliance of a site has the turn;
//! a turn is never taken from a holder, who gives it back once its appliance was observed at rest, unless a person releases it.
//! Deliberately absent: any judgement of whether a peer serves (that is the gate's). Backends to come: a git reference moved by
//! compare-and-swap, and etcd.

pub mod memory;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;
use model::condition::Disposition;
use model::names::{ApplianceName, SiteName};
use model::units::Span;
use plan::given::Peer;
use serde::{Deserialize, Serialize};

/// What an appliance tells its peers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerStatus {
    /// Whose status it is.
    pub appliance: ApplianceName,
    /// When its host was observed.
    pub at: Timestamp,
    /// What its peers may count on.
    pub peer: Peer,
    /// Digest of the wish that `peer.finished` is about. To have finished an older one proves nothing.
    pub wish: Arc<str>,
}

impl PeerStatus {
    /// Whether it tells the peers what `other` told them; the time aside.
    pub(crate) fn says_what(&self, other: &Self) -> bool {
        self.peer == other.peer && self.wish == other.wish
    }
}

/// Whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Turn {
    /// Nobody's.
    Free,
    /// This appliance's.
    Held {
        /// The appliance.
        by: ApplianceName,
        /// Since when.
        since: Timestamp,
    },
}

impl Turn {
    /// Whether it is the turn of `appliance`.
    #[must_use]
    pub fn is_of(&self, appliance: &ApplianceName) -> bool {
        matches!(self, Self::Held { by, .. } if by == appliance)
    }
}

/// The members of a site, and the one who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The site.
    pub site: SiteName,
    /// Who asks.
    pub appliance: ApplianceName,
    /// Everybody else there.
    pub peers: BTreeSet<ApplianceName>,
}

/// The site store does not answer, or cannot be used for this site.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Several agents own the site, and this backend knows one only.
    #[error("site `{site}` has appliances of another agent ({}), but the turn is not shared with it", listed(others))]
    TurnNotShared {
        /// The site.
        site: SiteName,
        /// The appliances that this agent does not own.
        others: Vec<ApplianceName>,
    },
    /// The backend does not answer; planned disruption waits.
    #[error("the store of site `{site}` does not answer")]
    Away {
        /// The site.
        site: SiteName,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fn listed(names: &[ApplianceName]) -> String {
    names.iter().map(ApplianceName::as_str).collect::<Vec<_>>().join(", ")
}

impl StoreError {
    /// What it asks for: repair of what serves nobody goes on, everything that disrupts waits.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::TurnNotShared { .. } | Self::Away { .. } => Disposition::Wait { until: None },
        }
    }
}

/// The answer of a store, some time later.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The port. One store serves every site of an agent.
pub trait SiteStore: Send + Sync + fmt::Debug {
    /// Tells the peers how an appliance is; the word is good for `ttl`.
    fn publish<'a>(&'a self, site: &'a SiteName, status: PeerStatus, ttl: Span) -> Answer<'a, ()>;

    /// What the appliances of a site have told, as far as it is not too old.
    fn peers<'a>(&'a self, site: &'a SiteName) -> Answer<'a, BTreeMap<ApplianceName, PeerStatus>>;

    /// Whose turn it is. Asked again before every step that needs it.
    fn turn<'a>(&'a self, member: &'a Member) -> Answer<'a, Turn>;

    /// Takes the turn if it is free (or the asker's already); whose it is now.
    fn take_turn<'a>(&'a self, member: &'a Member) -> Answer<'a, Turn>;

    /// Gives the turn back, if it is this appliance's. Only after its host answered, no job was running, and it served or was held; or when it belongs to the site no more.
    fn give_back<'a>(&'a self, site: &'a SiteName, appliance: &'a ApplianceName) -> Answer<'a, ()>;
}
