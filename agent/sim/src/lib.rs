//! Simulated Hyper-V hosts with their Windows guests, behind WS-Management's own envelopes; seeded faults.
//!
//! Guarantees: a client cannot tell a simulated host from a real one by anything that this project relies on.
//! Deliberately absent: any use of `hyperv` or `plan`, so that a shared mistake cannot cancel out.

mod classes;
#[cfg(test)]
mod fixture;
mod guest;
mod host;
mod ids;
pub mod image;
mod job;
pub mod machine;
pub mod network;
pub mod query;
pub mod quota;
pub mod respond;
pub mod script;
pub mod server;
mod timing;
mod windows;
pub mod world;
pub mod wql;
