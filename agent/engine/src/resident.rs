//! What stays of one appliance between two passes: its memory, its status, and the connection to its host.
//!
//! Guarantees: one owner at a time, the pass or the controller, so none of it needs a lock. Everything in it is on the disk too or can
//! be made anew, so what cannot be read hinders nothing. Deliberately absent: an open journal. Ten thousand appliances must not hold ten
//! thousand files.

use std::path::PathBuf;
use std::sync::Arc;

use hyperv::{Host, Lore};
use jiff::{SignedDuration, Timestamp};
use model::cause::chain;
use model::desired::DesiredHost;
use model::names::ApplianceName;

use crate::memory::Remembered;
use crate::place::{self, StateDirectory, StateError};
use crate::status::ApplianceStatus;
use crate::store::PeerStatus;

/// Two readings of two clocks of one moment lie no further apart.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(3);

/// What stays of one appliance between two passes.
#[derive(Debug)]
pub(crate) struct Resident {
    /// Where its files lie.
    pub(crate) directory: PathBuf,
    /// What was learned.
    pub(crate) memory: Remembered,
    /// What is said of it.
    pub(crate) status: ApplianceStatus,
    /// The connection to its host, with the part of the wish that it was made from.
    pub(crate) host: Option<(DesiredHost, Arc<Host>)>,
    /// What the last connection has left, with the part of the wish that it was made from.
    lore: Option<(DesiredHost, Lore)>,
    /// Until when its host is not asked, as it refused our password.
    rests: Option<Timestamp>,
    /// What its peers were told last.
    pub(crate) told: Option<PeerStatus>,
    // What the disk holds of `status`.
    saved: Option<ApplianceStatus>,
    /// What could not be read of the status, until it is told.
    untold: Option<StateError>,
    /// What was told of the memory that cannot be read.
    alerted: Option<String>,
}

impl Resident {
    /// What the state directory holds of it. What cannot be read counts as missing.
    pub(crate) fn load(state: &StateDirectory, appliance: &ApplianceName) -> Self {
        let directory = state.appliance(appliance);
        let memory = Remembered::load(&directory);
        let place::Left { value: saved, unread: untold } = ApplianceStatus::load(&directory);
        let mut status = saved.clone().unwrap_or_else(|| ApplianceStatus::unknown(appliance));
        // Whatever ran when the last life ended runs no more; the host says how far it came.
        status.running.clear();
        Self { directory, memory, status, host: None, lore: None, rests: None, told: None, saved, untold, alerted: None }
    }

    /// What could not be read and was not told yet, for whoever should look. The memory is tried again first.
    pub(crate) fn trouble(&mut self) -> Vec<String> {
        let memory = self.memory.unread().map(|error| {
            format!(
                "{}; it is left as it is, and until it can be read or is removed nothing that is learned outlives the agent",
                chain(error)
            )
        });
        // A status is only what people see: the next one takes its place.
        let status = self.untold.take().map(|error| format!("{}; what was last said is lost", chain(&error)));
        let news = memory.clone().filter(|says| self.alerted.as_ref() != Some(says));
        self.alerted = memory;
        news.into_iter().chain(status).collect()
    }

    /// The host could not be observed: the next look begins with a connection of its own.
    pub(crate) fn disconnect(&mut self) {
        if let Some((made_from, host)) = self.host.take() {
            self.lore = Some((made_from, host.leave()));
        }
    }

    /// What was learned in earlier conversations with this very host.
    pub(crate) fn take_lore(&mut self, host: &DesiredHost) -> Lore {
        let same = self.lore.take().filter(|(made_from, _)| made_from == host);
        same.map(|(_, lore)| lore).unwrap_or_default()
    }

    /// Until when its host is not asked, told as before where the difference is that of two clocks read one after the other.
    pub(crate) fn rests_until(&mut self, until: Timestamp) -> Timestamp {
        let same = |told: &Timestamp| until.duration_since(*told).abs() <= CLOCKS_DIFFER;
        *self.rests.insert(self.rests.filter(same).unwrap_or(until))
    }

    /// Brings status and memory to the disk, as far as they changed. A disk that refuses is told and hinders nothing: what is lost is
    /// only what people see, and time.
    pub(crate) fn save(&mut self) {
        if let Err(error) = self.memory.save() {
            tracing::warn!(error = chain(&error), "what was learned could not be kept");
        }
        if self.saved.as_ref() != Some(&self.status) {
            match self.status.save(&self.directory) {
                Ok(()) => self.saved = Some(self.status.clone()),
                Err(error) => tracing::warn!(error = chain(&error), "the status could not be kept"),
            }
        }
    }
}
