//! Integration components: heartbeat, shutdown, and the exchange of key-value pairs.
//!
//! Guarantees: they exist only while the VM is powered; what they say of the system inside is what it is.
//! One that the host does not offer is there and disabled. Deliberately absent: offering them; see `guest_service`.

use std::collections::BTreeMap;

use wsman::cim::{CimInstance, CimPath, Namespace};

use crate::host::change::Change;
use crate::host::guest_service::GuestService;
use crate::host::machine::VirtualMachine;
use crate::host::power::Power;
use crate::host::{Host, Surroundings, computer_system, input};
use crate::job::{Failure, JobKind, code};
use crate::machine::{Object, Output, WmiCode, WmiError};
use crate::windows::provider::Wish;

/// The component classes that are shown, each with its service.
const COMPONENTS: [(&str, GuestService); 3] = [
    ("Msvm_HeartbeatComponent", GuestService::Heartbeat),
    ("Msvm_ShutdownComponent", GuestService::Shutdown),
    ("Msvm_KvpExchangeComponent", GuestService::Exchange),
];

// The shutdown component's own return values.
const NOT_READY: u32 = 32780;
const IN_PROGRESS: u32 = 32782;

// Values of the heartbeat's OperationalStatus.
const OK: u16 = 2;
const NO_CONTACT: u16 = 12;
const PAUSED: u16 = 15;

impl Host {
    pub(crate) fn component_objects(&self, class: &str) -> Vec<Object> {
        let live = self.machines.iter().filter(|m| m.power.is_live());
        live.flat_map(|m| self.components_of(m)).filter(|o| o.instance.class().as_str() == class).collect()
    }

    pub(crate) fn components_of(&self, machine: &VirtualMachine) -> Vec<Object> {
        if !machine.power.is_live() {
            return Vec::new();
        }
        let keys = ["CreationClassName", "DeviceID", "SystemCreationClassName", "SystemName"];
        COMPONENTS
            .iter()
            .map(|(class, service)| {
                let (_, guid, name) = service.names();
                let offered = machine.guest_services.offers(*service);
                let view = CimInstance::new(*class)
                    .with("CreationClassName", *class)
                    .with("DeviceID", format!("Microsoft:{}\\{guid}", machine.id))
                    .with("SystemCreationClassName", "Msvm_ComputerSystem")
                    .with("SystemName", machine.id.as_str())
                    .with("ElementName", name)
                    .with("Caption", name)
                    .with("EnabledState", if offered { 2u16 } else { 3u16 })
                    .with("EnabledDefault", 2u16)
                    .with("RequestedState", 12u16)
                    .with("HealthState", 5u16)
                    .with("OperationalStatus", vec![if offered { self.contact(machine, *service) } else { NO_CONTACT }; 2]);
                Object::keyed(&Namespace::VIRTUALIZATION, self.with_items(machine, view), &keys)
            })
            .collect()
    }

    /// What the host knows of a service in the guest, as `OperationalStatus` and the summary's heartbeat number it.
    pub(super) fn contact(&self, machine: &VirtualMachine, service: GuestService) -> u16 {
        match machine.power {
            Power::Paused => PAUSED,
            _ if self.serves(machine, service) => OK,
            _ => NO_CONTACT,
        }
    }

    fn with_items(&self, machine: &VirtualMachine, view: CimInstance) -> CimInstance {
        if view.class().as_str() != "Msvm_KvpExchangeComponent" {
            return view;
        }
        let Some(guest) = self.running_guest(machine).filter(|_| self.serves(machine, GuestService::Exchange)) else { return view };
        let intrinsic = guest.intrinsic(&self.plugged_in(machine));
        let own: Vec<_> = guest.windows.published.iter().map(|(name, data)| item(name, data, 1)).collect();
        let view = view.with("GuestIntrinsicExchangeItems", intrinsic.iter().map(|(n, d)| item(n, d, 2)).collect::<Vec<_>>());
        if own.is_empty() { view } else { view.with("GuestExchangeItems", own) }
    }

    /// `InitiateShutdown` and `InitiateReboot`.
    pub(crate) fn invoke_shutdown(&mut self, target: &CimPath, method: &str, cx: &Surroundings<'_>) -> Result<Output, WmiError> {
        let wish = match () {
            () if method.eq_ignore_ascii_case("InitiateShutdown") => Wish::PowerOff,
            () if method.eq_ignore_ascii_case("InitiateReboot") => Wish::Restart,
            () => return Err(WmiError::method("Msvm_ShutdownComponent", method)),
        };
        let vm = target.key("SystemName").unwrap_or_default();
        let machine = self.machine(vm).filter(|m| m.power.is_live());
        let machine = machine.ok_or_else(|| WmiError::new(WmiCode::NotFound, "no such shutdown component"))?;
        let closing = matches!(machine.run.as_ref().map(|r| r.system), Some(super::power::System::Closing { .. }));
        if closing {
            return Ok(Output::code(IN_PROGRESS));
        }
        if !self.serves(machine, GuestService::Shutdown) {
            return Ok(Output::code(NOT_READY));
        }
        let vm = machine.id.clone();
        self.close_system(&vm, wish, cx);
        Ok(Output::code(0))
    }

    /// `AddKvpItems`, `ModifyKvpItems`, `RemoveKvpItems`.
    pub(crate) fn kvp_items(&mut self, method: &str, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let machine = self.referred_machine(input, "TargetSystem")?;
        let (adds, removes) = (method.eq_ignore_ascii_case("AddKvpItems"), method.eq_ignore_ascii_case("RemoveKvpItems"));
        let mut items = BTreeMap::new();
        for item in input::instances(input, "DataItems")? {
            let name = input::text(item, "Name")?.filter(|n| !n.is_empty()).ok_or_else(|| input::missing("Name"))?;
            if adds == machine.host_items.contains_key(name) {
                return Err(input::invalid(format!("the item `{name}` is {}", if adds { "there already" } else { "not there" })));
            }
            let data = input::text(item, "Data")?.unwrap_or_default();
            items.insert(name.to_owned(), (!removes).then(|| data.to_owned()));
        }
        if items.is_empty() {
            return Err(input::missing("DataItems"));
        }
        let (vm, path) = (machine.id.clone(), computer_system::path_of(&machine.id));
        Ok(self.submit(JobKind::GuestExchange, Some(path), Change::KvpItems { vm, items }, cx).output())
    }

    pub(crate) fn apply_kvp_items(&mut self, vm: &str, items: BTreeMap<String, Option<String>>) -> Result<(), Failure> {
        let machine = self.machine_mut(vm).ok_or_else(|| Failure::new(code::FAILED, "the virtual machine is gone"))?;
        let up = machine.is_up();
        for (name, data) in items {
            match data {
                Some(data) => machine.host_items.insert(name, data),
                None => machine.host_items.remove(&name),
            };
        }
        let now = machine.host_items.clone();
        if let Some(guest) = self.guest_mut(vm).filter(|_| up) {
            guest.windows.received = now;
        }
        Ok(())
    }
}

pub(crate) fn item(name: &str, data: &str, source: u16) -> CimInstance {
    CimInstance::new("Msvm_KvpExchangeDataItem").with("Name", name).with("Data", data).with("Source", source)
}
