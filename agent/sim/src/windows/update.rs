//! Windows Update: `MSFT_WUOperations` (2019 and later), `MSFT_WUOperationsSession` (2016), `MSFT_WUSettings`.
//!
//! Guarantees: a scan and an installation take their time, and go on when the caller was given up on; an update that needs a restart
//! is in force after one; who asks again while a scan runs waits for the same one. Deliberately absent: downloads, which count as
//! part of an installation, and the searches beside the two that every client sends.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wsman::cim::{CimInstance, CimPath, CimValue, Namespace};

use crate::machine::{Object, Output, WmiCode, WmiError};
use crate::windows::Windows;
use crate::windows::software::{RestartCause, Software};

/// For so long what a scan found is told without another one.
const SCAN_LASTS: SignedDuration = SignedDuration::from_mins(10);
/// The build from which on the static methods are there, and sessions are not.
const WITHOUT_SESSIONS: u32 = 17_763;

// HRESULTs of the update agent: nothing of what was asked for could be installed; another installation runs.
const ALL_FAILED: u32 = 0x8024_0022;
const IN_PROGRESS: u32 = 0x8024_0016;

/// Updates, as a world file writes them.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdatesSpec {
    /// What is offered.
    pub offered: Vec<UpdateSpec>,
    /// What is installed already, `KB5034129`.
    pub installed: Vec<String>,
    /// How long a scan takes.
    #[schemars(with = "String")]
    pub scan_takes: SignedDuration,
}

impl Default for UpdatesSpec {
    fn default() -> Self {
        Self { offered: Vec::new(), installed: Vec::new(), scan_takes: SignedDuration::from_secs(45) }
    }
}

/// One update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateSpec {
    /// Its article, `KB5034129`.
    pub kb: String,
    /// What a person sees; made of the article when left out.
    #[serde(default)]
    pub title: Option<String>,
    /// How grave what it mends is, `Critical`.
    #[serde(default)]
    pub severity: Option<String>,
    /// Whether it is in force only after a restart.
    #[serde(default)]
    pub needs_restart: bool,
    /// How long it takes to install.
    #[serde(default = "UpdateSpec::takes")]
    #[schemars(with = "String")]
    pub takes: SignedDuration,
    /// The HRESULT that its installation ends with, every time.
    #[serde(default)]
    pub fails: Option<u32>,
    /// The article that has to be in force before it is offered.
    #[serde(default)]
    pub after: Option<String>,
}

impl UpdateSpec {
    fn takes() -> SignedDuration {
        SignedDuration::from_secs(120)
    }

    /// A GUID made of the article: the same update has the same one everywhere.
    fn id(&self) -> String {
        uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, self.kb.as_bytes()).to_string()
    }

    fn object(&self) -> CimInstance {
        let title = self.title.clone().unwrap_or_else(|| format!("Update for Windows Server ({})", self.kb));
        let view = CimInstance::new("MSFT_WUUpdate")
            .with("UpdateID", self.id())
            .with("KBArticleID", self.kb.trim_start_matches("KB"))
            .with("Title", title.as_str())
            .with("Description", title)
            .with("RevisionNumber", 200u32);
        match &self.severity {
            Some(severity) => view.with("MsrcSeverity", severity.as_str()),
            None => view,
        }
    }
}

/// An installation that runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Installation {
    ends: Timestamp,
    articles: Vec<String>,
}

/// Updates as they are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Updates {
    offered: Vec<UpdateSpec>,
    /// Installed, and in force with the next restart.
    staged: Vec<String>,
    scan_takes: SignedDuration,
    /// When the last scan ended, or the present one will.
    scan_ends: Option<Timestamp>,
    installation: Option<Installation>,
    sessions: Vec<String>,
}

impl Updates {
    pub(crate) fn new(spec: &UpdatesSpec) -> Self {
        Self {
            offered: spec.offered.clone(),
            staged: Vec::new(),
            scan_takes: spec.scan_takes,
            scan_ends: None,
            installation: None,
            sessions: Vec::new(),
        }
    }

    /// When an installation ends.
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        self.installation.as_ref().map(|installation| installation.ends)
    }

    /// Ends the installation whose time has come.
    pub(crate) fn advance(&mut self, now: Timestamp, software: &mut Software) {
        let Some(installation) = self.installation.take_if(|one| one.ends <= now) else { return };
        for kb in installation.articles {
            let Some(at) = self.offered.iter().position(|one| one.kb == kb) else { continue };
            match self.offered.get(at) {
                Some(update) if update.fails.is_some() => {}
                Some(update) if update.needs_restart => {
                    self.staged.push(kb);
                    software.ask_for_restart(RestartCause::Update);
                }
                _ => {
                    self.offered.remove(at);
                    software.updates.insert(kb, installation.ends);
                }
            }
        }
        // What a scan found before is no longer so.
        self.scan_ends = None;
    }

    /// A restart brings what was staged into force, and cuts what runs.
    pub(crate) fn boot(&mut self, at: Timestamp, software: &mut Software) {
        let staged = std::mem::take(&mut self.staged);
        self.offered.retain(|update| !staged.contains(&update.kb));
        software.updates.extend(staged.into_iter().map(|kb| (kb, at)));
        (self.installation, self.scan_ends) = (None, None);
        self.sessions.clear();
    }

    /// What is offered now and not staged.
    fn applicable<'a>(&'a self, software: &'a Software) -> impl Iterator<Item = &'a UpdateSpec> {
        let in_force = |kb: &String| software.updates.keys().any(|one| one.eq_ignore_ascii_case(kb));
        self.offered.iter().filter(move |update| !self.staged.contains(&update.kb) && update.after.as_ref().is_none_or(in_force))
    }

    fn scan(&mut self, input: &CimInstance, (now, software): (Timestamp, &Software)) -> Output {
        let fresh = self.scan_ends.is_some_and(|ends| now.duration_since(ends) < SCAN_LASTS);
        let takes = self.scan_takes;
        let ends = match self.scan_ends {
            Some(ends) if fresh => ends,
            _ => *self.scan_ends.insert(now.saturating_add(takes).unwrap_or(now)),
        };
        let wants_installed = input.text("SearchCriteria").ok().flatten().is_some_and(|criteria| criteria.contains("IsInstalled=1"));
        let found: Vec<_> = if wants_installed { Vec::new() } else { self.applicable(software).map(UpdateSpec::object).collect() };
        let found = if found.is_empty() { CimValue::Null } else { found.into() };
        Output::code(0).with("Updates", found).taking(ends.duration_since(now).max(SignedDuration::ZERO).unsigned_abs())
    }

    fn install(&mut self, articles: Vec<String>, (now, software): (Timestamp, &Software)) -> Output {
        if let Some(running) = &self.installation {
            let same = articles.iter().all(|kb| running.articles.contains(kb));
            let left = running.ends.duration_since(now).max(SignedDuration::ZERO).unsigned_abs();
            return if same { self.installed_or_not(&articles, software).taking(left) } else { Output::code(IN_PROGRESS) };
        }
        let chosen = self.applicable(software).filter(|update| articles.contains(&update.kb));
        let takes = chosen.fold(SignedDuration::ZERO, |sum, update| sum.saturating_add(update.takes));
        let output = self.installed_or_not(&articles, software).taking(takes.unsigned_abs());
        self.installation = Some(Installation { ends: now.saturating_add(takes).unwrap_or(now), articles });
        output
    }

    /// What the installation of `articles` ends with.
    fn installed_or_not(&self, articles: &[String], software: &Software) -> Output {
        let chosen = || self.applicable(software).filter(|update| articles.contains(&update.kb));
        if chosen().count() > 0 && chosen().all(|update| update.fails.is_some()) {
            return Output::code(chosen().find_map(|update| update.fails).unwrap_or(ALL_FAILED));
        }
        let restart = chosen().any(|update| update.needs_restart && update.fails.is_none());
        Output::code(0).with("RebootRequired", restart || awaits_restart(software))
    }

    /// The articles that `Updates` names by their GUIDs.
    fn named(&self, input: &CimInstance) -> Vec<String> {
        let ids = input.get("Updates").elements().iter().filter_map(|update| update.as_instance()?.text("UpdateID").ok().flatten());
        let of = |id: &str| self.offered.iter().find(|update| update.id().eq_ignore_ascii_case(id)).map(|update| update.kb.clone());
        ids.filter_map(of).collect()
    }

    /// A new session.
    pub(crate) fn begin(&mut self) -> CimPath {
        let name = format!("session {}", self.sessions.len() + 1);
        let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, name.as_bytes()).to_string();
        self.sessions.push(id.clone());
        session_path(&id)
    }

    pub(crate) fn session_objects(&self) -> Vec<Object> {
        let view = |id: &String| CimInstance::new("MSFT_WUOperationsSession").with("SessionId", id.as_str());
        self.sessions.iter().map(|id| Object::keyed(&Namespace::WINDOWS_UPDATE, view(id), &["SessionId"])).collect()
    }
}

impl Windows {
    /// `MSFT_WUOperations`, whose methods are static.
    pub(crate) fn update_operation(&mut self, method: &str, input: &CimInstance, now: Timestamp) -> Result<Output, WmiError> {
        let (updates, cx) = (&mut self.setup.updates, (now, &self.software));
        match () {
            () if method.eq_ignore_ascii_case("ScanForUpdates") => Ok(updates.scan(input, cx)),
            () if method.eq_ignore_ascii_case("InstallUpdates") => {
                let articles = updates.named(input);
                // Without any that is known there is nothing to do, which the agent calls a failure.
                Ok(if articles.is_empty() { Output::code(ALL_FAILED) } else { updates.install(articles, cx) })
            }
            () => Err(WmiError::method("MSFT_WUOperations", method)),
        }
    }

    /// `MSFT_WUOperationsSession`, whose methods are those of a session.
    pub(crate) fn update_session(&mut self, method: &str, input: &CimInstance, now: Timestamp) -> Result<Output, WmiError> {
        let (updates, cx) = (&mut self.setup.updates, (now, &self.software));
        match () {
            () if method.eq_ignore_ascii_case("ScanForUpdates") => Ok(updates.scan(input, cx)),
            () if method.eq_ignore_ascii_case("DownloadUpdates") => Ok(Output::code(0)),
            () if method.eq_ignore_ascii_case("ApplyApplicableUpdates") => {
                let articles = updates.applicable(&self.software).map(|update| update.kb.clone()).collect();
                Ok(updates.install(articles, cx))
            }
            () => Err(WmiError::method("MSFT_WUOperationsSession", method)),
        }
    }

    /// `MSFT_WUSettings`.
    pub(crate) fn update_settings(&self, method: &str) -> Result<Output, WmiError> {
        let dated = |name: &str, at: Option<Timestamp>| match at {
            Some(at) => Output::code(0).with(name, at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
            None => Output::code(0).with(name, CimValue::Null),
        };
        match () {
            () if method.eq_ignore_ascii_case("IsPendingReboot") => {
                Ok(Output::code(0).with("PendingReboot", awaits_restart(&self.software)))
            }
            () if method.eq_ignore_ascii_case("GetWUAVersion") => Ok(Output::code(0).with("WUAVersion", format!("{}.1", self.version))),
            () if method.eq_ignore_ascii_case("GetLastScanSuccessDate") => Ok(dated("LastScanSuccessDate", self.setup.updates.scan_ends)),
            () if method.eq_ignore_ascii_case("GetLastUpdateInstallationDate") => {
                Ok(dated("LastUpdateInstallationDate", self.software.updates.values().max().copied()))
            }
            () => Err(WmiError::method("MSFT_WUSettings", method)),
        }
    }
}

fn awaits_restart(software: &Software) -> bool {
    software.awaits_restart().any(|cause| matches!(cause, RestartCause::Update | RestartCause::Servicing))
}

fn session_path(id: &str) -> CimPath {
    CimPath::class_of(Namespace::WINDOWS_UPDATE, "MSFT_WUOperationsSession").with_key("SessionId", id)
}

/// Whether a Windows of `version` has `class`.
pub(crate) fn has_class(version: &str, class: &str) -> Result<(), WmiError> {
    let build = version.rsplit('.').next().and_then(|build| build.parse::<u32>().ok()).unwrap_or_default();
    let is = |name: &str| class.eq_ignore_ascii_case(name);
    let there = if build < WITHOUT_SESSIONS { !is("MSFT_WUOperations") && !is("MSFT_WUSettings") } else { !is("MSFT_WUOperationsSession") };
    if there { Ok(()) } else { Err(WmiError::new(WmiCode::InvalidClass, format!("no class {class} in this version"))) }
}
