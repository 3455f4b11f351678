//! `trunkline plan`: what would be done, and what it waits for. Three ways to look: live hosts, an observation in a file, or two
//! revisions without any host.

mod between;
pub mod comparison;

use std::collections::{BTreeMap, BTreeSet};

use engine::preview::{OnPaper, Preview, Unseen, preview};
use jiff::{SignedDuration, Timestamp};
use model::desired::Desired;
use model::names::ApplianceName;
use model::observed::Observed;
use model::snapshot::Snapshot;
use plan::Decision;
use plan::given::{Given, Peer, PeerSight, Ruling};
use plan::render::text::{self, Text, Tone};
use plan::render::{json, markdown};
use wsman::clock::{Clock as _, SystemClock};

use crate::args::{Output, Plan};
use crate::commands::observe;
use crate::console::{Aside, Console};
use crate::error::{Context as _, Ending, Failure};
use crate::fleet::{self, Purpose};
use crate::paint::Paint;
use crate::runtime::block_on;
use crate::settings::Settings;
use crate::unseen;
use crate::wiring::Wiring;

/// An observation that is older is no picture of the present any more.
const FRESH: SignedDuration = SignedDuration::from_hours(1);

/// Prints plans.
///
/// # Errors
/// When the repository, an observation or a host cannot be read.
pub fn run(args: &Plan, settings: &Settings, console: &Console) -> Result<Ending, Failure> {
    let Sight { planned, blind, snapshot, seen } = match (&args.observed, &args.base, &args.head) {
        (Some(file), _, _) => from_file(args, settings, file)?,
        (None, Some(base), Some(head)) => return between::run(args, settings, console, [base, head]),
        (None, _, _) => live(args, settings)?,
    };
    console.aside(Aside::Note, &wish_of(&snapshot));
    if let Some(seen) = &seen {
        seen.tell(args.output, console);
    }
    show(&planned, args.output, console)?;
    match (blind, fleet::whole(&snapshot).err()) {
        (Some(blind), Some(refused)) => {
            console.complain(&refused);
            return Err(blind);
        }
        (Some(failure), None) | (None, Some(failure)) => return Err(failure),
        (None, None) => {}
    }
    Ok(ending(&planned, args.detailed_exitcode))
}

/// How a look at plans ends: what is not known to be in force is never taken for "nothing to do".
fn ending(planned: &[Planned], detailed: bool) -> Ending {
    if detailed && planned.iter().any(Planned::is_due) {
        Ending::ChangesDue
    } else if planned.iter().any(Planned::is_open) {
        Ending::Unfinished
    } else {
        Ending::Done
    }
}

/// What was planned, and what was not.
pub struct Sight {
    /// A plan for each appliance that could be seen.
    pub planned: Vec<Planned>,
    /// The appliances that could not be seen.
    pub blind: Option<Failure>,
    /// The revision that was planned.
    pub snapshot: Snapshot,
    /// When it was seen, where that was not just now.
    pub seen: Option<Seen>,
}

/// When an observation in a file was made.
#[derive(Debug)]
pub struct Seen {
    /// The oldest and the newest look in it.
    looks: (Timestamp, Timestamp),
    now: Timestamp,
}

impl Seen {
    /// Of the looks that a plan rests on; `None` when there are none.
    fn of<'a>(looks: impl Iterator<Item = &'a Observed> + Clone, now: Timestamp) -> Option<Self> {
        let times = looks.map(|look| look.at);
        Some(Self { looks: (times.clone().min()?, times.max()?), now })
    }

    /// Times and no lengths of time, so that the same file gives the same words. Beside documents for programs it stands on standard error.
    fn tell(&self, output: Output, console: &Console) {
        let (oldest, newest) = (format!("{:.0}", self.looks.0), format!("{:.0}", self.looks.1));
        let when = if oldest == newest { format!("at {oldest}") } else { format!("between {oldest} and {newest}") };
        let says = format!("hosts as seen {when}");
        match output {
            Output::Text => console.line(&format!("{}\n", console.paint.faint(says))),
            Output::Markdown => console.line(&format!("_{says}_\n")),
            Output::Json => console.aside(Aside::Note, &says),
        }
        if self.now.duration_since(self.looks.0) > FRESH {
            let says = "warning: the hosts were seen more than an hour ago, and much may have changed; `trunkline observe` looks again";
            console.aside(Aside::Caution, says);
        } else if self.looks.1 > self.now {
            let says = "warning: the hosts were seen in the future; the clock here, or where they were observed, is wrong";
            console.aside(Aside::Caution, says);
        }
    }
}

/// What the wish was read from, in a line.
#[must_use]
pub fn wish_of(snapshot: &Snapshot) -> String {
    match snapshot.revision.as_str() {
        "directory" => "wish of the working directory, committed or not".to_owned(),
        _ => format!("wish of {:#}", snapshot.revision),
    }
}

/// One appliance's plan, however it was made.
pub struct Planned {
    /// What is left to do, what stands around it, and what of it may begin now.
    pub decision: Decision,
}

impl Planned {
    /// Whether anything is to change, now or once something that is waited for has come.
    #[must_use]
    pub fn is_due(&self) -> bool {
        let Decision { plan, report, .. } = &self.decision;
        !plan.is_empty() || !report.changes.is_empty() || !report.stalls.is_empty()
    }

    /// Whether nobody can say yet that nothing is to change: nothing is due, and still something is waited for (a guest that cannot be
    /// seen, say). Such an appliance is not `Ready` either.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.is_due() && !self.decision.gated.waits.is_empty()
    }
}

impl Planned {
    /// A decision, with what policies warn of among its notes.
    fn of(mut decision: Decision) -> Self {
        let warned = decision.verdicts.iter().filter(|verdict| verdict.ruling == Ruling::Warn);
        let notes: Vec<_> = warned.map(|verdict| format!("policy `{}` warns: {}", verdict.policy, verdict.message)).collect();
        decision.report.notes.extend(notes);
        Self { decision }
    }
}

impl From<Preview> for Planned {
    fn from(preview: Preview) -> Self {
        Self::of(preview.decision)
    }
}

fn live(args: &Plan, settings: &Settings) -> Result<Sight, Failure> {
    let wiring = Wiring::new(settings)?;
    let snapshot = fleet::read(settings, Purpose::Look)?;
    let wanted: BTreeSet<_> = fleet::chosen(&snapshot, &args.only.names())?.iter().map(|desired| desired.appliance.clone()).collect();
    block_on(async {
        let previews = preview(wiring.parts()?, &snapshot, &wanted).await;
        let (planned, blind) = sound(previews);
        Ok(Sight { planned, blind, snapshot, seen: None })
    })
}

/// The plans of all that could be seen, and what is to be said of the others.
#[must_use]
pub fn sound(previews: BTreeMap<ApplianceName, Result<Preview, Unseen>>) -> (Vec<Planned>, Option<Failure>) {
    let mut planned = Vec::new();
    let mut blind = Vec::new();
    for preview in previews.into_values() {
        match preview {
            Ok(preview) => planned.push(Planned::from(preview)),
            Err(unseen) => blind.push(unseen.to_string()),
        }
    }
    let rest = (!planned.is_empty()).then_some("the others are planned above");
    let failure = unseen::failure(&blind, rest);
    (planned, failure)
}

/// Plans against a file: no host, no credential, no clock but the observation's own (ours only warns), so equal files give equal bytes.
fn from_file(args: &Plan, settings: &Settings, file: &std::path::Path) -> Result<Sight, Failure> {
    let snapshot = fleet::read(settings, Purpose::Look)?;
    let observation = observe::read(file)?;
    let seen: BTreeMap<_, _> = observation.appliances.iter().map(|one| (&one.appliance, one)).collect();
    let wanted = fleet::chosen(&snapshot, &args.only.names())?;
    let paper = OnPaper::new(&snapshot);
    let mut planned = Vec::new();
    let mut lacking = Vec::new();
    for desired in &wanted {
        match seen.get(&desired.appliance) {
            None => lacking.push(desired.appliance.as_str()),
            Some(observed) => {
                let given = Given { peers: peers(desired, &snapshot, &seen), ..Given::at(observed.at) };
                planned.push(Planned::of(paper.decide(desired, observed, &given)));
            }
        }
    }
    let lacks = || format!("the observation `{}` lacks {}", file.display(), lacking.join(", "));
    let blind = (!lacking.is_empty()).then(|| Failure::new(lacks()).hint("observe them too, or name the appliances that you want planned"));
    let used = wanted.iter().filter_map(|desired| seen.get(&desired.appliance).copied());
    let seen_at = Seen::of(used, SystemClock.now());
    drop(paper);
    drop(seen);
    Ok(Sight { planned, blind, snapshot, seen: seen_at })
}

/// The peers as the same observation shows them.
fn peers(desired: &Desired, snapshot: &Snapshot, seen: &BTreeMap<&ApplianceName, &Observed>) -> BTreeMap<ApplianceName, Peer> {
    let look = |name: &ApplianceName| {
        let (wish, observed) = (snapshot.desired.get(name)?, seen.get(name)?);
        let (plan, report) = plan::plan(wish, observed, &Given::at(observed.at));
        let serving = if report.seen_serving() { PeerSight::Serving } else { PeerSight::NotServing };
        Some((name.clone(), Peer { serving, finished: plan.steps.is_empty() && report.changes.is_empty() }))
    };
    desired.peers.iter().filter_map(look).collect()
}

fn show(planned: &[Planned], output: Output, console: &Console) -> Result<(), Failure> {
    match output {
        Output::Json => {
            let documents: Vec<_> = planned.iter().map(|one| json::decided(&one.decision)).collect();
            console.line(&serde_json::to_string_pretty(&documents).context("cannot write the plan")?);
        }
        Output::Markdown => {
            for one in planned {
                console.print(&markdown::decided(&one.decision));
            }
        }
        Output::Text => show_text(planned, console),
    }
    Ok(())
}

/// Prints plans for people.
pub fn show_text(planned: &[Planned], console: &Console) {
    for (index, one) in planned.iter().enumerate() {
        if index > 0 {
            console.line("");
        }
        console.print(&painted(&text::decided(&one.decision), console.paint));
    }
}

/// A text in the colours of its tones.
#[must_use]
pub fn painted(text: &Text, paint: Paint) -> String {
    let line = |line: &text::Line| match line.tone {
        Tone::Head => paint.strong(&line.text),
        Tone::Plain => line.text.clone(),
        Tone::Quiet => paint.faint(&line.text),
        Tone::Good => paint.good(&line.text),
        Tone::Notice => paint.caution(&line.text),
        Tone::Alarm => paint.bad(&line.text),
    };
    text.lines.iter().map(|one| line(one) + "\n").collect()
}
