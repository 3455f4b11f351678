//! Log lines on standard error.
//!
//! Guarantees: nothing of ours is logged twice; a log that cannot be written, or is not read, ends and stops nothing (`teller`); the form
//! and the filter are settings; with the form JSON, each line of standard error is a document. Deliberately absent: results (those are
//! printed).

use std::io::IsTerminal as _;

use serde_json::json;
use tracing::Level;
use tracing_subscriber::EnvFilter;
use wsman::clock::{Clock as _, SystemClock};

use crate::args::LogFormat;
use crate::error::{Context as _, Failure};
use crate::settings::Settings;
use crate::teller::Voice;

/// Starts logging by `voice` for the life of the process.
///
/// # Errors
/// When the filter has no meaning.
pub fn start(settings: &Settings, voice: Voice) -> Result<(), Failure> {
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
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || voice.clone()).log_internal_errors(false);
    match settings.log_format()? {
        LogFormat::Json => builder.json().init(),
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).init(),
    }
    Ok(())
}

/// A line of the log, without its end, for who must not go through `tracing`: there is no other way to tell what became of the log itself.
#[must_use]
pub fn line(form: LogFormat, level: Level, says: &str) -> String {
    match form {
        LogFormat::Text => format!("{}: {says}", if level == Level::ERROR { "error" } else { "warning" }),
        LogFormat::Json => {
            let fields = json!({ "message": says });
            let line = json!({ "timestamp": SystemClock.now(), "level": level.as_str(), "fields": fields, "target": "trunkline::logging" });
            line.to_string()
        }
    }
}

/// The line that stands where `lines` are missing.
#[must_use]
pub fn gap(form: LogFormat, lines: u64) -> String {
    let were = if lines == 1 { "1 line was" } else { &format!("{lines} lines were") };
    line(form, Level::WARN, &format!("{were} lost: nobody read, or there was no room to write"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_lines_are_missing_stands_one_in_the_form_of_the_others() {
        assert_eq!(gap(LogFormat::Text, 1), "warning: 1 line was lost: nobody read, or there was no room to write");
        let mut document: serde_json::Value = serde_json::from_str(&gap(LogFormat::Json, 12)).unwrap();
        let at = document["timestamp"].take();
        assert!(at.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{at}");
        let fields = json!({ "message": "12 lines were lost: nobody read, or there was no room to write" });
        assert_eq!(document, json!({ "timestamp": null, "level": "WARN", "fields": fields, "target": "trunkline::logging" }));
    }
}
