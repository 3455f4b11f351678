//! A plan as a comment on a pull request.
//!
//! Guarantees: text from manifests and hosts cannot break out of its table cell. Deliberately absent: links.

use std::fmt::Write as _;

use super::say;
use crate::decision::Decision;
use crate::diff::Change;
use crate::gate::Gated;
use crate::graph::Plan;
use crate::report::PlanReport;

/// The plan of one appliance.
#[must_use]
pub fn markdown(plan: &Plan, report: &PlanReport, gated: Option<&Gated>) -> String {
    let mut out = String::new();
    let (posture, faults) = say::posture(&report.posture);
    let faults: Vec<String> = faults.iter().map(|fault| cell(&fault.to_string())).collect();
    let why = if faults.is_empty() { String::new() } else { format!(": {}", faults.join("; ")) };
    push(&mut out, format_args!("### {}\n\nInstance {}, now **{posture}**{why}.", plan.appliance, plan.instance));
    if plan.is_empty() {
        push(&mut out, format_args!("No steps."));
    } else {
        let effect = plan.says();
        push(&mut out, format_args!("**{} steps**, about {}: {effect}.", plan.steps.len(), plan.expected()));
    }
    for stall in &report.stalls {
        push(&mut out, format_args!("> **Stalled ({:?})**: {}. {}.", stall.reason, cell(&stall.message), cell(&stall.hint)));
    }
    out.push_str(&changes(&report.changes));
    let waits = gated.map_or(&report.waits, |gated| &gated.waits);
    if !waits.is_empty() {
        let lines: Vec<String> = waits.iter().map(|wait| format!("- **{}**: {}", wait.on.kind(), cell(&wait.on.to_string()))).collect();
        push(&mut out, format_args!("Waits for:\n\n{}", lines.join("\n")));
    }
    steps(&mut out, plan, "Steps");
    for note in &report.notes {
        push(&mut out, format_args!("Note: {}.", cell(note)));
    }
    out
}

/// A decision: the whole plan, and the repairs that run alone when the rest may not begin.
#[must_use]
pub fn decided(decision: &Decision) -> String {
    let mut out = markdown(&decision.plan, &decision.report, Some(&decision.gated));
    if let Some((plan, _)) = &decision.repairs {
        steps(&mut out, plan, "Repairs meanwhile");
    }
    out
}

fn steps(out: &mut String, plan: &Plan, summary: &str) {
    if !plan.is_empty() {
        let line = |(number, step): (usize, &crate::step::Step)| {
            let role = step.role.as_ref().map_or("host", |role| role.as_str());
            format!("{}. {role}: {}", number + 1, cell(&say::act(&step.act)))
        };
        let lines: Vec<String> = plan.steps.iter().enumerate().map(line).collect();
        push(out, format_args!("<details><summary>{summary}</summary>\n\n{}\n\n</details>", lines.join("\n")));
    }
}

/// A table of changes; nothing when there are none.
#[must_use]
pub fn changes(changes: &[Change]) -> String {
    if changes.is_empty() {
        return String::new();
    }
    let mut out = String::from("| field | change | effect |\n|---|---|---|\n");
    for change in changes {
        let _ = writeln!(out, "| `{}` | {} | {} |", cell(&change.path), cell(&say::change(change)), change.impact.says());
    }
    out.push('\n');
    out
}

fn push(out: &mut String, paragraph: std::fmt::Arguments<'_>) {
    let _ = write!(out, "{paragraph}\n\n");
}

/// Text that stays where it is put.
fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '|' => safe.push_str("\\|"),
            '<' => safe.push_str("&lt;"),
            '\r' | '\n' => safe.push(' '),
            other => safe.push(other),
        }
    }
    safe
}
