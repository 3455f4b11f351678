//! What a round comes to, in the closed list of reasons and in words. Pure.

use jiff::Timestamp;
use model::condition::{Fault, Posture, Reason, Truth};
use model::names::CredentialName;
use plan::report::Wait as Waits;

use crate::outcome::{Outcome, Patience};
use crate::resident::Resident;
use crate::stage::observe::SightError;
use crate::stage::report::Round;
use crate::status::Wait;
use crate::wish::Limit;

/// A wait as status shows it.
pub(super) fn describe(wait: &Waits) -> Wait {
    Wait { on: wait.on.kind().to_owned(), says: wait.on.to_string(), until: wait.on.until() }
}

/// What a round comes to of which nothing goes.
pub(super) fn outcome(round: &Round<'_>, resident: &Resident) -> Outcome {
    let decision = &round.decided.decision;
    let (report, waits) = (&decision.report, &decision.gated.waits);
    if round.pass.wish.limit == Limit::Look {
        return Outcome::Watched;
    }
    if let Some(impact) = round.decided.beyond {
        return Outcome::Beyond { impact };
    }
    let until = decision.gated.look_again;
    if let Some(stall) = report.stalls.first() {
        let says = format!("{}; {}", stall.message, stall.hint);
        return Outcome::Stalled { reason: stall.reason, says, until };
    }
    let stalled = waits.iter().flat_map(|wait| &wait.blocks).find_map(|step| resident.memory.stalled().get(step));
    if let Some(stalled) = stalled {
        return Outcome::Stalled { reason: stalled.reason, says: stalled.says.clone(), until };
    }
    if waits.is_empty() {
        return Outcome::Converged;
    }
    // What passes soonest decides how long it is worth to stay.
    let patience = waits.iter().map(|wait| Patience::of(&wait.on)).min().unwrap_or(Patience::Outside);
    Outcome::Waiting { waits: waits.iter().map(describe).collect(), patience, until }
}

/// Why the host cannot be observed, until when it is not asked, and what ends that sooner. The same at each look until then.
pub(super) fn resting(error: &SightError, credential: &CredentialName, until: Timestamp) -> String {
    format!(
        "{error}: it refused credential `{credential}`, which is tried again at {until:.0}, as attempts lock accounts; sooner when the \
         credential holds another password, or the agent is started anew"
    )
}

/// The reason that stands for several waits, and all of them in a sentence.
pub(super) fn of_waits(waits: &[Wait]) -> (Reason, String) {
    let any = |on: &str| waits.iter().any(|wait| wait.on == on);
    let reason = if any("hold") {
        Reason::Held
    } else if any("mode") {
        Reason::ModeForbids
    } else if any("backoff") {
        Reason::Retrying
    } else if any("unknown") {
        Reason::NotSeen
    } else if any("policy") && !(any("turn") || any("peer") || any("leader")) {
        Reason::PolicyDenied
    } else {
        Reason::Waiting
    };
    (reason, waits.iter().map(|wait| wait.says.as_str()).collect::<Vec<_>>().join("; "))
}

/// Whether every watched signal is well. Those that could not be seen are not (law 4); a fault that was seen is told first.
pub(super) fn health(posture: Option<&Posture>, unseen: &[Fault]) -> ((Truth, Reason), String) {
    let listed = |faults: &[Fault]| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    match posture {
        None => ((Truth::Unknown, Reason::NotSeen), "it could not be seen".to_owned()),
        Some(Posture::Serving) if !unseen.is_empty() => ((Truth::Unknown, Reason::NotSeen), listed(unseen)),
        Some(Posture::Serving) => ((Truth::True, Reason::AllWell), "every watched signal is well".to_owned()),
        Some(Posture::Maintenance) => ((Truth::Unknown, Reason::Held), "in maintenance".to_owned()),
        Some(Posture::Degraded(faults) | Posture::Down(faults)) => ((Truth::False, Reason::SignalBad), listed(faults)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_appliance_that_could_not_be_seen_whole_is_not_called_well() {
        let unseen = [Fault { signal: "edge/RTCSRV".to_owned(), says: "cannot be seen: no answer".to_owned() }];
        let bad = Posture::Degraded(vec![Fault { signal: "edge".to_owned(), says: "is off".to_owned() }]);
        assert_eq!(health(Some(&Posture::Serving), &[]).0, (Truth::True, Reason::AllWell));
        let said = ((Truth::Unknown, Reason::NotSeen), "edge/RTCSRV cannot be seen: no answer".to_owned());
        assert_eq!(health(Some(&Posture::Serving), &unseen), said);
        assert_eq!(health(Some(&bad), &unseen), ((Truth::False, Reason::SignalBad), "edge is off".to_owned()));
    }
}
