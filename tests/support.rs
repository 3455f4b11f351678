//! What the stories share: the examples with quick boots, a machine room in memory, another over real sockets, the built binary.

pub mod binary;
pub mod example;
pub mod memory;
pub mod room;
pub mod sight;
