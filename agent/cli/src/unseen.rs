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
    if says.contains("--credentials") {
        "write such a file, readable by you alone (chmod 600): `NAME: { user: …, passwordFile: … }`; for the worlds of examples/ it is \
         examples/credentials.yaml"
    } else if says.contains("there is no credential ") {
        "add that entry to the credentials file, or correct the name under `credential` in the manifest"
    } else if says.contains("certificate has the fingerprint ") {
        "hold the fingerprint shown against the host's own; if it is the same, correct `fingerprint` under `host` in the manifest"
    } else if says.contains("certificate") {
        "name the authority of the host's certificate with --ca, or pin it with `fingerprint` under `host` in the manifest"
    } else if says.contains("credential ") {
        "correct the entry that `credential` under `host` names in the credentials file; each command tries once, and what is tried in vain \
         too often locks the account"
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
            "cannot observe `f`: there is no credential `hyperv-host`: give a credentials file with --credentials, or set …",
            "cannot observe `g`: there is no credential `hyperv-host`: add `hyperv-host:` with `user` and `password` to c.yaml, or set …",
        ];
        let failure = failure(&said.map(str::to_owned), Some("the others are planned above")).unwrap();
        insta::assert_snapshot!(failure.render(), @"
        error: cannot observe `a`: invalid peer certificate: UnknownIssuer
        error: cannot observe `e`: its certificate has the fingerprint AB, expected is CD
        error: cannot observe `b`: refuses credential `hyperv-host` (user `x`)
        error: cannot observe `c`: no answer
        error: cannot observe `d`: no answer
        error: cannot observe `f`: there is no credential `hyperv-host`: give a credentials file with --credentials, or set …
        error: cannot observe `g`: there is no credential `hyperv-host`: add `hyperv-host:` with `user` and `password` to c.yaml, or set …
        the others are planned above
        hint: name the authority of the host's certificate with --ca, or pin it with `fingerprint` under `host` in the manifest
        hint: hold the fingerprint shown against the host's own; if it is the same, correct `fingerprint` under `host` in the manifest
        hint: correct the entry that `credential` under `host` names in the credentials file; each command tries once, and what is tried in vain too often locks the account
        hint: is the host up, and its WS-Management port open?
        hint: write such a file, readable by you alone (chmod 600): `NAME: { user: …, passwordFile: … }`; for the worlds of examples/ it is examples/credentials.yaml
        hint: add that entry to the credentials file, or correct the name under `credential` in the manifest
        ");
    }

    #[test]
    fn of_nobody_there_is_nothing_to_say() {
        assert!(failure(&[], Some("the others are planned above")).is_none());
    }
}
