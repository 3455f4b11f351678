//! The resolved wish for one appliance: every default applied, every reference followed, every derived name worked out.
//!
//! Guarantees: two equal `Desired` ask for the same thing, so an unchanged one need not be queued; an `Option` that is
//! `None` is a field that the manifest leaves out, and nobody touches it. What appliances of a site have in common is shared. Made only
//! by `resolve`.
//! Deliberately absent: where a value came from (that is `explain`'s), the revision (that is `Snapshot`'s), secrets.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::names::{
    AdapterName, ApplianceName, ComputerName, CounterName, CredentialName, DomainName, FleetName, HostPath, InstanceId, NetworkName,
    ProfileName, ReleaseName, RoleName, RuleName, ServiceName, SiteName, SwitchName, VmName, WindowName,
};
use crate::units::{DiskSize, MacAddress, MemorySize, Span};
use crate::window::Window;

/// The wish for one appliance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Desired {
    /// The fleet, as marks name it.
    pub fleet: FleetName,
    /// The site.
    pub site: SiteName,
    /// The appliance.
    pub appliance: ApplianceName,
    /// How much the agent may do here.
    pub mode: Mode,
    /// The catalogue that the release needs.
    pub profile: ProfileName,
    /// The release that is to serve.
    pub release: ReleaseName,
    /// The VM set of that release on this appliance.
    pub instance: InstanceId,
    /// The Hyper-V host.
    pub host: DesiredHost,
    /// Every network that an adapter of this appliance uses.
    pub networks: Arc<BTreeMap<NetworkName, DesiredNetwork>>,
    /// The VMs, in role order (what others depend on comes first).
    pub roles: Vec<DesiredRole>,
    /// What is watched, how often, and how patiently.
    pub watch: Watch,
    /// How calls are brought to an end before anything that hurts.
    pub drain: Drain,
    /// The promise of the site.
    pub availability: Availability,
    /// Which appliance of the site goes first.
    pub leader: ApplianceName,
    /// The other appliances of the site, by name.
    pub peers: Vec<ApplianceName>,
    /// Windows for work that disrupts serving (release changes, power-offs); empty: any time.
    pub windows: Arc<BTreeMap<WindowName, Window>>,
    /// Maintenance that a person asked for.
    pub maintenance: Option<Maintenance>,
    /// Whether what is ours and no longer wished may be deleted.
    pub prune: bool,
    /// How often an instance that never served may be rebuilt.
    pub install_attempts: u32,
    /// How recovery is retried.
    pub recovery: Recovery,
    /// Product settings by dotted path, typed by the profile; shared by the appliances that have the same.
    pub settings: Arc<BTreeMap<Arc<str>, SettingValue>>,
    /// Certificate lifetimes by name (`ca`, `internal`, `external`).
    pub certificates: Arc<BTreeMap<String, CertificateWish>>,
}

/// How much the agent may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Look and report.
    Observe,
    /// Look, plan and report what would be done.
    Plan,
    /// Also repair faults; never change what the commit changed.
    Repair,
    /// Everything.
    Converge,
}

/// The Hyper-V host and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DesiredHost {
    /// DNS name or address.
    pub address: String,
    /// TCP port; 5986 unless written.
    pub port: u16,
    /// HTTPS unless `http` was asked for by name.
    pub scheme: Scheme,
    /// The certificate to insist on: SHA-256 or SHA-1 in hex. `None`: the system's roots or the settings' CA decide.
    pub fingerprint: Option<String>,
    /// Where the agent runs, seen from this host.
    pub place: Place,
    /// Who we are there.
    pub credential: CredentialName,
    /// How we say so.
    pub authentication: Authentication,
    /// The appliance directory; no spaces. Instances lie below it.
    pub root: HostPath,
}

/// The transport to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Scheme {
    /// TLS, verified.
    Https,
    /// Clear text.
    Http,
}

/// How the agent says who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Authentication {
    /// NTLM by Negotiate, which Windows offers by default; messages are sealed over http, bound to the certificate over https.
    Negotiate,
    /// Kerberos by name; messages are sealed over http, not bound to the certificate over https. The host is named, not numbered.
    Kerberos,
    /// The password in each request, over https only. Windows takes it for local accounts, where it is switched on.
    Basic,
    /// The same over http, where anybody on the way can read the password.
    BasicInClear,
    /// A client certificate that the host maps to an account, over https.
    Certificate,
}

/// Where the agent runs, seen from a host. Decides which guests it can reach over which switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// On that host itself: reaches guests over the management switch too.
    OnHost,
    /// On another machine: reaches serving guests over the product network only.
    Remote,
}

/// A network and its switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DesiredNetwork {
    /// Whose switch it is, and how long it lives.
    pub kind: NetworkKind,
    /// The switch's name.
    pub switch: SwitchName,
    /// The subnet.
    pub subnet: IpNet,
    /// The default gateway, when the network has one.
    pub gateway: Option<IpAddr>,
    /// Name servers on this network.
    pub dns: Vec<IpAddr>,
    /// The VLAN that the ports of VMs are in; `None` leaves them as they are.
    pub vlan: Option<u16>,
}

/// Whose a switch is, and how long it lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum NetworkKind {
    /// Made by an administrator: used, never changed.
    Existing,
    /// Ours, internal. The host's own address on it is `host`.
    Management {
        /// How long the switch and the adapters on it live.
        lifetime: ManagementLifetime,
        /// The host's address on it, with prefix length.
        host: IpNet,
    },
}

/// How long a management switch and its adapters live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ManagementLifetime {
    /// Until every VM of the instance is set up.
    Temporary,
    /// As long as the instance.
    Permanent,
}

/// The wish for one VM and the guest inside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DesiredRole {
    /// The role.
    pub role: RoleName,
    /// The VM's name: `<computer>.<instance>`.
    pub vm: VmName,
    /// The guest's computer name.
    pub computer: ComputerName,
    /// Virtual processors.
    pub processors: Option<u32>,
    /// Static memory; dynamic memory is turned off with it.
    pub memory: Option<MemorySize>,
    /// What the firmware lets start; `None` leaves it as it is.
    pub secure_boot: Option<SecureBoot>,
    /// What the firmware tries first, in this order; empty leaves the order as it is.
    pub boot_order: Vec<BootDevice>,
    /// Integration services that the host is to offer to the guest, or not; those that are not named stay as they are.
    pub integration_services: BTreeMap<IntegrationService, Offer>,
    /// The role image on the host that the disk is layered on.
    pub image: RoleImage,
    /// The VM's own differencing disk.
    pub disk: HostPath,
    /// Network adapters, in order.
    pub adapters: Vec<DesiredAdapter>,
    /// Its place in a directory.
    pub membership: Membership,
    /// Watched services, in start order (call-taking ones last); shared by all who have the profile.
    pub services: Arc<[WatchedService]>,
    /// Watched firewall rules; shared likewise.
    pub rules: Arc<[WatchedRule]>,
    /// Counters that together tell how many calls run in it; shared likewise.
    pub calls: Arc<[CallCounter]>,
    /// Whether its services are held while the appliance is down or drained (a directory's never are).
    pub holds: bool,
    /// What the host does with it when the host starts.
    pub start_action: StartAction,
    /// What the host does with it when the host stops.
    pub stop_action: StopAction,
    /// The account that the agent uses inside the guest.
    pub credential: CredentialName,
    /// How it says so.
    pub authentication: Authentication,
    /// Digest of everything in this wish that cannot be observed; stands in the mark.
    pub spec: String,
}

/// A finished role image on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleImage {
    /// Where it lies.
    pub path: HostPath,
    /// Its size in bytes; another size means another image.
    pub size: Option<DiskSize>,
}

/// A network adapter of a VM and its addresses inside the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DesiredAdapter {
    /// Its name on the VM; the network's name.
    pub name: AdapterName,
    /// The network that it is connected to.
    pub network: NetworkName,
    /// Its hardware address, derived from fleet, appliance, role, instance and network.
    pub mac: MacAddress,
    /// Its addresses in the guest, with prefix length.
    pub addresses: Vec<IpNet>,
    /// The default gateway in the guest.
    pub gateway: Option<IpAddr>,
    /// Name servers in the guest, in order.
    pub dns: Vec<IpAddr>,
}

/// A guest's place in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Membership {
    /// No business of ours.
    None,
    /// Its image hosts this domain.
    Hosts(DomainName),
    /// It joins this domain, which `controller` hosts.
    Joins {
        /// The domain.
        domain: DomainName,
        /// The role that hosts it; must be up before the join.
        controller: RoleName,
        /// Who may join machines.
        credential: CredentialName,
    },
}

/// A service that must run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WatchedService {
    /// Accepted names; the first that exists counts. None present: never seen, not a fault.
    pub names: Vec<ServiceName>,
    /// How bad its loss is.
    pub grade: Grade,
    /// The start mode of a serving instance; restored after a hold.
    pub start_mode: StartMode,
}

/// A firewall rule that must be enabled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WatchedRule {
    /// The rule's name.
    pub name: RuleName,
    /// How bad its loss is.
    pub grade: Grade,
}

/// A performance counter of calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallCounter {
    /// Accepted classes; the first that the guest has counts.
    pub classes: Vec<CounterName>,
    /// The instance.
    pub instance: CounterName,
    /// The property that holds the number.
    pub property: CounterName,
}

/// How bad the loss of a signal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Grade {
    /// Calls suffer at once.
    CallPath,
    /// Calls go on for now.
    Support,
}

/// A Windows service's start mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum StartMode {
    /// With the system (`Auto` when read, `Automatic` when written).
    Automatic,
    /// When asked.
    Manual,
    /// Never.
    Disabled,
}

/// What a host does with a VM when the host starts (Hyper-V's `AutomaticStartupAction`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum StartAction {
    /// 2.
    Nothing,
    /// 3.
    StartIfRunning,
    /// 4.
    AlwaysStart,
}

/// What the firmware of a generation 2 VM lets start: a template of Hyper-V's secure boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SecureBoot {
    /// What Microsoft signed as Windows.
    Windows,
    /// What Microsoft's authority for UEFI signed, as other systems need it.
    UefiAuthority,
    /// Shielded systems of open source.
    OpenSourceShielded,
    /// Anything.
    Disabled,
}

/// What a generation 2 VM boots from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BootDevice {
    /// A virtual hard disk.
    Disk,
    /// A network adapter.
    Network,
    /// Whatever else is seen there: an optical drive, a file. Never wished for.
    Other,
}

impl BootDevice {
    /// Which place it has in a wished order; whatever that does not name comes after what it names.
    #[must_use]
    pub fn place_in(self, order: &[Self]) -> usize {
        order.iter().position(|device| *device == self).unwrap_or(order.len())
    }
}

/// An integration service of Hyper-V, by which host and guest work together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum IntegrationService {
    /// Signs of life.
    Heartbeat,
    /// Shutting the guest down in order.
    Shutdown,
    /// Key-value pairs: the guest's listener, its addresses, its system.
    DataExchange,
    /// The host's time for the guest.
    TimeSync,
    /// Backups that the guest takes part in.
    Backup,
    /// Copying of files into the guest; Hyper-V leaves it off.
    FileCopy,
}

impl IntegrationService {
    /// Every one, in order.
    pub const ALL: [Self; 6] = [Self::Heartbeat, Self::Shutdown, Self::DataExchange, Self::TimeSync, Self::Backup, Self::FileCopy];

    /// As manifests write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Heartbeat => "heartbeat",
            Self::Shutdown => "shutdown",
            Self::DataExchange => "dataExchange",
            Self::TimeSync => "timeSync",
            Self::Backup => "backup",
            Self::FileCopy => "fileCopy",
        }
    }

    /// Whether Hyper-V offers it to a VM that was just made.
    #[must_use]
    pub const fn at_first(self) -> Offer {
        match self {
            Self::Heartbeat | Self::Shutdown | Self::DataExchange | Self::TimeSync | Self::Backup => Offer::On,
            Self::FileCopy => Offer::Off,
        }
    }
}

/// Whether a host offers an integration service to a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Offer {
    /// It does.
    On,
    /// It does not.
    Off,
}

impl std::fmt::Display for Offer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::On => "on",
            Self::Off => "off",
        })
    }
}

/// What a host does with a VM when the host stops (Hyper-V's `AutomaticShutdownAction`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum StopAction {
    /// 2.
    TurnOff,
    /// 3.
    Save,
    /// 4.
    ShutDown,
}

/// What is watched, how often, and how patiently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Watch {
    /// The network over which serving guests are probed.
    pub network: NetworkName,
    /// A full probe this often.
    pub probe_every: Span,
    /// A stopped service is read again after this before it counts.
    pub confirm: Span,
    /// A repair of impact None may take this long before the appliance is held.
    pub repair_grace: Span,
    /// All must be well this long before calls return.
    pub stable_for: Span,
    /// What closes the last serving appliance.
    pub on_last_serving: OnLastServing,
}

/// What closes the last serving appliance of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnLastServing {
    /// Only a fault in the call path; anything else is `Degraded` and an alert.
    CallPathOnly,
    /// Any fault.
    Any,
}

/// How recovery of a down appliance is retried; waits count from the end of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recovery {
    /// The wait before each of the first three attempts; it doubles from the fourth on.
    pub first_wait: Span,
    /// The longest wait.
    pub longest_wait: Span,
    /// Attempts to restart services before VMs are restarted.
    pub service_restarts: u32,
}

/// How calls are brought to an end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drain {
    /// Whether running calls may finish.
    pub mode: DrainMode,
    /// How long they may take.
    pub timeout: Span,
    /// What happens then.
    pub on_timeout: OnDrainTimeout,
}

/// Whether running calls may finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DrainMode {
    /// New calls are refused, running ones finish.
    Graceful,
    /// Services stop at once; calls are cut.
    Immediate,
}

/// What happens when a drain takes too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnDrainTimeout {
    /// Serving resumes; the work waits.
    Abort,
    /// Services stop; calls are cut.
    Force,
}

/// The promise of the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Availability {
    /// Other appliances that must be seen serving before a serving one is disrupted.
    pub min_serving: u32,
    /// When and how long a single-appliance site may be out.
    pub planned_outage: Option<PlannedOutage>,
}

/// When and how long serving may end on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedOutage {
    /// Only inside these windows.
    pub windows: Vec<WindowName>,
    /// At most so long.
    pub at_most: Span,
}

/// Maintenance that a person asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Maintenance {
    /// Why, for everybody who looks.
    pub reason: String,
    /// Until when.
    pub until: jiff::Timestamp,
    /// What happens then.
    pub on_expiry: OnExpiry,
}

/// What happens when maintenance expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnExpiry {
    /// Calls return when all is well.
    Resume,
    /// It stays, and an alert is given.
    Stay,
}

/// The value of a product setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum SettingValue {
    /// A truth value.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<SettingValue>),
    /// Named parts.
    Map(BTreeMap<String, SettingValue>),
}

/// The wish for one kind of certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateWish {
    /// How long a new one is good.
    pub lifetime: Option<Span>,
    /// It is renewed when less than this is left.
    pub renew_before: Span,
}
