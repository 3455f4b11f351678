//! Jobs: work that Hyper-V goes on with after its method has answered.
//!
//! Guarantees: a job is followed through the reference that its method gave, whichever class it is of. One that has vanished after
//! it was started is no error: finished jobs are removed after minutes, and whoever waits looks at the target again. Dropping
//! the wait leaves the job alone; from then on it counts as nobody's, and `check` sees it.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wsman::cim::{CimInstance, CimPath};

use crate::pause::Pause;
use crate::peer::{Peer, TalkError};
use crate::return_code::ReturnCode;
use crate::row::{Malformed, Row};

/// The first `JobState` of a job that has ended (7 completed); 2 to 6 go on.
pub(crate) const FIRST_ENDED: u16 = 7;
const COMPLETED: u64 = 7;
/// Completed, with warnings that `ErrorDescription` tells.
const COMPLETED_WITH_WARNINGS: u64 = 32768;

/// A job has ended badly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("job `{id}` was {}: {description} ({code}){}", state_name(*state), besides(details))]
pub struct JobFailed {
    /// Its `InstanceID`.
    pub id: String,
    /// Its `JobState`.
    pub state: u64,
    /// Its `ErrorCode`.
    pub code: ReturnCode,
    /// Its `ErrorDescription`, in the host's language.
    pub description: String,
    /// What `GetErrorEx` says besides, in the host's language.
    pub details: Vec<String>,
}

/// How far a job has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    Running,
    Done,
    Failed(JobFailed),
}

fn besides(details: &[String]) -> String {
    details.iter().map(|detail| format!("; {detail}")).collect()
}

fn state_name(state: u64) -> &'static str {
    match state {
        8 => "terminated",
        9 => "killed",
        10 => "broken off",
        11 => "put out of service",
        _ => "ended in a way that we do not know",
    }
}

/// Reads how far a job has come.
pub(crate) fn progress(row: &CimInstance) -> Result<Progress, Malformed> {
    let state = row.number("JobState")?;
    let warned = state == COMPLETED_WITH_WARNINGS && row.unsigned("ErrorCode")?.unwrap_or(0) == 0;
    Ok(match state {
        2..=6 => Progress::Running,
        COMPLETED => Progress::Done,
        _ if warned => Progress::Done,
        _ => Progress::Failed(JobFailed {
            id: row.need("InstanceID")?.to_owned(),
            state,
            code: ReturnCode::hyperv(u32::try_from(row.unsigned("ErrorCode")?.unwrap_or(0)).unwrap_or(u32::MAX)),
            description: row.text("ErrorDescription")?.unwrap_or("the host gives no description").trim().to_owned(),
            details: Vec::new(),
        }),
    })
}

/// Why a job's end was not seen.
#[derive(Debug)]
pub(crate) enum Unfinished {
    Failed(JobFailed),
    Talk(TalkError),
}

/// The jobs that this process waits for. Others of the host are somebody else's, or of a wait that was given up.
#[derive(Debug, Default)]
pub(crate) struct Following(Mutex<BTreeSet<String>>);

struct Followed<'a> {
    following: &'a Following,
    id: String,
}

impl Following {
    /// Whether somebody in this process waits for `id`.
    pub(crate) fn holds(&self, id: &str) -> bool {
        self.ids().contains(&id.to_ascii_uppercase())
    }

    fn ids(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the job at `path` has ended, or is gone.
    pub(crate) async fn follow(&self, peer: &Peer, path: &CimPath) -> Result<(), Unfinished> {
        let id = path.key("InstanceID").unwrap_or_default().to_ascii_uppercase();
        self.ids().insert(id.clone());
        let _followed = Followed { following: self, id };
        let mut pause = Pause::between(Duration::from_millis(100), Duration::from_secs(2));
        loop {
            let Some(row) = peer.find(path).await.map_err(Unfinished::Talk)? else { return Ok(()) };
            match peer.read("a job", progress(&row)).map_err(Unfinished::Talk)? {
                Progress::Running => pause.sleep().await,
                Progress::Done => return Ok(()),
                Progress::Failed(mut failed) => {
                    failed.details = details(peer, path, &failed.description).await;
                    return Err(Unfinished::Failed(failed));
                }
            }
        }
    }
}

/// The errors of a job, innermost last, without what its description says already. Whoever cannot be told more is told no less.
async fn details(peer: &Peer, path: &CimPath, description: &str) -> Vec<String> {
    let Ok(answer) = peer.invoke(path, "GetErrorEx", &[]).await else { return Vec::new() };
    let errors = answer.out.instances("Errors").unwrap_or_default();
    let messages = errors.iter().filter_map(|error| error.text("Message").ok().flatten()).map(str::trim);
    messages.filter(|message| !message.is_empty() && !description.contains(message)).map(str::to_owned).collect()
}

impl Drop for Followed<'_> {
    fn drop(&mut self) {
        self.following.ids().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(state: u16) -> CimInstance {
        CimInstance::new("Msvm_ConcreteJob").with("InstanceID", "7D2F").with("JobState", state).with("ErrorCode", 0_u16)
    }

    #[test]
    fn every_state_is_running_done_or_failed() {
        for state in 2..=6 {
            assert_eq!(progress(&job(state)), Ok(Progress::Running), "{state}");
        }
        assert_eq!(progress(&job(7)), Ok(Progress::Done));
        assert_eq!(progress(&job(32768)), Ok(Progress::Done));
        for state in [8, 9, 10, 11, 33000] {
            assert!(matches!(progress(&job(state)), Ok(Progress::Failed(_))), "{state}");
        }
    }

    #[test]
    fn a_failed_job_says_why() {
        let row = job(10).with("ErrorCode", 32778_u16).with("ErrorDescription", "Not enough memory in the system.");
        let Ok(Progress::Failed(failed)) = progress(&row) else { panic!("it failed") };
        insta::assert_snapshot!(failed, @"job `7D2F` was broken off: Not enough memory in the system. (there is not enough memory (32778))");
    }
}
