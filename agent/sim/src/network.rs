//! The simulated network: who reaches whom, in memory and over loopback sockets.
//!
//! Guarantees: every byte of HTTP, TLS and the envelope runs for in-memory callers too; a connection is accepted only where a
//! machine listens at that moment, and ends when it no longer does. Deliberately absent: time of its own. The world moves when
//! somebody asks it something.

mod endpoints;
mod memory;
mod shared;
mod sockets;
mod waiting;

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard};

use jiff::Timestamp;
use wsman::clock::SharedClock;

use crate::script::{Entry, Script, ScriptError};
use crate::world::{Fault, MachineId, Place, World, WorldError};

pub use crate::respond::Mutation;
pub use endpoints::{Binding, Endpoints, EndpointsError};
pub use memory::Memory;
pub(crate) use shared::Shared;
use shared::State;
pub use sockets::{ServeError, Serving};
pub(crate) use waiting::exchange;

/// How a simulation is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlainHttp {
    /// Port 5985 refuses Basic, as Windows does by default.
    #[default]
    Refused,
    /// Port 5985 takes Basic too: for clients that can do nothing else, on loopback only.
    Allowed,
}

/// A running simulation. Clones are the same simulation; it ends with the last of them.
#[derive(Debug, Clone)]
pub struct Simulator {
    shared: Arc<Shared>,
}

impl Simulator {
    /// A simulation of `world`, whose time is `clock`'s.
    #[must_use]
    pub fn new(world: World, clock: SharedClock) -> Self {
        Self { shared: Arc::new(Shared::new(world, clock)) }
    }

    /// Also takes Basic over plain HTTP.
    pub fn set_plain_http(&self, plain: PlainHttp) {
        self.shared.set_plain_http(plain);
    }

    /// Keeps the world's state in `directory` from now on, written before a changing request is answered.
    ///
    /// # Errors
    /// The state cannot be written there.
    pub fn keep_state_in(&self, directory: PathBuf) -> Result<(), WorldError> {
        self.shared.lock().keep_in(directory)
    }

    /// What a caller who stands at `place` connects with.
    #[must_use]
    pub fn connect_from(&self, place: Place) -> Memory {
        Memory::new(self, place)
    }

    /// The world at the clock's present instant, locked for as long as the guard lives. Never hold it across an await.
    #[must_use]
    pub fn world(&self) -> WorldGuard<'_> {
        WorldGuard { state: self.shared.lock(), shared: &self.shared }
    }

    /// The simulation's present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.now()
    }

    /// Does something to the world at once.
    ///
    /// # Errors
    /// The fault names what the world does not have.
    pub fn apply(&self, fault: Fault) -> Result<(), WorldError> {
        let result = self.shared.lock().world.apply(fault);
        self.shared.publish();
        result
    }

    /// Adds every entry of `script`.
    ///
    /// # Errors
    /// An entry harms a host that the world does not have, and nothing is added; or the script is full.
    pub fn play(&self, script: &Script) -> Result<(), ScriptError> {
        let mut state = self.shared.lock();
        script.check_hosts(state.world.hosts())?;
        script.entries().try_for_each(|entry| state.script.add(entry.clone()))
    }

    /// Adds one entry to the script.
    ///
    /// # Errors
    /// The entry could never act or harms a host that the world does not have, or the script is full.
    pub fn add(&self, entry: Entry) -> Result<(), ScriptError> {
        let mut script = Script::default();
        script.add(entry)?;
        self.play(&script)
    }

    /// The entries that still wait.
    #[must_use]
    pub fn script(&self) -> Vec<Entry> {
        self.shared.lock().script.entries().cloned().collect()
    }

    /// Forgets the entries that still wait.
    pub fn clear_script(&self) {
        self.shared.lock().script.clear();
    }

    /// How many requests each machine has had of each operation.
    #[must_use]
    pub fn exchanges(&self) -> Vec<(MachineId, String, u64)> {
        self.shared.lock().exchanges.iter().map(|((machine, operation), count)| (machine.clone(), operation.clone(), *count)).collect()
    }

    /// Every request that changed something, in the order in which they came.
    #[must_use]
    pub fn mutations(&self) -> Vec<Mutation> {
        self.shared.lock().mutations.iter().cloned().collect()
    }
}

/// The world, locked. What was changed through it is published when it goes.
#[derive(Debug)]
pub struct WorldGuard<'a> {
    state: MutexGuard<'a, State>,
    shared: &'a Shared,
}

impl Deref for WorldGuard<'_> {
    type Target = World;

    fn deref(&self) -> &World {
        &self.state.world
    }
}

impl DerefMut for WorldGuard<'_> {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.state.world
    }
}

impl Drop for WorldGuard<'_> {
    fn drop(&mut self) {
        self.shared.announce(self.state.world.dirty());
    }
}
