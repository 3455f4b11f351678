//! Where a test may stop the engine dead, as a crash would.
//!
//! Guarantees: a stopped engine writes nothing more and cleans nothing up; in production nobody listens, and a kill point costs one
//! comparison. Deliberately absent: any other influence on a step.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use plan::step::StepId;

/// A moment in the life of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KillPoint {
    /// Nothing is known of the step anywhere.
    BeforeIntent,
    /// The journal says what is meant; the host has not heard of it.
    AfterIntent,
    /// The host has been asked. How far it is depends on how long the engine still lives.
    Performing,
    /// The host says that it is done; nobody has looked.
    Performed,
    /// It was looked at and is done; the journal does not say so.
    Verified,
}

/// Decides where the engine dies. Only tests implement it.
pub trait Interrupt: Send + Sync + fmt::Debug {
    /// Whether the engine dies at this point of this step.
    fn dies_at(&self, point: KillPoint, step: &StepId) -> bool;

    /// How long after the host was asked the engine dies, when it dies at [`KillPoint::Performing`]. Short, and the request is sent
    /// without an answer; longer, and a job is running.
    fn dies_after(&self, step: &StepId) -> Option<Duration>;
}

/// The engine was stopped at a kill point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the engine was stopped by its test")]
pub struct Interrupted;

/// Who decides where the engine dies: nobody, unless a test says otherwise.
#[derive(Debug, Clone, Default)]
pub struct KillSwitch(Option<Arc<dyn Interrupt>>);

impl KillSwitch {
    /// Lets `interrupt` decide.
    #[must_use]
    pub fn held_by(interrupt: Arc<dyn Interrupt>) -> Self {
        Self(Some(interrupt))
    }

    /// Passes a kill point, or dies there.
    pub(crate) fn pass(&self, point: KillPoint, step: &StepId) -> Result<(), Interrupted> {
        match &self.0 {
            Some(interrupt) if interrupt.dies_at(point, step) => Err(Interrupted),
            _ => Ok(()),
        }
    }

    /// Ends when the engine is to die while the host works on `step`; otherwise never. Cancel-safe.
    pub(crate) async fn during(&self, step: &StepId) -> Interrupted {
        match self.0.as_ref().and_then(|interrupt| interrupt.dies_after(step)) {
            Some(after) => tokio::time::sleep(after).await,
            None => std::future::pending().await,
        }
        Interrupted
    }
}
