//! What to do next, worked out from what is wished and what was just seen.
//!
//! Guarantees: pure: no clock, no randomness, no I/O, no async; equal inputs give byte-equal plans.
//! Deliberately absent: doing anything.

pub mod step;
