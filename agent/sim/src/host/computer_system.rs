//! `Msvm_ComputerSystem`: the host, every VM, and what their power is asked to become.

use jiff::Timestamp;
use wsman::cim::{CimInstance, CimPath, CimValue, Namespace};

use crate::host::change::Change;
use crate::host::machine::VirtualMachine;
use crate::host::power::{Power, PowerRequest};
use crate::host::{Host, Surroundings};
use crate::job::{Failure, JobKind, code};
use crate::machine::{Object, Output, WmiCode, WmiError};
use crate::windows::system::instant;

const KEYS: [&str; 2] = ["CreationClassName", "Name"];

pub(crate) fn path_of(name: &str) -> CimPath {
    CimPath::class_of(Namespace::VIRTUALIZATION, "Msvm_ComputerSystem")
        .with_key("CreationClassName", "Msvm_ComputerSystem")
        .with_key("Name", name)
}

impl Host {
    pub(crate) fn computer_systems(&self, now: Timestamp) -> Vec<Object> {
        let all = std::iter::once(self.itself()).chain(self.machines.iter().map(|m| machine_view(m, now)));
        all.map(|view| Object::keyed(&Namespace::VIRTUALIZATION, view, &KEYS)).collect()
    }

    fn itself(&self) -> CimInstance {
        CimInstance::new("Msvm_ComputerSystem")
            .with("CreationClassName", "Msvm_ComputerSystem")
            .with("Name", self.windows.computer_name.as_str())
            .with("ElementName", self.windows.computer_name.as_str())
            .with("Caption", "Hosting Computer System")
            .with("Description", "Microsoft Hosting Computer System")
            .with("EnabledState", 2u16)
            .with("RequestedState", 12u16)
            .with("EnabledDefault", 2u16)
            .with("HealthState", 5u16)
            .with("OperationalStatus", vec![2u16])
            .with("Status", "OK")
            .with("ResetCapability", 1u16)
            .with("ProcessID", CimValue::Null)
            .with("InstallDate", instant(self.windows.installed))
            .with("TimeOfLastStateChange", instant(self.windows.last_boot))
            .with("NumberOfNumaNodes", 1u16)
    }

    /// `RequestStateChange`.
    pub(crate) fn request_state_change(
        &mut self,
        target: &CimPath,
        input: &CimInstance,
        cx: &mut Surroundings<'_>,
    ) -> Result<Output, WmiError> {
        let name = target.key("Name").unwrap_or_default();
        if name.eq_ignore_ascii_case(&self.windows.computer_name) {
            return Ok(Output::code(code::NOT_SUPPORTED.into()));
        }
        let machine = self.machine(name).ok_or_else(|| WmiError::new(WmiCode::NotFound, format!("no virtual machine {name}")))?;
        let (vm, before) = (machine.id.clone(), machine.power);
        let requested = match input.unsigned("RequestedState") {
            Ok(Some(state)) => state,
            Ok(None) => return Ok(Output::code(code::INVALID_PARAMETER.into())),
            Err(_) => return Ok(Output::code(code::WRONG_TYPE.into())),
        };
        // A reboot is asked of the system inside; without one there is nobody to ask.
        let reboots = |r: PowerRequest| r != PowerRequest::Reboot || machine.is_up();
        let Some(request) = PowerRequest::of(requested, before).filter(|r| reboots(*r)) else {
            return Ok(Output::code(code::INVALID_TRANSITION.into()));
        };
        let kind = match request {
            PowerRequest::Start => JobKind::Start,
            PowerRequest::Save => JobKind::Save,
            _ => JobKind::StateChange,
        };
        if let Some(machine) = self.machine_mut(&vm) {
            machine.power = request.meanwhile();
        }
        let path = path_of(&vm);
        let change = Change::Power { vm, before, request };
        let undone = change.clone();
        let submitted = self.submit(kind, Some(path), change, cx);
        if let super::submit::Submitted::Failed(Failure { .. }) = submitted {
            self.undo(&undone, cx);
        }
        Ok(submitted.output())
    }
}

fn machine_view(machine: &VirtualMachine, now: Timestamp) -> CimInstance {
    let on_time = match &machine.run {
        Some(run) if machine.power != Power::Saved => now.duration_since(run.started).as_millis(),
        _ => 0,
    };
    let text = match machine.power {
        Power::Starting => "Starting",
        Power::Stopping => "Stopping",
        Power::Saving => "Saving",
        Power::Saved => "Saved",
        Power::Pausing => "Pausing",
        Power::Resuming => "Resuming",
        Power::Off | Power::Running | Power::Paused => "Operating normally",
    };
    let mut view = CimInstance::new("Msvm_ComputerSystem")
        .with("CreationClassName", "Msvm_ComputerSystem")
        .with("Name", machine.id.as_str())
        .with("ElementName", machine.name.as_str())
        .with("Caption", "Virtual Machine")
        .with("Description", "Microsoft Virtual Machine")
        .with("EnabledState", machine.power.enabled_state())
        .with("RequestedState", 12u16)
        .with("EnabledDefault", 2u16)
        .with("HealthState", 5u16)
        .with("OperationalStatus", vec![2u16])
        .with("StatusDescriptions", vec![text])
        .with("Status", text)
        .with("ResetCapability", 1u16)
        .with("InstallDate", instant(machine.created))
        .with("TimeOfLastStateChange", instant(machine.changed))
        .with("TimeOfLastConfigurationChange", instant(machine.configured.unwrap_or(machine.created)))
        .with("OnTimeInMilliseconds", u64::try_from(on_time).unwrap_or(0))
        .with("NumberOfNumaNodes", 1u16)
        .with("EnhancedSessionModeState", 3u16)
        .with("FailedOverReplicationType", 0u16)
        .with("LastReplicationType", 0u16)
        .with("ReplicationHealth", machine.replication.map_or(0, |r| r.health))
        .with("ReplicationMode", machine.replication.map_or(0, |r| r.mode))
        .with("ReplicationState", machine.replication.map_or(0, |r| r.state))
        .with("HwThreadsPerCoreRealized", 0u32);
    if let Some(run) = machine.run.as_ref().filter(|_| machine.power.holds_memory()) {
        view.set("ProcessID", run.process_id);
    }
    view
}
