//! `msiexec`: installs and removes products, one at a time.
//!
//! Guarantees: exit codes are Windows Installer's; what an installer brings is there when it ends, not before.
//! Deliberately absent: windows and questions. Without `/qn` or `/quiet` it would wait for somebody; here it is quiet always.

use serde::{Deserialize, Serialize};

use super::installer::{Installation, RESTART_REQUIRED, Restart, Restarts};
use super::process::Body;
use super::{Call, Program, Step};
use crate::event::log::{Level, Record};
use crate::file_tree::Content;
use crate::windows::provider::Wish;
use crate::windows::service::Service;
use crate::windows::software::{Product, RestartCause};
use crate::world::outside::{Package, PackageKind, RestartNeed};

// Errors of Windows Installer.
const INSTALL_FAILURE: u32 = 1603;
const UNKNOWN_PRODUCT: u32 = 1605;
const ALREADY_RUNNING: u32 = 1618;
const PACKAGE_OPEN_FAILED: u32 = 1619;
const PACKAGE_INVALID: u32 = 1620;
const INVALID_COMMAND_LINE: u32 = 1639;
const RESTART_INITIATED: u32 = 1641;

/// An installation or a removal under way, and where it is written down.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Errand {
    installation: Installation,
    log: Option<String>,
}

pub(super) fn start(call: &mut Call<'_, '_>) -> Option<Step> {
    let (mut installs, mut removes, mut restarts, mut log) = (None, None, Restarts::WhenNeeded, None);
    let mut words = call.words().into_iter();
    while let Some(word) = words.next() {
        let lower = word.to_ascii_lowercase().replace('-', "/");
        match lower.as_str() {
            "/i" | "/package" | "/update" | "/p" => installs = words.next(),
            "/x" | "/uninstall" => removes = words.next(),
            "/norestart" => restarts = Restarts::Never,
            "/forcerestart" => restarts = Restarts::Always,
            "/promptrestart" | "/quiet" | "/passive" => {}
            _ if lower.starts_with("/q") => {}
            _ if lower.starts_with("/l") => log = words.next(),
            _ if lower.starts_with("/i") && lower.len() > 2 => installs = Some(word[2..].to_owned()),
            _ if lower.starts_with("/x") && lower.len() > 2 => removes = Some(word[2..].to_owned()),
            // A public property.
            _ if word.contains('=') && !word.starts_with('/') => {}
            _ => return Some(Step::Done(INVALID_COMMAND_LINE)),
        }
    }
    let busy = |body: &Option<Body>| matches!(body, Some(Body::Program(Program::Msiexec(_))));
    if call.windows()?.activity.processes.all.values().any(|process| busy(&process.body)) {
        return Some(Step::Done(ALREADY_RUNNING));
    }
    let (target, removes) = match (installs, removes) {
        (Some(target), None) => (target, false),
        (None, Some(target)) => (target, true),
        _ => return Some(Step::Done(INVALID_COMMAND_LINE)),
    };
    let package = match find(call, &target)? {
        Ok(package) => package,
        Err(code) => return Some(Step::Done(code)),
    };
    let known = call.windows()?.software.products.contains_key(&package.id.to_ascii_uppercase());
    if removes && !known {
        return Some(Step::Done(UNKNOWN_PRODUCT));
    }
    let takes = package.takes;
    let log = log.map(|log| call.path(&log));
    let installation = Installation { package: Box::new(package), removes, restarts };
    call.later(takes, Program::Msiexec(Errand { installation, log }))
}

/// The package that a path or a product code names.
fn find(call: &mut Call<'_, '_>, target: &str) -> Option<Result<Package, u32>> {
    if target.starts_with('{') {
        let code = target.to_ascii_uppercase();
        let Some(product) = call.windows()?.software.products.get(&code).cloned() else { return Some(Err(UNKNOWN_PRODUCT)) };
        let packages = &call.desk.world.outside.packages;
        let known = packages.iter().find(|package| package.id.eq_ignore_ascii_case(&code)).cloned();
        return Some(Ok(known.unwrap_or_else(|| installed(&code, &product))));
    }
    let path = call.path(target);
    let Some((content, bytes)) = call.files()?.file(&path).map(|file| (file.content.clone(), file.bytes)) else {
        return Some(Err(PACKAGE_OPEN_FAILED));
    };
    let outside = &call.desk.world.outside;
    // A download that is not whole is no package.
    let torn = matches!(&content, Content::Published(url) if outside.sources.iter().any(|s| s.url == *url && s.bytes() > bytes));
    Some(outside.package(&path, PackageKind::Product).filter(|_| !torn).cloned().ok_or(PACKAGE_INVALID))
}

/// A product that came with the image: removing it needs no more than its name.
fn installed(code: &str, product: &Product) -> Package {
    Package {
        file: String::new(),
        kind: PackageKind::Product,
        id: code.to_owned(),
        title: product.name.clone(),
        version: product.version.clone(),
        takes: jiff::SignedDuration::from_secs(10),
        restart: RestartNeed::None,
        fails: None,
        applies_to: None,
        services: Vec::new(),
    }
}

impl Errand {
    pub(super) fn resume(self, call: &mut Call<'_, '_>) -> Option<Step> {
        let failure = self.installation.package.fails.map(|_| INSTALL_FAILURE);
        let code = match failure {
            Some(code) => code,
            None => self.apply(call)?,
        };
        self.report(call, code)?;
        if code == RESTART_INITIATED {
            call.desk.wish(Wish::Restart);
        }
        Some(Step::Done(code))
    }

    fn apply(&self, call: &mut Call<'_, '_>) -> Option<u32> {
        let now = call.now();
        let id = call.desk.ids().process_id();
        let windows = call.windows()?;
        let Installation { package, removes, .. } = &self.installation;
        let code = package.id.to_ascii_uppercase();
        let own = |service: &Service| package.services.iter().any(|spec| spec.name.eq_ignore_ascii_case(&service.name));
        if *removes {
            windows.software.products.remove(&code);
            windows.services.retain(|service| !own(service));
        } else {
            let Package { title, version, .. } = &**package;
            let product = Product { name: title.clone(), version: version.clone(), publisher: title.clone(), installed: now };
            windows.software.products.insert(code, product);
            for spec in &package.services {
                if windows.service(&spec.name).is_none() {
                    windows.services.push(Service::installed(spec, id));
                }
            }
        }
        Some(match self.installation.settle(call, RestartCause::Installer)? {
            Restart::Begun => RESTART_INITIATED,
            Restart::Due => RESTART_REQUIRED,
            Restart::Spared => 0,
        })
    }

    fn report(&self, call: &mut Call<'_, '_>, code: u32) -> Option<()> {
        let now = call.now();
        let well = matches!(code, 0 | RESTART_INITIATED | RESTART_REQUIRED);
        let (act, good, bad) = if self.installation.removes { ("Removal", 11724, 11725) } else { ("Installation", 11707, 11708) };
        let (level, id, words) = if well { (Level::Information, good, "completed successfully") } else { (Level::Error, bad, "failed") };
        let text = format!("Product: {} -- {act} {words}.", self.installation.package.title);
        call.windows()?.log.write(now, Record::new(level, "Application", "MsiInstaller", id, text.clone()));
        if let Some(log) = &self.log {
            let text = format!(
                "=== Logging started: {now} ===\r\n{text}\r\nMainEngineThread is returning {code}\r\n=== Logging stopped: {now} ===\r\n"
            );
            let bytes = [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
            // A log that cannot be written stops no installation.
            let _ = call.files()?.write_bytes(log, bytes);
        }
        Some(())
    }
}
