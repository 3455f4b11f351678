//! `shutdown`: announces that the system will go down, or takes it back.
//!
//! Guarantees: nothing goes down before its time; a second announcement is refused. Deliberately absent: logging off, hibernation,
//! other machines.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Call, Desk, Step};
use crate::event::log::Record;
use crate::windows::provider::Wish;

const SCHEDULED_ALREADY: u32 = 1190;
const NONE_IN_PROGRESS: u32 = 1116;
/// How long users are warned when nobody says.
const DEFAULT_WAIT: i64 = 30;

/// A shutdown that was announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Announced {
    pub(crate) at: Timestamp,
    pub(crate) wish: Wish,
    pub(crate) user: String,
    pub(crate) comment: String,
}

pub(super) fn start(call: &mut Call<'_, '_>) -> Option<Step> {
    let (mut wish, mut wait, mut comment) = (Wish::Nothing, DEFAULT_WAIT, String::new());
    let mut words = call.words().into_iter();
    while let Some(word) = words.next() {
        match word.to_ascii_lowercase().replace('-', "/").as_str() {
            "/r" | "/g" => wish = Wish::Restart,
            "/s" | "/p" => wish = Wish::PowerOff,
            "/a" => return abort(call),
            // Whether sessions are closed by force makes no difference: nobody sits in one.
            "/f" => {}
            "/t" => match words.next().and_then(|n| n.parse().ok()).filter(|n| (0..=315_360_000).contains(n)) {
                Some(seconds) => wait = seconds,
                None => return usage(call),
            },
            "/c" => comment = words.next().unwrap_or_default(),
            "/d" => drop(words.next()),
            _ => return usage(call),
        }
    }
    if wish == Wish::Nothing {
        return usage(call);
    }
    let at = call.now().saturating_add(SignedDuration::from_secs(wait)).unwrap_or(call.now());
    let user = call.setting.user.clone();
    let activity = &mut call.windows()?.activity;
    if activity.shutdown.is_some() {
        return call.fail("A system shutdown has already been scheduled.(1190)", SCHEDULED_ALREADY);
    }
    activity.shutdown = Some(Announced { at, wish, user, comment });
    if wait == 0 {
        call.desk.begin_shutdown();
    }
    Some(Step::Done(0))
}

fn abort(call: &mut Call<'_, '_>) -> Option<Step> {
    match call.windows()?.activity.shutdown.take() {
        Some(_) => Some(Step::Done(0)),
        None => call.fail("Unable to abort the system shutdown because no shutdown was in progress.(1116)", NONE_IN_PROGRESS),
    }
}

fn usage(call: &mut Call<'_, '_>) -> Option<Step> {
    call.say("Usage: shutdown [/i | /l | /s | /sg | /r | /g | /a | /p | /h | /e | /o] [/hybrid] [/soft] [/fw] [/f]");
    call.say("    [/m \\\\computer][/t xxx][/d [p|u:]xx:yy [/c \"comment\"]]");
    Some(Step::Done(1))
}

impl Desk<'_> {
    /// Goes down when the time has come that was announced.
    pub(crate) fn begin_shutdown(&mut self) {
        let now = self.now();
        let Some(windows) = self.windows_mut() else { return };
        let Some(announced) = windows.activity.shutdown.take_if(|announced| announced.at <= now) else { return };
        let kind = if announced.wish == Wish::Restart { "restart" } else { "power off" };
        let text = format!(
            "The process C:\\Windows\\system32\\shutdown.exe ({}) has initiated the {kind} of computer {} on behalf of user {}. Comment: {}",
            windows.computer_name, windows.computer_name, announced.user, announced.comment
        );
        windows.log.write(now, Record::information("System", "User32", 1074, text));
        self.wish(announced.wish);
    }
}
