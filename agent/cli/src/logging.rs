//! Log lines on standard error.
//!
//! Guarantees: nothing of ours is logged twice; the form and the filter are settings; with the form JSON, each line of standard error is a document. Deliberately absent: results (those are printed).

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
    // The engine's events are shown by `progress`, and what is told beside results by `console`, which know the terminal; as JSON they are
    // log lines like all others.
    let shown: &[&str] = match settings.log_format()? {
        LogFormat::Json => &["trunkline_engine::event=info", "trunkline::console=info", "trunkline::error=info"],
        LogFormat::Text => &["trunkline_engine::event=off"],
    };
    let mut filter = filter;
    for directive in shown {
        filter = filter.add_directive(directive.parse().context("a filter of our own")?);
    }
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.log_format()? {
        LogFormat::Json => builder.json().init(),
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).init(),
    }
    Ok(())
}
