//! One Windows, host or guest, asked for what plans do not need at each look, and changed where a plan has no step for it.
//!
//! One noun to a file; each has at least one question that changes nothing and costs one request. Guarantees: what is not installed
//! there is told from what fails; a change that is answered with success and not made is an error. Deliberately absent: retries, and
//! waiting for what takes longer than a request may: `WindowsError::StillRunning` says so, and asking again finds the same work.

pub mod certificate;
pub mod clock;
pub mod counter;
pub mod defender;
pub mod disk;
pub mod domain;
pub mod dotnet;
pub mod error;
pub mod event_log;
pub mod feature;
pub mod firewall;
pub mod network;
pub mod registry;
pub mod restart;
pub mod service;
pub mod update;

use std::sync::Arc;

use model::desired::Desired;
use model::names::{InstanceId, RoleName};
use model::observed::Reach;
use plan::step::{Act, Purpose, Step};
use wsman::clock::SharedClock;

use crate::failure::Failure;
use crate::host::Host;
use crate::peer::Peer;
use crate::perform::cx::Cx;
pub use error::WindowsError;

/// See the module.
#[derive(Debug, Clone)]
pub struct Windows {
    peer: Arc<Peer>,
    clock: SharedClock,
}

impl Windows {
    pub(crate) fn new(peer: Arc<Peer>, clock: SharedClock) -> Self {
        Self { peer, clock }
    }

    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }
}

impl Host {
    /// The host's own Windows.
    #[must_use]
    pub fn windows(&self) -> Windows {
        Windows::new(self.shared_peer(), Arc::clone(&self.context().clock))
    }

    /// The Windows in one of our VMs, through whichever door opens.
    ///
    /// # Errors
    /// `Failure::Missing` without such a VM, `Failure::Blocked` when it cannot be looked into now.
    pub async fn guest_windows(&self, desired: &Desired, instance: &InstanceId, role: &RoleName) -> Result<Windows, Failure> {
        // Whoever looks into a guest does what this step does.
        let act = Act::AwaitGuest { over: Reach::Management };
        let step = Step::alone((instance, role), act, Purpose::Repair, Reach::Management);
        let cx = Cx { host: self, desired, step: &step };
        Ok(cx.need_guest().await?.windows(&cx))
    }
}
