//! `ping`: a reply each second from the machine itself, a silence of four seconds from anywhere else.
//!
//! Deliberately absent: a network to answer. It is here because it is what people wait with in a remote shell.

use std::net::IpAddr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{Call, Program, Step};

/// How many requests are left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ping {
    target: String,
    answers: bool,
    sent: u32,
    left: u32,
}

pub(super) fn start(call: &mut Call<'_, '_>) -> Option<Step> {
    let (mut count, mut target) = (4, None);
    let mut words = call.words().into_iter();
    while let Some(word) = words.next() {
        match word.to_ascii_lowercase().as_str() {
            "-n" | "/n" => count = words.next().and_then(|n| n.parse().ok()).unwrap_or(0),
            "-w" | "/w" | "-l" | "/l" => drop(words.next()),
            "-4" | "-6" => {}
            _ => target = Some(word),
        }
    }
    let Some(target) = target.filter(|_| count > 0) else { return call.fail("IP address must be specified.", 1) };
    let name = call.windows()?.computer_name.clone();
    let itself = target.eq_ignore_ascii_case("localhost") || target.eq_ignore_ascii_case(&name);
    let address: Option<IpAddr> = if itself { Some(IpAddr::from([127, 0, 0, 1])) } else { target.parse().ok() };
    let Some(address) = address else {
        call.say(&format!("Ping request could not find host {target}. Please check the name and try again."));
        return Some(Step::Done(1));
    };
    let shown = if itself { format!("{name} [{address}]") } else { address.to_string() };
    call.say(&format!("\r\nPinging {shown} with 32 bytes of data:"));
    Ping { target: address.to_string(), answers: address.is_loopback(), sent: 0, left: count }.resume(call)
}

impl Ping {
    /// One request; the next follows in a second.
    pub(super) fn resume(mut self, call: &mut Call<'_, '_>) -> Option<Step> {
        if self.left == 0 {
            return self.sum_up(call);
        }
        self.sent += 1;
        self.left -= 1;
        if self.answers {
            call.say(&format!("Reply from {}: bytes=32 time<1ms TTL=128", self.target));
            return if self.left > 0 { call.later(SignedDuration::from_secs(1), Program::Ping(self)) } else { self.sum_up(call) };
        }
        call.say("Request timed out.");
        call.later(SignedDuration::from_secs(4), Program::Ping(self))
    }

    fn sum_up(self, call: &mut Call<'_, '_>) -> Option<Step> {
        let lost = if self.answers { 0 } else { self.sent };
        let share = if self.answers { 0 } else { 100 };
        call.say(&format!("\r\nPing statistics for {}:", self.target));
        call.say(&format!("    Packets: Sent = {}, Received = {}, Lost = {lost} ({share}% loss),", self.sent, self.sent - lost));
        if self.answers {
            call.say("Approximate round trip times in milli-seconds:\r\n    Minimum = 0ms, Maximum = 0ms, Average = 0ms");
        }
        Some(Step::Done(u32::from(!self.answers)))
    }
}
