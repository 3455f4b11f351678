//! `Defaults`: values for the Sites and Appliances that a selector picks.

use std::collections::BTreeMap;

use super::decode::Spanned;
use super::document::Document;
use super::layer::Layer;
use super::record::record;
use super::scalar::Label;

/// A `Defaults` document.
pub type DefaultsManifest = Document<DefaultsSpec>;

record! {
    /// Values for the appliances that the selector picks. Between Defaults, the selector with more labels wins.
    pub struct DefaultsSpec {
        /// Which appliances; left out: all.
        selector "selector": Option<Spanned<Selector>>,
        .. layer: Layer,
    }
}

record! {
    /// Picks appliances by labels, their own or their site's.
    pub struct Selector {
        /// All of these must match.
        match_labels "matchLabels": BTreeMap<Label, Spanned<Label>>,
    }
}
