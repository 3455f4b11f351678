//! Listens to the machines of the appliances, and wakes the queue when one of them tells that something changed.
//!
//! Guarantees: a wake-up is a key and nothing else; an appliance is not woken more often than every two seconds; who is listened to follows
//! what the last pass talked to; nothing outlives the controller. Deliberately absent: any hope in it. The probe comes in any case.

use std::collections::BTreeMap;
use std::time::Duration;

use hyperv::Source;
use model::names::ApplianceName;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

/// What happens at once wakes once.
const GAP: Duration = Duration::from_secs(2);
/// Wake-ups that wait to be taken; a machine that finds no room waits with the next.
const ROOM: usize = 64;

/// See the module.
#[derive(Debug)]
pub(super) struct Listeners {
    ears: BTreeMap<ApplianceName, Vec<(Source, AbortHandle)>>,
    tasks: JoinSet<()>,
    wake: mpsc::Sender<ApplianceName>,
    woken: mpsc::Receiver<ApplianceName>,
}

impl Default for Listeners {
    fn default() -> Self {
        let (wake, woken) = mpsc::channel(ROOM);
        Self { ears: BTreeMap::new(), tasks: JoinSet::new(), wake, woken }
    }
}

impl Listeners {
    /// Listens to `sources` for `appliance`, and to no others any more.
    pub(super) fn follow(&mut self, appliance: &ApplianceName, sources: Vec<Source>) {
        while self.tasks.try_join_next().is_some() {}
        let ears = self.ears.entry(appliance.clone()).or_default();
        ears.retain(|(source, task)| {
            let stays = sources.contains(source);
            if !stays {
                task.abort();
            }
            stays
        });
        for source in sources {
            if !ears.iter().any(|(known, _)| *known == source) {
                let task = self.tasks.spawn(listen(source.clone(), appliance.clone(), self.wake.clone()));
                ears.push((source, task));
            }
        }
    }

    /// Listens to nobody for `appliance` any more.
    pub(super) fn leave(&mut self, appliance: &ApplianceName) {
        for (_, task) in self.ears.remove(appliance).unwrap_or_default() {
            task.abort();
        }
    }

    /// The next appliance that is worth a look. Cancel-safe: a wake-up that is not taken here is still there next time.
    pub(super) async fn woken(&mut self) -> Option<ApplianceName> {
        self.woken.recv().await
    }
}

async fn listen(source: Source, appliance: ApplianceName, wake: mpsc::Sender<ApplianceName>) {
    let mut wake_ups = source.wake_ups();
    loop {
        wake_ups.next().await;
        if wake.send(appliance.clone()).await.is_err() {
            return;
        }
        tokio::time::sleep(GAP).await;
    }
}
