//! XML as the protocol needs it: a bounded pull reader that knows namespaces, and a writer of text.
//!
//! Guarantees: one pass and no tree; no document type is read, no entity but XML's own five is expanded; depth, length and
//! the number of namespaces are bounded; what is read holds no character that XML forbids, and no more does what is written, which is escaped.
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
pub(crate) use scanner::Leaf;
pub use scanner::Tag;
pub(crate) use scanner::is_name;
pub use writer::Writer;
