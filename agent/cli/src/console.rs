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
use crate::fit;
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

/// What is told beside the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aside {
    /// Good to know.
    Note,
    /// Somebody should read it.
    Caution,
}

/// What a person answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Yes,
    /// Do nothing.
    No,
}

fn columns_of(size: Option<(terminal_size::Width, terminal_size::Height)>, stream: &impl std::io::IsTerminal) -> usize {
    match size {
        Some((width, _)) if width.0 > 0 => usize::from(width.0),
        // A terminal that does not tell has 80.
        _ if stream.is_terminal() => 80,
        _ => usize::MAX,
    }
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

    /// Columns of standard output; a pipe takes lines of any length.
    #[must_use]
    pub fn columns(&self) -> usize {
        columns_of(terminal_size::terminal_size_of(std::io::stdout()), &std::io::stdout())
    }

    /// Columns of standard error.
    #[must_use]
    pub fn columns_aside(&self) -> usize {
        columns_of(terminal_size::terminal_size_of(std::io::stderr()), &std::io::stderr())
    }

    /// Tells something beside the result, on standard error: a line, or a document of its own where the log is JSON.
    pub fn aside(&self, aside: Aside, text: &str) {
        match (self.form, aside) {
            (LogFormat::Json, Aside::Note) => tracing::info!("{text}"),
            (LogFormat::Json, Aside::Caution) => tracing::warn!("{text}"),
            (LogFormat::Text, _) => {
                let text = fit::hung(text, self.columns_aside());
                let text = if aside == Aside::Note { self.paint.faint(text) } else { self.paint.caution(text) };
                self.moving.suspend(|| anstream::eprintln!("{text}"));
            }
        }
    }

    /// Says why a command cannot go on, or a part of it, in the same way.
    pub fn complain(&self, failure: &Failure) {
        match self.form {
            LogFormat::Json => failure.log(),
            LogFormat::Text => {
                let text = fit::hung(&failure.render(), self.columns_aside());
                self.moving.suspend(|| anstream::eprintln!("{text}"));
            }
        }
    }

    /// Says how far a command is that goes on until it is stopped: on standard output, which is the log's where that is JSON.
    pub fn milestone(&self, text: &str) {
        match self.form {
            LogFormat::Json => self.aside(Aside::Note, text),
            LogFormat::Text => self.line(&fit::hung(text, self.columns())),
        }
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
