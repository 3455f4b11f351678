//! What a program has in its hands: its machine, its words and its streams.
//!
//! Guarantees: text goes out in the console's code page; what is written to a file is there at once.

use jiff::{SignedDuration, Timestamp};

use super::Desk;
use super::process::{Setting, Sink, Source};
use super::words::words;
use super::{Program, Step};
use crate::file_tree::{self, FileError, FileTree};
use crate::windows::Windows;

/// A call of a program.
pub(crate) struct Call<'c, 'w> {
    /// The machine that it runs on.
    pub(crate) desk: &'c mut Desk<'w>,
    /// Where it runs.
    pub(crate) setting: &'c mut Setting,
    /// All behind its name, as it was typed.
    pub(crate) tail: String,
    /// Its process.
    pub(crate) id: u32,
}

/// What a read from the input gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    /// A line, its end among it; the last may have none.
    Line(Vec<u8>),
    /// Nothing will follow.
    End,
    /// Nothing yet.
    NotYet,
}

impl Call<'_, '_> {
    pub(crate) fn words(&self) -> Vec<String> {
        words(&self.tail)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.desk.now()
    }

    pub(crate) fn windows(&mut self) -> Option<&mut Windows> {
        self.desk.windows_mut()
    }

    pub(crate) fn files(&mut self) -> Option<FileTree<'_>> {
        self.desk.files()
    }

    /// The absolute path that `text` means here.
    pub(crate) fn path(&self, text: &str) -> String {
        file_tree::resolve(&self.setting.directory, text)
    }

    /// The file that `text` means, as text.
    pub(crate) fn read_text(&mut self, text: &str) -> Option<Result<String, FileError>> {
        let path = self.path(text);
        Some(self.files()?.read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Writes the file that `text` means.
    pub(crate) fn write_file(&mut self, text: &str, bytes: Vec<u8>) -> Option<Result<(), FileError>> {
        let path = self.path(text);
        Some(self.files()?.write_bytes(&path, bytes))
    }

    /// Goes on with `program` after `length`.
    pub(crate) fn later(&self, length: SignedDuration, program: Program) -> Option<Step> {
        Some(Step::Later(self.now().saturating_add(length).unwrap_or(self.now()), program))
    }

    /// A line of output.
    pub(crate) fn say(&mut self, line: &str) {
        self.print(&format!("{line}\r\n"));
    }

    /// Output as it stands.
    pub(crate) fn print(&mut self, text: &str) {
        let bytes = self.setting.code_page.encode(text);
        self.put(&bytes);
    }

    /// Bytes of output.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.desk.write(&self.setting.output().clone(), bytes);
    }

    /// A line of errors.
    pub(crate) fn complain(&mut self, line: &str) {
        let bytes = self.setting.code_page.encode(&format!("{line}\r\n"));
        self.desk.write(&self.setting.errors().clone(), &bytes);
    }

    /// Says `line` as an error and ends with `code`.
    pub(crate) fn fail(&mut self, line: &str, code: u32) -> Option<Step> {
        self.complain(line);
        Some(Step::Done(code))
    }

    /// The next line of the input.
    pub(crate) fn read_line(&mut self) -> Input {
        match &mut self.setting.streams.input {
            Source::Null => Input::End,
            Source::Bytes(bytes) if bytes.is_empty() => Input::End,
            Source::Bytes(bytes) => {
                let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
                Input::Line(bytes.drain(..end).collect())
            }
            Source::Pipe(pipe) => {
                let pipe = *pipe;
                self.desk.read_line(pipe)
            }
        }
    }
}

impl Setting {
    fn output(&self) -> &Sink {
        &self.streams.output
    }

    fn errors(&self) -> &Sink {
        &self.streams.errors
    }
}
