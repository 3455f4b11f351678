//! Names of the classes that we ask for, and the property values that Hyper-V gives meaning to.
//!
//! Guarantees: a class name, sub-type or code that appears on the wire is spelt here and nowhere else.
//! Deliberately absent: property names, which stand where they are read; their spelling is the class table's matter.

use model::desired::IntegrationService;

/// Virtual machines and the host itself.
pub(crate) const COMPUTER_SYSTEM: &str = "Msvm_ComputerSystem";
/// What a VM is set to; snapshots have one of their own.
pub(crate) const SYSTEM_SETTINGS: &str = "Msvm_VirtualSystemSettingData";
/// Virtual processors.
pub(crate) const PROCESSOR: &str = "Msvm_ProcessorSettingData";
/// Memory.
pub(crate) const MEMORY: &str = "Msvm_MemorySettingData";
/// Controllers and drives.
pub(crate) const RESOURCE: &str = "Msvm_ResourceAllocationSettingData";
/// Disks in drives.
pub(crate) const STORAGE: &str = "Msvm_StorageAllocationSettingData";
/// Network adapters of VMs.
pub(crate) const ADAPTER: &str = "Msvm_SyntheticEthernetPortSettingData";
/// Connections of adapters to switches, and of switches to the host's ports.
pub(crate) const CONNECTION: &str = "Msvm_EthernetPortAllocationSettingData";
/// Switches.
pub(crate) const SWITCH: &str = "Msvm_VirtualEthernetSwitch";
/// What a switch is set to.
pub(crate) const SWITCH_SETTINGS: &str = "Msvm_VirtualEthernetSwitchSettingData";
/// The host's own adapters on switches.
pub(crate) const INTERNAL_PORT: &str = "Msvm_InternalEthernetPort";
/// Signs of life of guests.
pub(crate) const HEARTBEAT: &str = "Msvm_HeartbeatComponent";
/// Key-value pairs of guests.
pub(crate) const KEY_VALUES: &str = "Msvm_KvpExchangeComponent";
/// The way to shut a guest down.
pub(crate) const SHUTDOWN: &str = "Msvm_ShutdownComponent";
/// IP configuration of adapters inside guests, seen and set through the host.
pub(crate) const GUEST_NETWORK: &str = "Msvm_GuestNetworkAdapterConfiguration";
/// Jobs of the VM management service.
pub(crate) const JOB: &str = "Msvm_ConcreteJob";
/// Jobs of the image management service.
pub(crate) const STORAGE_JOB: &str = "Msvm_StorageJob";
/// What a disk file is.
pub(crate) const DISK_SETTINGS: &str = "Msvm_VirtualHardDiskSettingData";
/// The service that defines and changes VMs.
pub(crate) const VM_SERVICE: &str = "Msvm_VirtualSystemManagementService";
/// The service that defines and removes switches.
pub(crate) const SWITCH_SERVICE: &str = "Msvm_VirtualEthernetSwitchManagementService";
/// The service that makes disk files.
pub(crate) const IMAGE_SERVICE: &str = "Msvm_ImageManagementService";

/// VLANs of ports.
pub(crate) const VLAN: &str = "Msvm_EthernetSwitchPortVlanSettingData";
/// What a generation 2 VM can boot from.
pub(crate) const BOOT_SOURCE: &str = "Msvm_BootSourceSettingData";
/// The service that makes checkpoints.
pub(crate) const SNAPSHOT_SERVICE: &str = "Msvm_VirtualSystemSnapshotService";
/// What a failover cluster starts, stops and moves.
pub(crate) const CLUSTER_RESOURCE: &str = "MSCluster_Resource";

/// What each integration service of a VM is set to.
pub(crate) fn integration(service: IntegrationService) -> &'static str {
    match service {
        IntegrationService::Heartbeat => "Msvm_HeartbeatComponentSettingData",
        IntegrationService::Shutdown => "Msvm_ShutdownComponentSettingData",
        IntegrationService::DataExchange => "Msvm_KvpExchangeComponentSettingData",
        IntegrationService::TimeSync => "Msvm_TimeSyncComponentSettingData",
        IntegrationService::Backup => "Msvm_VssComponentSettingData",
        IntegrationService::FileCopy => "Msvm_GuestServiceInterfaceComponentSettingData",
    }
}

/// The running Windows.
pub(crate) const OPERATING_SYSTEM: &str = "Win32_OperatingSystem";
/// The machine that Windows runs on.
pub(crate) const WINDOWS_COMPUTER: &str = "Win32_ComputerSystem";
/// IP configuration, the classic way.
pub(crate) const IP_CONFIGURATION: &str = "Win32_NetworkAdapterConfiguration";
/// Files.
pub(crate) const DATA_FILE: &str = "CIM_DataFile";
/// Services.
pub(crate) const SERVICE: &str = "Win32_Service";
/// The registry.
pub(crate) const REGISTRY: &str = "StdRegProv";
/// Firewall rules.
pub(crate) const FIREWALL_RULE: &str = "MSFT_NetFirewallRule";

/// Volumes.
pub(crate) const LOGICAL_DISK: &str = "Win32_LogicalDisk";
/// Events of the classic logs.
pub(crate) const LOG_EVENT: &str = "Win32_NTLogEvent";
/// The time zone.
pub(crate) const TIME_ZONE: &str = "Win32_TimeZone";
/// Optional features.
pub(crate) const OPTIONAL_FEATURE: &str = "Win32_OptionalFeature";
/// Installed updates.
pub(crate) const HOTFIX: &str = "Win32_QuickFixEngineering";
/// The firewall's profiles.
pub(crate) const FIREWALL_PROFILE: &str = "MSFT_NetFirewallProfile";
/// Protocol and ports of firewall rules.
pub(crate) const PORT_FILTER: &str = "MSFT_NetProtocolPortFilter";
/// Addresses.
pub(crate) const IP_ADDRESS: &str = "MSFT_NetIPAddress";
/// Routes.
pub(crate) const ROUTE: &str = "MSFT_NetRoute";
/// Adapters.
pub(crate) const NET_ADAPTER: &str = "MSFT_NetAdapter";
/// The name servers that adapters ask.
pub(crate) const NAME_SERVERS: &str = "MSFT_DNSClientServerAddress";
/// Windows Update from Windows Server 2019 on.
pub(crate) const UPDATE_OPERATIONS: &str = "MSFT_WUOperations";
/// Windows Update of Windows Server 2016.
pub(crate) const UPDATE_SESSION: &str = "MSFT_WUOperationsSession";
/// What Windows Update says of itself.
pub(crate) const UPDATE_SETTINGS: &str = "MSFT_WUSettings";
/// What Defender is set to.
pub(crate) const DEFENDER_PREFERENCE: &str = "MSFT_MpPreference";
/// How Defender is.
pub(crate) const DEFENDER_STATUS: &str = "MSFT_MpComputerStatus";

/// `ResourceType` and `ResourceSubType` of what is added to a VM.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resource {
    /// `ResourceType`.
    pub(crate) kind: u16,
    /// `ResourceSubType`.
    pub(crate) sub_type: &'static str,
}

/// A SCSI controller; a generation 2 VM begins without one.
pub(crate) const SCSI_CONTROLLER: Resource = Resource { kind: 6, sub_type: "Microsoft:Hyper-V:Synthetic SCSI Controller" };
/// A drive for a disk.
pub(crate) const DISK_DRIVE: Resource = Resource { kind: 17, sub_type: "Microsoft:Hyper-V:Synthetic Disk Drive" };
/// A disk file in a drive.
pub(crate) const HARD_DISK: Resource = Resource { kind: 31, sub_type: "Microsoft:Hyper-V:Virtual Hard Disk" };
/// A synthetic adapter.
pub(crate) const ETHERNET_PORT: Resource = Resource { kind: 10, sub_type: "Microsoft:Hyper-V:Synthetic Ethernet Port" };
/// An adapter's or port's connection to a switch.
pub(crate) const ETHERNET_CONNECTION: Resource = Resource { kind: 33, sub_type: "Microsoft:Hyper-V:Ethernet Connection" };

/// `VirtualSystemType` of the settings that a VM has now; a snapshot's is another.
pub(crate) const REALIZED: &str = "Microsoft:Hyper-V:System:Realized";
/// Part of the `VirtualSystemType` of snapshots of whatever kind, lower case.
pub(crate) const SNAPSHOT: &str = ":snapshot:";
/// `VirtualSystemSubType` of a generation 2 VM.
pub(crate) const GENERATION_2: &str = "Microsoft:Hyper-V:SubType:2";
/// `Type` of a differencing disk.
pub(crate) const DIFFERENCING: u16 = 4;
/// `Format` of a VHDX file.
pub(crate) const VHDX: u16 = 3;
/// `EnabledState` of a connection that is plugged in.
pub(crate) const PLUGGED: u16 = 2;
/// `EnabledState` of a connection that is unplugged and keeps its switch.
pub(crate) const UNPLUGGED: u16 = 3;

/// `OperationMode` of a port that is in one VLAN.
pub(crate) const VLAN_ACCESS: u32 = 1;
/// `Type` of the resource that stands for a VM in a cluster.
pub(crate) const CLUSTER_VM: &str = "Virtual Machine";
/// `SecureBootTemplateId` of what Microsoft signed as Windows.
pub(crate) const TEMPLATE_WINDOWS: &str = "1734C6E8-3154-4DDA-BA5F-A874CC483422";
/// The same of what Microsoft's authority for UEFI signed.
pub(crate) const TEMPLATE_UEFI: &str = "272E7447-90A4-4563-A4B9-8E4AB00526CE";
/// The same of shielded systems of open source.
pub(crate) const TEMPLATE_SHIELDED: &str = "4292AE2B-EE2C-42B5-A969-DD8F8689F6F3";

/// The key-value pair in which a guest publishes the thumbprint of its listener's certificate (image contract).
pub(crate) const LISTENER_PAIR: &str = "trunkline.listener";
