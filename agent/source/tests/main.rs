//! Repositories made by git2 itself, read and followed. No git command, no network beyond this machine's files.

extern crate trunkline_source as source;

mod following;
mod hostile;
mod reading;
mod remote;
mod support;
