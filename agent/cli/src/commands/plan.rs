//! `trunkline plan`: what would be done, and what it waits for. Three ways to look: live hosts, an observation in a file, or two
//! revisions without any host.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::preview::{OnPaper, Preview, Unseen, preview};
use model::desired::Desired;
use model::names::ApplianceName;
use model::observed::Observed;
use model::snapshot::Snapshot;
use plan::Decision;
use plan::compare::compare;
use plan::given::{Given, Peer, PeerSight, Ruling};
use plan::render::text::{self, Text, Tone};
use plan::render::{json, markdown};
use serde_json::{Value, json};

use crate::args::{Output, Plan};
use crate::commands::observe;
use crate::console::Console;
use crate::error::{Context as _, Ending, Failure};
use crate::fleet::{self, Purpose};
use crate::paint::Paint;
use crate::runtime::block_on;
use crate::settings::Settings;
use crate::wiring::Wiring;

/// Prints plans.
///
/// # Errors
/// When the repository, an observation or a host cannot be read.
pub fn run(args: &Plan, settings: &Settings, console: &Console) -> Result<Ending, Failure> {
    let Sight { planned, blind, snapshot } = match (&args.observed, &args.base, &args.head) {
        (Some(file), _, _) => from_file(args, settings, file)?,
        (None, Some(base), Some(head)) => return between(args, settings, console, [base, head]),
        (None, _, _) => live(args, settings)?,
    };
    anstream::eprintln!("{}", console.paint.faint(wish_of(&snapshot)));
    show(&planned, args.output, console)?;
    match (blind, fleet::whole(&snapshot).err()) {
        (Some(blind), Some(refused)) => {
            anstream::eprintln!("{}", refused.render());
            return Err(blind);
        }
        (Some(failure), None) | (None, Some(failure)) => return Err(failure),
        (None, None) => {}
    }
    Ok(match (args.detailed_exitcode, planned.iter().any(Planned::is_due)) {
        (true, true) => Ending::ChangesDue,
        _ => Ending::Done,
    })
}

/// What was planned, and what was not.
pub struct Sight {
    /// A plan for each appliance that could be seen.
    pub planned: Vec<Planned>,
    /// The appliances that could not be seen.
    pub blind: Option<Failure>,
    /// The revision that was planned.
    pub snapshot: Snapshot,
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
    let snapshot = fleet::read(settings, Arc::clone(&wiring.credentials), Purpose::Look)?;
    let wanted: BTreeSet<_> = fleet::chosen(&snapshot, &args.only)?.iter().map(|desired| desired.appliance.clone()).collect();
    block_on(async {
        let previews = preview(wiring.parts()?, &snapshot, &wanted).await;
        let (planned, blind) = sound(previews);
        Ok(Sight { planned, blind, snapshot })
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
    let hint = if blind.iter().any(|says| says.contains("certificate")) {
        "name the authority of the host's certificate with --ca, or pin it with `fingerprint` under `host` in the manifest"
    } else if blind.iter().any(|says| says.contains("credential ")) {
        "correct the entry that `credential` under `host` names in the credentials file"
    } else {
        "is the host up, and its WS-Management port open? The others are planned above"
    };
    let failure = (!blind.is_empty()).then(|| Failure::new(blind.join("\n")).hint(hint));
    (planned, failure)
}

/// Plans against a file: no host, no credential, no clock but the observation's own, so equal files give equal bytes.
fn from_file(args: &Plan, settings: &Settings, file: &std::path::Path) -> Result<Sight, Failure> {
    let snapshot = fleet::read(settings, Arc::default(), Purpose::Look)?;
    let observation = observe::read(file)?;
    let seen: BTreeMap<_, _> = observation.appliances.iter().map(|one| (&one.appliance, one)).collect();
    let wanted = fleet::chosen(&snapshot, &args.only)?;
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
    drop(paper);
    drop(seen);
    Ok(Sight { planned, blind, snapshot })
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

fn painted(text: &Text, paint: Paint) -> String {
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

/// Two revisions, no host.
fn between(args: &Plan, settings: &Settings, console: &Console, revisions: [&String; 2]) -> Result<Ending, Failure> {
    let mut reader = fleet::reader(settings, Arc::new(crate::wiring::credentials(settings)?))?;
    let mut read = |revision: &String| reader.read_revision(revision).context(format!("cannot read revision `{revision}`"));
    let [base, head] = [read(revisions[0])?, read(revisions[1])?];
    if !head.complete {
        let findings = model::diagnostic::render_all(&head.diagnostics);
        return Err(
            Failure::new(format!("revision `{}` is faulty\n\n{findings}", revisions[1])).hint("`trunkline validate` shows the same")
        );
    }
    let wanted = |name: &&ApplianceName| args.only.is_empty() || args.only.contains(name);
    let names: BTreeSet<_> = base.desired.keys().chain(head.desired.keys()).filter(wanted).cloned().collect();
    let sections: Vec<_> = names.iter().filter_map(|name| Section::of(name, &base, &head)).collect();
    match args.output {
        Output::Json => {
            let all: Vec<Value> = sections.iter().map(Section::json).collect();
            let document = json!({ "base": base.revision, "head": head.revision, "appliances": all });
            console.line(&serde_json::to_string_pretty(&document).context("cannot write the comparison")?);
        }
        Output::Markdown if sections.is_empty() => console.line("No appliance changes."),
        Output::Text if sections.is_empty() => console.line(&console.paint.good("no appliance changes")),
        Output::Markdown => sections.iter().for_each(|section| console.print(&section.markdown())),
        Output::Text => sections.iter().for_each(|section| console.print(&section.text(console.paint))),
    }
    Ok(if args.detailed_exitcode && !sections.is_empty() { Ending::ChangesDue } else { Ending::Done })
}

/// What a pull request does to one appliance.
struct Section<'a> {
    appliance: &'a ApplianceName,
    what: What,
}

enum What {
    Added,
    Removed,
    Changed(Vec<plan::diff::Change>),
}

impl<'a> Section<'a> {
    fn of(appliance: &'a ApplianceName, base: &Snapshot, head: &Snapshot) -> Option<Self> {
        let what = match (base.desired.get(appliance), head.desired.get(appliance)) {
            (None, Some(_)) => What::Added,
            (Some(_), None) => What::Removed,
            (Some(base), Some(head)) => What::Changed(compare(base, head)),
            (None, None) => return None,
        };
        let silent = matches!(&what, What::Changed(changes) if changes.is_empty());
        (!silent).then_some(Self { appliance, what })
    }

    fn json(&self) -> Value {
        let (kind, changes) = match &self.what {
            What::Added => ("added", Vec::new()),
            What::Removed => ("removed", Vec::new()),
            What::Changed(changes) => ("changed", changes.iter().map(json::change_document).collect()),
        };
        json!({ "appliance": self.appliance, "is": kind, "changes": changes })
    }

    fn markdown(&self) -> String {
        match &self.what {
            What::Added => format!("### {}\n\nNew: it will be installed.\n\n", self.appliance),
            What::Removed => format!("### {}\n\nNo longer described: its VMs are left as they are.\n\n", self.appliance),
            What::Changed(changes) => format!("### {}\n\n{}\n", self.appliance, markdown::changes(changes)),
        }
    }

    fn text(&self, paint: Paint) -> String {
        let mut text = format!("{}\n", paint.strong(self.appliance));
        match &self.what {
            What::Added => text.push_str("  new: it will be installed\n"),
            What::Removed => text.push_str("  no longer described: its VMs are left as they are\n"),
            What::Changed(changes) => {
                text.extend(changes.iter().map(|change| format!("  {}  {}\n", change.path, plan::render::change(change))))
            }
        }
        text
    }
}
