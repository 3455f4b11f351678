//! Which step of those that go may begin next. Pure.
//!
//! Guarantees: a step begins after all that it comes after are done and all that it stands behind has ended, once, and never after
//! one that it comes after failed; after a look found something new, no further step begins. Deliberately absent: how a step is done.

use std::collections::BTreeSet;

use plan::step::{Step, StepId};

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It was done already.
    Found,
    /// It was done and verified.
    Done,
    /// It came to nothing.
    Failed,
}

/// How far the steps are.
#[derive(Debug)]
pub(super) struct Progress<'s> {
    steps: &'s [Step],
    done: BTreeSet<&'s StepId>,
    // Running or failed: neither is handed out again.
    begun: BTreeSet<&'s StepId>,
    failed: BTreeSet<&'s StepId>,
    looked: bool,
}

impl<'s> Progress<'s> {
    /// None of the steps has begun but those that are under way.
    pub(super) fn of(steps: &'s [Step], is_under_way: impl Fn(&Step) -> bool) -> Self {
        let begun = steps.iter().filter(|step| is_under_way(step)).map(|step| &step.id).collect();
        Self { steps, done: BTreeSet::new(), begun, failed: BTreeSet::new(), looked: false }
    }

    /// The next step that may begin; it counts as begun from now on.
    pub(super) fn begin_next(&mut self) -> Option<&'s Step> {
        if self.looked {
            return None;
        }
        let coming = self.coming();
        let may = |step: &&Step| {
            let done = step.after.iter().all(|id| self.done.contains(id));
            done && !self.begun.contains(&step.id) && !step.behind.iter().any(|id| coming.contains(id))
        };
        let next = self.steps.iter().find(may)?;
        self.begun.insert(&next.id);
        Some(next)
    }

    /// The step that begins once something before it has ended.
    pub(super) fn upcoming(&self) -> Option<&'s Step> {
        let coming = self.coming();
        self.steps.iter().find(|step| coming.contains(&step.id) && !self.begun.contains(&step.id))
    }

    /// The steps that have not ended and may still come to an end.
    fn coming(&self) -> BTreeSet<&'s StepId> {
        let mut coming = BTreeSet::new();
        for step in self.steps.iter().filter(|step| !self.done.contains(&step.id) && !self.failed.contains(&step.id)) {
            if step.after.iter().all(|id| self.done.contains(id) || coming.contains(id)) {
                coming.insert(&step.id);
            }
        }
        coming
    }

    /// A step ended.
    pub(super) fn end(&mut self, id: &StepId, end: End) {
        let Some(step) = self.steps.iter().find(|step| step.id == *id) else { return };
        match end {
            End::Found => {
                self.done.insert(&step.id);
            }
            End::Done => {
                self.done.insert(&step.id);
                self.looked |= step.act.is_look();
            }
            End::Failed => {
                self.failed.insert(&step.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use model::names::{InstanceId, RoleName};
    use model::observed::Reach;
    use plan::step::{Act, Impact, Purpose, StepTime};

    use super::*;

    fn step(role: &str, act: Act, after: &[&Step]) -> Step {
        let (instance, role) = (InstanceId::new("2.1").unwrap(), RoleName::new(role).unwrap());
        let id = StepId::of(&instance, Some(&role), &act);
        let time = StepTime::declared(&act);
        let after = after.iter().map(|step| step.id.clone()).collect();
        Step {
            id,
            instance,
            role: Some(role),
            act,
            purpose: Purpose::SetUp,
            after,
            behind: Vec::new(),
            impact: Impact::None,
            reach: Reach::HostOnly,
            time,
        }
    }

    fn begun<'s>(progress: &mut Progress<'s>) -> Vec<&'s str> {
        std::iter::from_fn(|| progress.begin_next()).map(|step| step.id.as_str()).collect()
    }

    #[test]
    fn independent_steps_begin_together_and_a_failed_one_stops_only_what_comes_after_it() {
        let ad = step("ad", Act::StartVm, &[]);
        let cms = step("cms", Act::StartVm, &[]);
        let after_ad = step("ad", Act::SetProcessors { to: 2 }, &[&ad]);
        let after_cms = step("cms", Act::SetProcessors { to: 2 }, &[&cms]);
        let both = step("edge", Act::StartVm, &[&after_ad, &after_cms]);
        let steps = [ad, cms, after_ad, after_cms, both];
        let mut progress = Progress::of(&steps, |_| false);
        assert_eq!(begun(&mut progress), ["2.1/ad/start-vm", "2.1/cms/start-vm"]);
        assert_eq!(progress.upcoming().map(|step| step.id.as_str()), Some("2.1/ad/set-processors"));
        progress.end(&steps[0].id, End::Failed);
        assert_eq!(progress.upcoming().map(|step| step.id.as_str()), Some("2.1/cms/set-processors"), "what comes after it never begins");
        assert_eq!(begun(&mut progress), [""; 0]);
        progress.end(&steps[1].id, End::Done);
        assert_eq!(begun(&mut progress), ["2.1/cms/set-processors"]);
        progress.end(&steps[3].id, End::Done);
        assert_eq!(begun(&mut progress), [""; 0], "what comes after a failed step never begins");
    }

    #[test]
    fn a_look_that_was_new_ends_the_beginning_of_steps_and_one_that_was_not_does_not() {
        let look = step("ad", Act::AwaitGuest { over: Reach::Management }, &[]);
        let next = step("ad", Act::StartVm, &[&look]);
        let steps = [look, next];
        for (end, expected) in [(End::Done, 0), (End::Found, 1)] {
            let mut progress = Progress::of(&steps, |_| false);
            assert_eq!(begun(&mut progress).len(), 1);
            progress.end(&steps[0].id, end);
            assert_eq!(begun(&mut progress).len(), expected, "{end:?}");
        }
    }

    #[test]
    fn what_stands_behind_others_begins_once_they_have_ended_or_never_will() {
        let ad = step("ad", Act::StartVm, &[]);
        let after_ad = step("ad", Act::SetProcessors { to: 2 }, &[&ad]);
        let mut cms = step("cms", Act::StartVm, &[]);
        cms.behind = vec![ad.id.clone(), after_ad.id.clone()];
        let steps = [ad, after_ad, cms];
        let mut progress = Progress::of(&steps, |_| false);
        assert_eq!(begun(&mut progress), ["2.1/ad/start-vm"]);
        progress.end(&steps[0].id, End::Failed);
        assert_eq!(begun(&mut progress), ["2.1/cms/start-vm"]);
    }

    #[test]
    fn a_step_that_is_under_way_is_not_begun_again() {
        let steps = [step("ad", Act::AwaitGuest { over: Reach::Management }, &[]), step("cms", Act::StartVm, &[])];
        let mut progress = Progress::of(&steps, |one| one.id == steps[0].id);
        assert_eq!(begun(&mut progress), ["2.1/cms/start-vm"]);
    }

    #[test]
    fn a_step_whose_predecessor_was_kept_back_never_begins() {
        let kept_back = step("ad", Act::StartVm, &[]);
        let steps = [step("ad", Act::SetProcessors { to: 2 }, &[&kept_back])];
        assert_eq!(begun(&mut Progress::of(&steps, |_| false)), [""; 0]);
    }
}
