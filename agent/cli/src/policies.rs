//! The policies that a repository brings, checked beside its manifests.

use model::diagnostic::Diagnostic;
use model::snapshot::Snapshot;
use policy::{Limits, Policies, shipped};

/// What is wrong with the policies of a snapshot.
pub fn faults(snapshot: &Snapshot) -> Vec<Diagnostic> {
    Policies::load(&shipped(), &snapshot.policies, Limits::default()).1
}
