//! `trunkline demo`: a fresh repository, two bare simulated hosts, and everything that happens between them, over real sockets.
//!
//! Guarantees: what runs is what `simulate` and `run` run; nothing outside the demo's directory and the loopback interface is touched.

mod stage;
mod tour;

use crate::args::Demo;
use crate::console::Console;
use crate::error::{Ending, Failure};
use crate::runtime::block_on;

/// Runs the tour; without `--once` stays up until a signal comes.
///
/// # Errors
/// When the stage cannot be set, or a scene does not end as it should.
pub fn run(args: &Demo, console: &Console) -> Result<Ending, Failure> {
    block_on(tour::run(args, console))
}
