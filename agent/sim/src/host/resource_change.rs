//! `ModifyResourceSettings` and `RemoveResourceSettings`.
//!
//! Guarantees: what Hyper-V changes only while a VM is off is refused otherwise; a cable can be moved at any time.

use serde::{Deserialize, Serialize};
use wsman::cim::{CimInstance, CimPath};

use crate::host::change::Change;
use crate::host::device::{ControllerKind, Device, MacOrigin};
use crate::host::machine::{Generation, Memory, MemoryMode, VirtualMachine};
use crate::host::{Host, Surroundings, input};
use crate::job::{Failure, JobKind, code};
use crate::machine::{Output, WmiCode, WmiError};

/// What one settings instance changes; what is absent stays.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum ResourceChange {
    Processor {
        count: Option<u32>,
        limit: Option<u64>,
        reservation: Option<u64>,
        weight: Option<u32>,
    },
    Memory {
        startup: Option<u64>,
        minimum: Option<u64>,
        maximum: Option<u64>,
        weight: Option<u32>,
        buffer: Option<u32>,
        dynamic: Option<bool>,
        /// How much the host can still give, where it changes the memory of a VM that runs: from Windows Server 2016 on.
        #[serde(default)]
        room: Option<u64>,
    },
    Medium {
        path: Option<String>,
    },
    Nic {
        name: Option<String>,
        mac: Option<String>,
        mac_origin: Option<MacOrigin>,
    },
    /// The outer `Some` of `switch` says that it changes, the inner one names the new one.
    Connection {
        enabled: Option<bool>,
        switch: Option<Option<(String, String)>>,
    },
    Serial {
        connection: Option<Vec<String>>,
    },
}

impl Host {
    pub(crate) fn modify_resources(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let settings = input::instances(input, "ResourceSettings")?;
        if settings.is_empty() {
            return Err(input::missing("ResourceSettings"));
        }
        let (mut changes, mut resulting) = (Vec::new(), Vec::<CimPath>::new());
        let mut affected = None;
        for setting in settings {
            let id = input::text(setting, "InstanceID")?.ok_or_else(|| input::missing("InstanceID"))?;
            let (machine, device) = self.device(id).ok_or_else(|| input::invalid(format!("`{id}` is no device")))?;
            let change = self.read_resource_change(machine, device, setting)?;
            change.clone().apply(&mut machine.clone(), device)?;
            resulting.push(self.resource_path(machine, device));
            affected = Some(super::computer_system::path_of(&machine.id));
            changes.push((id.to_owned(), change));
        }
        let submitted = self.submit(JobKind::ModifyResources, affected, Change::ModifyDevices { changes }, cx);
        Ok(submitted.output_with("ResultingResourceSettings", resulting))
    }

    pub(crate) fn apply_modify_devices(&mut self, changes: Vec<(String, ResourceChange)>) -> Result<(), Failure> {
        for (id, change) in changes {
            let gone = || input::invalid(format!("`{id}` is gone"));
            let (vm, device) = self.device(&id).map(|(m, d)| (m.id.clone(), d)).ok_or_else(gone)?;
            let machine = self.machine_mut(&vm).ok_or_else(gone)?;
            // On a copy, so that a refusal leaves nothing half changed.
            let mut next = machine.clone();
            change.apply(&mut next, device)?;
            *machine = next;
        }
        Ok(())
    }

    fn device(&self, instance_id: &str) -> Option<(&VirtualMachine, Device)> {
        self.machines.iter().find_map(|m| m.device(instance_id).map(|d| (m, d)))
    }

    /// Reads what `setting` wants of `device`, and checks it against the host.
    pub(crate) fn read_resource_change(
        &self,
        machine: &VirtualMachine,
        device: Device,
        setting: &CimInstance,
    ) -> Result<ResourceChange, Failure> {
        let small = |name| Ok(input::number(setting, name)?.map(|n| u32::try_from(n).unwrap_or(u32::MAX)));
        match device {
            Device::Processor => {
                let count = small("VirtualQuantity")?;
                if count.is_some_and(|n| n == 0 || n > self.logical_processors()) {
                    return Err(input::invalid(format!("the host has {} logical processors", self.logical_processors())));
                }
                let (limit, reservation) = (input::number(setting, "Limit")?, input::number(setting, "Reservation")?);
                if [limit, reservation].into_iter().flatten().any(|n| n > 100_000) {
                    return Err(input::invalid("limit and reservation end at 100000"));
                }
                Ok(ResourceChange::Processor { count, limit, reservation, weight: small("Weight")? })
            }
            Device::Memory => {
                let (startup, maximum) = (input::number(setting, "VirtualQuantity")?, input::number(setting, "Limit")?);
                if startup.is_some_and(|n| n < 32 || n % 2 != 0 || n > self.memory) {
                    return Err(input::invalid(format!("memory is even, at least 32 MB and at most the host's {} MB", self.memory)));
                }
                let (minimum, dynamic) = (input::number(setting, "Reservation")?, input::truth(setting, "DynamicMemoryEnabled")?);
                let (weight, buffer) = (small("Weight")?, small("TargetMemoryBuffer")?);
                let room = self.changes_running_memory().then(|| self.free_memory());
                if weight.is_some_and(|n| n > 10_000) || buffer.is_some_and(|n| !(5..=2000).contains(&n)) {
                    return Err(input::invalid("a weight ends at 10000, and a buffer is between 5 and 2000 percent"));
                }
                Ok(ResourceChange::Memory { startup, minimum, maximum, weight, buffer, dynamic, room })
            }
            Device::Medium(c, d) => {
                let kind = machine.controllers[c].drives[d].kind;
                Ok(ResourceChange::Medium { path: self.medium_path(machine, setting, kind)? })
            }
            Device::Nic(_) => {
                let mac = input::text(setting, "Address")?.map(input::mac).transpose()?;
                let origin = |fixed| if fixed { MacOrigin::Static } else { MacOrigin::Dynamic };
                let mac_origin = input::truth(setting, "StaticMacAddress")?.map(origin);
                Ok(ResourceChange::Nic { name: input::text(setting, "ElementName")?.map(ToOwned::to_owned), mac, mac_origin })
            }
            Device::Connection(_) => {
                let enabled = match input::number(setting, "EnabledState")? {
                    None => None,
                    Some(2) => Some(true),
                    Some(3) => Some(false),
                    Some(n) => return Err(input::invalid(format!("{n} is no state of a connection"))),
                };
                let switch = self.switch_in(setting)?.map(|s| s.map(|s| (s.id.clone(), s.name.clone())));
                Ok(ResourceChange::Connection { enabled, switch })
            }
            Device::Serial(_) => {
                let texts = input::text_array(setting, "Connection")?;
                Ok(ResourceChange::Serial { connection: texts.map(|t| t.into_iter().map(ToOwned::to_owned).collect()) })
            }
            Device::Controller(_) | Device::Drive(..) => {
                Err(Failure::new(code::NOT_SUPPORTED, "controllers and drives are added and removed, never changed"))
            }
        }
    }

    /// The outer error is WMI's own: a drive that still holds a disk cannot be removed at all.
    pub(crate) fn remove_resources(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Result<Output, Failure>, WmiError> {
        let ids = match self.removable(input)? {
            Ok(ids) => ids,
            Err(failure) => return Ok(Err(failure)),
        };
        let affected = ids.first().and_then(|id| self.device(id)).map(|(m, _)| super::computer_system::path_of(&m.id));
        Ok(Ok(self.submit(JobKind::RemoveResources, affected, Change::RemoveDevices { instance_ids: ids }, cx).output()))
    }

    fn removable(&self, input: &CimInstance) -> Result<Result<Vec<String>, Failure>, WmiError> {
        let paths = match input::references(input, "ResourceSettings") {
            Ok(paths) => paths,
            Err(failure) => return Ok(Err(failure)),
        };
        let mut ids = Vec::<String>::new();
        for path in paths {
            let Some((machine, device)) = path.key("InstanceID").and_then(|id| self.device(id)) else {
                return Ok(Err(input::invalid("ResourceSettings refers to no device")));
            };
            let going = |d: Device| ids.iter().any(|id| id.eq_ignore_ascii_case(&machine.instance_id(d)));
            let held = match device {
                Device::Drive(c, d) => machine.controllers[c].drives[d].medium.is_some() && !going(Device::Medium(c, d)),
                Device::Controller(c) => (0..machine.controllers[c].drives.len()).any(|d| !going(Device::Drive(c, d))),
                _ => false,
            };
            if held {
                return Err(WmiError::new(WmiCode::Failed, "what stands on this device has to be removed first"));
            }
            if let Err(failure) = can_go(machine, device) {
                return Ok(Err(failure));
            }
            ids.push(machine.instance_id(device));
        }
        Ok(Ok(ids))
    }

    pub(crate) fn apply_remove_devices(&mut self, ids: &[String]) -> Result<(), Failure> {
        for id in ids {
            // A device that went with its parent is gone already, which is what was asked for.
            let Some((vm, device)) = self.device(id).map(|(m, d)| (m.id.clone(), d)) else { continue };
            let Some(machine) = self.machine_mut(&vm) else { continue };
            can_go(machine, device)?;
            match device {
                Device::Medium(c, d) => machine.controllers[c].drives[d].medium = None,
                Device::Drive(c, d) => drop(machine.controllers[c].drives.remove(d)),
                Device::Controller(c) => drop(machine.controllers.remove(c)),
                Device::Nic(n) => drop(machine.adapters.remove(n)),
                Device::Connection(n) => machine.adapters[n].connection = None,
                Device::Processor | Device::Memory | Device::Serial(_) => {}
            }
        }
        Ok(())
    }
}

fn can_go(machine: &VirtualMachine, device: Device) -> Result<(), Failure> {
    let off = machine.power.is_off();
    let hot = match device {
        Device::Connection(_) => true,
        Device::Nic(_) => machine.generation == Generation::Two,
        Device::Medium(c, _) | Device::Drive(c, _) => machine.controllers[c].kind == ControllerKind::Scsi,
        Device::Controller(c) => match machine.controllers[c].kind {
            ControllerKind::Scsi => false,
            ControllerKind::Ide(_) | ControllerKind::Floppy => return Err(Failure::new(code::NOT_SUPPORTED, "the controller is fixed")),
        },
        Device::Processor | Device::Memory | Device::Serial(_) => {
            return Err(Failure::new(code::NOT_SUPPORTED, "every virtual machine has one"));
        }
    };
    if off || hot { Ok(()) } else { Err(Failure::new(code::INVALID_STATE, format!("'{}' is not off", machine.name))) }
}

impl ResourceChange {
    pub(crate) fn apply(self, machine: &mut VirtualMachine, device: Device) -> Result<(), Failure> {
        let running = || Failure::new(code::INVALID_STATE, format!("'{}' is not off", machine.name));
        let off = machine.power.is_off();
        match (self, device) {
            (Self::Processor { count, limit, reservation, weight }, Device::Processor) => {
                if count.is_some_and(|n| n != machine.processor.count) && !off {
                    return Err(running());
                }
                let p = &mut machine.processor;
                p.count = count.unwrap_or(p.count);
                p.limit = limit.unwrap_or(p.limit);
                p.reservation = reservation.unwrap_or(p.reservation);
                p.weight = weight.unwrap_or(p.weight);
            }
            (change @ Self::Memory { .. }, Device::Memory) => return change.apply_memory(machine),
            (Self::Medium { path }, Device::Medium(c, d)) => {
                if path.is_some() && !off && machine.controllers[c].kind != ControllerKind::Scsi {
                    return Err(running());
                }
                let medium = &mut machine.controllers[c].drives[d].medium;
                *medium = path.or_else(|| medium.take());
            }
            (Self::Nic { name, mac, mac_origin }, Device::Nic(n)) => {
                if (mac.is_some() || mac_origin.is_some()) && !off {
                    return Err(running());
                }
                let nic = &mut machine.adapters[n];
                nic.name = name.unwrap_or_else(|| nic.name.clone());
                nic.mac = mac.unwrap_or_else(|| nic.mac.clone());
                nic.mac_origin = mac_origin.unwrap_or(nic.mac_origin);
            }
            (Self::Connection { enabled, switch }, Device::Connection(n)) => {
                if let Some(connection) = &mut machine.adapters[n].connection {
                    connection.enabled = enabled.unwrap_or(connection.enabled);
                    if let Some(switch) = switch {
                        let (id, name) = switch.unzip();
                        connection.switch = id;
                        connection.switch_name = name.or_else(|| connection.switch_name.take());
                    }
                }
            }
            (Self::Serial { connection }, Device::Serial(n)) => {
                if let Some(connection) = connection {
                    machine.serial[n] = connection;
                }
            }
            _ => return Err(input::invalid("the settings do not fit the device")),
        }
        Ok(())
    }

    fn apply_memory(self, machine: &mut VirtualMachine) -> Result<(), Failure> {
        let Self::Memory { startup, minimum, maximum, weight, buffer, dynamic, room } = self else { return Ok(()) };
        let before = machine.memory.clone();
        let memory = &mut machine.memory;
        memory.startup = startup.unwrap_or(memory.startup);
        memory.minimum = minimum.unwrap_or(memory.minimum);
        memory.maximum = maximum.unwrap_or(memory.maximum);
        memory.weight = weight.unwrap_or(memory.weight);
        memory.buffer = buffer.unwrap_or(memory.buffer);
        if let Some(dynamic) = dynamic {
            memory.mode = if dynamic { MemoryMode::Dynamic } else { MemoryMode::Static };
        }
        if startup.is_some() && memory.startup > memory.maximum {
            return Err(input::invalid(format!("{} MB are more than the limit of {} MB", memory.startup, memory.maximum)));
        }
        let ordered = memory.minimum <= memory.startup && memory.startup <= memory.maximum;
        if memory.mode == MemoryMode::Dynamic && !ordered {
            return Err(input::invalid("dynamic memory needs minimum <= startup <= maximum"));
        }
        if machine.power.is_off() {
            return Ok(());
        }
        let grows = memory.startup.saturating_sub(before.startup);
        match fits_running(&before, memory, room) {
            true if room.is_some_and(|room| grows > room) => {
                Err(Failure::new(code::OUT_OF_MEMORY, format!("the host has not {grows} MB more for '{}'", machine.name)))
            }
            true => Ok(()),
            false => Err(Failure::new(code::INVALID_STATE, format!("'{}' is not off", machine.name))),
        }
    }
}

/// What a VM that is not off takes: a wider range where its memory is dynamic, another amount where it is static and the host can.
fn fits_running(before: &Memory, after: &Memory, room: Option<u64>) -> bool {
    let range = after.minimum <= before.minimum && after.maximum >= before.maximum;
    match (before.mode, after.mode) {
        (MemoryMode::Static, MemoryMode::Static) => room.is_some() || after.startup == before.startup,
        (MemoryMode::Dynamic, MemoryMode::Dynamic) => range && after.startup == before.startup,
        _ => false,
    }
}
