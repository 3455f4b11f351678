//! From a checked change to its effect: at once, or as a job.
//!
//! Guarantees: work whose length is zero is done when its method returns, unless a failure is planned for it.

use jiff::SignedDuration;
use wsman::cim::{CimPath, CimValue};

use crate::host::change::Change;
use crate::host::{Host, Surroundings};
use crate::job::{Failure, Job, JobKind, Stage, code};
use crate::machine::Output;

/// What came of a change that was asked for.
#[derive(Debug)]
pub(crate) enum Submitted {
    Done,
    Failed(Failure),
    Started(CimPath),
}

impl Submitted {
    /// A method's output: 0, the failure's code, or 4096 with the job.
    pub(crate) fn output(self) -> Output {
        match self {
            Self::Done => Output::code(0).with("Job", CimValue::Null),
            Self::Failed(failure) => Output::code(failure.code.into()).with("Job", CimValue::Null),
            Self::Started(job) => Output::code(code::JOB).with("Job", job),
        }
    }

    /// The same with out parameters that exist only once the work is done.
    pub(crate) fn output_with(self, name: &str, value: impl Into<CimValue>) -> Output {
        match self {
            Self::Done => Self::Done.output().with(name, value),
            Self::Failed(_) | Self::Started(_) => self.output(),
        }
    }
}

impl From<Failure> for Submitted {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Host {
    /// Begins `change`. `affects` is what it works on.
    pub(crate) fn submit(&mut self, kind: JobKind, affects: Option<CimPath>, change: Change, cx: &mut Surroundings<'_>) -> Submitted {
        let planned = self.planned_failures.iter().position(|(k, _)| *k == kind).map(|at| self.planned_failures.remove(at).1);
        let length = cx.timing.of(kind);
        if planned.is_none() && length <= SignedDuration::ZERO {
            return match self.apply(change, cx) {
                Ok(()) => Submitted::Done,
                Err(failure) => Submitted::Failed(failure),
            };
        }
        let ends = cx.now.saturating_add(length.max(SignedDuration::from_millis(200))).unwrap_or(cx.now);
        let affects = affects.map(|path| path.to_string());
        let job_type = change.job_type();
        let job =
            Job { id: cx.ids.guid(), kind, job_type, stage: Stage::Running { change, fails: planned }, started: cx.now, ends, affects };
        let path = job.path();
        self.jobs.push(job);
        Submitted::Started(path)
    }

    /// Ends the jobs whose time has come, and forgets the old ones.
    pub(crate) fn advance_jobs(&mut self, cx: &mut Surroundings<'_>) {
        self.jobs.retain(|j| j.is_running() || j.next_event().is_none_or(|at| at > cx.now));
        while let Some(at) = self.jobs.iter().position(|j| j.is_running() && j.ends <= cx.now) {
            self.end_job(at, cx);
        }
    }

    fn end_job(&mut self, at: usize, cx: &mut Surroundings<'_>) {
        let Stage::Running { change, fails } = std::mem::replace(&mut self.jobs[at].stage, Stage::Completed) else { return };
        let kept = change.clone();
        let outcome = match fails {
            Some(failure) => Err(failure),
            None => self.apply(change, cx),
        };
        if let Err(failure) = outcome {
            self.undo(&kept, cx);
            self.jobs[at].stage = Stage::Failed(failure);
        }
    }

    /// Stops a running job before its effect, as `ended`: a client asks for it, or the host goes down.
    pub(crate) fn stop_job(&mut self, id: &str, ended: Stage, cx: &Surroundings<'_>) -> Option<()> {
        let job = self.jobs.iter_mut().find(|j| j.is_running() && j.id.eq_ignore_ascii_case(id))?;
        let stage = std::mem::replace(&mut job.stage, ended);
        job.ends = cx.now;
        if let Stage::Running { change, .. } = stage {
            self.undo(&change, cx);
        }
        Some(())
    }
}
