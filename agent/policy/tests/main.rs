//! The shipped policies, policies of a repository, and policies that mean harm.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests are tests")]

extern crate trunkline_policy as policy;

mod faults;
mod own;
mod planned;
mod shipped;
mod support;
