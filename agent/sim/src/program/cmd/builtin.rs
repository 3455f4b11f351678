//! The commands that the interpreter carries out itself.
//!
//! Guarantees: a command that succeeds leaves `%errorlevel%` alone unless the real one sets it.

use super::super::call::Call;
use super::{files, listing};

/// A command of the interpreter's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Builtin {
    Call,
    Cd,
    Cls,
    Copy,
    Del,
    Dir,
    Echo,
    Exit,
    Mkdir,
    Move,
    Ren,
    Rmdir,
    Set,
    Title,
    Type,
    Ver,
    Verify,
}

/// What a command gave back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It succeeded and leaves the error level alone.
    Well,
    /// It sets the error level.
    Ends(u32),
    /// Nobody knows it.
    Unknown,
    /// It is a process now.
    Started(u32),
    /// A variable waits for a line.
    Ask(String),
    /// A line to run.
    Again(String),
    /// The interpreter ends.
    Exit(Option<u32>),
}

const NAMES: [(&str, Builtin); 22] = [
    ("call", Builtin::Call),
    ("cd", Builtin::Cd),
    ("chdir", Builtin::Cd),
    ("cls", Builtin::Cls),
    ("copy", Builtin::Copy),
    ("del", Builtin::Del),
    ("dir", Builtin::Dir),
    ("echo", Builtin::Echo),
    ("erase", Builtin::Del),
    ("exit", Builtin::Exit),
    ("md", Builtin::Mkdir),
    ("mkdir", Builtin::Mkdir),
    ("move", Builtin::Move),
    ("rd", Builtin::Rmdir),
    ("ren", Builtin::Ren),
    ("rename", Builtin::Ren),
    ("rmdir", Builtin::Rmdir),
    ("set", Builtin::Set),
    ("title", Builtin::Title),
    ("type", Builtin::Type),
    ("ver", Builtin::Ver),
    ("verify", Builtin::Verify),
];

/// The command that `text` begins with, and the rest of it.
pub(super) fn find(text: &str) -> Option<(Builtin, &str)> {
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (name, tail) = text.split_at(end);
    // `cd..`, `dir/b` and `echo.` are commands; `type-x` and `copy2` are names of something else.
    let goes_on = tail.chars().next().is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-') || tail.starts_with(".exe"));
    let (_, builtin) = NAMES.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).filter(|_| !goes_on)?;
    Some((builtin, tail))
}

/// Carries it out.
pub(super) fn run(builtin: Builtin, tail: &str, error_level: u32, call: &mut Call<'_, '_>) -> Verdict {
    match builtin {
        Builtin::Call => Verdict::Again(tail.trim_start().to_owned()),
        Builtin::Cd => cd(tail, call),
        Builtin::Cls | Builtin::Title | Builtin::Verify => Verdict::Well,
        Builtin::Copy => files::copy(tail, call),
        Builtin::Del => files::del(tail, call),
        Builtin::Dir => listing::dir(tail, call),
        Builtin::Echo => echo(tail, call),
        Builtin::Exit => exit(tail, error_level),
        Builtin::Mkdir => files::mkdir(tail, call),
        Builtin::Move => files::move_to(tail, call),
        Builtin::Ren => files::ren(tail, call),
        Builtin::Rmdir => files::rmdir(tail, call),
        Builtin::Set => set(tail, call),
        Builtin::Type => files::type_out(tail, call),
        Builtin::Ver => {
            let version = call.windows().map(|w| w.version.clone()).unwrap_or_default();
            call.print(&format!("\r\nMicrosoft Windows [Version {version}]\r\n"));
            Verdict::Ends(0)
        }
    }
}

fn echo(tail: &str, call: &mut Call<'_, '_>) -> Verdict {
    // The character behind `echo` is no part of what it says.
    let mut chars = tail.chars();
    let first = chars.next();
    let text = chars.as_str();
    match (first, text.trim()) {
        (None, _) | (Some(' ' | '\t' | ',' | ';' | '='), "") => call.say("ECHO is on."),
        (Some(' ' | '\t'), word) if word.eq_ignore_ascii_case("on") || word.eq_ignore_ascii_case("off") => {}
        _ => call.say(text),
    }
    Verdict::Well
}

fn exit(tail: &str, error_level: u32) -> Verdict {
    let tail = tail.trim();
    let number = match tail.get(..2) {
        Some(switch) if switch.eq_ignore_ascii_case("/b") => tail[2..].trim(),
        _ => tail,
    };
    // As the C runtime reads a number: what is none is nothing.
    let parsed = number.parse::<i64>().ok().map(|code| u32::try_from(code & 0xFFFF_FFFF).unwrap_or(0));
    Verdict::Exit(Some(parsed.unwrap_or(error_level)))
}

fn cd(tail: &str, call: &mut Call<'_, '_>) -> Verdict {
    let tail = tail.trim();
    let tail = tail.strip_prefix("/d").or_else(|| tail.strip_prefix("/D")).unwrap_or(tail).trim();
    if tail.is_empty() {
        let directory = call.setting.directory.clone();
        call.say(&directory);
        return Verdict::Well;
    }
    let path = call.path(tail);
    let is_folder = call.files().is_some_and(|files| files.find(&path) == crate::file_tree::Found::Folder);
    if is_folder {
        call.setting.directory = path;
        return Verdict::Ends(0);
    }
    call.complain("The system cannot find the path specified.");
    Verdict::Ends(1)
}

fn set(tail: &str, call: &mut Call<'_, '_>) -> Verdict {
    let tail = tail.trim_start();
    if let Some(rest) = tail.strip_prefix("/p").or_else(|| tail.strip_prefix("/P")) {
        let (name, prompt) = rest.trim_start().split_once('=').unwrap_or((rest.trim(), ""));
        call.print(prompt.trim_matches('"'));
        return Verdict::Ask(name.trim_matches('"').to_owned());
    }
    if tail.starts_with("/a") || tail.starts_with("/A") {
        call.complain("Missing operator.");
        return Verdict::Ends(1_073_750_990);
    }
    let text = match tail.strip_prefix('"') {
        Some(inside) => inside.rsplit_once('"').map_or(inside, |(text, _)| text),
        None => tail,
    };
    if let Some((name, value)) = text.split_once('=') {
        call.setting.environment.set(name, value);
        return Verdict::Well;
    }
    let prefix = text.trim().to_uppercase();
    let found: Vec<String> = call
        .setting
        .environment
        .iter()
        .filter(|(name, _)| name.to_uppercase().starts_with(&prefix))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if found.is_empty() {
        call.complain(&format!("Environment variable {} not defined", text.trim()));
        return Verdict::Ends(1);
    }
    found.iter().for_each(|line| call.say(line));
    Verdict::Well
}
