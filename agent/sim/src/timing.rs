//! How long the host takes for what it does.
//!
//! Guarantees: a length of zero means that the operation is done when its method returns, as Windows does for many.
//! Deliberately absent: how long guests take; images say that.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::job::JobKind;

/// The lengths of the host's jobs. Written as `1500ms`, `3s`, `2m`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Timing {
    /// Defining a VM.
    #[schemars(with = "String")]
    pub define_system: SignedDuration,
    /// Deleting a VM's definition.
    #[schemars(with = "String")]
    pub destroy_system: SignedDuration,
    /// Adding, changing and removing devices.
    #[schemars(with = "String")]
    pub resources: SignedDuration,
    /// Changing a VM's own settings.
    #[schemars(with = "String")]
    pub modify_system: SignedDuration,
    /// Power on.
    #[schemars(with = "String")]
    pub start: SignedDuration,
    /// Power off, pause, resume, reset.
    #[schemars(with = "String")]
    pub state_change: SignedDuration,
    /// Saving a VM's state.
    #[schemars(with = "String")]
    pub save: SignedDuration,
    /// Making a dynamic or differencing disk.
    #[schemars(with = "String")]
    pub create_disk: SignedDuration,
    /// Resizing a disk, giving it another parent, checking its chain.
    #[schemars(with = "String")]
    pub change_disk: SignedDuration,
    /// Making, applying or deleting a checkpoint.
    #[schemars(with = "String")]
    pub checkpoint: SignedDuration,
    /// Making or deleting a virtual switch.
    #[schemars(with = "String")]
    pub switch: SignedDuration,
    /// Handing items or addresses to a guest.
    #[schemars(with = "String")]
    pub guest_exchange: SignedDuration,
    /// How long the host does not answer while its NIC moves below a switch or out again.
    #[schemars(with = "String")]
    pub rebind: SignedDuration,
    /// From the host's going down until it answers again.
    #[schemars(with = "String")]
    pub host_restart: SignedDuration,
}

impl Default for Timing {
    fn default() -> Self {
        let seconds = SignedDuration::from_secs;
        Self {
            define_system: seconds(0),
            destroy_system: seconds(1),
            resources: seconds(0),
            modify_system: seconds(0),
            start: seconds(2),
            state_change: seconds(1),
            save: seconds(4),
            create_disk: seconds(1),
            change_disk: seconds(1),
            checkpoint: seconds(3),
            switch: seconds(2),
            guest_exchange: seconds(1),
            rebind: seconds(4),
            host_restart: seconds(180),
        }
    }
}

impl Timing {
    /// How long a job of this kind takes.
    #[must_use]
    pub fn of(&self, kind: JobKind) -> SignedDuration {
        match kind {
            JobKind::DefineSystem => self.define_system,
            JobKind::DestroySystem => self.destroy_system,
            JobKind::AddResources | JobKind::ModifyResources | JobKind::RemoveResources => self.resources,
            JobKind::ModifySystem => self.modify_system,
            JobKind::Start => self.start,
            JobKind::StateChange => self.state_change,
            JobKind::Save => self.save,
            JobKind::CreateDisk => self.create_disk,
            JobKind::ResizeDisk | JobKind::SetParentDisk | JobKind::ValidateDisk => self.change_disk,
            JobKind::CreateCheckpoint | JobKind::ApplyCheckpoint | JobKind::DestroyCheckpoint => self.checkpoint,
            JobKind::DefineSwitch | JobKind::DestroySwitch => self.switch,
            JobKind::GuestExchange => self.guest_exchange,
        }
    }
}
