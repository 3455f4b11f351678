//! Versions of .NET: the Framework by its release number, and the runtimes beside it.
//!
//! Source of the release numbers: Microsoft's page on determining which .NET Framework versions are installed.

use super::Windows;
use crate::peer::TalkError;

const FRAMEWORK: &str = r"SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full";
const RUNTIMES: &str = r"SOFTWARE\dotnet\Setup\InstalledVersions\x64\sharedfx";

/// The least release number of each version, newest first.
const RELEASES: [(u32, &str); 11] = [
    (533_320, "4.8.1"),
    (528_040, "4.8"),
    (461_808, "4.7.2"),
    (461_308, "4.7.1"),
    (460_798, "4.7"),
    (394_802, "4.6.2"),
    (394_254, "4.6.1"),
    (393_295, "4.6"),
    (379_893, "4.5.2"),
    (378_675, "4.5.1"),
    (378_389, "4.5"),
];

/// The .NET Framework 4 that is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Framework {
    /// Its release number, which only grows.
    pub release: u32,
}

impl Framework {
    /// The version that the release number is or follows, `4.8`; `None` before 4.5.
    #[must_use]
    pub fn version(self) -> Option<&'static str> {
        RELEASES.iter().find(|(least, _)| *least <= self.release).map(|(_, version)| *version)
    }
}

impl Windows {
    /// The .NET Framework 4; `None` when there is none from 4.5 on.
    ///
    /// # Errors
    /// `TalkError`.
    pub async fn framework(&self) -> Result<Option<Framework>, TalkError> {
        Ok(self.registry().number(FRAMEWORK, "Release").await?.map(|release| Framework { release }))
    }

    /// The runtimes of .NET (Core) by name, `Microsoft.NETCore.App`, each with its versions.
    ///
    /// # Errors
    /// `TalkError`.
    pub async fn runtimes(&self) -> Result<Vec<(String, Vec<String>)>, TalkError> {
        let mut found = Vec::new();
        for name in self.registry().keys(RUNTIMES).await?.unwrap_or_default() {
            let versions = self.registry().values(&format!(r"{RUNTIMES}\{name}")).await?.unwrap_or_default();
            found.push((name, versions.into_iter().map(|(version, _)| version).collect()));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_between_two_is_the_older_one() {
        let version = |release| Framework { release }.version();
        assert_eq!((version(528_449), version(533_325), version(461_814)), (Some("4.8"), Some("4.8.1"), Some("4.7.2")));
        assert_eq!(version(378_388), None);
    }
}
