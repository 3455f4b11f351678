//! What would be done, without doing it: observe and decide (plan, review, gate).
//!
//! Guarantees: the stages are those of a real pass; nothing on a host is changed, nothing is written, and no lock is needed.
//! Deliberately absent: how it is shown (`plan::render`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::cause::chain;
use model::condition::{Disposition, Reason};
use model::desired::Desired;
use model::names::{ApplianceName, SiteName};
use model::observed::Observed;
use model::snapshot::{Revision, Snapshot};
use model::validate::Approval;
use plan::Decision;
use plan::given::Given;
use policy::Policies;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::context::{Context, Parts};
use crate::controller::compile;
use crate::reconcile::Pass;
use crate::resident::Resident;
use crate::stage::decide::{decide, judge};
use crate::stage::observe::{Sight, SightError, observe, peers};
use crate::stage::report::tell_peers;
use crate::wish::{Limit, Wish, approvals_of, digest, of_peers};

/// What would be done on one appliance now.
#[derive(Debug)]
pub struct Preview {
    /// What was seen.
    pub observed: Observed,
    /// What planning was given besides.
    pub given: Given,
    /// What is left to do, what stands around it, and what of it may begin now.
    pub decision: Decision,
}

/// An appliance of which nothing can be foretold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nothing can be planned: {says}")]
pub struct Unseen {
    /// The appliance.
    pub appliance: ApplianceName,
    /// Why, for programs.
    pub reason: Reason,
    /// Why, with the whole chain of causes.
    pub says: String,
    /// What it asks for.
    pub disposition: Disposition,
}

/// Looks at `wanted` and at their neighbours, and works out what would be done on `wanted`.
///
/// The parts' site store should be empty and this call's own: it holds what the neighbours are seen to be.
pub async fn preview(
    parts: Parts,
    snapshot: &Snapshot,
    wanted: &BTreeSet<ApplianceName>,
) -> BTreeMap<ApplianceName, Result<Preview, Unseen>> {
    let context = Arc::new(Context::new(parts));
    let policies = Arc::new(compile(&snapshot.policies));
    let sites: BTreeSet<SiteName> = wanted.iter().filter_map(|name| Some(snapshot.in_force(name)?.1.site.clone())).collect();
    let names = snapshot.desired.keys().chain(snapshot.kept.keys());
    let digests: BTreeMap<&ApplianceName, (&Revision, Arc<str>)> = names
        .filter_map(|name| Some((name, snapshot.in_force(name).filter(|(_, desired)| sites.contains(&desired.site))?)))
        .map(|(name, (revision, desired))| (name, (revision, digest(desired))))
        .collect();
    let mut looks = JoinSet::new();
    for (name, (_, digest)) in &digests {
        let Some((revision, desired)) = snapshot.in_force(name) else { continue };
        let wish = Wish {
            revision: revision.clone(),
            desired: Arc::clone(desired),
            digest: Arc::clone(digest),
            since: Instant::now(),
            refused: None,
            limit: Limit::Gate,
            fleet_size: snapshot.desired.len(),
            policies: Arc::clone(&policies),
            approvals: approvals_of(&snapshot.approvals, name),
            peers: of_peers((revision, desired), |peer| digests.get(peer).map(|(revision, digest)| (*revision, digest))),
        };
        let pass = Pass { context: Arc::clone(&context), wish, shutdown: CancellationToken::new(), left: BTreeSet::new() };
        looks.spawn(async move {
            let _place = pass.context.look().await;
            let seen = look(&pass).await;
            (pass, seen)
        });
    }
    let mut seen = Vec::new();
    while let Some(ended) = looks.join_next().await {
        // A look that panicked leaves its appliance out; its caller finds it missing.
        seen.extend(ended.ok());
    }
    let mut previews = BTreeMap::new();
    for (pass, sight) in seen.into_iter().filter(|(pass, _)| wanted.contains(&pass.wish.desired.appliance)) {
        let name = pass.wish.desired.appliance.clone();
        let preview = match sight {
            Ok(sight) => Ok(foretell(&pass, sight).await),
            Err(unseen) => Err(unseen),
        };
        previews.insert(name, preview);
    }
    previews
}

/// Foretells from observations that somebody made elsewhere: no host, no state directory.
#[derive(Debug)]
pub struct OnPaper {
    policies: Policies,
    approvals: Vec<Approval>,
}

impl OnPaper {
    /// By the policies and the consents of a revision.
    #[must_use]
    pub fn new(snapshot: &Snapshot) -> Self {
        Self { policies: compile(&snapshot.policies), approvals: snapshot.approvals.to_vec() }
    }

    /// What would be done, by the lines that a pass goes by.
    pub fn decide(&self, desired: &Desired, observed: &Observed, given: &Given) -> Decision {
        let given = Given { approvals: self.approvals.clone(), ..given.clone() };
        judge(&self.policies, desired, observed, &given)
    }
}

/// Looks, and tells the neighbours what it saw.
async fn look(pass: &Pass) -> Result<Sight, Unseen> {
    let appliance = &pass.wish.desired.appliance;
    let unseen = |error: SightError| Unseen {
        appliance: appliance.clone(),
        reason: error.reason(),
        says: chain(&error),
        disposition: error.disposition(),
    };
    let mut resident = Resident::load(&pass.context.parts.state, appliance);
    for says in resident.trouble() {
        tracing::warn!(%appliance, "{says}");
    }
    resident.memory.adopt_wish(&pass.wish.digest);
    let sight = observe(pass, &mut resident).await.map_err(unseen)?;
    let (plan, report) = plan::plan(&pass.wish.desired, &sight.observed, &sight.given);
    tell_peers(pass, &sight, &plan, &report).await;
    Ok(sight)
}

/// Plans anew, now that the neighbours have been seen too.
async fn foretell(pass: &Pass, mut sight: Sight) -> Preview {
    sight.given.peers = peers(pass, &pass.member()).await;
    let decision = decide(&pass.context, &pass.wish, &mut sight).decision;
    let Sight { observed, given, host: _ } = sight;
    Preview { observed, given, decision }
}
