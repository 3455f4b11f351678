//! XML as the protocol needs it: a bounded pull reader that knows namespaces, and a writer of text.
//!
//! Guarantees: one pass and no tree; no document type is read, no entity but XML's own five is expanded; depth, length and
//! the number of namespaces are bounded; what is written is escaped and holds no character that XML forbids.
//! Deliberately absent: any knowledge of envelopes.

mod error;
pub mod names;
mod reader;
mod scanner;
mod scope;
mod text;
mod writer;

pub use error::{Limits, XmlError};
pub use reader::{Content, Piece, Reader};
pub use scanner::Tag;
pub use writer::Writer;
