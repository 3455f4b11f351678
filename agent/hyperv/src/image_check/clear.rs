//! Removing what a check made, or an earlier one left: VM, disk, switch.
//!
//! Guarantees: only what bears the check's own mark, and files below the check's own directory at the check's own names. A job that may
//! still make something is waited for first, so that nothing comes into being behind our back.
//! Deliberately absent: the directory, which may have been there before.

use std::collections::BTreeSet;
use std::time::Duration;

use model::cause::chain;
use model::desired::Desired;
use model::names::{HostPath, InstanceId, RoleName, VmName};
use model::observed::{Observed, PowerState, Reach};
use model::seen::Seen;
use plan::given::Given;
use plan::step::{Act, Purpose, Step};
use tokio::time::Instant;

use super::{ImageCheck, ImageCheckError, wish};
use crate::pause::Pause;
use crate::perform::Check;

/// How long a job that may make something, or a VM between two states, is waited for: a disk or a VM is made in seconds.
const UNREST: Duration = Duration::from_secs(300);
/// How often the removal is planned anew: a host that was busy is tried again.
const ROUNDS: usize = 4;
/// A guest that is thrown away is asked to shut down for half of this, and then turned off.
const SHUT_DOWN: u64 = 120;

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cleared {
    /// VMs of checks, with their disks.
    pub vms: BTreeSet<VmName>,
    /// Disks that no VM had.
    pub disks: Vec<HostPath>,
}

impl ImageCheck<'_> {
    /// Removes whatever a check has left on the host, this one or an earlier one, of this role or another. Nothing of ours: nothing is
    /// done.
    ///
    /// # Errors
    /// `ImageCheckError` when the host cannot be looked at, or something stays.
    pub async fn clear(&self) -> Result<Cleared, ImageCheckError> {
        let wish = wish::emptied(&self.wish);
        let mut cleared = Cleared::default();
        let mut says = Vec::new();
        for _ in 0..ROUNDS {
            let observed = self.at_rest(&wish).await?;
            let vms = ours(&observed, &wish.instance)?;
            let (plan, report) = plan::plan(&wish::as_on_host(&wish), &observed, &Given::at(observed.at));
            if plan.is_empty() && vms.is_empty() {
                self.remove_disks(&wish, &mut cleared).await?;
                return Ok(cleared);
            }
            says = vms.iter().map(|vm| format!("VM `{vm}`")).chain(report.waits.iter().map(|wait| wait.on.to_string())).collect();
            for step in plan.steps.iter().map(hurried) {
                if let Err(error) = self.perform(&wish, &step).await {
                    says.push(chain(&error));
                    break;
                }
            }
            cleared.vms.extend(vms);
        }
        Err(ImageCheckError::Left { says })
    }

    /// What is there once no job runs that may make something, and no VM of ours is between two states.
    async fn at_rest(&self, wish: &Desired) -> Result<Observed, ImageCheckError> {
        let deadline = Instant::now() + UNREST;
        let mut pause = Pause::for_state();
        loop {
            let observed = self.look(wish).await?;
            let makes = matches!(&observed.host.jobs, Seen::Known(jobs) if jobs.iter().any(|job| job.creates));
            let mut vms = observed.instances.values().flat_map(|instance| instance.vms.values());
            let changes = vms.any(|vm| vm.power == PowerState::Changing);
            if !(makes || changes) || Instant::now() >= deadline {
                return Ok(observed);
            }
            pause.sleep().await;
        }
    }

    /// Disks whose VM was never made.
    async fn remove_disks(&self, wish: &Desired, cleared: &mut Cleared) -> Result<(), ImageCheckError> {
        for (role, path) in &self.disks {
            let step = removal(&wish.instance, role, path);
            if self.host.check(wish, &step).await? != Check::Done {
                self.perform(wish, &step).await?;
                cleared.disks.push(path.clone());
            }
        }
        Ok(())
    }
}

/// The VMs of checks. One that bears the appliance name of checks in its mark and is none of theirs ends it all.
fn ours(observed: &Observed, instance: &InstanceId) -> Result<BTreeSet<VmName>, ImageCheckError> {
    let mut vms = BTreeSet::new();
    for (one, of) in &observed.instances {
        for vm in of.vms.values() {
            if one != instance || vm.remarks.set_up {
                return Err(ImageCheckError::NotOurs(vm.name.clone()));
            }
            vms.insert(vm.name.clone());
        }
    }
    Ok(vms)
}

fn removal(instance: &InstanceId, role: &RoleName, path: &HostPath) -> Step {
    Step::alone((instance, role), Act::RemoveDisk { path: path.clone() }, Purpose::Prune, Reach::HostOnly)
}

/// The same step, without patience for a guest that nobody needs.
fn hurried(step: &Step) -> Step {
    let mut step = step.clone();
    if step.act == Act::ShutDownVm {
        step.time.timeout = model::units::Span::from_secs(SHUT_DOWN);
    }
    step
}
