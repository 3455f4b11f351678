//! Log lines on standard error.
//!
//! Guarantees: nothing of ours is logged twice; the form and the filter are settings. Deliberately absent: results (those are printed).

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;
use crate::error::{Context as _, Failure};
use crate::settings::Settings;

/// Starts logging for the life of the process.
///
/// # Errors
/// When the filter has no meaning.
pub fn start(settings: &Settings) -> Result<(), Failure> {
    let text = settings.get("log").unwrap_or("warn");
    let filter: EnvFilter = text
        .parse()
        .context(format!("`{text}` is no log filter"))
        .map_err(|failure: Failure| failure.hint("use error, warn, info, debug or trace, or `engine=debug,wsman=info`"))?;
    // The engine's events are shown by `progress`, which knows the terminal; as JSON they are log lines like all others.
    let events = match settings.log_format()? {
        LogFormat::Json => "trunkline_engine::event=info",
        LogFormat::Text => "trunkline_engine::event=off",
    };
    let filter = filter.add_directive(events.parse().context("a filter of our own")?);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.log_format()? {
        LogFormat::Json => builder.json().init(),
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).init(),
    }
    Ok(())
}
