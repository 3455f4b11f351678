//! Standard output, and the question before something is done.
//!
//! Guarantees: a closed pipe ends the output quietly, and what cannot be written otherwise is remembered for the exit code; a question is
//! asked on a terminal only; what is printed while steps run stands above the moving line. Deliberately absent: colour codes (that is
//! `paint`), and who waits for whoever reads (that is `teller`).

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::LogFormat;
use crate::error::Failure;
use crate::fit;
use crate::logging;
use crate::paint::Paint;
use crate::teller::{Stream, Streams, Voice};

/// Where results go.
#[derive(Debug, Clone)]
pub struct Console {
    /// How words are painted.
    pub paint: Paint,
    /// The form of what is told while steps run.
    pub form: LogFormat,
    voice: Voice,
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

/// The streams of this process.
#[must_use]
pub fn streams(form: LogFormat) -> Streams {
    let moving = if moves(form) { ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{msg}") {
        moving.set_style(style);
    }
    let lost = match form {
        LogFormat::Text => |lines| logging::gap(LogFormat::Text, lines),
        LogFormat::Json => |lines| logging::gap(LogFormat::Json, lines),
    };
    Streams { out: Box::new(std::io::stdout()), err: Box::new(anstream::stderr()), moving, lost }
}

fn moves(form: LogFormat) -> bool {
    std::io::stderr().is_terminal() && form == LogFormat::Text
}

impl Console {
    /// Prints with this paint, by `voice`.
    #[must_use]
    pub fn new(paint: Paint, form: LogFormat, voice: Voice) -> Self {
        Self { paint, form, voice }
    }

    /// Writes text as it stands.
    pub fn print(&self, text: &str) {
        self.voice.tell(Stream::Out, text.as_bytes().to_owned());
    }

    /// Writes a line beside the result, on standard error.
    pub fn tell(&self, line: &str) {
        self.voice.tell(Stream::Err, format!("{line}\n").into_bytes());
    }

    /// Whether there is a moving line: on a terminal.
    #[must_use]
    pub fn moves(&self) -> bool {
        moves(self.form)
    }

    /// Has the moving line say something else; nothing is seen of it where there is none.
    pub fn moving(&self, says: String) {
        self.voice.moving(says);
    }

    /// Takes the moving line away.
    pub fn still(&self) {
        self.voice.still();
    }

    /// Gives what was told a bounded time to be written, before the process ends; there is no moving line any more.
    pub fn farewell(&self) {
        self.voice.farewell();
    }

    /// Whether something could not be written (a full disk, say), so that nobody takes half a result for a whole one.
    #[must_use]
    pub fn has_lost(&self) -> bool {
        self.voice.has_lost()
    }

    /// Writes a line.
    pub fn line(&self, text: &str) {
        self.voice.tell(Stream::Out, format!("{text}\n").into_bytes());
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
                self.tell(&text);
            }
        }
    }

    /// Says why a command cannot go on, or a part of it, in the same way.
    pub fn complain(&self, failure: &Failure) {
        match self.form {
            LogFormat::Json => failure.log(),
            LogFormat::Text => {
                let text = fit::hung(&failure.render(), self.columns_aside());
                self.tell(&text);
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
