//! Doing of steps: look, act, look again.
//!
//! Guarantees: `perform` looks first, so that a step which was sent before, and whose answer was lost, is not sent twice; it ends
//! when looking says that the step is done. Nothing is created while a job that nobody here waits for may create the same; an adapter waits
//! for jobs of its own VM only.
//! Deliberately absent: retries and timeouts (the engine's), and every decision (the plan's).

mod adapter;
mod address;
mod await_guest;
mod boot;
pub(crate) mod call;
pub(crate) mod cx;
mod disk;
mod drive;
mod file;
pub(crate) mod integration;
mod membership;
mod power;
mod resource;
mod restart;
mod rule;
mod service;
mod switch;
pub(crate) mod target;
mod vm;

use std::time::Duration;

use model::desired::Desired;
use plan::step::{Act, Step};
use tokio::time::Instant;

use crate::failure::{Blocker, Failure, PerformError};
use crate::host::Host;
use crate::pause::Pause;
use cx::Cx;

/// How long a step whose answer was lost may take to be seen done before it has failed: longer than Hyper-V takes for any change
/// that it makes without a job.
const LOST_ANSWER: Duration = Duration::from_secs(15);

/// How a step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// It is done.
    Done,
    /// It is not done, and nothing stands before it.
    Open,
    /// It is not done, and something must happen first.
    Blocked(Blocker),
}

impl Check {
    /// Done, when that is so; else open.
    pub(crate) fn done_if(done: bool) -> Self {
        if done { Self::Done } else { Self::Open }
    }
}

impl Host {
    /// How `step` stands on this host.
    ///
    /// # Errors
    /// `PerformError::Check` when that cannot be seen, or what stands there is not ours.
    pub async fn check(&self, desired: &Desired, step: &Step) -> Result<Check, PerformError> {
        let cx = Cx { host: self, desired, step };
        check(&cx).await.map_err(|source| PerformError::Check { step: step.id.clone(), source: Box::new(source) })
    }

    /// Does `step`, unless it is done already, and waits until it is seen to be done. Ends only then or with an error: the caller
    /// drops it when the step's time is up. What was begun on the host goes on, and the next `check` sees it.
    ///
    /// # Errors
    /// `PerformError::Perform`.
    pub async fn perform(&self, desired: &Desired, step: &Step) -> Result<(), PerformError> {
        let cx = Cx { host: self, desired, step };
        perform(&cx).await.map_err(|source| PerformError::Perform { step: step.id.clone(), source: Box::new(source) })
    }
}

async fn perform(cx: &Cx<'_>) -> Result<(), Failure> {
    if settle(cx).await? == Stands::Done {
        return Ok(());
    }
    let mut lost = match Box::pin(act(cx)).await {
        Ok(()) => None,
        // The host may have done it, or be about to: whoever sends it again at once may do it twice.
        Err(Failure::Talk(talk)) if talk.outcome_unknown() => Some(talk),
        Err(failure) => return Err(failure),
    };
    let acted = Instant::now();
    let mut pause = Pause::between(Duration::from_millis(200), Duration::from_secs(5));
    while settle(cx).await? == Stands::Open {
        if acted.elapsed() >= LOST_ANSWER
            && let Some(talk) = lost.take()
        {
            return Err(Failure::Talk(talk));
        }
        pause.sleep().await;
    }
    Ok(())
}

/// How a step stands when nothing is before it.
#[derive(Debug, PartialEq, Eq)]
enum Stands {
    Done,
    Open,
}

/// Looks until nothing stands before the step that goes away by itself: a guest that starts or restarts, somebody's job that ends.
async fn settle(cx: &Cx<'_>) -> Result<Stands, Failure> {
    let mut pause = Pause::between(Duration::from_millis(500), Duration::from_secs(5));
    loop {
        match check(cx).await? {
            Check::Done => return Ok(Stands::Done),
            Check::Open => return Ok(Stands::Open),
            Check::Blocked(blocker) if blocker.passes() => pause.sleep().await,
            Check::Blocked(blocker) => return Err(Failure::Blocked(blocker)),
        }
    }
}

async fn check(cx: &Cx<'_>) -> Result<Check, Failure> {
    let seen = match Box::pin(look(cx)).await? {
        // Whoever takes a file for its disk without looking at it gives an old system the mark of the new one.
        Check::Open if takes_its_disk(&cx.step.act) => disk::is_fit(cx).await?,
        seen => seen,
    };
    // Somebody may have made a checkpoint since the plan was made.
    if seen == Check::Open && harms_checkpoints(&cx.step.act) {
        cx.refuse_checkpoints().await?;
    }
    // A look may go without asking for the cluster.
    if seen == Check::Open && harms_clusters(&cx.step.act) {
        cx.refuse_clustered().await?;
    }
    match seen {
        // What is added to a VM is added by a job of that VM, and the look has just said that it is not there.
        Check::Open if adds_to_its_vm(&cx.step.act) => Ok(cx.own_orphan().await?.map_or(Check::Open, Check::Blocked)),
        Check::Open if creates(&cx.step.act) => Ok(cx.orphan(|job| job.creates).await?.map_or(Check::Open, Check::Blocked)),
        // Any job: the one that removes it may have been sent before a crash, and its type does not tell what it removes.
        Check::Open if removes(&cx.step.act) => Ok(cx.orphan(|_| true).await?.map_or(Check::Open, Check::Blocked)),
        other => Ok(other),
    }
}

/// Whether sending the act twice would order the removal of something that is being removed.
fn removes(act: &Act) -> bool {
    matches!(act, Act::RemoveSwitch { .. } | Act::RemoveVm { .. })
}

/// Whether the act would spoil the VM's checkpoints, or be spoilt by them.
fn harms_checkpoints(act: &Act) -> bool {
    matches!(act, Act::ShutDownVm | Act::RemoveVm { .. } | Act::RemoveDisk { .. } | Act::AttachDisk { .. })
}

/// Whether the act would end what a cluster runs, or make its twin.
fn harms_clusters(act: &Act) -> bool {
    matches!(act, Act::ShutDownVm | Act::RemoveVm { .. } | Act::RemoveDisk { .. } | Act::DefineVm { .. })
}

/// Whether the act makes a VM over the disk that lies in its place.
fn takes_its_disk(act: &Act) -> bool {
    matches!(act, Act::DefineVm { .. } | Act::AttachDisk { .. })
}

/// Whether sending the act twice could make two of what should be one.
fn creates(act: &Act) -> bool {
    matches!(act, Act::CreateSwitch { .. } | Act::CreateDisk { .. } | Act::DefineVm { .. } | Act::AttachDisk { .. })
}

/// The same, where only what happens to the VM itself can be the first order.
fn adds_to_its_vm(act: &Act) -> bool {
    matches!(act, Act::AddAdapter { .. } | Act::ConnectAdapter { .. })
}

async fn look(cx: &Cx<'_>) -> Result<Check, Failure> {
    match &cx.step.act {
        Act::CreateSwitch { switch, mark } => switch::is_made(cx, switch, mark).await,
        Act::AddressHost { switch, address } => address::is_host_addressed(cx, switch, *address).await,
        Act::RemoveSwitch { switch } => switch::is_removed(cx, switch).await,
        Act::CreateDisk { path, parent } => disk::is_made(cx, path, parent).await,
        Act::DefineVm { vm, .. } => vm::is_defined(cx, vm).await,
        Act::SetProcessors { to } => resource::has_processors(cx, *to).await,
        Act::SetMemory { to } => resource::has_memory(cx, *to).await,
        Act::SetSecureBoot { to } => vm::has_secure_boot(cx, *to).await,
        Act::SetVlan { mac, to, .. } => adapter::is_in_vlan(cx, *mac, *to).await,
        Act::SetBootOrder { to } => boot::is_ordered(cx, to).await,
        Act::SetIntegrationService { service, to } => integration::is_offered(cx, *service, *to).await,
        Act::SetStartAction { to } => vm::has_start_action(cx, *to).await,
        Act::SetStopAction { to } => vm::has_stop_action(cx, *to).await,
        Act::AttachDisk { path } => drive::is_attached(cx, path).await,
        Act::AddAdapter { mac, .. } => adapter::is_added(cx, *mac).await,
        Act::ConnectAdapter { mac, switch, vlan, .. } => adapter::is_connected(cx, *mac, switch, *vlan).await,
        Act::DisconnectAdapter { mac, .. } => adapter::is_disconnected(cx, *mac).await,
        Act::RemoveAdapter { mac, .. } => adapter::is_removed(cx, *mac).await,
        Act::StartVm => power::is_running(cx).await,
        Act::ShutDownVm => power::is_off(cx).await,
        Act::WriteRemarks { remarks } => vm::has_remarks(cx, remarks).await,
        Act::RestoreSetUp => vm::is_noted_set_up(cx).await,
        Act::AwaitGuest { over } => await_guest::answers(cx, *over).await,
        Act::InjectAddress { mac, config, .. } => address::is_injected(cx, *mac, config).await,
        Act::RenameGuest { to } => membership::is_renamed(cx, to).await,
        Act::JoinDomain { domain, .. } => membership::is_joined(cx, domain).await,
        Act::RestartGuest { so_that } => restart::is_restarted(cx, *so_that).await,
        Act::DrainService { service } => service::is_drained(cx, service).await,
        Act::HoldService { service } => service::is_held(cx, service).await,
        Act::StartService { service } => service::is_running(cx, service).await,
        Act::RestoreStartMode { service, to } => service::has_start_mode(cx, service, *to).await,
        Act::EnableRule { rule } => rule::is_enabled(cx, rule).await,
        Act::RemoveVm { .. } => vm::is_removed(cx).await,
        Act::RemoveDisk { path } => file::is_removed(cx, path).await,
    }
}

async fn act(cx: &Cx<'_>) -> Result<(), Failure> {
    match &cx.step.act {
        Act::CreateSwitch { switch, mark } => switch::make(cx, switch, mark).await,
        Act::AddressHost { switch, address } => address::address_host(cx, switch, *address).await,
        Act::RemoveSwitch { switch } => switch::remove(cx, switch).await,
        Act::CreateDisk { path, parent } => disk::make(cx, path, parent).await,
        Act::DefineVm { vm, mark } => vm::define(cx, vm, mark).await,
        Act::SetProcessors { to } => resource::set_processors(cx, *to).await,
        Act::SetMemory { to } => resource::set_memory(cx, *to).await,
        Act::SetSecureBoot { to } => vm::set_secure_boot(cx, *to).await,
        Act::SetVlan { mac, to, .. } => adapter::set_vlan(cx, *mac, *to).await,
        Act::SetBootOrder { to } => boot::set_order(cx, to).await,
        Act::SetIntegrationService { service, to } => integration::set(cx, *service, *to).await,
        Act::SetStartAction { to } => vm::set_start_action(cx, *to).await,
        Act::SetStopAction { to } => vm::set_stop_action(cx, *to).await,
        Act::AttachDisk { path } => drive::attach(cx, path).await,
        Act::AddAdapter { adapter, mac } => adapter::add(cx, adapter, *mac).await,
        Act::ConnectAdapter { mac, switch, vlan, .. } => adapter::connect(cx, *mac, switch, *vlan).await,
        Act::DisconnectAdapter { mac, .. } => adapter::disconnect(cx, *mac).await,
        Act::RemoveAdapter { mac, .. } => adapter::remove(cx, *mac).await,
        Act::StartVm => power::start(cx).await,
        Act::ShutDownVm => power::shut_down(cx).await,
        Act::WriteRemarks { remarks } => vm::write_remarks(cx, remarks).await,
        Act::RestoreSetUp => vm::note_set_up(cx).await,
        // Looking again is all there is to do.
        Act::AwaitGuest { .. } => Ok(()),
        Act::InjectAddress { mac, config, .. } => address::inject(cx, *mac, config).await,
        Act::RenameGuest { to } => membership::rename(cx, to).await,
        Act::JoinDomain { domain, credential } => membership::join(cx, domain, credential).await,
        Act::RestartGuest { .. } => restart::restart(cx).await,
        Act::DrainService { service } => service::drain(cx, service).await,
        Act::HoldService { service } => service::hold(cx, service).await,
        Act::StartService { service } => service::start(cx, service).await,
        Act::RestoreStartMode { service, to } => service::set_start_mode(cx, service, *to).await,
        Act::EnableRule { rule } => rule::enable(cx, rule).await,
        Act::RemoveVm { .. } => vm::remove(cx).await,
        Act::RemoveDisk { path } => file::remove(cx, path).await,
    }
}
