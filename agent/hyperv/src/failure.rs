//! Why a step could not be checked or done, and what that asks for.
//!
//! Guarantees: a text names the act and its object and never repeats its source; every failure has a disposition.

use std::fmt;

use model::condition::{Disposition, Reason};
use model::mark::UnreadableMark;
use model::names::{CredentialName, DomainName, HostPath, InstanceId, RoleName, ServiceName, SwitchName, VmName};
use model::seen::Cause;
use plan::step::StepId;

use crate::credential::CredentialError;
use crate::job::JobFailed;
use crate::peer::TalkError;
use crate::return_code::ReturnCode;
use crate::windows::WindowsError;

/// A step could not be checked or done.
#[derive(Debug, thiserror::Error)]
pub enum PerformError {
    /// Whether it is done could not be seen.
    #[error("whether step `{step}` is done could not be seen")]
    Check {
        /// The step.
        step: StepId,
        /// Why.
        #[source]
        source: Box<Failure>,
    },
    /// It could not be done, or not be seen to have been done.
    #[error("step `{step}` could not be done")]
    Perform {
        /// The step.
        step: StepId,
        /// Why.
        #[source]
        source: Box<Failure>,
    },
}

impl PerformError {
    /// The failure itself.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        match self {
            Self::Check { source, .. } | Self::Perform { source, .. } => source,
        }
    }

    /// What it asks for.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        self.failure().disposition()
    }
}

/// What stands before a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocker {
    /// A job of nobody in this process runs that may create what the step would create.
    Job {
        /// Its `InstanceID`.
        id: String,
        /// What it says it does.
        caption: String,
    },
    /// The VM runs, is saved or paused, and the step needs it off.
    NotOff(VmName),
    /// The guest cannot be looked into.
    Guest(VmName, Cause),
    /// Adapters of VMs are still connected to the switch.
    Connected(SwitchName, u32),
    /// A VM still uses the disk.
    InUse(HostPath, VmName),
}

impl Blocker {
    /// Whether it goes away by itself, so that it is worth to look again: a guest that starts, somebody's job that ends.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            Self::Job { .. } => true,
            Self::Guest(_, cause) => *cause != Cause::PoweredOff,
            Self::NotOff(_) | Self::Connected(..) | Self::InUse(..) => false,
        }
    }
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job { id, caption } => write!(f, "job `{id}` ({caption}) runs and may create the same"),
            Self::NotOff(vm) => write!(f, "`{vm}` is not off"),
            Self::Guest(vm, cause) => write!(f, "the guest of `{vm}` cannot be looked into: {cause}"),
            Self::Connected(switch, count) => write!(f, "{count} adapters are connected to `{switch}`"),
            Self::InUse(path, vm) => write!(f, "`{vm}` uses `{path}`"),
        }
    }
}

/// Why.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The host or the guest could not be talked to.
    #[error(transparent)]
    Talk(#[from] TalkError),
    /// A method was refused.
    #[error("`{method}` on {object} was refused: {code}")]
    Refused {
        /// The method.
        method: &'static str,
        /// What it was called for.
        object: String,
        /// Its return value.
        code: ReturnCode,
    },
    /// A method began a job, and the job failed.
    #[error("`{method}` on {object} began, but did not succeed")]
    Job {
        /// The method.
        method: &'static str,
        /// What it was called for.
        object: String,
        /// How the job ended.
        #[source]
        source: Box<JobFailed>,
    },
    /// Something that is not ours has the place of what is to be made.
    #[error("{object} is in the way: {why}")]
    InTheWay {
        /// What.
        object: String,
        /// Why it is not taken for ours.
        why: String,
    },
    /// What the step would change is not ours.
    #[error("{0} is not ours and is left alone")]
    NotOurs(String),
    /// Several VMs bear one mark.
    #[error("{count} VMs bear the mark of `{role}` in instance `{instance}`")]
    DuplicateMark {
        /// The instance.
        instance: InstanceId,
        /// The role.
        role: RoleName,
        /// How many.
        count: usize,
    },
    /// A mark cannot be read.
    #[error("{object} bears a mark that cannot be read")]
    UnreadableMark {
        /// The VM or switch.
        object: String,
        /// What is wrong with it.
        #[source]
        source: UnreadableMark,
    },
    /// The step would spoil the VM's checkpoints.
    #[error("`{vm}` has the checkpoints {}: apply or delete them first", list(checkpoints))]
    Checkpointed {
        /// The VM.
        vm: VmName,
        /// Their names.
        checkpoints: Vec<String>,
    },
    /// What the step works on is not there.
    #[error("{0} is not there")]
    Missing(String),
    /// The switch that an adapter is to be connected to is not there.
    #[error("switch `{0}` is not there")]
    NoSwitch(SwitchName),
    /// Something must happen first.
    #[error("{0}")]
    Blocked(Blocker),
    /// The guest refuses our credentials.
    #[error("the guest of `{vm}` refuses credential `{credential}`")]
    GuestRefuses {
        /// The VM.
        vm: VmName,
        /// The credential.
        credential: CredentialName,
    },
    /// A credential cannot be had.
    #[error("credential `{name}` could not be resolved")]
    Credential {
        /// Its name.
        name: CredentialName,
        /// Why.
        #[source]
        source: CredentialError,
    },
    /// A failover cluster has the VM.
    #[error("a failover cluster has `{vm}` as a role: take it out of the cluster first")]
    Clustered {
        /// The VM.
        vm: VmName,
    },
    /// The Windows inside a guest did not do what it was asked for.
    #[error("the Windows of `{vm}` was not changed")]
    Guest {
        /// The VM.
        vm: VmName,
        /// Why.
        #[source]
        source: Box<WindowsError>,
    },
    /// The guest is in a domain that is not the wished one.
    #[error("`{vm}` is in the domain `{found}` and would have to leave it first")]
    OtherDomain {
        /// The VM.
        vm: VmName,
        /// The domain that it is in.
        found: DomainName,
    },
    /// A service started and stopped again by itself.
    #[error("service `{0}` started and did not stay up")]
    DidNotStay(ServiceName),
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl Failure {
    /// Whether what was asked for was tried, and failed: nothing of the kind is known when the way there was broken.
    #[must_use]
    pub fn was_tried(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Job { .. } | Self::DidNotStay(_))
    }

    /// What it asks for.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            // Whoever does a step has just looked at the machine, so this passes.
            Self::Talk(talk) if talk.is_odd() => Disposition::Retry,
            Self::Talk(talk) => talk.disposition(),
            Self::Refused { code, .. } => code.disposition(),
            Self::Job { source, .. } => source.code.disposition(),
            Self::Guest { source, .. } => source.disposition(),
            Self::InTheWay { .. } | Self::NotOurs(_) => Disposition::Stall(Reason::AdoptionNeeded),
            Self::DuplicateMark { .. } => Disposition::Stall(Reason::DuplicateMark),
            Self::Clustered { .. } => Disposition::Stall(Reason::Clustered),
            Self::Checkpointed { .. } => Disposition::Stall(Reason::Checkpointed),
            Self::UnreadableMark { .. } => Disposition::Stall(Reason::UnreadableMark),
            // The next plan is made from what is there then.
            Self::Missing(_) | Self::DidNotStay(_) => Disposition::Retry,
            Self::NoSwitch(_) => Disposition::Stall(Reason::SwitchMissing),
            Self::Blocked(_) => Disposition::Wait { until: None },
            Self::GuestRefuses { .. } | Self::Credential { .. } => Disposition::Stall(Reason::AccessDenied),
            Self::OtherDomain { .. } => Disposition::Stall(Reason::StepFailed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(value: u32) -> Failure {
        Failure::Refused { method: "RequestStateChange", object: "ad1.2.1".to_owned(), code: ReturnCode::hyperv(value) }
    }

    #[test]
    fn a_failure_names_act_object_and_reason() {
        insta::assert_snapshot!(refused(32774), @"`RequestStateChange` on ad1.2.1 was refused: the object is in use (32774)");
        insta::assert_snapshot!(
            Failure::InTheWay { object: r"disk `D:\a.vhdx`".to_owned(), why: "`web01` uses it".to_owned() },
            @r"disk `D:\a.vhdx` is in the way: `web01` uses it"
        );
        let booting = Blocker::Guest("ad1.2.1".parse().unwrap(), Cause::Booting);
        insta::assert_snapshot!(Failure::Blocked(booting), @"the guest of `ad1.2.1` cannot be looked into: the guest is still starting");
    }

    #[test]
    fn what_asks_for_a_person_stalls_and_the_rest_goes_on() {
        assert_eq!(refused(32774).disposition(), Disposition::Retry);
        assert_eq!(refused(32769).disposition(), Disposition::Stall(Reason::AccessDenied));
        assert_eq!(Failure::NoSwitch("Corpnet".parse().unwrap()).disposition(), Disposition::Stall(Reason::SwitchMissing));
        assert_eq!(Failure::Missing("the VM".to_owned()).disposition(), Disposition::Retry);
        let off = Blocker::NotOff("ad1.2.1".parse().unwrap());
        assert!(!off.passes());
        assert_eq!(Failure::Blocked(off).disposition(), Disposition::Wait { until: None });
    }
}
