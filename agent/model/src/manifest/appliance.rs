//! `Appliance`: one Hyper-V host and the VM set that it carries.

use super::decode::Spanned;
use super::document::Document;
use super::layer::Layer;
use super::record::record;
use super::scalar::{Moment, Sentence};
use crate::desired::OnExpiry;
use crate::names::SiteName;

/// An `Appliance` document.
pub type ApplianceManifest = Document<ApplianceSpec>;

record! {
    /// One Hyper-V host plus the VM set that it carries.
    pub struct ApplianceSpec {
        /// The site that it belongs to.
        site "site": Spanned<SiteName>,
        /// Maintenance that a person asks for: the appliance is drained and only observed.
        maintenance "maintenance": Option<Spanned<MaintenanceSpec>>,
        .. layer: Layer,
    }
}

record! {
    /// Maintenance that a person asks for.
    pub struct MaintenanceSpec {
        /// Why, for everybody who looks.
        reason "reason": Spanned<Sentence>,
        /// Until when, with offset.
        until "until": Spanned<Moment>,
        /// What happens then: `resume` (default) or `stay` and alert.
        on_expiry "onExpiry": Option<Spanned<OnExpiry>>,
    }
}
