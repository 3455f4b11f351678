//! Bodies of remote shells (MS-WSMV 3.1.4.11 to 14): what is asked of a shell, and what it answers.
//!
//! Guarantees: data of streams is bytes here and base64 on the wire, with or without white space in it; an exit code is the 32 bits that
//! Windows means, however it writes them. Deliberately absent: code pages, and PowerShell's own shells.

use std::time::Duration;

use base64::Engine as _;

use crate::cim::xml_seconds;
use crate::xml::names::SHELL;
use crate::xml::{Content, Reader, Tag, Writer, XmlError};

/// The resource of shells that run commands.
pub const CMD: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/cmd";
/// What states of commands are a suffix of.
const STATE: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/";

/// The actions of shells.
pub mod action {
    /// Start a command.
    pub const COMMAND: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Command";
    /// Give a command input.
    pub const SEND: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Send";
    /// Take a command's output.
    pub const RECEIVE: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Receive";
    /// Interrupt a command, or give it up.
    pub const SIGNAL: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Signal";
}

/// What is asked of a shell. Which shell, the selector `ShellId` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShellRequest {
    /// Make one.
    Create(ShellBody),
    /// Start a command in it.
    Command(CommandLine),
    /// Input for a command.
    Send(Vec<Stream>),
    /// Wait for output of a command.
    Receive {
        /// Which command; `None` means the shell itself.
        command: Option<String>,
        /// The names of the wanted streams, between spaces.
        streams: String,
    },
    /// Interrupt a command.
    Signal {
        /// Which command; `None` means the shell itself.
        command: Option<String>,
        /// The signal's URI.
        code: String,
    },
}

/// A shell as its body describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShellBody {
    /// Streams that commands read, between spaces.
    pub input: Option<String>,
    /// Streams that commands write, between spaces.
    pub output: Option<String>,
    /// Where commands start.
    pub working_directory: Option<String>,
    /// How long it lives without a request.
    pub idle_timeout: Option<Duration>,
    /// Variables of its commands, besides the account's own.
    pub environment: Vec<(String, String)>,
}

/// A command: its text and what follows, each after a space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// The program, or a whole command line.
    pub command: String,
    /// The rest.
    pub arguments: Vec<String>,
}

/// A piece of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stream {
    /// `stdin`, `stdout`, `stderr`.
    pub name: String,
    /// Whose.
    pub command: Option<String>,
    /// What was written.
    pub data: Vec<u8>,
    /// Whether nothing follows.
    pub end: bool,
}

/// Where a command stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandState {
    /// Which command.
    pub command: Option<String>,
    /// `Running`, `Pending` or `Done`.
    pub state: String,
    /// How it ended.
    pub exit_code: Option<u32>,
}

/// What a shell answers. A shell that was made is answered as any resource is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShellResponse {
    /// A command was started.
    Started {
        /// Its name from now on.
        command: String,
    },
    /// Input was taken.
    Sent,
    /// Output, and where the command stands.
    Received {
        /// What came, in order.
        streams: Vec<Stream>,
        /// Where it stands; some answers do not say.
        state: Option<CommandState>,
    },
    /// A signal was given.
    Signalled,
}

/// Reads the open element `tag` when it is a request to a shell.
pub(super) fn read_request(reader: &mut Reader<'_>, tag: &Tag<'_>) -> Result<Option<ShellRequest>, XmlError> {
    if reader.namespace(tag)? != SHELL {
        return Ok(None);
    }
    Ok(Some(match tag.local() {
        "Shell" => ShellRequest::Create(read_shell(reader)?),
        "CommandLine" => ShellRequest::Command(read_command_line(reader)?),
        "Send" => ShellRequest::Send(read_received(reader)?.0),
        "Receive" => {
            let (mut command, mut streams) = (None, String::new());
            while let Some(tag) = reader.child()? {
                if tag.local() == "DesiredStream" {
                    command = command_of(reader, &tag)?;
                    streams = reader.trimmed()?.into_owned();
                } else {
                    reader.skip()?;
                }
            }
            ShellRequest::Receive { command, streams }
        }
        "Signal" => {
            let command = command_of(reader, tag)?;
            let mut code = String::new();
            while let Some(tag) = reader.child()? {
                if tag.local() == "Code" {
                    code = reader.trimmed()?.into_owned();
                } else {
                    reader.skip()?;
                }
            }
            ShellRequest::Signal { command, code }
        }
        _ => return Ok(None),
    }))
}

/// Reads the open element `tag` when it is a shell's answer.
pub(super) fn read_response(reader: &mut Reader<'_>, tag: &Tag<'_>) -> Result<Option<ShellResponse>, XmlError> {
    if reader.namespace(tag)? != SHELL {
        return Ok(None);
    }
    Ok(Some(match tag.local() {
        "CommandResponse" => {
            let mut id = None;
            while let Some(tag) = reader.child()? {
                if tag.local() == "CommandId" {
                    id = Some(reader.trimmed()?.into_owned());
                } else {
                    reader.skip()?;
                }
            }
            ShellResponse::Started { command: id.ok_or(XmlError::Missing("the id of the command"))? }
        }
        "SendResponse" => reader.skip().map(|()| ShellResponse::Sent)?,
        "ReceiveResponse" => {
            let (streams, state) = read_received(reader)?;
            ShellResponse::Received { streams, state }
        }
        "SignalResponse" => reader.skip().map(|()| ShellResponse::Signalled)?,
        _ => return Ok(None),
    }))
}

fn command_of(reader: &Reader<'_>, tag: &Tag<'_>) -> Result<Option<String>, XmlError> {
    Ok(reader.attribute(tag, "", "CommandId")?.map(|id| id.into_owned()))
}

fn read_shell(reader: &mut Reader<'_>) -> Result<ShellBody, XmlError> {
    let mut shell = ShellBody::default();
    while let Some(tag) = reader.child()? {
        let text = |reader: &mut Reader<'_>| reader.trimmed().map(|t| Some(t.into_owned()));
        match tag.local() {
            "InputStreams" => shell.input = text(reader)?,
            "OutputStreams" => shell.output = text(reader)?,
            "WorkingDirectory" => shell.working_directory = text(reader)?,
            // Windows writes it with a capital in the middle, its schema and pypsrp without.
            "IdleTimeOut" | "IdleTimeout" => {
                let text = reader.trimmed()?;
                let length = crate::cim::xml_duration(&text).and_then(|length| Duration::try_from(length).ok());
                shell.idle_timeout = Some(length.ok_or_else(|| XmlError::meaningless("the idle timeout", &text))?);
            }
            "Environment" => {
                while let Some(tag) = reader.child()? {
                    let name = reader.attribute(&tag, "", "Name")?.map(|n| n.into_owned());
                    let value = reader.text()?.into_owned();
                    shell.environment.extend(name.map(|name| (name, value)));
                }
            }
            _ => reader.skip()?,
        }
    }
    Ok(shell)
}

fn read_command_line(reader: &mut Reader<'_>) -> Result<CommandLine, XmlError> {
    let mut line = CommandLine::default();
    while let Some(tag) = reader.child()? {
        match tag.local() {
            "Command" => line.command = reader.text()?.into_owned(),
            "Arguments" => line.arguments.push(reader.text()?.into_owned()),
            _ => reader.skip()?,
        }
    }
    Ok(line)
}

fn read_received(reader: &mut Reader<'_>) -> Result<(Vec<Stream>, Option<CommandState>), XmlError> {
    let (mut streams, mut state) = (vec![], None);
    while let Some(tag) = reader.child()? {
        match tag.local() {
            "Stream" => {
                let name = reader.attribute(&tag, "", "Name")?.ok_or(XmlError::Missing("the name of a stream"))?.into_owned();
                let command = command_of(reader, &tag)?;
                // pypsrp writes `True`.
                let end = reader.attribute(&tag, "", "End")?.is_some_and(|v| v.trim().eq_ignore_ascii_case("true") || v.trim() == "1");
                let mut text = reader.text()?.into_owned();
                text.retain(|c| !c.is_ascii_whitespace());
                let data = base64::engine::general_purpose::STANDARD.decode(&text);
                let data = data.map_err(|_| XmlError::meaningless("the data of a stream", &text))?;
                streams.push(Stream { name, command, data, end });
            }
            "CommandState" => state = Some(read_state(reader, &tag)?),
            _ => reader.skip()?,
        }
    }
    Ok((streams, state))
}

fn read_state(reader: &mut Reader<'_>, tag: &Tag<'_>) -> Result<CommandState, XmlError> {
    let command = command_of(reader, tag)?;
    let uri = reader.attribute(tag, "", "State")?.unwrap_or_default();
    let state = uri.trim().rsplit('/').next().unwrap_or_default().to_owned();
    let mut exit_code = None;
    // A state without an exit code is written with nothing but white space in it.
    let mut next = match reader.content()? {
        Content::Text(_) => None,
        Content::Child(tag) => Some(tag),
    };
    let nested = next.is_some();
    while let Some(tag) = next {
        if tag.local() == "ExitCode" {
            let text = reader.trimmed()?;
            exit_code = Some(number(&text).ok_or_else(|| XmlError::meaningless("the exit code", &text))?);
        } else {
            reader.skip()?;
        }
        next = if nested { reader.child()? } else { None };
    }
    Ok(CommandState { command, state, exit_code })
}

/// An exit code is 32 bits; a status of NT may come as a negative number.
fn number(text: &str) -> Option<u32> {
    text.parse().ok().or_else(|| text.parse::<i32>().ok().map(i32::cast_unsigned))
}

const NAMESPACE: [(&str, &str); 1] = [("xmlns:rsp", SHELL)];

/// Writes a request's body.
pub(super) fn write_request(writer: &mut Writer, request: &ShellRequest) {
    match request {
        ShellRequest::Create(shell) => write_shell(writer, shell),
        ShellRequest::Command(line) => {
            writer.open_with("rsp:CommandLine", &NAMESPACE);
            writer.leaf("rsp:Command", &line.command);
            line.arguments.iter().for_each(|argument| writer.leaf("rsp:Arguments", argument));
            writer.close("rsp:CommandLine");
        }
        ShellRequest::Send(streams) => {
            writer.open_with("rsp:Send", &NAMESPACE);
            streams.iter().for_each(|stream| write_stream(writer, stream));
            writer.close("rsp:Send");
        }
        ShellRequest::Receive { command, streams } => {
            writer.open_with("rsp:Receive", &NAMESPACE);
            writer.leaf_with("rsp:DesiredStream", &of_command(command.as_deref()), streams);
            writer.close("rsp:Receive");
        }
        ShellRequest::Signal { command, code } => {
            let attributes: Vec<_> = NAMESPACE.into_iter().chain(of_command(command.as_deref())).collect();
            writer.open_with("rsp:Signal", &attributes);
            writer.leaf("rsp:Code", code);
            writer.close("rsp:Signal");
        }
    }
}

fn of_command(command: Option<&str>) -> Vec<(&'static str, &str)> {
    command.map(|id| ("CommandId", id)).into_iter().collect()
}

fn write_shell(writer: &mut Writer, shell: &ShellBody) {
    writer.open_with("rsp:Shell", &NAMESPACE);
    // The order in which pywinrm writes them, which Windows takes.
    for (name, text) in [("rsp:InputStreams", &shell.input), ("rsp:OutputStreams", &shell.output)] {
        text.iter().for_each(|text| writer.leaf(name, text));
    }
    shell.working_directory.iter().for_each(|text| writer.leaf("rsp:WorkingDirectory", text));
    if let Some(idle) = shell.idle_timeout {
        writer.leaf("rsp:IdleTimeOut", &xml_seconds(idle));
    }
    if !shell.environment.is_empty() {
        writer.open("rsp:Environment");
        shell.environment.iter().for_each(|(name, value)| writer.leaf_with("rsp:Variable", &[("Name", name)], value));
        writer.close("rsp:Environment");
    }
    writer.close("rsp:Shell");
}

fn write_stream(writer: &mut Writer, stream: &Stream) {
    let mut attributes = vec![("Name", stream.name.as_str())];
    attributes.extend(of_command(stream.command.as_deref()));
    attributes.extend(stream.end.then_some(("End", "true")));
    writer.leaf_with("rsp:Stream", &attributes, &base64::engine::general_purpose::STANDARD.encode(&stream.data));
}

/// Writes an answer's body.
pub(super) fn write_response(writer: &mut Writer, response: &ShellResponse) {
    match response {
        ShellResponse::Started { command } => {
            writer.open_with("rsp:CommandResponse", &NAMESPACE);
            writer.leaf("rsp:CommandId", command);
            writer.close("rsp:CommandResponse");
        }
        ShellResponse::Sent => writer.empty("rsp:SendResponse", &NAMESPACE),
        ShellResponse::Received { streams, state } => {
            writer.open_with("rsp:ReceiveResponse", &NAMESPACE);
            streams.iter().for_each(|stream| write_stream(writer, stream));
            if let Some(state) = state {
                let uri = format!("{STATE}{}", state.state);
                let mut attributes = of_command(state.command.as_deref());
                attributes.push(("State", &uri));
                writer.open_with("rsp:CommandState", &attributes);
                state.exit_code.iter().for_each(|code| writer.leaf("rsp:ExitCode", &code.to_string()));
                writer.close("rsp:CommandState");
            }
            writer.close("rsp:ReceiveResponse");
        }
        ShellResponse::Signalled => writer.empty("rsp:SignalResponse", &NAMESPACE),
    }
}
