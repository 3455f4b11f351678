//! Plans for people and for programs.
//!
//! Guarantees: equal plans give equal bytes; nothing here reads a terminal, a clock or an environment.

pub mod json;
pub mod markdown;
mod say;
pub mod text;

pub use say::{act, change, step};
