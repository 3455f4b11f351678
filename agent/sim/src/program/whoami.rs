//! `whoami`: the user of the process.

use super::{Call, Step};

pub(super) fn start(call: &mut Call<'_, '_>) -> Option<Step> {
    let user = call.setting.user.to_lowercase();
    call.say(&user);
    Some(Step::Done(0))
}
