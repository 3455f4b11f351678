//! WS-Management and CIM: envelopes, values, operations, faults, authentication, `Connect`, `Clock`.
//!
//! Guarantees: a value that was decoded keeps every property that the peer sent; the client refuses only what it sends.
//! Deliberately absent: any knowledge of virtual machines, services or Trunkline's own documents.

pub mod cim;
pub mod clock;
pub mod envelope;
pub mod fault;
pub mod resource;
pub mod schema;
pub mod xml;
