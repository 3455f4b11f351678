//! What rules are tried on: a simulated host that is asked in text, and a client that is answered in text.

mod answer;
mod ask;
mod eventing;
pub mod fault;
mod host;
mod said;
mod winrs;
mod wire;
pub mod written;

pub use answer::Answer;
pub use ask::{Ask, CIMV2, DMTF, SERVICE, VIRTUALIZATION, VM, selectors};
pub use eventing::EVENT_LOG;
pub use host::{Host, SWITCH_ID, VM_ID};
pub use said::Said;
pub use winrs::{CMD, SHELL, STREAMS};
pub use wire::{Wire, basic};
