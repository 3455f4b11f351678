//! Looks: at the host and its guests, at the peers, at the turn, at holds. I/O: reads, and one event.
//!
//! Guarantees: ends in bounded time; what could not be seen of a part is `Unknown` in the sight, and only a host that cannot be
//! observed at all is an error. Deliberately absent: any judgement.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hyperv::{ConnectError, Host, ObserveError};
use model::cause::chain;
use model::condition::{Disposition, Reason};
use model::names::ApplianceName;
use model::observed::Observed;
use plan::given::{Given, HostHold, Peer, PeerSight, TurnState};

use crate::event::Happening;
use crate::reconcile::Pass;
use crate::resident::Resident;
use crate::store::{Member, PeerStatus, Turn};

/// A look that takes longer has failed. Each request in it has its own, shorter, limit; this one is for what none of them sees.
const PATIENCE: Duration = Duration::from_secs(300);

/// After so many starts in a row that did not last somebody is told.
const TELLING_RELAPSES: u32 = 3;

/// Everything that a pass goes by.
#[derive(Debug)]
pub(crate) struct Sight {
    pub(crate) host: Arc<Host>,
    pub(crate) observed: Observed,
    pub(crate) given: Given,
}

/// The host could not be observed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SightError {
    #[error("no connection to the host of `{appliance}` can be made")]
    Connect { appliance: ApplianceName, source: ConnectError },
    #[error(transparent)]
    Observe(Box<ObserveError>),
    #[error("looking at `{appliance}` took longer than {} s", PATIENCE.as_secs())]
    TooLong { appliance: ApplianceName },
}

impl SightError {
    pub(crate) fn disposition(&self) -> Disposition {
        match self {
            Self::Connect { source, .. } => source.disposition(),
            Self::Observe(error) => error.disposition(),
            Self::TooLong { .. } => Disposition::Retry,
        }
    }

    /// For how long the host is not asked again, as it refused this very password.
    pub(crate) fn rest(&self) -> Option<Duration> {
        match self {
            Self::Observe(error) => error.rest(),
            Self::Connect { .. } | Self::TooLong { .. } => None,
        }
    }

    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::Connect { source, .. } => match source.disposition() {
                Disposition::Stall(reason) => reason,
                Disposition::Retry | Disposition::Wait { .. } => Reason::HostUnreachable,
            },
            Self::Observe(error) => error.reason(),
            Self::TooLong { .. } => Reason::NotSeen,
        }
    }
}

/// Looks at everything, and notes what was seen.
pub(crate) async fn observe(pass: &Pass, resident: &mut Resident) -> Result<Sight, SightError> {
    let desired = &pass.wish.desired;
    let host = connect(pass, resident)?;
    let appliance = || desired.appliance.clone();
    let observed = match tokio::time::timeout(PATIENCE, host.observe(desired)).await {
        Ok(Ok(observed)) => observed,
        Ok(Err(source)) => return Err(SightError::Observe(Box::new(source))),
        Err(_) => return Err(SightError::TooLong { appliance: appliance() }),
    };
    resident.memory.sighted();
    let now = pass.context.now();
    for (step, times) in resident.memory.note(desired, &observed, now) {
        if times == TELLING_RELAPSES {
            let says = format!("step `{step}` was done {times} times, and each time the service was ill again within half an hour");
            pass.context.events.tell(&desired.appliance, Happening::Alert { says });
        }
    }
    let mut given = Given::at(now);
    given.memory = resident.memory.memory().clone();
    given.approvals = pass.wish.approvals.to_vec();
    given.hold = pass.context.holds.on(&desired.appliance, now).map(|hold| HostHold { until: hold.until, reason: hold.reason });
    let member = pass.member();
    given.peers = peers(pass, &member).await;
    given.turn = turn(pass, &member).await;
    given.crowd = pass.context.crowd();
    Ok(Sight { host, observed, given })
}

/// The connection of the last pass, unless the wish for the host has changed since.
fn connect(pass: &Pass, resident: &mut Resident) -> Result<Arc<Host>, SightError> {
    let desired = &pass.wish.desired;
    if let Some((made_from, host)) = &resident.host
        && *made_from == desired.host
    {
        return Ok(Arc::clone(host));
    }
    let host = Host::new(&desired.host, pass.context.parts.hosts.way_to(&desired.host));
    let host = host.map_err(|source| SightError::Connect { appliance: desired.appliance.clone(), source })?;
    let host = Arc::new(host.with(resident.take_lore(&desired.host)));
    resident.host = Some((desired.host.clone(), Arc::clone(&host)));
    Ok(host)
}

/// What the peers have told. Whoever is missing, or too old, or behind a store that is away, is `Unknown` (law 4). To have finished
/// counts only for the wish of the revision that this pass goes by: a word about an older one must not let followers go first.
pub(crate) async fn peers(pass: &Pass, member: &Member) -> BTreeMap<ApplianceName, Peer> {
    let told = match pass.context.parts.store.peers(&member.site).await {
        Ok(told) => told,
        Err(error) => {
            tracing::warn!(error = chain(&error), "the peers cannot be asked");
            BTreeMap::new()
        }
    };
    let unknown = || Peer { serving: PeerSight::Unknown, finished: false };
    let of_this_wish = |status: &PeerStatus| pass.wish.peers.get(&status.appliance).is_some_and(|wish| *wish == status.wish);
    let heard = |status: &PeerStatus| Peer { finished: status.peer.finished && of_this_wish(status), ..status.peer.clone() };
    let of = |name: &ApplianceName| told.get(name).map_or_else(unknown, heard);
    member.peers.iter().map(|name| (name.clone(), of(name))).collect()
}

/// Whose turn it is; a store that is away or not shared proves nothing.
async fn turn(pass: &Pass, member: &Member) -> TurnState {
    match pass.context.parts.store.turn(member).await {
        Ok(Turn::Free) => TurnState::Free,
        Ok(Turn::Held { by, .. }) if by == member.appliance => TurnState::Ours,
        Ok(Turn::Held { by, .. }) => TurnState::Held { by },
        Err(error) => {
            tracing::warn!(error = chain(&error), "whose turn it is cannot be told");
            TurnState::NotShared
        }
    }
}
