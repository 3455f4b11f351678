//! The one runtime of a command.
//!
//! Guarantees: a single thread for everything but git's blocking calls; it ends without waiting for a thread that hangs in the network.

use std::future::Future;
use std::time::Duration;

use crate::error::{Context as _, Failure};

/// Runs `work` to its end.
///
/// # Errors
/// When the system gives no runtime, and whatever `work` fails with.
pub fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(Duration::from_millis(100));
    done
}
