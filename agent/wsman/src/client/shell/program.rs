//! A program and its arguments, and the one text that Windows takes for them.
//!
//! Windows has no list of arguments: a program takes its line apart itself, by the rules of the C runtime, after `cmd` has read the line
//! by rules of its own (a shell always puts `cmd /c` before it: MS-WSMV <117>). So an argument is first quoted for the program; then every
//! character that means something to `cmd`, the quotes among them, gets a caret, which also keeps `%NAME%` from being a variable:
//! `cmd` looks for one that is named `NAME^`.
//! Guarantees: the program gets exactly the arguments that were given, or nothing is run. Deliberately absent: batch files (they read
//! their arguments a second time), and what `cmd` cannot carry at all: line ends and NUL.

use std::fmt;

use crate::secret::Secret;

/// The longest line that `cmd` reads, in UTF-16 units.
const LONGEST: usize = 8191;

/// A program with its arguments.
#[derive(Clone, PartialEq, Eq)]
pub struct Program {
    name: String,
    arguments: Vec<Argument>,
}

#[derive(Clone, PartialEq, Eq)]
enum Argument {
    Plain(String),
    Secret(Secret),
}

/// A program or an argument that no command line can carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// Quotes, `%`, line ends and the like in the name of a program.
    #[error("`{0}` cannot be the name of a program on Windows")]
    Name(String),
    /// A batch file reads its arguments a second time, and may run them.
    #[error("`{0}` is a batch file, to which arguments cannot be given safely")]
    Batch(String),
    /// A line end or NUL in an argument. The argument itself is not shown: it may be a password.
    #[error("an argument of `{program}` holds a line end or NUL, which no command line carries")]
    Argument {
        /// The program.
        program: String,
    },
    /// More than `cmd` reads.
    #[error("the command line of `{program}` has {length} characters, more than the {LONGEST} that cmd reads")]
    TooLong {
        /// The program.
        program: String,
        /// Its length in UTF-16 units.
        length: usize,
    },
}

impl Program {
    /// The program `name`: a path, or a name that is found in `PATH`.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), arguments: vec![] }
    }

    /// The same with one more argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(Argument::Plain(argument.into()));
        self
    }

    /// The same with one more argument that no trace shows. The process list of the host shows it while the program runs.
    #[must_use]
    pub fn secret(mut self, argument: Secret) -> Self {
        self.arguments.push(Argument::Secret(argument));
        self
    }

    /// The program's name, as it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The arguments that nobody is to see.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.arguments.iter().filter_map(|argument| match argument {
            Argument::Secret(secret) => Some(secret),
            Argument::Plain(_) => None,
        })
    }

    /// The line for `cmd`.
    ///
    /// # Errors
    /// `ProgramError`: nothing else would reach the program as it was given.
    pub fn command_line(&self) -> Result<String, ProgramError> {
        let mut line = name(&self.name)?;
        for argument in &self.arguments {
            let text = match argument {
                Argument::Plain(text) => text,
                Argument::Secret(secret) => secret.reveal(),
            };
            if text.contains(['\r', '\n', '\0']) {
                return Err(ProgramError::Argument { program: self.name.clone() });
            }
            line.push(' ');
            line.push_str(&quoted(text));
        }
        let length = line.encode_utf16().count();
        if length > LONGEST {
            return Err(ProgramError::TooLong { program: self.name.clone(), length });
        }
        Ok(line)
    }
}

/// The name of the program, in plain quotes where it needs any: `cmd` finds it before it looks at carets.
fn name(text: &str) -> Result<String, ProgramError> {
    let forbidden = |c: char| c.is_control() || matches!(c, '"' | '%' | '<' | '>' | '|' | '*' | '?');
    if text.trim().is_empty() || text.contains(forbidden) {
        return Err(ProgramError::Name(text.to_owned()));
    }
    let extension = text.rsplit_once('.').map(|(_, e)| e.trim_end().to_ascii_lowercase());
    if matches!(extension.as_deref(), Some("bat" | "cmd")) {
        return Err(ProgramError::Batch(text.to_owned()));
    }
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '\\' | '/' | ':' | '.' | '-' | '_' | '~');
    Ok(if text.chars().all(is_plain) { text.to_owned() } else { format!("\"{text}\"") })
}

/// An argument as it stands in a line for `cmd`.
pub(crate) fn quoted(text: &str) -> String {
    for_cmd(&for_program(text))
}

/// Quotes an argument so that the C runtime takes it apart again: backslashes count only before a quote.
fn for_program(text: &str) -> String {
    if !text.is_empty() && !text.contains([' ', '\t', '"', '\u{b}']) {
        return text.to_owned();
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    let mut backslashes = 0;
    for c in text.chars() {
        match c {
            '\\' => backslashes += 1,
            '"' => {
                quoted.extend(std::iter::repeat_n('\\', backslashes + 1));
                backslashes = 0;
            }
            _ => backslashes = 0,
        }
        quoted.push(c);
    }
    quoted.extend(std::iter::repeat_n('\\', backslashes));
    quoted.push('"');
    quoted
}

/// Puts a caret before everything that means something to `cmd` outside of quotes; no quote opens, so all of it stands outside.
fn for_cmd(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '(' | ')' | '%' | '!' | '^' | '"' | '<' | '>' | '&' | '|') {
            escaped.push('^');
        }
        escaped.push(c);
    }
    escaped
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_tuple("Program");
        list.field(&self.name);
        for argument in &self.arguments {
            match argument {
                Argument::Plain(text) => list.field(text),
                Argument::Secret(secret) => list.field(secret),
            };
        }
        list.finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How `cmd` reads a line that holds no variables of the names that occur: carets fall away outside of quotes; an operator that stands
    /// outside of quotes without a caret would end the command.
    fn cmd_reads(line: &str) -> Result<String, String> {
        let (mut read, mut quoted, mut chars) = (String::new(), false, line.chars());
        while let Some(c) = chars.next() {
            match c {
                '^' if !quoted => read.extend(chars.next()),
                '"' => {
                    quoted = !quoted;
                    read.push(c);
                }
                '&' | '|' | '<' | '>' | '(' | ')' if !quoted => return Err(format!("`{c}` is an operator")),
                _ => read.push(c),
            }
        }
        Ok(read)
    }

    /// How the C runtime takes a line apart ("Parsing C command-line arguments"), the program's name being its first part.
    fn program_reads(line: &str) -> Vec<String> {
        let (mut all, mut now, mut quoted, mut any, mut backslashes) = (vec![], String::new(), false, false, 0);
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            if c == '\\' {
                backslashes += 1;
                continue;
            }
            if c == '"' {
                now.extend(std::iter::repeat_n('\\', backslashes / 2));
                if backslashes % 2 == 1 {
                    now.push('"');
                } else if quoted && chars.peek() == Some(&'"') {
                    chars.next();
                    now.push('"');
                } else {
                    quoted = !quoted;
                }
                (backslashes, any) = (0, true);
                continue;
            }
            now.extend(std::iter::repeat_n('\\', backslashes));
            any |= backslashes > 0;
            backslashes = 0;
            if matches!(c, ' ' | '\t') && !quoted {
                if any {
                    all.push(std::mem::take(&mut now));
                }
                any = false;
            } else {
                now.push(c);
                any = true;
            }
        }
        now.extend(std::iter::repeat_n('\\', backslashes));
        if any || backslashes > 0 {
            all.push(now);
        }
        all
    }

    #[test]
    fn arguments_are_written_as_people_would_write_them_with_great_care() {
        let program = Program::new(r"C:\Program Files\Contoso\setup.exe").arg("/q").arg(r"C:\a dir\").arg(r#"say "50%" & run"#).arg("");
        let line = program.command_line().expect("a line");
        assert_eq!(line, r#""C:\Program Files\Contoso\setup.exe" /q ^"C:\a dir\\^" ^"say \^"50^%\^" ^& run^" ^"^""#);
    }

    #[test]
    fn what_no_command_line_carries_is_refused_without_showing_it() {
        let secret = Program::new("x.exe").secret(Secret::new("pass\nword"));
        let error = secret.command_line().expect_err("a line end");
        assert_eq!(error, ProgramError::Argument { program: "x.exe".to_owned() });
        assert!(!format!("{error} {secret:?}").contains("pass\nword"));
        for name in ["", " ", "a\"b", "%TEMP%\\x.exe", "a|b", "a\nb"] {
            assert_eq!(Program::new(name).command_line(), Err(ProgramError::Name(name.to_owned())), "{name:?}");
        }
        assert!(matches!(Program::new(r"C:\x.BAT").arg("a").command_line(), Err(ProgramError::Batch(_))));
        assert!(matches!(Program::new("x").arg("y".repeat(9000)).command_line(), Err(ProgramError::TooLong { length: 9002, .. })));
    }

    proptest! {
        #[test]
        fn a_program_gets_the_arguments_that_were_given(
            arguments in proptest::collection::vec(r#"[a-zA-Z "\\^&|<>()!%,;=/.-]{0,12}"#, 0..6),
        ) {
            let program = arguments.iter().fold(Program::new("prog.exe"), |p, a| p.arg(a));
            let line = program.command_line().expect("a line");
            let read = program_reads(&cmd_reads(&line).expect("one command"));
            prop_assert_eq!(&read[0], "prog.exe");
            prop_assert_eq!(&read[1..], &arguments[..], "{}", line);
        }
    }
}
