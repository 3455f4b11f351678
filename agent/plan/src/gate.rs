//! Whether a plan may begin now, and which of its steps.
//!
//! Guarantees: pure; the engine only takes the turn. Planned work that has ended serving already is asked neither for a window nor for a
//! turn, so it is never stopped between stop and start; a fault, or a service that somebody stopped, begins none; what failed is over:
//! calls come back, and after that it ends serving once in each window at most. An Approval (`allow: interrupt`) of just that plan stands
//! for the promise (others that serve, the longest outage), never for window, turn or hold. Whatever is kept back keeps back all that
//! comes after it. Deliberately absent: waiting; the answer says when to ask again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use model::desired::{Desired, Mode};
use model::names::WindowName;
use model::units::Span;
use model::window::Window;

use crate::consent::{self, Remedy};
use crate::given::{Given, PeerSight, Ruling, TurnState};
use crate::graph::Plan;
use crate::report::{PlanReport, Wait, WaitingOn};
use crate::step::{Impact, Purpose, Step, StepId};

/// Where no window binds, work that was broken off again and again ends serving once in this time.
const WITHOUT_WINDOWS: SignedDuration = SignedDuration::from_hours(24);

/// The gate's verdict on a plan.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gated {
    /// The steps that may run now, in order; what stands in their `after` is among them.
    pub go: Vec<StepId>,
    /// Whether the turn must be taken before the first of them.
    pub takes_turn: bool,
    /// Whether a place among the appliances that are worked on must be taken before the first of them.
    pub takes_room: bool,
    /// Whether repairs stand behind planned work that may not begin: they are planned again without it.
    pub plan_repairs_alone: bool,
    /// Everything that is waited for: the plan's own waits, then the gate's.
    pub waits: Vec<Wait>,
    /// When to look again at the latest, as far as the waits tell.
    pub look_again: Option<Timestamp>,
}

/// Judges a plan. `given.verdicts` holds what the policies say of it.
pub fn gate(plan: &Plan, report: &PlanReport, desired: &Desired, given: &Given) -> Gated {
    let mut waits = report.waits.clone();
    let judge = Judge { plan, desired, given, report };
    waits.extend(judge.person());
    waits.extend(judge.mode());
    waits.extend(judge.policies());
    waits.extend(judge.leader());
    waits.extend(judge.disruption());
    waits.extend(judge.broken_off());
    waits.extend(judge.room());
    waits.extend(judge.backoff());
    let kept: BTreeSet<&StepId> = waits.iter().flat_map(|wait| &wait.blocks).collect();
    // A drain is no obstacle to planned work but its beginning.
    let held_back: BTreeSet<&StepId> =
        waits.iter().filter(|wait| !matches!(wait.on, WaitingOn::Drain { .. })).flat_map(|wait| &wait.blocks).collect();
    let mut go: BTreeSet<&StepId> = BTreeSet::new();
    let mut behind_planned: BTreeSet<&StepId> = BTreeSet::new();
    let mut order = Vec::new();
    let mut plan_repairs_alone = false;
    for step in &plan.steps {
        let is_kept = kept.contains(&step.id);
        if !is_kept && step.after.iter().all(|id| go.contains(id)) {
            go.insert(&step.id);
            order.push(step.id.clone());
        } else if (held_back.contains(&step.id) && is_planned(step.purpose)) || step.after.iter().any(|id| behind_planned.contains(id)) {
            behind_planned.insert(&step.id);
            plan_repairs_alone |= !is_kept && !is_planned(step.purpose);
        }
    }
    let disrupts = plan.steps.iter().any(|step| go.contains(&step.id) && judge.disrupts(step));
    let takes_turn = disrupts && given.turn == TurnState::Free;
    let takes_room = plan.steps.iter().any(|step| go.contains(&step.id) && judge.begins_work(step));
    let look_again = waits.iter().filter_map(|wait| wait.on.look_again(given.now)).filter(|at| *at > given.now).min();
    Gated { go: order, takes_turn, takes_room, plan_repairs_alone, waits, look_again }
}

impl Gated {
    /// Adds what another plan for the same appliance waits for besides: a fault that is read again, say.
    pub(crate) fn add_waits_of(&mut self, other: &Self) {
        for wait in &other.waits {
            if !self.waits.iter().any(|one| one.on == wait.on) {
                self.waits.push(wait.clone());
            }
        }
        self.look_again = self.look_again.into_iter().chain(other.look_again).min();
    }
}

struct Judge<'a> {
    plan: &'a Plan,
    desired: &'a Desired,
    given: &'a Given,
    report: &'a PlanReport,
}

impl Judge<'_> {
    fn wait(&self, on: WaitingOn, keeps: impl Fn(&Step) -> bool) -> Option<Wait> {
        let blocks: Vec<StepId> = self.plan.steps.iter().filter(|step| keeps(step)).map(|step| step.id.clone()).collect();
        (!blocks.is_empty()).then_some(Wait { on, blocks })
    }

    fn person(&self) -> Option<Wait> {
        let hold = self.given.hold.as_ref().filter(|hold| hold.until > self.given.now)?;
        self.wait(WaitingOn::Hold { until: hold.until, reason: hold.reason.clone() }, |_| true)
    }

    fn mode(&self) -> Option<Wait> {
        let mode = self.desired.mode;
        self.wait(WaitingOn::Mode { mode }, |step| match mode {
            Mode::Observe | Mode::Plan => true,
            Mode::Repair => match step.purpose {
                Purpose::SetUp | Purpose::Change | Purpose::Prune => true,
                Purpose::Repair | Purpose::Close | Purpose::Return => false,
                // In this mode the plan drains for maintenance only, and that can only make us do less.
                Purpose::Drain => false,
            },
            Mode::Converge => false,
        })
    }

    fn policies(&self) -> Vec<Wait> {
        let denials = self.given.verdicts.iter().filter(|verdict| verdict.ruling == Ruling::Deny);
        let wait = |policy: &String, message: &String| {
            self.wait(WaitingOn::Policy { policy: policy.clone(), message: message.clone() }, |step| is_planned(step.purpose))
        };
        denials.filter_map(|verdict| wait(&verdict.policy, &verdict.message)).collect()
    }

    fn leader(&self) -> Option<Wait> {
        let leader = &self.desired.leader;
        let first = self.given.peers.get(leader).is_some_and(|peer| peer.finished && peer.serving == PeerSight::Serving);
        if *leader == self.desired.appliance || first {
            return None;
        }
        // A drain for maintenance is a person's wish for this appliance; it is no rollout.
        let keeps = |step: &Step| is_planned(step.purpose) && !(step.purpose == Purpose::Drain && self.in_maintenance());
        self.wait(WaitingOn::Leader { leader: leader.clone() }, keeps)
    }

    /// Window, peers, turn: asked only for what ends serving and has not begun to.
    fn disruption(&self) -> Vec<Wait> {
        let disrupts = |step: &Step| self.disrupts(step);
        let window = self.closed_window().and_then(|on| self.wait(on, |step| disrupts(step) && !self.in_maintenance()));
        let peer = self.too_few().and_then(|on| self.wait(on, disrupts));
        let turn = match &self.given.turn {
            TurnState::Ours | TurnState::Free => None,
            TurnState::Held { by } => self.wait(WaitingOn::Turn { held_by: Some(by.clone()) }, disrupts),
            TurnState::NotShared if self.desired.peers.is_empty() => None,
            TurnState::NotShared => self.wait(WaitingOn::Turn { held_by: None }, disrupts),
        };
        let outage = self.too_long().and_then(|on| self.wait(on, disrupts));
        [window, outage, peer, turn].into_iter().flatten().collect()
    }

    /// Work that failed while it kept calls away lets them back before it is tried again, and from the second time on it waits for another
    /// window. Where they cannot come back, that window is the next attempt too: the work may be what mends the fault.
    fn broken_off(&self) -> Option<Wait> {
        let broken = self.given.memory.broken_off.filter(|broken| broken.out || broken.times > 1)?;
        let again = self.next_opening_after(broken.at);
        if self.in_maintenance() || again.is_some_and(|again| again <= self.given.now) {
            return None;
        }
        let on = WaitingOn::BrokenOff { times: broken.times, again };
        self.wait(on, |step| self.disrupts(step))
    }

    fn next_opening_after(&self, at: Timestamp) -> Option<Timestamp> {
        if !self.needs_window() {
            return at.checked_add(WITHOUT_WINDOWS).ok();
        }
        windows_that_bind(self.desired).values().filter_map(|window| Some(window.next_opening_after(at)?.opens)).min()
    }

    fn room(&self) -> Option<Wait> {
        let at_once = self.given.crowd?;
        self.wait(WaitingOn::Room { at_once }, |step| self.begins_work(step))
    }

    /// Whether a step is of work that may take long and could wait. What has ended serving already goes on, and a person's maintenance
    /// is over in a minute.
    fn begins_work(&self, step: &Step) -> bool {
        match step.purpose {
            Purpose::SetUp | Purpose::Prune => true,
            Purpose::Drain | Purpose::Change => (self.report.takes_calls() || self.disrupts(step)) && !self.in_maintenance(),
            Purpose::Repair | Purpose::Close | Purpose::Return => false,
        }
    }

    fn backoff(&self) -> Vec<Wait> {
        let later = |step: &Step| {
            let attempts = self.given.memory.attempts.get(&step.id).filter(|attempts| attempts.retry_at > self.given.now)?;
            let on = WaitingOn::Backoff { until: attempts.retry_at, failed: attempts.failed };
            // Serving must not end for work that cannot be brought to its end yet.
            let disrupts = |other: &Step| is_planned(step.purpose) && self.disrupts(other);
            self.wait(on, |other| other.id == step.id || disrupts(other))
        };
        self.plan.steps.iter().filter_map(later).collect()
    }

    fn disrupts(&self, step: &Step) -> bool {
        !self.report.begun && is_disruption(step)
    }

    /// What would let the interruption go although a promise is broken; `None` where somebody has consented, or nothing is interrupted.
    fn remedy(&self) -> Option<Remedy> {
        let interruption = self.report.interruption.as_ref().filter(|interruption| interruption.given_by.is_none())?;
        Some(consent::remedy(interruption, &self.desired.appliance, self.given))
    }

    /// Fewer others serve than the site was promised.
    fn too_few(&self) -> Option<WaitingOn> {
        let (needed, serving) = (self.desired.availability.min_serving, self.given.serving_peers());
        if serving >= needed {
            return None;
        }
        Some(WaitingOn::Peer { needed, serving, remedy: self.remedy()? })
    }

    /// A site that has nobody else says how long it may be out.
    fn too_long(&self) -> Option<WaitingOn> {
        let outage = self.desired.availability.planned_outage.as_ref().filter(|_| self.desired.peers.is_empty())?;
        let takes = self.plan.expected().secs().saturating_add(self.desired.watch.stable_for.secs());
        let takes = Span::from_secs(takes);
        if takes <= outage.at_most || self.in_maintenance() {
            return None;
        }
        Some(WaitingOn::Outage { takes, at_most: outage.at_most, remedy: self.remedy()? })
    }

    fn in_maintenance(&self) -> bool {
        crate::posture::in_maintenance(self.desired, self.given.now)
    }

    fn needs_window(&self) -> bool {
        !self.desired.windows.is_empty() || self.desired.availability.planned_outage.is_some()
    }

    fn closed_window(&self) -> Option<WaitingOn> {
        let windows = windows_that_bind(self.desired);
        if !self.needs_window() {
            return None;
        }
        if windows.values().any(|window| window.open_at(self.given.now).is_some()) {
            return None;
        }
        let openings = windows.iter().filter_map(|(name, window)| Some((window.next_opening_after(self.given.now)?.opens, *name)));
        Some(WaitingOn::Window { opens: openings.min().map(|(at, name)| (name.clone(), at)) })
    }
}

/// The windows in which this appliance may be disrupted: those of the planned outage where a site has nobody else.
fn windows_that_bind(desired: &Desired) -> BTreeMap<&WindowName, &Window> {
    let outage = desired.availability.planned_outage.as_ref().filter(|_| desired.peers.is_empty());
    let binds = |name: &WindowName| outage.is_none_or(|outage| outage.windows.contains(name));
    desired.windows.iter().filter(|(name, _)| binds(name)).collect()
}

/// Whether a step is of planned work and ends serving, or keeps it from coming back. Every step of a drain counts: the notes must not say that
/// calls are kept away before they are.
#[must_use]
pub fn is_disruption(step: &Step) -> bool {
    is_planned(step.purpose) && (step.impact >= Impact::Drain || step.purpose == Purpose::Drain)
}

/// Whether somebody decided that it be done, rather than a fault.
#[must_use]
pub fn is_planned(purpose: Purpose) -> bool {
    match purpose {
        Purpose::SetUp | Purpose::Drain | Purpose::Change | Purpose::Prune => true,
        Purpose::Repair | Purpose::Close | Purpose::Return => false,
    }
}
