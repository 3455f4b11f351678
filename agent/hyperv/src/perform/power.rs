//! Starting and shutting down of VMs.
//!
//! Guarantees: a guest is asked to shut down before its VM is turned off, and given the same time whatever was learned: one that hangs once
//! must not be out for longer each time. One that has served and has taken the order may be installing updates, and nobody can tell from
//! outside, so it is given much longer. A saved or paused VM is brought back first, so that no state is thrown away, unless it is to be
//! deleted. Deliberately absent: asking whether updates are pending before calls are stopped for it (a look into the guest's registry, that
//! `plan` would wait on).

use std::time::Duration;

use model::condition::Disposition;
use model::observed::PowerState;
use plan::step::Purpose;
use tokio::time::Instant;

use crate::classes;
use crate::failure::Failure;
use crate::observe::roster::OurVm;
use crate::observe::vm;
use crate::pause::Pause;
use crate::perform::Check;
use crate::perform::call::Call;
use crate::perform::cx::Cx;
use crate::perform::target;
use crate::return_code::{Family, JOB_STARTED, NOT_READY, ReturnCode, SHUTDOWN_IN_PROGRESS};
use crate::wql::Query;

/// `RequestedState`: run, from off, saved or paused.
const START: u16 = 2;
/// `RequestedState`: off, at once.
const TURN_OFF: u16 = 3;
/// The guest is locked; it may be unlocked.
const LOCKED: u32 = 32781;

/// How long a guest is given that does not take the order, or that nobody would miss.
const GRACE: Duration = Duration::from_mins(5);
/// How long one that has served is given from when it took the order: most updates are installed by then, and what is cut off in the middle
/// may never start again.
const GRACE_OF_THE_TAKEN: Duration = Duration::from_mins(30);

/// Whether the VM runs.
pub(crate) async fn is_running(cx: &Cx<'_>) -> Result<Check, Failure> {
    let vm = cx.vm().await?;
    Ok(Check::done_if(vm::power(cx.state(&vm).await?) == PowerState::Running))
}

/// Whether the VM is off.
pub(crate) async fn is_off(cx: &Cx<'_>) -> Result<Check, Failure> {
    let vm = cx.vm().await?;
    Ok(Check::done_if(vm::power(cx.state(&vm).await?) == PowerState::Off))
}

/// Starts the VM. One that is between two states is waited for.
pub(crate) async fn start(cx: &Cx<'_>) -> Result<(), Failure> {
    let vm = cx.vm().await?;
    let mut pause = Pause::for_state();
    loop {
        match vm::power(cx.state(&vm).await?) {
            PowerState::Running => return Ok(()),
            PowerState::Changing => {}
            PowerState::Off | PowerState::Saved | PowerState::Paused | PowerState::Other(_) => request(cx, &vm, START).await?,
        }
        pause.sleep().await;
    }
}

/// Shuts the guest down and waits until the VM is off.
pub(crate) async fn shut_down(cx: &Cx<'_>) -> Result<(), Failure> {
    let vm = cx.vm().await?;
    // The other half is for turning it off.
    let most = cx.step.time.timeout.as_duration() / 2;
    let mut deadline = Instant::now() + GRACE.min(most);
    let mut asked = false;
    let mut pause = Pause::between(Duration::from_millis(500), Duration::from_secs(5));
    loop {
        match vm::power(cx.state(&vm).await?) {
            PowerState::Off => return Ok(()),
            PowerState::Changing => {}
            // What is to be deleted must not come up on its old networks once more.
            PowerState::Saved | PowerState::Paused if cx.step.purpose == Purpose::Prune => request(cx, &vm, TURN_OFF).await?,
            PowerState::Saved | PowerState::Paused => request(cx, &vm, START).await?,
            PowerState::Running | PowerState::Other(_) if Instant::now() >= deadline => {
                tracing::warn!(vm = %vm.settings.name, step = %cx.step.id, "guest did not shut down in time, turning its VM off");
                request(cx, &vm, TURN_OFF).await?;
            }
            PowerState::Running if !asked => {
                asked = ask(cx, &vm).await?;
                if asked && cx.step.purpose == Purpose::Change {
                    deadline = Instant::now() + GRACE_OF_THE_TAKEN.min(most);
                }
            }
            PowerState::Running | PowerState::Other(_) => {}
        }
        pause.sleep().await;
    }
}

async fn request(cx: &Cx<'_>, vm: &OurVm, state: u16) -> Result<(), Failure> {
    let call = Call::on(target::vm(&vm.guid), "RequestStateChange", vm.settings.name.as_str(), Family::State);
    call.with("RequestedState", state).run(cx.host).await.map(drop)
}

/// Asks the guest to shut down; `false` when it cannot be asked yet.
async fn ask(cx: &Cx<'_>, vm: &OurVm) -> Result<bool, Failure> {
    let query = Query::hyperv(classes::SHUTDOWN).equal("SystemName", vm.guid.as_str());
    // The component exists only while the guest's integration services are there.
    let Some(component) = cx.peer().objects(&query).await?.into_iter().next() else { return Ok(false) };
    let call = Call::on(component.path, "InitiateShutdown", vm.settings.name.as_str(), Family::HyperV)
        .with("Force", true)
        .with("Reason", "Trunkline changes this virtual machine");
    let value = call.code(cx.peer()).await?;
    took(value).ok_or_else(|| call.refused(value))
}

/// Whether a guest that answered so goes down; `None` when it never will. One that hangs refuses in many words, and is turned off once
/// its time is up.
fn took(value: u32) -> Option<bool> {
    match value {
        // Whether it began at once or as a job: its end is the VM's being off.
        0 | JOB_STARTED | SHUTDOWN_IN_PROGRESS => Some(true),
        NOT_READY | LOCKED => Some(false),
        value => (ReturnCode::hyperv(value).disposition() == Disposition::Retry).then_some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_that_may_still_be_asked_is_and_one_that_may_not_be_told_is_an_error() {
        assert_eq!([0, 4096, 32782].map(took), [Some(true); 3]);
        assert_eq!([32780, 32781, 32768, 32772, 32775].map(took), [Some(false); 5]);
        assert_eq!([32769, 32773].map(took), [None; 2]);
    }
}
