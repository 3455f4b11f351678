//! A plan as text for a person who reads it at 3 a.m., 80 columns wide.
//!
//! Guarantees: no line is longer than 80 characters unless one word is; what matters most comes first; meaning never depends on
//! colour. Deliberately absent: colour itself; each line has a [`Tone`], which whoever owns the terminal may paint.

use std::fmt;

use model::names::RoleName;

use super::say;
use crate::decision::Decision;
use crate::gate::Gated;
use crate::graph::Plan;
use crate::report::PlanReport;
use crate::step::{Impact, Step};

const WIDTH: usize = 80;

/// What a line is, for whoever paints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// A head.
    Head,
    /// Nothing special.
    Plain,
    /// Less important.
    Quiet,
    /// All is well.
    Good,
    /// Something waits or comes.
    Notice,
    /// Something is wrong, or hurts.
    Alarm,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub tone: Tone,
    /// Its text.
    pub text: String,
}

/// A rendered plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// Its lines.
    pub lines: Vec<Line>,
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{}", line.text))
    }
}

/// The plan with what stands around it; with the gate's verdict, what waits is the gate's word.
#[must_use]
pub fn text(plan: &Plan, report: &PlanReport, gated: Option<&Gated>) -> Text {
    whole(plan, report, gated, None)
}

/// A decision: the whole plan, and the repairs that run alone when the rest may not begin.
#[must_use]
pub fn decided(decision: &Decision) -> Text {
    whole(&decision.plan, &decision.report, Some(&decision.gated), decision.repairs.as_ref())
}

fn whole(plan: &Plan, report: &PlanReport, gated: Option<&Gated>, repairs: Option<&(Plan, Gated)>) -> Text {
    let mut text = Text::default();
    text.head(plan, report);
    text.stalls(report);
    text.changes(report);
    text.steps(plan, report, gated);
    text.repairs(repairs);
    text.waits(gated.map_or(&report.waits, |gated| &gated.waits));
    if !report.notes.is_empty() {
        text.line(Tone::Plain, "");
    }
    for note in &report.notes {
        text.hang(Tone::Quiet, "  note: ", note);
    }
    text
}

impl Text {
    fn line(&mut self, tone: Tone, text: impl Into<String>) {
        self.lines.push(Line { tone, text: text.into().trim_end().to_owned() });
    }

    /// A text behind a lead; further lines begin where it began.
    fn hang(&mut self, tone: Tone, lead: &str, text: &str) {
        let indent = lead.chars().count();
        let mut line = lead.to_owned();
        let mut used = indent;
        for word in text.split_whitespace() {
            let length = word.chars().count();
            let begun = used > indent;
            if begun && used + 1 + length > WIDTH {
                self.line(tone, std::mem::replace(&mut line, " ".repeat(indent)));
                used = indent;
            } else if begun {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += length;
        }
        self.line(tone, line);
    }

    fn head(&mut self, plan: &Plan, report: &PlanReport) {
        let (posture, faults) = say::posture(&report.posture);
        let tone = if report.takes_calls() { Tone::Good } else { Tone::Alarm };
        self.line(Tone::Head, format!("{} (instance {})", plan.appliance, plan.instance));
        self.line(tone, format!("  {posture}"));
        for fault in faults {
            self.hang(Tone::Alarm, "    ", &fault.to_string());
        }
        let others = report.faults.iter().filter(|fault| !faults.contains(fault)).chain(&report.unseen);
        for fault in others {
            self.hang(Tone::Notice, "    ", &fault.to_string());
        }
    }

    fn stalls(&mut self, report: &PlanReport) {
        for stall in &report.stalls {
            self.hang(Tone::Alarm, "  stalled: ", &format!("{} ({:?})", stall.message, stall.reason));
            self.hang(Tone::Plain, "           ", &format!("what to do: {}", stall.hint));
        }
    }

    fn changes(&mut self, report: &PlanReport) {
        if report.changes.is_empty() {
            return;
        }
        self.line(Tone::Head, "");
        self.line(Tone::Head, "changes");
        let width = report.changes.iter().map(|change| change.path.chars().count()).max().unwrap_or(0).min(44);
        for change in &report.changes {
            let tone = if change.impact >= Impact::Drain { Tone::Notice } else { Tone::Plain };
            self.hang(tone, &format!("  {:width$}  ", change.path), &say::change(change));
        }
    }

    fn steps(&mut self, plan: &Plan, report: &PlanReport, gated: Option<&Gated>) {
        self.line(Tone::Plain, "");
        if plan.is_empty() {
            // Nothing differs, or something does and no step of ours mends it.
            let clean = report.changes.is_empty() && report.stalls.is_empty() && report.faults.is_empty() && report.waits.is_empty();
            return self.line(Tone::Good, if clean { "no changes" } else { "no steps" });
        }
        let count = plan.steps.len();
        let noun = if count == 1 { "step" } else { "steps" };
        let summary = format!("{count} {noun}, about {}: {}", plan.expected(), plan.says());
        let tone = if plan.impact() >= Impact::Drain { Tone::Notice } else { Tone::Head };
        self.line(tone, summary);
        self.listed(plan, gated);
    }

    fn repairs(&mut self, repairs: Option<&(Plan, Gated)>) {
        let Some((plan, gated)) = repairs.filter(|(plan, _)| !plan.is_empty()) else { return };
        self.line(Tone::Plain, "");
        self.line(Tone::Head, format!("repairs meanwhile, about {}: {}", plan.expected(), plan.says()));
        self.listed(plan, Some(gated));
    }

    fn listed(&mut self, plan: &Plan, gated: Option<&Gated>) {
        let go: Option<std::collections::BTreeSet<_>> = gated.map(|gated| gated.go.iter().collect());
        let width = plan.steps.iter().map(|step| place(step).chars().count()).max().unwrap_or(0);
        for (number, step) in plan.steps.iter().enumerate() {
            let waits = go.as_ref().is_some_and(|go| !go.contains(&step.id));
            let tone = match (waits, step.impact >= Impact::Drain) {
                (true, _) => Tone::Quiet,
                (false, true) => Tone::Notice,
                (false, false) => Tone::Plain,
            };
            let mark = if waits { '.' } else { ' ' };
            self.hang(tone, &format!("{mark}{:>3}  {:width$}  ", number + 1, place(step)), &say::act(&step.act));
        }
    }

    fn waits(&mut self, waits: &[crate::report::Wait]) {
        if waits.is_empty() {
            return;
        }
        self.line(Tone::Plain, "");
        self.line(Tone::Head, "waits for");
        for wait in waits {
            let steps = match wait.blocks.len() {
                0 => String::new(),
                1 => " (1 step)".to_owned(),
                count => format!(" ({count} steps)"),
            };
            self.hang(Tone::Notice, &format!("  {:9}", wait.on.kind()), &format!("{}{steps}", wait.on));
        }
    }
}

fn place(step: &Step) -> &str {
    step.role.as_ref().map_or("host", RoleName::as_str)
}
