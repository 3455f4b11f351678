//! `trunkline image`: role images.

mod check;

use crate::args::ImageCommand;
use crate::console::Console;
use crate::error::{Ending, Failure};
use crate::settings::Settings;

/// Runs a command about role images.
///
/// # Errors
/// As that command says.
pub fn run(command: &ImageCommand, settings: &Settings, console: &Console) -> Result<Ending, Failure> {
    match command {
        ImageCommand::Check(args) => check::run(args, settings, console),
    }
}
