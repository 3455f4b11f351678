//! YAML text to a spanned tree, and nothing else.
//!
//! One parser for everything (granit-parser, the event layer beneath serde-saphyr), because two parsers disagree about duplicate
//! keys and about YAML 1.1. Guarantees: every node knows where it stands; all faults of a file are reported, not the first; bounded
//! size and depth; a file costs three allocations, whatever its length. Deliberately absent: aliases, merge keys and tags (each is
//! refused with a hint, since the origin of every value must be one place), and any meaning of the text.

mod parse;
mod tree;

pub use parse::{MAX_DEPTH, MAX_FILE_BYTES, parse};
pub use tree::{Kind, Node, NodeIndex, Span, Style, Tree};

use crate::diagnostic::Code;

/// A fault of the text itself; the file is known to whoever holds the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFault {
    /// Which rule is broken.
    pub code: Code,
    /// Where, in bytes of the file without its byte order mark.
    pub span: Span,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The other place that the fault is about, such as the first of two equal keys.
    pub related: Option<(Span, String)>,
}
