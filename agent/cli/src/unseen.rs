//! What commands say of appliances that could not be seen.
//!
//! Guarantees: every one is named, each with its causes, always in the same order; each kind of cause comes with what to do about it.
//! Deliberately absent: looking.

use crate::error::Failure;

/// What is said of all of them, a text each (its causes and all); `None` when there are none. `rest` is said of those that were seen.
#[must_use]
pub fn failure(said: &[String], rest: Option<&str>) -> Option<Failure> {
    if said.is_empty() {
        return None;
    }
    let mut hints: Vec<&str> = Vec::new();
    for hint in said.iter().map(|says| advice(says)) {
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    let rest = rest.map(|rest| format!("\n{rest}")).unwrap_or_default();
    Some(Failure::new(format!("{}{rest}", said.join("\nerror: "))).hint(hints.join("\nhint: ")))
}

/// What to do about one. Who made the refusal stands in its words alone: the causes come from three libraries.
fn advice(says: &str) -> &'static str {
    if says.contains("certificate has the fingerprint ") {
        "hold the fingerprint shown against the host's own; if it is the same, correct `fingerprint` under `host` in the manifest"
    } else if says.contains("certificate") {
        "name the authority of the host's certificate with --ca, or pin it with `fingerprint` under `host` in the manifest"
    } else if says.contains("credential ") {
        "correct the entry that `credential` under `host` names in the credentials file"
    } else if says.contains(" names no `") {
        "add that address to the map that --connect-to names, or leave --connect-to out to reach real hosts"
    } else {
        "is the host up, and its WS-Management port open?"
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn each_is_named_and_each_kind_of_cause_has_its_hint_once() {
        let said = [
            "cannot observe `a`: invalid peer certificate: UnknownIssuer",
            "cannot observe `e`: its certificate has the fingerprint AB, expected is CD",
            "cannot observe `b`: refuses credential `hyperv-host` (user `x`)",
            "cannot observe `c`: no answer",
            "cannot observe `d`: no answer",
        ];
        let failure = failure(&said.map(str::to_owned), Some("the others are planned above")).unwrap();
        insta::assert_snapshot!(failure.render(), @"
        error: cannot observe `a`: invalid peer certificate: UnknownIssuer
        error: cannot observe `e`: its certificate has the fingerprint AB, expected is CD
        error: cannot observe `b`: refuses credential `hyperv-host` (user `x`)
        error: cannot observe `c`: no answer
        error: cannot observe `d`: no answer
        the others are planned above
        hint: name the authority of the host's certificate with --ca, or pin it with `fingerprint` under `host` in the manifest
        hint: hold the fingerprint shown against the host's own; if it is the same, correct `fingerprint` under `host` in the manifest
        hint: correct the entry that `credential` under `host` names in the credentials file
        hint: is the host up, and its WS-Management port open?
        ");
    }

    #[test]
    fn of_nobody_there_is_nothing_to_say() {
        assert!(failure(&[], Some("the others are planned above")).is_none());
    }
}
