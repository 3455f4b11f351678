//! What is installed on one Windows: products, updates, features; and whether a restart is due because of it.
//!
//! Guarantees: what asked for a restart is settled by the next boot and by nothing else.
//! Deliberately absent: the programs that install; each changes this when it is done.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wsman::cim::{CimInstance, Namespace};

use crate::machine::Object;

/// A product that Windows Installer put there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Product {
    /// What a person sees in the list of programs.
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) publisher: String,
    pub(crate) installed: Timestamp,
}

/// Whether a feature is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FeatureState {
    /// It is there.
    Enabled,
    /// It is not.
    Disabled,
    /// It will be there after a restart.
    EnablePending,
    /// It will be gone after a restart.
    DisablePending,
}

/// Who asked for a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum RestartCause {
    /// Servicing of features and packages: `…\Component Based Servicing\RebootPending`.
    Servicing,
    /// Windows Update: `…\WindowsUpdate\Auto Update\RebootRequired`.
    Update,
    /// An installer whose files were in use: `PendingFileRenameOperations`.
    Installer,
}

/// See the module.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Software {
    /// By product code, upper case with braces.
    pub(crate) products: BTreeMap<String, Product>,
    /// When each update was installed, by its number: `KB5034123`.
    pub(crate) updates: BTreeMap<String, Timestamp>,
    /// By name.
    pub(crate) features: BTreeMap<String, FeatureState>,
    pub(super) restart: BTreeSet<RestartCause>,
}

impl Software {
    /// What is to be settled by the next boot.
    pub(crate) fn awaits_restart(&self) -> impl Iterator<Item = RestartCause> {
        self.restart.iter().copied()
    }

    /// `Win32_OptionalFeature`: what waits for a restart still counts as what it was.
    pub(crate) fn feature_objects(&self) -> Vec<Object> {
        let view = |(name, state): (&String, &FeatureState)| {
            let there = matches!(state, FeatureState::Enabled | FeatureState::DisablePending);
            CimInstance::new("Win32_OptionalFeature")
                .with("Name", name.as_str())
                .with("Caption", name.as_str())
                .with("InstallState", if there { 1u32 } else { 2u32 })
        };
        self.features.iter().map(|one| Object::keyed(&Namespace::CIMV2, view(one), &["Name"])).collect()
    }

    /// `Win32_QuickFixEngineering`.
    pub(crate) fn hotfix_objects(&self, computer: &str) -> Vec<Object> {
        let view = |(kb, at): (&String, &Timestamp)| {
            let day = at.to_zoned(TimeZone::UTC).date();
            CimInstance::new("Win32_QuickFixEngineering")
                .with("HotFixID", kb.as_str())
                .with("ServicePackInEffect", "")
                .with("CSName", computer)
                .with("Description", "Security Update")
                .with("InstalledBy", r"NT AUTHORITY\SYSTEM")
                .with("InstalledOn", format!("{}/{}/{}", day.month(), day.day(), day.year()))
        };
        let keys = ["HotFixID", "ServicePackInEffect"];
        self.updates.iter().map(|one| Object::keyed(&Namespace::CIMV2, view(one), &keys)).collect()
    }

    pub(crate) fn ask_for_restart(&mut self, cause: RestartCause) {
        self.restart.insert(cause);
    }

    /// The system has come up again.
    pub(crate) fn boot(&mut self) {
        self.restart.clear();
        for state in self.features.values_mut() {
            *state = match *state {
                FeatureState::Enabled | FeatureState::EnablePending => FeatureState::Enabled,
                FeatureState::Disabled | FeatureState::DisablePending => FeatureState::Disabled,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_settles_what_waited_for_it() {
        let mut software = Software::default();
        software.features.insert("TelnetClient".to_owned(), FeatureState::EnablePending);
        software.ask_for_restart(RestartCause::Servicing);
        assert_eq!(software.awaits_restart().collect::<Vec<_>>(), [RestartCause::Servicing]);
        software.boot();
        assert_eq!(software.awaits_restart().count(), 0);
        assert_eq!(software.features["TelnetClient"], FeatureState::Enabled);
    }
}
