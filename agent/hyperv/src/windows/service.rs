//! Services of a machine, whichever are asked for, with what they accept and who depends on them.
//!
//! Deliberately absent: starting and stopping, which are steps of a plan: `perform`.

use std::collections::BTreeMap;

use model::names::ServiceName;
use model::observed::ObservedService;
use wsman::cim::{CimInstance, CimPath, Namespace};

use super::{Windows, WindowsError};
use crate::classes;
use crate::observe::guest;
use crate::row::{Malformed, Row};

/// A service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// State and start mode.
    pub seen: ObservedService,
    /// The account that it runs as.
    pub account: Option<String>,
    /// Whether it can be paused now: then it finishes what it does and takes nothing new.
    pub accepts_pause: bool,
    /// How it ended last, a Windows error code; 0 is well.
    pub exit_code: u64,
}

impl Windows {
    /// The services of these names that exist.
    ///
    /// # Errors
    /// `Talk`.
    pub async fn services(&self, names: &[ServiceName]) -> Result<BTreeMap<ServiceName, Service>, WindowsError> {
        let rows = self.peer().select(&guest::service_query(names)).await?;
        Ok(self.peer().read(classes::SERVICE, rows.iter().map(service).collect())?)
    }

    /// The names of the services that depend on `name`: Windows stops none while one of these runs.
    ///
    /// # Errors
    /// `Talk`.
    pub async fn dependents(&self, name: &ServiceName) -> Result<Vec<ServiceName>, WindowsError> {
        let path = CimPath::class_of(Namespace::CIMV2, classes::SERVICE).with_key("Name", name.as_str());
        let rows = self.peer().dependents(&path).await?;
        Ok(self.peer().read(classes::SERVICE, rows.iter().map(|row| row.name("Name")).collect())?)
    }
}

fn service(row: &CimInstance) -> Result<(ServiceName, Service), Malformed> {
    let seen = guest::service(row)?;
    let account = row.text("StartName")?.map(str::to_owned);
    let accepts_pause = row.boolean("AcceptPause")?.unwrap_or(false);
    Ok((row.name("Name")?, Service { seen, account, accepts_pause, exit_code: row.unsigned("ExitCode")?.unwrap_or_default() }))
}
