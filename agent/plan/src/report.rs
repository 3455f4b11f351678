//! What a plan waits on and why, what nobody but a person can mend, and what is worth knowing besides.
//!
//! Guarantees: a plan always comes with one; "nothing to do" and "not now" are never the same; a stall says what to do.
//! Deliberately absent: how it is shown (that is `render`'s).

use std::fmt;

use jiff::Timestamp;
use model::condition::{Fault, Posture, Reason};
use model::desired::Mode;
use model::names::{ApplianceName, RoleName, WindowName};
use model::seen::Cause;
use model::units::Span;
use serde::{Deserialize, Serialize};

use crate::consent::{Consent, Remedy};
use crate::diff::Change;
use crate::posture::later;
use crate::step::StepId;

/// What stands around a plan.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanReport {
    /// Whether the appliance takes calls, and if not, why.
    pub posture: Posture,
    /// Signals that could not be seen. While there are any, nobody may call the appliance seen serving.
    pub unseen: Vec<Fault>,
    /// Bad signals, whatever they mean for the posture.
    pub faults: Vec<Fault>,
    /// Where sight differs from wish.
    pub changes: Vec<Change>,
    /// What is waited for.
    pub waits: Vec<Wait>,
    /// What waits for a person.
    pub stalls: Vec<Stall>,
    /// What of the plan a person must consent to, and whether somebody has.
    pub consent: Option<Consent>,
    /// What of the plan ends serving, and whether somebody has consented to that whatever the site was promised.
    #[serde(default)]
    pub interruption: Option<Consent>,
    /// Whether planned work, or a person's maintenance, keeps calls away already. What has begun goes on, and is asked for nothing.
    #[serde(default)]
    pub begun: bool,
    /// Whether that is over although the wish is not in force: what calls were stopped for cannot be done any more.
    #[serde(default)]
    pub withdrawn: bool,
    /// What is worth knowing and asks for nothing.
    pub notes: Vec<String>,
}

impl PlanReport {
    /// Whether the appliance takes calls now, well or degraded. What ends this takes capacity.
    #[must_use]
    pub fn takes_calls(&self) -> bool {
        matches!(self.posture, Posture::Serving | Posture::Degraded(_))
    }

    /// Whether peers may count on this appliance: every signal was seen, and is well.
    #[must_use]
    pub fn seen_serving(&self) -> bool {
        self.posture == Posture::Serving && self.unseen.is_empty()
    }
}

/// Something that is waited for, and the steps that cannot begin before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// What for.
    pub on: WaitingOn,
    /// The steps that it keeps back; empty when the steps themselves cannot be known before.
    pub blocks: Vec<StepId>,
}

/// When a length of time is over. An instant is told only where an earlier look saw it begin, so that two plans of an unchanged host say
/// the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ends {
    /// It has not begun: other things come first.
    Untold,
    /// It begins with this very look.
    FromNow,
    /// Then.
    At(Timestamp),
}

impl Ends {
    /// Of what lasts so long and was first seen then, if ever.
    pub(crate) fn of(since: Option<Timestamp>, lasts: Span, now: Timestamp) -> Self {
        match since.filter(|since| *since < now) {
            Some(since) => Self::At(later(since, lasts)),
            None => Self::FromNow,
        }
    }

    fn at(self) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(at),
            Self::Untold | Self::FromNow => None,
        }
    }
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum WaitingOn {
    /// Every window is closed.
    Window {
        /// The one that opens first, with its time; `None` when none ever does.
        opens: Option<(WindowName, Timestamp)>,
    },
    /// It would take longer than the site may be out.
    Outage {
        /// So long, as far as one knows.
        takes: Span,
        /// The longest that the site allows.
        at_most: Span,
        /// Who could let it go all the same.
        remedy: Remedy,
    },
    /// Another appliance of the site is being disrupted, or nobody can tell.
    Turn {
        /// Who has it; `None` when it is not shared among the site's agents.
        held_by: Option<ApplianceName>,
    },
    /// Too few other appliances are seen serving.
    Peer {
        /// So many must be.
        needed: u32,
        /// So many are.
        serving: u32,
        /// Who could let it go all the same.
        remedy: Remedy,
    },
    /// The appliance that goes first has not finished.
    Leader {
        /// Which one that is.
        leader: ApplianceName,
    },
    /// A policy denies the plan.
    Policy {
        /// Which.
        policy: String,
        /// In its words.
        message: String,
    },
    /// A consent in git is missing.
    Approval {
        /// To what.
        what: String,
        /// The digest that it must name.
        plan: String,
        /// Why those do not do that are there.
        unfit: Vec<String>,
    },
    /// Calls are still running.
    Drain {
        /// How many; `None` when they cannot be counted any more.
        calls: Option<u32>,
        /// For so long they may go on.
        at_most: Span,
        /// When that is over; it begins once they are asked to end.
        ends: Ends,
    },
    /// Calls did not end in time, so they were let on: the work waits.
    DrainGivenUp {
        /// For so long calls may take.
        after: Span,
        /// The next attempt.
        until: Timestamp,
    },
    /// The agent does not reach the guest from where it runs.
    Reach {
        /// The guest.
        role: RoleName,
    },
    /// Something could not be seen.
    Unknown {
        /// What.
        what: String,
        /// Why.
        cause: Cause,
    },
    /// A fault is read again before it counts.
    Confirm {
        /// The signal.
        signal: String,
        /// It counts after so long.
        after: Span,
        /// When that is.
        ends: Ends,
    },
    /// All must stay well for a while before calls return.
    Stable {
        /// For so long.
        lasts: Span,
        /// When that is over.
        ends: Ends,
    },
    /// A step failed; the next attempt comes later.
    Backoff {
        /// Then.
        until: Timestamp,
        /// So often it failed.
        failed: u32,
    },
    /// Planned work failed after it had ended serving: calls come back first, and it does not end serving as often as it fails.
    BrokenOff {
        /// How often it ended serving and failed.
        times: u32,
        /// When it may end serving again at the latest: a window opens then. `None` when none does any more.
        again: Option<Timestamp>,
    },
    /// A person on the host stops us.
    Hold {
        /// Until then.
        until: Timestamp,
        /// In the person's words.
        reason: String,
    },
    /// `mode` allows no more.
    Mode {
        /// The mode.
        mode: Mode,
    },
    /// A Hyper-V job that can create something has not ended.
    Job {
        /// What it says it does.
        caption: String,
    },
    /// The agent does planned work on as many other appliances as it does at once.
    Room {
        /// So many.
        at_once: usize,
    },
    /// Too many appliances would close at once: we suspect ourselves.
    Breaker {
        /// Why.
        reason: String,
    },
}

impl WaitingOn {
    /// When to look again, at that time of looking.
    #[must_use]
    pub fn look_again(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Drain { at_most: lasts, ends: Ends::FromNow, .. }
            | Self::Confirm { after: lasts, ends: Ends::FromNow, .. }
            | Self::Stable { lasts, ends: Ends::FromNow } => Some(later(now, *lasts)),
            _ => self.until(),
        }
    }

    /// When it is over, when that is known from what was seen.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Window { opens } => opens.as_ref().map(|(_, at)| *at),
            Self::BrokenOff { again: until, .. } => *until,
            Self::Drain { ends, .. } | Self::Confirm { ends, .. } | Self::Stable { ends, .. } => ends.at(),
            Self::DrainGivenUp { until, .. } | Self::Backoff { until, .. } | Self::Hold { until, .. } => Some(*until),
            Self::Outage { .. }
            | Self::Turn { .. }
            | Self::Peer { .. }
            | Self::Leader { .. }
            | Self::Policy { .. }
            | Self::Approval { .. }
            | Self::Reach { .. }
            | Self::Unknown { .. }
            | Self::Mode { .. }
            | Self::Job { .. }
            | Self::Room { .. }
            | Self::Breaker { .. } => None,
        }
    }

    /// What it is, in a word: `window`, `turn` …
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Window { .. } => "window",
            Self::Outage { .. } => "outage",
            Self::Turn { .. } => "turn",
            Self::Peer { .. } => "peer",
            Self::Leader { .. } => "leader",
            Self::Policy { .. } => "policy",
            Self::Approval { .. } => "approval",
            Self::Drain { .. } | Self::DrainGivenUp { .. } => "drain",
            Self::Reach { .. } => "reach",
            Self::Unknown { .. } => "unknown",
            Self::Confirm { .. } => "confirm",
            Self::Stable { .. } => "stable",
            Self::Backoff { .. } => "backoff",
            Self::BrokenOff { .. } => "brokenOff",
            Self::Hold { .. } => "hold",
            Self::Mode { .. } => "mode",
            Self::Job { .. } => "job",
            Self::Room { .. } => "room",
            Self::Breaker { .. } => "breaker",
        }
    }
}

/// A mode as manifests write it.
#[must_use]
pub fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Observe => "observe",
        Mode::Plan => "plan",
        Mode::Repair => "repair",
        Mode::Converge => "converge",
    }
}

impl fmt::Display for WaitingOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Window { opens: Some((window, at)) } => write!(f, "window `{window}` opens at {at:.0}"),
            Self::Window { opens: None } => f.write_str("no window ever opens; name one under `windows`"),
            Self::Outage { takes, at_most, remedy } => {
                write!(f, "it takes about {takes}, and the site may be out for {at_most} (`plannedOutage.atMost`); {remedy}")
            }
            Self::Turn { held_by: Some(peer) } => write!(f, "{peer} is being worked on, one appliance of a site at a time"),
            Self::Turn { held_by: None } => f.write_str("the site's agents share no store, so nobody can tell whose turn it is"),
            Self::Peer { needed, serving, remedy } => {
                write!(f, "{needed} other appliances must be seen serving, {serving} are; {remedy}")
            }
            Self::Leader { leader } => write!(f, "{leader} goes first and has not finished"),
            Self::Policy { policy, message } => write!(f, "policy `{policy}` denies it: {message}"),
            Self::Approval { what, plan, unfit } => {
                write!(f, "consent to {what}; approve with: an Approval (`allow: destroy`) of plan {plan}")?;
                unfit.iter().try_for_each(|unfit| write!(f, "; {unfit}"))
            }
            // How many there are changes all the time, and is nobody's business yet.
            Self::Drain { calls: _, ends: Ends::Untold, at_most } => write!(f, "running calls are let finish first, for {at_most} at most"),
            Self::Drain { calls, ends, at_most } => {
                match calls {
                    Some(1) => f.write_str("1 call is still running"),
                    Some(calls) => write!(f, "{calls} calls are still running"),
                    None => f.write_str("calls may still be running"),
                }?;
                match ends.at() {
                    Some(until) => write!(f, ", until {until:.0} at the latest"),
                    None => write!(f, ", for {at_most} at most"),
                }
            }
            Self::DrainGivenUp { after, until } => {
                write!(f, "calls did not end within {after} (`drain.timeout`) and go on; next attempt at {until:.0}")
            }
            Self::Reach { role } => write!(f, "the guest `{role}` is reached from the host only; run the agent there"),
            Self::Unknown { what, cause } => write!(f, "{what} cannot be seen: {cause}"),
            Self::Confirm { signal, ends: Ends::At(until), .. } => write!(f, "{signal} is read again before it counts, at {until:.0}"),
            Self::Confirm { signal, after, .. } => write!(f, "{signal} is read again before it counts, after {after}"),
            Self::Stable { ends: Ends::At(until), .. } => write!(f, "all must stay well before calls return, until {until:.0}"),
            Self::Stable { lasts, .. } => write!(f, "all must stay well for {lasts} before calls return"),
            Self::Backoff { until, failed: 1 } => write!(f, "it failed once; next attempt at {until:.0}"),
            Self::Backoff { until, failed } => write!(f, "it failed {failed} times in a row; next attempt at {until:.0}"),
            Self::BrokenOff { times: 1, again: Some(again) } => {
                write!(f, "it failed after calls had been stopped for it; it goes on when they are back, at {again:.0} at the latest")
            }
            Self::BrokenOff { times, again: Some(again) } => {
                write!(f, "calls were stopped for it {times} times and it failed each time; they are stopped again at {again:.0}")
            }
            Self::BrokenOff { times, again: None } => {
                write!(f, "calls were stopped for it {times} times and it failed each time; no window opens any more")
            }
            Self::Hold { until, reason } => write!(f, "held on the host until {until:.0}: {reason}"),
            Self::Mode { mode } => write!(f, "mode `{}` allows no more", mode_name(*mode)),
            Self::Job { caption } => write!(f, "a Hyper-V job has not ended: {caption}"),
            Self::Room { at_once: 1 } => f.write_str("another appliance is being worked on, and this agent works on one at a time"),
            Self::Room { at_once } => {
                write!(f, "{at_once} other appliances are being worked on, which is as many as this agent does at once")
            }
            Self::Breaker { reason } => write!(f, "closing is held back, we suspect ourselves: {reason}"),
        }
    }
}

/// Something that no step of ours can mend.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stall {
    /// Which kind.
    pub reason: Reason,
    /// What, in a sentence.
    pub message: String,
    /// What a person does about it.
    pub hint: String,
}
