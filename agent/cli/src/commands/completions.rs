//! `trunkline completions`: a script for a shell.

use clap::CommandFactory as _;

use crate::args::{Arguments, Completions};
use crate::console::Console;
use crate::error::Ending;

/// Prints the script.
pub fn run(args: &Completions, console: &Console) -> Ending {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "trunkline", &mut script);
    console.print(&String::from_utf8_lossy(&script));
    Ending::Done
}
