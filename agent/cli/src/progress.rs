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
        let text = event.what.to_string();
        let text = match &event.what {
            Happening::StepFailed { .. } | Happening::Stalled { .. } | Happening::Alert { .. } => self.paint.bad(text),
            Happening::Waiting { .. } | Happening::Retrying { .. } => self.paint.caution(text),
            Happening::Converged { .. } => self.paint.good(text),
            Happening::StepFound { .. } | Happening::StepDone { .. } => text,
            _ => self.paint.strong(text),
        };
        let time = if self.detail == Detail::Log { format!("{:.0} ", event.at) } else { String::new() };
        self.say(&format!("{} {text}", self.paint.faint(format!("{time}{}:", event.appliance))));
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
