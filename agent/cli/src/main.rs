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
mod panics;
mod policies;
mod progress;
mod runtime;
mod settings;
mod signals;
mod teller;
mod unseen;
mod wiring;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Arguments, Command, Simulate};
use crate::console::Console;
use crate::error::{Context as _, Ending, Failure};
use crate::settings::Settings;
use crate::teller::{Manner, Teller};

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
            // Whoever cannot be told still gets the exit code.
            let _ = writeln!(anstream::stderr(), "{}", failure.render());
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<Ending, Failure> {
    settings::refuse_misspelt(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))?;
    let settings = Settings::load(&arguments.global, &environment)?;
    let is_dumb = environment("TERM").is_some_and(|terminal| terminal == "dumb");
    let no_color = is_dumb || environment("NO_COLOR").is_some_and(|value| !value.is_empty());
    let (form, paint) = (settings.log_format()?, paint::Paint::for_stdout(settings.color()?, no_color));
    let teller = Teller::start(manner(&arguments.command), console::streams(form)).context("cannot start")?;
    let console = Console::new(paint, form, teller.voice());
    logging::start(&settings, teller.voice())?;
    panics::tell(teller.voice(), form);
    let ended = dispatch(arguments.command, settings, &console).and_then(|ending| {
        // A command that stays has not waited for what it printed.
        console.farewell();
        let lost = || Failure::new("the result could not be written to standard output");
        if console.has_lost() { Err(lost()) } else { Ok(ending) }
    });
    Ok(ended.unwrap_or_else(|failure| {
        console.complain(&failure);
        Ending::Faulty
    }))
}

/// For whom it waits while it tells.
fn manner(command: &Command) -> Manner {
    match command {
        Command::Run | Command::Demo(_) | Command::Simulate(Simulate { control: None, .. }) => Manner::Stays,
        Command::Apply(_) | Command::Image(_) => Manner::Acts,
        Command::Validate(_)
        | Command::Explain(_)
        | Command::Plan(_)
        | Command::Observe(_)
        | Command::Status(_)
        | Command::Hold(_)
        | Command::Host(_)
        | Command::Simulate(_)
        | Command::Schema(_)
        | Command::Config(_)
        | Command::Completions(_) => Manner::Answers,
    }
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
