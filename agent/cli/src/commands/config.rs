//! `trunkline config show`: every setting in force, and why, or by what else it is set.

use crate::args::{Config, ConfigCommand};
use crate::console::Console;
use crate::error::Ending;
use crate::settings::{Origin, Settings, masked};

/// Prints `key: value`, a line each, in the form of the settings file.
pub fn run(args: &Config, settings: &Settings, console: &Console) -> Ending {
    let ConfigCommand::Show { origin } = args.command;
    for setting in settings.entries() {
        let value = masked(setting.value.as_deref().unwrap_or(""));
        let line = format!("{}: {value}", setting.key);
        let names = format!("--{}, {}", setting.flag, setting.environment);
        let says = match (origin, &setting.origin) {
            (false, _) => names,
            (true, Origin::Default) => format!("default; {names}"),
            (true, origin) => origin.to_string(),
        };
        console.line(&format!("{line:<48} {}", console.paint.faint(format!("# {says}"))));
    }
    Ending::Done
}
