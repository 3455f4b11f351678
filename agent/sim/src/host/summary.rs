//! `GetSummaryInformation`: what a client asks of many VMs in one call.
//!
//! Guarantees: only what is asked for has a value; without a list of settings every VM is told of.
//! Deliberately absent: pictures of screens, processor loads, and what is told of checkpoints.

use wsman::cim::{CimInstance, CimPath, CimValue};

use crate::host::guest_service::GuestService;
use crate::host::machine::{MemoryMode, VirtualMachine};
use crate::host::submit::Submitted;
use crate::host::{Host, Surroundings, input};
use crate::job::Failure;
use crate::machine::Output;
use crate::windows::system::instant;

impl Host {
    pub(crate) fn summary(&self, input: &CimInstance, cx: &Surroundings<'_>) -> Result<Output, Failure> {
        let machines: Vec<&VirtualMachine> = match input.get("SettingData") {
            CimValue::Null => self.machines.iter().collect(),
            _ => {
                let of = |path: &CimPath| {
                    let id = path.key("InstanceID").unwrap_or_default();
                    let found = self.machines.iter().find(|m| m.settings_id().eq_ignore_ascii_case(id));
                    found.ok_or_else(|| input::invalid(format!("SettingData refers to no virtual machine: `{id}`")))
                };
                input::references(input, "SettingData")?.into_iter().map(of).collect::<Result<_, _>>()?
            }
        };
        let number = |value: &CimValue| match value {
            CimValue::Unsigned(n) => Ok(*n),
            _ => Err(input::invalid("RequestedInformation holds something that is no number")),
        };
        let asked = input.get("RequestedInformation").elements().iter().map(number).collect::<Result<Vec<_>, _>>()?;
        if asked.is_empty() {
            return Err(input::missing("RequestedInformation"));
        }
        let told: Vec<_> = machines.into_iter().map(|m| self.summary_of(m, &asked, cx)).collect();
        Ok(Submitted::Done.output().with("SummaryInformation", told))
    }

    fn summary_of(&self, machine: &VirtualMachine, asked: &[u64], cx: &Surroundings<'_>) -> CimInstance {
        let guest = self.running_guest(machine);
        let heartbeat = self.contact(machine, GuestService::Heartbeat);
        let uptime = match &machine.run {
            Some(run) if machine.power.holds_memory() => cx.now.duration_since(run.started).as_millis(),
            _ => 0,
        };
        let replication = machine.replication;
        let mut view = CimInstance::new("Msvm_SummaryInformation")
            .with("InstanceID", machine.settings_id())
            .with("HostComputerSystemName", self.windows.computer_name.as_str());
        for number in asked {
            match number {
                0 => view.set("Name", machine.id.as_str()),
                1 => view.set("ElementName", machine.name.as_str()),
                2 => view.set("CreationTime", instant(machine.created)),
                3 => view.set("Notes", machine.notes.join("\n")),
                4 => view.set("NumberOfProcessors", u16::try_from(machine.processor.count).unwrap_or(u16::MAX)),
                9 => {
                    let connections = machine.adapters.iter().filter_map(|a| a.connection.as_ref());
                    view.set("VirtualSwitchNames", connections.filter_map(|c| c.switch_name.as_deref()).collect::<Vec<_>>());
                }
                10 => view.set("Version", "10.0"),
                11 => view.set("Shielded", false),
                100 => view.set("EnabledState", machine.power.enabled_state()),
                103 if machine.power.holds_memory() => view.set("MemoryUsage", machine.memory.startup),
                104 if machine.power.is_live() => view.set("Heartbeat", heartbeat),
                105 => view.set("UpTime", u64::try_from(uptime).unwrap_or(0)),
                106 => view.set("GuestOperatingSystem", guest.map_or(CimValue::Null, |g| g.windows.caption.as_str().into())),
                107 => {
                    let checkpoints = self.checkpoint_settings().into_iter().map(|o| o.instance);
                    let own = checkpoints.filter(|c| c.text("VirtualSystemIdentifier").ok().flatten() == Some(machine.id.as_str()));
                    view.set("Snapshots", own.collect::<Vec<_>>());
                }
                109 => view.set("HealthState", 5u16),
                110 => view.set("OperationalStatus", vec![2u16]),
                112 if machine.power.holds_memory() && machine.memory.mode == MemoryMode::Dynamic => {
                    view.set("MemoryAvailable", CimValue::Signed(i64::from(machine.memory.buffer)));
                }
                114 => view.set("ReplicationMode", replication.map_or(0, |r| r.mode)),
                115 => view.set("ReplicationState", replication.map_or(0, |r| r.state)),
                116 => view.set("ReplicationHealth", replication.map_or(0, |r| r.health)),
                // Known numbers whose property has no value here, and numbers of later versions.
                _ => {}
            }
        }
        view
    }
}
