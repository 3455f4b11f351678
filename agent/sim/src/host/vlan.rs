//! VLANs of ports: `Msvm_EthernetSwitchPortVlanSettingData`, and the three methods that add, change and remove it.
//!
//! Guarantees: a port has at most one such setting, and loses it with its connection; which frames reach a guest follows from it.
//! Deliberately absent: other features of ports (bandwidth, security, routing domains).

use serde::{Deserialize, Serialize};
use wsman::cim::{CimInstance, CimPath, Namespace};

use crate::host::change::Change;
use crate::host::device::{Device, VirtualNic};
use crate::host::machine::VirtualMachine;
use crate::host::{Host, Surroundings, computer_system, input};
use crate::job::{Failure, JobKind, code};
use crate::machine::{Object, Output};
use crate::windows::Segment;

pub(crate) const CLASS: &str = "Msvm_EthernetSwitchPortVlanSettingData";
/// The feature's own id, which stands in the documentation of its class.
const FEATURE: &str = "952C5004-4465-451C-8CB8-FA9AB382B773";

// Values of OperationMode.
const ACCESS: u32 = 1;
const TRUNK: u32 = 2;
const PRIVATE: u32 = 3;
/// The highest id of a VLAN.
const LAST: u64 = 4094;

/// The VLAN settings of one port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Vlan {
    id: String,
    mode: u32,
    access: u16,
    native: u16,
    trunk: Vec<u16>,
    primary: u16,
    secondary: u16,
    private_mode: u32,
}

impl Vlan {
    fn new(id: String) -> Self {
        Self { id, mode: 0, access: 0, native: 0, trunk: Vec::new(), primary: 0, secondary: 0, private_mode: 0 }
    }

    /// Takes over what `setting` says, and checks the whole.
    fn changed(mut self, setting: &CimInstance) -> Result<Self, Failure> {
        let vlan = |name| match input::number(setting, name)? {
            Some(n) if n > LAST => Err(input::invalid(format!("{name} is {n}; a VLAN's id ends at {LAST}"))),
            n => Ok(n.and_then(|n| u16::try_from(n).ok())),
        };
        let mode = |name| Ok(input::number(setting, name)?.map(|n| u32::try_from(n).unwrap_or(u32::MAX)));
        self.mode = mode("OperationMode")?.unwrap_or(self.mode);
        self.private_mode = mode("PvlanMode")?.unwrap_or(self.private_mode);
        self.access = vlan("AccessVlanId")?.unwrap_or(self.access);
        self.native = vlan("NativeVlanId")?.unwrap_or(self.native);
        self.primary = vlan("PrimaryVlanId")?.unwrap_or(self.primary);
        self.secondary = vlan("SecondaryVlanId")?.unwrap_or(self.secondary);
        let trunk = setting.get("TrunkVlanIdArray").elements();
        if !trunk.is_empty() {
            let one = |value: &wsman::cim::CimValue| match value {
                wsman::cim::CimValue::Unsigned(n) if (1..=LAST).contains(n) => Ok(u16::try_from(*n).unwrap_or(0)),
                _ => Err(input::invalid("TrunkVlanIdArray holds something that is no VLAN")),
            };
            self.trunk = trunk.iter().map(one).collect::<Result<_, _>>()?;
        }
        let sound = match self.mode {
            0 => true,
            ACCESS => self.access > 0,
            TRUNK => !self.trunk.is_empty(),
            PRIVATE => self.primary > 0 && self.secondary > 0 && (1..=3).contains(&self.private_mode),
            _ => false,
        };
        if sound { Ok(self) } else { Err(input::invalid("the VLAN settings do not fit their OperationMode")) }
    }

    /// The VLAN whose frames come to the guest without a tag.
    fn untagged(&self) -> Option<u16> {
        let id = match self.mode {
            ACCESS => self.access,
            TRUNK => self.native,
            PRIVATE => self.primary,
            _ => 0,
        };
        (id > 0).then_some(id)
    }

    fn view(&self, id: String) -> CimInstance {
        CimInstance::new(CLASS)
            .with("InstanceID", id)
            .with("Caption", "Ethernet Switch Port VLAN Settings")
            .with("Description", "Represents the vlan setting data.")
            .with("ElementName", "Ethernet Switch Port VLAN Settings")
            .with("OperationMode", self.mode)
            .with("AccessVlanId", self.access)
            .with("NativeVlanId", self.native)
            .with("PvlanMode", self.private_mode)
            .with("PrimaryVlanId", self.primary)
            .with("SecondaryVlanId", self.secondary)
            .with("PruneVlanIdArray", Vec::<u16>::new())
            .with("TrunkVlanIdArray", self.trunk.clone())
            .with("SecondaryVlanIdArray", Vec::<u16>::new())
    }
}

impl VirtualNic {
    /// The VLAN that the guest is in; none when frames come and go as they are on the wire.
    pub(crate) fn vlan(&self) -> Option<u16> {
        self.connection.as_ref()?.vlan.as_ref()?.untagged()
    }
}

impl Segment {
    /// The part of the segment that a port in `vlan` is in.
    pub(crate) fn in_vlan(self, vlan: Option<u16>) -> Self {
        match (self, vlan) {
            (segment, None) => segment,
            (Self::Outside(name), Some(id)) => Self::Outside(format!("{name}, VLAN {id}")),
            (Self::Inside(name), Some(id)) => Self::Inside(format!("{name}, VLAN {id}")),
        }
    }
}

impl VirtualMachine {
    fn vlan_id(&self, nic: usize) -> Option<String> {
        let vlan = self.adapters[nic].connection.as_ref()?.vlan.as_ref()?;
        Some(format!("{}\\{FEATURE}\\{}", self.instance_id(Device::Connection(nic)), vlan.id))
    }

    fn vlan_of(&self, nic: usize) -> Option<Object> {
        let vlan = self.adapters[nic].connection.as_ref()?.vlan.as_ref()?;
        Some(Object::keyed(&Namespace::VIRTUALIZATION, vlan.view(self.vlan_id(nic)?), &["InstanceID"]))
    }
}

impl Host {
    /// The settings of every port that has some, and the one that new ones begin with.
    pub(crate) fn vlan_objects(&self) -> Vec<Object> {
        let default = Vlan::new(String::new()).view(format!("Microsoft:Definition\\{FEATURE}\\Default"));
        let of = |m: &VirtualMachine| (0..m.adapters.len()).filter_map(|n| m.vlan_of(n)).collect::<Vec<_>>();
        let all = self.configurations().flat_map(of);
        std::iter::once(Object::keyed(&Namespace::VIRTUALIZATION, default, &["InstanceID"])).chain(all).collect()
    }

    /// `Msvm_EthernetPortSettingDataComponent`.
    pub(crate) fn vlan_links(&self) -> Vec<(CimPath, CimPath)> {
        let of = |m: &VirtualMachine| -> Vec<_> {
            let pair = |n| Some((super::resource_view::path_of(m, Device::Connection(n)), m.vlan_of(n)?.path));
            (0..m.adapters.len()).filter_map(pair).collect()
        };
        self.configurations().flat_map(of).collect()
    }

    /// The adapter whose connection has the settings `id`.
    fn vlan_owner(&self, id: &str) -> Option<(&VirtualMachine, usize)> {
        let fits = |m: &VirtualMachine| (0..m.adapters.len()).find(|n| m.vlan_id(*n).is_some_and(|own| own.eq_ignore_ascii_case(id)));
        self.machines.iter().find_map(|m| fits(m).map(|n| (m, n)))
    }

    pub(crate) fn add_features(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let path = input::reference(input, "AffectedConfiguration")?;
        let id = path.key("InstanceID").unwrap_or_default();
        let found = self.machines.iter().find_map(|m| m.device(id).map(|d| (m, d)));
        let Some((machine, Device::Connection(nic))) = found else {
            return Err(input::invalid("AffectedConfiguration refers to no connection"));
        };
        let settings = vlan_settings(input)?;
        let [setting] = settings.as_slice() else { return Err(input::invalid("a port takes one VLAN setting")) };
        if machine.vlan_id(nic).is_some() {
            return Err(Failure::new(code::FAILED, "the port has VLAN settings already"));
        }
        let (mut future, guid) = (machine.clone(), cx.ids.guid());
        let vlan = Vlan::new(guid).changed(setting)?;
        if let Some(connection) = &mut future.adapters[nic].connection {
            connection.vlan = Some(vlan.clone());
        }
        let resulting: Vec<_> = future.vlan_of(nic).into_iter().map(|o| o.path).collect();
        let (affected, of) = (computer_system::path_of(&machine.id), vec![(machine.instance_id(Device::Connection(nic)), Some(vlan))]);
        let submitted = self.submit(JobKind::AddResources, Some(affected), Change::Vlans { of }, cx);
        Ok(submitted.output_with("ResultingFeatureSettings", resulting))
    }

    pub(crate) fn modify_features(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let (mut of, mut resulting, mut affected) = (Vec::new(), Vec::<CimPath>::new(), None);
        for setting in vlan_settings(input)? {
            let id = input::text(setting, "InstanceID")?.ok_or_else(|| input::missing("InstanceID"))?;
            let (machine, nic) = self.vlan_owner(id).ok_or_else(|| input::invalid(format!("`{id}` is no feature of a port")))?;
            let vlan = machine.adapters[nic].connection.as_ref().and_then(|c| c.vlan.clone());
            let vlan = vlan.map(|vlan| vlan.changed(setting)).transpose()?;
            resulting.extend(machine.vlan_of(nic).map(|o| o.path));
            affected = Some(computer_system::path_of(&machine.id));
            of.push((machine.instance_id(Device::Connection(nic)), vlan));
        }
        let submitted = self.submit(JobKind::ModifyResources, affected, Change::Vlans { of }, cx);
        Ok(submitted.output_with("ResultingFeatureSettings", resulting))
    }

    pub(crate) fn remove_features(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let (mut of, mut affected) = (Vec::new(), None);
        for path in input::references(input, "FeatureSettings")? {
            let found = path.key("InstanceID").and_then(|id| self.vlan_owner(id));
            let (machine, nic) = found.ok_or_else(|| input::invalid("FeatureSettings refers to no feature of a port"))?;
            affected = Some(computer_system::path_of(&machine.id));
            of.push((machine.instance_id(Device::Connection(nic)), None));
        }
        Ok(self.submit(JobKind::RemoveResources, affected, Change::Vlans { of }, cx).output())
    }

    pub(crate) fn apply_vlans(&mut self, of: Vec<(String, Option<Vlan>)>) -> Result<(), Failure> {
        for (id, vlan) in of {
            let gone = || Failure::new(code::FAILED, format!("the connection `{id}` is gone"));
            let (machine, device) = self.machines.iter_mut().find_map(|m| m.device(&id).map(|d| (m, d))).ok_or_else(gone)?;
            let Device::Connection(nic) = device else { return Err(gone()) };
            machine.adapters[nic].connection.as_mut().ok_or_else(gone)?.vlan = vlan;
        }
        Ok(())
    }
}

fn vlan_settings(input: &CimInstance) -> Result<Vec<&CimInstance>, Failure> {
    let settings = input::instances(input, "FeatureSettings")?;
    if settings.is_empty() {
        return Err(input::missing("FeatureSettings"));
    }
    match settings.iter().find(|s| !s.class().as_str().eq_ignore_ascii_case(CLASS)) {
        Some(other) => Err(Failure::new(code::NOT_SUPPORTED, format!("no port has a {}", other.class()))),
        None => Ok(settings),
    }
}
