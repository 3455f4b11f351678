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
pub mod xml;

pub use check::CheckError;
pub use client::{Access, Client, MethodOutput, Settings};
pub use error::{Disposition, Error};
pub use secret::Secret;
