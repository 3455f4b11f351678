//! Services: `Win32_Service`.
//!
//! Guarantees: starting and stopping take time; only automatic services run after a boot.
//! Deliberately absent: the process behind a service.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wsman::cim::{CimInstance, CimPath, Namespace};

use crate::ids::Ids;
use crate::image::{Needs, ServiceSpec};
use crate::machine::{Object, Output, WmiCode, WmiError};
use crate::windows::Windows;

/// When a service starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum StartMode {
    /// At boot.
    #[default]
    Auto,
    /// When somebody asks.
    Manual,
    /// Never.
    Disabled,
}

impl StartMode {
    // The property says `Auto` where the method wants `Automatic`.
    fn property(self) -> &'static str {
        match self {
            Self::Auto => "Auto",
            Self::Manual => "Manual",
            Self::Disabled => "Disabled",
        }
    }

    fn parameter(text: &str) -> Option<Self> {
        [("Automatic", Self::Auto), ("Manual", Self::Manual), ("Disabled", Self::Disabled)]
            .into_iter()
            .find_map(|(name, mode)| name.eq_ignore_ascii_case(text).then_some(mode))
    }
}

/// What a service does at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Run {
    Stopped,
    StartPending,
    Running,
    StopPending,
    Paused,
}

/// One service.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Service {
    pub(crate) name: String,
    display_name: String,
    pub(crate) start_mode: StartMode,
    pub(crate) run: Run,
    /// When a pending state ends.
    pub(crate) until: Option<Timestamp>,
    /// Since when it is paused.
    pub(crate) paused_at: Option<Timestamp>,
    process_id: u32,
    exit_code: u32,
    start_takes: SignedDuration,
    stop_takes: SignedDuration,
    depends_on: Vec<String>,
    needs: Needs,
    restarts_after: Option<SignedDuration>,
    accepts_pause: bool,
}

// Return codes of Win32_Service's methods.
const DEPENDENTS_RUNNING: u32 = 3;
const UNACCEPTABLE_CONTROL: u32 = 4;
const CANNOT_ACCEPT_CONTROL: u32 = 5;
const NOT_STARTED: u32 = 6;
const ALREADY_RUNNING: u32 = 10;
const DISABLED: u32 = 14;
const LOGON_FAILED: u32 = 15;
const INVALID_PARAMETER: u32 = 21;
// ERROR_PROCESS_ABORTED, which the service manager records for a process that died.
const EXIT_ABORTED: u32 = 1067;

impl Service {
    pub(crate) fn new(spec: &ServiceSpec) -> Self {
        Self {
            name: spec.name.clone(),
            display_name: spec.display_name.clone().unwrap_or_else(|| spec.name.clone()),
            start_mode: spec.start_mode,
            run: Run::Stopped,
            until: None,
            paused_at: None,
            process_id: 0,
            exit_code: 0,
            start_takes: spec.start_takes,
            stop_takes: spec.stop_takes,
            depends_on: spec.depends_on.clone(),
            needs: spec.needs,
            restarts_after: spec.restarts_after,
            accepts_pause: spec.accepts_pause,
        }
    }

    /// Windows's own: runs from boot on.
    pub(crate) fn of_windows(name: &str, display_name: &str) -> Self {
        Self::new(&ServiceSpec {
            name: name.to_owned(),
            display_name: Some(display_name.to_owned()),
            start_mode: StartMode::Auto,
            start_takes: SignedDuration::from_secs(1),
            stop_takes: SignedDuration::from_secs(1),
            depends_on: Vec::new(),
            needs: Needs::Nothing,
            restarts_after: None,
            accepts_pause: false,
        })
    }

    /// One that an installer has just brought; automatic ones run.
    pub(crate) fn installed(spec: &ServiceSpec, process_id: u32) -> Self {
        let mut service = Self::new(spec);
        if service.start_mode == StartMode::Auto && service.needs == Needs::Nothing {
            service.runs(process_id);
        }
        service
    }

    /// What people call it.
    pub(crate) fn display_name(&self) -> &str {
        &self.display_name
    }

    /// Whether nobody has stopped it.
    pub(crate) fn has_died(&self) -> bool {
        self.run == Run::Stopped && self.exit_code == EXIT_ABORTED
    }

    fn runs(&mut self, process_id: u32) {
        (self.run, self.until, self.process_id, self.exit_code) = (Run::Running, None, process_id, 0);
        self.paused_at = None;
    }

    fn stopped(&mut self, exit_code: u32) {
        (self.run, self.until, self.process_id, self.exit_code) = (Run::Stopped, None, 0, exit_code);
        self.paused_at = None;
    }

    /// The process dies; nobody asked for it. The service manager may have orders for that.
    pub(crate) fn dies(&mut self, now: Timestamp) {
        self.stopped(EXIT_ABORTED);
        self.until = self.restarts_after.and_then(|after| now.saturating_add(after).ok());
    }

    /// Keeps its process and takes nothing new.
    pub(crate) fn pause(&mut self, now: Timestamp) -> u32 {
        match self.run {
            Run::Running | Run::Paused if !self.accepts_pause => UNACCEPTABLE_CONTROL,
            Run::Running | Run::Paused => {
                self.run = Run::Paused;
                self.paused_at.get_or_insert(now);
                0
            }
            Run::Stopped => NOT_STARTED,
            Run::StartPending | Run::StopPending => CANNOT_ACCEPT_CONTROL,
        }
    }

    fn resume(&mut self) -> u32 {
        match self.run {
            Run::Running | Run::Paused => {
                (self.run, self.paused_at) = (Run::Running, None);
                0
            }
            Run::Stopped => NOT_STARTED,
            Run::StartPending | Run::StopPending => CANNOT_ACCEPT_CONTROL,
        }
    }

    fn view(&self, computer: &str) -> CimInstance {
        let (state, started) = match self.run {
            Run::Stopped => ("Stopped", false),
            Run::StartPending => ("Start Pending", false),
            Run::Running => ("Running", true),
            Run::StopPending => ("Stop Pending", true),
            Run::Paused => ("Paused", true),
        };
        CimInstance::new("Win32_Service")
            .with("Name", self.name.as_str())
            .with("Caption", self.display_name.as_str())
            .with("DisplayName", self.display_name.as_str())
            .with("CreationClassName", "Win32_Service")
            .with("SystemCreationClassName", "Win32_ComputerSystem")
            .with("SystemName", computer)
            .with("State", state)
            .with("Started", started)
            .with("Status", "OK")
            .with("StartMode", self.start_mode.property())
            .with("DelayedAutoStart", false)
            .with("StartName", "LocalSystem")
            .with("PathName", format!("C:\\Windows\\System32\\{}.exe", self.name))
            .with("ServiceType", "Own Process")
            .with("ErrorControl", "Normal")
            .with("AcceptStop", matches!(self.run, Run::Running | Run::Paused))
            .with("AcceptPause", self.accepts_pause && matches!(self.run, Run::Running | Run::Paused))
            .with("DesktopInteract", false)
            .with("ExitCode", self.exit_code)
            .with("ServiceSpecificExitCode", 0u32)
            .with("CheckPoint", 0u32)
            .with("WaitHint", 0u32)
            .with("TagId", 0u32)
            .with("ProcessId", self.process_id)
    }
}

/// After a boot: automatic services run, all others do not.
pub(crate) fn boot(services: &mut [Service], domain_member: bool, ids: &mut Ids) {
    for service in services {
        match service.start_mode {
            StartMode::Auto if service.needs == Needs::Nothing || domain_member => service.runs(ids.process_id()),
            // Windows records 1069, logon failure, for a service whose account cannot be reached.
            StartMode::Auto => service.stopped(1069),
            StartMode::Manual | StartMode::Disabled => service.stopped(0),
        }
    }
}

impl Windows {
    /// Ends the pending states whose time has come.
    pub(crate) fn advance_services(&mut self, now: Timestamp, ids: &mut Ids) {
        for at in 0..self.services.len() {
            let service = &mut self.services[at];
            if service.until.is_none_or(|until| until > now) {
                continue;
            }
            service.until = None;
            match service.run {
                Run::StartPending => service.runs(ids.process_id()),
                Run::StopPending => service.stopped(0),
                // It died, and its time to be started again has come.
                Run::Stopped => drop(self.start_service(at, now)),
                Run::Running | Run::Paused => {}
            }
        }
    }

    pub(crate) fn service_objects(&self) -> Vec<Object> {
        self.services.iter().map(|s| Object::keyed(&Namespace::CIMV2, s.view(&self.computer_name), &["Name"])).collect()
    }

    /// Which service depends on which.
    pub(crate) fn service_links(&self) -> Vec<Object> {
        let path = |name: &str| CimPath::class_of(Namespace::CIMV2, "Win32_Service").with_key("Name", name);
        let links = self.services.iter().flat_map(|dependent| dependent.depends_on.iter().map(move |needed| (needed, dependent)));
        links
            .filter_map(|(needed, dependent)| {
                let needed = &self.services[self.service(needed)?];
                let link = CimInstance::new("Win32_DependentService")
                    .with("Antecedent", path(&needed.name))
                    .with("Dependent", path(&dependent.name));
                Some(Object::keyed(&Namespace::CIMV2, link, &["Antecedent", "Dependent"]))
            })
            .collect()
    }

    pub(crate) fn invoke_service(&mut self, name: &str, method: &str, input: &CimInstance, now: Timestamp) -> Result<Output, WmiError> {
        let at = self.service(name).ok_or_else(|| WmiError::new(WmiCode::NotFound, format!("no service is called {name}")))?;
        let code = match () {
            () if method.eq_ignore_ascii_case("StartService") => self.start_service(at, now),
            () if method.eq_ignore_ascii_case("StopService") => self.stop_service(at, now),
            () if method.eq_ignore_ascii_case("PauseService") => self.services[at].pause(now),
            () if method.eq_ignore_ascii_case("ResumeService") => self.services[at].resume(),
            () if method.eq_ignore_ascii_case("InterrogateService") => {
                if matches!(self.services[at].run, Run::Running | Run::Paused) {
                    0
                } else {
                    NOT_STARTED
                }
            }
            () if method.eq_ignore_ascii_case("ChangeStartMode") => {
                match input.text("StartMode").ok().flatten().and_then(StartMode::parameter) {
                    Some(mode) => {
                        self.services[at].start_mode = mode;
                        0
                    }
                    None => INVALID_PARAMETER,
                }
            }
            () => return Err(WmiError::method("Win32_Service", method)),
        };
        Ok(Output::code(code))
    }

    pub(crate) fn service(&self, name: &str) -> Option<usize> {
        self.services.iter().position(|s| s.name.eq_ignore_ascii_case(name))
    }

    fn start_service(&mut self, at: usize, now: Timestamp) -> u32 {
        let service = &self.services[at];
        match (service.run, service.start_mode) {
            (Run::Running | Run::Paused | Run::StartPending, _) => return ALREADY_RUNNING,
            (Run::StopPending, _) => return CANNOT_ACCEPT_CONTROL,
            (Run::Stopped, StartMode::Disabled) => return DISABLED,
            (Run::Stopped, StartMode::Auto | StartMode::Manual) => {}
        }
        if service.needs == Needs::DomainMember && !self.is_domain_member() {
            return LOGON_FAILED;
        }
        // The service manager starts what is depended on first.
        for needed in service.depends_on.clone() {
            if let Some(other) = self.service(&needed)
                && self.services[other].run == Run::Stopped
            {
                self.start_service(other, now);
            }
        }
        let service = &mut self.services[at];
        service.run = Run::StartPending;
        service.until = now.saturating_add(service.start_takes).ok();
        0
    }

    fn stop_service(&mut self, at: usize, now: Timestamp) -> u32 {
        match self.services[at].run {
            Run::Stopped => return NOT_STARTED,
            Run::StartPending | Run::StopPending => return CANNOT_ACCEPT_CONTROL,
            Run::Running | Run::Paused => {}
        }
        let name = self.services[at].name.clone();
        let depends = |s: &Service| s.run == Run::Running && s.depends_on.iter().any(|d| d.eq_ignore_ascii_case(&name));
        if self.services.iter().any(depends) {
            return DEPENDENTS_RUNNING;
        }
        let service = &mut self.services[at];
        service.run = Run::StopPending;
        service.until = now.saturating_add(service.stop_takes).ok();
        0
    }
}
