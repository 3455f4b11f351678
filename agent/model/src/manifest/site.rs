//! `Site`: appliances at one place.

use super::decode::Spanned;
use super::document::Document;
use super::layer::Layer;
use super::record::record;
use super::scalar::Bounded;
use crate::names::{ApplianceName, HostPath, WindowName};
use crate::units::Span;

/// A `Site` document.
pub type SiteManifest = Document<SiteSpec>;

record! {
    /// Appliances at one place that share gateways, windows, certificate authority and a turn.
    pub struct SiteSpec {
        /// The promise to keep.
        availability "availability": Option<Spanned<AvailabilitySpec>>,
        /// The order in which its appliances are changed.
        rollout "rollout": Option<RolloutSpec>,
        /// The shared directory; a UNC path when the site has more than one appliance.
        directory "directory": Option<Spanned<HostPath>>,
        .. layer: Layer,
    }
}

record! {
    /// The promise of a site.
    pub struct AvailabilitySpec {
        /// Other appliances that must be seen serving before a serving one is disrupted. Default: all others, at least one.
        min_serving "minServing": Option<Spanned<Bounded<0, 64>>>,
        /// When and how long serving may end on purpose; only with `minServing: 0`.
        planned_outage "plannedOutage": Option<Spanned<PlannedOutageSpec>>,
        /// Calls at once that the site promises to carry while one appliance is out.
        calls "calls": Option<Spanned<Bounded<1, 1_000_000>>>,
    }
}

record! {
    /// When and how long serving may end on purpose.
    pub struct PlannedOutageSpec {
        /// Only inside these windows.
        #[schemars(length(min = 1))]
        r#in "in": Spanned<Vec<Spanned<WindowName>>>,
        /// At most so long.
        at_most "atMost": Spanned<Span>,
    }
}

record! {
    /// The order in which the appliances of a site are changed.
    pub struct RolloutSpec {
        /// The appliance that goes first and gates the others. Default: the first by name.
        leader "leader": Option<Spanned<ApplianceName>>,
    }
}
