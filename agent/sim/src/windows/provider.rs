//! The classes of `root/cimv2` and `root/StandardCimv2` that every Windows has, host or guest.
//!
//! Guarantees: a restart is only wished for here; whoever owns the hardware carries it out.
//! Deliberately absent: classes that only a host has.

use jiff::Timestamp;
use wsman::cim::{CimInstance, CimPath, Namespace};

use crate::classes::{self, Class};
use crate::machine::{Object, Output, WmiCode, WmiError};
use crate::windows::domain::Domain;
use crate::windows::system::Hardware;
use crate::windows::{Plugged, Windows, log_view, update};

const ENABLED: &[&str] = &["CIM_EnabledLogicalElement", "CIM_LogicalElement", "CIM_ManagedSystemElement", "CIM_ManagedElement"];
const LOGICAL: &[&str] = &["CIM_LogicalElement", "CIM_ManagedSystemElement"];

/// The classes that [`objects`] knows.
pub(crate) const CLASSES: &[Class] = &[
    Class::new(Namespace::CIMV2, "Win32_ComputerSystem", &["CIM_UnitaryComputerSystem", "CIM_ComputerSystem", "CIM_System"], LOGICAL),
    Class::new(Namespace::CIMV2, "Win32_ComputerSystemProduct", &["CIM_Product"], &[]),
    Class::new(Namespace::CIMV2, "Win32_OperatingSystem", &["CIM_OperatingSystem"], LOGICAL),
    Class::new(Namespace::CIMV2, "Win32_Processor", &["CIM_Processor", "CIM_LogicalDevice"], LOGICAL),
    Class::new(Namespace::CIMV2, "Win32_Process", &["CIM_Process"], LOGICAL),
    Class::new(Namespace::CIMV2, "Win32_LogicalDisk", &["CIM_LogicalDisk", "CIM_StorageExtent", "CIM_LogicalDevice"], LOGICAL),
    Class::new(Namespace::CIMV2, "Win32_Service", &["Win32_BaseService", "CIM_Service"], LOGICAL),
    Class::new(Namespace::CIMV2, "StdRegProv", &[], &[]),
    Class::new(Namespace::CIMV2, "Win32_NetworkAdapterConfiguration", &["CIM_Setting"], &[]),
    Class::new(
        Namespace::CIMV2,
        "Win32_ComputerSystemProcessor",
        &["Win32_SystemDevices", "CIM_SystemDevice", "CIM_SystemComponent", "CIM_Component"],
        &[],
    ),
    Class::new(Namespace::CIMV2, "Win32_DependentService", &["CIM_ServiceServiceDependency", "CIM_Dependency"], &[]),
    Class::new(
        Namespace::STANDARD_CIMV2,
        "MSFT_NetFirewallRule",
        &["CIM_PolicyRule", "CIM_PolicySet", "CIM_Policy", "CIM_ManagedElement"],
        &[],
    ),
    Class::new(Namespace::STANDARD_CIMV2, "MSFT_NetAdapter", &["CIM_NetworkPort", "CIM_LogicalPort", "CIM_LogicalDevice"], ENABLED),
    Class::new(
        Namespace::STANDARD_CIMV2,
        "MSFT_NetIPAddress",
        &["CIM_IPProtocolEndpoint", "CIM_ProtocolEndpoint", "CIM_ServiceAccessPoint"],
        ENABLED,
    ),
    Class::new(
        Namespace::STANDARD_CIMV2,
        "MSFT_NetIPInterface",
        &["CIM_LANEndpoint", "CIM_ProtocolEndpoint", "CIM_ServiceAccessPoint"],
        ENABLED,
    ),
    Class::new(
        Namespace::STANDARD_CIMV2,
        "MSFT_DNSClientServerAddress",
        &["CIM_RemoteServiceAccessPoint", "CIM_ServiceAccessPoint"],
        ENABLED,
    ),
    Class::new(Namespace::STANDARD_CIMV2, "MSFT_NetRoute", &["CIM_NextHopRoute", "CIM_ManagedElement"], &[]),
    Class::new(Namespace::STANDARD_CIMV2, "MSFT_NetFirewallProfile", &["CIM_ManagedElement"], &[]),
    Class::new(Namespace::STANDARD_CIMV2, "MSFT_NetProtocolPortFilter", &["CIM_FilterEntryBase"], LOGICAL),
    Class::new(Namespace::DEFAULT, "StdRegProv", &[], &[]),
    Class::new(Namespace::CIMV2, "Win32_TimeZone", &["CIM_Setting"], &[]),
    Class::new(Namespace::CIMV2, "Win32_UTCTime", &["Win32_CurrentTime"], &[]),
    Class::new(Namespace::CIMV2, "Win32_NTLogEvent", &[], &[]),
    Class::new(Namespace::CIMV2, "Win32_OptionalFeature", &[], LOGICAL),
    Class::new(Namespace::CIMV2, "Win32_QuickFixEngineering", &[], LOGICAL),
    Class::new(Namespace::WINDOWS_UPDATE, "MSFT_WUOperations", &[], &[]),
    Class::new(Namespace::WINDOWS_UPDATE, "MSFT_WUOperationsSession", &[], &[]),
    Class::new(Namespace::WINDOWS_UPDATE, "MSFT_WUSettings", &[], &[]),
    Class::new(Namespace::DEFENDER, "MSFT_MpPreference", &[], &[]),
    Class::new(Namespace::DEFENDER, "MSFT_MpComputerStatus", &["BaseStatus"], &[]),
];

/// The concrete classes that `wanted` stands for on this very Windows: some come with a version or a feature.
pub(crate) fn concrete<'t>(
    windows: &'t Windows,
    tables: &[&'t [Class]],
    namespace: &Namespace,
    wanted: &str,
) -> Result<Vec<&'t str>, WmiError> {
    if *namespace == Namespace::DEFENDER && windows.setup.defender.is_none() {
        return Err(no_defender());
    }
    if *namespace == Namespace::WINDOWS_UPDATE {
        update::has_class(&windows.version, wanted)?;
    }
    match windows.counter_class(wanted) {
        Some(name) if *namespace == Namespace::CIMV2 => Ok(vec![name]),
        _ => classes::concrete(tables, namespace, wanted),
    }
}

fn no_defender() -> WmiError {
    WmiError::new(WmiCode::InvalidNamespace, "Defender is not installed")
}

/// What a method asks of the hardware below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Wish {
    Nothing,
    Restart,
    PowerOff,
}

/// Everything that a method of this Windows may look at.
pub(crate) struct Call<'a> {
    pub(crate) windows: &'a mut Windows,
    pub(crate) plugged: &'a [Plugged],
    pub(crate) now: Timestamp,
    /// The domain whose directory answers this system's DNS questions.
    pub(crate) reached: Option<&'a Domain>,
}

/// The instances of the concrete class `class`, which [`CLASSES`] lists.
pub(crate) fn objects(windows: &Windows, class: &str, hardware: &Hardware, plugged: &[Plugged], now: Timestamp) -> Vec<Object> {
    match class {
        "Win32_Service" => windows.service_objects(),
        "MSFT_NetFirewallRule" => windows.rule_objects(),
        "MSFT_NetProtocolPortFilter" => windows.filter_objects(),
        "MSFT_NetFirewallProfile" => windows.setup.firewall.objects(),
        "Win32_NetworkAdapterConfiguration"
        | "MSFT_NetAdapter"
        | "MSFT_NetIPAddress"
        | "MSFT_NetIPInterface"
        | "MSFT_NetRoute"
        | "MSFT_DNSClientServerAddress" => windows.address_objects(class, plugged),
        // Their methods are static.
        "StdRegProv" | "MSFT_WUOperations" | "MSFT_WUSettings" => Vec::new(),
        "MSFT_WUOperationsSession" => windows.setup.updates.session_objects(),
        "Win32_QuickFixEngineering" => windows.software.hotfix_objects(&windows.computer_name),
        "MSFT_MpPreference" | "MSFT_MpComputerStatus" => {
            windows.setup.defender.iter().map(|defender| defender.object(class, &hardware.uuid)).collect()
        }
        "Win32_TimeZone" => vec![windows.setup.clock.zone_object()],
        "Win32_NTLogEvent" => log_view::objects(&windows.log, &windows.computer_name),
        "Win32_UTCTime" => vec![windows.setup.clock.utc_object(now)],
        "Win32_OptionalFeature" => windows.software.feature_objects(),
        _ if windows.counter_class(class).is_some() => windows.counter_objects(class, now),
        "Win32_ComputerSystemProcessor" => processor_links(windows, hardware, now),
        "Win32_DependentService" => windows.service_links(),
        "Win32_Process" => windows.process_objects(),
        _ => windows.system_objects(class, hardware, now),
    }
}

fn processor_links(windows: &Windows, hardware: &Hardware, now: Timestamp) -> Vec<Object> {
    let systems = windows.system_objects("Win32_ComputerSystem", hardware, now);
    let processors = windows.system_objects("Win32_Processor", hardware, now);
    let pairs = systems.iter().flat_map(|s| processors.iter().map(move |p| (s, p)));
    pairs
        .map(|(system, processor)| {
            let link = CimInstance::new("Win32_ComputerSystemProcessor")
                .with("GroupComponent", system.path.clone())
                .with("PartComponent", processor.path.clone());
            Object::keyed(&Namespace::CIMV2, link, &["GroupComponent", "PartComponent"])
        })
        .collect()
}

impl Call<'_> {
    /// Runs `method` of the instance or class at `target`.
    pub(crate) fn invoke(&mut self, target: &CimPath, method: &str, input: &CimInstance) -> Result<(Output, Wish), WmiError> {
        let class = target.class();
        let key =
            |name: &str| target.key(name).ok_or_else(|| WmiError::new(WmiCode::InvalidParameter, format!("{class} needs the key {name}")));
        let is = |name: &str| class.as_str().eq_ignore_ascii_case(name);
        let still = |output: Output| (output, Wish::Nothing);
        match () {
            () if is("Win32_Service") => self.windows.invoke_service(key("Name")?, method, input, self.now).map(still),
            () if is("MSFT_NetFirewallRule") => self.windows.invoke_rule(key("InstanceID")?, method).map(still),
            () if is("Win32_NetworkAdapterConfiguration") => {
                let index = key("Index")?.parse().map_err(|_| WmiError::new(WmiCode::NotFound, "an index is a number"))?;
                self.windows.invoke_configuration(index, method, input, self.plugged).map(still)
            }
            () if is("MSFT_NetAdapter") => self.windows.invoke_adapter(key("DeviceID")?, method, input).map(still),
            () if is("MSFT_NetIPAddress") && method.eq_ignore_ascii_case("Create") => self.windows.create_address(input).map(still),
            () if is("StdRegProv") => self.windows.invoke_registry(method, input).map(still),
            () if is("MSFT_WUOperations") => self.windows.update_operation(method, input, self.now).map(still),
            () if is("MSFT_WUOperationsSession") => self.windows.update_session(method, input, self.now).map(still),
            () if is("MSFT_WUSettings") => self.windows.update_settings(method).map(still),
            () if is("MSFT_MpPreference") => match &mut self.windows.setup.defender {
                Some(defender) => defender.invoke(method, input).map(still),
                None => Err(no_defender()),
            },
            () if is("Win32_ComputerSystem") => self.computer_system(method, input).map(still),
            () if is("Win32_OperatingSystem") => operating_system(method, input),
            () => Err(WmiError::method(class.as_str(), method)),
        }
    }

    /// Changes properties; only rules and interfaces can be written.
    pub(crate) fn put(&mut self, target: &CimPath, change: &CimInstance) -> Result<(), WmiError> {
        let class = target.class().as_str();
        let missing = || WmiError::new(WmiCode::NotFound, format!("no such {class}"));
        if class.eq_ignore_ascii_case("MSFT_NetFirewallRule") {
            return self.windows.put_rule(target.key("InstanceID").ok_or_else(missing)?, change);
        }
        if class.eq_ignore_ascii_case("MSFT_NetIPInterface") {
            let index = target.key("Name").and_then(|n| n.split_once('?')).and_then(|(n, _)| n.parse().ok()).ok_or_else(missing)?;
            let adapter = self.windows.adapter_mut(index).ok_or_else(missing)?;
            if change.unsigned("Dhcp").ok().flatten() == Some(1) {
                adapter.set_static(Vec::new());
            }
            return Ok(());
        }
        Err(WmiError::not_capable(class))
    }

    /// Makes an instance; only sessions of Windows Update can be.
    pub(crate) fn create(&mut self, new: &CimInstance) -> Result<CimPath, WmiError> {
        match new.class().as_str().eq_ignore_ascii_case("MSFT_WUOperationsSession") {
            true => Ok(self.windows.setup.updates.begin()),
            false => Err(WmiError::not_capable(new.class().as_str())),
        }
    }

    /// Deletes an instance; only addresses can be.
    pub(crate) fn delete(&mut self, target: &CimPath) -> Result<(), WmiError> {
        match (target.class().as_str().eq_ignore_ascii_case("MSFT_NetIPAddress"), target.key("Name")) {
            (true, Some(name)) => self.windows.delete_address(name),
            _ => Err(WmiError::not_capable(target.class().as_str())),
        }
    }

    fn computer_system(&mut self, method: &str, input: &CimInstance) -> Result<Output, WmiError> {
        let code = match () {
            () if method.eq_ignore_ascii_case("Rename") => self.windows.rename(input, self.reached),
            () if method.eq_ignore_ascii_case("JoinDomainOrWorkgroup") => self.windows.join(input, self.reached),
            () if method.eq_ignore_ascii_case("UnjoinDomainOrWorkgroup") => self.windows.unjoin(input, self.reached),
            () => return Err(WmiError::method("Win32_ComputerSystem", method)),
        };
        Ok(Output::code(code))
    }
}

fn operating_system(method: &str, input: &CimInstance) -> Result<(Output, Wish), WmiError> {
    let flags = input.unsigned("Flags").ok().flatten();
    let (code, wish) = match () {
        () if method.eq_ignore_ascii_case("Reboot") => (0, Wish::Restart),
        () if method.eq_ignore_ascii_case("Shutdown") => (0, Wish::PowerOff),
        () if method.eq_ignore_ascii_case("Win32Shutdown") => match flags {
            // Bit 4 is force; 1 and 8 end in power off.
            Some(2 | 6) => (0, Wish::Restart),
            Some(1 | 5 | 8 | 12) => (0, Wish::PowerOff),
            Some(0 | 4) => (0, Wish::Nothing),
            // ERROR_INVALID_PARAMETER
            _ => (87, Wish::Nothing),
        },
        () => return Err(WmiError::method("Win32_OperatingSystem", method)),
    };
    Ok((Output::code(code), wish))
}
