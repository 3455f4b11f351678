//! XML as the protocol needs it: a bounded pull reader that knows namespaces, and a writer of text.
//!
//! Guarantees: one pass and no tree; no document type is read, no entity but XML's own five is expanded; depth, length and
//! the number of namespaces are bounded; what is written is escaped and holds no character that XML forbids.
//! Deliberately absent: any knowledge of envelopes.

pub mod names;
mod reader;
mod writer;

pub use reader::{Content, Limits, Piece, Reader, Tag, XmlError};
pub use writer::Writer;
