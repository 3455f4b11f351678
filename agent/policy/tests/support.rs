//! Policy files and inputs of a test.

use jiff::Timestamp;
use model::desired::Desired;
use model::diagnostic::Diagnostic;
use model::snapshot::PolicyFile;
use plan::fixtures;
use policy::{Input, Limits, Policies, Verdict};

pub fn file(path: &str, text: &str) -> PolicyFile {
    PolicyFile { path: path.into(), text: text.into() }
}

/// The repository's own policies alone.
pub fn own(files: &[PolicyFile]) -> (Policies, Vec<Diagnostic>) {
    Policies::load(&[], files, Limits::default())
}

pub fn now() -> Timestamp {
    "2026-04-01T00:00:00Z".parse().unwrap()
}

pub fn input(desired: &Desired) -> Input {
    Input::new(desired, now(), None).unwrap()
}

/// A verdict as people read it.
pub fn said(verdict: &Verdict) -> String {
    let lists = [("deny", &verdict.denied), ("warn", &verdict.warned)];
    let lines = lists.iter().flat_map(|(word, list)| {
        list.iter().map(move |found| {
            let hint = found.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            let appliance = found.appliance.as_deref().unwrap_or("-");
            format!("{word} {} {appliance}: {}{hint} at {}", found.policy, found.message, found.place)
        })
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The only appliance of `seattle`, with one role of so many processors and no window.
pub fn desired(processors: u32) -> Desired {
    let mut desired = fixtures::cloud_connector();
    desired.roles.retain(|role| role.role.as_str() == "mediation");
    desired.roles[0].processors = Some(processors);
    desired.windows = Default::default();
    desired
}
