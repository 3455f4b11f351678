//! WQL, the query language of WMI: text in, syntax tree out.
//!
//! Guarantees: text, depth and number of terms are bounded; the parser never panics; every refusal names a byte position.
//! Covers `SELECT`, event queries (`WITHIN`), `ASSOCIATORS OF` and `REFERENCES OF`. Deliberately absent: evaluation (`query`),
//! aggregation (`GROUP BY`, `HAVING`), and schema queries (`meta_class`).

mod like;
mod parse;
mod statement;
mod token;

pub use like::Like;
pub use parse::parse;
pub use statement::{Columns, Comparison, Condition, Literal, Operand, Property, Query, Related, Select};
pub use token::{MAX_TEXT, WqlError};

#[cfg(test)]
mod tests;
