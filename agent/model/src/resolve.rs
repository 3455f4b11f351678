//! From documents to one [`Desired`](crate::desired::Desired) per appliance.
//!
//! The nearest statement of a value counts: Appliance, Site, Defaults (more labels first), Profile, built in. Guarantees: pure; the
//! same documents give an equal wish; derived names (VM, hardware address, disk, management address) depend on names only.
//! `explain` runs the same code with a trace, so what it says is what is done.

mod address;
mod closure;
mod derive;
mod hardware;
mod host;
mod library;
mod network;
mod role;
mod settings;
mod stack;
mod watch;

pub(crate) use address::{Fact, FactKey, Owner};
pub(crate) use closure::{Closure, Members, Resolved, instance_of, resolve, unknown_window};
pub(crate) use derive::{management_slot, management_slots};
pub use library::ParsedFile;
pub(crate) use library::{Head, Library, SHIPPED_PREFIX, compact};
pub(crate) use settings::{Inherited, SettingValues};
pub(crate) use stack::{DefaultsLayer, Trace, Traced};
