//! Events: the logs that each machine writes, and the subscriptions that clients hold.
//!
//! Guarantees: what a subscription gives is what happened on the machine, at the granularity that it asked for.
//! Deliberately absent: delivery by the host itself. Clients pull.

pub(crate) mod log;
pub(crate) mod log_query;
pub(crate) mod rendering;
pub(crate) mod subscription;
pub(crate) mod watch;
mod writer;
