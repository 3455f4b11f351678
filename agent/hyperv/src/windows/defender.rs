//! Microsoft Defender: what it does not scan, and how it is.
//!
//! Guarantees: a change is read back, since tamper protection answers one with success and does not make it; no exclusion that is
//! not ours is removed. Deliberately absent: every other preference.

use wsman::cim::{CimInstance, CimPath, CimValue, Namespace};

use super::{Windows, WindowsError};
use crate::classes;
use crate::peer::Peer;
use crate::return_code::Family;
use crate::row::{Malformed, Row};
use crate::wql::Query;

const NAME: &str = "Microsoft Defender";
/// How the text begins that stands in place of a list which our account may not see.
const HIDDEN: &str = "N/A";

/// What is not scanned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exclusions {
    /// Files and directories.
    pub paths: Vec<String>,
    /// Programs, whose files are not scanned.
    pub processes: Vec<String>,
    /// Extensions, without a dot.
    pub extensions: Vec<String>,
}

impl Exclusions {
    fn lists(&self) -> [(&'static str, &[String]); 3] {
        [("ExclusionPath", &self.paths), ("ExclusionProcess", &self.processes), ("ExclusionExtension", &self.extensions)]
    }

    /// What of `wanted` is not among these; Windows compares without case.
    #[must_use]
    pub fn lacks(&self, wanted: &Self) -> Self {
        Self {
            paths: without(&wanted.paths, &self.paths),
            processes: without(&wanted.processes, &self.processes),
            extensions: without(&wanted.extensions, &self.extensions),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lists().iter().all(|(_, list)| list.is_empty())
    }
}

fn without(all: &[String], known: &[String]) -> Vec<String> {
    let is_known = |one: &&String| known.iter().any(|other| other.eq_ignore_ascii_case(one));
    all.iter().filter(|one| !is_known(one)).cloned().collect()
}

/// How Defender is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Whether its service runs.
    pub running: bool,
    /// Whether files are scanned as they are used.
    pub real_time: bool,
    /// Whether changes are refused without a word.
    pub tamper_protected: bool,
    /// Age of its signatures, days.
    pub signature_age: u64,
}

/// Defender on one machine.
#[derive(Debug, Clone, Copy)]
pub struct Defender<'w> {
    peer: &'w Peer,
}

impl Windows {
    /// Its Defender.
    #[must_use]
    pub fn defender(&self) -> Defender<'_> {
        Defender { peer: self.peer() }
    }
}

impl Defender<'_> {
    async fn row(&self, class: &'static str) -> Result<CimInstance, WindowsError> {
        let rows = self.peer.select(&Query::of_namespace(Namespace::DEFENDER, class)).await;
        let rows = rows.map_err(|error| WindowsError::or_not_installed(error, NAME))?;
        rows.into_iter().next().ok_or(WindowsError::NotInstalled(NAME))
    }

    /// How it is.
    ///
    /// # Errors
    /// `NotInstalled`, or `Talk`.
    pub async fn status(&self) -> Result<Status, WindowsError> {
        let row = self.row(classes::DEFENDER_STATUS).await?;
        let read = || -> Result<Status, Malformed> {
            let truth = |property| Ok::<_, Malformed>(row.boolean(property)?.unwrap_or(false));
            Ok(Status {
                running: truth("AMServiceEnabled")?,
                real_time: truth("RealTimeProtectionEnabled")?,
                tamper_protected: truth("IsTamperProtected")?,
                signature_age: row.number("AntivirusSignatureAge")?,
            })
        };
        Ok(self.peer.read(classes::DEFENDER_STATUS, read())?)
    }

    /// What it does not scan.
    ///
    /// # Errors
    /// `NotInstalled`, `Hidden` when our account is not shown the lists, or `Talk`.
    pub async fn exclusions(&self) -> Result<Exclusions, WindowsError> {
        let row = self.row(classes::DEFENDER_PREFERENCE).await?;
        let list = |property: &str| -> Result<Vec<String>, Malformed> { Ok(row.texts(property)?.into_iter().map(str::to_owned).collect()) };
        let read = || {
            Ok(Exclusions { paths: list("ExclusionPath")?, processes: list("ExclusionProcess")?, extensions: list("ExclusionExtension")? })
        };
        let found = self.peer.read(classes::DEFENDER_PREFERENCE, read())?;
        let hidden = |(_, list): &(&str, &[String])| list.iter().any(|text| text.starts_with(HIDDEN));
        if found.lists().iter().any(hidden) { Err(WindowsError::Hidden("the list of exclusions")) } else { Ok(found) }
    }

    async fn change(&self, method: &'static str, what: &Exclusions) -> Result<(), WindowsError> {
        let lists = what.lists().into_iter().filter(|(_, list)| !list.is_empty());
        let input: Vec<(&'static str, CimValue)> = lists.map(|(name, list)| (name, list.to_vec().into())).collect();
        let target = CimPath::class_of(Namespace::DEFENDER, classes::DEFENDER_PREFERENCE);
        let answer = self.peer.invoke(&target, method, &input).await;
        match answer.map_err(|error| WindowsError::or_not_installed(error, NAME))?.value {
            0 => Ok(()),
            value => Err(WindowsError::refused(method, object(what), (Family::Defender, value))),
        }
    }

    /// Has it not scan `what`, besides what it does not scan already.
    ///
    /// # Errors
    /// `RefusedSilently` when the lists are as before, which is what tamper protection does.
    pub async fn exclude(&self, what: &Exclusions) -> Result<(), WindowsError> {
        const METHOD: &str = "Add";
        let lacking = self.exclusions().await?.lacks(what);
        if lacking.is_empty() {
            return Ok(());
        }
        self.change(METHOD, &lacking).await?;
        match self.exclusions().await?.lacks(&lacking) {
            left if left.is_empty() => Ok(()),
            left => Err(WindowsError::RefusedSilently { method: METHOD, object: object(&left) }),
        }
    }

    /// Has it scan `what` again.
    ///
    /// # Errors
    /// As [`Self::exclude`].
    pub async fn include(&self, what: &Exclusions) -> Result<(), WindowsError> {
        const METHOD: &str = "Remove";
        let still = |now: &Exclusions| now.lacks(what) != *what;
        if !still(&self.exclusions().await?) {
            return Ok(());
        }
        self.change(METHOD, what).await?;
        match still(&self.exclusions().await?) {
            false => Ok(()),
            true => Err(WindowsError::RefusedSilently { method: METHOD, object: object(what) }),
        }
    }
}

fn object(what: &Exclusions) -> String {
    let all: Vec<_> = what.lists().into_iter().flat_map(|(_, list)| list.iter().map(|text| format!("`{text}`"))).collect();
    format!("the exclusion of {}", all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(paths: &[&str]) -> Exclusions {
        Exclusions { paths: paths.iter().map(|path| (*path).to_owned()).collect(), ..Exclusions::default() }
    }

    #[test]
    fn paths_compare_without_case() {
        let known = paths(&[r"c:\trunkline"]);
        assert!(known.lacks(&paths(&[r"C:\Trunkline"])).is_empty());
        assert_eq!(known.lacks(&paths(&[r"C:\Trunkline", r"D:\"])), paths(&[r"D:\"]));
    }
}
