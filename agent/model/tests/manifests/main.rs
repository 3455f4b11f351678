//! Tests of the whole way from files to wishes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, which clippy takes for code")]

mod faulty;
mod schemas;
mod sound;
mod support;
