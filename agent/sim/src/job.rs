//! Work of the host that outlasts the call that ordered it: `Msvm_ConcreteJob` and `Msvm_StorageJob`.
//!
//! Guarantees: the effect comes when the job ends, never before; a failed job has none.
//! Deliberately absent: the effects themselves; each family of classes applies its own.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wsman::cim::{CimDatetime, CimInstance, CimPath, CimValue, Namespace};

use crate::host::change::Change;
use crate::machine::Object;
use crate::windows::system::instant;

/// The kinds of work that can take time and can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum JobKind {
    DefineSystem,
    DestroySystem,
    AddResources,
    ModifyResources,
    RemoveResources,
    ModifySystem,
    Start,
    StateChange,
    Save,
    CreateDisk,
    ResizeDisk,
    SetParentDisk,
    ValidateDisk,
    CreateCheckpoint,
    ApplyCheckpoint,
    DestroyCheckpoint,
    DefineSwitch,
    DestroySwitch,
    GuestExchange,
}

impl JobKind {
    fn description(self) -> &'static str {
        match self {
            Self::DefineSystem => "Creating Virtual Machine",
            Self::DestroySystem => "Deleting Virtual Machine",
            Self::AddResources => "Adding Virtual Machine Resources",
            Self::ModifyResources => "Modifying Virtual Machine Resources",
            Self::RemoveResources => "Removing Virtual Machine Resources",
            Self::ModifySystem => "Modifying Virtual Machine Settings",
            Self::Start => "Starting Virtual Machine",
            Self::StateChange => "Changing Virtual Machine State",
            Self::Save => "Saving Virtual Machine",
            Self::CreateDisk => "Creating Virtual Hard Disk",
            Self::ResizeDisk => "Resizing Virtual Hard Disk",
            Self::SetParentDisk => "Setting Parent of Virtual Hard Disk",
            Self::ValidateDisk => "Validating Virtual Hard Disk",
            Self::CreateCheckpoint => "Creating Virtual Machine Checkpoint",
            Self::ApplyCheckpoint => "Applying Virtual Machine Checkpoint",
            Self::DestroyCheckpoint => "Deleting Virtual Machine Checkpoint",
            Self::DefineSwitch => "Creating Virtual Ethernet Switch",
            Self::DestroySwitch => "Deleting Virtual Ethernet Switch",
            Self::GuestExchange => "Exchanging Data With Guest",
        }
    }

    // Disk work is the image service's, whose jobs are of a class of their own.
    fn class(self) -> &'static str {
        match self {
            Self::CreateDisk | Self::ResizeDisk | Self::SetParentDisk | Self::ValidateDisk => "Msvm_StorageJob",
            _ => "Msvm_ConcreteJob",
        }
    }

    /// Whether a client may stop it: work that takes long and can be given up. The rest is asked in vain.
    pub(crate) fn can_be_cancelled(self) -> bool {
        matches!(
            self,
            Self::Start
                | Self::StateChange
                | Self::Save
                | Self::CreateDisk
                | Self::ResizeDisk
                | Self::CreateCheckpoint
                | Self::DestroyCheckpoint
        )
    }
}

/// Why work failed, in the terms of Hyper-V's methods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// A return value of a method, and the `ErrorCode` of a job.
    pub(crate) code: u16,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: u16, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// Return values that Hyper-V's services share.
pub(crate) mod code {
    pub(crate) const JOB: u32 = 4096;
    pub(crate) const INVALID_TRANSITION: u16 = 4097;
    pub(crate) const FAILED: u16 = 32768;
    pub(crate) const NOT_SUPPORTED: u16 = 32770;
    pub(crate) const INVALID_PARAMETER: u16 = 32773;
    pub(crate) const IN_USE: u16 = 32774;
    pub(crate) const INVALID_STATE: u16 = 32775;
    pub(crate) const WRONG_TYPE: u16 = 32776;
    pub(crate) const OUT_OF_MEMORY: u16 = 32778;
    pub(crate) const FILE_NOT_FOUND: u16 = 32779;
}

/// Where a job stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Stage {
    Running {
        change: Change,
        fails: Option<Failure>,
    },
    Completed,
    Failed(Failure),
    /// A client asked it to end.
    Terminated,
    Killed,
}

/// One job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) kind: JobKind,
    /// `JobType`, where the documentation of the class names one.
    pub(crate) job_type: Option<u16>,
    pub(crate) stage: Stage,
    pub(crate) started: Timestamp,
    /// When it ends, or has ended.
    pub(crate) ends: Timestamp,
    /// What it works on, as path text without a host.
    pub(crate) affects: Option<String>,
}

/// How long a finished job can still be read.
pub(crate) const KEPT: SignedDuration = SignedDuration::from_secs(300);

impl Job {
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Running { .. })
    }

    /// When something happens to it by itself: its end, or its vanishing.
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        if self.is_running() { Some(self.ends) } else { self.ends.checked_add(KEPT).ok() }
    }

    pub(crate) fn path(&self) -> CimPath {
        CimPath::class_of(Namespace::VIRTUALIZATION, self.kind.class()).with_key("InstanceID", self.id.as_str())
    }

    pub(crate) fn object(&self, now: Timestamp) -> Object {
        let until = if self.is_running() { now } else { self.ends };
        let elapsed = until.duration_since(self.started);
        let (state, percent, text): (u16, u16, &str) = match &self.stage {
            Stage::Running { .. } => (4, self.percent(elapsed), "Job is running."),
            Stage::Completed => (7, 100, "OK"),
            Stage::Failed(failure) => (10, 100, failure.message.as_str()),
            Stage::Terminated => (8, 100, "The job was terminated."),
            Stage::Killed => (9, 100, "The job was killed."),
        };
        let mut view = CimInstance::new(self.kind.class())
            .with("InstanceID", self.id.as_str())
            .with("Name", "Msvm_ConcreteJob")
            .with("Caption", self.kind.description())
            .with("Description", self.kind.description())
            .with("ElementName", self.kind.description())
            .with("JobState", state)
            .with("JobStatus", text)
            .with("Status", if state == 10 { "Error" } else { "OK" })
            .with("PercentComplete", percent)
            .with("StartTime", instant(self.started))
            .with("TimeSubmitted", instant(self.started))
            .with("TimeOfLastStateChange", instant(if self.is_running() { self.started } else { self.ends }))
            .with("ElapsedTime", CimValue::Datetime(CimDatetime::Interval(elapsed)))
            .with("TimeBeforeRemoval", CimValue::Datetime(CimDatetime::Interval(KEPT)))
            .with("DeleteOnCompletion", true)
            .with("Cancellable", self.is_running() && self.kind.can_be_cancelled())
            .with("LocalOrUtcTime", 2u16)
            .with("HealthState", 5u16)
            .with("OperationalStatus", vec![2u16])
            .with("JobType", self.job_type.map_or(CimValue::Null, CimValue::from));
        match &self.stage {
            Stage::Failed(failure) => {
                view.set("ErrorCode", failure.code);
                view.set("ErrorDescription", failure.message.as_str());
                view.set("ErrorSummaryDescription", failure.message.as_str());
            }
            Stage::Running { .. } | Stage::Completed | Stage::Terminated | Stage::Killed => view.set("ErrorCode", 0u16),
        }
        Object::keyed(&Namespace::VIRTUALIZATION, view, &["InstanceID"])
    }

    // A running job never says 100: clients take that for its end.
    fn percent(&self, elapsed: SignedDuration) -> u16 {
        let whole = self.ends.duration_since(self.started).as_millis().max(1);
        u16::try_from((elapsed.as_millis() * 100 / whole).clamp(0, 99)).unwrap_or(99)
    }
}
