//! What would be done, without doing it: observe, plan, review, gate.
//!
//! Guarantees: the stages are those of a real pass; nothing on a host is changed, nothing is written, and no lock is needed.
//! Deliberately absent: how it is shown (`plan::render`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::condition::{Disposition, Reason};
use model::names::{ApplianceName, SiteName};
use model::observed::Observed;
use model::snapshot::Snapshot;
use plan::gate::Gated;
use plan::given::{Given, Verdict};
use plan::graph::Plan;
use plan::report::PlanReport;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cause::chain;
use crate::context::{Context, Parts};
use crate::controller::compile;
use crate::place::StateError;
use crate::reconcile::Pass;
use crate::resident::Resident;
use crate::stage::gate::gate;
use crate::stage::observe::{Sight, SightError, observe, peers};
use crate::stage::plan::plan;
use crate::stage::report::tell_peers;
use crate::stage::review::review;
use crate::wish::{Limit, Wish, digest};

/// What would be done on one appliance now.
#[derive(Debug)]
pub struct Preview {
    /// What was seen.
    pub observed: Observed,
    /// What planning was given besides.
    pub given: Given,
    /// What is left to do.
    pub plan: Plan,
    /// What stands around it.
    pub report: PlanReport,
    /// What the policies say.
    pub verdicts: Vec<Verdict>,
    /// What may begin now.
    pub gated: Gated,
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
    let mut looks = JoinSet::new();
    let room = Arc::new(Semaphore::new(context.parts.limits.appliances.max(1)));
    for name in names {
        let Some((revision, desired)) = snapshot.in_force(name).filter(|(_, desired)| sites.contains(&desired.site)) else { continue };
        let wish = Wish {
            revision: revision.clone(),
            desired: Arc::clone(desired),
            digest: digest(desired),
            since: context.now(),
            refused: None,
            limit: Limit::Gate,
            fleet_size: snapshot.desired.len(),
            policies: Arc::clone(&policies),
        };
        let pass = Pass { context: Arc::clone(&context), wish, shutdown: CancellationToken::new() };
        let room = Arc::clone(&room);
        looks.spawn(async move {
            // Nobody closes the semaphore, so a permit is always given in the end.
            let _permit = room.acquire_owned().await;
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
            Ok(sight) => Ok(judge(&pass, sight).await),
            Err(unseen) => Err(unseen),
        };
        previews.insert(name, preview);
    }
    previews
}

/// Looks, and tells the neighbours what it saw.
async fn look(pass: &Pass) -> Result<Sight, Unseen> {
    let appliance = &pass.wish.desired.appliance;
    let unkept = |error: StateError| Unseen {
        appliance: appliance.clone(),
        reason: Reason::NotSeen,
        says: chain(&error),
        disposition: error.disposition(),
    };
    let unseen = |error: SightError| Unseen {
        appliance: appliance.clone(),
        reason: error.reason(),
        says: chain(&error),
        disposition: error.disposition(),
    };
    let mut resident = Resident::load(&pass.context.parts.state, appliance).map_err(unkept)?;
    resident.memory.adopt_wish(&pass.wish.digest);
    let sight = observe(pass, &mut resident).await.map_err(unseen)?;
    let proposal = plan(&pass.wish, &sight);
    tell_peers(pass, &sight, &proposal).await;
    Ok(sight)
}

/// Plans anew, now that the neighbours have been seen too.
async fn judge(pass: &Pass, mut sight: Sight) -> Preview {
    sight.given.peers = peers(pass, &pass.member()).await;
    let proposal = plan(&pass.wish, &sight);
    sight.given.verdicts = review(&pass.wish, &sight, &proposal);
    let gated = gate(&pass.context, &pass.wish, &mut sight, &proposal).gated;
    let Sight { observed, given, host: _ } = sight;
    Preview { observed, verdicts: given.verdicts.clone(), given, plan: proposal.plan, report: proposal.report, gated }
}
