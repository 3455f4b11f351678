//! What happens, shown while it happens: a line an event, and on a terminal a last line that says what runs now and for how long.
//!
//! Guarantees: piped, only whole lines appear, in a fixed form; on a terminal nothing is lost when the moving line is redrawn.
//! Deliberately absent: results (those are printed when the command ends).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engine::event::{Event, Happening};
use indicatif::ProgressBar;
use model::names::ApplianceName;
use plan::step::StepId;
use tokio::sync::broadcast;
use tokio::time::Instant;

use crate::args::LogFormat;
use crate::console::Console;
use crate::paint::Paint;

/// How many running steps the moving line names.
const SHOWN: usize = 2;
const REDRAW: Duration = Duration::from_millis(200);
const FRAMES: [char; 4] = ['-', '\\', '|', '/'];

/// Shows events.
pub struct Progress {
    paint: Paint,
    moving: ProgressBar,
    running: BTreeMap<(ApplianceName, StepId), (Instant, u64)>,
    detail: Detail,
    form: LogFormat,
    frame: usize,
}

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// A line for each step.
    Steps,
    /// The same with the time before it, for a service's log.
    Log,
    /// A line when something changes for the appliance.
    Turns,
}

impl Progress {
    /// Shows on the console's standard error.
    #[must_use]
    pub fn new(console: &Console, detail: Detail) -> Self {
        Self { paint: console.paint, moving: console.moving.clone(), running: BTreeMap::new(), detail, form: console.form, frame: 0 }
    }

    /// Shows until the engine is gone.
    pub async fn follow(mut self, mut events: broadcast::Receiver<Arc<Event>>) {
        let mut redraw = tokio::time::interval(REDRAW);
        loop {
            tokio::select! {
                // Cancel-safe: a message that was not taken stays.
                event = events.recv() => match event {
                    Ok(event) => self.show(&event),
                    Err(broadcast::error::RecvError::Lagged(missed)) => self.say(&format!("({missed} events were too fast to show)")),
                    Err(broadcast::error::RecvError::Closed) => break,
                },
                // Cancel-safe: a timer.
                _ = redraw.tick() => self.redraw(),
            }
        }
        self.moving.finish_and_clear();
    }

    fn say(&self, line: &str) {
        self.moving.suspend(|| anstream::eprintln!("{line}"));
    }

    fn show(&mut self, event: &Event) {
        let key = |step: &StepId| (event.appliance.clone(), step.clone());
        match &event.what {
            Happening::StepStarted { step, expected } => {
                self.running.insert(key(step), (Instant::now(), expected.secs()));
                return;
            }
            Happening::StepDone { step, .. } | Happening::StepFound { step } => {
                self.running.remove(&key(step));
                if self.detail == Detail::Turns {
                    return;
                }
            }
            Happening::StepFailed { step, .. } => {
                self.running.remove(&key(step));
            }
            _ => {}
        }
        if self.form == LogFormat::Json {
            return;
        }
        let time = if self.detail == Detail::Log { format!("{:.0} ", event.at) } else { String::new() };
        let lead = format!("{time}{}:", event.appliance);
        let paint = |text: &str| match &event.what {
            Happening::StepFailed { .. } | Happening::Stalled { .. } | Happening::Alert { .. } => self.paint.bad(text),
            Happening::Waiting { .. } | Happening::Retrying { .. } => self.paint.caution(text),
            Happening::Converged { .. } => self.paint.good(text),
            Happening::StepFound { .. } | Happening::StepDone { .. } => text.to_owned(),
            _ => self.paint.strong(text),
        };
        let lines = wrapped(&event.what.to_string(), self.width().saturating_sub(lead.len() + 1));
        let text: Vec<_> = lines.iter().map(|line| paint(line)).collect();
        self.say(&format!("{} {}", self.paint.faint(&lead), text.join(&format!("\n{:1$}", "", lead.len() + 1))));
    }

    /// Columns to fill; a pipe takes lines of any length.
    fn width(&self) -> usize {
        if self.moving.is_hidden() { usize::MAX } else { usize::from(console_width()) }
    }

    fn redraw(&mut self) {
        if self.moving.is_hidden() {
            return;
        }
        if self.running.is_empty() {
            self.moving.set_message("");
            return;
        }
        let now = Instant::now();
        let mut parts: Vec<String> = self
            .running
            .iter()
            .take(SHOWN)
            .map(|((appliance, step), (since, expected))| {
                format!("{appliance} {step} {} s of about {expected} s", (now - *since).as_secs())
            })
            .collect();
        if self.running.len() > SHOWN {
            parts.push(format!("and {} more", self.running.len() - SHOWN));
        }
        self.frame = (self.frame + 1) % FRAMES.len();
        self.moving.set_message(format!("{} {}", FRAMES[self.frame], parts.join(", ")));
    }
}

fn console_width() -> u16 {
    // The terminal tells clap too; 80 when it does not.
    terminal_size::terminal_size_of(std::io::stderr()).map_or(80, |(width, _)| width.0)
}

/// Breaks a sentence between words, so that a terminal does not break it inside one.
#[must_use]
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && line + 1 + word.chars().count() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn a_sentence_breaks_between_words_and_loses_none() {
        assert_eq!(wrapped("all must stay well before calls return", 16), ["all must stay", "well before", "calls return"]);
        assert_eq!(wrapped("unbreakable-and-long word", 5), ["unbreakable-and-long", "word"]);
        assert_eq!(wrapped("", 5), [""]);
    }
}
