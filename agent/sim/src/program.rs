//! The native programs that a simulated Windows runs, and how a process of one gets on.
//!
//! Guarantees: a program acts on the machine's own files, stores and registry, takes the time that it takes, and ends with the code
//! that the real one ends with. Deliberately absent: every other program; the command interpreter says that it is not recognised.

mod call;
pub(crate) mod certreq;
mod certutil;
pub(crate) mod cmd;
pub(crate) mod curl;
pub(crate) mod desk;
mod dism;
mod hostname;
mod installer;
mod more;
pub(crate) mod msiexec;
mod ping;
mod pipe;
pub(crate) mod process;
pub(crate) mod shutdown;
mod timeout;
mod whoami;
mod win32_process;
mod words;
pub(crate) mod wusa;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use call::Call;
pub(crate) use desk::Desk;

/// A program that is under way, as far as it has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Program {
    More(more::More),
    Ping(ping::Ping),
    Curl(Box<curl::Transfer>),
    Certreq(certreq::Errand),
    Msiexec(msiexec::Errand),
    Dism(dism::Servicing),
    Wusa(wusa::Errand),
}

/// How far a program has come.
#[derive(Debug)]
pub(crate) enum Step {
    /// It has ended with this code.
    Done(u32),
    /// It goes on at that instant.
    Later(Timestamp, Program),
    /// It goes on when there is input.
    Reading(Program),
}

/// How a program begins; `None` when its machine is gone.
type Start = fn(&mut Call<'_, '_>) -> Option<Step>;

/// Every program, by the name of its file without `.exe`, all in `C:\Windows\System32`.
const PROGRAMS: [(&str, Start); 13] = [
    ("certreq", certreq::start),
    ("certutil", certutil::start),
    ("cmd", cmd::start_nested),
    ("curl", curl::start),
    ("dism", dism::start),
    ("hostname", hostname::start),
    ("more", more::start),
    ("msiexec", msiexec::start),
    ("ping", ping::start),
    ("shutdown", shutdown::start),
    ("timeout", timeout::start),
    ("whoami", whoami::start),
    ("wusa", wusa::start),
];

/// The program that `name` finds: bare, with its extension, or with its whole path.
pub(crate) fn find(name: &str) -> Option<(&'static str, Start)> {
    let name = name.replace('/', "\\").to_ascii_lowercase();
    let bare = match name.rsplit_once('\\') {
        Some((r"c:\windows\system32" | r"c:\windows\sysnative", file)) => file,
        Some(_) => return None,
        None => &name,
    };
    let bare = bare.strip_suffix(".exe").or_else(|| bare.strip_suffix(".com")).unwrap_or(bare);
    PROGRAMS.into_iter().find(|(known, _)| *known == bare)
}

impl Program {
    /// Goes on; `None` when the machine is gone.
    pub(crate) fn resume(self, call: &mut Call<'_, '_>) -> Option<Step> {
        match self {
            Self::More(more) => more.resume(call),
            Self::Ping(ping) => ping.resume(call),
            Self::Curl(transfer) => transfer.resume(call),
            Self::Certreq(errand) => errand.resume(call),
            Self::Msiexec(errand) => errand.resume(call),
            Self::Dism(servicing) => servicing.resume(call),
            Self::Wusa(errand) => errand.resume(call),
        }
    }
}
