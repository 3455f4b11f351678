//! End-to-end tests: one binary, so that it links once. Each module is one story.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod architecture;
mod auth;
mod cli;
mod conformance;
mod crowd;
mod demo;
mod foreign_clients;
mod images;
mod kill;
mod kill_points;
mod remotes;
mod rotation;
mod schemas;
mod signals;
mod support;
mod telling;
mod trees;
