//! What was just seen of one appliance: its host, its instances, and what is not ours but in the way.
//!
//! Guarantees: keyed by instance, so two may stand side by side; serialises to the JSON of `observe` and back; holds no
//! secret. Deliberately absent: any judgement (posture and differences are `plan`'s).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::desired::{BootDevice, IntegrationService, Offer, SecureBoot, StartAction, StartMode, StopAction};
use crate::names::{
    AdapterName, ApplianceName, ComputerName, DomainName, FleetName, HostPath, InstanceId, RoleName, RuleName, ServiceName, SwitchName,
    VmName,
};
use crate::seen::Seen;
use crate::units::{DiskSize, MacAddress, MemorySize};

/// One look at one appliance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Observed {
    /// Whose look this is.
    pub appliance: ApplianceName,
    /// When it was taken.
    pub at: jiff::Timestamp,
    /// The host.
    pub host: ObservedHost,
    /// VMs that bear our mark, by instance and role.
    pub instances: BTreeMap<InstanceId, ObservedInstance>,
    /// VMs without our mark, or with another fleet's or appliance's.
    pub foreign: Vec<ForeignVm>,
    /// Marks that two or more VMs bear.
    pub duplicates: Vec<DuplicateMark>,
    /// What bears a mark of ours that cannot be read. While there is anything, nobody knows what is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<UnreadableObject>,
}

impl Observed {
    /// Whether one of our VMs may be among those whose marks cannot be read: then none is known to be absent.
    #[must_use]
    pub fn hides_vms(&self) -> bool {
        self.unreadable.iter().any(|object| matches!(object, UnreadableObject::Vm { .. }))
    }
}

/// Something on the host that bears a line like our mark which says nothing that we understand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum UnreadableObject {
    /// A VM.
    Vm {
        /// Its name.
        name: VmName,
        /// What is wrong with the mark.
        says: String,
    },
    /// A virtual switch.
    Switch {
        /// Its name.
        name: SwitchName,
        /// What is wrong with the mark.
        says: String,
    },
}

/// The host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObservedHost {
    /// Its computer name.
    pub name: ComputerName,
    /// Windows version, `10.0.20348`.
    pub version: String,
    /// When it started; proves a reboot.
    pub booted_at: Seen<jiff::Timestamp>,
    /// Logical processors: the most a VM can have.
    pub processors: u32,
    /// Physical memory.
    pub memory: MemorySize,
    /// What of it nobody uses: neither VMs, ours or not, nor the host itself.
    #[serde(default = "not_observed")]
    pub free_memory: Seen<MemorySize>,
    /// Virtual switches.
    pub switches: Seen<BTreeMap<SwitchName, ObservedSwitch>>,
    /// Files that the wish names (images, disks), each looked for.
    pub files: BTreeMap<HostPath, Seen<ObservedFile>>,
    /// The VMs that its failover cluster has as roles, wherever they run; `Absent` when it is in no cluster.
    pub cluster: Seen<Vec<ClusterRole>>,
    /// Jobs that have not ended; while one that can create is among them, nothing is created.
    pub jobs: Seen<Vec<UnfinishedJob>>,
}

/// A VM that a failover cluster starts, stops and moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterRole {
    /// The VM's name, as the cluster knows it.
    pub vm: VmName,
    /// The node that has it now, where that is told.
    pub node: Option<ComputerName>,
}

/// A virtual switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObservedSwitch {
    /// How it is bound.
    pub kind: SwitchKind,
    /// Our mark in its notes, when it is ours.
    pub mark: Option<SwitchMark>,
    /// The host's own addresses on it; empty when the host has no port there.
    pub host_addresses: Vec<IpNet>,
    /// How many adapters of VMs (ours or not) are connected.
    pub connected: u32,
}

/// The mark of a switch that we made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SwitchMark {
    /// The fleet.
    pub fleet: FleetName,
    /// The appliance.
    pub appliance: ApplianceName,
}

/// How a switch is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SwitchKind {
    /// To a physical adapter; the host has a port on it or not.
    External {
        /// Whether the host shares it.
        host_shares: bool,
    },
    /// To the host only.
    Internal,
    /// To VMs only.
    Private,
}

/// A file on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObservedFile {
    /// Its size.
    pub size: DiskSize,
}

/// A Hyper-V job that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnfinishedJob {
    /// Its `InstanceID`.
    pub id: String,
    /// What it says it does.
    pub caption: String,
    /// Whether it can bring something into being (a VM, a disk, a switch), as far as the caption tells; `true` in doubt.
    pub creates: bool,
}

/// The VMs of one instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObservedInstance {
    /// By role. A role that is missing was looked for and is absent.
    pub vms: BTreeMap<RoleName, ObservedVm>,
}

/// One of our VMs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObservedVm {
    /// Its name.
    pub name: VmName,
    /// Its mark.
    pub mark: Mark,
    /// What else stands in its notes in our hand.
    pub remarks: Remarks,
    /// Its power state.
    pub power: PowerState,
    /// Virtual processors.
    pub processors: Seen<u32>,
    /// Startup memory.
    pub memory: Seen<MemorySize>,
    /// Whether the host changes its memory while it runs.
    pub dynamic_memory: Seen<bool>,
    /// What its firmware lets start; `Absent` on generation 1.
    pub secure_boot: Seen<SecureBoot>,
    /// What it tries to boot from, in this order, where the wish names an order; `Absent` on generation 1.
    #[serde(default = "not_observed")]
    pub boot_order: Seen<Vec<BootDevice>>,
    /// Whether the host offers these integration services to its guest: those that the wish names, as nobody asks for others.
    #[serde(default)]
    pub integration_services: BTreeMap<IntegrationService, Seen<Offer>>,
    /// Names of its checkpoints, in the order of their identifiers.
    pub checkpoints: Vec<String>,
    /// What it is to Hyper-V Replica; `Absent` when it is not replicated.
    pub replica: Seen<ReplicaRole>,
    /// Whether the host's failover cluster starts, stops and moves it.
    pub clustered: Seen<bool>,
    /// Disks that are attached.
    pub disks: Seen<Vec<HostPath>>,
    /// Synthetic adapters, by hardware address (names are not unique in Hyper-V).
    pub adapters: Seen<BTreeMap<MacAddress, ObservedAdapter>>,
    /// What the host does with it when the host starts.
    pub start_action: Seen<StartAction>,
    /// What the host does with it when the host stops.
    pub stop_action: Seen<StopAction>,
    /// SHA-1 thumbprint of the guest's listener, from its key-value pairs; lets us pin its certificate.
    pub listener: Seen<String>,
    /// The guest inside it.
    pub guest: Seen<ObservedGuest>,
    /// Names of services that its guest had when it was looked into last. No look tells them, and no observation keeps them: planning
    /// does, so that a guest that goes off comes back with the names that it had.
    #[serde(skip)]
    pub services_had: BTreeSet<ServiceName>,
}

/// What an observation holds that was written down before there was such a field.
fn not_observed<T>() -> Seen<T> {
    Seen::Unknown(crate::seen::Cause::NotObserved)
}

/// The one line in a VM's notes that makes it ours. Text form:
/// `trunkline/1 fleet=… appliance=… role=… instance=… spec=…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mark {
    /// The fleet.
    pub fleet: FleetName,
    /// The appliance.
    pub appliance: ApplianceName,
    /// The role.
    pub role: RoleName,
    /// The instance.
    pub instance: InstanceId,
    /// Digest of what cannot be observed, as it was when the VM was made.
    pub spec: String,
}

/// Further lines of ours in the notes; one line each, `trunkline: …`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Remarks {
    /// Set-up came to its end: the guest was seen good once (`trunkline: set up`). Its disk has served from then on.
    pub set_up: bool,
    /// Why the appliance takes no calls, and how to undo it by hand (`trunkline: down …`).
    pub down: Option<String>,
}

/// What a VM is to Hyper-V Replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReplicaRole {
    /// 1: it is copied to another host.
    Primary,
    /// 2: it is a copy, and must not run here.
    Replica,
    /// 3, 4 and whatever comes: a test of a copy, a copy's copy.
    Other(u16),
}

/// A VM's power state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PowerState {
    /// 2.
    Running,
    /// 3.
    Off,
    /// 6 (and fast-saved, 32779).
    Saved,
    /// 9.
    Paused,
    /// Between two states; looked at again later.
    Changing,
    /// Critical or not in the table.
    Other(u16),
}

/// A synthetic network adapter of a VM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObservedAdapter {
    /// Its name.
    pub name: AdapterName,
    /// The switch that it is connected to; `Absent` when it is unplugged.
    pub switch: Seen<SwitchName>,
    /// The VLAN that its port is in; `Absent` when it is in none, or the adapter hangs on nothing.
    pub vlan: Seen<u16>,
    /// Addresses that the integration services report for it.
    pub config: Seen<AdapterConfig>,
}

/// The IP configuration of an adapter, as the integration services report it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdapterConfig {
    /// Addresses with prefix length.
    pub addresses: Vec<IpNet>,
    /// Default gateways.
    pub gateways: Vec<IpAddr>,
    /// Name servers, in order.
    pub dns: Vec<IpAddr>,
    /// Whether the guest asks DHCP.
    pub dhcp: bool,
}

/// The guest operating system, seen from inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObservedGuest {
    /// Over which network we reached it.
    pub reach: Reach,
    /// Its computer name.
    pub computer: ComputerName,
    /// The domain that it belongs to; `Absent` in a workgroup.
    pub domain: Seen<DomainName>,
    /// When it started; proves a reboot.
    pub booted_at: jiff::Timestamp,
    /// A name that takes effect with the next restart only.
    pub pending_name: Option<ComputerName>,
    /// A domain that takes effect with the next restart only.
    pub pending_domain: Option<DomainName>,
    /// The watched services that exist.
    pub services: Seen<BTreeMap<ServiceName, ObservedService>>,
    /// The watched rules that exist: enabled or not.
    pub rules: Seen<BTreeMap<RuleName, RuleState>>,
    /// How many calls run, by the wish's counters; `Absent` where it names none.
    #[serde(default = "ObservedGuest::uncounted")]
    pub calls: Seen<u32>,
}

impl ObservedGuest {
    /// What is told of calls where nobody counts them.
    const fn uncounted() -> Seen<u32> {
        Seen::Absent
    }
}

/// How far we reach a guest; a later one includes the earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reach {
    /// Not at all.
    None,
    /// Through the host only: key-value pairs, address injection, power, adapters.
    HostOnly,
    /// Inside, over our own internal switch, temporary or not.
    Management,
    /// Inside, over a network of the product. The wish's watched network decides whether this is needed or [`Reach::Management`].
    Serving,
}

/// A Windows service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObservedService {
    /// Whether it runs.
    pub state: ServiceState,
    /// When it starts.
    pub start_mode: StartMode,
}

/// A Windows service's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ServiceState {
    /// Running.
    Running,
    /// Stopped.
    Stopped,
    /// On the way to running.
    Starting,
    /// On the way to stopped.
    Stopping,
    /// Paused, or on the way in or out of it.
    Paused,
}

/// A firewall rule's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RuleState {
    /// In force.
    Enabled,
    /// Not in force.
    Disabled,
}

/// A VM that is not ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForeignVm {
    /// Its name.
    pub name: VmName,
    /// Another owner's mark, when it bears one.
    pub mark: Option<Mark>,
    /// Its disks.
    pub disks: Vec<HostPath>,
    /// Its adapters' hardware addresses.
    pub macs: Vec<MacAddress>,
    /// Addresses that it is known to have.
    pub addresses: Vec<IpAddr>,
}

/// A mark that more than one VM bears.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DuplicateMark {
    /// The instance.
    pub instance: InstanceId,
    /// The role.
    pub role: RoleName,
    /// The VMs' names.
    pub vms: Vec<VmName>,
}
