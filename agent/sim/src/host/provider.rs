//! A host as WMI shows it: Hyper-V's namespace beside those that every Windows has.
//!
//! Guarantees: associations and their instances come from the same list of links.

use wsman::cim::{CimInstance, CimPath, CimValue, ClassName, Namespace};

use crate::classes::{self, Class};
use crate::host::change::Change;
use crate::host::service::Service;
use crate::host::{Host, Surroundings, computer_system, submit::Submitted, switch_service, system_settings};
use crate::job::{JobKind, Stage, code};
use crate::machine::{Association, Machine, Object, Output, WmiCode, WmiError, ends};
use crate::program::Desk;
use crate::windows::provider::{self, Call, Wish};
use crate::world::{HostName, MachineId, World};

const V2: Namespace = Namespace::VIRTUALIZATION;
const ELEMENT: &[&str] = &["CIM_EnabledLogicalElement", "CIM_LogicalElement", "CIM_ManagedSystemElement", "CIM_ManagedElement"];
const SETTING: &[&str] = &["CIM_ResourceAllocationSettingData", "CIM_SettingData", "CIM_ManagedElement"];

/// A class as signatures write it: `name < ancestor < ancestor, shared roots`.
macro_rules! class {
    ($namespace:expr, $name:literal $(< $ancestor:literal)*) => {
        Class::new($namespace, $name, &[$($ancestor),*], &[])
    };
    ($namespace:expr, $name:literal $(< $ancestor:literal)*, $roots:ident) => {
        Class::new($namespace, $name, &[$($ancestor),*], $roots)
    };
}

/// What only a host has.
const CLASSES: &[Class] = &[
    class!(V2, "Msvm_ComputerSystem" < "CIM_ComputerSystem" < "CIM_System", ELEMENT),
    class!(V2, "Msvm_VirtualEthernetSwitch" < "CIM_ComputerSystem" < "CIM_System", ELEMENT),
    class!(V2, "Msvm_VirtualSystemManagementService" < "CIM_VirtualSystemManagementService" < "CIM_Service", ELEMENT),
    class!(V2, "Msvm_VirtualEthernetSwitchManagementService" < "CIM_VirtualSystemManagementService" < "CIM_Service", ELEMENT),
    class!(V2, "Msvm_ImageManagementService" < "CIM_Service", ELEMENT),
    class!(V2, "Msvm_VirtualSystemSnapshotService" < "CIM_VirtualSystemSnapshotService" < "CIM_Service", ELEMENT),
    class!(V2, "Msvm_VirtualSystemSettingData" < "CIM_VirtualSystemSettingData" < "CIM_SettingData" < "CIM_ManagedElement"),
    class!(
        V2,
        "Msvm_VirtualEthernetSwitchSettingData" < "CIM_VirtualEthernetSwitchSettingData" < "CIM_VirtualSystemSettingData" < "CIM_SettingData" < "CIM_ManagedElement"
    ),
    class!(V2, "Msvm_ProcessorSettingData", SETTING),
    class!(V2, "Msvm_MemorySettingData", SETTING),
    class!(V2, "Msvm_ResourceAllocationSettingData", SETTING),
    class!(V2, "Msvm_StorageAllocationSettingData" < "CIM_StorageAllocationSettingData", SETTING),
    class!(V2, "Msvm_SyntheticEthernetPortSettingData" < "CIM_EthernetPortAllocationSettingData", SETTING),
    class!(V2, "Msvm_EthernetPortAllocationSettingData" < "CIM_EthernetPortAllocationSettingData", SETTING),
    class!(V2, "Msvm_SerialPortSettingData", SETTING),
    class!(V2, "Msvm_HeartbeatComponentSettingData", SETTING),
    class!(V2, "Msvm_ShutdownComponentSettingData", SETTING),
    class!(V2, "Msvm_KvpExchangeComponentSettingData", SETTING),
    class!(V2, "Msvm_TimeSyncComponentSettingData", SETTING),
    class!(V2, "Msvm_VssComponentSettingData", SETTING),
    class!(V2, "Msvm_GuestServiceInterfaceComponentSettingData", SETTING),
    class!(V2, "Msvm_BootSourceSettingData" < "CIM_SettingData" < "CIM_ManagedElement"),
    class!(
        V2,
        "Msvm_EthernetSwitchPortVlanSettingData" < "Msvm_EthernetSwitchPortFeatureSettingData" < "Msvm_FeatureSettingData" < "CIM_SettingData" < "CIM_ManagedElement"
    ),
    class!(V2, "Msvm_ReplicationRelationship" < "CIM_ManagedSystemElement" < "CIM_ManagedElement"),
    class!(V2, "Msvm_HeartbeatComponent" < "CIM_LogicalDevice", ELEMENT),
    class!(V2, "Msvm_ShutdownComponent" < "CIM_LogicalDevice", ELEMENT),
    class!(V2, "Msvm_KvpExchangeComponent" < "CIM_LogicalDevice", ELEMENT),
    class!(V2, "Msvm_GuestNetworkAdapterConfiguration"),
    class!(V2, "Msvm_ExternalEthernetPort" < "CIM_EthernetPort" < "CIM_NetworkPort" < "CIM_LogicalPort" < "CIM_LogicalDevice", ELEMENT),
    class!(V2, "Msvm_InternalEthernetPort" < "CIM_EthernetPort" < "CIM_NetworkPort" < "CIM_LogicalPort" < "CIM_LogicalDevice", ELEMENT),
    class!(V2, "Msvm_ConcreteJob" < "CIM_ConcreteJob" < "CIM_Job" < "CIM_LogicalElement" < "CIM_ManagedSystemElement" < "CIM_ManagedElement"),
    class!(V2, "Msvm_StorageJob" < "CIM_ConcreteJob" < "CIM_Job" < "CIM_LogicalElement" < "CIM_ManagedSystemElement" < "CIM_ManagedElement"),
    class!(V2, "Msvm_SettingsDefineState" < "CIM_SettingsDefineState"),
    class!(V2, "Msvm_VirtualSystemSettingDataComponent" < "CIM_VirtualSystemSettingDataComponent" < "CIM_Component"),
    class!(V2, "Msvm_SettingDataComponent" < "CIM_Component"),
    class!(V2, "Msvm_SystemDevice" < "CIM_SystemDevice" < "CIM_SystemComponent" < "CIM_Component"),
    class!(V2, "Msvm_AffectedJobElement" < "CIM_AffectedJobElement"),
    class!(V2, "Msvm_EthernetPortSettingDataComponent" < "CIM_Component"),
    class!(V2, "Msvm_BootSourceComponent" < "CIM_Component"),
    class!(V2, "Msvm_SnapshotOfVirtualSystem" < "CIM_Dependency"),
    class!(V2, "Msvm_MostCurrentSnapshotInBranch" < "CIM_Dependency"),
    // Known to Hyper-V, never present here: no pass-through disks, no screens, no planned systems.
    class!(V2, "Msvm_DiskDrive" < "CIM_DiskDrive" < "CIM_LogicalDevice", ELEMENT),
    class!(V2, "Msvm_Keyboard" < "CIM_Keyboard" < "CIM_LogicalDevice", ELEMENT),
    class!(V2, "Msvm_SyntheticDisplayController" < "CIM_DisplayController" < "CIM_LogicalDevice", ELEMENT),
    class!(V2, "Msvm_S3DisplayController" < "CIM_DisplayController" < "CIM_LogicalDevice", ELEMENT),
    class!(V2, "Msvm_VideoHead" < "CIM_LogicalDevice", ELEMENT),
    class!(V2, "Msvm_VideoHeadOnController"),
    class!(V2, "Msvm_PlannedComputerSystem" < "CIM_System", ELEMENT),
    class!(Namespace::CLUSTER, "MSCluster_Cluster" < "CIM_System"),
    class!(Namespace::CLUSTER, "MSCluster_Resource" < "MSCluster_LogicalElement"),
    class!(Namespace::CIMV2, "CIM_DataFile" < "CIM_LogicalFile" < "CIM_LogicalElement" < "CIM_ManagedSystemElement"),
    class!(Namespace::CIMV2, "Win32_PerfRawData_HvStats_HyperVHypervisorVirtualProcessor" < "Win32_PerfRawData" < "Win32_Perf" < "CIM_StatisticalInformation"),
];

const TABLES: [&[Class]; 2] = [CLASSES, provider::CLASSES];

const ASSOCIATIONS: [(&str, &str, &str); 9] = [
    ("Msvm_SettingsDefineState", "ManagedElement", "SettingData"),
    ("Msvm_VirtualSystemSettingDataComponent", "GroupComponent", "PartComponent"),
    ("Msvm_SettingDataComponent", "GroupComponent", "PartComponent"),
    ("Msvm_SystemDevice", "GroupComponent", "PartComponent"),
    ("Msvm_AffectedJobElement", "AffectedElement", "AffectingElement"),
    ("Msvm_EthernetPortSettingDataComponent", "GroupComponent", "PartComponent"),
    ("Msvm_BootSourceComponent", "GroupComponent", "PartComponent"),
    ("Msvm_SnapshotOfVirtualSystem", "Antecedent", "Dependent"),
    ("Msvm_MostCurrentSnapshotInBranch", "Antecedent", "Dependent"),
];

/// Every class that a host knows.
#[cfg(test)]
pub(crate) fn known() -> impl Iterator<Item = (&'static Namespace, &'static str)> {
    TABLES.into_iter().flatten().map(|c| (&c.namespace, c.name))
}

/// A host, as its WMI shows it.
pub(crate) struct HostMachine<'w> {
    world: &'w mut World,
    name: HostName,
    computer_name: String,
    caller: String,
}

impl<'w> HostMachine<'w> {
    /// `None` while the host is down.
    pub(crate) fn new(world: &'w mut World, name: &HostName) -> Option<Self> {
        let computer_name = world.host(name).filter(|h| h.is_up())?.windows.computer_name.clone();
        Some(Self { world, name: name.clone(), computer_name, caller: String::new() })
    }

    fn host(&self) -> Result<&Host, WmiError> {
        self.world.host(&self.name).ok_or_else(|| WmiError::new(WmiCode::Failed, "the host is gone"))
    }

    fn parts(&mut self) -> Result<(&mut Host, Surroundings<'_>), WmiError> {
        self.world.host_and_surroundings(&self.name).ok_or_else(|| WmiError::new(WmiCode::Failed, "the host is gone"))
    }

    fn objects(&self, host: &Host, class: &str) -> Vec<Object> {
        match class {
            "Msvm_ComputerSystem" => host.computer_systems(self.world.now()),
            "Msvm_VirtualEthernetSwitch" => host.switch_objects(),
            "Msvm_VirtualEthernetSwitchSettingData" => host.switch_settings(),
            _ if Service::of(class).is_some() => vec![service(class, &self.computer_name)],
            "Msvm_VirtualSystemSettingData" => host.system_settings(self.world.now()),
            "Msvm_BootSourceSettingData" => host.boot_source_objects(),
            "Msvm_EthernetSwitchPortVlanSettingData" => host.vlan_objects(),
            "Msvm_ReplicationRelationship" => host.replication_objects(),
            "MSCluster_Cluster" | "MSCluster_Resource" => host.cluster_objects(class),
            _ if class.ends_with("ComponentSettingData") => {
                host.guest_service_settings().filter(|o| o.instance.class().as_str() == class).collect()
            }
            "Msvm_HeartbeatComponent" | "Msvm_ShutdownComponent" | "Msvm_KvpExchangeComponent" => host.component_objects(class),
            "Msvm_GuestNetworkAdapterConfiguration" => host.guest_network_objects(),
            "Msvm_ExternalEthernetPort" => host.external_ports(),
            "Msvm_InternalEthernetPort" => host.internal_ports(),
            "Msvm_ConcreteJob" | "Msvm_StorageJob" => {
                let now = self.world.now();
                host.jobs.iter().map(|j| j.object(now)).filter(|o| o.instance.class().as_str() == class).collect()
            }
            "CIM_DataFile" => host.data_files(),
            _ if class.ends_with("SettingData") && class.starts_with("Msvm_") => {
                let mut all = host.definitions(class);
                all.extend(host.resource_objects(class));
                if class == "Msvm_EthernetPortAllocationSettingData" {
                    all.extend(host.switches.iter().flat_map(|s| host.port_objects(s)));
                }
                all
            }
            _ if ASSOCIATIONS.iter().any(|(name, ..)| *name == class) => links(host, class),
            _ if class.starts_with("Msvm_") => Vec::new(),
            _ if class.starts_with("Win32_Perf") && host.windows.counter_class(class).is_none() => Vec::new(),
            _ => provider::objects(&host.windows, class, &host.hardware(), &host.plugged(), self.world.now()),
        }
    }

    fn invoke_job(&mut self, target: &CimPath, method: &str, input: &CimInstance) -> Result<Output, WmiError> {
        let id = target.key("InstanceID").unwrap_or_default();
        let (host, cx) = self.parts()?;
        let job = host.jobs.iter().find(|j| j.id.eq_ignore_ascii_case(id));
        let job = job.ok_or_else(|| WmiError::new(WmiCode::NotFound, format!("no job {id}")))?;
        let errors = || match &job.stage {
            Stage::Failed(failure) => vec![
                CimInstance::new("Msvm_Error")
                    .with("Message", failure.message.as_str())
                    .with("MessageID", failure.code.to_string())
                    .with("CIMStatusCode", 1u32)
                    .with("ErrorSource", job.affects.clone().unwrap_or_default()),
            ],
            Stage::Running { .. } | Stage::Completed | Stage::Terminated | Stage::Killed => Vec::new(),
        };
        match () {
            () if method.eq_ignore_ascii_case("GetErrorEx") => Ok(Output::code(0).with("Errors", errors())),
            () if method.eq_ignore_ascii_case("GetError") => {
                Ok(Output::code(0).with("Error", errors().pop().map_or(CimValue::Null, CimValue::from)))
            }
            () if method.eq_ignore_ascii_case("KillJob") => Ok(Output::code(code::NOT_SUPPORTED.into())),
            () if method.eq_ignore_ascii_case("RequestStateChange") => {
                // Of the states that a job can be asked for, 4 is terminate and 5 kill.
                let ended = match input.unsigned("RequestedState") {
                    Ok(Some(4)) => Stage::Terminated,
                    Ok(Some(5)) => Stage::Killed,
                    _ => return Ok(Output::code(code::INVALID_PARAMETER.into())),
                };
                if !job.kind.can_be_cancelled() {
                    return Ok(Output::code(code::INVALID_STATE.into()));
                }
                Ok(Output::code(host.stop_job(id, ended, &cx).map_or(code::INVALID_STATE, |()| 0).into()))
            }
            () => Err(WmiError::method(target.class().as_str(), method)),
        }
    }

    /// Finds who has the method.
    fn run(&mut self, target: &CimPath, method: &str, input: &CimInstance) -> Result<Output, WmiError> {
        provider::concrete(&self.host()?.windows, &TABLES, target.namespace(), target.class().as_str())?;
        let class = *classes::concrete(&TABLES, target.namespace(), target.class().as_str())?
            .first()
            .ok_or_else(|| WmiError::new(WmiCode::InvalidClass, "no such class"))?;
        if let Some(service) = Service::of(class) {
            // The services are instances: without a key the call finds none.
            if !target.key("CreationClassName").is_some_and(|name| name.eq_ignore_ascii_case(class)) {
                return Err(WmiError::new(WmiCode::InvalidMethodParameters, format!("{class} needs the selector CreationClassName")));
            }
            let (host, mut cx) = self.parts()?;
            return service.invoke(host, method, input, &mut cx);
        }
        match class {
            "Msvm_ComputerSystem" if method.eq_ignore_ascii_case("RequestStateChange") => {
                let (host, mut cx) = self.parts()?;
                host.request_state_change(target, input, &mut cx)
            }
            "Msvm_ShutdownComponent" => {
                let (host, cx) = self.parts()?;
                host.invoke_shutdown(target, method, &cx)
            }
            "Msvm_ConcreteJob" | "Msvm_StorageJob" => self.invoke_job(target, method, input),
            "CIM_DataFile" => self.parts()?.0.invoke_data_file(target, method),
            _ if *target.namespace() == V2 || *target.namespace() == Namespace::CLUSTER => Err(WmiError::method(class, method)),
            _ => {
                if target.keys().next().is_some() {
                    self.get(target)?;
                }
                let (output, wish) = self.windows_call(|call| call.invoke(target, method, input))?;
                match wish {
                    Wish::Nothing => {}
                    // Nobody could switch a simulated host on again, so a shutdown is a restart too.
                    Wish::Restart | Wish::PowerOff => self.world.restart_host(&self.name),
                }
                Ok(output)
            }
        }
    }

    fn windows_call<T>(&mut self, run: impl FnOnce(&mut Call<'_>) -> Result<T, WmiError>) -> Result<T, WmiError> {
        let (host, cx) = self.parts()?;
        let (plugged, now) = (host.plugged(), cx.now);
        run(&mut Call { windows: &mut host.windows, plugged: &plugged, now, reached: None })
    }
}

fn service(class: &str, computer: &str) -> Object {
    let name = match class {
        "Msvm_ImageManagementService" => "vhdsvc",
        "Msvm_VirtualEthernetSwitchManagementService" => "nvspwmi",
        "Msvm_VirtualSystemSnapshotService" => "vssnapsvc",
        _ => "vmms",
    };
    let view = CimInstance::new(class)
        .with("CreationClassName", class)
        .with("Name", name)
        .with("SystemCreationClassName", "Msvm_ComputerSystem")
        .with("SystemName", computer)
        .with("ElementName", "Hyper-V Virtual Machine Management")
        .with("EnabledState", 2u16)
        .with("HealthState", 5u16)
        .with("OperationalStatus", vec![2u16])
        .with("Started", true)
        .with("StartMode", "Automatic")
        .with("Status", "OK");
    Object::keyed(&V2, view, &["CreationClassName", "Name", "SystemCreationClassName", "SystemName"])
}

/// The instances of the association `class`.
fn links(host: &Host, class: &str) -> Vec<Object> {
    let Some((name, left, right)) = ASSOCIATIONS.iter().find(|(name, ..)| *name == class) else { return Vec::new() };
    let link = |(a, b): (CimPath, CimPath)| Object::keyed(&V2, CimInstance::new(*name).with(left, a).with(right, b), &[left, right]);
    pairs(host, name).into_iter().map(link).collect()
}

fn pairs(host: &Host, association: &str) -> Vec<(CimPath, CimPath)> {
    let settings = |m: &super::machine::VirtualMachine| system_settings::path_of(&m.settings_id());
    match association {
        "Msvm_SettingsDefineState" => {
            let machines = host.machines.iter().map(|m| (computer_system::path_of(&m.id), settings(m)));
            let switches = host.switches.iter().map(|s| (super::resource_view::switch_path(&s.id), switch_service::settings_path(s)));
            machines.chain(switches).collect()
        }
        "Msvm_VirtualSystemSettingDataComponent" => {
            let devices = host.configurations().flat_map(|m| {
                let parts = host.resources_of(m).into_iter().chain(super::guest_service::guest_services_of(m));
                parts.map(move |o| (settings(m), o.path))
            });
            let ports = host
                .switches
                .iter()
                .flat_map(|s| host.port_objects(s).into_iter().map(move |o| (switch_service::settings_path(s), o.path)));
            devices.chain(ports).collect()
        }
        "Msvm_SettingDataComponent" => host.guest_network_links(),
        "Msvm_EthernetPortSettingDataComponent" => host.vlan_links(),
        "Msvm_BootSourceComponent" => {
            let of = |m: &'_ super::machine::VirtualMachine| {
                let own = settings(m);
                host.boot_sources_of(m).into_iter().map(move |o| (own.clone(), o.path)).collect::<Vec<_>>()
            };
            host.configurations().flat_map(of).collect()
        }
        "Msvm_SnapshotOfVirtualSystem" | "Msvm_MostCurrentSnapshotInBranch" => host.checkpoint_links(association),
        "Msvm_SystemDevice" => {
            let of = |m: &super::machine::VirtualMachine| {
                let system = computer_system::path_of(&m.id);
                host.components_of(m).into_iter().map(move |o| (system.clone(), o.path)).collect::<Vec<_>>()
            };
            host.machines.iter().flat_map(of).collect()
        }
        _ => {
            let affected = |j: &crate::job::Job| Some((j.affects.as_deref()?.parse().ok()?, j.path()));
            host.jobs.iter().filter_map(affected).collect()
        }
    }
}

impl Machine for HostMachine<'_> {
    fn computer_name(&self) -> &str {
        &self.computer_name
    }

    fn instances(&self, namespace: &Namespace, class: &str) -> Result<Vec<Object>, WmiError> {
        let host = self.host()?;
        // The clustering service brings its namespace with it.
        if *namespace == Namespace::CLUSTER && host.cluster.is_none() {
            return Err(WmiError::new(WmiCode::InvalidNamespace, format!("no namespace {namespace}")));
        }
        let concrete = provider::concrete(&host.windows, &TABLES, namespace, class)?;
        Ok(concrete.into_iter().flat_map(|c| self.objects(host, c)).collect())
    }

    fn associations(&self, namespace: &Namespace, path: &CimPath) -> Result<Vec<Association>, WmiError> {
        self.get(path)?;
        let host = self.host()?;
        let links = if *namespace == V2 {
            ASSOCIATIONS.iter().flat_map(|(class, ..)| links(host, class)).collect()
        } else if *namespace == Namespace::CIMV2 {
            self.objects(host, "Win32_ComputerSystemProcessor")
        } else {
            Vec::new()
        };
        Ok(ends(&links, path))
    }

    fn is_service(&self, namespace: &Namespace, class: &ClassName) -> bool {
        *namespace == V2 && Service::of(class.as_str()).is_some()
    }

    fn called_by(&mut self, user: &str) {
        user.clone_into(&mut self.caller);
    }

    fn desk(&mut self) -> Option<Desk<'_>> {
        Some(Desk::new(self.world, MachineId::Host(self.name.clone())))
    }

    fn invoke(&mut self, target: &CimPath, method: &str, input: &CimInstance) -> Result<Output, WmiError> {
        if Desk::has(target) {
            let machine = MachineId::Host(self.name.clone());
            return Desk::new(self.world, machine).invoke_process(target, method, input, &self.caller);
        }
        let output = self.run(target, method, input)?;
        if output.changes(method) {
            self.world.touched();
        }
        Ok(output)
    }

    fn put(&mut self, target: &CimPath, change: &CimInstance) -> Result<Object, WmiError> {
        self.get(target)?;
        self.windows_call(|call| call.put(target, change))?;
        self.world.touched();
        self.get(target)
    }

    fn create(&mut self, namespace: &Namespace, new: &CimInstance) -> Result<CimPath, WmiError> {
        provider::concrete(&self.host()?.windows, &TABLES, namespace, new.class().as_str())?;
        let path = self.windows_call(|call| call.create(new))?;
        self.world.touched();
        Ok(path)
    }

    fn delete(&mut self, target: &CimPath) -> Result<(), WmiError> {
        let path = self.get(target)?.path;
        self.windows_call(|call| call.delete(&path))?;
        self.world.touched();
        Ok(())
    }
}

/// A change that nobody asked for over the wire: a VM that is started because its host was.
pub(crate) fn start_by_itself(host: &mut Host, vm: &str, cx: &mut Surroundings<'_>) -> Submitted {
    use crate::host::power::{Power, PowerRequest};
    let Some(machine) = host.machine_mut(vm) else { return Submitted::Done };
    let before = machine.power;
    if !matches!(before, Power::Off | Power::Saved) {
        return Submitted::Done;
    }
    machine.power = Power::Starting;
    let change = Change::Power { vm: vm.to_owned(), before, request: PowerRequest::Start };
    host.submit(JobKind::Start, Some(computer_system::path_of(vm)), change, cx)
}
