//! What to do next, worked out from what is wished and what was just seen.
//!
//! Guarantees: pure: no clock, no randomness, no I/O, no async; equal inputs give byte-equal plans.
//! Deliberately absent: doing anything.

mod belief;
pub mod compare;
pub mod consent;
mod decision;
pub mod diff;
mod draft;
mod drain;
mod effect;
pub mod gate;
pub mod given;
pub mod graph;
mod laggard;
mod names;
mod network;
mod outage;
mod planner;
pub mod posture;
mod relapse;
pub mod render;
pub mod report;
mod rules;
pub mod signal;
mod standing;
pub mod step;

#[cfg(any(test, feature = "test-support"))]
pub mod fixtures;

pub use decision::{Decision, decide};
pub use planner::plan;

#[cfg(test)]
mod tests;
