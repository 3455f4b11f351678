//! The stages of a pass, one file each. I/O happens in `observe`, `execute` and `report` only; the three between are pure.

pub(crate) mod execute;
pub(crate) mod gate;
pub(crate) mod observe;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod review;
