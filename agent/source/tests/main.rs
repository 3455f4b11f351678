//! Repositories made by git2 itself, read and followed: in place, by `file://`, and from servers of git on the loopback that nobody here
//! wrote. `./tests/run setup` installs those.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests are tests")]

extern crate trunkline_source as source;

mod compacting;
mod following;
#[path = "../../../tests/support/git_host.rs"]
mod git_host;
mod hostile;
mod https;
mod last_good;
mod overtaken;
mod reading;
mod remote;
mod ssh;
mod support;
