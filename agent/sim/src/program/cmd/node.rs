//! What a command line says, taken apart.

use serde::{Deserialize, Serialize};

/// A part of a command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Node {
    /// One command, as typed.
    Simple { text: String, redirections: Vec<Redirection> },
    /// `(…)`.
    Group { inner: Box<Node>, redirections: Vec<Redirection> },
    /// `a & b`.
    Both(Box<Node>, Box<Node>),
    /// `a && b`.
    And(Box<Node>, Box<Node>),
    /// `a || b`.
    Or(Box<Node>, Box<Node>),
    /// `a | b`.
    Pipe(Box<Node>, Box<Node>),
    /// `if …`.
    If { condition: Condition, then: Box<Node>, otherwise: Option<Box<Node>> },
    /// Nothing.
    Empty,
}

/// What stands behind `if`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Condition {
    /// `not`.
    pub(crate) negated: bool,
    /// `/i`.
    pub(crate) any_case: bool,
    pub(crate) test: Test,
}

/// What is tested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Test {
    Exist(String),
    Defined(String),
    ErrorLevel(i32),
    /// Two texts and the operator between them, `==` or `EQU` and its kind.
    Compare(String, String, String),
}

/// One redirection, in the order in which they were written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Redirection {
    /// 0 input, 1 output, 2 errors.
    pub(crate) stream: u8,
    pub(crate) to: Target,
}

/// Where a stream is led.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Target {
    /// `> file`
    Write(String),
    /// `>> file`
    Append(String),
    /// `< file`
    Read(String),
    /// `>&1`
    Same(u8),
}
