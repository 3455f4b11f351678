//! Remote shells: a command runs in one, its input and output go over it, and it dies with it.
//!
//! Guarantees: a shell that is dropped is deleted on the host, and with it whatever still runs in it; waiting for output survives the
//! host's limit of a minute, since a long poll that ends empty is asked again; output is bounded, and what was left out is counted.
//! Deliberately absent: repetition (a command whose start has no answer may run), and commands that must outlive a connection: see
//! [`Detached`](super::Detached).

mod code_page;
mod detached;
mod program;

use std::time::Duration;

pub use code_page::CodePage;
pub use detached::{Detached, Progress, RunId, RunIdError};
pub(crate) use program::quoted;
pub use program::{Program, ProgramError};

use super::Client;
use crate::check::CheckError;
use crate::cim::{Key, Name};
use crate::envelope::shell::{self, CommandLine, ShellBody, ShellRequest, ShellResponse, Stream};
use crate::envelope::{Envelope, Header, OptionValue, Request, Response, action};
use crate::error::Error;
use crate::fault::FaultKind;
use crate::resource::ResourceUri;

/// What signals are a suffix of.
const SIGNAL: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/";
/// Octets of input in one request: base64 makes a third more of it, and it must fit the smallest envelope of Windows by far.
const PIECE: usize = 64 * 1024;

/// How a shell is made.
#[derive(Debug, Clone, Default)]
pub struct ShellSettings {
    /// How its commands' output is written.
    pub code_page: CodePage,
    /// Where its commands start; `None`: in the account's profile.
    pub working_directory: Option<String>,
    /// Variables besides the account's own.
    pub environment: Vec<(String, String)>,
    /// How long it may live without a request; `None`: as the host is configured, two hours by default.
    pub idle_timeout: Option<Duration>,
}

/// What interrupts a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C: the command may finish in its own way.
    Interrupt,
    /// The end of the command.
    Terminate,
}

/// Whether more input follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// More follows.
    More,
    /// That was all.
    End,
}

/// One stream's output, as far as it was kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// The first octets.
    pub octets: Vec<u8>,
    /// Octets that were left out after them.
    pub left_out: u64,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Its exit code; a status of NT where it crashed.
    pub exit_code: u32,
    /// What it wrote.
    pub stdout: Output,
    /// What it complained.
    pub stderr: Output,
    code_page: CodePage,
}

/// A shell on a host. Dropping it deletes it there.
#[derive(Debug)]
pub struct Shell {
    client: Client,
    id: String,
    code_page: CodePage,
    is_open: bool,
}

/// A command in a shell. Dropping it before its end terminates it.
#[derive(Debug)]
pub struct Running<'s> {
    shell: &'s Shell,
    id: String,
    name: String,
    ended: bool,
}

/// What one long poll brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// More of what it wrote.
    pub stdout: Vec<u8>,
    /// More of what it complained.
    pub stderr: Vec<u8>,
    /// How it ended, when it has.
    pub exit_code: Option<u32>,
}

impl Output {
    /// Keeps what of `more` fits into `most` octets.
    fn take(&mut self, more: &[u8], most: usize) {
        let room = most.saturating_sub(self.octets.len()).min(more.len());
        let (kept, rest) = more.split_at(room);
        self.octets.extend_from_slice(kept);
        self.left_out += rest.len() as u64;
    }
}

impl Finished {
    /// What it wrote, as text.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.code_page.decode(&self.stdout.octets)
    }

    /// What it complained, as text.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.code_page.decode(&self.stderr.octets)
    }
}

impl Client {
    /// Makes a shell.
    ///
    /// # Errors
    /// See [`Error`]. Where no answer came, the host deletes what it may have made after its idle time.
    pub async fn open_shell(&self, settings: &ShellSettings) -> Result<Shell, Error> {
        let mut header = self.shell_header(action::CREATE, None);
        header.options = vec![option("WINRS_NOPROFILE", "TRUE"), option("WINRS_CODEPAGE", &settings.code_page.number().to_string())];
        let body = ShellBody {
            input: Some("stdin".to_owned()),
            output: Some("stdout stderr".to_owned()),
            working_directory: settings.working_directory.clone(),
            idle_timeout: settings.idle_timeout,
            environment: settings.environment.clone(),
        };
        let request = Envelope { header, body: Request::Shell(ShellRequest::Create(body)) };
        let id = match self.exchange(request).await? {
            Response::Created(reference) => reference.selectors.into_iter().find_map(|(name, key)| match key {
                Key::Text(id) if name == "ShellId" => Some(id),
                _ => None,
            }),
            _ => None,
        };
        let id = id.ok_or_else(|| self.unexpected("Create", "the name of a shell"))?;
        Ok(Shell { client: self.clone(), id, code_page: settings.code_page, is_open: true })
    }

    /// Runs `program` in a shell of its own and waits for its end; keeps `most` octets of each stream.
    ///
    /// # Errors
    /// See [`Error`]; where the outcome is unknown, the program may have run in part.
    pub async fn run(&self, program: &Program, most: usize) -> Result<Finished, Error> {
        let shell = self.open_shell(&ShellSettings::default()).await?;
        let finished = shell.start(program).await?.wait(most).await?;
        shell.close().await;
        Ok(finished)
    }

    fn shell_header(&self, action: &str, shell: Option<&str>) -> Header {
        let mut header = self.header(action, ResourceUri::Other(shell::CMD.to_owned()));
        header.selectors.extend(shell.map(|id| (Name::from("ShellId"), Key::Text(id.to_owned()))));
        header
    }
}

fn option(name: &str, value: &str) -> OptionValue {
    OptionValue { name: name.to_owned(), value: Some(value.to_owned()), must_comply: false }
}

impl Shell {
    /// Starts `program`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn start(&self, program: &Program) -> Result<Running<'_>, Error> {
        let line = self.client.checked(program.name(), program.command_line().map_err(CheckError::from))?;
        program.secrets().for_each(|secret| self.client.conceal(secret));
        let mut header = self.client.shell_header(shell::action::COMMAND, Some(&self.id));
        // What pywinrm says; Windows Server 2012 R2 and later give every line to cmd whatever these say (MS-WSMV <117>).
        header.options = vec![option("WINRS_CONSOLEMODE_STDIN", "TRUE"), option("WINRS_SKIP_CMD_SHELL", "FALSE")];
        let line = CommandLine { command: line, arguments: vec![] };
        let request = Envelope { header, body: Request::Shell(ShellRequest::Command(line)) };
        match self.client.exchange(request).await? {
            Response::Shell(ShellResponse::Started { command }) => {
                Ok(Running { shell: self, id: command, name: program.name().to_owned(), ended: false })
            }
            _ => Err(self.client.unexpected("Command", "the name of a command")),
        }
    }

    /// Deletes it now. Whether that succeeds changes nothing for the caller: the host deletes idle ones by itself.
    pub async fn close(mut self) {
        self.is_open = false;
        delete(&self.client, &self.id).await;
    }
}

async fn delete(client: &Client, id: &str) {
    let request = Envelope { header: client.shell_header(action::DELETE, Some(id)), body: Request::Delete };
    if let Err(error) = client.exchange(request).await {
        tracing::debug!(endpoint = %client.shared.address, error = %error, "a shell was not deleted");
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if self.is_open {
            let id = std::mem::take(&mut self.id);
            self.client.bid(|client| async move { delete(&client, &id).await });
        }
    }
}

impl Running<'_> {
    /// Gives it input.
    ///
    /// # Errors
    /// See [`Error`]; where the outcome is unknown, it may have read it.
    pub async fn send(&self, data: &[u8], input: Input) -> Result<(), Error> {
        let mut pieces = data.chunks(PIECE).peekable();
        loop {
            let piece = pieces.next().unwrap_or_default().to_vec();
            let is_last = pieces.peek().is_none();
            let end = is_last && input == Input::End;
            let stream = Stream { name: "stdin".to_owned(), command: Some(self.id.clone()), data: piece, end };
            match self.ask(shell::action::SEND, ShellRequest::Send(vec![stream])).await? {
                ShellResponse::Sent if is_last => return Ok(()),
                ShellResponse::Sent => {}
                _ => return Err(self.shell.client.unexpected("Send", "its own answer")),
            }
        }
    }

    /// Waits until it writes something or ends, or until the host's patience with one request is over.
    ///
    /// # Errors
    /// See [`Error`]; when no answer came, the output that stood in it is lost.
    pub async fn receive(&mut self) -> Result<Received, Error> {
        let request = ShellRequest::Receive { command: Some(self.id.clone()), streams: "stdout stderr".to_owned() };
        let (streams, state) = match self.ask(shell::action::RECEIVE, request).await {
            Ok(ShellResponse::Received { streams, state }) => (streams, state),
            Ok(_) => return Err(self.shell.client.unexpected("Receive", "output")),
            // Nothing was written for that long, which is no fault.
            Err(error) if error.fault().is_some_and(|fault| fault.kind() == FaultKind::TimedOut) => return Ok(Received::default()),
            Err(error) => return Err(error),
        };
        let mut received = Received::default();
        // What another command wrote, or how it stands, says nothing of this one.
        let is_own = |named: Option<&str>| named.is_none_or(|id| id.eq_ignore_ascii_case(&self.id));
        for stream in streams.into_iter().filter(|stream| is_own(stream.command.as_deref())) {
            match stream.name.as_str() {
                "stdout" => received.stdout.extend(stream.data),
                "stderr" => received.stderr.extend(stream.data),
                _ => {}
            }
        }
        if let Some(state) = state.filter(|state| state.state == "Done" && is_own(state.command.as_deref())) {
            self.ended = true;
            // A command that was terminated may end without a code; 0 would say that all went well.
            received.exit_code = Some(state.exit_code.unwrap_or(u32::MAX));
        }
        Ok(received)
    }

    /// Waits for its end; keeps `most` octets of each stream.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn wait(mut self, most: usize) -> Result<Finished, Error> {
        let (mut stdout, mut stderr) = (Output::default(), Output::default());
        loop {
            let received = self.receive().await?;
            stdout.take(&received.stdout, most);
            stderr.take(&received.stderr, most);
            if let Some(exit_code) = received.exit_code {
                // Windows keeps a command's place in the shell until it is told that nobody waits any more.
                self.signal(Signal::Terminate).await.unwrap_or_else(|error| self.unheard(&error));
                return Ok(Finished { exit_code, stdout, stderr, code_page: self.shell.code_page });
            }
        }
    }

    /// Interrupts it.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn signal(&self, signal: Signal) -> Result<(), Error> {
        self.shell.client.signal(&self.shell.id, &self.id, signal).await
    }

    fn unheard(&self, error: &Error) {
        tracing::debug!(endpoint = %self.shell.client.shared.address, command = %self.name, %error, "a command was not let go of");
    }

    async fn ask(&self, action: &str, request: ShellRequest) -> Result<ShellResponse, Error> {
        self.shell.client.of_shell(&self.shell.id, action, request).await
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let (shell, id) = (self.shell.id.clone(), std::mem::take(&mut self.id));
            self.shell.client.bid(|client| async move {
                if let Err(error) = client.signal(&shell, &id, Signal::Terminate).await {
                    tracing::debug!(endpoint = %client.shared.address, %error, "a command was not terminated");
                }
            });
        }
    }
}

impl Client {
    async fn signal(&self, shell: &str, command: &str, signal: Signal) -> Result<(), Error> {
        let word = match signal {
            Signal::Interrupt => "ctrl_c",
            Signal::Terminate => "terminate",
        };
        let request = ShellRequest::Signal { command: Some(command.to_owned()), code: format!("{SIGNAL}{word}") };
        match self.of_shell(shell, shell::action::SIGNAL, request).await? {
            ShellResponse::Signalled => Ok(()),
            _ => Err(self.unexpected("Signal", "its own answer")),
        }
    }

    async fn of_shell(&self, shell: &str, action: &str, request: ShellRequest) -> Result<ShellResponse, Error> {
        let request = Envelope { header: self.shell_header(action, Some(shell)), body: Request::Shell(request) };
        match self.exchange(request).await? {
            Response::Shell(response) => Ok(response),
            _ => Err(self.unexpected("a shell's request", "a shell's answer")),
        }
    }
}
