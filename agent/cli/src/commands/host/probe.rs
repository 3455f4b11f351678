//! `trunkline host probe`: what of a machine can be used, and what to do about the rest. Changes nothing there.

use engine::Hosts as _;
use hyperv::probe::{FIRST_CONTACT, Report, Target, probe};
use model::desired::{DesiredHost, Place, Scheme};
use model::names::{CredentialName, HostPath};
use wsman::connect::{Endpoint, Scheme as WireScheme};

use crate::args::{Listing, Probe};
use crate::console::{Aside, Console};
use crate::error::{Context as _, Ending, Failure};
use crate::findings;
use crate::fit::wrapped;
use crate::paint::Paint;
use crate::runtime::block_on;
use crate::settings::Settings;
use crate::wiring::Wiring;

/// Probes and prints.
///
/// # Errors
/// When the endpoint, the credential or the fingerprint is none.
pub fn run(args: &Probe, settings: &Settings, console: &Console) -> Result<Ending, Failure> {
    let wiring = Wiring::new(settings)?;
    let target = target(args)?;
    let context = wiring.way_to(&stand_in(&target)?);
    console.aside(Aside::Note, &format!("asking {}; a machine that says nothing is given up after a minute or two", args.endpoint));
    let report = block_on(async { probe(&target, &context).await.context(format!("cannot probe `{}`", args.endpoint)) })?;
    match args.output {
        Listing::Json => console.line(&serde_json::to_string_pretty(&report).context("cannot write the report")?),
        Listing::Text => console.print(&text(&report, console.paint)),
    }
    Ok(if report.is_well() { Ending::Done } else { Ending::Unfinished })
}

fn target(args: &Probe) -> Result<Target, Failure> {
    let text = if args.endpoint.contains("://") { args.endpoint.clone() } else { format!("https://{}", args.endpoint) };
    let endpoint: Endpoint = text.parse().context(format!("cannot probe `{}`", args.endpoint))?;
    if endpoint.path != "/wsman" {
        return Err(Failure::new(format!("cannot probe `{}`: WinRM listens below /wsman", args.endpoint)).hint("leave the path out"));
    }
    let scheme = match endpoint.scheme {
        WireScheme::Https => Scheme::Https,
        WireScheme::Http => Scheme::Http,
    };
    let login = args.credential.as_ref().map(|name| (name.clone(), args.authentication.into()));
    Ok(Target { address: endpoint.host, port: endpoint.port, scheme, fingerprint: args.fingerprint.clone(), login })
}

/// What a manifest would say of the machine, as far as the way to it depends on that.
fn stand_in(target: &Target) -> Result<DesiredHost, Failure> {
    let nobody = CredentialName::new("nobody").context("cannot name a credential")?;
    let (credential, authentication) = target.login.clone().unwrap_or((nobody, model::desired::Authentication::Negotiate));
    Ok(DesiredHost {
        address: target.address.clone(),
        port: target.port,
        scheme: target.scheme,
        fingerprint: target.fingerprint.clone(),
        place: Place::Remote,
        credential,
        authentication,
        root: HostPath::new(r"C:\").context("cannot name a directory")?,
    })
}

fn text(report: &Report, paint: Paint) -> String {
    let mut lines = vec![paint.strong(&report.endpoint)];
    lines.extend(report.findings.iter().flat_map(|finding| findings::lines(finding, paint)));
    if !report.unverified.is_empty() {
        lines.push(String::new());
        lines.push(paint.faint("Not in our class table, and read as text:"));
        lines.extend(report.unverified.iter().map(|name| format!("  {name}")));
    }
    // Whoever could not get in has other things to do first.
    if report.findings.iter().all(|finding| finding.subject != "capabilities") {
        lines.push(String::new());
        lines.push(paint.faint("Not tried, since it changes something; somebody should see it once:"));
        for item in FIRST_CONTACT {
            for (index, line) in wrapped(item, findings::WIDTH - 4).into_iter().enumerate() {
                lines.push(format!("{}{line}", if index == 0 { "  - " } else { "    " }));
            }
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use hyperv::probe::{Finding, Outcome};

    use super::*;
    use crate::args::When;

    #[test]
    fn a_report_fits_a_terminal_and_says_what_to_do() {
        let finding = |subject, outcome| Finding { subject, outcome };
        let report = Report {
            endpoint: "https://hv01:5986/wsman".to_owned(),
            findings: vec![
                finding("reach", Outcome::Works { detail: "hv01:5986 listens".to_owned() }),
                finding(
                    "account",
                    Outcome::Trouble {
                        cause: "the host refuses user `agent`".to_owned(),
                        advice: "check the password and ".repeat(3) + "try",
                    },
                ),
                finding("capabilities", Outcome::NotTried { because: "the account is not let in" }),
            ],
            unverified: BTreeSet::from(["Msvm_X.New".to_owned()]),
        };
        let text = text(&report, Paint::for_stdout(When::Never, true));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text, @r"
        https://hv01:5986/wsman
        ok       reach           hv01:5986 listens
        trouble  account         the host refuses user `agent`
                                 -> check the password and check the password and
                                    check the password and try
        skipped  capabilities    the account is not let in

        Not in our class table, and read as text:
          Msvm_X.New
        ");
    }
}
