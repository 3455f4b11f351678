//! The site store of an agent that owns every appliance of its sites: plain memory.
//!
//! Guarantees: refuses the turn of a site that it does not own completely. A new life of the agent begins with the turn free and every
//! peer unknown, so nothing that serves is disrupted before each peer was observed anew.
//! Deliberately absent: sharing between processes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use model::names::{ApplianceName, SiteName};
use model::units::Span;
use tokio::time::Instant;
use wsman::clock::SharedClock;

use super::{Answer, Member, PeerStatus, SiteStore, StoreError, Turn};

/// Which appliances this agent owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// Every one that the repository describes.
    All,
    /// These; others of the same repository belong to other agents.
    Only(BTreeSet<ApplianceName>),
}

impl Ownership {
    /// Whether it covers this appliance.
    #[must_use]
    pub fn covers(&self, appliance: &ApplianceName) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(appliance),
        }
    }
}

#[derive(Debug, Default)]
struct Site {
    // Words age by the time that passes: the clock on the wall may be set.
    told: BTreeMap<ApplianceName, (PeerStatus, Instant)>,
    turn: Option<(ApplianceName, Timestamp)>,
}

/// The site store of an agent that owns every appliance of its sites.
#[derive(Debug)]
pub struct MemoryStore {
    clock: SharedClock,
    ownership: Ownership,
    // Never held across an await; each use is a look-up.
    sites: Mutex<BTreeMap<SiteName, Site>>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(clock: SharedClock, ownership: Ownership) -> Self {
        Self { clock, ownership, sites: Mutex::default() }
    }

    fn sites(&self) -> MutexGuard<'_, BTreeMap<SiteName, Site>> {
        // Nothing in here panics while it holds the lock; if something did, the map would still be whole.
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_ownership(&self, member: &Member) -> Result<(), StoreError> {
        let others: Vec<_> = member.peers.iter().filter(|peer| !self.ownership.covers(peer)).cloned().collect();
        if others.is_empty() { Ok(()) } else { Err(StoreError::TurnNotShared { site: member.site.clone(), others }) }
    }

    fn ask(&self, member: &Member, take: impl FnOnce(&mut Site)) -> Result<Turn, StoreError> {
        self.check_ownership(member)?;
        let mut sites = self.sites();
        let site = sites.entry(member.site.clone()).or_default();
        take(site);
        let held = |(by, since): (ApplianceName, Timestamp)| Turn::Held { by, since };
        Ok(site.turn.clone().map_or(Turn::Free, held))
    }
}

impl SiteStore for MemoryStore {
    fn publish<'a>(&'a self, site: &'a SiteName, status: PeerStatus, ttl: Span) -> Answer<'a, ()> {
        Box::pin(async move {
            // The word ages from when the host was seen, not from when it was told.
            let age = Duration::try_from(self.clock.now().duration_since(status.at)).unwrap_or_default();
            let until = Instant::now() + Duration::from_secs(ttl.secs()).saturating_sub(age);
            self.sites().entry(site.clone()).or_default().told.insert(status.appliance.clone(), (status, until));
            Ok(())
        })
    }

    fn peers<'a>(&'a self, site: &'a SiteName) -> Answer<'a, BTreeMap<ApplianceName, PeerStatus>> {
        Box::pin(async move {
            let now = Instant::now();
            let sites = self.sites();
            let told = sites.get(site).into_iter().flat_map(|site| &site.told);
            Ok(told.filter(|(_, (_, until))| now < *until).map(|(name, (status, _))| (name.clone(), status.clone())).collect())
        })
    }

    fn turn<'a>(&'a self, member: &'a Member) -> Answer<'a, Turn> {
        Box::pin(async move { self.ask(member, |_| {}) })
    }

    fn take_turn<'a>(&'a self, member: &'a Member) -> Answer<'a, Turn> {
        Box::pin(async move {
            let now = self.clock.now();
            self.ask(member, |site| {
                site.turn.get_or_insert_with(|| (member.appliance.clone(), now));
            })
        })
    }

    fn give_back<'a>(&'a self, site: &'a SiteName, appliance: &'a ApplianceName) -> Answer<'a, ()> {
        Box::pin(async move {
            if let Some(site) = self.sites().get_mut(site) {
                site.turn.take_if(|(by, _)| by == appliance);
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use plan::given::{Peer, PeerSight};
    use wsman::clock::TokioClock;

    use super::*;

    fn name(text: &str) -> ApplianceName {
        ApplianceName::new(text).unwrap()
    }

    fn site() -> SiteName {
        SiteName::new("seattle").unwrap()
    }

    fn member(appliance: &str, peer: &str) -> Member {
        Member { site: site(), appliance: name(appliance), peers: [name(peer)].into() }
    }

    fn store(ownership: Ownership) -> (MemoryStore, SharedClock) {
        let clock: SharedClock = Arc::new(TokioClock::starting_at("2026-03-01T10:00:00Z".parse().unwrap()));
        (MemoryStore::new(Arc::clone(&clock), ownership), clock)
    }

    #[tokio::test(start_paused = true)]
    async fn a_status_is_not_told_when_it_is_older_than_its_time_to_live() {
        let (store, clock) = store(Ownership::All);
        let peer = Peer { serving: PeerSight::Serving, finished: true };
        let status = PeerStatus { appliance: name("sea-1"), at: clock.now(), peer, wish: "1".into() };
        store.publish(&site(), status, Span::from_secs(180)).await.unwrap();
        tokio::time::advance(Duration::from_secs(179)).await;
        assert_eq!(store.peers(&site()).await.unwrap().len(), 1);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(store.peers(&site()).await.unwrap().len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn one_appliance_of_a_site_has_the_turn_until_it_gives_it_back() {
        let (store, _) = store(Ownership::All);
        let (first, second) = (member("sea-1", "sea-2"), member("sea-2", "sea-1"));
        assert!(store.take_turn(&first).await.unwrap().is_of(&name("sea-1")));
        assert!(store.take_turn(&first).await.unwrap().is_of(&name("sea-1")), "asking again changes nothing");
        assert!(store.take_turn(&second).await.unwrap().is_of(&name("sea-1")));
        store.give_back(&site(), &name("sea-2")).await.unwrap();
        assert!(store.turn(&second).await.unwrap().is_of(&name("sea-1")), "nobody gives back what another holds");
        store.give_back(&site(), &name("sea-1")).await.unwrap();
        assert_eq!(store.turn(&second).await.unwrap(), Turn::Free);
        assert!(store.take_turn(&second).await.unwrap().is_of(&name("sea-2")));
    }

    #[tokio::test(start_paused = true)]
    async fn the_turn_of_a_site_that_another_agent_shares_is_refused() {
        let (store, _) = store(Ownership::Only([name("sea-1")].into()));
        let error = store.take_turn(&member("sea-1", "sea-2")).await.unwrap_err();
        insta::assert_snapshot!(error, @"site `seattle` has appliances of another agent (sea-2), but the turn is not shared with it");
        assert_eq!(error.disposition(), model::condition::Disposition::Wait { until: None });
    }
}
