//! What the controller holds of one appliance while it is not in work.

use std::collections::BTreeSet;

use model::names::{ApplianceName, SiteName};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::event::Happening;
use crate::outcome::Outcome;
use crate::resident::Resident;
use crate::stage::report;
use crate::wish::Wish;

use super::GIVE_UP_AFTER;

/// What the controller holds of one appliance.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// What is in force; `None` when there never was anything good, or no longer is.
    pub(super) wish: Option<Wish>,
    /// What stays between two passes; away while it is in work.
    pub(super) resident: Option<Box<Resident>>,
    /// How the last pass ended.
    pub(super) outcome: Option<Outcome>,
    /// Sites that it belonged to before, whose turn it may still have: the next pass gives it back, as the one under way may take it.
    pub(super) left: BTreeSet<SiteName>,
    /// Tells the pass under way to stop.
    pub(super) stop: CancellationToken,
}

impl Slot {
    /// Hands out what stays between two passes, from the disk when it is not here. What cannot be read there is told and counts as missing.
    pub(super) fn take_resident(&mut self, context: &Context, name: &ApplianceName) -> Box<Resident> {
        let mut resident = self.resident.take().unwrap_or_else(|| Box::new(Resident::load(&context.parts.state, name)));
        for says in resident.trouble() {
            context.events.tell(name, Happening::Alert { says });
        }
        resident
    }

    /// Says that nothing good is known of it.
    pub(super) fn refuse(&mut self, context: &Context, name: &ApplianceName, refused: &str) {
        let mut resident = self.take_resident(context, name);
        self.outcome = Some(report::refused(context, &mut resident, refused));
        self.resident = Some(resident);
    }

    /// Whether it failed so often that a single run leaves it.
    pub(super) fn gives_up(&self) -> bool {
        self.resident.as_ref().is_some_and(|resident| resident.status.attempts >= GIVE_UP_AFTER)
    }
}
