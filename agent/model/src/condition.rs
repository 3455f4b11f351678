//! Conditions and postures: what an appliance is said to be, with a closed list of reasons.
//!
//! Guarantees: kstatus's meaning of `Ready`, `Reconciling` and `Stalled`; every reason is in `Reason`.

use serde::{Deserialize, Serialize};

/// Whether an appliance takes calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Posture {
    /// It takes calls, all watched signals well.
    Serving,
    /// A person keeps it from taking calls.
    Maintenance,
    /// It takes calls although a signal is bad: it is the last one, and calls still go through.
    Degraded(Vec<Fault>),
    /// It must take no calls.
    Down(Vec<Fault>),
}

/// A watched signal that is bad.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// Where: `mediation/RTCSRV`, `edge`, `edge/internet`.
    pub signal: String,
    /// What, in a sentence's rest: `is stopped although it starts automatically`.
    pub says: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.signal, self.says)
    }
}

/// A condition's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ConditionKind {
    /// The wish is in force.
    Ready,
    /// Work is under way or waiting.
    Reconciling,
    /// Nothing will happen until somebody acts.
    Stalled,
    /// Every watched signal is well.
    Healthy,
}

/// A condition's truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Nobody can tell.
    Unknown,
}

/// Why a condition is what it is. A closed list; people write alerts on these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// Observed equals desired.
    Converged,
    /// Steps are under way.
    Progressing,
    /// A window is closed, a turn is held, a peer is needed, an approval is missing…
    Waiting,
    /// A step failed and will be tried again.
    Retrying,
    /// `mode` allows no more.
    ModeForbids,
    /// Somebody holds the appliance on the host.
    Held,
    /// The manifest is faulty.
    InvalidManifest,
    /// The source cannot be read; the last good state is in force.
    SourceUnavailable,
    /// The host does not answer.
    HostUnreachable,
    /// The host refuses our credentials.
    AccessDenied,
    /// A VM, disk, address or switch of a wanted name exists and is not ours.
    AdoptionNeeded,
    /// Two VMs bear one mark.
    DuplicateMark,
    /// A mark cannot be read.
    UnreadableMark,
    /// A watched signal has never been seen good on this instance.
    SignalNeverSeen,
    /// A policy denies the plan.
    PolicyDenied,
    /// The image is missing or has another size.
    ImageMissing,
    /// The host cannot give what the wish asks for.
    HostTooSmall,
    /// A needed switch is missing.
    SwitchMissing,
    /// The wish cannot be met by any step (a rebuild would be needed and is not allowed).
    RebuildNeeded,
    /// A VM has checkpoints, and what would be done to it would spoil them or be spoilt by them.
    Checkpointed,
    /// Hyper-V Replica copies a VM, or it is such a copy.
    Replicated,
    /// A failover cluster has a VM as a role and decides about it.
    Clustered,
    /// A step failed in a way that trying again will not mend.
    StepFailed,
    /// All watched signals are well.
    AllWell,
    /// A watched signal is bad.
    SignalBad,
    /// Something could not be seen.
    NotSeen,
    /// The repository no longer describes the appliance.
    NotDescribed,
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Which.
    pub kind: ConditionKind,
    /// Whether it holds.
    pub status: Truth,
    /// Why.
    pub reason: Reason,
    /// A sentence for people: what, and what to do next.
    pub message: String,
    /// Since when the status is so.
    pub since: jiff::Timestamp,
}

/// What a failure asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Disposition {
    /// Back off and try again.
    Retry,
    /// Something must happen first; look again at the latest at `until`.
    Wait {
        /// When to look again, if known.
        until: Option<jiff::Timestamp>,
    },
    /// Nothing helps until the desired state (or the host) changes.
    Stall(Reason),
}
