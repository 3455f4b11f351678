//! What a command says when it cannot go on.
//!
//! Guarantees: the chain of causes is printed once, outermost first; a hint tells what to do next.
//! Deliberately absent: a variant per failure (the libraries have those).

use std::error::Error;
use std::fmt::Write as _;

/// A failed command.
#[derive(Debug)]
pub struct Failure {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
    hint: Option<String>,
}

impl Failure {
    /// A failure with no deeper cause.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None, hint: None }
    }

    /// A failure with its cause.
    pub fn because(message: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { message: message.into(), source: Some(source.into()), hint: None }
    }

    /// The same with what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says it in the log, for one that is read by programs.
    pub fn log(&self) {
        let causes: Option<String> = self.source.as_deref().map(|source| model::cause::chain(source));
        tracing::error!(cause = causes, hint = self.hint, "{}", self.message);
    }

    /// The text for standard error: `error:`, causes, `hint:`.
    #[must_use]
    pub fn render(&self) -> String {
        format!("error: {}", self.words())
    }

    /// The same for a place inside another text: the message, causes, `hint:`.
    #[must_use]
    pub fn words(&self) -> String {
        let mut text = self.message.clone();
        let mut cause: Option<&(dyn Error + 'static)> = self.source.as_deref().map(|source| source as _);
        while let Some(error) = cause {
            let _ = write!(text, "\n  cause: {error}");
            cause = error.source();
        }
        if let Some(hint) = &self.hint {
            let _ = write!(text, "\nhint: {hint}");
        }
        text
    }
}

/// Gives a library's error its place in the command's work.
pub trait Context<T> {
    /// Says what was being done.
    ///
    /// # Errors
    /// The original error as the cause.
    fn context(self, message: impl Into<String>) -> Result<T, Failure>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> Context<T> for Result<T, E> {
    fn context(self, message: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|source| Failure::because(message, source))
    }
}

/// How a command ended, when it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All done.
    Done,
    /// Changes are due (`--detailed-exitcode`).
    ChangesDue,
    /// Faults were found and printed.
    Faulty,
    /// Something waits or stalls; not all could be done now.
    Unfinished,
}

impl Ending {
    /// The exit code that the help documents.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Faulty => 1,
            Self::ChangesDue => 2,
            Self::Unfinished => 3,
        }
    }
}
