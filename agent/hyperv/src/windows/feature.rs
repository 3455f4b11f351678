//! Optional features of Windows, read only: WMI installs none.

use std::collections::BTreeMap;

use wsman::cim::CimInstance;

use super::{Windows, WindowsError};
use crate::classes;
use crate::row::{Malformed, Row};
use crate::wql::Query;

/// Whether a feature is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeatureState {
    /// 1.
    Enabled,
    /// 2.
    Disabled,
    /// 3: its files are not there either.
    Removed,
    /// 4, or none of these.
    Unknown,
}

impl Windows {
    /// The optional features of these names that this Windows knows.
    ///
    /// # Errors
    /// `Talk`.
    pub async fn features(&self, names: &[&str]) -> Result<BTreeMap<String, FeatureState>, WindowsError> {
        let query = Query::windows(classes::OPTIONAL_FEATURE).any_of("Name", names.iter().copied());
        let rows = self.peer().select(&query).await?;
        Ok(self.peer().read(classes::OPTIONAL_FEATURE, rows.iter().map(feature).collect())?)
    }
}

fn feature(row: &CimInstance) -> Result<(String, FeatureState), Malformed> {
    let state = match row.number("InstallState")? {
        1 => FeatureState::Enabled,
        2 => FeatureState::Disabled,
        3 => FeatureState::Removed,
        _ => FeatureState::Unknown,
    };
    Ok((row.need("Name")?.to_owned(), state))
}
