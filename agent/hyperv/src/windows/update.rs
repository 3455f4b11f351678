//! Windows Update: what is offered, installing it, and whether a restart is due.
//!
//! From Windows Server 2019 on the methods are static; 2016 has sessions instead. A scan and an installation take minutes, and a host
//! allows one request 60 s unless it is configured otherwise: then `StillRunning` is the answer, the work goes on, and asking again
//! joins it. Guarantees: only updates that a scan told are installed; nothing restarts by itself. Deliberately absent: hiding
//! updates, drivers, and the update agent's own configuration.

use std::time::Duration;

use wsman::cim::{CimInstance, CimPath, CimValue, Namespace};

use super::{Windows, WindowsError};
use crate::classes;
use crate::peer::{Answer, Input, Peer, TalkError};
use crate::return_code::Family;
use crate::row::{Malformed, Row};
use crate::wql::Query;

const NAME: &str = "Windows Update";
/// What is not installed and not hidden.
const CRITERIA: &str = "IsInstalled=0 and IsHidden=0";
/// `WU_E_NO_UPDATE`: there is none.
const NO_UPDATE: u32 = 0x8024_0024;

const SERVICING: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing";
const AUTO_UPDATE: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update";
const SESSION_MANAGER: &str = r"SYSTEM\CurrentControlSet\Control\Session Manager";

/// An update that is offered.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// Its identity.
    pub id: String,
    /// What a person sees.
    pub title: String,
    /// Its article, `5034129`, where it has one.
    pub article: Option<String>,
    /// How grave what it mends is, in Microsoft's word.
    pub severity: Option<String>,
    /// As it was told, and as it is told back when it is to be installed.
    told: CimInstance,
}

/// An update that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hotfix {
    /// Its article, `KB5034129`.
    pub article: String,
    /// When, in Windows's own words, which differ by language.
    pub installed_on: Option<String>,
}

/// What an installation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Installed {
    /// Whether a restart brings it into force.
    pub needs_restart: bool,
}

/// Who waits for a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RestartCause {
    /// Servicing of features and packages.
    Servicing,
    /// Windows Update.
    Update,
    /// Files that are to be replaced while nobody uses them.
    Files,
}

/// Windows Update on one machine.
#[derive(Debug, Clone, Copy)]
pub struct Updates<'w> {
    windows: &'w Windows,
}

impl Windows {
    /// Its Windows Update.
    #[must_use]
    pub fn updates(&self) -> Updates<'_> {
        Updates { windows: self }
    }
}

impl Updates<'_> {
    fn peer(&self) -> &Peer {
        self.windows.peer()
    }

    /// What is offered and not installed. The host is asked to give it `patience`, and may allow less.
    ///
    /// # Errors
    /// `StillRunning` when it took longer than the host allows; `NotInstalled` where there is no Windows Update.
    pub async fn scan(&self, patience: Duration) -> Result<Vec<Update>, WindowsError> {
        const METHOD: &str = "ScanForUpdates";
        let what = "a scan for updates";
        let criteria = ("SearchCriteria", CimValue::from(CRITERIA));
        let answer = match self.call(METHOD, std::slice::from_ref(&criteria), patience).await {
            Err(error) if error.is_absent() => {
                let input = [criteria, ("OnlineScan", true.into())];
                self.call_session(METHOD, &input, patience).await.map_err(|error| error.or_still_running(what))?
            }
            other => other.map_err(|error| WindowsError::Talk(error).or_still_running(what))?,
        };
        match answer.value {
            0 => Ok(self.peer().read(METHOD, answer.out.instances("Updates").and_then(|all| all.into_iter().map(update).collect()))?),
            NO_UPDATE => Ok(Vec::new()),
            value => Err(WindowsError::refused(METHOD, NAME, (Family::Update, value))),
        }
    }

    /// Downloads and installs `updates`, which a scan told. A 2016 installs all that apply: it takes no choice.
    ///
    /// # Errors
    /// `StillRunning` when it took longer than the host allows: the next scan, or asking again, tells how it went.
    pub async fn install(&self, updates: &[Update], patience: Duration) -> Result<Installed, WindowsError> {
        const METHOD: &str = "InstallUpdates";
        let what = "an installation of updates";
        let chosen: Vec<CimInstance> = updates.iter().map(|update| update.told.clone()).collect();
        let input = [("Updates", CimValue::from(chosen)), ("DownloadOnly", false.into())];
        let answer = match self.call(METHOD, &input, patience).await {
            Err(error) if error.is_absent() => {
                let applied = self.call_session("ApplyApplicableUpdates", &[], patience).await;
                applied.map_err(|error| error.or_still_running(what))?
            }
            other => other.map_err(|error| WindowsError::Talk(error).or_still_running(what))?,
        };
        match answer.value {
            0 => {
                let told = self.peer().read(METHOD, answer.out.boolean("RebootRequired").map_err(Into::into))?;
                // A session does not say.
                let needs_restart = match told {
                    Some(needs) => needs,
                    None => !self.restart_causes().await?.is_empty(),
                };
                Ok(Installed { needs_restart })
            }
            value => {
                let titles: Vec<_> = updates.iter().map(|update| update.title.as_str()).collect();
                Err(WindowsError::refused(METHOD, titles.join(", "), (Family::Update, value)))
            }
        }
    }

    async fn call(&self, method: &'static str, input: &Input, patience: Duration) -> Result<Answer, TalkError> {
        let target = CimPath::class_of(Namespace::WINDOWS_UPDATE, classes::UPDATE_OPERATIONS);
        self.peer().invoke_within(&target, method, input, patience).await
    }

    async fn call_session(&self, method: &'static str, input: &Input, patience: Duration) -> Result<Answer, WindowsError> {
        let new = CimInstance::new(classes::UPDATE_SESSION);
        let session = self.peer().create(&Namespace::WINDOWS_UPDATE, &new).await;
        let session = session.map_err(|error| WindowsError::or_not_installed(error, NAME))?;
        Ok(self.peer().invoke_within(&session, method, input, patience).await?)
    }

    /// What Windows Update says itself of a due restart; `None` where it cannot be asked (2016).
    ///
    /// # Errors
    /// `Talk`.
    pub async fn says_restart_is_due(&self) -> Result<Option<bool>, WindowsError> {
        const METHOD: &str = "IsPendingReboot";
        let target = CimPath::class_of(Namespace::WINDOWS_UPDATE, classes::UPDATE_SETTINGS);
        match self.peer().invoke(&target, METHOD, &[]).await {
            Ok(answer) if answer.value == 0 => Ok(self.peer().read(METHOD, answer.out.boolean("PendingReboot").map_err(Into::into))?),
            Ok(answer) => Err(WindowsError::refused(METHOD, NAME, (Family::Update, answer.value))),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Who waits for a restart, by the registry; nobody when it is empty.
    ///
    /// # Errors
    /// `Talk`.
    pub async fn restart_causes(&self) -> Result<Vec<RestartCause>, WindowsError> {
        let registry = self.windows.registry();
        let has = |keys: Option<Vec<String>>, name: &str| keys.unwrap_or_default().iter().any(|key| key.eq_ignore_ascii_case(name));
        let servicing = has(registry.keys(SERVICING).await?, "RebootPending");
        let update = has(registry.keys(AUTO_UPDATE).await?, "RebootRequired");
        let files = registry.texts(SESSION_MANAGER, "PendingFileRenameOperations").await?;
        let files = files.is_some_and(|files| files.iter().any(|file| !file.is_empty()));
        let causes = [(servicing, RestartCause::Servicing), (update, RestartCause::Update), (files, RestartCause::Files)];
        Ok(causes.into_iter().filter(|(waits, _)| *waits).map(|(_, cause)| cause).collect())
    }

    /// What is installed.
    ///
    /// # Errors
    /// `Talk`.
    pub async fn installed(&self) -> Result<Vec<Hotfix>, WindowsError> {
        let rows = self.peer().select(&Query::windows(classes::HOTFIX)).await?;
        Ok(self.peer().read(classes::HOTFIX, rows.iter().map(hotfix).collect())?)
    }
}

fn update(told: CimInstance) -> Result<Update, Malformed> {
    let optional = |property: &str| Ok::<_, Malformed>(told.text(property)?.filter(|text| !text.is_empty()).map(str::to_owned));
    Ok(Update {
        id: told.need("UpdateID")?.to_owned(),
        title: told.need("Title")?.to_owned(),
        article: optional("KBArticleID")?,
        severity: optional("MsrcSeverity")?,
        told,
    })
}

fn hotfix(row: &CimInstance) -> Result<Hotfix, Malformed> {
    Ok(Hotfix { article: row.need("HotFixID")?.to_owned(), installed_on: row.text("InstalledOn")?.map(str::to_owned) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_without_an_identity_is_none() {
        let told = CimInstance::new("MSFT_WUUpdate").with("Title", "Update").with("KBArticleID", "");
        assert_eq!(update(told.clone()).unwrap_err().to_string(), "a MSFT_WUUpdate lacks `UpdateID`");
        let read = update(told.with("UpdateID", "0f…")).unwrap();
        assert_eq!((read.article, read.severity), (None, None));
    }
}
