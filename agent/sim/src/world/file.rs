//! The world file: what exists before anybody acts. Its own YAML schema, versioned.
//!
//! Guarantees: unknown keys are refused; every fault of the second reading is found in one pass.
//! Deliberately absent: any word of Trunkline's own documents.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::outside::{AuthoritySpec, HttpSource, Package};
use super::{HostName, WorldError};
use crate::image::{Account, Image, ServiceSpec, SetupSpec, Winrm};
use crate::timing::Timing;
use crate::windows::firewall::Rule;
use crate::yaml;

/// A world file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorldFile {
    /// The schema's version.
    pub api_version: ApiVersion,
    /// Always `World`.
    pub kind: Kind,
    /// Decides every GUID, hardware address and certificate that hosts make up.
    #[serde(default)]
    pub seed: u64,
    /// The instant at which the world begins: what is there was installed and booted then. 2020 when left out.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub start: Option<Timestamp>,
    /// The networks outside of the hosts, to which their physical NICs are cabled.
    #[serde(default)]
    pub networks: Vec<OutsideNetwork>,
    /// What a boot of each image brings.
    #[serde(default)]
    pub images: Vec<Image>,
    /// Files that programs can download.
    #[serde(default)]
    pub sources: Vec<HttpSource>,
    /// What installers' files do.
    #[serde(default)]
    pub packages: Vec<Package>,
    /// Authorities that issue certificates.
    #[serde(default)]
    pub authorities: Vec<AuthoritySpec>,
    /// The hosts.
    pub hosts: Vec<HostSpec>,
    /// How long the hosts take.
    #[serde(default)]
    pub timing: Timing,
}

/// The schema's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The first.
    #[serde(rename = "trunkline.dev/sim/v1alpha1")]
    V1Alpha1,
}

/// The kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Kind {
    /// All hosts of one simulation.
    World,
}

/// A network outside of the hosts.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OutsideNetwork {
    /// Its name; physical NICs refer to it.
    pub name: String,
    /// Its addresses, `192.168.0.0/24`.
    #[schemars(with = "String")]
    pub subnet: IpNet,
}

/// One Hyper-V host.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostSpec {
    /// The name by which this file and fault scripts call it.
    pub name: HostName,
    /// The Windows computer name, at most 15 characters.
    pub computer_name: String,
    /// Windows version.
    #[serde(default = "HostSpec::version")]
    pub version: String,
    /// What Windows calls itself.
    #[serde(default = "HostSpec::caption")]
    pub caption: String,
    /// Processor sockets.
    #[serde(default = "HostSpec::sockets")]
    pub sockets: u32,
    /// Logical processors in each socket.
    #[serde(default = "HostSpec::cores")]
    pub cores_per_socket: u32,
    /// Memory, GiB.
    #[serde(default = "HostSpec::memory")]
    pub memory_gib: u64,
    /// Fixed disks.
    #[serde(default = "HostSpec::volumes")]
    pub volumes: Vec<Volume>,
    /// Who may log on.
    pub accounts: Vec<Account>,
    /// How its WS-Management service is configured.
    #[serde(default)]
    pub winrm: Winrm,
    /// Physical NICs.
    pub nics: Vec<NicSpec>,
    /// Virtual switches that somebody has made already.
    #[serde(default)]
    pub switches: Vec<SwitchSpec>,
    /// Files that lie there already.
    #[serde(default)]
    pub files: Vec<FileSpec>,
    /// VMs that are there already and that nobody told us about.
    #[serde(default)]
    pub machines: Vec<MachineSpec>,
    /// The failover cluster that it is a node of; none when left out.
    #[serde(default)]
    pub cluster: Option<String>,
    /// Services beside Hyper-V's own.
    #[serde(default)]
    pub services: Vec<ServiceSpec>,
    /// Firewall rules.
    #[serde(default)]
    pub firewall_rules: Vec<Rule>,
    /// What else its Windows has: clock, registry, features, updates, Defender.
    #[serde(default)]
    pub setup: SetupSpec,
}

impl HostSpec {
    fn version() -> String {
        "10.0.20348".to_owned()
    }
    fn caption() -> String {
        "Microsoft Windows Server 2022 Datacenter".to_owned()
    }
    fn sockets() -> u32 {
        2
    }
    fn cores() -> u32 {
        8
    }
    fn memory() -> u64 {
        64
    }
    fn volumes() -> Vec<Volume> {
        vec![Volume { letter: 'C', gib: 1000 }]
    }
}

/// A fixed disk with a drive letter.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// The drive letter.
    pub letter: char,
    /// Its size, GiB.
    pub gib: u64,
}

/// A physical NIC.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NicSpec {
    /// Its connection name, `Ethernet 1`.
    pub name: String,
    /// Its hardware address, 12 hex digits; made up when left out.
    #[serde(default)]
    pub mac: Option<String>,
    /// The outside network that it is cabled to; without one it has no link.
    #[serde(default)]
    pub network: Option<String>,
    /// The host's addresses on it, `192.168.0.10/24`; a switch that shares it with the host takes them over.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub addresses: Vec<IpNet>,
    /// Default gateway.
    #[serde(default)]
    pub gateway: Option<IpAddr>,
    /// DNS servers.
    #[serde(default)]
    pub dns: Vec<IpAddr>,
}

/// A virtual switch.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SwitchSpec {
    /// Its name.
    pub name: String,
    /// Its GUID; made up when left out.
    #[serde(default)]
    pub id: Option<String>,
    /// What it connects beside VMs.
    #[serde(rename = "type")]
    pub kind: SwitchKind,
    /// For an external one: the name of the physical NIC.
    #[serde(default)]
    pub nic: Option<String>,
    /// For an external one: whether the host keeps a port on it.
    #[serde(default)]
    pub allow_management_os: bool,
    /// The VLAN that the host's own port is in; none when left out.
    #[serde(default)]
    pub vlan: Option<u16>,
    /// For an internal one: the host's addresses on it.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub addresses: Vec<IpNet>,
}

/// What a virtual switch connects beside VMs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SwitchKind {
    /// A physical NIC, and the host if it keeps a port.
    External,
    /// The host.
    Internal,
    /// Nothing.
    Private,
}

/// A file on the host.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileSpec {
    /// The full path.
    pub path: String,
    /// The size on disk, GiB.
    #[serde(default)]
    pub gib: u64,
    /// What stands in it, as text; its size follows from that.
    #[serde(default)]
    pub content: Option<String>,
    /// For a virtual disk: the image that boots from it.
    #[serde(default)]
    pub image: Option<String>,
    /// For a differencing disk: the path of its parent.
    #[serde(default)]
    pub parent: Option<String>,
}

/// A VM that somebody else made.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MachineSpec {
    /// Its name.
    pub name: String,
    /// Its GUID; made up when left out.
    #[serde(default)]
    pub id: Option<String>,
    /// Its notes, a line each.
    #[serde(default)]
    pub notes: Vec<String>,
    /// 1 or 2.
    #[serde(default = "MachineSpec::generation")]
    pub generation: u8,
    /// Virtual processors.
    #[serde(default = "MachineSpec::processors")]
    pub processors: u32,
    /// Memory, MiB.
    #[serde(default = "MachineSpec::memory")]
    pub memory_mib: u64,
    /// Paths of its disks; the first boots.
    #[serde(default)]
    pub disks: Vec<String>,
    /// Its adapters.
    #[serde(default)]
    pub adapters: Vec<MachineNicSpec>,
    /// Names of its checkpoints, oldest first.
    #[serde(default)]
    pub checkpoints: Vec<String>,
    /// Whether Hyper-V Replica copies it, and in which direction.
    #[serde(default)]
    pub replication: Option<ReplicaMode>,
    /// Whether it is a role of the host's cluster.
    #[serde(default)]
    pub clustered: bool,
    /// Whether it runs when the world begins.
    #[serde(default)]
    pub state: MachineState,
}

/// What a VM is to Hyper-V Replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ReplicaMode {
    /// It is copied to another host.
    Primary,
    /// It is the copy.
    Replica,
}

impl MachineSpec {
    fn generation() -> u8 {
        2
    }
    fn processors() -> u32 {
        1
    }
    fn memory() -> u64 {
        1024
    }
}

/// The power of a VM when the world begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MachineState {
    /// Off.
    #[default]
    Off,
    /// Running, its system up.
    Running,
}

/// An adapter of a VM that somebody else made.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MachineNicSpec {
    /// The name of the switch it is connected to.
    #[serde(default)]
    pub switch: Option<String>,
    /// Its hardware address; made up when left out.
    #[serde(default)]
    pub mac: Option<String>,
    /// The addresses that the guest has on it.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub addresses: Vec<IpNet>,
}

impl WorldFile {
    /// Reads YAML text.
    ///
    /// # Errors
    /// `Syntax`, which tells line and column.
    pub fn parse(text: &str) -> Result<Self, WorldError> {
        yaml::read(text).map_err(|error| WorldError::Syntax(error.to_string()))
    }
}

/// The JSON Schema of world files.
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(WorldFile)
}
