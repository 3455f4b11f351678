//! Integration services: which of them the host offers to a guest, and `ModifyGuestServiceSettings`.
//!
//! Guarantees: one that is off says so in its settings and in its component, and does not do its work. Neither does one whose Windows
//! service in the guest does not run: a guest brings them all and runs them, unless its image names one (`vmicheartbeat`, …) otherwise.

use serde::{Deserialize, Serialize};
use wsman::cim::{CimInstance, CimPath, CimValue, Namespace};

use crate::guest::Guest;
use crate::host::change::Change;
use crate::host::machine::VirtualMachine;
use crate::host::{Host, Surroundings, component, computer_system, input};
use crate::job::{Failure, JobKind, code};
use crate::machine::{Object, Output};
use crate::windows::service::Run;

/// One integration service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum GuestService {
    Heartbeat,
    Shutdown,
    Exchange,
    TimeSync,
    Vss,
    Interface,
}

const ALL: [GuestService; 6] = [
    GuestService::Heartbeat,
    GuestService::Shutdown,
    GuestService::Exchange,
    GuestService::TimeSync,
    GuestService::Vss,
    GuestService::Interface,
];

impl GuestService {
    /// The class of its settings, the GUID that Hyper-V gives it, and its name.
    pub(crate) fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Heartbeat => ("Msvm_HeartbeatComponentSettingData", "84EAAE65-2F2E-45F5-9BB5-0E857DC8EB47", "Heartbeat"),
            Self::Shutdown => ("Msvm_ShutdownComponentSettingData", "9F8233AC-BE49-4C79-8EE3-E7E1985B2077", "Shutdown"),
            Self::Exchange => ("Msvm_KvpExchangeComponentSettingData", "2A34B1C2-FD73-4043-8A5B-DD2159BC743F", "Key-Value Pair Exchange"),
            Self::TimeSync => ("Msvm_TimeSyncComponentSettingData", "2497F4DE-E9FA-4204-80E4-4B75C46419C0", "Time Synchronization"),
            Self::Vss => ("Msvm_VssComponentSettingData", "5CED1297-4598-4915-A5FC-AD21BB4D02A4", "VSS"),
            Self::Interface => {
                ("Msvm_GuestServiceInterfaceComponentSettingData", "6C09BB55-D683-4DA0-8931-C9BF705F6480", "Guest Service Interface")
            }
        }
    }
}

impl GuestService {
    /// The Windows service in the guest that does its work.
    fn inside(self) -> &'static str {
        match self {
            Self::Heartbeat => "vmicheartbeat",
            Self::Shutdown => "vmicshutdown",
            Self::Exchange => "vmickvpexchange",
            Self::TimeSync => "vmictimesync",
            Self::Vss => "vmicvss",
            Self::Interface => "vmicguestinterface",
        }
    }
}

/// Which services are on. Those that are not named here are on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GuestServices {
    off: Vec<GuestService>,
}

impl Default for GuestServices {
    /// Hyper-V offers all but the guest service interface.
    fn default() -> Self {
        Self { off: vec![GuestService::Interface] }
    }
}

impl GuestServices {
    pub(crate) fn offers(&self, service: GuestService) -> bool {
        !self.off.contains(&service)
    }

    fn set(&mut self, service: GuestService, on: bool) {
        self.off.retain(|one| *one != service);
        if !on {
            self.off.push(service);
            self.off.sort();
        }
    }
}

/// One service of one VM to turn on or off.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ServiceChange {
    vm: String,
    service: GuestService,
    on: bool,
}

pub(crate) fn setting_id(machine: &VirtualMachine, service: GuestService) -> String {
    format!("{}\\{}", machine.settings_id(), service.names().1)
}

impl ServiceChange {
    /// The VM.
    pub(crate) fn vm(&self) -> &str {
        &self.vm
    }
}

impl Host {
    /// Whether the service does its work: the host offers it, and the system inside runs its end of it.
    pub(crate) fn serves(&self, machine: &VirtualMachine, service: GuestService) -> bool {
        let runs = |guest: &Guest| guest.windows.service(service.inside()).is_none_or(|at| guest.windows.services[at].run == Run::Running);
        machine.guest_services.offers(service) && self.running_guest(machine).is_some_and(runs)
    }

    /// The settings of all services of every VM and checkpoint.
    pub(crate) fn guest_service_settings(&self) -> impl Iterator<Item = Object> {
        self.configurations().flat_map(guest_services_of)
    }

    pub(crate) fn modify_guest_services(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let settings = input::instances(input, "GuestServiceSettings")?;
        if settings.is_empty() {
            return Err(input::missing("GuestServiceSettings"));
        }
        let (mut changes, mut resulting, mut affected) = (Vec::new(), Vec::<CimPath>::new(), None);
        for setting in settings {
            let id = input::text(setting, "InstanceID")?.ok_or_else(|| input::missing("InstanceID"))?;
            let fits = |m: &VirtualMachine| ALL.into_iter().find(|s| setting_id(m, *s).eq_ignore_ascii_case(id));
            let found = self.machines.iter().find_map(|m| fits(m).map(|service| (m, service)));
            let (machine, service) = found.ok_or_else(|| input::invalid(format!("`{id}` is no integration service")))?;
            if !setting.class().as_str().eq_ignore_ascii_case(service.names().0) {
                return Err(input::invalid(format!("`{id}` is no {}", setting.class())));
            }
            let on = match input::number(setting, "EnabledState")? {
                Some(2) => true,
                Some(3) => false,
                None => machine.guest_services.offers(service),
                Some(n) => return Err(input::invalid(format!("{n} is no state of an integration service"))),
            };
            resulting.push(CimPath::class_of(Namespace::VIRTUALIZATION, service.names().0).with_key("InstanceID", id));
            affected = Some(computer_system::path_of(&machine.id));
            changes.push(ServiceChange { vm: machine.id.clone(), service, on });
        }
        let submitted = self.submit(JobKind::ModifySystem, affected, Change::GuestServices { changes }, cx);
        Ok(submitted.output_with("ResultingGuestServiceSettings", resulting))
    }

    pub(crate) fn apply_guest_services(&mut self, changes: &[ServiceChange]) -> Result<(), Failure> {
        for ServiceChange { vm, service, on } in changes {
            let machine = self.machine_mut(vm).ok_or_else(|| Failure::new(code::FAILED, "the virtual machine is gone"))?;
            machine.guest_services.set(*service, *on);
        }
        Ok(())
    }
}

/// The settings of the services of one VM or checkpoint.
pub(crate) fn guest_services_of(machine: &VirtualMachine) -> Vec<Object> {
    let view = |service: GuestService| {
        let (class, _, name) = service.names();
        let mut view = CimInstance::new(class)
            .with("InstanceID", setting_id(machine, service))
            .with("ElementName", name)
            .with("Caption", name)
            .with("EnabledState", if machine.guest_services.offers(service) { 2u16 } else { 3u16 });
        if service == GuestService::Exchange {
            let items: Vec<_> = machine.host_items.iter().map(|(n, d)| component::item(n, d, 0)).collect();
            view.set("HostExchangeItems", if items.is_empty() { CimValue::Null } else { items.into() });
        }
        Object::keyed(&Namespace::VIRTUALIZATION, view, &["InstanceID"])
    };
    ALL.into_iter().map(view).collect()
}
