//! What happens, shown while it happens: a line an event, and on a terminal a last line that says what runs now and for how long.
//!
//! Guarantees: piped, only whole lines appear, in a fixed form; on a terminal nothing is lost when the moving line is redrawn.
//! Deliberately absent: results (those are printed when the command ends).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engine::event::{Event, Happening};
use model::names::ApplianceName;
use model::units::Span;
use plan::step::StepId;
use tokio::sync::broadcast;
use tokio::time::Instant;

use crate::args::LogFormat;
use crate::console::{Aside, Console};
use crate::fit::{columns, shortened, wrapped};
use crate::paint::Paint;

/// With less room than this for what runs and what is next the moving line says only what runs.
const ROOM_FOR_NEXT: usize = 30;
const REDRAW: Duration = Duration::from_millis(200);
const FRAMES: [char; 4] = ['-', '\\', '|', '/'];

/// Shows events.
pub struct Progress {
    console: Console,
    paint: Paint,
    running: BTreeMap<(ApplianceName, StepId), Underway>,
    /// What begins next on each appliance, in the words of the plan.
    next: BTreeMap<ApplianceName, String>,
    columns: usize,
    detail: Detail,
    form: LogFormat,
    frame: usize,
}

struct Underway {
    says: String,
    since: Instant,
    expected: Span,
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
        let (running, next, columns) = (BTreeMap::new(), BTreeMap::new(), console.columns_aside());
        Self { console: console.clone(), paint: console.paint, running, next, columns, detail, form: console.form, frame: 0 }
    }

    /// Shows until the engine is gone.
    pub async fn follow(mut self, mut events: broadcast::Receiver<Arc<Event>>) {
        let mut redraw = tokio::time::interval(REDRAW);
        loop {
            tokio::select! {
                // Cancel-safe: a message that was not taken stays.
                event = events.recv() => match event {
                    Ok(event) => self.show(&event),
                    Err(broadcast::error::RecvError::Lagged(missed)) => {
                        self.console.aside(Aside::Note, &format!("({missed} events were too fast to show)"));
                    }
                    Err(broadcast::error::RecvError::Closed) => break,
                },
                // Cancel-safe: a timer.
                _ = redraw.tick() => {
                    self.columns = self.console.columns_aside();
                    self.redraw();
                }
            }
        }
        self.console.still();
    }

    fn show(&mut self, event: &Event) {
        let mut text = event.what.to_string();
        match &event.what {
            Happening::StepStarted { step, says, expected, next } => {
                let underway = Underway { says: says.clone(), since: Instant::now(), expected: *expected };
                self.running.insert((event.appliance.clone(), step.clone()), underway);
                match next {
                    Some(next) => self.next.insert(event.appliance.clone(), next.clone()),
                    None => self.next.remove(&event.appliance),
                };
                return;
            }
            Happening::StepDone { step, .. } | Happening::StepFound { step } | Happening::StepFailed { step, .. } => {
                let ended = self.running.remove(&(event.appliance.clone(), step.clone()));
                if self.detail == Detail::Turns && !matches!(event.what, Happening::StepFailed { .. }) {
                    return;
                }
                // People read what the plan says of a step; its name is the log's and the journal's.
                if let (Some(ended), Some(rest)) = (ended, text.strip_prefix(step.as_str())) {
                    text = format!("{}{rest}", ended.says);
                }
            }
            // A step that only looked may have been dropped without a word.
            Happening::Converged { .. } | Happening::Stalled { .. } | Happening::Waiting { .. } | Happening::Retrying { .. } => {
                self.running.retain(|(appliance, _), _| *appliance != event.appliance);
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
        let lines = wrapped(&text, self.columns.saturating_sub(lead.len() + 1));
        let text: Vec<_> = lines.iter().map(|line| paint(line)).collect();
        self.console.tell(&format!("{} {}", self.paint.faint(&lead), text.join(&format!("\n{:1$}", "", lead.len() + 1))));
    }

    fn redraw(&mut self) {
        if !self.console.moves() {
            return;
        }
        let now = Instant::now();
        let first = self.running.iter().min_by_key(|(_, underway)| underway.since);
        let Some(((appliance, _), underway)) = first else { return self.console.moving(String::new()) };
        self.frame = (self.frame + 1) % FRAMES.len();
        let row = Row {
            appliance: appliance.as_str(),
            says: &underway.says,
            took: Span::from_secs((now - underway.since).as_secs()),
            expected: underway.expected,
            next: self.next.get(appliance).map(String::as_str),
            more: self.running.len() - 1,
        };
        // The last column stays free: some terminals go on in the next row once it is written.
        let room = self.columns.saturating_sub("- ".len() + 1);
        self.console.moving(format!("{} {}", FRAMES[self.frame], row.within(room)));
    }
}

/// What the moving line says.
struct Row<'r> {
    appliance: &'r str,
    says: &'r str,
    took: Span,
    expected: Span,
    next: Option<&'r str>,
    /// How many other steps run.
    more: usize,
}

impl Row<'_> {
    /// All of it in so many columns; what runs and what is next share what the rest leaves.
    fn within(&self, most: usize) -> String {
        let appliance = shortened(self.appliance, most / 4);
        let tail = format!(", {} of ~{}", self.took, self.expected);
        let more = if self.more > 0 { format!("; +{} more", self.more) } else { String::new() };
        let room = most.saturating_sub(columns(&appliance) + 1 + tail.len() + more.len());
        let next = self.next.map(|next| format!("; next {next}")).filter(|_| room >= ROOM_FOR_NEXT).unwrap_or_default();
        let says = shortened(self.says, room - columns(&next).min(room / 2));
        let next = shortened(&next, room - columns(&says));
        shortened(&format!("{appliance} {says}{tail}{next}{more}"), most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row<'static> {
        let (says, next) = ("mediation: make the disk sea1-mediation-system.vhdx", "mediation: make the VM sea1-ms.2.1");
        let (took, expected) = (Span::from_secs(12), Span::from_secs(70));
        Row { appliance: "sea-1", says, took, expected, next: Some(next), more: 2 }
    }

    #[test]
    fn the_moving_line_says_in_one_row_what_runs_how_long_and_what_is_next() {
        let short = Row { says: "ad: start the VM", next: Some("ad: hold NTDS"), ..row() };
        assert_eq!(short.within(77), "sea-1 ad: start the VM, 12s of ~1m 10s; next ad: hold NTDS; +2 more");
        assert_eq!(Row { next: None, more: 0, ..short }.within(77), "sea-1 ad: start the VM, 12s of ~1m 10s");
        assert_eq!(row().within(77), "sea-1 mediation:...ystem.vhdx, 12s of ~1m 10s; next med...ea1-ms.2.1; +2 more");
    }

    #[test]
    fn the_moving_line_never_takes_a_second_row() {
        let wide = "\u{96fb}\u{8a71}: \u{4ea4}\u{63db}\u{6a5f}\n".repeat(9);
        for most in 0..200 {
            for says in [row().says, &wide] {
                let text = Row { appliance: "an-appliance-of-a-name-that-goes-on-and-on", says, next: Some(says), ..row() }.within(most);
                assert!(columns(&text) <= most && !text.contains('\n'), "{most}: {text}");
            }
        }
    }
}
