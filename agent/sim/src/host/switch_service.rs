//! `Msvm_VirtualEthernetSwitchManagementService`, the switches and their settings.
//!
//! Guarantees: a switch that a VM is connected to cannot be destroyed; a NIC carries one switch; while the NIC that the host is reached
//! over moves below a switch or out again, nobody reaches it.

use wsman::cim::{CimInstance, CimPath, Namespace};

use crate::host::change::Change;
use crate::host::service::Service;
use crate::host::switch::{HostPort, Port, Switch, Uplink};
use crate::host::{Host, Surroundings, input, resource_view};
use crate::job::{Failure, JobKind, code};
use crate::machine::{Object, Output};

/// The ports that a client asks for.
#[derive(Default)]
struct NewPorts {
    uplink: Option<Uplink>,
    host_port: Option<HostPort>,
}

pub(crate) fn settings_path(switch: &Switch) -> CimPath {
    CimPath::class_of(Namespace::VIRTUALIZATION, "Msvm_VirtualEthernetSwitchSettingData").with_key("InstanceID", switch.settings_id())
}

/// The service, and what it can do.
pub(super) const SERVICE: Service = Service {
    class: "Msvm_VirtualEthernetSwitchManagementService",
    methods: &[
        ("DefineSystem", |host, input, cx| Ok(host.define_switch(input, cx)?)),
        ("DestroySystem", |host, input, cx| Ok(host.destroy_switch(input, cx)?)),
        ("ModifySystemSettings", |host, input, cx| Ok(host.modify_switch(input, cx)?)),
        ("AddResourceSettings", |host, input, cx| Ok(host.add_ports(input, cx)?)),
        ("RemoveResourceSettings", |host, input, cx| Ok(host.remove_ports(input, cx)?)),
    ],
};

impl Host {
    /// The switch with this GUID.
    pub(crate) fn switch(&self, id: &str) -> Option<&Switch> {
        self.switches.iter().find(|s| s.id.eq_ignore_ascii_case(id))
    }

    fn switch_mut(&mut self, id: &str) -> Result<&mut Switch, Failure> {
        let found = self.switches.iter_mut().find(|s| s.id.eq_ignore_ascii_case(id));
        found.ok_or_else(|| Failure::new(code::FAILED, "the switch is gone"))
    }

    pub(crate) fn switch_objects(&self) -> Vec<Object> {
        let view = |s: &Switch| {
            let view = CimInstance::new("Msvm_VirtualEthernetSwitch")
                .with("CreationClassName", "Msvm_VirtualEthernetSwitch")
                .with("Name", s.id.as_str())
                .with("ElementName", s.name.as_str())
                .with("Caption", "Virtual Switch")
                .with("Description", "Microsoft Virtual Switch")
                .with("EnabledState", 2u16)
                .with("EnabledDefault", 2u16)
                .with("RequestedState", 12u16)
                .with("HealthState", 5u16)
                .with("OperationalStatus", vec![2u16])
                .with("MaxIOVOffloads", 0u32)
                .with("MaxVMQOffloads", 0u32);
            Object::keyed(&Namespace::VIRTUALIZATION, view, &["CreationClassName", "Name"])
        };
        self.switches.iter().map(view).collect()
    }

    pub(crate) fn switch_settings(&self) -> Vec<Object> {
        let view = |s: &Switch| {
            let mut view = CimInstance::new("Msvm_VirtualEthernetSwitchSettingData")
                .with("InstanceID", s.settings_id())
                .with("ElementName", s.name.as_str())
                .with("Caption", "Virtual Switch Settings")
                .with("VirtualSystemIdentifier", s.id.as_str())
                .with("VirtualSystemType", "Microsoft:Hyper-V:VirtualSwitch")
                .with("BandwidthReservationMode", 1u32)
                .with("IOVPreferred", false)
                .with("PacketDirectEnabled", false)
                .with("TeamingEnabled", false);
            if !s.notes.is_empty() {
                view.set("Notes", s.notes.clone());
            }
            Object::keyed(&Namespace::VIRTUALIZATION, view, &["InstanceID"])
        };
        self.switches.iter().map(view).collect()
    }

    fn define_switch(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let settings = input::instance(input, "SystemSettings")?;
        let name = input::text(settings, "ElementName")?.filter(|n| !n.trim().is_empty()).ok_or_else(|| input::missing("ElementName"))?;
        let notes = input::text_array(settings, "Notes")?.unwrap_or_default().into_iter().map(ToOwned::to_owned).collect();
        let mut switch = Switch { id: cx.ids.guid(), name: name.to_owned(), notes, uplink: None, host_port: None };
        let ports = self.read_ports(&switch, input, cx)?;
        (switch.uplink, switch.host_port) = (ports.uplink, ports.host_port);
        let path = resource_view::switch_path(&switch.id);
        let submitted = self.submit(JobKind::DefineSwitch, Some(path.clone()), Change::DefineSwitch(switch), cx);
        Ok(submitted.output_with("ResultingSystem", path))
    }

    fn read_ports(&self, switch: &Switch, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<NewPorts, Failure> {
        let mut ports = NewPorts::default();
        for setting in input::instances(input, "ResourceSettings")? {
            let resource = input::text_array(setting, "HostResource")?.unwrap_or_default();
            let &[text] = resource.as_slice() else { return Err(input::invalid("a port of a switch has one HostResource")) };
            let path = input::path(text)?;
            let class = path.class().as_str();
            if class.eq_ignore_ascii_case("Msvm_ComputerSystem") {
                if switch.host_port.is_some() || ports.host_port.is_some() {
                    return Err(Failure::new(code::IN_USE, "the host is on this switch already"));
                }
                let name = input::text(setting, "ElementName")?.filter(|n| !n.is_empty()).unwrap_or(&switch.name).to_owned();
                ports.host_port = Some(HostPort { port: cx.ids.guid(), name, mac: cx.ids.mac(), vlan: None });
            } else if class.eq_ignore_ascii_case("Msvm_ExternalEthernetPort") {
                if switch.uplink.is_some() || ports.uplink.is_some() {
                    return Err(Failure::new(code::IN_USE, "the switch has a physical NIC already"));
                }
                let id = path.key("DeviceID").and_then(|id| id.split_once(':')).map(|(_, id)| id).unwrap_or_default();
                let nic = self.nics.iter().find(|n| n.id.eq_ignore_ascii_case(id));
                let nic = nic.ok_or_else(|| input::invalid(format!("`{text}` is no physical NIC")))?;
                if self.switches.iter().any(|s| s.uplink.as_ref().is_some_and(|u| u.nic == nic.id)) {
                    return Err(Failure::new(code::IN_USE, format!("'{}' is bound to another switch", nic.name)));
                }
                ports.uplink = Some(Uplink { port: cx.ids.guid(), nic: nic.id.clone() });
            } else {
                return Err(input::invalid(format!("a switch has no port to a {class}")));
            }
        }
        Ok(ports)
    }

    fn referred_switch(&self, input: &CimInstance, name: &str) -> Result<&Switch, Failure> {
        let path = input::reference(input, name)?;
        let class = path.class().as_str();
        let id = if class.eq_ignore_ascii_case("Msvm_VirtualEthernetSwitch") {
            path.key("Name")
        } else if class.eq_ignore_ascii_case("Msvm_VirtualEthernetSwitchSettingData") {
            path.key("InstanceID").and_then(|id| id.split_once(':')).map(|(_, id)| id)
        } else {
            None
        };
        id.and_then(|id| self.switch(id)).ok_or_else(|| input::invalid(format!("{name} refers to no switch")))
    }

    /// Who is connected to the switch; a cable that is unplugged keeps its switch too.
    fn users_of(&self, switch: &str) -> Vec<&str> {
        let uses = |m: &&super::machine::VirtualMachine| m.adapters.iter().any(|a| a.connected_switch() == Some(switch));
        self.machines.iter().filter(uses).map(|m| m.name.as_str()).collect()
    }

    fn destroy_switch(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let switch = self.referred_switch(input, "AffectedSystem")?;
        let users = self.users_of(&switch.id);
        if !users.is_empty() {
            return Err(Failure::new(code::IN_USE, format!("'{}' is connected to {}", switch.name, users.join(", "))));
        }
        let (id, path) = (switch.id.clone(), resource_view::switch_path(&switch.id));
        Ok(self.submit(JobKind::DestroySwitch, Some(path), Change::DestroySwitch { switch: id }, cx).output())
    }

    pub(crate) fn apply_destroy_switch(&mut self, id: &str) -> Result<(), Failure> {
        let users = self.users_of(id);
        if !users.is_empty() {
            return Err(Failure::new(code::IN_USE, format!("the switch is connected to {}", users.join(", "))));
        }
        let Some(at) = self.switches.iter().position(|s| s.id == id) else {
            return Err(Failure::new(code::FAILED, "the switch is gone"));
        };
        let switch = self.switches.remove(at);
        self.host_leaves(&switch);
        // Disabled connections lose the switch and keep its name.
        for connection in self.machines.iter_mut().flat_map(|m| &mut m.adapters).filter_map(|a| a.connection.as_mut()) {
            if connection.switch.as_deref() == Some(id) {
                connection.switch = None;
            }
        }
        Ok(())
    }

    fn modify_switch(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let settings = input::instance(input, "SystemSettings")?;
        let id = input::text(settings, "InstanceID")?.ok_or_else(|| input::missing("InstanceID"))?;
        let switch = self.switches.iter().find(|s| s.settings_id().eq_ignore_ascii_case(id));
        let switch = switch.ok_or_else(|| input::invalid(format!("no switch has the settings {id}")))?;
        let notes = input::text_array(settings, "Notes")?.map(|n| n.into_iter().map(ToOwned::to_owned).collect());
        let name = input::text(settings, "ElementName")?.map(ToOwned::to_owned);
        let (path, switch) = (resource_view::switch_path(&switch.id), switch.id.clone());
        Ok(self.submit(JobKind::ModifySystem, Some(path), Change::ModifySwitch { switch, name, notes }, cx).output())
    }

    pub(crate) fn apply_modify_switch(&mut self, id: &str, name: Option<String>, notes: Option<Vec<String>>) -> Result<(), Failure> {
        let switch = self.switch_mut(id)?;
        switch.name = name.unwrap_or_else(|| switch.name.clone());
        switch.notes = notes.unwrap_or_else(|| switch.notes.clone());
        Ok(())
    }

    fn add_ports(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let switch = self.referred_switch(input, "AffectedConfiguration")?.clone();
        let NewPorts { uplink, host_port } = self.read_ports(&switch, input, cx)?;
        let ids = uplink.iter().map(|u| &u.port).chain(host_port.iter().map(|p| &p.port));
        let path = |port: &String| {
            CimPath::class_of(Namespace::VIRTUALIZATION, "Msvm_EthernetPortAllocationSettingData")
                .with_key("InstanceID", format!("Microsoft:{}\\{port}", switch.id))
        };
        let resulting: Vec<CimPath> = ids.map(path).collect();
        if resulting.is_empty() {
            return Err(input::missing("ResourceSettings"));
        }
        let affected = resource_view::switch_path(&switch.id);
        let change = Change::AddPorts { switch: switch.id, uplink, host_port };
        Ok(self.submit(JobKind::AddResources, Some(affected), change, cx).output_with("ResultingResourceSettings", resulting))
    }

    pub(crate) fn apply_add_ports(&mut self, id: &str, uplink: Option<Uplink>, host_port: Option<HostPort>) -> Result<(), Failure> {
        let at = self.switches.iter().position(|s| s.id == id).ok_or_else(|| Failure::new(code::FAILED, "the switch is gone"))?;
        let mut switch = self.switches.remove(at);
        switch.uplink = uplink.or(switch.uplink);
        switch.host_port = host_port.or(switch.host_port);
        self.host_arrives(&mut switch);
        self.switches.insert(at, switch);
        Ok(())
    }

    fn remove_ports(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let mut instance_ids = Vec::new();
        for path in input::references(input, "ResourceSettings")? {
            let id = path.key("InstanceID").unwrap_or_default();
            let known = self.switches.iter().flat_map(Switch::ports).any(|(_, port)| port.eq_ignore_ascii_case(id));
            if !known {
                return Err(input::invalid(format!("`{id}` is no port of a switch")));
            }
            instance_ids.push(id.to_owned());
        }
        Ok(self.submit(JobKind::RemoveResources, None, Change::RemovePorts { instance_ids }, cx).output())
    }

    pub(crate) fn apply_remove_ports(&mut self, instance_ids: &[String]) {
        let mut switches = std::mem::take(&mut self.switches);
        for switch in &mut switches {
            let going: Vec<_> =
                switch.ports().filter(|(_, id)| instance_ids.iter().any(|i| i.eq_ignore_ascii_case(id))).map(|(p, _)| p).collect();
            for port in going {
                match port {
                    Port::Host => {
                        self.host_leaves(switch);
                        switch.host_port = None;
                    }
                    Port::Uplink => switch.uplink = None,
                }
            }
        }
        self.switches = switches;
    }

    pub(crate) fn apply_define_switch(&mut self, mut switch: Switch) {
        self.host_arrives(&mut switch);
        self.switches.push(switch);
    }

    /// The physical NICs that switches have.
    pub(crate) fn bound_nics(&self) -> Vec<String> {
        self.switches.iter().filter_map(|s| s.uplink.as_ref()).map(|u| u.nic.clone()).collect()
    }

    /// Whoever is connected over a NIC of the host's that has moved below a switch, or out again, has to come again.
    pub(crate) fn notice_moved_nics(&mut self, before: &[String], cx: &Surroundings<'_>) {
        let after = self.bound_nics();
        let moved = self.nics.iter().filter(|n| before.contains(&n.id) != after.contains(&n.id));
        let carries = |nic: &super::PhysicalNic| self.windows.adapters.iter().any(|a| a.mac == nic.mac && !a.addresses.is_empty());
        if moved.into_iter().any(carries) {
            self.cut_off_until = cx.now.checked_add(cx.timing.rebind).ok();
        }
    }

    /// The host's port takes over the NIC's hardware address, and with it the host's settings on that NIC.
    pub(crate) fn host_arrives(&mut self, switch: &mut Switch) {
        let nic = switch.uplink.as_ref().and_then(|u| self.nics.iter().find(|n| n.id == u.nic)).map(|n| n.mac.clone());
        let name = switch.host_adapter_name();
        if let (Some(port), Some(mac)) = (&mut switch.host_port, nic) {
            port.mac.clone_from(&mac);
            if let Some(adapter) = self.windows.adapters.iter_mut().find(|a| a.mac == mac) {
                adapter.alias = name;
            }
        }
    }

    /// The host's port goes: the NIC gets its settings back, others are forgotten.
    fn host_leaves(&mut self, switch: &Switch) {
        let Some(port) = &switch.host_port else { return };
        let nic = self.nics.iter().find(|n| n.mac == port.mac);
        match nic {
            Some(nic) => {
                let adapter = self.windows.adapters.iter_mut().find(|a| a.mac == nic.mac);
                if let Some(adapter) = adapter {
                    adapter.alias.clone_from(&nic.name);
                }
            }
            None => self.windows.adapters.retain(|a| a.mac != port.mac),
        }
    }
}
