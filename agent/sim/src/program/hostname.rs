//! `hostname`: the computer's name.

use super::{Call, Step};

pub(super) fn start(call: &mut Call<'_, '_>) -> Option<Step> {
    if !call.tail.trim().is_empty() {
        return call.fail("sethostname: Use the Network Control Panel Applet to set hostname.\r\nhostname -s is not supported.", 1);
    }
    let name = call.windows()?.computer_name.clone();
    call.say(&name);
    Some(Step::Done(0))
}
