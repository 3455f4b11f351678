//! Child processes, measured: wall time and the most memory they had.
//!
//! Guarantees: the child sees no setting of ours. Deliberately absent: what it prints, unless that is asked for.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A process to be started again and again.
#[derive(Debug, Clone)]
pub struct Process {
    program: String,
    arguments: Vec<String>,
}

impl Process {
    /// `program` with `arguments`.
    #[must_use]
    pub fn new(program: &str, arguments: &[&str]) -> Self {
        Self { program: program.to_owned(), arguments: arguments.iter().map(|&argument| argument.to_owned()).collect() }
    }

    /// This very benchmark, in the part of a floor.
    #[must_use]
    pub fn ourselves(arguments: &[&str]) -> Self {
        Self::new(&std::env::current_exe().expect("this program has a path").to_string_lossy(), arguments)
    }

    #[expect(clippy::disallowed_methods, reason = "what is measured is a process")]
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
        command
    }

    /// What it prints.
    #[must_use]
    pub fn output(&self) -> String {
        let output = self.command().stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("it starts");
        assert!(output.status.success(), "{self:?}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("it prints text")
    }

    /// From its start to its end.
    #[must_use]
    pub fn wall(&self) -> Duration {
        let mut command = self.command();
        timed(|| {
            let status = command.status().expect("it starts");
            assert!(status.success(), "{self:?}: {status}");
        })
        .0
    }

    /// The most memory that it had, in KiB, as its status file tells until the end. The largest of several runs, since each look may
    /// miss the last of them.
    #[must_use]
    pub fn peak(&self, runs: usize) -> u64 {
        (0..runs).map(|_| self.watched()).max().unwrap_or(0)
    }

    fn watched(&self) -> u64 {
        let mut child = self.command().spawn().expect("it starts");
        let status = format!("/proc/{}/status", child.id());
        let mut most = 0;
        // Until it has ended it has a status; from then on that names no memory.
        while let Some(kib) = high_water(Path::new(&status)) {
            most = kib.max(most);
        }
        child.wait().expect("it ends");
        most
    }
}

/// The most memory that the process of a status file has had, in KiB.
#[must_use]
pub fn high_water(status: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// The best of two processes that are run in turns, so that both meet the same machine; whatever else it does only adds.
#[must_use]
pub fn best(rounds: usize, [floor, ours]: [&Process; 2]) -> [Duration; 2] {
    let mut best = [Duration::MAX; 2];
    for _ in 0..rounds {
        best = [best[0].min(floor.wall()), best[1].min(ours.wall())];
    }
    best
}

/// The CPU of a process, user and system, on average over `runs` of it.
#[must_use]
pub fn cpu(runs: u32, process: &Process) -> Duration {
    let before = children();
    (0..runs).for_each(|_| _ = process.wall());
    (children() - before) / runs
}

/// The CPU of all children that have ended. The kernel sums it up exactly and tells it in hundredths of a second.
fn children() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").expect("this benchmark needs Linux");
    // The name of the program stands in brackets and may hold anything.
    let (_, fields) = text.rsplit_once(')').expect("a name");
    let ticks = fields.split_ascii_whitespace().skip(13).take(2).map(|field| field.parse::<u64>().expect("a number"));
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// How long work takes.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
pub fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begun = Instant::now();
    let result = work();
    (begun.elapsed(), result)
}
