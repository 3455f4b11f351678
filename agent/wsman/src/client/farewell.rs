//! Farewells: what a host is told after a handle was dropped, so that it keeps nothing for somebody who is gone.
//!
//! Guarantees: dropping never waits; farewells are few at a time and each has an end; what could not be said costs nothing, since the host
//! forgets by itself (an enumeration after a minute, a shell after its idle time). Deliberately absent: farewells outside of a runtime.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::Client;

/// Farewells at once; more are not said.
const MOST: usize = 16;
/// How long the host may take for one.
const PATIENCE: Duration = Duration::from_secs(10);

/// The farewells that are being said.
#[derive(Debug, Default)]
pub(super) struct Farewells(Mutex<JoinSet<()>>);

impl Client {
    /// Says `farewell` without anybody waiting for it, with a client of its own patience.
    pub(super) fn bid<F: Future<Output = ()> + Send + 'static>(&self, farewell: impl FnOnce(Self) -> F) {
        let Ok(runtime) = Handle::try_current() else { return };
        let mut tasks = self.shared.farewells.0.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        if tasks.len() < MOST {
            tasks.spawn_on(farewell(self.with_timeout(PATIENCE)), &runtime);
        }
    }
}
