//! Restarting a guest; proved by another boot time, never by a lost connection.

use std::time::Duration;

use jiff::SignedDuration;
use plan::step::RestartReason;

use crate::classes;
use crate::failure::Failure;
use crate::host::Restart;
use crate::pause::Pause;
use crate::peer::TalkError;
use crate::perform::Check;
use crate::perform::call::Call;
use crate::perform::cx::Cx;
use crate::perform::membership::identity;
use crate::return_code::Family;
use crate::wql::Query;

/// `Win32Shutdown` flags: restart (2), without waiting for programs (4).
const FORCED_RESTART: u32 = 6;
/// A shutdown is under way already.
const SHUTDOWN_UNDER_WAY: u32 = 1115;

/// Whether the guest has restarted so that what awaited it is in force. Where nothing awaits it that can be seen, the boot time
/// that was noted when the step was first looked at decides.
pub(crate) async fn is_restarted(cx: &Cx<'_>, so_that: RestartReason) -> Result<Check, Failure> {
    let guest = match cx.guest().await? {
        Ok(guest) => guest,
        Err(blocker) => return Ok(Check::Blocked(blocker)),
    };
    let noted = noted(cx);
    let pending = match so_that {
        RestartReason::Renamed => identity(cx, &guest).await?.pending_name.is_some(),
        RestartReason::Joined => identity(cx, &guest).await?.joining,
        RestartReason::Recovered if noted.is_none() => {
            note(cx, guest.booted_at);
            true
        }
        RestartReason::Recovered => false,
    };
    let same_boot = noted.is_some_and(|noted| noted.booted_at == guest.booted_at);
    if pending || same_boot {
        return Ok(Check::Open);
    }
    cx.host.memory().restarts.remove(&cx.step.id);
    Ok(Check::Done)
}

/// What was noted of this step, unless that is so old that it must be of an earlier plan.
fn noted(cx: &Cx<'_>) -> Option<Restart> {
    let restart = cx.host.memory().restarts.get(&cx.step.id).copied()?;
    let age = cx.host.context().clock.now().duration_since(restart.noted_at);
    let longest = SignedDuration::try_from(cx.step.time.timeout.as_duration() * 2).unwrap_or(SignedDuration::MAX);
    (age <= longest).then_some(restart)
}

fn note(cx: &Cx<'_>, booted_at: jiff::Timestamp) {
    let restart = Restart { booted_at, noted_at: cx.host.context().clock.now() };
    cx.host.memory().restarts.insert(cx.step.id.clone(), restart);
}

/// Restarts the guest and waits until it answers from another boot.
pub(crate) async fn restart(cx: &Cx<'_>) -> Result<(), Failure> {
    let guest = cx.need_guest().await?;
    note(cx, guest.booted_at);
    let query = Query::windows(classes::OPERATING_SYSTEM);
    let Some(system) = guest.peer.objects(&query).await?.into_iter().next() else {
        return Err(Failure::Missing(format!("the {} of `{}`", classes::OPERATING_SYSTEM, guest.name)));
    };
    let call =
        Call::on(system.path, "Win32Shutdown", guest.name.as_str(), Family::Windows).with("Flags", FORCED_RESTART).with("Reserved", 0_u32);
    match call.code(&guest.peer).await {
        // Windows may go down before it has answered; the boot time will tell.
        Ok(0 | SHUTDOWN_UNDER_WAY) | Err(Failure::Talk(TalkError::Unreachable { .. })) => {}
        Ok(value) => return Err(call.refused(value)),
        Err(error) => return Err(error),
    }
    let mut pause = Pause::between(Duration::from_secs(1), Duration::from_secs(5));
    loop {
        if cx.guest().await?.is_ok_and(|now| now.booted_at != guest.booted_at) {
            return Ok(());
        }
        pause.sleep().await;
    }
}
