//! `trunkline host`: the first hour on a machine.

mod prepare;
mod probe;

use crate::args::HostCommand;
use crate::console::Console;
use crate::error::{Ending, Failure};
use crate::settings::Settings;

/// Runs a command about one machine.
///
/// # Errors
/// As that command says.
pub fn run(command: &HostCommand, settings: &Settings, console: &Console) -> Result<Ending, Failure> {
    match command {
        HostCommand::Probe(args) => probe::run(args, settings, console),
        HostCommand::Prepare(args) => prepare::run(args, console),
    }
}
