//! `trunkline completions`: a script for a shell.

use clap::CommandFactory as _;

use crate::args::{Arguments, Completions};
use crate::error::Ending;

/// Prints the script.
pub fn run(args: &Completions) -> Ending {
    clap_complete::generate(args.shell, &mut Arguments::command(), "trunkline", &mut std::io::stdout());
    Ending::Done
}
