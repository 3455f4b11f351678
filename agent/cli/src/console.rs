//! Standard output, and the question before something is done.
//!
//! Guarantees: a closed pipe ends the output quietly; a question is asked on a terminal only. Deliberately absent: colour codes
//! (that is `paint`).

use std::io::{IsTerminal as _, Write as _};

use crate::error::Failure;
use crate::paint::Paint;

/// Where results go.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    /// How words are painted.
    pub paint: Paint,
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
    pub fn new(paint: Paint) -> Self {
        Self { paint }
    }

    /// Writes text as it stands.
    pub fn print(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        // A reader that has gone (`| head`) wants no more; there is nobody to tell.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
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
