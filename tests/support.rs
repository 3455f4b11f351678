//! What the stories share: the examples with quick boots, a machine room in memory, another over real sockets, the built binary.

pub mod binary;
pub mod example;
pub mod git_host;
pub mod kerberos;
pub mod memory;
pub mod python;
pub mod room;
pub mod sight;
