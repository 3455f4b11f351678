//! Simulated Hyper-V hosts with their Windows guests, behind WS-Management's own envelopes; seeded faults.
//!
//! Guarantees: a client cannot tell a simulated host from a real one by anything that this project relies on.
//! Deliberately absent: any use of `hyperv` or `plan`, so that a shared mistake cannot cancel out.

mod classes;
mod event;
mod file_tree;
#[cfg(test)]
mod fixture;
mod guest;
mod host;
mod ids;
pub mod image;
mod job;
pub mod machine;
pub mod network;
mod program;
pub mod query;
pub mod quota;
pub mod respond;
pub mod script;
pub mod server;
mod shell;
mod timing;
mod windows;
pub mod world;
pub mod wql;
mod yaml;
