//! What stands below the appliances in `trunkline status`: whether commits arrive.
//!
//! Guarantees: pure; trouble says since when, how often it was tried, why, and what is gone by meanwhile. Deliberately absent: colour
//! itself; whether an agent runs (`RepositoryStatus::leave` has made past what is past).

use engine::repository::{RepositoryStatus, in_force};
use plan::render::text::{Line, Text, Tone};

use super::details::tame;

/// The lines.
#[must_use]
pub fn repository(status: &RepositoryStatus) -> Text {
    let mut lines = Vec::new();
    let mut line = |tone, text: String| lines.push(Line { tone, text: tame(&text) });
    let RepositoryStatus { origin, revision, trouble } = status;
    let Some(trouble) = trouble else {
        let read = revision.as_ref().map(|revision| format!(", read at {revision:#}")).unwrap_or_default();
        line(Tone::Quiet, format!("repository: {origin}{read}"));
        return Text { lines };
    };
    let times = if trouble.attempts == 1 { "time" } else { "times" };
    line(Tone::Alarm, format!("repository: {origin} cannot be read since {:.0}, tried {} {times}", trouble.since, trouble.attempts));
    line(Tone::Alarm, format!("  {}", trouble.says));
    match (trouble.next, revision) {
        (Some(next), _) => {
            line(Tone::Notice, format!("  {}", in_force(revision.as_ref())));
            line(Tone::Quiet, format!("  next attempt: {next:.0}"));
        }
        (None, Some(revision)) => line(Tone::Notice, format!("  {revision:#} was in force")),
        (None, None) => line(Tone::Notice, "  nothing had been read since the agent was started".to_owned()),
    }
    Text { lines }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use engine::repository::RepositoryTrouble;
    use model::snapshot::Revision;

    use super::*;

    fn status(trouble: Option<RepositoryTrouble>) -> RepositoryStatus {
        RepositoryStatus { origin: "/srv/fleet".to_owned(), revision: Some(Revision::of_commit("main", "0fada4ab1a675566")), trouble }
    }

    fn trouble(attempts: u32) -> Option<RepositoryTrouble> {
        let at = |text: &str| text.parse().unwrap();
        let says = "cannot open `/srv/fleet`: No such file\u{1b}[2J".to_owned();
        Some(RepositoryTrouble { since: at("2026-03-01T19:01:00.4Z"), attempts, says, next: Some(at("2026-03-01T19:45:00Z")) })
    }

    #[test]
    fn a_repository_that_cannot_be_read_says_since_when_why_and_what_is_gone_by() {
        insta::assert_snapshot!(repository(&status(None)), @"repository: /srv/fleet, read at main@0fada4ab1a67");
        let mut bad = status(trouble(13));
        insta::assert_snapshot!(repository(&bad), @"
        repository: /srv/fleet cannot be read since 2026-03-01T19:01:00Z, tried 13 times
          cannot open `/srv/fleet`: No such file�[2J
          main@0fada4ab1a67 stays in force
          next attempt: 2026-03-01T19:45:00Z
        ");
        bad.leave();
        insta::assert_snapshot!(repository(&bad), @"
        repository: /srv/fleet cannot be read since 2026-03-01T19:01:00Z, tried 13 times
          cannot open `/srv/fleet`: No such file�[2J
          main@0fada4ab1a67 was in force
        ");
    }

    #[test]
    fn nothing_is_said_to_be_in_force_where_nothing_was_ever_read() {
        let mut never = RepositoryStatus { revision: None, ..status(trouble(1)) };
        insta::assert_snapshot!(repository(&never), @"
        repository: /srv/fleet cannot be read since 2026-03-01T19:01:00Z, tried 1 time
          cannot open `/srv/fleet`: No such file�[2J
          nothing has been read since the agent was started, so no appliance is looked at
          next attempt: 2026-03-01T19:45:00Z
        ");
        never.leave();
        assert!(repository(&never).to_string().ends_with("\n  nothing had been read since the agent was started\n"));
    }
}
