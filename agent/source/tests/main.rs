//! Repositories made by git2 itself, read and followed. No git command, no network beyond this machine's files.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests are tests")]

extern crate trunkline_source as source;

mod following;
mod hostile;
mod last_good;
mod reading;
mod remote;
mod support;
