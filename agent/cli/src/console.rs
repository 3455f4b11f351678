//! Standard output, and the question before something is done.
//!
//! Guarantees: a closed pipe ends the output quietly, and what cannot be written otherwise is remembered for the exit code; a question is asked on a terminal only; what is printed while steps run stands
//! above the moving line. Deliberately absent: colour codes (that is `paint`).

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::LogFormat;
use crate::error::Failure;
use crate::paint::Paint;

/// Where results go.
#[derive(Debug, Clone)]
pub struct Console {
    /// How words are painted.
    pub paint: Paint,
    /// The moving line on standard error; hidden unless that is a terminal.
    pub moving: ProgressBar,
    /// The form of what is told while steps run.
    pub form: LogFormat,
    lost: Arc<AtomicBool>,
}

/// What a person answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Yes,
    /// Do nothing.
    No,
}

impl Console {
    /// Standard output with this paint.
    #[must_use]
    pub fn new(paint: Paint, form: LogFormat) -> Self {
        let moving = if std::io::stderr().is_terminal() && form == LogFormat::Text {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            moving.set_style(style);
        }
        Self { paint, moving, form, lost: Arc::default() }
    }

    /// Writes text as it stands.
    pub fn print(&self, text: &str) {
        self.moving.suspend(|| {
            let mut out = std::io::stdout().lock();
            match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
                // A reader that has gone (`| head`) wants no more; there is nobody to tell.
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => self.lost.store(true, Ordering::Relaxed),
                Ok(()) | Err(_) => {}
            }
        });
    }

    /// Whether something could not be written (a full disk, say), so that nobody takes half a result for a whole one.
    #[must_use]
    pub fn has_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Writes a line.
    pub fn line(&self, text: &str) {
        self.print(&format!("{text}\n"));
    }

    /// Asks, on a terminal.
    ///
    /// # Errors
    /// When nobody is there to answer.
    pub fn ask(&self, question: &str) -> Result<Answer, Failure> {
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return Err(Failure::new("nobody is there to answer: standard input is no terminal").hint("give --yes to go on without asking"));
        }
        self.print(&format!("{question} Only `yes` is taken as yes: "));
        let mut answer = String::new();
        match stdin.read_line(&mut answer) {
            Ok(_) if answer.trim() == "yes" => Ok(Answer::Yes),
            _ => Ok(Answer::No),
        }
    }
}
