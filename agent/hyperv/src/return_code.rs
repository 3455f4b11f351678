//! Return values of methods and error codes of jobs: what they say, and what they ask for.
//!
//! Sources: the pages of the methods in MicrosoftDocs/win32 (HyperV_v2, CIMWin32Prov). Guarantees: every code has a sentence and a
//! disposition, a code that no page lists too. Deliberately absent: the codes 0 and 4096, which are no errors.

use std::fmt;

use model::condition::{Disposition, Reason};

/// Whose table a code is read in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Methods and jobs of Hyper-V's services.
    HyperV,
    /// `RequestStateChange` of VMs and jobs: its low numbers are those of CIM's own page, and mean other things than the services'.
    State,
    /// Methods of `Win32_Service`.
    Service,
    /// Windows error codes: rename, join, registry, restart.
    Windows,
    /// Methods of `Win32_NetworkAdapterConfiguration`.
    Adapter,
    /// Methods of `CIM_DataFile`.
    File,
    /// Methods of the firewall, which answer with an HRESULT.
    Firewall,
    /// Methods of Windows Update, which answer with an HRESULT of the update agent.
    Update,
    /// Methods of Defender, which answer with an HRESULT.
    Defender,
}

/// One return value that is no success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReturnCode {
    /// Whose table it is read in.
    pub family: Family,
    /// The number.
    pub value: u32,
}

/// The work goes on as a job.
pub(crate) const JOB_STARTED: u32 = 4096;
/// The guest's integration service is not ready.
pub(crate) const NOT_READY: u32 = 32780;
/// The guest is shutting down already.
pub(crate) const SHUTDOWN_IN_PROGRESS: u32 = 32782;
/// Other services that depend on this one run.
pub(crate) const DEPENDENTS_RUNNING: u32 = 3;
/// A service cannot take the control in its present state; a stopped one refuses to stop with it.
pub(crate) const CANNOT_ACCEPT_CONTROL: u32 = 5;
/// A service does not take the control in any state: one that cannot be paused, say.
pub(crate) const UNACCEPTABLE_CONTROL: u32 = 4;
/// A service does not run.
pub(crate) const NOT_STARTED: u32 = 6;
/// A service runs already.
pub(crate) const ALREADY_RUNNING: u32 = 10;
/// The registry key or value does not exist.
pub(crate) const NOT_FOUND: u32 = 2;
/// The machine is a member of a domain already.
pub(crate) const ALREADY_JOINED: u32 = 2691;
/// Done, and in force with the next restart.
pub(crate) const RESTART_NEEDED: u32 = 1;

impl ReturnCode {
    /// A code of Hyper-V's.
    #[must_use]
    pub const fn hyperv(value: u32) -> Self {
        Self { family: Family::HyperV, value }
    }

    /// What it says, in a sentence's rest.
    #[must_use]
    pub fn says(self) -> &'static str {
        match self.family {
            Family::HyperV => hyperv(self.value),
            Family::State => state(self.value),
            Family::Service => service(self.value),
            Family::Windows => windows(self.value),
            Family::Adapter => adapter(self.value),
            Family::File => file(self.value),
            Family::Firewall => "the firewall refused",
            Family::Update => update(self.value),
            Family::Defender => "Defender refused",
        }
    }

    /// What it asks for. Whatever may pass by itself is tried again; what only a person can change stalls.
    #[must_use]
    pub fn disposition(self) -> Disposition {
        let stall = |reason| Disposition::Stall(reason);
        match (self.family, self.value) {
            (Family::HyperV | Family::State, 32769)
            | (Family::Service | Family::File, 2)
            | (Family::Windows, 5 | 1326 | 1314)
            | (Family::Adapter, 91)
            | (Family::Firewall | Family::Update | Family::Defender, 5 | 0x8007_0005 | 0x8004_1003) => stall(Reason::AccessDenied),
            (Family::HyperV, 32779) => stall(Reason::ImageMissing),
            (Family::HyperV, 1 | 4 | 6 | 32770 | 32773 | 32776 | 4098)
            | (Family::State, 1 | 5 | 32770 | 32773 | 32776 | 4098)
            | (Family::Service, 1 | 4 | 9 | 12 | 14 | 18 | 21 | 22 | 23)
            | (Family::Windows, 87 | 1210 | 1323 | 2202 | 2224 | 2691 | 2692 | 2732)
            | (Family::Adapter, 64..=72 | 96)
            | (Family::File, 8 | 9 | 11 | 16 | 17 | 21) => stall(Reason::StepFailed),
            _ => Disposition::Retry,
        }
    }
}

impl fmt::Display for ReturnCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.family {
            Family::Firewall | Family::Update | Family::Defender => write!(f, "{} (0x{:08X})", self.says(), self.value),
            _ => write!(f, "{} ({})", self.says(), self.value),
        }
    }
}

fn hyperv(value: u32) -> &'static str {
    match value {
        1 | 32770 => "it is not supported",
        2 | 32768 => "it failed",
        3 | 32772 => "it took too long",
        4 | 32773 => "a parameter is invalid",
        5 => "the object is in another state than this needs",
        6 => "the parameters do not go together",
        4097 => "there is no way from this state to that",
        4098 => "a time limit is not supported",
        32769 => "access is denied",
        32771 => "its status is unknown",
        32774 => "the object is in use",
        32775 => "the object is in another state than this needs",
        32776 => "a parameter has the wrong type",
        32777 => "the object is not available",
        32778 => "there is not enough memory",
        32779 => "a file was not found",
        NOT_READY => "the guest is not ready for it",
        32781 => "the guest is locked",
        SHUTDOWN_IN_PROGRESS => "the guest is shutting down already",
        _ => "it failed with a code that no page lists",
    }
}

fn state(value: u32) -> &'static str {
    match value {
        2 | 4 => "it failed",
        5 => "a parameter is invalid",
        6 => "the object is in use",
        4099 => "the object is busy",
        other => hyperv(other),
    }
}

fn service(value: u32) -> &'static str {
    match value {
        1 => "it is not supported",
        2 => "access is denied",
        DEPENDENTS_RUNNING => "other services that depend on it run",
        UNACCEPTABLE_CONTROL => "the service does not take this control",
        CANNOT_ACCEPT_CONTROL => "the service cannot take this control in its present state",
        NOT_STARTED => "the service does not run",
        7 => "the service did not answer in time",
        8 => "the service failed for an unknown reason",
        9 => "the path of its program was not found",
        ALREADY_RUNNING => "the service runs already",
        11 => "the service database is locked",
        12 => "a service that it depends on is gone",
        13 => "a service that it depends on could not start",
        14 => "the service is disabled",
        15 => "its account could not log on",
        16 => "the service is being removed",
        17 => "the service has no thread of execution",
        18 => "services depend on each other in a circle",
        19 => "a service of that name runs already",
        20 => "the name of the service has invalid characters",
        21 => "a parameter is invalid",
        22 => "its account is invalid or may not run services",
        23 => "the service exists already",
        24 => "the service is paused",
        _ => "it failed with a code that no page lists",
    }
}

fn windows(value: u32) -> &'static str {
    match value {
        NOT_FOUND => "it was not found",
        5 => "access is denied",
        53 => "the network path was not found",
        87 => "a parameter is invalid",
        110 => "the object could not be opened",
        1314 => "a right is missing",
        1323 => "the password could not be changed",
        1326 => "the user name or the password is wrong",
        6 => "the hive does not exist",
        234 => "there is more than fits into an answer",
        1115 => "a shutdown is under way",
        1210 => "the computer name is invalid",
        1219 => "the machine is connected to the domain by another account",
        1355 => "the domain does not exist or cannot be reached",
        2202 => "the user name is invalid",
        2224 => "the account exists already",
        2697 => "the machine has an unfinished change of its membership",
        2732 => "the account exists already, and this user may not take it over",
        ALREADY_JOINED => "the machine is in the domain already",
        2692 => "the machine is in no domain",
        _ => "Windows answered with an error code",
    }
}

fn update(value: u32) -> &'static str {
    match value {
        0x8024_0016 => "another installation is under way",
        0x8024_0017 => "no update of these applies",
        0x8024_001E => "the update service was stopped",
        0x8024_0022 => "none of the updates could be installed",
        0x8024_0024 => "there are no updates",
        0x8024_402C => "the update server's name could not be resolved",
        0x8007_2EE2 => "the update server did not answer in time",
        0x8007_0005 => "access is denied, which is what the update agent says to callers from afar",
        0x8007_0643 => "an installer failed",
        0x800F_0922 => "servicing failed",
        _ => "Windows Update answered with an error code",
    }
}

fn adapter(value: u32) -> &'static str {
    match value {
        RESTART_NEEDED => "it takes effect with the next restart",
        64 => "the method is not supported",
        65 => "it failed for an unknown reason",
        66 => "the subnet mask is invalid",
        67 => "an error happened in an instance",
        68 => "a parameter is invalid",
        69 => "more than five gateways were given",
        70 => "the address is invalid",
        71 => "the gateway is invalid",
        72 => "the registry could not be read",
        84 => "IP is not enabled on the adapter",
        91 => "access is denied",
        96 => "the domain name is invalid",
        _ => "it failed with a code that we have no words for",
    }
}

fn file(value: u32) -> &'static str {
    match value {
        2 => "access is denied",
        8 => "it failed for an unknown reason",
        9 => "the name is invalid",
        10 => "it exists already",
        15 => "the file is in use",
        17 => "a right is missing",
        21 => "a parameter is invalid",
        _ => "it failed with a code that no page lists",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(family: Family, value: u32) -> ReturnCode {
        ReturnCode { family, value }
    }

    #[test]
    fn a_code_says_what_it_means_and_its_number() {
        insta::assert_snapshot!(ReturnCode::hyperv(32775), @"the object is in another state than this needs (32775)");
        insta::assert_snapshot!(code(Family::State, 6), @"the object is in use (6)");
        insta::assert_snapshot!(ReturnCode::hyperv(6), @"the parameters do not go together (6)");
        insta::assert_snapshot!(code(Family::Service, 3), @"other services that depend on it run (3)");
        insta::assert_snapshot!(code(Family::Windows, 1355), @"the domain does not exist or cannot be reached (1355)");
        insta::assert_snapshot!(code(Family::HyperV, 40000), @"it failed with a code that no page lists (40000)");
    }

    #[test]
    fn what_may_pass_is_tried_again_and_what_a_person_must_mend_stalls() {
        let passing = [(Family::State, 4), (Family::State, 6), (Family::State, 4097), (Family::State, 32775)];
        for (family, value) in passing {
            assert_eq!(code(family, value).disposition(), Disposition::Retry, "{family:?} {value}");
        }
        assert_eq!(code(Family::State, 5).disposition(), Disposition::Stall(Reason::StepFailed));
        for (family, value) in [(Family::HyperV, 32774), (Family::HyperV, 32775), (Family::Windows, 1355), (Family::Service, 15)] {
            assert_eq!(code(family, value).disposition(), Disposition::Retry, "{family:?} {value}");
        }
        assert_eq!(ReturnCode::hyperv(32769).disposition(), Disposition::Stall(Reason::AccessDenied));
        assert_eq!(ReturnCode::hyperv(32779).disposition(), Disposition::Stall(Reason::ImageMissing));
        assert_eq!(ReturnCode::hyperv(32773).disposition(), Disposition::Stall(Reason::StepFailed));
        assert_eq!(code(Family::Windows, 1326).disposition(), Disposition::Stall(Reason::AccessDenied));
    }
}
