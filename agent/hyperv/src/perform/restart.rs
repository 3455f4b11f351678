//! Restarting a guest; proved by another boot time, never by a lost connection.

use std::time::Duration;

use plan::step::RestartReason;

use crate::classes;
use crate::failure::Failure;
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

/// Whether the guest has restarted: what awaited that is in force, or the boot that was to be replaced is no more.
pub(crate) async fn is_restarted(cx: &Cx<'_>, so_that: RestartReason) -> Result<Check, Failure> {
    let guest = match cx.guest().await? {
        Ok(guest) => guest,
        Err(blocker) => return Ok(Check::Blocked(blocker)),
    };
    let awaits = match so_that {
        RestartReason::Renamed => identity(cx, &guest).await?.pending_name.is_some(),
        RestartReason::Joined => identity(cx, &guest).await?.joining,
        RestartReason::Recovered { from } => guest.booted_at == from,
    };
    Ok(Check::done_if(!awaits))
}

/// Restarts the guest and waits until it answers from another boot.
pub(crate) async fn restart(cx: &Cx<'_>) -> Result<(), Failure> {
    let guest = cx.need_guest().await?;
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
