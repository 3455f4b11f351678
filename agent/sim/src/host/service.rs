//! Hyper-V's services of WMI: which methods each has, and how one of them is called.
//!
//! Guarantees: a method is found by its name in any case; what it refuses becomes its return value, and what the call itself gets wrong
//! an error of WMI. Deliberately absent: what the methods do, which each service's own file says.

use wsman::cim::CimInstance;

use crate::host::submit::Submitted;
use crate::host::{Host, Surroundings, image_service, snapshot_service, switch_service, system_service};
use crate::job::Failure;
use crate::machine::{Output, WmiError};

/// Each is the one instance of its class.
const SERVICES: [Service; 4] = [system_service::SERVICE, image_service::SERVICE, snapshot_service::SERVICE, switch_service::SERVICE];

/// What a method does.
pub(crate) type Act = fn(&mut Host, &CimInstance, &mut Surroundings<'_>) -> Result<Output, Denied>;

/// A class with one instance, and its methods by name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service {
    pub(crate) class: &'static str,
    pub(crate) methods: &'static [(&'static str, Act)],
}

/// Why a method gives nothing back.
#[derive(Debug)]
pub(crate) enum Denied {
    /// It refuses, by its return value.
    Refused(Failure),
    /// It was called wrongly.
    Wrong(WmiError),
}

impl From<Failure> for Denied {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure)
    }
}

impl From<WmiError> for Denied {
    fn from(error: WmiError) -> Self {
        Self::Wrong(error)
    }
}

impl Service {
    /// The service that is of `class`, in any case, as CIM names its classes.
    pub(crate) fn of(class: &str) -> Option<Self> {
        SERVICES.into_iter().find(|service| service.class.eq_ignore_ascii_case(class))
    }

    /// Runs `method` on `host`.
    pub(crate) fn invoke(self, host: &mut Host, method: &str, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, WmiError> {
        let found = self.methods.iter().find(|(name, _)| name.eq_ignore_ascii_case(method));
        let (_, act) = found.ok_or_else(|| WmiError::method(self.class, method))?;
        match act(host, input, cx) {
            Ok(output) => Ok(output),
            Err(Denied::Refused(failure)) => Ok(Submitted::from(failure).output()),
            Err(Denied::Wrong(error)) => Err(error),
        }
    }
}
