//! WS-Management and CIM: envelopes, values, operations, faults, authentication, `Connect`, `Clock`.
//!
//! Guarantees: a value that was decoded keeps every property that the peer sent; the client refuses only what it sends.
//! Deliberately absent: any knowledge of virtual machines, services or Trunkline's own documents.

pub mod auth;
mod check;
pub mod cim;
mod client;
pub mod clock;
pub mod connect;
pub mod envelope;
mod error;
pub mod fault;
mod http;
pub mod resource;
pub mod schema;
mod secret;
pub mod tls;
pub mod trace;
pub mod xml;

pub use check::{CheckError, unverified};
pub use client::{Access, Client, MethodOutput, Selection, Settings, Spelling};
pub use error::{Disposition, Error};
pub use secret::Secret;

/// Remote shells, and commands that outlive them.
pub mod shell {
    pub use crate::client::{
        CodePage, Detached, Finished, Input, Output, Program, ProgramError, Progress, Received, RunId, RunIdError, Running, Shell,
        ShellSettings, Signal,
    };
}

/// Events of WMI and of event logs.
pub mod event {
    pub use crate::client::{Bookmarks, Event, EventQuery, LogEvent, SubscribeSettings, Subscription};
}
