//! `trunkline host prepare`: the listener, certificate and account that a host or a guest needs, as a script of PowerShell.
//!
//! Guarantees: printing is all that happens unless `--yes` is given on Windows itself; the script can run again at will, and its
//! counterpart takes away what it made and nothing else. Deliberately absent: passwords (PowerShell asks for them).

use std::net::IpAddr;

use crate::args::{Machine, Prepare};
use crate::console::Console;
use crate::error::{Context as _, Ending, Failure};

const HEAD: &str = include_str!("prepare/head.ps1");
const LISTENER: &str = include_str!("prepare/listener.ps1");
const HOST: &str = include_str!("prepare/host.ps1");
const GUEST: &str = include_str!("prepare/guest.ps1");
const UNDO: &str = include_str!("prepare/undo.ps1");

/// Where an appliance's disks and files go when nobody says.
const DIRECTORY: &str = r"C:\Trunkline";
/// What Windows takes as the name of a local account.
const LONGEST_ACCOUNT: usize = 20;
const NOT_IN_ACCOUNTS: [char; 15] = ['"', '/', '\\', '[', ']', ':', ';', '|', '=', ',', '+', '*', '?', '<', '>'];

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
    if args.account.encode_utf16().count() > LONGEST_ACCOUNT || args.account.contains(NOT_IN_ACCOUNTS) {
        return Err(Failure::new(format!("`{}` cannot be used for --account", args.account))
            .hint(format!("Windows takes {LONGEST_ACCOUNT} characters at most, and none of \" / \\ [ ] : ; | = , + * ? < >")));
    }
    let directory = match (&args.directory, args.machine) {
        (Some(_), Machine::Guest) => {
            return Err(Failure::new("a guest has no --directory: appliances lie on hosts").hint("leave it out"));
        }
        (Some(directory), Machine::Host) if !is_absolute(directory) => {
            return Err(Failure::new(format!("--directory `{directory}` is no path on a host")).hint(r"write it in full, such as `D:\CCE`"));
        }
        (directory, _) => directory.as_deref().unwrap_or(DIRECTORY),
    };
    let machine = match args.machine {
        Machine::Host => "host",
        Machine::Guest => "guest",
    };
    let values = [
        ("@MACHINE@", machine.to_owned()),
        ("@VERSION@", env!("CARGO_PKG_VERSION").to_owned()),
        ("@ACCOUNT@", quoted("--account", &args.account)?),
        ("@FROM@", args.from.iter().map(|from| quoted("--from", who(from)?)).collect::<Result<Vec<_>, _>>()?.join(", ")),
        ("@DIRECTORY@", quoted("--directory", directory)?),
    ];
    let parts = match (args.undo, args.machine) {
        (true, _) => vec![HEAD, UNDO],
        (false, Machine::Host) => vec![HEAD, LISTENER, HOST],
        (false, Machine::Guest) => vec![HEAD, LISTENER, GUEST],
    };
    let script = parts.join("\n");
    Ok(values.iter().fold(script, |script, (mark, value)| script.replace(mark, value)))
}

/// Who may connect. What else the firewall knows (`Any`, `Internet` …) would let in everybody, or nobody without a word.
fn who(from: &str) -> Result<&str, Failure> {
    let (address, length) = from.split_once('/').map_or((from, None), |(address, length)| (address, Some(length)));
    let is_good = match (address.parse::<IpAddr>(), length) {
        (Ok(address), Some(length)) => {
            let longest = if address.is_ipv4() { 32 } else { 128 };
            length.parse::<u8>().is_ok_and(|length| (1..=longest).contains(&length))
        }
        (Ok(address), None) => !address.is_unspecified(),
        (Err(_), _) => from == "LocalSubnet",
    };
    if is_good {
        return Ok(from);
    }
    Err(Failure::new(format!("`{from}` cannot be used for --from"))
        .hint("give addresses, subnets such as `10.0.0.0/24`, or `LocalSubnet`; WinRM is never opened to everybody"))
}

/// Whether a path begins at a drive: `D:\CCE`.
fn is_absolute(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', b'\\', ..] if letter.is_ascii_alphabetic())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn winrm_is_opened_to_those_who_are_named_and_never_to_everybody() {
        let prepare = |from: &str| {
            let from = from.split(',').map(str::to_owned).collect();
            let args = Prepare { machine: Machine::Host, account: "agent".to_owned(), from, directory: None, undo: false, yes: false };
            script(&args).map_err(|failure| failure.render())
        };
        for from in ["Any", "Internet", "foo bar", "0.0.0.0/0", "::/0", "0.0.0.0", "10.0.0.0/33", "10.0.0/24", "LocalSubnet,*", ""] {
            assert!(prepare(from).is_err(), "{from}");
        }
        insta::assert_snapshot!(prepare("Any").unwrap_err(), @"
        error: `Any` cannot be used for --from
        hint: give addresses, subnets such as `10.0.0.0/24`, or `LocalSubnet`; WinRM is never opened to everybody
        ");
        let script = prepare("10.0.0.0/24,192.168.1.7,fd00::/8,LocalSubnet").unwrap();
        assert!(script.contains("-RemoteAddress '10.0.0.0/24', '192.168.1.7', 'fd00::/8', 'LocalSubnet' |"), "{script}");
    }

    fn prepare(machine: Machine, account: &str, directory: Option<&str>) -> Result<String, String> {
        let directory = directory.map(str::to_owned);
        let args =
            Prepare { machine, account: account.to_owned(), from: vec!["LocalSubnet".to_owned()], directory, undo: false, yes: false };
        script(&args).map_err(|failure| failure.render())
    }

    #[test]
    fn what_windows_would_refuse_or_nobody_would_heed_is_refused_before() {
        let said = [
            prepare(Machine::Host, "trunkline-agent-of-sea", None),
            prepare(Machine::Host, r"HV01\agent", None),
            prepare(Machine::Host, "agent", Some("relative")),
            prepare(Machine::Guest, "agent", Some(r"D:\CCE")),
        ];
        let said: Vec<String> = said.into_iter().map(|script| script.unwrap_err()).collect();
        insta::assert_snapshot!(said.join("\n"), @r#"
        error: `trunkline-agent-of-sea` cannot be used for --account
        hint: Windows takes 20 characters at most, and none of " / \ [ ] : ; | = , + * ? < >
        error: `HV01\agent` cannot be used for --account
        hint: Windows takes 20 characters at most, and none of " / \ [ ] : ; | = , + * ? < >
        error: --directory `relative` is no path on a host
        hint: write it in full, such as `D:\CCE`
        error: a guest has no --directory: appliances lie on hosts
        hint: leave it out
        "#);
        assert!(prepare(Machine::Host, "trunkline", None).unwrap().contains(r"-Path 'C:\Trunkline'"));
        assert!(prepare(Machine::Host, "trunkline", Some(r"D:\CCE")).unwrap().contains(r"-Path 'D:\CCE'"));
        assert!(prepare(Machine::Guest, "trunkline", None).is_ok());
    }
}
