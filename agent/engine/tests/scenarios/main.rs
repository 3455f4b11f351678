//! The engine against simulated hosts, over every byte of the wire, on driven time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

// By the name that the other crates of the workspace know it.
extern crate trunkline_engine as engine;

mod broken_off;
mod consent;
mod converge;
mod crash;
mod crowd;
mod drain;
mod foretold;
mod hope;
mod kept;
mod kill_points;
mod meanwhile;
mod older;
mod pair;
mod refused;
mod repair;
mod sources;
mod support;
mod wake;
