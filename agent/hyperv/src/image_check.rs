//! Whether a role image keeps the image contract: it is booted once, as a VM that nothing else knows, and looked into.
//!
//! Guarantees: the VM bears a mark, a name and a place of its own, so that no instance of the appliance is touched; everything that was
//! made goes again with [`ImageCheck::clear`], whatever became of the check, and what an earlier check left goes the same way. It is built
//! and removed by the planner's steps, and looked into through the doors that every guest is looked into. From another machine than the
//! host it asks what the host can tell, and says which points are left. Deliberately absent: set-up of
//! the guest (its name, its domain), and whether services run: a fresh image is in no domain yet.

mod clear;
mod examine;
mod verdict;
mod wish;

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use model::condition::Disposition;
use model::desired::{Desired, DesiredRole};
use model::names::{ApplianceName, HostPath, InvalidName, RoleName, SwitchName, VmName};
use model::observed::Observed;
use plan::step::{Step, StepId};
use serde::Serialize;
use tokio::time::Instant;

use crate::error::{ConnectError, ObserveError};
use crate::failure::{Failure, PerformError};
use crate::host::Host;
use crate::pause::Pause;
use crate::probe::{Finding, Outcome};

pub use clear::Cleared;

/// How long a step that fails is tried again.
const INSIST: Duration = Duration::from_secs(120);

/// See the module. For one role of one appliance.
#[derive(Debug)]
pub struct ImageCheck<'h> {
    host: &'h Host,
    /// The wish for the one VM, before the host has been looked at.
    wish: Desired,
    /// The role of that VM.
    role: DesiredRole,
    /// The addresses that the appliance's own guests are to have.
    taken: Vec<IpAddr>,
    /// Every disk that a check of this appliance makes, whichever role it is of.
    disks: Vec<(RoleName, HostPath)>,
}

/// What was found of one image.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The appliance whose wish names the image.
    pub appliance: ApplianceName,
    /// The role.
    pub role: RoleName,
    /// Where the image lies.
    pub image: HostPath,
    /// A point of the contract each, in the order in which they build on each other.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether the image keeps every point.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.findings.iter().all(|finding| matches!(finding.outcome, Outcome::Works { .. }))
    }

    /// Whether it breaks any. One that neither keeps all nor breaks any was looked at from elsewhere than its host.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.findings.iter().any(|finding| matches!(finding.outcome, Outcome::Trouble { .. }))
    }
}

/// An image could not be checked. What is the image's own fault is a finding, not this.
#[derive(Debug, thiserror::Error)]
pub enum ImageCheckError {
    /// The appliance has no such role.
    #[error("`{appliance}` has no role `{role}`")]
    NoRole {
        /// The appliance.
        appliance: ApplianceName,
        /// The role.
        role: RoleName,
    },
    /// Nothing leads into a guest that is not connected to the product's networks.
    #[error("role `{role}` has no adapter on a management network, so nothing leads into a VM of it that serves nobody")]
    NoManagement {
        /// The role.
        role: RoleName,
    },
    /// A name or path of the throwaway VM cannot be one.
    #[error("the VM of the check cannot be named")]
    Name(#[from] InvalidName),
    /// The host could not be looked at.
    #[error("the host could not be looked at")]
    Observe(#[from] ObserveError),
    /// The management switch is there and leads nowhere.
    #[error("the switch `{switch}` is not ours, and the host has no address of the management network on it")]
    Switch {
        /// The switch.
        switch: SwitchName,
    },
    /// No address is left for the guest.
    #[error("no address is left in the management network for the guest")]
    NoAddress,
    /// The host cannot carry the VM now.
    #[error("the VM of the check cannot be made: {}", says.join("; "))]
    NotPlanned {
        /// What stands against it, each with what a person can do.
        says: Vec<String>,
    },
    /// A VM bears the check's mark, and is no VM of a check.
    #[error("`{0}` bears the mark of image checks and is none of them; it is left alone")]
    NotOurs(VmName),
    /// A step of building or removing the VM failed, and that is not the image's fault.
    #[error(transparent)]
    Step(#[from] PerformError),
    /// A step took too long.
    #[error("step `{0}` did not end in its time")]
    TimedOut(StepId),
    /// The host could not be talked to.
    #[error("the host could not be asked about the VM of the check")]
    Ask(#[source] Box<Failure>),
    /// The guest's credential or address is none.
    #[error("the guest cannot be connected to")]
    Connect(#[from] ConnectError),
    /// Something stayed.
    #[error("something of the check is still on the host: {}", says.join("; "))]
    Left {
        /// What.
        says: Vec<String>,
    },
}

impl<'h> ImageCheck<'h> {
    /// The check of the image of `role`, whose place, credential and watched signals `desired` names. Nothing is done yet.
    ///
    /// # Errors
    /// `ImageCheckError` when the wish does not allow one.
    pub fn new(host: &'h Host, desired: &Desired, role: &RoleName) -> Result<Self, ImageCheckError> {
        let (wish, role) = wish::of(desired, role)?;
        let addresses = desired.roles.iter().flat_map(|role| &role.adapters).flat_map(|adapter| &adapter.addresses);
        let disk = |role: &DesiredRole| Ok((role.role.clone(), wish::disk(&wish.host.root, &role.role)?));
        let disks = desired.roles.iter().map(disk).collect::<Result<_, InvalidName>>()?;
        Ok(Self { host, taken: addresses.map(IpNet::addr).collect(), disks, wish, role })
    }

    /// The name of the VM that is made and removed.
    #[must_use]
    pub fn vm(&self) -> &VmName {
        &self.role.vm
    }

    /// Where the image lies.
    #[must_use]
    pub fn image(&self) -> &HostPath {
        &self.role.image.path
    }

    /// Does a step, each time in its own time, and again where that is what a failure asks for: a host may be busy, and a guest restart
    /// during its first boot.
    async fn perform(&self, wish: &Desired, step: &Step) -> Result<(), ImageCheckError> {
        let (limit, started) = (step.time.timeout.as_duration(), Instant::now());
        let mut pause = Pause::between(Duration::from_secs(2), Duration::from_secs(15));
        loop {
            match tokio::time::timeout(limit, self.host.perform(wish, step)).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) if error.disposition() == Disposition::Retry && started.elapsed() < INSIST => pause.sleep().await,
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => return Err(ImageCheckError::TimedOut(step.id.clone())),
            }
        }
    }

    /// Looks at what of `wish` is there.
    async fn look(&self, wish: &Desired) -> Result<Observed, ImageCheckError> {
        Ok(self.host.observe(wish).await?)
    }
}
