//! What an installed Windows is set up with, beside its services, rules and names.
//!
//! Guarantees: what a world file leaves out is what a fresh server has. Deliberately absent: behaviour, which stands with each part.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clock::ClockSpec;
use super::counter::{Calls, CallsSpec};
use super::defender::{Defender, DefenderSpec};
use super::firewall::Profiles;
use super::registry::hive::{Data, Hive, KeySpec};
use super::software::{FeatureState, Software};
use super::update::{Updates, UpdatesSpec};

const FRAMEWORK: &str = r"SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full";

/// What a Windows is set up with, as an image or a host brings it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SetupSpec {
    /// Its clock and time zone.
    pub clock: ClockSpec,
    /// Registry keys beside Windows's own.
    pub registry: Vec<KeySpec>,
    /// Optional features, there or not.
    pub features: BTreeMap<String, FeatureState>,
    /// Updates that are offered, and those that are installed.
    pub updates: UpdatesSpec,
    /// Microsoft Defender; `null` where it is not installed.
    pub defender: Option<DefenderSpec>,
    /// The firewall's profiles.
    pub firewall: Profiles,
    /// Calls that it carries and counts.
    pub calls: Option<CallsSpec>,
}

impl Default for SetupSpec {
    fn default() -> Self {
        Self {
            clock: ClockSpec::default(),
            registry: Vec::new(),
            features: BTreeMap::new(),
            updates: UpdatesSpec::default(),
            defender: Some(DefenderSpec::default()),
            firewall: Profiles::default(),
            calls: None,
        }
    }
}

impl SetupSpec {
    /// What is installed at `at`, the first boot.
    pub(crate) fn software(&self, at: Timestamp) -> Software {
        let mut software = Software::default();
        software.features.clone_from(&self.features);
        software.updates = self.updates.installed.iter().map(|kb| (kb.clone(), at)).collect();
        software
    }
}

/// The same, as it has become.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) clock: ClockSpec,
    pub(crate) registry: Hive,
    pub(crate) updates: Updates,
    pub(crate) defender: Option<Defender>,
    pub(crate) firewall: Profiles,
    pub(crate) calls: Option<Calls>,
}

impl Setup {
    /// What a Windows of `version` has on its first boot.
    pub(crate) fn new(spec: &SetupSpec, version: &str) -> Self {
        let mut registry = Hive::of(&spec.registry);
        if registry.value(FRAMEWORK, "Release").is_none() {
            let (release, name) = framework(version);
            registry.put(FRAMEWORK, "Release", Data::Number(release));
            registry.put(FRAMEWORK, "Version", Data::Text(name.to_owned()));
        }
        Self {
            clock: spec.clock.clone(),
            registry,
            updates: Updates::new(&spec.updates),
            defender: spec.defender.as_ref().map(Defender::new),
            firewall: spec.firewall,
            calls: spec.calls.as_ref().map(Calls::new),
        }
    }
}

/// The .NET Framework that each server brings: `Release` and `Version`.
fn framework(version: &str) -> (u32, &'static str) {
    match version.rsplit('.').next().and_then(|build| build.parse::<u32>().ok()).unwrap_or_default() {
        0..=14_393 => (394_802, "4.6.01586"),
        14_394..=17_763 => (461_814, "4.7.03190"),
        17_764..=20_348 => (528_449, "4.8.04161"),
        _ => (533_325, "4.8.09032"),
    }
}
