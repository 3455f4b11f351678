//! `trunkline status`: what the agent last knew of every appliance. Reads the state directory; needs no running agent.

mod details;
mod repository;
mod rows;

use engine::hold::Holds;
use engine::lock::{LockError, LockHolder, holder};
use engine::place::StateDirectory;
use engine::repository::RepositoryStatus;
use engine::status::{ApplianceStatus, read_all};
use plan::render::text::Text;

use crate::args::{Listing, Status};
use crate::commands::plan::painted;
use crate::console::Console;
use crate::error::{Context as _, Ending, Failure};
use crate::fit;
use crate::paint::Paint;
use crate::settings::Settings;
use crate::wiring::Wiring;
use details::details;
use repository::repository;
use rows::Row;
use serde::Serialize;

/// All that is known, as a program reads it.
#[derive(Debug, Serialize)]
struct Known {
    /// The repository; `None` when no agent has said anything of it.
    repository: Option<RepositoryStatus>,
    /// The appliances, by name.
    appliances: Vec<ApplianceStatus>,
}

/// Prints a line an appliance, and below it what is wrong or waited for; then how the repository is doing.
///
/// # Errors
/// When the state directory cannot be read.
pub fn run(args: &Status, settings: &Settings, console: &Console) -> Result<Ending, Failure> {
    let wiring = Wiring::new(settings)?;
    let state = wiring.state_to_read();
    // What may not be read is not empty.
    state.appliances().context("cannot read the state directory")?;
    let (mut appliances, mut damaged) = read_all(&state);
    let only = args.only.names();
    if let Some(missing) = only.iter().find(|name| appliances.iter().all(|status| status.appliance != **name)) {
        let known: Vec<_> = appliances.iter().map(|status| status.appliance.as_str()).collect();
        return Err(Failure::new(format!("nothing is known of `{missing}`")).hint(format!("known are: {}", known.join(", "))));
    }
    appliances.retain(|status| only.is_empty() || only.contains(&status.appliance));
    let repository = RepositoryStatus::load(&state).unwrap_or_else(|error| {
        damaged.push(error);
        None
    });
    let mut known = Known { repository, appliances };
    let now = wiring.clock.now();
    let holds = Holds::of(&state);
    let holder = holder(&state);
    known.appliances.iter_mut().for_each(|status| status.hold = holds.on(&status.appliance, now));
    if matches!(holder, Ok(None)) {
        known.leave();
    }
    match args.output {
        Listing::Json => console.line(&serde_json::to_string_pretty(&known).context("cannot write the status")?),
        Listing::Text => known.show(&holds, &state, console),
    }
    for error in &damaged {
        console.complain(&Failure::new(error.to_string()).hint("the agent sets a damaged file aside when it next looks"));
    }
    if args.output == Listing::Text {
        console.line(&console.paint.faint(fit::hung(&agent(holder, &known)?, console.columns())));
    }
    // Whoever looks in the wrong place must not take it for a fleet without trouble.
    Ok(if damaged.is_empty() && known.is_well() && state.root().exists() { Ending::Done } else { Ending::Unfinished })
}

/// Whether an agent runs, in a line.
fn agent(holder: Result<Option<LockHolder>, LockError>, known: &Known) -> Result<String, Failure> {
    Ok(match holder {
        Ok(Some(LockHolder { pid, command, since })) => format!("agent: `{command}`, process {pid}, since {since:.0}"),
        Ok(None) if known.is_empty() => "agent: none is running here".to_owned(),
        Ok(None) => "agent: none is running here; what is shown is what the last one knew".to_owned(),
        Err(LockError::Held { .. }) => "agent: one is running here, and does not say which".to_owned(),
        Err(error) => return Err(error).context("cannot tell whether an agent is running here"),
    })
}

impl Known {
    fn is_empty(&self) -> bool {
        self.appliances.is_empty() && self.repository.is_none()
    }

    /// Whether every wish is in force, and the next one would be heard of. An appliance that was let go of has none.
    fn is_well(&self) -> bool {
        let unread = self.repository.as_ref().is_some_and(|repository| repository.trouble.is_some());
        !unread && self.appliances.iter().all(|status| status.is_ready() || status.is_let_go())
    }

    /// Makes past what was present.
    fn leave(&mut self) {
        self.appliances.iter_mut().for_each(ApplianceStatus::leave);
        self.repository.iter_mut().for_each(RepositoryStatus::leave);
    }

    fn show(&self, holds: &Holds, state: &StateDirectory, console: &Console) {
        let mut rows: Vec<Row> = std::iter::once(rows::head()).chain(self.appliances.iter().map(rows::row)).collect();
        rows::align(&mut rows, console.columns());
        let directory = state.root().display();
        match &self.repository {
            _ if !self.appliances.is_empty() => console.line(&console.paint.faint(rows[0].join(" ").trim_end())),
            Some(_) => console.line("no appliance has been looked at yet"),
            None => {
                let says = format!("nothing is known yet: no agent has looked with the state directory `{directory}` (--state-dir)");
                console.line(&fit::hung(&says, console.columns()));
            }
        }
        for (status, row) in self.appliances.iter().zip(&rows[1..]) {
            console.line(&painted_row(row, console.paint));
            let unreadable = holds.unreadable(&status.appliance).map(|error| error.to_string());
            console.print(&fitted(details(status, unreadable.as_deref()), console));
        }
        if let Some(status) = &self.repository {
            console.print(&fitted(repository(status), console));
        }
    }
}

/// A row, painted by what stands in it.
fn painted_row([name, ready, posture, revision, seen]: &Row, paint: Paint) -> String {
    let word = if ready.trim_end() == "yes" { paint.good(ready) } else { paint.caution(ready) };
    format!("{} {word} {posture} {revision} {}", paint.strong(name), seen.trim_end())
}

/// A text within the columns of a terminal.
fn fitted(mut text: Text, console: &Console) -> String {
    let columns = console.columns();
    text.lines.iter_mut().for_each(|line| line.text = fit::hung(&line.text, columns));
    painted(&text, console.paint)
}
