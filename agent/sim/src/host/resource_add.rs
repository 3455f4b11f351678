//! `AddResourceSettings`: devices that a VM gets after its definition.
//!
//! Guarantees: all of a call's devices are checked before the first is added.
//! The order is the client's: a controller, then a drive on it, then a file in that.

use wsman::cim::{CimInstance, CimPath};

use crate::host::change::{Change, NewDevice};
use crate::host::device::{Connection, Controller, ControllerKind, Device, Drive, DriveKind, MacOrigin, VirtualNic};
use crate::host::machine::{Generation, VirtualMachine};
use crate::host::{Host, Surroundings, disk, input};
use crate::job::{Failure, JobKind, code};
use crate::machine::Output;

const CONTROLLERS: usize = 4;
const ADAPTERS: usize = 8;

impl Host {
    pub(crate) fn add_resources(&mut self, input: &CimInstance, cx: &mut Surroundings<'_>) -> Result<Output, Failure> {
        let machine = self.referred_machine(input, "AffectedConfiguration")?;
        let vm = machine.id.clone();
        let settings = input::instances(input, "ResourceSettings")?;
        if settings.is_empty() {
            return Err(input::missing("ResourceSettings"));
        }
        // A copy takes each device as it comes, so that the second of two sees the first.
        let mut future = machine.clone();
        let (mut devices, mut resulting) = (Vec::new(), Vec::<CimPath>::new());
        for setting in settings {
            let device = self.read_new_device(&future, setting, cx)?;
            resulting.push(attach(&mut future, device.clone())?);
            devices.push(device);
        }
        let path = super::computer_system::path_of(&vm);
        let submitted = self.submit(JobKind::AddResources, Some(path), Change::AddDevices { vm, devices }, cx);
        Ok(submitted.output_with("ResultingResourceSettings", resulting))
    }

    pub(crate) fn apply_add_devices(&mut self, vm: &str, devices: Vec<NewDevice>) -> Result<(), Failure> {
        let machine = self.machine_mut(vm).ok_or_else(|| Failure::new(code::FAILED, "the virtual machine is gone"))?;
        devices.into_iter().try_for_each(|device| attach(machine, device).map(drop))
    }

    /// Reads one settings instance, and checks that `machine` can take it.
    pub(crate) fn read_new_device(
        &self,
        machine: &VirtualMachine,
        setting: &CimInstance,
        cx: &mut Surroundings<'_>,
    ) -> Result<NewDevice, Failure> {
        let kind = input::number(setting, "ResourceType")?.ok_or_else(|| input::missing("ResourceType"))?;
        let sub_type = input::text(setting, "ResourceSubType")?.unwrap_or_default();
        match (kind, sub_type) {
            (6, "Microsoft:Hyper-V:Synthetic SCSI Controller") => {
                must_be_off(machine)?;
                if machine.controllers.iter().filter(|c| c.kind == ControllerKind::Scsi).count() >= CONTROLLERS {
                    return Err(input::invalid("a virtual machine has at most 4 SCSI controllers"));
                }
                Ok(NewDevice::Controller(Controller::scsi(cx.ids.guid())))
            }
            (17, "Microsoft:Hyper-V:Synthetic Disk Drive") => new_drive(machine, setting, DriveKind::Disk),
            (16, "Microsoft:Hyper-V:Synthetic DVD Drive") => new_drive(machine, setting, DriveKind::Dvd),
            (31, "Microsoft:Hyper-V:Virtual Hard Disk") => self.new_medium(machine, setting, DriveKind::Disk),
            (31, "Microsoft:Hyper-V:Virtual CD/DVD Disk") => self.new_medium(machine, setting, DriveKind::Dvd),
            (31, "Microsoft:Hyper-V:Virtual Floppy Disk") => self.new_medium(machine, setting, DriveKind::Floppy),
            (10, "Microsoft:Hyper-V:Synthetic Ethernet Port") => new_nic(machine, setting, cx),
            (33, "Microsoft:Hyper-V:Ethernet Connection") => self.new_connection(machine, setting),
            _ => Err(Failure::new(code::NOT_SUPPORTED, format!("no resource of type {kind} `{sub_type}` can be added"))),
        }
    }

    fn new_medium(&self, machine: &VirtualMachine, setting: &CimInstance, kind: DriveKind) -> Result<NewDevice, Failure> {
        let path = self.medium_path(machine, setting, kind)?.ok_or_else(|| input::missing("HostResource"))?;
        let (id, device) = parent(machine, setting)?;
        let Device::Drive(c, d) = device else { return Err(input::invalid("the parent of a disk is a drive")) };
        let drive = &machine.controllers[c].drives[d];
        if drive.kind != kind {
            return Err(input::invalid("the drive does not take this kind of disk"));
        }
        if drive.medium.is_some() {
            return Err(Failure::new(code::IN_USE, "the drive holds a disk already"));
        }
        if machine.media().any(|m| m.eq_ignore_ascii_case(&path)) {
            return Err(Failure::new(code::IN_USE, format!("'{path}' is attached already")));
        }
        Ok(NewDevice::Medium(id, path))
    }

    /// The one path in `HostResource`: an array, an absolute path, of a kind that `machine` takes there, and a file is there.
    pub(crate) fn medium_path(&self, machine: &VirtualMachine, setting: &CimInstance, kind: DriveKind) -> Result<Option<String>, Failure> {
        let Some(resource) = input::text_array(setting, "HostResource")? else { return Ok(None) };
        let &[path] = resource.as_slice() else { return Err(input::invalid("HostResource holds one path")) };
        let absolute = disk::volume_of(path).is_some() || path.starts_with("\\\\");
        let known: &[&str] = match kind {
            DriveKind::Disk if machine.generation == Generation::Two => &["vhdx", "avhdx", "vhds"],
            DriveKind::Disk => &["vhdx", "vhd", "avhdx", "avhd", "vhds"],
            DriveKind::Dvd => &["iso"],
            DriveKind::Floppy => &["vfd"],
        };
        if !absolute || !disk::extension(path).is_some_and(|e| known.contains(&e.as_str())) {
            return Err(input::invalid(format!("'{path}' is not the path of such a disk")));
        }
        let file = self.file(path).ok_or_else(|| Failure::new(code::FILE_NOT_FOUND, format!("'{path}' is not there")))?;
        Ok(Some(file.path.clone()))
    }

    fn new_connection(&self, machine: &VirtualMachine, setting: &CimInstance) -> Result<NewDevice, Failure> {
        let (id, device) = parent(machine, setting)?;
        let Device::Nic(n) = device else { return Err(input::invalid("the parent of a connection is an adapter")) };
        if machine.adapters[n].connection.is_some() {
            return Err(Failure::new(code::IN_USE, "the adapter has a connection already"));
        }
        let switch = self.switch_in(setting)?;
        let enabled = match input::number(setting, "EnabledState")? {
            None | Some(2) => true,
            Some(3) => false,
            Some(n) => return Err(input::invalid(format!("{n} is no state of a connection"))),
        };
        let (switch, switch_name) = switch.flatten().map(|s| (s.id.clone(), s.name.clone())).unzip();
        Ok(NewDevice::Connection(id, Connection { switch, switch_name, enabled, vlan: None }))
    }

    /// The switch that `HostResource` names: absent, an empty array, or one switch that exists.
    pub(crate) fn switch_in(&self, setting: &CimInstance) -> Result<Option<Option<&super::switch::Switch>>, Failure> {
        let Some(resource) = input::text_array(setting, "HostResource")? else { return Ok(None) };
        match resource.as_slice() {
            [] => Ok(Some(None)),
            &[text] => {
                let path = input::path(text)?;
                let right = path.class().as_str().eq_ignore_ascii_case("Msvm_VirtualEthernetSwitch");
                let found = path.key("Name").filter(|_| right).and_then(|name| self.switch(name));
                found.map(|s| Some(Some(s))).ok_or_else(|| input::invalid(format!("`{text}` is no switch")))
            }
            _ => Err(input::invalid("a connection leads to one switch")),
        }
    }
}

/// Puts the device where it belongs and tells the path of its settings.
fn attach(machine: &mut VirtualMachine, device: NewDevice) -> Result<CimPath, Failure> {
    let gone = || Failure::new(code::INVALID_PARAMETER, "the parent is gone");
    let placed = match device {
        NewDevice::Controller(controller) => {
            machine.controllers.push(controller);
            Device::Controller(machine.controllers.len() - 1)
        }
        NewDevice::Nic(nic) => {
            machine.adapters.push(nic);
            Device::Nic(machine.adapters.len() - 1)
        }
        NewDevice::Drive(parent, drive) => {
            let Some(Device::Controller(c)) = machine.device(&parent) else { return Err(gone()) };
            let drives = &mut machine.controllers[c].drives;
            let at = drives.partition_point(|d| d.slot < drive.slot);
            drives.insert(at, drive);
            Device::Drive(c, at)
        }
        NewDevice::Medium(parent, path) => {
            let Some(Device::Drive(c, d)) = machine.device(&parent) else { return Err(gone()) };
            machine.controllers[c].drives[d].medium = Some(path);
            Device::Medium(c, d)
        }
        NewDevice::Connection(parent, connection) => {
            let Some(Device::Nic(n)) = machine.device(&parent) else { return Err(gone()) };
            machine.adapters[n].connection = Some(connection);
            Device::Connection(n)
        }
    };
    Ok(super::resource_view::path_of(machine, placed))
}

fn must_be_off(machine: &VirtualMachine) -> Result<(), Failure> {
    if machine.power.is_off() { Ok(()) } else { Err(Failure::new(code::INVALID_STATE, format!("'{}' is not off", machine.name))) }
}

/// The device of `machine` that `Parent` names, with its InstanceID.
fn parent(machine: &VirtualMachine, setting: &CimInstance) -> Result<(String, Device), Failure> {
    let text = input::text(setting, "Parent")?.ok_or_else(|| input::missing("Parent"))?;
    let path = input::path(text)?;
    let id = path.key("InstanceID").ok_or_else(|| input::invalid("Parent names no settings"))?;
    let device = machine.device(id).ok_or_else(|| input::invalid(format!("`{id}` is no device of '{}'", machine.name)))?;
    Ok((machine.instance_id(device), device))
}

fn new_drive(machine: &VirtualMachine, setting: &CimInstance, kind: DriveKind) -> Result<NewDevice, Failure> {
    let (id, device) = parent(machine, setting)?;
    let Device::Controller(c) = device else { return Err(input::invalid("the parent of a drive is a controller")) };
    let controller = &machine.controllers[c];
    match controller.kind {
        ControllerKind::Scsi if kind == DriveKind::Dvd && machine.generation == Generation::One => {
            return Err(input::invalid("generation 1 takes DVD drives on its IDE controllers"));
        }
        ControllerKind::Scsi => {}
        ControllerKind::Ide(_) => must_be_off(machine)?,
        ControllerKind::Floppy => return Err(input::invalid("a diskette controller takes no drive")),
    }
    let slot = match input::text(setting, "AddressOnParent")? {
        Some(text) => text.parse().map_err(|_| input::invalid(format!("`{text}` is no slot")))?,
        None => (0..controller.slots()).find(|s| controller.drive_at(*s).is_none()).unwrap_or(controller.slots()),
    };
    if slot >= controller.slots() {
        return Err(input::invalid(format!("the controller has {} slots", controller.slots())));
    }
    if controller.drive_at(slot).is_some() {
        return Err(Failure::new(code::IN_USE, format!("slot {slot} is taken")));
    }
    Ok(NewDevice::Drive(id, Drive { slot, kind, medium: None }))
}

fn new_nic(machine: &VirtualMachine, setting: &CimInstance, cx: &mut Surroundings<'_>) -> Result<NewDevice, Failure> {
    if machine.generation == Generation::One {
        must_be_off(machine)?;
    }
    if machine.adapters.len() >= ADAPTERS {
        return Err(input::invalid("a virtual machine has at most 8 adapters"));
    }
    let fixed = input::truth(setting, "StaticMacAddress")?.unwrap_or(false);
    let address = input::text(setting, "Address")?.filter(|a| !a.is_empty());
    let (mac, mac_origin) = match (fixed, address) {
        (true, Some(address)) => (input::mac(address)?, MacOrigin::Static),
        (true, None) => return Err(input::missing("Address")),
        (false, _) => (cx.ids.mac(), MacOrigin::Dynamic),
    };
    let wanted =
        input::text_array(setting, "VirtualSystemIdentifiers")?.and_then(|ids| ids.first().map(|i| i.trim_matches(['{', '}']).to_owned()));
    let id = match wanted {
        Some(id) if uuid::Uuid::try_parse(&id).is_err() => return Err(input::invalid(format!("`{id}` is no GUID"))),
        Some(id) if machine.adapters.iter().any(|a| a.id.eq_ignore_ascii_case(&id)) => {
            return Err(Failure::new(code::IN_USE, format!("{id} is an adapter already")));
        }
        Some(id) => id.to_ascii_uppercase(),
        None => cx.ids.guid(),
    };
    let name = input::text(setting, "ElementName")?.unwrap_or("Network Adapter").to_owned();
    Ok(NewDevice::Nic(VirtualNic { id, name, mac, mac_origin, connection: None }))
}
