//! Waiting until a guest answers over a network.

use model::observed::Reach;
use model::seen::Cause;

use crate::failure::{Blocker, Failure};
use crate::perform::Check;
use crate::perform::cx::Cx;

/// Whether the guest answers over that network. One that still starts is waited for; one whose VM is off never will.
pub(crate) async fn answers(cx: &Cx<'_>, over: Reach) -> Result<Check, Failure> {
    Ok(match cx.guest_over(Some(over)).await? {
        Ok(_) => Check::Done,
        Err(blocker @ Blocker::Guest(_, Cause::PoweredOff)) => Check::Blocked(blocker),
        Err(_) => Check::Open,
    })
}
