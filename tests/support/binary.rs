//! The built binary, run as a person or a script runs it: over pipes, in a directory of its own, with an empty environment.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Nothing that a test waits for takes longer on a machine that works at all.
const PATIENCE: Duration = Duration::from_secs(240);

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Done {
    /// What it printed, when it ended well.
    pub fn well(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out
    }
}

/// A command that runs beside the test. Dropping it ends it the hard way.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// Its process.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// The next line of its standard output.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        // One byte at a time, so that nothing of what follows is lost.
        BufReader::with_capacity(1, self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        line
    }

    /// What it has not been asked for yet of its standard output, up to its end.
    pub fn output(&mut self) -> &mut ChildStdout {
        self.0.stdout.as_mut().unwrap()
    }

    /// How it ended, once it has; -1 when a signal ended it.
    pub fn code(&mut self) -> Option<i32> {
        self.0.try_wait().unwrap().map(|status| status.code().unwrap_or(-1))
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A command line in a directory.
#[derive(Debug)]
pub struct Line {
    command: Command,
}

impl Line {
    /// `trunkline` with these arguments, in `directory`.
    pub fn new<S: AsRef<OsStr>>(directory: &Path, arguments: impl IntoIterator<Item = S>) -> Self {
        Self::of(Path::new(env!("CARGO_BIN_EXE_trunkline")), directory, arguments)
    }

    /// Any program.
    #[expect(clippy::disallowed_methods, reason = "the agent starts no child process; its tests start the agent")]
    pub fn of<S: AsRef<OsStr>>(program: &Path, directory: &Path, arguments: impl IntoIterator<Item = S>) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(directory).env_clear().env("HOME", directory).stdin(Stdio::null());
        Self { command }
    }

    /// With a variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end.
    pub fn run(mut self) -> Done {
        let output = self.command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Done { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Starts it beside the test; only its standard output is kept.
    pub fn start(self) -> Running {
        self.start_on(Stdio::piped(), Stdio::null())
    }

    /// The same with its streams going there: standard output, standard error.
    pub fn start_on(mut self, out: impl Into<Stdio>, errors: impl Into<Stdio>) -> Running {
        Running(self.command.stdout(out).stderr(errors).spawn().unwrap())
    }

    /// Runs it to its end with its standard error going there; how it ended and what it printed.
    pub fn run_telling(self, errors: impl Into<Stdio>) -> (i32, String) {
        let mut running = self.start_on(Stdio::piped(), errors);
        let mut out = String::new();
        running.output().read_to_string(&mut out).unwrap();
        let code = wait_for("the end", || running.code());
        (code, out)
    }
}

/// Waits until `seen` gives something. Other processes give no other sign than what they write.
#[expect(clippy::disallowed_methods, reason = "what is waited for happens in another process, in real time")]
pub fn wait_for<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = seen() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Text without what differs from run to run: `directory` and process numbers.
pub fn redacted(text: &str, directory: &Path) -> String {
    let real = directory.canonicalize().unwrap_or_else(|_| PathBuf::from(directory));
    text.replace(real.to_str().unwrap(), "<here>").replace(directory.to_str().unwrap(), "<here>")
}
