//! The commands, a file each.

pub mod apply;
pub mod completions;
pub mod config;
pub mod demo;
pub mod explain;
pub mod hold;
pub mod host;
pub mod image;
pub mod observe;
pub mod plan;
pub mod run;
pub mod schema;
pub mod simulate;
pub mod status;
pub mod validate;
