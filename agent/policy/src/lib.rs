//! Rego over what is wished and what is planned.
//!
//! A policy is a file of package `trunkline.<name>` with rules `deny` and `warn`: sets of texts, or of objects with `msg` and, if it
//! helps, `appliance` and `hint`. Guarantees: fails closed: a policy that is faulty, fails, or runs too long denies, and says so; none can
//! hang the agent (work is counted in instructions, so that the verdict does not depend on the machine); policies see the
//! documents that plans are printed from, and nothing else: no network, no clock (`input.now` is the clock), no files.
//! As in OPA, a builtin that cannot work (`abs("x")`) makes its condition not hold. Deliberately absent: bounds on memory. Policies come from the repository that commands the fleet anyway.

mod fault;
mod input;
mod limits;
mod policies;
mod room;
mod shipped;
mod trial;
mod verdict;

pub use input::{Input, InputError, Proposal};
pub use limits::Limits;
pub use policies::Policies;
pub use shipped::shipped;
pub use trial::{Trial, TrialError, try_out};
pub use verdict::{Verdict, Violation};
