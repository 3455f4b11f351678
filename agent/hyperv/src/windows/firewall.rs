//! The firewall's profiles, and the ports of single rules. Rules themselves are watched: `observe`.

use wsman::cim::CimInstance;

use super::{Windows, WindowsError};
use crate::classes;
use crate::row::{Malformed, Row};
use crate::wql::Query;

/// A profile: what holds in one kind of network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// `Domain`, `Private` or `Public`.
    pub name: String,
    /// Whether the firewall is on there.
    pub on: bool,
}

/// What a rule lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortFilter {
    /// `TCP`, `UDP`, `Any`, or a number.
    pub protocol: String,
    /// Local ports and ranges as they are written; `Any` among them is all.
    pub local_ports: Vec<String>,
}

impl Windows {
    /// The firewall's profiles.
    ///
    /// # Errors
    /// `Talk`.
    pub async fn firewall_profiles(&self) -> Result<Vec<Profile>, WindowsError> {
        let rows = self.peer().select(&Query::standard(classes::FIREWALL_PROFILE)).await?;
        Ok(self.peer().read(classes::FIREWALL_PROFILE, rows.iter().map(profile).collect())?)
    }

    /// What the rule with this `InstanceID` lets through; `None` when there is no such rule.
    ///
    /// # Errors
    /// `Talk`.
    pub async fn rule_ports(&self, rule: &str) -> Result<Option<PortFilter>, WindowsError> {
        let query = Query::standard(classes::PORT_FILTER).equal("InstanceID", rule);
        let rows = self.peer().select(&query).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(self.peer().read(classes::PORT_FILTER, filter(row))?))
    }
}

fn profile(row: &CimInstance) -> Result<Profile, Malformed> {
    Ok(Profile { name: row.need("Name")?.to_owned(), on: row.number("Enabled")? == 1 })
}

fn filter(row: &CimInstance) -> Result<PortFilter, Malformed> {
    let ports = row.texts("LocalPort")?.into_iter().map(str::to_owned).collect();
    Ok(PortFilter { protocol: row.need("Protocol")?.to_owned(), local_ports: ports })
}
