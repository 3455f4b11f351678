//! Restarting a guest; proved by another boot time, never by a lost connection.

use std::time::Duration;

use plan::step::RestartReason;

use crate::failure::Failure;
use crate::pause::Pause;
use crate::perform::Check;
use crate::perform::cx::Cx;
use crate::perform::membership::identity;
use crate::windows::restart::Boot;

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
    let seen = Boot { at: guest.booted_at };
    guest.windows(cx).restart(seen).await.map_err(|error| guest.failure(error))?;
    let mut pause = Pause::between(Duration::from_secs(1), Duration::from_secs(5));
    loop {
        if cx.guest().await?.is_ok_and(|now| now.booted_at != guest.booted_at) {
            return Ok(());
        }
        pause.sleep().await;
    }
}
