//! What is in force for one appliance, as a pass over it needs it.
//!
//! Guarantees: a wish that a faulty revision touches stays the last good one, and says so; equal wishes have equal digests.
//! Deliberately absent: git. Cheap to clone.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::desired::Desired;
use model::diagnostic::Diagnostic;
use model::names::ApplianceName;
use model::snapshot::Revision;
use model::validate::Approval;
use plan::step::Impact;
use policy::Policies;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// The wish in force for one appliance.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// Where it was read from.
    pub(crate) revision: Revision,
    /// The wish.
    pub(crate) desired: Arc<Desired>,
    /// Its digest.
    pub(crate) digest: Arc<str>,
    /// When this life of the agent first saw it; by the time that passes.
    pub(crate) since: Instant,
    /// Why the newest revision is not the one in force.
    pub(crate) refused: Option<Arc<str>>,
    /// How far a pass may go.
    pub(crate) limit: Limit,
    /// How many appliances the fleet has.
    pub(crate) fleet_size: usize,
    /// The policies of its revision.
    pub(crate) policies: Arc<Policies>,
    /// The consents in git that name this appliance.
    pub(crate) approvals: Arc<[Approval]>,
    /// Digests of what the same revision wishes of its peers. One that is missing has nothing that it could have finished.
    pub(crate) peers: BTreeMap<ApplianceName, Arc<str>>,
}

/// The consents of a revision that name `appliance`.
pub(crate) fn approvals_of(approvals: &[Approval], appliance: &ApplianceName) -> Arc<[Approval]> {
    approvals.iter().filter(|approval| approval.appliance == *appliance).cloned().collect()
}

/// Digests of the wishes for the peers of an appliance; `known` tells the wish for each with its revision.
pub(crate) fn of_peers<'w>(
    (revision, desired): (&Revision, &Desired),
    known: impl Fn(&ApplianceName) -> Option<(&'w Revision, &'w Arc<str>)>,
) -> BTreeMap<ApplianceName, Arc<str>> {
    let same = |peer: &ApplianceName| known(peer).filter(|(of, _)| *of == revision).map(|(_, digest)| Arc::clone(digest));
    desired.peers.iter().filter_map(|peer| Some((peer.clone(), same(peer)?))).collect()
}

/// How far a pass may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// It only looks; somebody else's plan was shown.
    Look,
    /// Up to the impact that was shown.
    UpTo(Impact),
    /// As far as the gate lets it.
    Gate,
}

/// The digest of a wish.
pub(crate) fn digest(desired: &Desired) -> Arc<str> {
    // A wish is plain data: it has no map with keys that JSON lacks, so this cannot fail.
    digest_of(&serde_json::to_vec(desired).unwrap_or_default()).into()
}

/// The first half of a SHA-256, in hex: enough to tell wishes and plans apart.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Why a revision was refused, in a sentence.
pub(crate) fn refusal(revision: &Revision, faults: &[Diagnostic]) -> Arc<str> {
    let first = |fault: &Diagnostic| format!(", first at {}:{}: {}", fault.place.file, fault.place.line, fault.message);
    let first = faults.first().map(first).unwrap_or_default();
    let count = faults.len();
    format!("{revision:#} is refused: {count} fault{}{first}", if count == 1 { "" } else { "s" }).into()
}
