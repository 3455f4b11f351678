//! What happens, told while it happens: for progress on a terminal, plain lines, and logs.
//!
//! Guarantees: telling never waits and never fails; a listener that is too slow misses the oldest events and is told how many.
//! Deliberately absent: anything that a decision could rest on (that is observed), and secrets.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use model::condition::{Fault, Posture, Reason};
use model::names::ApplianceName;
use model::snapshot::Revision;
use model::units::Span;
use plan::step::StepId;
use serde::Serialize;
use tokio::sync::broadcast;
use wsman::clock::SharedClock;

/// How many events a listener may be behind.
const BACKLOG: usize = 1024;

/// One thing that happened to one appliance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// To whom.
    pub appliance: ApplianceName,
    /// What.
    pub what: Happening,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Happening {
    /// Another wish is in force.
    WishChanged {
        /// Where it was read from.
        revision: Revision,
    },
    /// Steps were let through the gate and begin.
    Begun {
        /// How many.
        steps: usize,
        /// How long they are expected to take one after another.
        expected: Span,
    },
    /// A step was found done already.
    StepFound {
        /// The step.
        step: StepId,
    },
    /// A step begins.
    StepStarted {
        /// The step.
        step: StepId,
        /// What it does, in the words of the plan.
        says: String,
        /// How long it is expected to take.
        expected: Span,
        /// What begins next, in the same words; `None` when nothing is left to begin.
        next: Option<String>,
    },
    /// A step was verified.
    StepDone {
        /// The step.
        step: StepId,
        /// How long it took.
        took: Duration,
    },
    /// A step came to nothing.
    StepFailed {
        /// The step.
        step: StepId,
        /// Why, with the whole chain of causes.
        says: String,
    },
    /// Work waits.
    Waiting {
        /// On what, one sentence each.
        on: Vec<String>,
        /// When it is looked at again, at the latest.
        until: Option<Timestamp>,
    },
    /// An attempt failed and will be made again.
    Retrying {
        /// Why, in a sentence.
        says: String,
        /// How many attempts in a row have failed.
        attempts: u32,
        /// When the next one begins.
        next: Timestamp,
    },
    /// Nothing will happen until somebody acts.
    Stalled {
        /// Why.
        reason: Reason,
        /// Why, in a sentence.
        says: String,
    },
    /// The appliance takes calls, or no longer does.
    Posture {
        /// As it is now.
        now: Posture,
    },
    /// The wish is in force.
    Converged {
        /// The wish.
        revision: Revision,
        /// Since the first of the steps that led there began; `None` when there was nothing to do.
        took: Option<Duration>,
    },
    /// The repository no longer describes the appliance. Its VMs are left as they are.
    NoLongerDescribed,
    /// Somebody should look at once.
    Alert {
        /// Why, in a sentence.
        says: String,
    },
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WishChanged { revision } => write!(f, "wish of {revision:#}"),
            Self::Begun { steps: 1, expected } => write!(f, "1 step, about {expected}"),
            Self::Begun { steps, expected } => write!(f, "{steps} steps, about {expected}"),
            Self::StepFound { step } => write!(f, "{step}: already done"),
            Self::StepStarted { step, .. } => write!(f, "{step}: started"),
            Self::StepDone { step, took } => write!(f, "{step}: done in {}", seconds(*took)),
            Self::StepFailed { step, says } => write!(f, "{step}: failed: {says}"),
            // Each sentence says its own time.
            Self::Waiting { on, until: _ } => write!(f, "waiting: {}", on.join("; ")),
            Self::Retrying { says, attempts, next } => write!(f, "attempt {attempts} failed, next at {next:.0}: {says}"),
            Self::Stalled { reason, says } => write!(f, "stalled ({reason:?}): {says}"),
            Self::Posture { now } => match now {
                Posture::Serving => f.write_str("serving"),
                Posture::Maintenance => f.write_str("in maintenance"),
                Posture::Degraded(faults) => write!(f, "degraded: {}", listed(faults)),
                Posture::Down(faults) => write!(f, "down: {}", listed(faults)),
            },
            Self::Converged { revision, took: None } => write!(f, "no changes, {revision:#} is in force"),
            Self::Converged { revision, took: Some(took) } => write!(f, "converged to {revision:#} in {}", seconds(*took)),
            Self::NoLongerDescribed => f.write_str(
                "no longer described by the repository; its VMs are left as they are: delete them by hand, or describe it again",
            ),
            Self::Alert { says } => write!(f, "ALERT: {says}"),
        }
    }
}

/// Faults in one line. What several have in common is said once: ten services that are held are one fact for whoever reads.
fn listed(faults: &[Fault]) -> String {
    let mut groups: Vec<(&Fault, usize)> = Vec::new();
    for fault in faults {
        match groups.iter_mut().find(|(first, _)| first.says == fault.says) {
            Some((_, more)) => *more += 1,
            None => groups.push((fault, 0)),
        }
    }
    let say = |(first, more): &(&Fault, usize)| match more {
        0 => first.to_string(),
        more => format!("{first}, and so for {more} more"),
    };
    groups.iter().map(say).collect::<Vec<_>>().join("; ")
}

fn seconds(took: Duration) -> String {
    if took < Duration::from_secs(10) { format!("{:.1}s", took.as_secs_f64()) } else { Span::from_secs(took.as_secs()).to_string() }
}

/// Where events are told.
#[derive(Debug, Clone)]
pub struct Events {
    clock: SharedClock,
    sender: broadcast::Sender<Arc<Event>>,
}

impl Events {
    /// Nobody listens yet.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        Self { clock, sender: broadcast::Sender::new(BACKLOG) }
    }

    /// Hears everything that is told from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<Arc<Event>> {
        self.sender.subscribe()
    }

    /// Tells an event, and logs it.
    pub(crate) fn tell(&self, appliance: &ApplianceName, what: Happening) {
        match &what {
            Happening::Alert { .. } | Happening::Stalled { .. } => tracing::error!(%appliance, "{what}"),
            Happening::StepFailed { .. } | Happening::Retrying { .. } => tracing::warn!(%appliance, "{what}"),
            _ => tracing::info!(%appliance, "{what}"),
        }
        // An error only says that nobody listens.
        let _ = self.sender.send(Arc::new(Event { at: self.clock.now(), appliance: appliance.clone(), what }));
    }
}

#[cfg(test)]
mod tests {
    use wsman::clock::TokioClock;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_slow_listener_misses_the_oldest_and_is_told_how_many() {
        let events = Events::new(Arc::new(TokioClock::starting_at(Timestamp::UNIX_EPOCH)));
        let appliance = ApplianceName::new("sea-1").unwrap();
        events.tell(&appliance, Happening::NoLongerDescribed);
        let mut listener = events.listen();
        for _ in 0..BACKLOG + 3 {
            events.tell(&appliance, Happening::NoLongerDescribed);
        }
        assert!(matches!(listener.try_recv(), Err(broadcast::error::TryRecvError::Lagged(3))));
        assert_eq!(listener.try_recv().unwrap().what, Happening::NoLongerDescribed);
    }

    #[test]
    fn people_read_sentences() {
        let next = "2026-03-01T10:00:20.5Z".parse().unwrap();
        let lines = [
            Happening::Begun { steps: 1, expected: Span::from_secs(90) },
            Happening::Retrying { says: "no answer from hv-1".to_owned(), attempts: 4, next },
            Happening::Converged { revision: Revision::of_commit("main", "1f2e3d4c5b6a79881f2e"), took: Some(Duration::from_millis(2340)) },
            Happening::Converged { revision: Revision::of_directory(), took: Some(Duration::from_secs(754)) },
        ];
        insta::assert_snapshot!(lines.map(|line| line.to_string()).join("\n"), @"
        1 step, about 1m 30s
        attempt 4 failed, next at 2026-03-01T10:00:20Z: no answer from hv-1
        converged to main@1f2e3d4c5b6a in 2.3s
        converged to directory in 12m 34s
        ");
    }
}
