//! What may be wished and what may be seen.
//!
//! Wished: manifests in YAML become one [`desired::Desired`] per appliance, or diagnostics. Seen: [`observed::Observed`].
//! Guarantees: no I/O, no clock, no randomness. Deliberately absent: any comparison of the two (that is `plan`).

pub mod cause;
pub mod condition;
pub mod desired;
pub mod diagnostic;
pub mod explain;
pub mod manifest;
pub mod mark;
pub mod names;
pub mod observed;
pub mod parallel;
pub mod profile;
pub mod resolve;
pub mod schema;
pub mod seen;
pub mod snapshot;
pub mod units;
pub mod validate;
pub mod window;
pub mod yaml;
