//! Hyper-V's and Windows's classes to `Observed`, and steps to method calls.
//!
//! `Host` is the whole of it: `observe` looks, `check` tells how a step stands, `perform` does it. Guarantees: looking changes
//! nothing; doing looks first. Deliberately absent: what to do (that is `plan`'s), when and how often (the engine's), bytes (`wsman`'s).

mod classes;
mod credential;
mod error;
mod events;
mod failure;
mod guid;
mod host;
pub mod image_check;
mod job;
mod observe;
mod operation;
mod pause;
mod peer;
mod perform;
pub mod probe;
mod refusal;
mod registry;
mod return_code;
mod row;
pub mod windows;
mod wql;

pub use credential::{Credential, CredentialError, Credentials};
pub use error::{ConnectError, ObserveError};
pub use events::{Source, WakeUps};
pub use failure::{Blocker, Failure, PerformError};
pub use host::{Host, HostContext, Lore};
pub use job::JobFailed;
pub use operation::{BootSource, BootSourceKind, DiskFile, DiskFormat, DiskKind, IdCheck, Operations, Summary};
pub use peer::TalkError;
pub use perform::Check;
pub use return_code::{Family, ReturnCode};
pub use row::Malformed;
