//! `Msvm_VirtualSystemManagementService`: defines, changes and destroys VMs.

use wsman::cim::{CimInstance, CimPath, CimValue};

use crate::host::change::{Change, NewDevice};
use crate::host::machine::VirtualMachine;
use crate::host::service::Service;
use crate::host::system_settings::{self, SystemChange};
use crate::host::{Host, Surroundings, computer_system, input};
use crate::job::{Failure, JobKind, code};
use crate::machine::Output;

/// The service, and what it can do.
pub(super) const SERVICE: Service = Service {
    class: "Msvm_VirtualSystemManagementService",
    methods: &[
        ("DefineSystem", |host, input, cx| Ok(host.define_system(input, cx)?)),
        ("DestroySystem", |host, input, cx| Ok(host.destroy_system(input, cx)?)),
        ("ModifySystemSettings", |host, input, cx| Ok(host.modify_system(input, cx)?)),
        ("AddResourceSettings", |host, input, cx| Ok(host.add_resources(input, cx)?)),
        ("ModifyResourceSettings", |host, input, cx| Ok(host.modify_resources(input, cx)?)),
        ("RemoveResourceSettings", |host, input, cx| Ok(host.remove_resources(input, cx)??)),
        ("AddKvpItems", |host, input, cx| Ok(host.kvp_items("AddKvpItems", input, cx)?)),
        ("ModifyKvpItems", |host, input, cx| Ok(host.kvp_items("ModifyKvpItems", input, cx)?)),
        ("RemoveKvpItems", |host, input, cx| Ok(host.kvp_items("RemoveKvpItems", input, cx)?)),
        ("SetGuestNetworkAdapterConfiguration", |host, input, cx| Ok(host.set_guest_addresses(input, cx)?)),
        ("AddFeatureSettings", |host, input, cx| Ok(host.add_features(input, cx)?)),
        ("ModifyFeatureSettings", |host, input, cx| Ok(host.modify_features(input, cx)?)),
        ("RemoveFeatureSettings", |host, input, cx| Ok(host.remove_features(input, cx)?)),
        ("ModifyGuestServiceSettings", |host, input, cx| Ok(host.modify_guest_services(input, cx)?)),
        ("GetSummaryInformation", |host, input, cx| Ok(host.summary(input, cx)?)),
    ],
};

impl Host {
    /// The VM that a parameter refers to.
    pub(crate) fn referred_machine(&self, input: &CimInstance, name: &str) -> Result<&VirtualMachine, Failure> {
        let path = input::reference(input, name)?;
        let id = match path.class().as_str() {
            class if class.eq_ignore_ascii_case("Msvm_ComputerSystem") => path.key("Name"),
            class if class.eq_ignore_ascii_case("Msvm_VirtualSystemSettingData") => {
                path.key("InstanceID").and_then(|id| id.split_once(':')).map(|(_, id)| id)
            }
            _ => None,
        };
        id.and_then(|id| self.machine(id)).ok_or_else(|| input::invalid(format!("{name} refers to no virtual machine")))
    }

    fn define_system(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let default = CimInstance::new("Msvm_VirtualSystemSettingData");
        let settings = match input.get("SystemSettings") {
            CimValue::Null => &default,
            _ => input::instance(input, "SystemSettings")?,
        };
        let name = input::text(settings, "ElementName")?.unwrap_or("New Virtual Machine").to_owned();
        let mut machine = VirtualMachine::new(cx.ids.guid(), &name, system_settings::generation(settings)?, cx.now);
        SystemChange::read(settings)?.apply(&mut machine)?;
        system_settings::set_roots(&mut machine, settings)?;
        for resource in input::instances(input, "ResourceSettings")? {
            self.define_resource(&mut machine, resource, cx)?;
        }
        let path = computer_system::path_of(&machine.id);
        let submitted = self.submit(JobKind::DefineSystem, Some(path.clone()), Change::DefineSystem(Box::new(machine)), cx);
        Ok(submitted.output_with("ResultingSystem", path))
    }

    /// A resource that comes with `DefineSystem`: what the definition has anyway, or a device without a parent.
    fn define_resource(&self, machine: &mut VirtualMachine, resource: &CimInstance, cx: &mut Surroundings<'_>) -> Result<(), Failure> {
        let class = resource.class().as_str();
        if class.eq_ignore_ascii_case("Msvm_ProcessorSettingData") || class.eq_ignore_ascii_case("Msvm_MemorySettingData") {
            let device = if class.eq_ignore_ascii_case("Msvm_MemorySettingData") {
                super::device::Device::Memory
            } else {
                super::device::Device::Processor
            };
            return self.read_resource_change(machine, device, resource)?.apply(machine, device);
        }
        match self.read_new_device(machine, resource, cx)? {
            NewDevice::Controller(controller) => machine.controllers.push(controller),
            NewDevice::Nic(nic) => machine.adapters.push(nic),
            _ => return Err(Failure::new(code::NOT_SUPPORTED, format!("a {class} needs a parent, so it cannot come with DefineSystem"))),
        }
        Ok(())
    }

    fn destroy_system(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let machine = self.referred_machine(input, "AffectedSystem")?;
        if !machine.power.can_be_destroyed() {
            return Err(Failure::new(code::INVALID_STATE, format!("'{}' is not off", machine.name)));
        }
        let (vm, path) = (machine.id.clone(), computer_system::path_of(&machine.id));
        Ok(self.submit(JobKind::DestroySystem, Some(path), Change::DestroySystem { vm }, cx).output())
    }

    fn modify_system(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let settings = input::instance(input, "SystemSettings")?;
        let id = input::text(settings, "InstanceID")?.ok_or_else(|| input::missing("SystemSettings.InstanceID"))?;
        let machine = self.machines.iter().find(|m| m.settings_id().eq_ignore_ascii_case(id));
        let machine = machine.ok_or_else(|| input::invalid(format!("no virtual machine has the settings {id}")))?;
        let change = SystemChange::read(settings)?;
        // Tried on a copy: a refusal must come now, not when a job ends.
        change.clone().apply(&mut machine.clone())?;
        let (vm, path) = (machine.id.clone(), computer_system::path_of(&machine.id));
        Ok(self.submit(JobKind::ModifySystem, Some(path), Change::ModifySystem { vm, change }, cx).output())
    }

    /// The path of a resource's settings, in the class that the views give it.
    pub(crate) fn resource_path(&self, machine: &VirtualMachine, device: super::device::Device) -> CimPath {
        super::resource_view::path_of(machine, device)
    }
}
