//! What stands below an appliance's line in `trunkline status`: what is wrong, under way or waited for.
//!
//! Guarantees: pure; nothing is said twice; text from elsewhere (a person's reason, a host's words) never reaches a terminal as a command
//! or a second line. Deliberately absent: colour itself; whether an agent runs (`ApplianceStatus::leave` has made past what is past).

use engine::status::{ApplianceStatus, RunningStep, Wait};
use model::condition::{Condition, ConditionKind, Posture, Truth};
use plan::render::text::{Line, Text, Tone};

/// The lines. `unreadable` is why a hold cannot be read, if one cannot: until when it holds nobody knows then.
#[must_use]
pub fn details(status: &ApplianceStatus, unreadable: Option<&str>) -> Text {
    let mut lines = Vec::new();
    let mut line = |tone, text: String| lines.push(Line { tone, text: format!("  {}", tame(&text)) });
    if let Some(ready) = status.condition(ConditionKind::Ready).filter(|_| status.is_let_go()) {
        line(Tone::Notice, format!("since {:.0} {}", ready.since, ready.message));
    }
    for kind in [ConditionKind::Stalled, ConditionKind::Reconciling] {
        if let Some(condition) = status.condition(kind).filter(|condition| condition.status == Truth::True) {
            let tone = if kind == ConditionKind::Stalled { Tone::Alarm } else { Tone::Notice };
            line(tone, condition_of(condition, &status.waits));
        }
    }
    if let Some(Posture::Down(faults) | Posture::Degraded(faults)) = status.posture.as_ref().filter(|_| !status.is_let_go()) {
        faults.iter().for_each(|fault| line(Tone::Alarm, format!("fault: {fault}")));
    }
    for running in &status.running {
        let RunningStep { since, expected, .. } = running;
        line(Tone::Plain, format!("running: {}, since {since:.0}, about {expected}", in_words(running)));
    }
    for running in &status.was_running {
        let since = running.since;
        line(Tone::Plain, format!("was running: {}, since {since:.0}; what became of it the next look tells", in_words(running)));
    }
    for wait in &status.waits {
        let until = wait.until.map(|at| format!("{at:.0}")).filter(|at| !wait.says.contains(at.as_str()));
        line(Tone::Notice, format!("waiting: {}{}", wait.says, until.map(|at| format!(" (until {at})")).unwrap_or_default()));
    }
    match (unreadable, &status.hold) {
        (Some(says), _) => line(Tone::Notice, format!("held until its hold can be read: {says}; remove that file, or hold again")),
        (None, Some(hold)) => line(Tone::Notice, format!("held until {:.0}: {}", hold.until, hold.reason)),
        (None, None) => {}
    }
    if let Some(next) = status.next_attempt {
        line(Tone::Quiet, format!("next look: {next:.0}"));
    }
    Text { lines }
}

fn in_words(running: &RunningStep) -> &str {
    if running.says.is_empty() { running.step.as_str() } else { &running.says }
}

fn condition_of(condition: &Condition, waits: &[Wait]) -> String {
    let Condition { kind, reason, message, .. } = condition;
    let head = format!("{kind:?} ({reason:?})");
    // The waits follow, a line each.
    let listed = waits.iter().map(|wait| wait.says.as_str()).collect::<Vec<_>>().join("; ");
    if !listed.is_empty() && *message == listed { head } else { format!("{head}: {message}") }
}

/// One line without anything that a terminal obeys.
pub(super) fn tame(text: &str) -> String {
    let tame = |c: char| match c {
        '\n' | '\r' | '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(tame).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use engine::hold::{Hold, HoldScope};
    use model::condition::Reason;
    use model::names::ApplianceName;
    use model::units::Span;

    use super::*;

    fn status(reason: Reason, message: &str) -> ApplianceStatus {
        let name = ApplianceName::new("sea-1").unwrap();
        let at = "2026-03-01T10:00:00Z".parse().unwrap();
        let condition = Condition { kind: ConditionKind::Reconciling, status: Truth::True, reason, message: message.to_owned(), since: at };
        ApplianceStatus { conditions: vec![condition], next_attempt: Some(at), ..ApplianceStatus::unknown(&name) }
    }

    fn wait(says: &str, until: Option<&str>) -> Wait {
        Wait { on: "unknown".to_owned(), says: says.to_owned(), until: until.map(|at| at.parse().unwrap()) }
    }

    #[test]
    fn what_is_waited_for_is_told_once() {
        let mut status = status(Reason::NotSeen, "the guest edge; the fault is read again at 2026-03-01T10:01:00Z");
        status.waits =
            vec![wait("the guest edge", None), wait("the fault is read again at 2026-03-01T10:01:00Z", Some("2026-03-01T10:01:00.4Z"))];
        insta::assert_snapshot!(details(&status, None), @"
          Reconciling (NotSeen)
          waiting: the guest edge
          waiting: the fault is read again at 2026-03-01T10:01:00Z
          next look: 2026-03-01T10:00:00Z
        ");
    }

    #[test]
    fn an_appliance_that_was_let_go_of_says_what_becomes_of_its_vms_and_since_when() {
        let mut status = status(Reason::NotDescribed, "");
        let Condition { since, .. } = status.conditions[0];
        let says = "the repository no longer describes it; its VMs are left as they are";
        let said = |kind, status| Condition { kind, status, reason: Reason::NotDescribed, message: says.to_owned(), since };
        status.conditions = vec![said(ConditionKind::Ready, Truth::Unknown), said(ConditionKind::Reconciling, Truth::False)];
        status.posture = Some(Posture::Down(Vec::new()));
        status.next_attempt = None;
        insta::assert_snapshot!(details(&status, None), @"  since 2026-03-01T10:00:00Z the repository no longer describes it; its VMs are left as they are");
        assert_eq!(super::super::rows::row(&status)[1..3], ["gone", "unknown"]);
    }

    #[test]
    fn work_of_an_agent_that_is_gone_is_past() {
        let mut status = status(Reason::Progressing, "90 steps are under way");
        let since = "2026-03-01T09:59:00Z";
        status.running =
            vec![serde_json::from_value(serde_json::json!({ "step": "1.0/edge/stop", "since": since, "expected": 60 })).unwrap()];
        assert_eq!(status.running[0].says, "", "as an earlier version wrote it");
        assert!(details(&status, None).to_string().contains("running: 1.0/edge/stop, since"));
        status.running[0].says = "edge: shut the VM down".to_owned();
        insta::assert_snapshot!(details(&status, None), @"
          Reconciling (Progressing): 90 steps are under way
          running: edge: shut the VM down, since 2026-03-01T09:59:00Z, about 1m
          next look: 2026-03-01T10:00:00Z
        ");
        status.leave();
        insta::assert_snapshot!(details(&status, None), @"
          Reconciling (Progressing): nobody goes on with it now; last it was said that 90 steps are under way
          was running: edge: shut the VM down, since 2026-03-01T09:59:00Z; what became of it the next look tells
        ");
    }

    #[test]
    fn a_reason_cannot_command_the_terminal_or_forge_a_line() {
        let mut status = status(Reason::Held, "x\u{1b}[31m");
        let since = "2026-03-01T10:00:00Z".parse().unwrap();
        status.hold = Some(Hold::starting_at(since, Span::from_secs(60), HoldScope::All, "a\u{1b}[31m\nsea-2 yes"));
        status.leave();
        insta::assert_snapshot!(details(&status, None), @"
          Reconciling (Held): x�[31m
          held until 2026-03-01T10:01:00Z: a�[31m sea-2 yes
        ");
    }

    #[test]
    fn a_hold_that_cannot_be_read_has_no_end_that_moves_on() {
        let mut status = status(Reason::Held, "held");
        let since = "2026-03-01T10:00:00Z".parse().unwrap();
        status.hold = Some(Hold::starting_at(since, Span::from_secs(60), HoldScope::All, "cannot be read"));
        status.leave();
        let shown = details(&status, Some("`holds/all.json` is damaged"));
        insta::assert_snapshot!(shown, @"
          Reconciling (Held): held
          held until its hold can be read: `holds/all.json` is damaged; remove that file, or hold again
        ");
    }
}
