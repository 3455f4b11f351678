//! The breaker of law 6: when one signal would close too much at once, we suspect ourselves and hold the rest.
//!
//! Guarantees: an appliance counts once; whoever was let through stays let through; a breaker that tripped stays so until nobody has
//! asked to close for its signal for a whole period, and says so once. It counts the time that passes, as a clock on the wall may be set.
//! Deliberately absent: the clock, and what an alert looks like.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::names::{ApplianceName, SiteName};
use tokio::time::Instant;

/// Closings for one signal within this count together; a revision is new for as long.
const PERIOD: Duration = Duration::from_mins(10);
/// A fleet is small below sixty appliances: then a third of a site is the limit that matters, and this many in all.
const LEAST_FLEET_LIMIT: usize = 3;

/// One appliance that is about to take no more calls because of faults.
#[derive(Debug, Clone)]
pub struct Closing<'a> {
    /// The appliance.
    pub appliance: &'a ApplianceName,
    /// Its site.
    pub site: &'a SiteName,
    /// The signals that are bad.
    pub signals: BTreeSet<&'a str>,
    /// How many appliances the site has.
    pub site_size: usize,
    /// How many appliances the fleet has.
    pub fleet_size: usize,
    /// When its wish last changed, as far as this life of the agent knows.
    pub wish_since: Instant,
}

/// Too much would close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tripped {
    /// The signal that is bad everywhere.
    pub signal: String,
    /// The appliances that it has closed already.
    pub closed: Vec<ApplianceName>,
    /// Whether this is the first one to be held for it: then somebody must be told.
    pub first: bool,
}

impl std::fmt::Display for Tripped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let closed = self.closed.iter().map(ApplianceName::as_str).collect::<Vec<_>>().join(", ");
        write!(f, "`{}` is bad in too many places at once (closed for it: {closed}); the watching itself is suspected", self.signal)
    }
}

#[derive(Debug)]
struct Signal {
    closed: BTreeMap<ApplianceName, (SiteName, Instant)>,
    tripped: bool,
    last_asked: Instant,
}

/// Counts who was closed for which signal.
#[derive(Debug, Default)]
pub struct Breaker {
    signals: BTreeMap<String, Signal>,
}

impl Breaker {
    /// Whether `closing` may go on; if so, it counts from now on.
    ///
    /// # Errors
    /// `Tripped` when it must be held.
    pub fn ask(&mut self, closing: &Closing<'_>, now: Instant) -> Result<(), Tripped> {
        self.forget_the_old(now);
        for name in &closing.signals {
            let signal = self.signals.entry((*name).to_owned()).or_insert_with(|| Signal::asked_for(now));
            signal.last_asked = now;
            if signal.closed.contains_key(closing.appliance) || (!signal.tripped && signal.has_room_for(closing, now)) {
                continue;
            }
            let first = !signal.tripped;
            signal.tripped = true;
            return Err(Tripped { signal: (*name).to_owned(), closed: signal.closed.keys().cloned().collect(), first });
        }
        for name in &closing.signals {
            let signal = self.signals.entry((*name).to_owned()).or_insert_with(|| Signal::asked_for(now));
            signal.closed.entry(closing.appliance.clone()).or_insert_with(|| (closing.site.clone(), now));
        }
        Ok(())
    }

    fn forget_the_old(&mut self, now: Instant) {
        let recent = |at: Instant| now.duration_since(at) < PERIOD;
        self.signals.retain(|_, signal| recent(signal.last_asked));
        for signal in self.signals.values_mut().filter(|signal| !signal.tripped) {
            signal.closed.retain(|_, (_, at)| recent(*at));
        }
    }
}

impl Signal {
    fn asked_for(now: Instant) -> Self {
        Self { closed: BTreeMap::new(), tripped: false, last_asked: now }
    }

    fn has_room_for(&self, closing: &Closing<'_>, now: Instant) -> bool {
        let in_site = self.closed.values().filter(|(site, _)| site == closing.site).count() + 1;
        let in_fleet = self.closed.len() + 1;
        if now.duration_since(closing.wish_since) < PERIOD {
            // Right after a change, the second one to fall for the same reason is one too many.
            return in_fleet <= 1;
        }
        in_site <= (closing.site_size / 3).max(1) && in_fleet <= (closing.fleet_size / 20).max(LEAST_FLEET_LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fleet {
        breaker: Breaker,
        site_size: usize,
        fleet_size: usize,
        wish_since: Instant,
        start: Instant,
    }

    impl Fleet {
        fn of(site_size: usize, fleet_size: usize) -> Self {
            let wish_since = Instant::now();
            let start = wish_since + Duration::from_hours(24);
            Self { breaker: Breaker::default(), site_size, fleet_size, wish_since, start }
        }

        fn close(&mut self, appliance: &str, site: &str, minute: u64) -> Result<(), Tripped> {
            let (appliance, site) = (ApplianceName::new(appliance).unwrap(), SiteName::new(site).unwrap());
            let closing = Closing {
                appliance: &appliance,
                site: &site,
                signals: ["mediation/RTCSRV"].into(),
                site_size: self.site_size,
                fleet_size: self.fleet_size,
                wish_since: self.wish_since,
            };
            self.breaker.ask(&closing, self.start + Duration::from_mins(minute))
        }
    }

    #[test]
    fn the_second_of_two_is_held_and_told_once() {
        let mut fleet = Fleet::of(2, 100);
        fleet.close("sea-1", "seattle", 0).unwrap();
        fleet.close("sea-1", "seattle", 1).unwrap();
        let tripped = fleet.close("sea-2", "seattle", 2).unwrap_err();
        assert!(tripped.first);
        insta::assert_snapshot!(tripped, @"`mediation/RTCSRV` is bad in too many places at once (closed for it: sea-1); the watching itself is suspected");
        assert!(!fleet.close("sea-2", "seattle", 3).unwrap_err().first);
    }

    #[test]
    fn a_third_of_a_site_may_close() {
        let mut fleet = Fleet::of(6, 400);
        fleet.close("a", "seattle", 0).unwrap();
        fleet.close("b", "seattle", 0).unwrap();
        fleet.close("c", "seattle", 0).unwrap_err();
    }

    #[test]
    fn a_twentieth_of_the_fleet_may_close() {
        let mut fleet = Fleet::of(1, 80);
        for number in 0..4 {
            fleet.close(&format!("a{number}"), &format!("s{number}"), 0).unwrap();
        }
        fleet.close("a4", "s4", 0).unwrap_err();
    }

    #[test]
    fn what_fell_longer_ago_does_not_count() {
        let mut fleet = Fleet::of(2, 100);
        fleet.close("sea-1", "seattle", 0).unwrap();
        fleet.close("sea-2", "seattle", 10).unwrap();
    }

    #[test]
    fn a_tripped_breaker_stays_so_while_anybody_asks() {
        let mut fleet = Fleet::of(2, 100);
        fleet.close("sea-1", "seattle", 0).unwrap();
        for minute in 1..60 {
            fleet.close("sea-2", "seattle", minute).unwrap_err();
        }
        fleet.close("sea-2", "seattle", 69).unwrap();
    }

    #[test]
    fn right_after_a_new_revision_a_second_closing_anywhere_is_one_too_many() {
        let mut fleet = Fleet::of(6, 400);
        fleet.wish_since = fleet.start - Duration::from_mins(1);
        fleet.close("a", "seattle", 0).unwrap();
        fleet.close("b", "tacoma", 0).unwrap_err();
    }
}
