//! `trunkline validate`: every fault of a repository, and what would never run.

use model::diagnostic::{Severity, render_all, to_json};

use crate::args::{Listing, Validate};
use crate::console::Console;
use crate::error::{Ending, Failure};
use crate::fleet::{self, Purpose};
use crate::settings::Settings;

/// Prints the findings; warnings alone are no failure.
///
/// # Errors
/// When the repository cannot be read at all.
pub fn run(args: &Validate, mut settings: Settings, console: &Console) -> Result<Ending, Failure> {
    if let Some(source) = &args.tree {
        settings.set_source(source.clone());
    }
    let snapshot = fleet::read(&settings, Purpose::Look)?;
    let policies = crate::policies::faults(&snapshot);
    let mut findings = snapshot.diagnostics.to_vec();
    findings.extend(policies);
    let faulty = findings.iter().any(|finding| finding.severity == Severity::Error);
    match args.output {
        Listing::Json => {
            let sound: Vec<_> = snapshot.desired.keys().collect();
            let refused: Vec<_> = snapshot.refused.keys().collect();
            let report = serde_json::json!({ "revision": snapshot.revision, "appliances": sound, "refused": refused, "diagnostics": to_json(&findings) });
            console.line(&format!("{report:#}"));
        }
        Listing::Text => {
            console.print(&render_all(&findings));
            if !faulty {
                let sites: std::collections::BTreeSet<_> = snapshot.desired.values().map(|desired| &desired.site).collect();
                let counts = format!("{} at {}", count(snapshot.desired.len(), "appliance"), count(sites.len(), "site"));
                let but = if findings.is_empty() { "no faults" } else { "no errors" };
                console.line(&format!("{} {counts}, {but}", console.paint.good("valid:")));
            }
        }
    }
    Ok(if faulty { Ending::Faulty } else { Ending::Done })
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
