//! What Hyper-V can do besides what plans ask for: disks that exist, checkpoints, boot orders, integration services, summaries, jobs.
//!
//! Guarantees: each operation waits for its end, and fails with the return code or the job that Hyper-V refused it with. A VM is told by
//! its name, whoever owns it, and a name that two VMs bear is refused. Deliberately absent: any plan; these are for whoever stands on
//! a host by hand, and for rules that come later.

mod boot;
mod checkpoint;
mod disk;
mod integration;
mod summary;

use model::names::VmName;
use wsman::cim::{CimPath, Namespace};

pub use boot::{BootSource, BootSourceKind};
pub use disk::{DiskFile, DiskFormat, DiskKind, IdCheck};
pub use summary::Summary;

use crate::classes;
use crate::failure::Failure;
use crate::guid::Guid;
use crate::host::Host;
use crate::observe::vm::{self, Settings};
use crate::perform::call::Call;
use crate::return_code::Family;
use crate::wql::Query;

/// `RequestedState` of a job: its end, in order.
const TERMINATE: u16 = 4;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Operations<'h> {
    host: &'h Host,
}

impl Host {
    /// The operations that no plan asks for.
    #[must_use]
    pub fn operations(&self) -> Operations<'_> {
        Operations { host: self }
    }
}

impl Operations<'_> {
    /// Asks a job to end before it is done. What it has done by then may stay.
    ///
    /// # Errors
    /// `Failure::Refused` with 32775 when the job has ended, or cannot be stopped.
    pub async fn cancel_job(&self, id: &str) -> Result<(), Failure> {
        let path = |class| CimPath::class_of(Namespace::VIRTUALIZATION, class).with_key("InstanceID", id);
        let storage = self.host.peer().find(&path(classes::STORAGE_JOB)).await?.is_some();
        let class = if storage { classes::STORAGE_JOB } else { classes::JOB };
        let call = Call::on(path(class), "RequestStateChange", id, Family::State).with("RequestedState", TERMINATE);
        call.run(self.host).await.map(drop)
    }

    /// The one VM of that name.
    async fn vm(&self, name: &VmName) -> Result<(Guid, Settings), Failure> {
        let rows = self.host.peer().select(&Query::hyperv(classes::SYSTEM_SETTINGS)).await?;
        let all = self.host.peer().read(classes::SYSTEM_SETTINGS, vm::settings(&rows))?;
        let mut named = all.into_iter().filter(|(_, settings)| settings.name == *name);
        match (named.next(), named.next()) {
            (Some(found), None) => Ok(found),
            (None, _) => Err(Failure::Missing(format!("VM `{name}`"))),
            (Some(_), Some(_)) => Err(Failure::InTheWay { object: format!("VM `{name}`"), why: "another VM has its name".to_owned() }),
        }
    }
}
