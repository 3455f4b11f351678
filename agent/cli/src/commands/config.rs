//! `trunkline config show`: every setting in force, and why.

use crate::args::{Config, ConfigCommand};
use crate::console::Console;
use crate::error::Ending;
use crate::settings::{Settings, masked};

/// Prints `key: value`, a line each, in the form of the settings file.
pub fn run(args: &Config, settings: &Settings, console: &Console) -> Ending {
    let ConfigCommand::Show { origin } = args.command;
    for setting in settings.entries() {
        let value = masked(setting.value.as_deref().unwrap_or(""));
        let line = format!("{}: {value}", setting.key);
        if origin {
            console.line(&format!("{line:<48} {}", console.paint.faint(format!("# {}", setting.origin))));
        } else {
            console.line(line.trim_end());
        }
    }
    Ending::Done
}
