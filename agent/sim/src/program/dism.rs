//! `dism`: features and packages of the running system.
//!
//! Guarantees: exit codes and the words around them are those of DISM. Deliberately absent: images that are not running, drivers.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::installer::RESTART_REQUIRED;
use super::{Call, Program, Step};
use crate::windows::software::{FeatureState, RestartCause};
use crate::world::outside::{Package, PackageKind, RestartNeed};

const FILE_NOT_FOUND: u32 = 2;
const PATH_NOT_FOUND: u32 = 3;
const INVALID_PARAMETER: u32 = 87;
/// `CBS_E_UNKNOWN_UPDATE`: no such feature.
const UNKNOWN_FEATURE: u32 = 0x800F_080C;
/// `CBS_E_NOT_APPLICABLE`.
const NOT_APPLICABLE: u32 = 0x800F_081E;
/// How long a feature takes.
const FEATURE: SignedDuration = SignedDuration::from_secs(30);

/// Features whose change needs a restart; those that a world names beside them do not.
const RESTARTING: [&str; 6] =
    ["Microsoft-Hyper-V", "Microsoft-Hyper-V-Online", "HypervisorPlatform", "VirtualMachinePlatform", "Containers", "SMB1Protocol"];

/// What is under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Servicing {
    Feature { name: String, enable: bool },
    Add(Box<Package>),
}

pub(super) fn start(call: &mut Call<'_, '_>) -> Option<Step> {
    let version = call.windows()?.version.clone();
    call.print(&format!("\r\nDeployment Image Servicing and Management tool\r\nVersion: {version}.1\r\n\r\n"));
    let words: Vec<(String, Option<String>)> = call
        .words()
        .into_iter()
        .map(|word| match word.split_once(':') {
            Some((name, value)) => (name.to_ascii_lowercase(), Some(value.to_owned())),
            None => (word.to_ascii_lowercase(), None),
        })
        .collect();
    let has = |name: &str| words.iter().any(|(word, _)| word == name);
    let value = |name: &str| words.iter().find(|(word, _)| word == name).and_then(|(_, value)| value.clone());
    if !has("/online") {
        return refuse(call, INVALID_PARAMETER, "The command was missing a required servicing command or /online.");
    }
    call.print(&format!("Image Version: {version}.1\r\n\r\n"));
    match () {
        () if has("/get-features") => list(call),
        () if has("/get-featureinfo") => show(call, &value("/featurename").unwrap_or_default()),
        () if has("/enable-feature") => change(call, value("/featurename"), true),
        () if has("/disable-feature") => change(call, value("/featurename"), false),
        () if has("/add-package") => add(call, value("/packagepath")),
        () if has("/get-packages") => packages(call),
        () if has("/cleanup-mountpoints") || has("/cleanup-wim") => well(call, 0),
        () => refuse(call, INVALID_PARAMETER, "The option is unknown."),
    }
}

fn refuse(call: &mut Call<'_, '_>, code: u32, words: &str) -> Option<Step> {
    let shown = if code > 0xFFFF { format!("0x{code:08x}") } else { code.to_string() };
    call.print(&format!(
        "\r\nError: {shown}\r\n\r\n{words}\r\n\r\nThe DISM log file can be found at C:\\Windows\\Logs\\DISM\\dism.log\r\n"
    ));
    Some(Step::Done(code))
}

fn well(call: &mut Call<'_, '_>, code: u32) -> Option<Step> {
    call.say("The operation completed successfully.");
    if code == RESTART_REQUIRED {
        call.say("Restart Windows to complete this operation.");
    }
    Some(Step::Done(code))
}

fn words(state: FeatureState) -> &'static str {
    match state {
        FeatureState::Enabled => "Enabled",
        FeatureState::Disabled => "Disabled",
        FeatureState::EnablePending => "Enable Pending",
        FeatureState::DisablePending => "Disable Pending",
    }
}

fn list(call: &mut Call<'_, '_>) -> Option<Step> {
    let features = call.windows()?.software.features.clone();
    call.print("Features listing for package : Microsoft-Windows-Foundation-Package\r\n\r\n");
    for (name, state) in features {
        call.print(&format!("Feature Name : {name}\r\nState : {}\r\n\r\n", words(state)));
    }
    well(call, 0)
}

/// The feature as the machine writes its name.
fn feature(call: &mut Call<'_, '_>, name: &str) -> Option<Option<(String, FeatureState)>> {
    let features = &call.windows()?.software.features;
    Some(features.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(known, state)| (known.clone(), *state)))
}

fn unknown(call: &mut Call<'_, '_>, name: &str) -> Option<Step> {
    refuse(call, UNKNOWN_FEATURE, &format!("Feature name {name} is unknown.\r\nA Windows feature name was not recognized."))
}

fn show(call: &mut Call<'_, '_>, name: &str) -> Option<Step> {
    let Some((name, state)) = feature(call, name)? else { return unknown(call, name) };
    call.print(&format!("Feature Information:\r\n\r\nFeature Name : {name}\r\nState : {}\r\n\r\n", words(state)));
    well(call, 0)
}

fn change(call: &mut Call<'_, '_>, name: Option<String>, enable: bool) -> Option<Step> {
    let Some(name) = name else { return refuse(call, INVALID_PARAMETER, "The featurename option is missing.") };
    let Some((name, state)) = feature(call, &name)? else { return unknown(call, &name) };
    let there = matches!(state, FeatureState::Enabled);
    if there == enable && matches!(state, FeatureState::Enabled | FeatureState::Disabled) {
        return well(call, 0);
    }
    call.print(if enable { "Enabling feature(s)\r\n" } else { "Disabling feature(s)\r\n" });
    call.later(FEATURE, Program::Dism(Servicing::Feature { name, enable }))
}

fn add(call: &mut Call<'_, '_>, path: Option<String>) -> Option<Step> {
    let Some(path) = path else { return refuse(call, INVALID_PARAMETER, "The packagepath option is missing.") };
    let path = call.path(&path);
    if call.files()?.file(&path).is_none() {
        let code = if call.files()?.find(crate::file_tree::parent(&path)) == crate::file_tree::Found::Folder {
            FILE_NOT_FOUND
        } else {
            PATH_NOT_FOUND
        };
        return refuse(call, code, "The system cannot find the file specified.");
    }
    let Some(package) = call.desk.world.outside.package(&path, PackageKind::Update).cloned() else {
        return refuse(call, NOT_APPLICABLE, "The specified package is not applicable to this image.");
    };
    let version = call.windows()?.version.clone();
    if package.applies_to.as_deref().is_some_and(|wanted| !version.starts_with(wanted)) {
        return refuse(call, NOT_APPLICABLE, "The specified package is not applicable to this image.");
    }
    call.say(&format!("Processing 1 of 1 - Adding package {}", package.title));
    let takes = package.takes;
    call.later(takes, Program::Dism(Servicing::Add(Box::new(package))))
}

fn packages(call: &mut Call<'_, '_>) -> Option<Step> {
    let updates: Vec<String> = call.windows()?.software.updates.keys().cloned().collect();
    call.print("Packages listing:\r\n\r\n");
    for update in updates {
        call.print(&format!("Package Identity : Package_for_{update}\r\nState : Installed\r\nRelease Type : Update\r\n\r\n"));
    }
    well(call, 0)
}

impl Servicing {
    pub(super) fn resume(self, call: &mut Call<'_, '_>) -> Option<Step> {
        let now = call.now();
        let software = &mut call.windows()?.software;
        let restarts = match &self {
            Self::Feature { name, enable } => {
                let restarts = RESTARTING.iter().any(|known| known.eq_ignore_ascii_case(name));
                let state = match (enable, restarts) {
                    (true, false) => FeatureState::Enabled,
                    (true, true) => FeatureState::EnablePending,
                    (false, false) => FeatureState::Disabled,
                    (false, true) => FeatureState::DisablePending,
                };
                software.features.insert(name.clone(), state);
                restarts
            }
            Self::Add(package) => {
                if let Some(code) = package.fails {
                    return refuse(call, code, "An error occurred while processing the package.");
                }
                software.updates.insert(package.id.to_ascii_uppercase(), now);
                package.restart == RestartNeed::Needed
            }
        };
        if restarts {
            software.ask_for_restart(RestartCause::Servicing);
        }
        call.print("[==========================100.0%==========================]\r\n");
        well(call, if restarts { RESTART_REQUIRED } else { 0 })
    }
}
