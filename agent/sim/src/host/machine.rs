//! A virtual machine's definition and its present state.
//!
//! Guarantees: InstanceIDs are derived from GUIDs that never change while the device lives.
//! Deliberately absent: how checkpoints come and go; see `checkpoint`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::host::checkpoint::Checkpoint;
use crate::host::device::{Controller, Device, DriveKind, VirtualNic};
use crate::host::guest_service::GuestServices;
use crate::host::power::{Power, Run};
use crate::world::file::ReplicaMode;

/// One VM.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct VirtualMachine {
    /// GUID, upper case.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) notes: Vec<String>,
    pub(crate) generation: Generation,
    pub(crate) created: Timestamp,
    /// When its configuration last changed, where that was after it was made.
    #[serde(default)]
    pub(crate) configured: Option<Timestamp>,
    pub(crate) processor: Processor,
    pub(crate) memory: Memory,
    pub(crate) automatic: Automatic,
    pub(crate) roots: Roots,
    pub(crate) secure_boot: Option<SecureBoot>,
    pub(crate) controllers: Vec<Controller>,
    pub(crate) adapters: Vec<VirtualNic>,
    /// What each serial port of a generation-1 VM is connected to.
    pub(crate) serial: Vec<Vec<String>>,
    pub(crate) power: Power,
    /// When the power last changed.
    pub(crate) changed: Timestamp,
    /// Present while the VM holds a running or a saved system.
    pub(crate) run: Option<Run>,
    /// Items for the guest: `HostExchangeItems`.
    pub(crate) host_items: BTreeMap<String, String>,
    /// InstanceIDs of what boots first, on generation 2; what is not named comes after it.
    #[serde(default)]
    pub(crate) boot_order: Vec<String>,
    #[serde(default)]
    pub(crate) guest_services: GuestServices,
    /// Oldest first.
    #[serde(default)]
    pub(crate) checkpoints: Vec<Checkpoint>,
    /// The checkpoint that the present state goes on from.
    #[serde(default)]
    pub(crate) latest: Option<String>,
    #[serde(default)]
    pub(crate) replication: Option<Replication>,
    /// Whether the host's cluster has it as a role.
    #[serde(default)]
    pub(crate) clustered: bool,
    /// Until when the host tells nothing of its settings.
    #[serde(default)]
    pub(crate) untold_until: Option<Timestamp>,
}

/// Hyper-V Replica, as `Msvm_ComputerSystem` numbers it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Replication {
    /// 1 primary, 2 replica.
    pub(crate) mode: u16,
    /// 3 replicating, 7 suspended, 8 critical.
    pub(crate) state: u16,
    /// 1 ok, 2 warning, 3 critical.
    pub(crate) health: u16,
}

/// The virtual hardware's generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Generation {
    One,
    Two,
}

impl Generation {
    pub(crate) fn sub_type(self) -> &'static str {
        match self {
            Self::One => "Microsoft:Hyper-V:SubType:1",
            Self::Two => "Microsoft:Hyper-V:SubType:2",
        }
    }
}

/// `Msvm_ProcessorSettingData`. Limit and reservation are in thousandths of a percent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Processor {
    pub(crate) count: u32,
    pub(crate) limit: u64,
    pub(crate) reservation: u64,
    pub(crate) weight: u32,
}

/// `Msvm_MemorySettingData`, MiB.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Memory {
    pub(crate) startup: u64,
    pub(crate) minimum: u64,
    pub(crate) maximum: u64,
    pub(crate) weight: u32,
    pub(crate) buffer: u32,
    pub(crate) mode: MemoryMode,
}

/// Whether the host may change a running VM's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MemoryMode {
    Static,
    Dynamic,
}

/// What happens to the VM when the host starts, stops or fails; the values are the properties'.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Automatic {
    /// 2 nothing, 3 if it ran before, 4 always.
    pub(crate) start: u16,
    /// 2 turn off, 3 save, 4 shut down.
    pub(crate) stop: u16,
    /// 2 none, 3 restart.
    pub(crate) recovery: u16,
}

/// Where the VM's own files lie.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Roots {
    pub(crate) configuration: String,
    pub(crate) snapshots: String,
    pub(crate) suspend: String,
    pub(crate) swap: String,
}

/// Present on generation 2.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SecureBoot {
    pub(crate) enabled: bool,
    pub(crate) template: String,
}

impl Replication {
    /// Replication that goes well.
    pub(crate) fn of(mode: ReplicaMode) -> Self {
        let mode = match mode {
            ReplicaMode::Primary => 1,
            ReplicaMode::Replica => 2,
        };
        Self { mode, state: 3, health: 1 }
    }
}

const DEFAULT_ROOT: &str = "C:\\ProgramData\\Microsoft\\Windows\\Hyper-V";
const WINDOWS_TEMPLATE: &str = "1734C6E8-3154-4DDA-BA5F-A874CC483422";

impl VirtualMachine {
    /// A VM with Hyper-V's defaults and no devices but the ones that its generation always has.
    pub(crate) fn new(id: String, name: &str, generation: Generation, at: Timestamp) -> Self {
        Self {
            id,
            name: name.to_owned(),
            notes: Vec::new(),
            generation,
            created: at,
            configured: None,
            processor: Processor { count: 1, limit: 100_000, reservation: 0, weight: 100 },
            memory: Memory { startup: 1024, minimum: 512, maximum: 1_048_576, weight: 5000, buffer: 20, mode: MemoryMode::Static },
            automatic: Automatic { start: 3, stop: 3, recovery: 3 },
            roots: Roots {
                configuration: DEFAULT_ROOT.to_owned(),
                snapshots: DEFAULT_ROOT.to_owned(),
                suspend: DEFAULT_ROOT.to_owned(),
                swap: DEFAULT_ROOT.to_owned(),
            },
            secure_boot: (generation == Generation::Two).then(|| SecureBoot { enabled: true, template: WINDOWS_TEMPLATE.to_owned() }),
            controllers: if generation == Generation::One { Controller::generation_one() } else { Vec::new() },
            adapters: Vec::new(),
            serial: if generation == Generation::One { vec![Vec::new(); 2] } else { Vec::new() },
            power: Power::Off,
            changed: at,
            run: None,
            host_items: BTreeMap::new(),
            boot_order: Vec::new(),
            guest_services: GuestServices::default(),
            checkpoints: Vec::new(),
            latest: None,
            replication: None,
            clustered: false,
            untold_until: None,
        }
    }

    pub(crate) fn settings_id(&self) -> String {
        format!("Microsoft:{}", self.id)
    }

    /// Every attached file, in boot order.
    pub(crate) fn media(&self) -> impl Iterator<Item = &str> {
        self.controllers.iter().flat_map(|c| &c.drives).filter_map(|d| d.medium.as_deref())
    }

    /// The file of every hard disk.
    pub(crate) fn disks(&self) -> impl Iterator<Item = &str> {
        self.controllers.iter().flat_map(|c| &c.drives).filter(|d| d.kind == DriveKind::Disk).filter_map(|d| d.medium.as_deref())
    }

    /// The first hard disk in boot order: it is what boots.
    pub(crate) fn boot_disk(&self) -> Option<&str> {
        let disk = |device: Device| match device {
            Device::Drive(c, d) => Some(&self.controllers[c].drives[d]).filter(|d| d.kind == DriveKind::Disk)?.medium.as_deref(),
            _ => None,
        };
        self.boot_sources().into_iter().find_map(disk)
    }
}
