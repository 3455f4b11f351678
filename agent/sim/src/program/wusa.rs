//! `wusa`: installs and removes updates from files.
//!
//! Guarantees: exit codes are those that the Windows Update Standalone Installer gives. Deliberately absent: windows and questions.

use serde::{Deserialize, Serialize};

use super::installer::{Installation, RESTART_REQUIRED, Restart, Restarts};
use super::{Call, Program, Step};
use crate::event::log::Record;
use crate::file_tree::Found;
use crate::windows::provider::Wish;
use crate::windows::software::RestartCause;
use crate::world::outside::{Package, PackageKind};

const FILE_NOT_FOUND: u32 = 0x8007_0002;
const INVALID_PARAMETER: u32 = 87;
// Windows Update's own.
const ALREADY_INSTALLED: u32 = 0x0024_0006;
const ALREADY_UNINSTALLED: u32 = 0x0024_0007;
const NOT_APPLICABLE: u32 = 0x8024_0017;

/// An installation or a removal under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Errand(Installation);

pub(super) fn start(call: &mut Call<'_, '_>) -> Option<Step> {
    let (mut file, mut removes, mut number, mut restarts) = (None, false, None, Restarts::WhenNeeded);
    for word in call.words() {
        let lower = word.to_ascii_lowercase();
        match lower.as_str() {
            "/quiet" | "/warnrestart" | "/forcerestart" => {}
            "/norestart" | "/promptrestart" => restarts = Restarts::Never,
            "/uninstall" => removes = true,
            _ if lower.starts_with("/kb:") => number = Some(format!("KB{}", &word[4..])),
            _ if lower.starts_with("/log") => {}
            _ if word.starts_with('/') => return Some(Step::Done(INVALID_PARAMETER)),
            _ => file = Some(word),
        }
    }
    let outside = &call.desk.world.outside;
    let package = match (&file, &number) {
        (Some(file), _) => {
            let path = call.path(file);
            if call.files()?.find(&path) != Found::File {
                return Some(Step::Done(FILE_NOT_FOUND));
            }
            call.desk.world.outside.package(&path, PackageKind::Update).cloned()
        }
        (None, Some(number)) => outside.packages.iter().find(|package| package.id.eq_ignore_ascii_case(number)).cloned(),
        (None, None) => return Some(Step::Done(INVALID_PARAMETER)),
    };
    let windows = call.windows()?;
    let has = |id: &str| windows.software.updates.keys().any(|known| known.eq_ignore_ascii_case(id));
    let Some(package) = package else {
        let gone = removes && !number.as_deref().is_some_and(has);
        return Some(Step::Done(if gone { ALREADY_UNINSTALLED } else { NOT_APPLICABLE }));
    };
    let applies = package.applies_to.as_deref().is_none_or(|version| windows.version.starts_with(version));
    match (removes, has(&package.id)) {
        (false, true) => return Some(Step::Done(ALREADY_INSTALLED)),
        (true, false) => return Some(Step::Done(ALREADY_UNINSTALLED)),
        (false, false) if !applies => return Some(Step::Done(NOT_APPLICABLE)),
        _ => {}
    }
    let takes = package.takes;
    call.later(takes, Program::Wusa(Errand(Installation { package: Box::new(package), removes, restarts })))
}

impl Errand {
    pub(super) fn resume(self, call: &mut Call<'_, '_>) -> Option<Step> {
        if let Some(code) = self.0.package.fails {
            return Some(Step::Done(code));
        }
        let now = call.now();
        let windows = call.windows()?;
        let Package { id, title, .. } = &*self.0.package;
        if self.0.removes {
            windows.software.updates.retain(|known, _| !known.eq_ignore_ascii_case(id));
        } else {
            windows.software.updates.insert(id.to_ascii_uppercase(), now);
        }
        let text = format!("Installation Successful: Windows successfully installed the following update: {title} ({id})");
        windows.log.write(now, Record::information("System", "Microsoft-Windows-WindowsUpdateClient", 19, text));
        let restart = self.0.settle(call, RestartCause::Update)?;
        if restart == Restart::Begun {
            call.desk.wish(Wish::Restart);
        }
        Some(Step::Done(if restart == Restart::Spared { 0 } else { RESTART_REQUIRED }))
    }
}
