//! Remote shells: Create, Command, Send, Receive, Signal and Delete upon `…/windows/shell/cmd`, Get and Enumerate upon `…/windows/shell`.
//!
//! Guarantees: what Windows refuses is refused with its code; Receive waits until there is something to say or the time is up; an answer
//! stays within the client's envelope. Deliberately absent: Disconnect and its kind, which command shells do not have; the client's
//! address in a shell's description, since a caller here has none.

use jiff::SignedDuration;
use wsman::cim::endpoint::EndpointReference;
use wsman::cim::{Key, Name};
use wsman::envelope::shell::{self, CMD, CommandLine, CommandState, ShellBody, ShellRequest, ShellResponse, Stream};
use wsman::envelope::{self, Header, Item, Markup, Page, Response};
use wsman::resource::ResourceUri;
use wsman::xml::names::SHELL;

use super::{Answer, Patience, Refusal, Service, limit};
use crate::program::Desk;
use crate::program::process::CodePage;
use crate::quota;
use crate::shell::{IDLE, OUTPUT, Shell, ShellError, Wanted};

const SIGNALS: &str = "/signal/";
/// What an answer takes besides the data of streams, in characters; on the safe side.
const OVERHEAD: u64 = 3072;
/// The options that command shells know, in whichever of their requests (MS-WSMV 3.1.4.5.2, 3.1.4.11, 3.1.4.14).
const OPTIONS: [&str; 5] =
    ["WINRS_NOPROFILE", "WINRS_CODEPAGE", "WINRS_CONSOLEMODE_STDIN", "WINRS_SKIP_CMD_SHELL", "WSMAN_CMDSHELL_OPTION_KEEPALIVE"];
/// Windows before 6.3 could run a command without its interpreter.
const ALWAYS_INTERPRETED: (u32, u32) = (6, 3);

/// Whether the request is for shells.
pub(super) fn is_meant(header: &Header) -> bool {
    matches!(&header.resource, Some(ResourceUri::Other(uri)) if uri.get(..SHELL.len()).is_some_and(|head| head.eq_ignore_ascii_case(SHELL)))
}

/// What a client is told that asks for something that is no CIM, or for something that no resource can do.
pub(super) fn refusal(header: &Header) -> Refusal {
    match &header.resource {
        Some(ResourceUri::Other(_)) if is_meant(header) => Refusal::ACTION_NOT_SUPPORTED,
        Some(ResourceUri::Other(_)) | None => Refusal::INVALID_RESOURCE_URI,
        Some(_) => Refusal::ACTION_NOT_SUPPORTED,
    }
}

/// A request to shells; their Create among them.
pub(super) fn answer(service: &mut Service<'_>, header: &Header, asked: &ShellRequest) -> Result<Answer, Refusal> {
    check_resource(header)?;
    check_action(header, asked)?;
    check_options(header)?;
    let response = match asked {
        ShellRequest::Create(body) => return create(service, header, body),
        ShellRequest::Command(line) => command(service, header, line)?,
        ShellRequest::Send(streams) => send(service, header, streams)?,
        ShellRequest::Receive { command, streams } => receive(service, header, (command.as_deref(), streams))?,
        ShellRequest::Signal { command, code } => signal(service, header, (command.as_deref(), code))?,
    };
    Ok(Answer::of(Response::Shell(response)))
}

/// Command shells are the only ones that there are.
fn check_resource(header: &Header) -> Result<(), Refusal> {
    match &header.resource {
        Some(ResourceUri::Other(uri)) if uri.eq_ignore_ascii_case(CMD) => Ok(()),
        _ => Err(Refusal::INVALID_RESOURCE_URI),
    }
}

/// The action is that of the body.
fn check_action(header: &Header, asked: &ShellRequest) -> Result<(), Refusal> {
    let own = match asked {
        ShellRequest::Create(_) => envelope::action::CREATE,
        ShellRequest::Command(_) => shell::action::COMMAND,
        ShellRequest::Send(_) => shell::action::SEND,
        ShellRequest::Receive { .. } => shell::action::RECEIVE,
        ShellRequest::Signal { .. } => shell::action::SIGNAL,
    };
    if header.action.as_deref() == Some(own) { Ok(()) } else { Err(Refusal::ACTION_MISMATCH) }
}

/// Only WMI takes options that it does not know (MS-WSMV <50>, <52>).
fn check_options(header: &Header) -> Result<(), Refusal> {
    let is_odd = |name: &str| !OPTIONS.iter().any(|known| known.eq_ignore_ascii_case(name));
    let insists = header.options.iter().any(|option| option.must_comply && is_odd(&option.name));
    if insists { Err(Refusal::INVALID_OPTIONS) } else { Ok(()) }
}

fn desk<'s>(service: &'s mut Service<'_>) -> Result<(Desk<'s>, String), Refusal> {
    let owner = service.owner.user.clone();
    service.machine.desk().map(|desk| (desk, owner)).ok_or(Refusal::NOT_AT_SERVICE)
}

/// The shell that the selectors name.
fn shell_id(header: &Header) -> Result<&str, Refusal> {
    match header.selectors.as_slice() {
        [(name, Key::Text(id))] if *name == *"ShellId" => Ok(id),
        [] => Err(Refusal::TOO_FEW_SELECTORS),
        _ => Err(Refusal::UNEXPECTED_SELECTORS),
    }
}

fn refused(error: ShellError, shell: &str) -> Refusal {
    let unexpected = |text: String| Refusal::Wsman { code: 2_150_858_843, text: Some(text) };
    match error {
        ShellError::NoShell => unexpected(format!(
            "The request for the Windows Remote Shell with ShellId {shell} failed because the shell was not found on the server."
        )),
        ShellError::NoCommand => unexpected("The command was not found in the shell.".to_owned()),
        ShellError::TooManyShells => Refusal::QUOTA_SHELLS,
        ShellError::TooManyCommands => Refusal::QUOTA_OPERATIONS,
        ShellError::NoStream => Refusal::INVALID_PARAMETER,
        // Win32 errors: ERROR_DIRECTORY, ERROR_FILE_NOT_FOUND.
        ShellError::NoDirectory => Refusal::Wsman { code: 267, text: Some("The directory name is invalid.".to_owned()) },
        ShellError::NoProgram => Refusal::Wsman { code: 2, text: Some("The system cannot find the file specified.".to_owned()) },
    }
}

fn option<'h>(header: &'h Header, name: &str) -> Option<&'h str> {
    header.options.iter().find(|option| option.name.eq_ignore_ascii_case(name)).and_then(|option| option.value.as_deref())
}

fn is_true(value: Option<&str>) -> bool {
    value.is_some_and(|value| value.trim().eq_ignore_ascii_case("true") || value.trim() == "1")
}

/// The names between the spaces, which must be among `known`.
fn streams(text: Option<&str>, known: &[&str]) -> Result<Vec<String>, Refusal> {
    let names: Vec<String> = text.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    if names.iter().all(|name| known.contains(&name.as_str())) { Ok(names) } else { Err(Refusal::INVALID_PARAMETER) }
}

fn create(service: &mut Service<'_>, header: &Header, body: &ShellBody) -> Result<Answer, Refusal> {
    if !header.selectors.is_empty() {
        return Err(Refusal::UNEXPECTED_SELECTORS);
    }
    let code_page = match option(header, "WINRS_CODEPAGE").map(str::trim) {
        Some("65001") => CodePage::Utf8,
        Some(number) if number.parse::<u32>().is_err() => return Err(Refusal::INVALID_PARAMETER),
        _ => CodePage::Ascii,
    };
    let to = header.to.clone().unwrap_or_default();
    let (mut desk, owner) = desk(service)?;
    let wanted = Wanted {
        owner,
        input: streams(body.input.as_deref(), &["stdin"])?,
        output: streams(body.output.as_deref(), &OUTPUT)?,
        directory: body.working_directory.clone().filter(|directory| !directory.is_empty()),
        environment: body.environment.clone(),
        idle: body.idle_timeout.and_then(|idle| SignedDuration::try_from(idle).ok()).unwrap_or(IDLE),
        code_page,
    };
    let shell = desk.open_shell(wanted).map_err(|error| refused(error, ""))?;
    let reference = EndpointReference {
        address: to,
        resource: ResourceUri::Other(CMD.to_owned()),
        selectors: vec![(Name::from_static("ShellId"), Key::Text(shell.id.clone()))],
    };
    let now = desk.now();
    Ok(Answer::of(Response::ShellCreated(reference, described(&shell, now))))
}

/// A shell's description, element by element.
fn described(shell: &Shell, now: jiff::Timestamp) -> Vec<(&'static str, String)> {
    let span = |length: SignedDuration| {
        let seconds = length.as_secs();
        format!("P{}DT{}H{}M{}S", seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
    };
    vec![
        ("ShellId", shell.id.clone()),
        ("ResourceUri", CMD.to_owned()),
        ("Owner", shell.owner.clone()),
        ("IdleTimeOut", format!("PT{}.{:03}S", shell.idle.as_secs(), shell.idle.subsec_millis())),
        ("InputStreams", shell.input.join(" ")),
        ("OutputStreams", shell.output.join(" ")),
        ("ShellRunTime", span(now.duration_since(shell.created))),
        ("ShellInactivity", span(now.duration_since(shell.used))),
    ]
}

fn command(service: &mut Service<'_>, header: &Header, line: &CommandLine) -> Result<ShellResponse, Refusal> {
    let shell = shell_id(header)?;
    if line.command.trim().is_empty() {
        return Err(Refusal::INVALID_PARAMETER);
    }
    let (mut desk, owner) = desk(service)?;
    let typed = std::iter::once(line.command.as_str()).chain(line.arguments.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
    let version = desk.windows().map(|windows| version(&windows.version)).unwrap_or_default();
    let bare = is_true(option(header, "WINRS_SKIP_CMD_SHELL")) && version < ALWAYS_INTERPRETED;
    let line = if bare { typed } else { format!(r"C:\Windows\system32\cmd.exe /C {typed}") };
    let command = desk.start_command(&owner, shell, &line).map_err(|error| refused(error, shell))?;
    Ok(ShellResponse::Started { command })
}

fn version(text: &str) -> (u32, u32) {
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

fn send(service: &mut Service<'_>, header: &Header, streams: &[Stream]) -> Result<ShellResponse, Refusal> {
    let shell = shell_id(header)?;
    let (mut desk, owner) = desk(service)?;
    for stream in streams {
        let command = stream.command.as_deref().filter(|_| stream.name == "stdin").ok_or(Refusal::INVALID_PARAMETER)?;
        desk.give_input(&owner, shell, command, (&stream.data, stream.end)).map_err(|error| refused(error, shell))?;
    }
    Ok(ShellResponse::Sent)
}

fn receive(service: &mut Service<'_>, header: &Header, (command, wanted): (Option<&str>, &str)) -> Result<ShellResponse, Refusal> {
    let shell = shell_id(header)?;
    let command = command.ok_or(Refusal::INVALID_PARAMETER)?;
    let wanted = streams(Some(wanted), &OUTPUT)?;
    // Three bytes are four characters, each of which counts twice.
    let room = (limit(header) / 2).saturating_sub(OVERHEAD) / 4 * 3;
    let patience = service.patience;
    let (mut desk, owner) = desk(service)?;
    let taken = desk.take_output(&owner, shell, command, (&wanted, usize::try_from(room).unwrap_or(usize::MAX)));
    let Some(output) = taken.map_err(|error| refused(error, shell))? else {
        service.waits = patience == Patience::Left;
        return Err(Refusal::code(super::TIMED_OUT));
    };
    let id = || Some(command.to_owned());
    let data = output.pieces.into_iter().map(|(name, data)| Stream { name, command: id(), data, end: false });
    let ends = output.ended.into_iter().map(|name| Stream { name, command: id(), data: Vec::new(), end: true });
    let state = if output.exit.is_some() { "Done" } else { "Running" };
    let state = CommandState { command: id(), state: state.to_owned(), exit_code: output.exit };
    Ok(ShellResponse::Received { streams: data.chain(ends).collect(), state: Some(state) })
}

fn signal(service: &mut Service<'_>, header: &Header, (command, code): (Option<&str>, &str)) -> Result<ShellResponse, Refusal> {
    let shell = shell_id(header)?;
    let command = command.ok_or(Refusal::INVALID_PARAMETER)?;
    let code = code.to_ascii_lowercase();
    let name = code.rsplit_once(SIGNALS).map(|(_, name)| name).ok_or(Refusal::INVALID_PARAMETER)?;
    let (mut desk, owner) = desk(service)?;
    let done = match name {
        "terminate" => desk.terminate(&owner, shell, command),
        "ctrl_c" | "ctrl_break" => desk.interrupt(&owner, shell, command),
        _ => return Err(Refusal::INVALID_PARAMETER),
    };
    done.map(|()| ShellResponse::Signalled).map_err(|error| refused(error, shell))
}

/// Delete: the shell ends with all that it has started.
pub(super) fn delete(service: &mut Service<'_>, header: &Header) -> Result<Answer, Refusal> {
    check_resource(header)?;
    let shell = shell_id(header)?;
    let (mut desk, owner) = desk(service)?;
    desk.close_shell(&owner, shell).map_err(|error| refused(error, shell))?;
    Ok(Answer::of(Response::Empty))
}

/// Shells are read upon the URI of all shells only, since 2008 R2 (MS-WSMV <103>, <114>).
fn check_all_shells(header: &Header) -> Result<(), Refusal> {
    match &header.resource {
        Some(ResourceUri::Other(uri)) if uri.eq_ignore_ascii_case(SHELL) => Ok(()),
        _ => Err(Refusal::ACTION_NOT_SUPPORTED),
    }
}

/// Get: a shell's description.
pub(super) fn get(service: &mut Service<'_>, header: &Header) -> Result<Answer, Refusal> {
    check_all_shells(header)?;
    let id = shell_id(header)?;
    let (desk, owner) = desk(service)?;
    let now = desk.now();
    let mut shells = desk.windows().into_iter().flat_map(|windows| windows.activity.shells.of(&owner));
    let shell = shells.find(|shell| shell.id.eq_ignore_ascii_case(id)).ok_or_else(|| refused(ShellError::NoShell, id))?;
    Ok(Answer::of(Response::Other(markup(&described(shell, now)))))
}

/// Enumerate: the user's shells.
pub(super) fn enumerate(service: &mut Service<'_>, header: &Header, asked: &envelope::Enumerate) -> Result<Answer, Refusal> {
    check_all_shells(header)?;
    if asked.filter.is_some() {
        return Err(Refusal::FILTERING_NOT_SUPPORTED);
    }
    let (desk, owner) = desk(service)?;
    let now = desk.now();
    let shells: Vec<Markup> = match desk.windows() {
        Some(windows) => windows.activity.shells.of(&owner).map(|shell| markup(&described(shell, now))).collect(),
        None => Vec::new(),
    };
    let mut page = Page::default();
    if asked.optimize {
        page.items = shells.into_iter().map(Item::Other).collect();
        page.end = true;
    } else {
        let context = quota::text(service.enumerations.fresh());
        service.subscriptions.list(service.owner.clone(), &context, shells);
        page.context = Some(context);
    }
    Ok(Answer::of(Response::Enumerate(page)))
}

fn markup(described: &[(&'static str, String)]) -> Markup {
    let mut writer = wsman::xml::Writer::new();
    described.iter().for_each(|(name, text)| writer.leaf(name, text));
    Markup { namespace: SHELL.to_owned(), name: "Shell".to_owned(), inner: writer.finish(), prefixes: vec![] }
}
