//! Colour, decided once.
//!
//! Guarantees: piped output and `NO_COLOR` get none; what is painted reads the same without paint.
//! Deliberately absent: anything that moves (that is `progress`).

use std::fmt::Display;
use std::io::IsTerminal as _;

use anstyle::{AnsiColor, Style};

use crate::args::When;

/// Paints words, or leaves them plain.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    on: Colour,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colour {
    On,
    Off,
}

impl Paint {
    /// Decides for standard output. `no_color`: somebody asked for none, as <https://no-color.org> has it, or the terminal has none.
    #[must_use]
    pub fn for_stdout(when: When, no_color: bool) -> Self {
        let on = match when {
            When::Always => true,
            When::Never => false,
            When::Auto => !no_color && std::io::stdout().is_terminal(),
        };
        Self { on: if on { Colour::On } else { Colour::Off } }
    }

    fn with(self, style: Style, text: impl Display) -> String {
        match self.on {
            Colour::On => format!("{}{text}{}", style.render(), style.render_reset()),
            Colour::Off => text.to_string(),
        }
    }

    /// What is well.
    #[must_use]
    pub fn good(self, text: impl Display) -> String {
        self.with(AnsiColor::Green.on_default(), text)
    }

    /// What waits, or wants attention.
    #[must_use]
    pub fn caution(self, text: impl Display) -> String {
        self.with(AnsiColor::Yellow.on_default(), text)
    }

    /// What is wrong.
    #[must_use]
    pub fn bad(self, text: impl Display) -> String {
        self.with(AnsiColor::Red.on_default().bold(), text)
    }

    /// A heading or a name.
    #[must_use]
    pub fn strong(self, text: impl Display) -> String {
        self.with(Style::new().bold(), text)
    }

    /// What can be passed over.
    #[must_use]
    pub fn faint(self, text: impl Display) -> String {
        self.with(Style::new().dimmed(), text)
    }
}
