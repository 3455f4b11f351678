//! The binary `trunkline`: reads the command line, wires the crates together, prints, and ends the process.
//!
//! Guarantees: the only crate that reads the environment, prints or decides an exit code. Results go to standard output, progress,
//! logs and errors to standard error. Deliberately absent: decisions about appliances.

mod access;
mod args;
mod bounded;
mod commands;
mod connect;
mod console;
mod credentials;
mod error;
mod findings;
mod fit;
mod fleet;
mod following;
mod logging;
mod paint;
mod policies;
mod progress;
mod runtime;
mod settings;
mod signals;
mod unseen;
mod wiring;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Arguments, Command};
use crate::console::Console;
use crate::error::{Ending, Failure};
use crate::settings::Settings;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(usage) => {
            // clap's own code for bad usage is 2, which `--detailed-exitcode` needs for itself.
            let code = u8::from(usage.use_stderr());
            let _ = usage.print();
            return ExitCode::from(code);
        }
    };
    match run(arguments) {
        Ok(ending) => ExitCode::from(ending.code()),
        Err(failure) => {
            anstream::eprintln!("{}", failure.render());
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<Ending, Failure> {
    settings::refuse_misspelt(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))?;
    let settings = Settings::load(&arguments.global, &environment)?;
    let is_dumb = environment("TERM").is_some_and(|terminal| terminal == "dumb");
    let no_color = is_dumb || environment("NO_COLOR").is_some_and(|value| !value.is_empty());
    let console = Console::new(paint::Paint::for_stdout(settings.color()?, no_color), settings.log_format()?);
    logging::start(&settings)?;
    let ended = dispatch(arguments.command, settings, &console).and_then(|ending| {
        let lost = || Failure::new("the result could not be written to standard output");
        if console.has_lost() { Err(lost()) } else { Ok(ending) }
    });
    Ok(ended.unwrap_or_else(|failure| {
        console.complain(&failure);
        Ending::Faulty
    }))
}

fn dispatch(command: Command, settings: Settings, console: &Console) -> Result<Ending, Failure> {
    match command {
        Command::Validate(args) => commands::validate::run(&args, settings, console),
        Command::Explain(args) => commands::explain::run(&args, &settings, console),
        Command::Plan(args) => commands::plan::run(&args, &settings, console),
        Command::Observe(args) => commands::observe::run(&args, &settings, console),
        Command::Apply(args) => commands::apply::run(&args, &settings, console),
        Command::Run => commands::run::run(&settings, console),
        Command::Status(args) => commands::status::run(&args, &settings, console),
        Command::Hold(args) => commands::hold::run(&args, &settings, console),
        Command::Host(command) => commands::host::run(&command, &settings, console),
        Command::Image(command) => commands::image::run(&command, &settings, console),
        Command::Simulate(args) => commands::simulate::run(&args, console),
        Command::Demo(args) => commands::demo::run(&args, console),
        Command::Schema(args) => commands::schema::run(&args, console),
        Command::Config(args) => Ok(commands::config::run(&args, &settings, console)),
        Command::Completions(args) => Ok(commands::completions::run(&args, console)),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one home of the environment")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
