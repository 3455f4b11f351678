//! Converges: for each appliance observe, plan, review, gate, execute, report, again and again.
//!
//! Guarantees: level-triggered (a lost event, a crash or a second look costs time and never correctness); what is executed is what the
//! gate let through and nothing beyond; whatever is kept on disk can be lost without harm to a host.
//! Deliberately absent: git (it gets a channel of snapshots), any choice of steps (that is `plan`'s), printing, and the environment.

pub mod backoff;
pub mod breaker;
mod context;
mod controller;
mod engine;
pub mod event;
pub mod hold;
pub mod interrupt;
pub mod journal;
pub mod lock;
pub mod memory;
pub mod outcome;
pub mod place;
pub mod preview;
pub mod queue;
mod reconcile;
pub mod repository;
mod resident;
mod stage;
pub mod status;
pub mod store;
mod wish;

pub use context::{Hosts, Limits, Parts};
pub use engine::Engine;
