//! `trunkline status`: what the agent last knew of every appliance. Reads the state directory; needs no running agent.

mod details;

use engine::hold::Holds;
use engine::lock::{LockError, LockHolder, holder};
use engine::status::{ApplianceStatus, read_all};
use model::condition::{ConditionKind, Posture, Truth};

use crate::args::{Listing, Status};
use crate::commands::plan::painted;
use crate::console::Console;
use crate::error::{Context as _, Ending, Failure};
use crate::settings::Settings;
use crate::wiring::Wiring;
use details::details;

/// Prints a line an appliance, and below it what is wrong or waited for.
///
/// # Errors
/// When the state directory cannot be read.
pub fn run(args: &Status, settings: &Settings, console: &Console) -> Result<Ending, Failure> {
    let wiring = Wiring::new(settings)?;
    let state = wiring.state()?;
    // What may not be read is not empty.
    state.appliances().context("cannot read the state directory")?;
    let (mut all, damaged) = read_all(&state);
    if let Some(missing) = args.only.iter().find(|name| all.iter().all(|status| status.appliance != **name)) {
        let known: Vec<_> = all.iter().map(|status| status.appliance.as_str()).collect();
        return Err(Failure::new(format!("nothing is known of `{missing}`")).hint(format!("known are: {}", known.join(", "))));
    }
    all.retain(|status| args.only.is_empty() || args.only.contains(&status.appliance));
    let now = wiring.clock.now();
    let holds = Holds::of(&state);
    let holder = holder(&state);
    for status in &mut all {
        status.hold = holds.on(&status.appliance, now);
        if matches!(holder, Ok(None)) {
            status.leave();
        }
    }
    match args.output {
        Listing::Json => console.line(&serde_json::to_string_pretty(&all).context("cannot write the status")?),
        Listing::Text if all.is_empty() => {
            let directory = state.root().display();
            console.line(&format!("nothing is known yet: no agent has looked with the state directory `{directory}` (--state-dir)"));
        }
        Listing::Text => {
            console
                .line(&console.paint.faint(format!("{:<20} {:<12} {:<12} {:<24} {}", "APPLIANCE", "READY", "POSTURE", "REVISION", "SEEN")));
            for status in &all {
                show(status, console);
                let unreadable = holds.unreadable(&status.appliance).map(|error| error.to_string());
                console.print(&painted(&details(status, unreadable.as_deref()), console.paint));
            }
        }
    }
    for error in &damaged {
        anstream::eprintln!("{}", Failure::new(error.to_string()).hint("the agent sets a damaged file aside when it next looks").render());
    }
    if args.output == Listing::Text {
        let agent = match holder {
            Ok(Some(LockHolder { pid, command, since })) => format!("agent: `{command}`, process {pid}, since {since:.0}"),
            Ok(None) if all.is_empty() => "agent: none is running here".to_owned(),
            Ok(None) => "agent: none is running here; what is shown is what the last one knew".to_owned(),
            Err(LockError::Held { .. }) => "agent: one is running here, and does not say which".to_owned(),
            Err(error) => return Err(error).context("cannot tell whether an agent is running here"),
        };
        console.line(&console.paint.faint(agent));
    }
    let ready = damaged.is_empty() && all.iter().all(ApplianceStatus::is_ready);
    Ok(if ready { Ending::Done } else { Ending::Unfinished })
}

fn show(status: &ApplianceStatus, console: &Console) {
    let paint = console.paint;
    let ready = status.condition(ConditionKind::Ready);
    let (word, good) = match ready.map(|condition| condition.status) {
        Some(Truth::True) => ("yes", true),
        Some(Truth::False) => ("no", false),
        Some(Truth::Unknown) | None => ("unknown", false),
    };
    let word = format!("{word:<12}");
    let word = if good { paint.good(word) } else { paint.caution(word) };
    let posture = match &status.posture {
        None => "unknown",
        Some(Posture::Serving) => "serving",
        Some(Posture::Maintenance) => "maintenance",
        Some(Posture::Degraded(_)) => "degraded",
        Some(Posture::Down(_)) => "down",
    };
    let revision = status.last_applied.as_ref().map_or_else(|| "never".to_owned(), |revision| format!("{revision:#}"));
    let seen = status.observed_at.map_or_else(|| "never".to_owned(), |at| format!("{at:.0}"));
    console.line(&format!("{} {word} {posture:<12} {revision:<24} {seen}", paint.strong(format!("{:<20}", status.appliance.as_str()))));
}
