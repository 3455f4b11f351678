//! What planning needs besides the wish and the sight: the time, what was learned, the neighbours, and who forbids.
//!
//! Guarantees: plain data, read by the engine beforehand; losing all of [`Memory`] costs time and never correctness.
//! Deliberately absent: anything that could be observed on the host instead.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use jiff::Timestamp;
use model::names::{AdapterName, ApplianceName, InstanceId, RoleName, ServiceName};
use model::units::{MacAddress, Span};
use model::validate::Approval;
use serde::{Deserialize, Serialize};

use crate::step::{Act, StepId, StepTime};

/// Everything besides wish and sight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The wall time of this pass.
    pub now: Timestamp,
    /// What earlier passes learned.
    pub memory: Memory,
    /// The other appliances of the site. One that is missing here is `Unknown`.
    pub peers: BTreeMap<ApplianceName, Peer>,
    /// Who has the turn of the site.
    pub turn: TurnState,
    /// A person on the host who stops us.
    pub hold: Option<HostHold>,
    /// Why closing appliances is held back: we suspect ourselves (law 6's breaker).
    pub breaker: Option<String>,
    /// What the policies say of this very plan; empty while planning, filled before the gate.
    pub verdicts: Vec<Verdict>,
    /// The Approvals in git, of whatever appliance.
    pub approvals: Vec<Approval>,
    /// Whether the plan may hold work that somebody decided on, or repairs only.
    pub planned_work: PlannedWork,
    /// How many other appliances this agent does planned work on, when there is no room for one more.
    pub crowd: Option<usize>,
}

/// Whether a plan may hold work that somebody decided on (set-up, changes, removal).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlannedWork {
    /// It may.
    Included,
    /// It may hold set-up only: what has never served ends nobody's serving, and calls may need it.
    SetUpOnly,
    /// It may not: such work may not begin now, and repairs must not stand behind it.
    Withheld,
    /// It may not: the plan is for an instance that stands while another one is wished for.
    Standing,
}

impl Given {
    /// Nothing known but the time: no memory, no peer seen, the turn free.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            memory: Memory::default(),
            peers: BTreeMap::new(),
            turn: TurnState::Free,
            hold: None,
            breaker: None,
            verdicts: Vec::new(),
            approvals: Vec::new(),
            planned_work: PlannedWork::Included,
            crowd: None,
        }
    }

    /// How many peers are seen serving. `Unknown` does not count, nor does the one that has the turn: it is about to be out, and its last
    /// word may be older than that.
    #[must_use]
    pub fn serving_peers(&self) -> u32 {
        let is_worked_on = |name: &ApplianceName| matches!(&self.turn, TurnState::Held { by } if by == name);
        let serving = |(name, peer): &(&ApplianceName, &Peer)| peer.serving == PeerSight::Serving && !is_worked_on(name);
        let serving = self.peers.iter().filter(serving).count();
        u32::try_from(serving).unwrap_or(u32::MAX)
    }
}

/// Another appliance of the site, as it was observed or as its status says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Peer {
    /// Whether it takes calls.
    pub serving: PeerSight,
    /// Whether its wish is in force: its release is set up and nothing is left to do (`Deploy/Finished`).
    pub finished: bool,
}

/// Whether a peer takes calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PeerSight {
    /// Seen serving.
    Serving,
    /// Seen not serving.
    NotServing,
    /// Its status is too old, or nobody could see it.
    Unknown,
}

/// The site's turn, as this appliance sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TurnState {
    /// This appliance has it.
    Ours,
    /// Another appliance has it.
    Held {
        /// Which.
        by: ApplianceName,
    },
    /// Nobody has it: it may be taken.
    Free,
    /// It is not shared with the agents of the other appliances, so it proves nothing.
    NotShared,
}

/// `trunkline hold`: a person on the host stops us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostHold {
    /// Until then.
    pub until: Timestamp,
    /// In the person's words.
    pub reason: String,
}

/// What a policy says of a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The policy's name.
    pub policy: String,
    /// Whether it forbids.
    pub ruling: Ruling,
    /// In the policy's words.
    pub message: String,
}

/// Whether a policy forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ruling {
    /// Planned work must not begin.
    Deny,
    /// People should read this.
    Warn,
}

/// What earlier passes learned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// Steps that failed and have not succeeded since.
    pub attempts: BTreeMap<StepId, Attempts>,
    /// Services that we have started lately, and those that were ill again soon after.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub started: BTreeMap<StepId, Started>,
    /// How long acts took, by verb: the longest of the last few.
    pub durations: BTreeMap<String, Span>,
    /// Which steps each digest stood for that an Approval has named, so that the consent holds for what is left of them.
    pub consents: BTreeMap<String, BTreeSet<StepId>>,
    /// How often a VM that never served was deleted to be built anew, under the present wish.
    pub rebuilds: BTreeMap<RoleName, u32>,
    /// Since when each bad signal has been seen bad without a break.
    pub bad_since: BTreeMap<String, Timestamp>,
    /// Since when each signal has been unseen without a break.
    pub unseen_since: BTreeMap<String, Timestamp>,
    /// Which watched services and rules of a set-up VM have been seen good. A role that is missing: nobody remembers, so its
    /// notes' `set up` is believed for all of them; one that came into the watch later is `false` until it is seen good.
    pub seen_good: BTreeMap<InstanceId, BTreeMap<RoleName, BTreeMap<String, bool>>>,
    /// Which services guests had when they were looked into last, of those that go by more than one name.
    pub services_had: BTreeMap<InstanceId, BTreeMap<RoleName, BTreeSet<ServiceName>>>,
    /// The lasting adapters of VMs that are set up, as they were seen last: of those that are gone nothing else tells, once another instance
    /// is wished for.
    pub adapters_had: BTreeMap<InstanceId, BTreeMap<RoleName, BTreeMap<AdapterName, HadAdapter>>>,
    /// Since when no signal has been bad or unseen (held ones aside).
    pub well_since: Option<Timestamp>,
    /// Since when no signal in the call path has been bad or unseen.
    pub call_path_well_since: Option<Timestamp>,
    /// Since when a fault has counted without a break.
    pub down_since: Option<Timestamp>,
    /// The present drain, or the last one that was given up.
    pub drain: Option<DrainMemory>,
    /// Planned work under the present wish that failed after it had ended serving, until the wish is in force.
    pub broken_off: Option<BrokenOff>,
    /// When faults began to count on an appliance that was not held yet, the last hour only.
    pub downs: Vec<Timestamp>,
}

/// An adapter as it was seen last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HadAdapter {
    /// Its hardware address.
    pub mac: MacAddress,
    /// Its addresses in the guest, as they were wished for and seen in force; empty when they never were.
    pub addresses: Vec<IpNet>,
}

/// A drain: services take no new calls, and those that run may finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DrainMemory {
    /// Since when it lasts without a break.
    pub since: Timestamp,
    /// When its time was over although calls still ran, and the wish is to abort then.
    pub given_up: Option<Timestamp>,
}

/// Planned work that failed after it had ended serving. Calls come back first, and it may end serving once more in the same window, and
/// once in each later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BrokenOff {
    /// How often it ended serving and failed.
    pub times: u32,
    /// When it failed last.
    pub at: Timestamp,
    /// Whether calls have not come back since.
    pub out: bool,
}

/// How often a step failed in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempts {
    /// How often.
    pub failed: u32,
    /// How many of these times it was what the step works on that was seen to fail, and not the way to it: the wire, say.
    #[serde(default)]
    pub proven: u32,
    /// When the last attempt ended.
    pub ended: Timestamp,
    /// When the next one may begin (the engine's back-off).
    pub retry_at: Timestamp,
    /// When the guests of the instance had started, each by its own clock, as the look before the last attempt that proved something saw
    /// them. Their clocks are never compared with ours: a guest has restarted since when it tells another time.
    #[serde(default)]
    pub boots: BTreeMap<RoleName, Timestamp>,
}

/// A service that we have started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// When it was seen to run; nothing, once it was ill again.
    pub at: Option<Timestamp>,
    /// When the guests of the instance had started, each by its own clock, as the look before that saw them.
    pub boots: BTreeMap<RoleName, Timestamp>,
    /// How often in a row it was ill again soon after.
    pub relapses: u32,
    /// How many of these times its guest has not restarted since.
    pub of_this_boot: u32,
    /// When it was last.
    pub relapsed_at: Option<Timestamp>,
}

impl Memory {
    /// A service was started and is seen to run.
    pub fn start(&mut self, step: &StepId, role: Option<&RoleName>, (at, boots): (Timestamp, &BTreeMap<RoleName, Timestamp>)) {
        let started = self.started.entry(step.clone()).or_default();
        let boot = |boots: &BTreeMap<RoleName, Timestamp>| role.and_then(|role| boots.get(role).copied());
        if boot(&started.boots) != boot(boots) {
            started.of_this_boot = 0;
        }
        (started.at, started.boots) = (Some(at), boots.clone());
    }

    /// Whether a role of an instance has been seen set up and well, whatever its notes say by now.
    pub(crate) fn remembers(&self, instance: &InstanceId, role: &RoleName) -> bool {
        let watches = self.seen_good.get(instance).and_then(|roles| roles.get(role));
        watches.is_some_and(|watches| watches.values().any(|good| *good))
    }

    /// A clock that was set back must not keep anything waiting for what it once said: nothing remembered lies in the future, and no
    /// attempt further ahead than the longest wait.
    pub(crate) fn clamp(&mut self, now: Timestamp, longest_wait: Span) {
        let latest_retry = now.saturating_add(longest_wait.as_duration()).unwrap_or(Timestamp::MAX);
        for attempts in self.attempts.values_mut() {
            attempts.ended = attempts.ended.min(now);
            attempts.retry_at = attempts.retry_at.min(latest_retry);
        }
        let instants = self.bad_since.values_mut().chain(self.unseen_since.values_mut()).chain(&mut self.downs);
        let instants = instants.chain(&mut self.well_since).chain(&mut self.call_path_well_since).chain(&mut self.down_since);
        let broken_off = self.broken_off.iter_mut().map(|broken| &mut broken.at);
        let drain = self.drain.iter_mut().flat_map(|drain| [Some(&mut drain.since), drain.given_up.as_mut()]).flatten();
        let started = self.started.values_mut().flat_map(|started| started.at.iter_mut().chain(&mut started.relapsed_at));
        instants.chain(started).chain(broken_off).chain(drain).for_each(|at| *at = (*at).min(now));
    }

    /// Planned work failed, or cannot be done any more, while it kept calls away. What fails in one outage counts once.
    pub fn break_off(&mut self, now: Timestamp) {
        let times = self.broken_off.map_or(1, |before| if before.out { before.times } else { before.times.saturating_add(1) });
        self.broken_off = Some(BrokenOff { times, at: now, out: true });
    }

    /// How long an act takes: declared, then learned; given up after what was declared or four times what was learned.
    #[must_use]
    pub fn time_of(&self, act: &Act) -> StepTime {
        let declared = StepTime::declared(act);
        match self.durations.get(act.verb()) {
            None => declared,
            Some(learned) => {
                let patience = Span::from_secs(learned.secs().saturating_mul(4));
                StepTime { expected: *learned, timeout: declared.timeout.max(patience) }
            }
        }
    }
}
