//! Commands that outlive us: started outside of any shell, found again by a name that the caller chose, looked at from time to time.
//!
//! WinRM ends what a shell started when the shell ends, so the command is started by `Win32_Process.Create`, outside of WinRM's job.
//! Its first act is to make a directory of its own; where that exists, it ends. Guarantees: of one name, one command is started at most,
//! whoever starts it again and whatever answer was lost; its exit code and its output stay until they are cleaned up.
//! Deliberately absent: input, and secrets in its arguments that nobody on the host could see.

use std::fmt;
use std::time::Duration;

use super::{CodePage, Finished, Output, Program, Shell, ShellSettings};
use crate::check::CheckError;
use crate::cim::{CimPath, CimValue, ClassName, Namespace};
use crate::client::Client;
use crate::error::Error;

/// The first words of every such command, by which its process is known.
const CMD: &str = "cmd.exe /d /v:off /s /c";

/// The name of one run: lower-case letters, digits and dashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(String);

/// Text that is no name of a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no name of a run: use 1 to 64 lower-case letters, digits and dashes")]
pub struct RunIdError(String);

impl RunId {
    /// The run that is called `text`.
    ///
    /// # Errors
    /// It is empty or long, or a character cannot stand in a path that nobody quotes.
    pub fn new(text: impl Into<String>) -> Result<Self, RunIdError> {
        let text = text.into();
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) { Ok(Self(text)) } else { Err(RunIdError(text)) }
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Nothing of that name was ever started, or it was cleaned up.
    Absent,
    /// It runs; what it has written so far.
    Running(Output),
    /// It ended; both of its streams are in `stdout`.
    Ended(Finished),
    /// It was killed before its end, by a restart for one; what it had written.
    Lost(Output),
}

/// One run on one host.
#[derive(Debug, Clone)]
pub struct Detached {
    client: Client,
    id: RunId,
    directory: String,
}

impl Client {
    /// The run `id` on this host, whether it was started or not.
    ///
    /// # Errors
    /// See [`Error`]: the host is asked where its Windows is.
    pub async fn detached(&self, id: &RunId) -> Result<Detached, Error> {
        let systems = self.query(&Namespace::CIMV2, "SELECT * FROM Win32_OperatingSystem").await?;
        let windows = systems.first().and_then(|system| system.get("WindowsDirectory").as_str());
        let is_plain = |path: &&str| path.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'\\' | b'_' | b'-' | b'.'));
        let windows = windows.map(|path| path.trim_end_matches('\\')).filter(|path| !path.is_empty()).filter(is_plain);
        let windows = windows.ok_or_else(|| self.unexpected("Win32_OperatingSystem", "a plain `WindowsDirectory`"))?;
        Ok(Detached { client: self.clone(), id: id.clone(), directory: format!(r"{windows}\Temp\trunkline\{id}") })
    }
}

impl Detached {
    /// The line that is started. The directory is the claim: `mkdir` fails for whoever comes second. The exit code is read by `call`, since
    /// the first reading of a line is over before the program begins.
    fn line(&self, program: &Program) -> Result<String, CheckError> {
        let (d, program) = (&self.directory, program.command_line()?);
        Ok(format!(r#"{CMD} "mkdir {d} && ({program} > {d}\out 2>&1 & call echo %^errorlevel% > {d}\exit)""#))
    }

    /// Starts `program`, unless this run was started before. Safe to repeat, whatever became of an earlier answer.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Returned`] when the host starts no process.
    pub async fn start(&self, program: &Program) -> Result<(), Error> {
        let line = self.client.checked("Create", self.line(program))?;
        program.secrets().for_each(|secret| self.client.conceal(secret));
        let class = CimPath::class_of(Namespace::CIMV2, ClassName::from_static("Win32_Process"));
        let output = self.client.invoke(&class, "Create", &[("CommandLine", CimValue::from(line))]).await?;
        match output.return_value {
            0 => Ok(()),
            code => Err(self.client.returned("Win32_Process.Create", code, meaning(code))),
        }
    }

    /// Where it stands; keeps `most` octets of its output.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn look(&self, most: usize) -> Result<Progress, Error> {
        let shell = self.client.open_shell(&ShellSettings::default()).await?;
        let seen = self.look_in(&shell, most).await;
        shell.close().await;
        seen
    }

    async fn look_in(&self, shell: &Shell, most: usize) -> Result<Progress, Error> {
        if let Some(exit_code) = self.exit_code(shell).await? {
            return Ok(Progress::Ended(self.finished(shell, exit_code, most).await?));
        }
        let Some(output) = self.read(shell, "out", most).await? else { return Ok(Progress::Absent) };
        if self.is_alive().await? {
            return Ok(Progress::Running(output));
        }
        // It may have ended between the two looks.
        match self.exit_code(shell).await? {
            Some(exit_code) => Ok(Progress::Ended(self.finished(shell, exit_code, most).await?)),
            None => Ok(Progress::Lost(output)),
        }
    }

    /// Looks every so often until it has ended, is lost or was never there; `None` of these is `Running`.
    ///
    /// # Errors
    /// See [`Error`]; the run goes on, and can be waited for again.
    pub async fn wait(&self, every: Duration, most: usize) -> Result<Progress, Error> {
        loop {
            match self.look(most).await? {
                Progress::Running(_) => tokio::time::sleep(every).await,
                seen => return Ok(seen),
            }
        }
    }

    /// Removes what an ended run left. A run of the same name starts anew after it.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn clean_up(&self) -> Result<(), Error> {
        let program = Program::new("rmdir").arg("/s").arg("/q").arg(&self.directory);
        self.client.run(&program, 0).await.map(drop)
    }

    async fn finished(&self, shell: &Shell, exit_code: u32, most: usize) -> Result<Finished, Error> {
        let stdout = self.read(shell, "out", most).await?.unwrap_or_default();
        Ok(Finished { exit_code, stdout, stderr: Output::default(), code_page: CodePage::Utf8 })
    }

    /// The exit code; `None` while there is none. The file is there before the number in it, so that only a whole line counts.
    async fn exit_code(&self, shell: &Shell) -> Result<Option<u32>, Error> {
        let Some(read) = self.read(shell, "exit", 64).await? else { return Ok(None) };
        let text = String::from_utf8_lossy(&read.octets);
        let Some(number) = text.strip_suffix('\n').map(str::trim) else { return Ok(None) };
        let parsed = number.parse::<u32>().ok().or_else(|| number.parse::<i32>().ok().map(i32::cast_unsigned));
        parsed.map(Some).ok_or_else(|| self.client.unexpected("type", "an exit code"))
    }

    /// A file of the run; `None` when there is none.
    async fn read(&self, shell: &Shell, file: &str, most: usize) -> Result<Option<Output>, Error> {
        let program = Program::new("type").arg(format!(r"{}\{file}", self.directory));
        let finished = shell.start(&program).await?.wait(most).await?;
        Ok((finished.exit_code == 0).then_some(finished.stdout))
    }

    /// Whether its process is there. One whose line may not be seen could be it.
    async fn is_alive(&self) -> Result<bool, Error> {
        let processes = self.client.query(&Namespace::CIMV2, "SELECT * FROM Win32_Process WHERE Name = 'cmd.exe'").await?;
        let claim = format!(r"\trunkline\{} &&", self.id);
        Ok(processes.iter().any(|process| process.get("CommandLine").as_str().is_none_or(|line| line.contains(&claim))))
    }
}

/// What a return value of `Win32_Process.Create` means.
fn meaning(code: u32) -> &'static str {
    match code {
        2 => "access denied",
        3 => "insufficient privilege",
        9 => "path not found",
        21 => "invalid parameter",
        _ => "unknown failure",
    }
}
