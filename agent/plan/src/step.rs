//! One idempotent act, named by (instance, role, name) and never by a GUID.
//!
//! Guarantees: an act carries all that its doing needs besides the wish itself; whoever matches on [`Act`] matches
//! exhaustively, so a new act cannot be forgotten. Deliberately absent: how an act is done (that is `hyperv`'s).

use std::fmt;

use ipnet::IpNet;
use model::desired::{BootDevice, IntegrationService, Offer, SecureBoot, StartAction, StartMode, StopAction};
use model::names::{
    AdapterName, ComputerName, CredentialName, DomainName, HostPath, InstanceId, RoleName, RuleName, ServiceName, SwitchName, VmName,
};
use model::observed::{AdapterConfig, Mark, Reach, Remarks, SwitchMark};
use model::units::{MacAddress, MemorySize, Span};
use serde::{Deserialize, Serialize};

/// A step's stable name: `2.1/ad/create-disk`, `2.1/host/create-switch/Trunkline Management`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(String);

impl StepId {
    /// The name of `act` on `role` (or on the host) of `instance`.
    #[must_use]
    pub fn of(instance: &InstanceId, role: Option<&RoleName>, act: &Act) -> Self {
        let place = role.map_or("host", RoleName::as_str);
        let object = act.object();
        let separator = if object.is_empty() { "" } else { "/" };
        Self(format!("{instance}/{place}/{}{separator}{object}", act.verb()))
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its stable name, unique in the plan.
    pub id: StepId,
    /// The instance that it works on.
    pub instance: InstanceId,
    /// The role that it works on; `None` for the host itself.
    pub role: Option<RoleName>,
    /// What is done.
    pub act: Act,
    /// What it is done for.
    pub purpose: Purpose,
    /// What must be done first: ids of earlier steps of the same plan.
    pub after: Vec<StepId>,
    /// What must have ended first, well or not: ids of earlier steps of the same plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub behind: Vec<StepId>,
    /// What it does to serving.
    pub impact: Impact,
    /// The least reach that it needs.
    pub reach: Reach,
    /// How long it is expected to take, and when it is given up.
    pub time: StepTime,
}

impl Step {
    /// Whether, once it was asked for, nothing is left but to wait for what any look sees: it may take as long as it likes, keeps nobody
    /// from looking and planning, and whoever no longer wants it leaves it alone. Work that somebody decided on keeps its course.
    #[must_use]
    pub fn only_waits(&self) -> bool {
        match &self.act {
            Act::StartService { .. } => true,
            Act::HoldService { .. } => self.purpose == Purpose::Close,
            act => act.is_look(),
        }
    }

    /// A step of no plan: nothing comes before it, and it ends nobody's serving.
    #[must_use]
    pub fn alone((instance, role): (&InstanceId, &RoleName), act: Act, purpose: Purpose, reach: Reach) -> Self {
        Self {
            id: StepId::of(instance, Some(role), &act),
            instance: instance.clone(),
            role: Some(role.clone()),
            time: StepTime::declared(&act),
            act,
            purpose,
            after: Vec::new(),
            behind: Vec::new(),
            impact: Impact::None,
            reach,
        }
    }
}

/// What a step is done for. The gate and `mode` judge by this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Purpose {
    /// Builds what has never served.
    SetUp,
    /// Mends what differs from the wish without a change of the wish.
    Repair,
    /// Ends serving because of a fault.
    Close,
    /// Ends serving because planned work or maintenance asks for it.
    Drain,
    /// Brings a changed wish into force.
    Change,
    /// Lets calls return.
    Return,
    /// Deletes what is ours and no longer wished.
    Prune,
}

/// How long a step takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepTime {
    /// Declared at first, learned later.
    pub expected: Span,
    /// After this it has failed.
    pub timeout: Span,
}

/// What a step does to serving, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Impact {
    /// Nothing that a caller notices.
    None,
    /// One service restarts.
    ServiceRestart,
    /// The appliance takes no new calls.
    Drain,
    /// A VM goes off.
    VmPowerOff,
    /// The host restarts.
    HostReboot,
    /// The whole site is out.
    SiteOutage,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Act {
    /// Makes our internal switch, with our mark in its notes.
    CreateSwitch {
        /// Its name.
        switch: SwitchName,
        /// Our mark.
        mark: SwitchMark,
    },
    /// Gives the host's own adapter on our switch its address.
    AddressHost {
        /// The switch.
        switch: SwitchName,
        /// The host's address.
        address: IpNet,
    },
    /// Deletes our switch; nothing is connected to it any more.
    RemoveSwitch {
        /// Its name.
        switch: SwitchName,
    },
    /// Makes a differencing disk.
    CreateDisk {
        /// Where.
        path: HostPath,
        /// The role image beneath.
        parent: HostPath,
    },
    /// Makes the VM, generation 2, with its mark.
    DefineVm {
        /// Its name.
        vm: VmName,
        /// Its mark; nothing of ours is ever seen without one.
        mark: Mark,
    },
    /// Sets the number of virtual processors; the VM is off.
    SetProcessors {
        /// To this many.
        to: u32,
    },
    /// Sets static memory; the VM is off.
    SetMemory {
        /// To this much.
        to: MemorySize,
    },
    /// Sets what the firmware lets start; the VM is off.
    SetSecureBoot {
        /// To this template, or to none.
        to: SecureBoot,
    },
    /// Sets what the firmware tries first; the VM is off and has its disk and adapters.
    SetBootOrder {
        /// In this order; what is not named comes later.
        to: Vec<BootDevice>,
    },
    /// Lets the host offer an integration service to the guest, or not.
    SetIntegrationService {
        /// Which.
        service: IntegrationService,
        /// Whether.
        to: Offer,
    },
    /// Sets what the host does with the VM when the host starts.
    SetStartAction {
        /// To this.
        to: StartAction,
    },
    /// Sets what the host does with the VM when the host stops.
    SetStopAction {
        /// To this.
        to: StopAction,
    },
    /// Attaches a disk, with whatever of controller and drive is missing beneath it.
    AttachDisk {
        /// The disk.
        path: HostPath,
    },
    /// Adds a synthetic adapter, unconnected.
    AddAdapter {
        /// Its name.
        adapter: AdapterName,
        /// Its static hardware address.
        mac: MacAddress,
    },
    /// Connects an adapter to a switch.
    ConnectAdapter {
        /// Its name, for people.
        adapter: AdapterName,
        /// Its hardware address.
        mac: MacAddress,
        /// The switch.
        switch: SwitchName,
        /// The VLAN that its port is in from the first moment; `None` leaves the port as it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        vlan: Option<u16>,
    },
    /// Puts the port of an adapter that is connected already into another VLAN.
    SetVlan {
        /// The adapter's name, for people.
        adapter: AdapterName,
        /// Its hardware address.
        mac: MacAddress,
        /// The VLAN.
        to: u16,
    },
    /// Disconnects an adapter and keeps it.
    DisconnectAdapter {
        /// Its name, for people.
        adapter: AdapterName,
        /// Its hardware address.
        mac: MacAddress,
    },
    /// Removes an adapter.
    RemoveAdapter {
        /// Its name, for people.
        adapter: AdapterName,
        /// Its hardware address.
        mac: MacAddress,
    },
    /// Starts the VM, from off, saved or paused.
    StartVm,
    /// Shuts the guest down through the integration services; turns the VM off only when that fails to end in time. A saved
    /// or paused VM is resumed first.
    ShutDownVm,
    /// Writes our remarks into the notes, keeping the mark and other people's lines.
    WriteRemarks {
        /// What the remarks are to be.
        remarks: Remarks,
    },
    /// Writes the line of the notes again that says that the VM was set up, keeping all others.
    RestoreSetUp,
    /// Waits until the guest is up and can be looked into. A look: what it finds may add steps.
    AwaitGuest {
        /// Over which network the guest must answer: `Management` or `Serving`.
        over: Reach,
    },
    /// Sets the addresses of an adapter inside the guest, through the host.
    InjectAddress {
        /// Its name, for people.
        adapter: AdapterName,
        /// Its hardware address.
        mac: MacAddress,
        /// What it is to be.
        config: AdapterConfig,
    },
    /// Renames the guest; in force with the next restart.
    RenameGuest {
        /// To this.
        to: ComputerName,
    },
    /// Joins the guest to a domain; in force with the next restart.
    JoinDomain {
        /// The domain.
        domain: DomainName,
        /// Who may join machines.
        credential: CredentialName,
    },
    /// Restarts the guest and waits until it is up again.
    RestartGuest {
        /// What the restart brings into force.
        so_that: RestartReason,
    },
    /// Pauses a service and sets it to manual: it takes no new calls, and those that run go on.
    DrainService {
        /// The service.
        service: ServiceName,
    },
    /// Stops a service and sets it to manual, so that nothing routes calls here.
    HoldService {
        /// The service.
        service: ServiceName,
    },
    /// Starts a service.
    StartService {
        /// The service.
        service: ServiceName,
    },
    /// Sets a service's start mode back to the profile's.
    RestoreStartMode {
        /// The service.
        service: ServiceName,
        /// To this.
        to: StartMode,
    },
    /// Enables a firewall rule.
    EnableRule {
        /// The rule.
        rule: RuleName,
    },
    /// Deletes a VM that is off. Its disks stay.
    RemoveVm {
        /// Its name.
        vm: VmName,
    },
    /// Deletes a disk file of a VM of ours that is off and about to be removed: the VM goes last, as its mark is what
    /// tells that the file is ours.
    RemoveDisk {
        /// Where.
        path: HostPath,
    },
}

/// What a restart of a guest brings into force; keeps two restarts of one guest apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RestartReason {
    /// The new computer name.
    Renamed,
    /// The membership of the domain.
    Joined,
    /// A fresh start after services would not come up several times.
    Recovered {
        /// When the guest had started that is to be replaced: any other boot is the fresh one.
        from: jiff::Timestamp,
    },
}

impl RestartReason {
    /// As ids and people name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Renamed => "renamed",
            Self::Joined => "joined",
            Self::Recovered { .. } => "recovered",
        }
    }
}

impl Act {
    /// The act in a word, as ids and metrics use it.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::CreateSwitch { .. } => "create-switch",
            Self::AddressHost { .. } => "address-host",
            Self::RemoveSwitch { .. } => "remove-switch",
            Self::CreateDisk { .. } => "create-disk",
            Self::DefineVm { .. } => "define-vm",
            Self::SetProcessors { .. } => "set-processors",
            Self::SetMemory { .. } => "set-memory",
            Self::SetSecureBoot { .. } => "set-secure-boot",
            Self::SetBootOrder { .. } => "set-boot-order",
            Self::SetIntegrationService { .. } => "set-integration-service",
            Self::SetVlan { .. } => "set-vlan",
            Self::SetStartAction { .. } => "set-start-action",
            Self::SetStopAction { .. } => "set-stop-action",
            Self::AttachDisk { .. } => "attach-disk",
            Self::AddAdapter { .. } => "add-adapter",
            Self::ConnectAdapter { .. } => "connect-adapter",
            Self::DisconnectAdapter { .. } => "disconnect-adapter",
            Self::RemoveAdapter { .. } => "remove-adapter",
            Self::StartVm => "start-vm",
            Self::ShutDownVm => "shut-down-vm",
            Self::WriteRemarks { .. } => "write-remarks",
            Self::RestoreSetUp => "restore-set-up",
            Self::AwaitGuest { .. } => "await-guest",
            Self::InjectAddress { .. } => "inject-address",
            Self::RenameGuest { .. } => "rename-guest",
            Self::JoinDomain { .. } => "join-domain",
            Self::RestartGuest { .. } => "restart-guest",
            Self::DrainService { .. } => "drain-service",
            Self::HoldService { .. } => "hold-service",
            Self::StartService { .. } => "start-service",
            Self::RestoreStartMode { .. } => "restore-start-mode",
            Self::EnableRule { .. } => "enable-rule",
            Self::RemoveVm { .. } => "remove-vm",
            Self::RemoveDisk { .. } => "remove-disk",
        }
    }

    /// What distinguishes two acts of one verb on one VM; empty where there can be only one.
    #[must_use]
    pub fn object(&self) -> &str {
        match self {
            Self::CreateSwitch { switch, .. } | Self::AddressHost { switch, .. } | Self::RemoveSwitch { switch } => switch.as_str(),
            Self::AddAdapter { adapter, .. }
            | Self::ConnectAdapter { adapter, .. }
            | Self::SetVlan { adapter, .. }
            | Self::DisconnectAdapter { adapter, .. }
            | Self::RemoveAdapter { adapter, .. }
            | Self::InjectAddress { adapter, .. } => adapter.as_str(),
            Self::DrainService { service }
            | Self::HoldService { service }
            | Self::StartService { service }
            | Self::RestoreStartMode { service, .. } => service.as_str(),
            Self::EnableRule { rule } => rule.as_str(),
            Self::SetIntegrationService { service, .. } => service.as_str(),
            Self::RemoveDisk { path } => path.as_str(),
            Self::RestartGuest { so_that } => so_that.as_str(),
            Self::AwaitGuest { over } => match over {
                Reach::Serving => "serving",
                Reach::Management | Reach::HostOnly | Reach::None => "management",
            },
            Self::WriteRemarks { remarks } => match remarks {
                Remarks { down: Some(_), set_up: _ } => "down",
                Remarks { down: None, set_up: true } => "well",
                Remarks { down: None, set_up: false } => "new",
            },
            Self::CreateDisk { .. }
            | Self::DefineVm { .. }
            | Self::SetProcessors { .. }
            | Self::SetMemory { .. }
            | Self::SetSecureBoot { .. }
            | Self::SetBootOrder { .. }
            | Self::SetStartAction { .. }
            | Self::SetStopAction { .. }
            | Self::AttachDisk { .. }
            | Self::StartVm
            | Self::ShutDownVm
            | Self::RestoreSetUp
            | Self::RenameGuest { .. }
            | Self::JoinDomain { .. }
            | Self::RemoveVm { .. } => "",
        }
    }
}

impl StepTime {
    /// What is declared for an act before anything was learned.
    #[must_use]
    pub fn declared(act: &Act) -> Self {
        let (expected, timeout) = match act {
            Act::CreateSwitch { .. } | Act::RemoveSwitch { .. } | Act::AddressHost { .. } => (5, 120),
            Act::CreateDisk { .. } | Act::RemoveDisk { .. } => (10, 900),
            Act::DefineVm { .. } | Act::RemoveVm { .. } => (5, 180),
            Act::SetProcessors { .. }
            | Act::SetMemory { .. }
            | Act::SetSecureBoot { .. }
            | Act::SetBootOrder { .. }
            | Act::SetIntegrationService { .. }
            | Act::SetVlan { .. }
            | Act::SetStartAction { .. }
            | Act::SetStopAction { .. }
            | Act::WriteRemarks { .. }
            | Act::RestoreSetUp => (2, 60),
            Act::AttachDisk { .. }
            | Act::AddAdapter { .. }
            | Act::ConnectAdapter { .. }
            | Act::DisconnectAdapter { .. }
            | Act::RemoveAdapter { .. } => (3, 120),
            Act::StartVm => (10, 300),
            // A guest may install updates while it goes down: it is turned off after half of that.
            Act::ShutDownVm => (90, 3_600),
            Act::AwaitGuest { .. } => (180, 1_800),
            Act::InjectAddress { .. } => (20, 300),
            Act::RenameGuest { .. } | Act::JoinDomain { .. } => (15, 300),
            Act::RestartGuest { .. } => (180, 1_800),
            Act::DrainService { .. } => (5, 120),
            Act::HoldService { .. } => (30, 600),
            Act::StartService { .. } => (60, 600),
            Act::RestoreStartMode { .. } | Act::EnableRule { .. } => (3, 60),
        };
        Self { expected: Span::from_secs(expected), timeout: Span::from_secs(timeout) }
    }
}

impl Act {
    /// Whether what it finds may add steps: the engine observes and plans again after it.
    #[must_use]
    pub fn is_look(&self) -> bool {
        matches!(self, Self::AwaitGuest { .. })
    }

    /// Whether it brings something into being that a second run could make twice, and that any job may be making. An adapter is added by
    /// a job of its own VM, so whoever adds it asks for those.
    #[must_use]
    pub fn creates(&self) -> bool {
        matches!(self, Self::CreateSwitch { .. } | Self::CreateDisk { .. } | Self::DefineVm { .. } | Self::AttachDisk { .. })
    }
}

impl Impact {
    /// In a few words, for people.
    #[must_use]
    pub fn says(self) -> &'static str {
        match self {
            Self::None => "nobody notices",
            Self::ServiceRestart => "restarts a service",
            Self::Drain => "takes no calls meanwhile",
            Self::VmPowerOff => "takes no calls meanwhile, a VM goes off",
            Self::HostReboot => "the host restarts",
            Self::SiteOutage => "the whole site is out",
        }
    }
}
