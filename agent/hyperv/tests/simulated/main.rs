//! The host against the simulator: every byte of the wire runs, on driven time.
//!
//! The simulator is written by others from the same facts; nothing here bends to it.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod bench;
mod bonds;
mod hardware;
mod image_check;
mod install;
mod look;
mod operations;
mod repair;
mod trouble;
mod windows;
