//! `trunkline plan --base REV --head REV`: what a change of the repository asks for, and what policies say of it, without any host.
//!
//! Guarantees: every appliance that changes is judged, and every one when a policy changes; whatever could not be asked without a look at
//! the hosts is named; an appliance that the older revision refuses is never called new. Deliberately absent: steps (those follow from what
//! is observed).

use std::collections::BTreeSet;

use model::desired::Desired;
use model::names::ApplianceName;
use model::snapshot::Snapshot;
use plan::compare::compare;
use plan::diff::Change;
use plan::render::{json, markdown};
use policy::{Input, Limits, Policies, Verdict, Violation, shipped};
use wsman::clock::{Clock as _, SystemClock};

use super::comparison::{self, Compared, Comparison, Standing};
use crate::args::{Output, Plan};
use crate::console::{Aside, Console};
use crate::error::{Context as _, Ending, Failure};
use crate::fleet;
use crate::paint::Paint;
use crate::settings::Settings;

/// Prints what changes.
///
/// # Errors
/// When a revision cannot be read, the newer one is faulty, or neither describes a wanted appliance.
pub fn run(args: &Plan, settings: &Settings, console: &Console, revisions: [&String; 2]) -> Result<Ending, Failure> {
    let mut reader = fleet::reader(settings, &revisions.map(String::as_str))?;
    let origin = reader.origin().clone();
    let mut read = |revision: &String| reader.read_revision(revision).map_err(|error| fleet::unread_revision(error, &origin, revision));
    let [base, head] = [read(revisions[0])?, read(revisions[1])?];
    if !head.complete {
        let findings = model::diagnostic::render_all(&head.diagnostics);
        return Err(
            Failure::new(format!("revision `{}` is faulty\n\n{findings}", revisions[1])).hint("`trunkline validate` shows the same")
        );
    }
    let only = args.only.names();
    if let Some(unknown) = only.iter().find(|name| !is_described([&base, &head], name)) {
        let known: BTreeSet<_> = base.desired.keys().chain(head.desired.keys()).map(ApplianceName::as_str).collect();
        let known: Vec<_> = known.into_iter().collect();
        return Err(
            Failure::new(format!("there is no appliance `{unknown}` in either revision")).hint(format!("there are: {}", known.join(", ")))
        );
    }
    let judge = Judge::of(&base, &head);
    let wanted = |name: &&ApplianceName| only.is_empty() || only.contains(name);
    let names: BTreeSet<_> = base.desired.keys().chain(head.desired.keys()).filter(wanted).collect();
    let sections: Result<Vec<_>, _> = names.into_iter().filter_map(|name| Section::of(name, [&base, &head], &judge).transpose()).collect();
    let sections = sections?;
    let unasked: Vec<&str> = judge.policies.judging_plans().collect();
    match args.output {
        Output::Json => {
            let document = Comparison {
                api_version: comparison::API_VERSION,
                base: base.revision.as_str(),
                head: head.revision.as_str(),
                appliances: sections.iter().map(Section::compared).collect(),
                need_plans: unasked.clone(),
            };
            console.line(&serde_json::to_string_pretty(&document).context("cannot write the comparison")?);
        }
        Output::Markdown => {
            if sections.is_empty() {
                console.line("No appliance changes.");
            }
            sections.iter().for_each(|section| console.print(&section.markdown()));
        }
        Output::Text => {
            if sections.is_empty() {
                console.line(&console.paint.good("no appliance changes"));
            }
            sections.iter().for_each(|section| console.print(&section.text(console.paint)));
        }
    }
    if !sections.is_empty() && !unasked.is_empty() {
        let says = format!("policies that judge plans have more to say once hosts are seen (`plan --observed`): {}", unasked.join(", "));
        console.aside(Aside::Note, &says);
    }
    if !base.complete {
        tell_faults((revisions[0], &base), &sections, console);
    }
    Ok(ending(&sections, args.detailed_exitcode))
}

/// Whether a revision describes an appliance, soundly or not.
fn is_described(revisions: [&Snapshot; 2], name: &ApplianceName) -> bool {
    revisions.iter().any(|snapshot| snapshot.desired.contains_key(name) || snapshot.refused.contains_key(name))
}

/// What cannot be compared is neither a change nor none.
fn ending(sections: &[Section<'_>], detailed: bool) -> Ending {
    let is_due = |section: &Section<'_>| !section.what.is_nothing() && !section.what.is_unknown();
    if detailed && sections.iter().any(is_due) {
        Ending::ChangesDue
    } else if sections.iter().any(|section| section.what.is_unknown()) {
        Ending::Unfinished
    } else {
        Ending::Done
    }
}

/// Why some appliances cannot be compared.
fn tell_faults((revision, base): (&str, &Snapshot), sections: &[Section<'_>], console: &Console) {
    let unknown = sections.iter().filter(|section| section.what.is_unknown()).map(|section| section.appliance.as_str());
    let unknown: Vec<_> = unknown.collect();
    if unknown.is_empty() {
        return;
    }
    let says = format!("revision `{revision}` is faulty; what changes from it is unknown for: {}", unknown.join(", "));
    console.aside(Aside::Caution, &format!("warning: {says}"));
    console.aside(Aside::Note, &format!("\n{}", model::diagnostic::render_all(&base.diagnostics).trim_end()));
}

/// The policies of the newer revision.
struct Judge {
    policies: Policies,
    now: jiff::Timestamp,
    /// Whether rules changed, so that what is not changed itself may be judged otherwise.
    anew: bool,
}

impl Judge {
    fn of(base: &Snapshot, head: &Snapshot) -> Self {
        // Faulty ones deny, and say so.
        let (policies, _) = Policies::load(&shipped(), &head.policies, Limits::default());
        Self { policies, now: SystemClock.now(), anew: base.policies != head.policies }
    }

    fn ask(&self, desired: &Desired) -> Result<Verdict, Failure> {
        let input = Input::new(desired, self.now, None).context("the policies cannot be asked")?;
        Ok(self.policies.review(&input))
    }
}

/// What a pull request does to one appliance.
struct Section<'a> {
    appliance: &'a ApplianceName,
    what: What,
    verdict: Verdict,
}

enum What {
    Added,
    /// The older revision is faulty, and does not say how it was.
    Unknown,
    Removed,
    /// Nothing, where only a rule changed.
    Changed(Vec<Change>),
}

impl What {
    fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }

    fn is_nothing(&self) -> bool {
        matches!(self, Self::Changed(changes) if changes.is_empty())
    }
}

impl<'a> Section<'a> {
    /// `None` when there is nothing to say.
    fn of(appliance: &'a ApplianceName, [base, head]: [&Snapshot; 2], judge: &Judge) -> Result<Option<Self>, Failure> {
        let what = match (base.desired.get(appliance), head.desired.get(appliance)) {
            (None, Some(_)) if !base.complete => What::Unknown,
            (None, Some(_)) => What::Added,
            (Some(_), None) => What::Removed,
            (Some(base), Some(head)) => What::Changed(compare(base, head)),
            (None, None) => return Ok(None),
        };
        let asked = head.desired.get(appliance).filter(|_| judge.anew || !what.is_nothing());
        let verdict = asked.map(|desired| judge.ask(desired)).transpose()?.unwrap_or_default();
        let silent = what.is_nothing() && verdict == Verdict::default();
        Ok((!silent).then_some(Self { appliance, what, verdict }))
    }

    fn compared(&self) -> Compared<'_> {
        let (is, changes) = match &self.what {
            What::Added => (Standing::Added, Vec::new()),
            What::Unknown => (Standing::Unknown, Vec::new()),
            What::Removed => (Standing::Removed, Vec::new()),
            What::Changed(changes) => (Standing::Changed, changes.iter().map(json::change_document).collect()),
        };
        Compared { appliance: self.appliance, is, changes, policies: &self.verdict }
    }

    fn markdown(&self) -> String {
        let mut text = format!("### {}\n\n", self.appliance);
        match &self.what {
            What::Added => text.push_str("New: it will be installed.\n\n"),
            What::Unknown => text.push_str("Unknown: the older revision is faulty.\n\n"),
            What::Removed => text.push_str("No longer described: its VMs are left as they are.\n\n"),
            What::Changed(changes) if changes.is_empty() => {}
            What::Changed(changes) => text.push_str(&format!("{}\n", markdown::changes(changes))),
        }
        let said: Vec<String> = self.said().map(|(word, says)| format!("- **{word}** {}\n", markdown_safe(&says))).collect();
        if !said.is_empty() {
            text.push_str(&said.concat());
            text.push('\n');
        }
        text
    }

    fn text(&self, paint: Paint) -> String {
        let mut text = format!("{}\n", paint.strong(self.appliance));
        match &self.what {
            What::Added => text.push_str("  new: it will be installed\n"),
            What::Unknown => text.push_str("  unknown: the older revision is faulty\n"),
            What::Removed => text.push_str("  no longer described: its VMs are left as they are\n"),
            What::Changed(changes) => {
                let says = |change: &Change| format!("  {}  {}: {}\n", change.path, plan::render::change(change), change.impact.says());
                text.extend(changes.iter().map(says));
            }
        }
        text.extend(self.said().map(|(word, says)| {
            let line = format!("  {word} {says}");
            let line = if word == DENIES { paint.bad(line) } else { paint.caution(line) };
            format!("{line}\n")
        }));
        text
    }

    /// What the policies say, what denies first.
    fn said(&self) -> impl Iterator<Item = (&'static str, String)> {
        let says = |violation: &Violation| {
            let Violation { policy, message, hint, appliance: _, place: _ } = violation;
            let hint = hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
            format!("by `{policy}`: {message}{hint}")
        };
        let denied = self.verdict.denied.iter().map(move |violation| (DENIES, says(violation)));
        denied.chain(self.verdict.warned.iter().map(move |violation| ("warning", says(violation))))
    }
}

fn markdown_safe(text: &str) -> String {
    text.replace('<', "&lt;")
}

/// Planned work does not begin while it stands.
const DENIES: &str = "denied";
