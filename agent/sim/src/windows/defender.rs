//! Microsoft Defender: `MSFT_MpPreference` and `MSFT_MpComputerStatus`.
//!
//! Guarantees: under tamper protection a change is answered with success and not made, as Windows does it.
//! Deliberately absent: scans, signatures, and every preference that is no exclusion.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wsman::cim::{CimInstance, CimValue, Namespace};

use crate::machine::{Object, Output, WmiError};

/// The lists of exclusions, by the name that property and parameter have.
const LISTS: [&str; 4] = ["ExclusionPath", "ExclusionProcess", "ExclusionExtension", "ExclusionIpAddress"];

/// Defender, as a world file writes it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct DefenderSpec {
    /// Whether changes are refused without a word.
    pub tamper_protection: bool,
    /// Whether real-time protection is off.
    pub real_time_off: bool,
    /// Age of the signatures, days.
    pub signature_age: u32,
    /// Paths that are not scanned.
    pub excluded_paths: Vec<String>,
    /// Processes whose files are not scanned.
    pub excluded_processes: Vec<String>,
}

/// Defender as it has become.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Defender {
    tamper_protection: bool,
    real_time: bool,
    signature_age: u32,
    /// In the order of [`LISTS`].
    exclusions: [Vec<String>; 4],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Add,
    Remove,
    Set,
}

impl Defender {
    pub(crate) fn new(spec: &DefenderSpec) -> Self {
        Self {
            tamper_protection: spec.tamper_protection,
            real_time: !spec.real_time_off,
            signature_age: spec.signature_age,
            exclusions: [spec.excluded_paths.clone(), spec.excluded_processes.clone(), Vec::new(), Vec::new()],
        }
    }

    pub(crate) fn object(&self, class: &str, id: &str) -> Object {
        let view = CimInstance::new(class).with("ComputerID", id);
        let view = if class == "MSFT_MpPreference" { self.preference(view) } else { self.status(view) };
        Object::keyed(&Namespace::DEFENDER, view, &["ComputerID"])
    }

    fn preference(&self, mut view: CimInstance) -> CimInstance {
        for (name, list) in LISTS.iter().zip(&self.exclusions) {
            let texts: Vec<&str> = list.iter().map(String::as_str).collect();
            view.set(name, if texts.is_empty() { CimValue::Null } else { texts.into() });
        }
        view.with("DisableRealtimeMonitoring", !self.real_time)
    }

    fn status(&self, view: CimInstance) -> CimInstance {
        view.with("AMServiceEnabled", true)
            .with("AntivirusEnabled", true)
            .with("AMRunningMode", "Normal")
            .with("AMProductVersion", "4.18.24010.12")
            .with("RealTimeProtectionEnabled", self.real_time)
            .with("OnAccessProtectionEnabled", self.real_time)
            .with("IsTamperProtected", self.tamper_protection)
            .with("AntivirusSignatureAge", self.signature_age)
            .with("AntispywareSignatureAge", self.signature_age)
    }

    /// `Add`, `Remove` and `Set`.
    pub(crate) fn invoke(&mut self, method: &str, input: &CimInstance) -> Result<Output, WmiError> {
        let change = [("Add", Change::Add), ("Remove", Change::Remove), ("Set", Change::Set)];
        let change = change.iter().find(|(name, _)| method.eq_ignore_ascii_case(name)).map(|(_, change)| *change);
        let change = change.ok_or_else(|| WmiError::method("MSFT_MpPreference", method))?;
        if self.tamper_protection {
            return Ok(Output::code(0));
        }
        for (name, list) in LISTS.iter().zip(&mut self.exclusions) {
            let given: Vec<String> = input.texts(name).unwrap_or_default().into_iter().map(str::to_owned).collect();
            let is_given = |known: &String| given.iter().any(|one| one.eq_ignore_ascii_case(known));
            match change {
                Change::Remove => list.retain(|known| !is_given(known)),
                Change::Set if !given.is_empty() => list.clone_from(&given),
                Change::Add | Change::Set => {
                    let new = given.iter().filter(|one| !list.iter().any(|known| known.eq_ignore_ascii_case(one)));
                    let new: Vec<_> = new.cloned().collect();
                    list.extend(new);
                }
            }
        }
        Ok(Output::code(0))
    }
}
