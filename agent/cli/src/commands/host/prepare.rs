//! `trunkline host prepare`: the listener, certificate and account that a host or a guest needs, as a script of PowerShell.
//!
//! Guarantees: printing is all that happens unless `--yes` is given on Windows itself; the script can run again at will, and its
//! counterpart takes away what it made and nothing else. Deliberately absent: passwords (PowerShell asks for them).

use crate::args::{Machine, Prepare};
use crate::console::Console;
use crate::error::{Context as _, Ending, Failure};

const HEAD: &str = include_str!("prepare/head.ps1");
const LISTENER: &str = include_str!("prepare/listener.ps1");
const HOST: &str = include_str!("prepare/host.ps1");
const GUEST: &str = include_str!("prepare/guest.ps1");
const UNDO: &str = include_str!("prepare/undo.ps1");

/// Prints the script, or runs it.
///
/// # Errors
/// When a value cannot stand in a script; with `--yes` when this is no Windows, or the script fails.
pub fn run(args: &Prepare, console: &Console) -> Result<Ending, Failure> {
    let script = script(args)?;
    if args.yes {
        return carry_out(&script);
    }
    console.print(&script);
    Ok(Ending::Done)
}

fn script(args: &Prepare) -> Result<String, Failure> {
    let machine = match args.machine {
        Machine::Host => "host",
        Machine::Guest => "guest",
    };
    let values = [
        ("@MACHINE@", machine.to_owned()),
        ("@VERSION@", env!("CARGO_PKG_VERSION").to_owned()),
        ("@ACCOUNT@", quoted("--account", &args.account)?),
        ("@FROM@", args.from.iter().map(|from| quoted("--from", from)).collect::<Result<Vec<_>, _>>()?.join(", ")),
        ("@DIRECTORY@", quoted("--directory", &args.directory)?),
    ];
    let parts = match (args.undo, args.machine) {
        (true, _) => vec![HEAD, UNDO],
        (false, Machine::Host) => vec![HEAD, LISTENER, HOST],
        (false, Machine::Guest) => vec![HEAD, LISTENER, GUEST],
    };
    let script = parts.join("\n");
    Ok(values.iter().fold(script, |script, (mark, value)| script.replace(mark, value)))
}

/// A text of PowerShell's in single quotes, in which nothing but the quote itself means anything.
fn quoted(flag: &str, text: &str) -> Result<String, Failure> {
    if text.is_empty() || text.chars().any(|c| c.is_control() || matches!(c, '\'' | '\u{2018}'..='\u{201b}' | '@')) {
        return Err(
            Failure::new(format!("`{text}` cannot be used for {flag}")).hint("a name or path without quotes, `@` and control characters")
        );
    }
    Ok(format!("'{text}'"))
}

#[cfg(windows)]
#[expect(clippy::disallowed_methods, reason = "the operator asked for a script to be run; the agent itself starts no process")]
fn carry_out(script: &str) -> Result<Ending, Failure> {
    let file = std::env::temp_dir().join(format!("trunkline-prepare-{}.ps1", std::process::id()));
    std::fs::write(&file, script).context(format!("cannot write `{}`", file.display()))?;
    let mut shell = std::process::Command::new("powershell.exe");
    shell.args(["-NoProfile", "-ExecutionPolicy", "Bypass", "-File"]).arg(&file);
    let ended = shell.status().context("cannot start PowerShell");
    std::fs::remove_file(&file).context(format!("cannot remove `{}`", file.display()))?;
    if ended?.success() {
        return Ok(Ending::Done);
    }
    Err(Failure::new("the script failed; what it said stands above").hint("it can be run again: what is there already stays"))
}

#[cfg(not(windows))]
fn carry_out(_script: &str) -> Result<Ending, Failure> {
    Err::<Ending, _>(std::io::Error::from(std::io::ErrorKind::Unsupported))
        .context("the script runs on the machine that it prepares, and this is no Windows")
        .map_err(|failure| failure.hint("leave --yes out, and run what is printed in PowerShell there, as an administrator"))
}
