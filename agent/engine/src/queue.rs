//! Holds the appliances that await reconciliation.
//!
//! Guarantees: a key is queued at most once; the earlier deadline wins; a key in work is not handed out again, what comes for it
//! meanwhile is queued when its work ends; of several that are due, the one that has waited longest comes first.
//! Deliberately absent: what changed. Workers read the latest snapshot, so a lost trigger costs time, never correctness.
//! Also absent: a lock and a clock. One task owns the queue and says what time it is.

use std::collections::{BTreeMap, BTreeSet};

use model::names::ApplianceName;
use tokio::time::Instant;

/// Why a key was queued. For logs only: nothing may be decided by it.
#[derive(Debug, Clone, Copy)]
pub enum Trigger {
    /// The resolved wish is new or changed.
    WishChanged,
    /// It is time for the periodic look.
    Probe,
    /// A back-off or a wait is over.
    Due,
    /// A host or guest told that something changed.
    HostMoved,
    /// An appliance of the same site gave the turn back.
    PeerMoved,
    /// There is a place among the appliances that are worked on.
    RoomMade,
}

/// A key that was handed out. Give it back with [`WorkQueue::done`].
#[derive(Debug)]
pub struct Work {
    /// The appliance.
    pub appliance: ApplianceName,
    /// Why, for logs.
    pub trigger: Trigger,
}

#[derive(Debug, Clone, Copy)]
struct Queued {
    due: Instant,
    trigger: Trigger,
}

/// The appliances that await reconciliation.
#[derive(Debug, Default)]
pub struct WorkQueue {
    // `queued` is canonical; `order` holds exactly one (due, key) for each key of `queued` that is not in work.
    queued: BTreeMap<ApplianceName, Queued>,
    order: BTreeSet<(Instant, ApplianceName)>,
    in_work: BTreeSet<ApplianceName>,
}

impl WorkQueue {
    /// Queues a key for `due`; when it is queued already, the earlier time counts.
    pub fn add(&mut self, appliance: &ApplianceName, due: Instant, trigger: Trigger) {
        if let Some(known) = self.queued.get(appliance).copied() {
            if known.due <= due {
                return;
            }
            self.order.remove(&(known.due, appliance.clone()));
        }
        self.queued.insert(appliance.clone(), Queued { due, trigger });
        if !self.in_work.contains(appliance) {
            self.order.insert((due, appliance.clone()));
        }
    }

    /// Hands out the key that has been due longest, if one is due at `now`.
    pub fn take(&mut self, now: Instant) -> Option<Work> {
        let first = self.order.first()?;
        if first.0 > now {
            return None;
        }
        let (_, appliance) = self.order.pop_first()?;
        let queued = self.queued.remove(&appliance)?;
        self.in_work.insert(appliance.clone());
        Some(Work { appliance, trigger: queued.trigger })
    }

    /// Takes a key back whose work has ended; what was queued for it meanwhile can be handed out from now on.
    pub fn done(&mut self, appliance: &ApplianceName) {
        if self.in_work.remove(appliance)
            && let Some(queued) = self.queued.get(appliance)
        {
            self.order.insert((queued.due, appliance.clone()));
        }
    }

    /// Drops a key that is queued; work on it that is under way goes on.
    pub fn forget(&mut self, appliance: &ApplianceName) {
        if let Some(queued) = self.queued.remove(appliance) {
            self.order.remove(&(queued.due, appliance.clone()));
        }
    }

    /// When the next key that is not in work is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.order.first().map(|(due, _)| *due)
    }

    /// How many keys are in work.
    #[must_use]
    pub fn in_work(&self) -> usize {
        self.in_work.len()
    }

    /// How many keys are queued, those in work that came again included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queued.len()
    }

    /// Whether no key is queued.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queued.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn name(text: &str) -> ApplianceName {
        ApplianceName::new(text).unwrap()
    }

    fn taken(queue: &mut WorkQueue, now: Instant) -> Option<String> {
        queue.take(now).map(|work| work.appliance.to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_queued_once_and_the_earlier_deadline_wins() {
        let (mut queue, now) = (WorkQueue::default(), Instant::now());
        let second = Duration::from_secs(1);
        queue.add(&name("sea-1"), now + second * 5, Trigger::Probe);
        queue.add(&name("sea-1"), now + second, Trigger::WishChanged);
        queue.add(&name("sea-1"), now + second * 9, Trigger::Probe);
        assert_eq!((queue.len(), queue.next_due()), (1, Some(now + second)));
        assert_eq!(taken(&mut queue, now), None, "it is not due yet");
        assert_eq!(taken(&mut queue, now + second), Some("sea-1".to_owned()));
        assert!(queue.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_in_work_is_not_handed_out_again_but_queued_after() {
        let (mut queue, now) = (WorkQueue::default(), Instant::now());
        queue.add(&name("sea-1"), now, Trigger::WishChanged);
        assert_eq!(taken(&mut queue, now), Some("sea-1".to_owned()));
        queue.add(&name("sea-1"), now, Trigger::WishChanged);
        assert_eq!(taken(&mut queue, now), None);
        assert_eq!(queue.next_due(), None, "nobody may sleep towards a key in work");
        queue.done(&name("sea-1"));
        assert_eq!(taken(&mut queue, now), Some("sea-1".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_been_due_longest_comes_first() {
        let (mut queue, now) = (WorkQueue::default(), Instant::now());
        queue.add(&name("a"), now + Duration::from_secs(2), Trigger::Probe);
        queue.add(&name("b"), now + Duration::from_secs(1), Trigger::Probe);
        let late = now + Duration::from_secs(9);
        assert_eq!(taken(&mut queue, late), Some("b".to_owned()));
        assert_eq!(taken(&mut queue, late), Some("a".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_forgotten_key_is_not_handed_out() {
        let (mut queue, now) = (WorkQueue::default(), Instant::now());
        queue.add(&name("sea-1"), now, Trigger::Probe);
        queue.forget(&name("sea-1"));
        assert_eq!(taken(&mut queue, now), None);
    }

    /// A history of any kind keeps the two views of the queue in step, and no key is ever in work twice.
    #[tokio::test(start_paused = true)]
    async fn any_history_keeps_the_laws() {
        let (mut queue, start) = (WorkQueue::default(), Instant::now());
        let names: Vec<_> = ["a", "b", "c", "d"].map(name).to_vec();
        let mut seed: u64 = 0x5eed;
        let mut working: Vec<ApplianceName> = Vec::new();
        for tick in 0..20_000_u64 {
            // A linear congruence is chance enough here, and the same on every machine.
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = &names[usize::try_from(seed >> 62).unwrap()];
            let now = start + Duration::from_millis(tick);
            match (seed >> 40) % 4 {
                0 | 1 => queue.add(key, now + Duration::from_millis((seed >> 20) % 50), Trigger::Probe),
                2 => {
                    if let Some(work) = queue.take(now) {
                        assert!(!working.contains(&work.appliance), "{} was handed out twice", work.appliance);
                        working.push(work.appliance);
                    }
                }
                _ => {
                    if let Some(key) = working.pop() {
                        queue.done(&key);
                    }
                }
            }
            assert_eq!(queue.in_work(), working.len());
            let visible: BTreeSet<_> = queue.order.iter().map(|(_, key)| key.clone()).collect();
            assert_eq!(visible.len(), queue.order.len(), "a key is visible twice");
            for key in &names {
                let expected = queue.queued.contains_key(key) && !working.contains(key);
                assert_eq!(visible.contains(key), expected, "{key}");
            }
        }
    }
}
