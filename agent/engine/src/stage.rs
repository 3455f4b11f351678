//! The stages of a pass, one file each. I/O happens in `observe`, `execute` and `report` only; what is between is pure.

pub(crate) mod decide;
pub(crate) mod execute;
pub(crate) mod observe;
pub(crate) mod report;
pub(crate) mod review;
