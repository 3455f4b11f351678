//! Wake-ups: what a host or a guest tells by itself, so that somebody looks sooner than the next probe would.
//!
//! Guarantees: an event carries nothing but "look again"; a lost one costs time and no correctness. A machine that refuses subscriptions
//! costs one line of log; one that goes away is subscribed to again, later each time, and is worth a look when it is back.
//! Deliberately absent: what happened. Whoever is woken observes everything.

use std::sync::Arc;
use std::time::Duration;

use model::cause::chain;
use wsman::cim::Namespace;
use wsman::event::{Event, EventQuery, SubscribeSettings, Subscription};

use crate::pause::Pause;
use crate::peer::{Peer, TalkError};

/// A VM that starts, stops, is saved or paused. Other properties change all the time.
const MACHINES: &str = "SELECT * FROM __InstanceModificationEvent WITHIN 5 WHERE TargetInstance ISA 'Msvm_ComputerSystem' \
                        AND TargetInstance.EnabledState <> PreviousInstance.EnabledState";
/// A service that starts or stops.
const SERVICES: &str = "SELECT * FROM __InstanceModificationEvent WITHIN 5 WHERE TargetInstance ISA 'Win32_Service' \
                        AND TargetInstance.State <> PreviousInstance.State";
/// A machine that refuses subscriptions is asked again after this: an administrator may have allowed them.
const REFUSED: Duration = Duration::from_secs(3600);

/// A machine that may tell by itself when something changes. Equal when it is the same conversation.
#[derive(Debug, Clone)]
pub struct Source {
    peer: Arc<Peer>,
    query: EventQuery,
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.peer, &other.peer)
    }
}

impl Source {
    /// What a host tells of its VMs.
    pub(crate) fn host(peer: Arc<Peer>) -> Self {
        Self { peer, query: EventQuery::Wmi(Namespace::VIRTUALIZATION, MACHINES.to_owned()) }
    }

    /// What a guest tells of its services.
    pub(crate) fn guest(peer: Arc<Peer>) -> Self {
        Self { peer, query: EventQuery::Wmi(Namespace::CIMV2, SERVICES.to_owned()) }
    }

    /// Listens to it.
    #[must_use]
    pub fn wake_ups(self) -> WakeUps {
        WakeUps { source: self, subscription: None, pause: pause(), was_heard: false, is_refused: false }
    }
}

fn pause() -> Pause {
    Pause::between(Duration::from_secs(10), Duration::from_secs(600))
}

/// The wake-ups of one machine.
#[derive(Debug)]
pub struct WakeUps {
    source: Source,
    subscription: Option<Subscription>,
    pause: Pause,
    was_heard: bool,
    is_refused: bool,
}

impl WakeUps {
    /// Waits until it is worth to look. Dropping the future loses at most one wake-up.
    pub async fn next(&mut self) {
        loop {
            match self.listen().await {
                Ok(Event::Wmi(_) | Event::Log(_) | Event::Resumed) => return,
                Ok(Event::Heartbeat) => self.pause = pause(),
                Err(error) => self.rest(&error).await,
            }
        }
    }

    /// The next event; a subscription that was made anew counts as one, since nobody listened before it.
    async fn listen(&mut self) -> Result<Event, TalkError> {
        if let Some(subscription) = &mut self.subscription {
            return subscription.next().await.map_err(|error| self.source.peer.error("its events", error));
        }
        self.subscription = Some(self.source.peer.subscribe(self.source.query.clone(), SubscribeSettings::default()).await?);
        self.is_refused = false;
        Ok(if std::mem::replace(&mut self.was_heard, true) { Event::Resumed } else { Event::Heartbeat })
    }

    async fn rest(&mut self, error: &TalkError) {
        self.subscription = None;
        if error.is_final() {
            if !std::mem::replace(&mut self.is_refused, true) {
                tracing::info!(
                    machine = self.source.peer.name(),
                    error = chain(error),
                    "no events come from there; it is looked at in turn"
                );
            }
            tokio::time::sleep(REFUSED).await;
        } else {
            tracing::debug!(machine = self.source.peer.name(), error = chain(error), "events are interrupted");
            self.pause.sleep().await;
        }
    }
}
