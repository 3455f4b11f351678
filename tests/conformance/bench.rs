//! What rules are tried on: a simulated host that is asked in text, and a client that is answered in text.

mod answer;
mod ask;
pub mod fault;
mod host;
mod wire;

pub use answer::Answer;
pub use ask::{Ask, CIMV2, DMTF, SERVICE, VIRTUALIZATION, VM, selectors};
pub use host::{Host, SWITCH_ID, VM_ID};
pub use wire::Wire;
