//! From a world file to a world.
//!
//! Guarantees: every contradiction of the file is found in one pass, each with its place; nothing is built from a faulty file.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::event::log::EventLog;
use crate::file_tree::Content;
use crate::guest;
use crate::host::device::{Connection, Controller, Drive, DriveKind, MacOrigin, VirtualNic};
use crate::host::disk::{self, Disk, DiskKind, FRESH_BYTES, File, FileKey};
use crate::host::machine::{Generation, Replication, VirtualMachine};
use crate::host::power::{Power, Run, System};
use crate::host::switch::{HostPort, Switch, Uplink};
use crate::host::{Host, PhysicalNic, Surroundings, input};
use crate::ids::Ids;
use crate::image::ServiceSpec;
use crate::windows::Windows;
use crate::windows::activity::Activity;
use crate::windows::certificate_store::CertificateStores;
use crate::windows::domain::Membership;
use crate::windows::service::Service;
use crate::windows::setup::Setup;
use crate::windows::software::FeatureState;
use crate::windows::winrm::Failures;
use crate::world::file::{FileSpec, HostSpec, MachineSpec, MachineState, NicSpec, SwitchKind, SwitchSpec, WorldFile};
use crate::world::outside::{Authority, Outside};
use crate::world::{IdentityError, World, WorldError};

// 2020-01-01T00:00:00Z
const DEFAULT_START: i64 = 1_577_836_800;

/// Windows's own services that a host has, and what a person sees.
const SERVICES: [(&str, &str); 4] = [
    ("vmms", "Hyper-V Virtual Machine Management"),
    ("vmcompute", "Hyper-V Host Compute Service"),
    ("WinRM", "Windows Remote Management (WS-Management)"),
    ("EventLog", "Windows Event Log"),
];

impl World {
    /// The world that `file` describes.
    ///
    /// # Errors
    /// `Contradiction` with everything that does not fit together.
    pub fn from_file(file: WorldFile) -> Result<Self, WorldError> {
        let problems = Check::of(&file);
        if !problems.is_empty() {
            return Err(WorldError::Contradiction { problems });
        }
        let now = file.start.unwrap_or(Timestamp::constant(DEFAULT_START, 0));
        let mut ids = Ids::new(file.seed);
        let images: BTreeMap<_, _> = file.images.into_iter().map(|i| (i.name.clone(), i)).collect();
        let numbered = file.authorities.iter().zip(0..);
        let authorities = numbered
            .map(|(spec, number)| Authority::new(spec, number, now).map_err(|source| IdentityError::of(&spec.name, source)))
            .collect::<Result<_, _>>()?;
        let mut hosts = BTreeMap::new();
        for spec in &file.hosts {
            let mut cx = Surroundings { now, ids: &mut ids, images: &images, timing: &file.timing };
            hosts.insert(spec.name.clone(), Host::build(spec, &mut cx)?);
        }
        let outside = Outside { sources: file.sources, packages: file.packages, authorities };
        let mut world = Self { now, generation: 0, ids, timing: file.timing, images, hosts, outside, unreachable: BTreeMap::new() };
        let names: Vec<_> = world.hosts.keys().cloned().collect();
        names.iter().for_each(|name| world.write_logs(name));
        Ok(world)
    }
}

impl Host {
    fn build(spec: &HostSpec, cx: &mut Surroundings<'_>) -> Result<Self, WorldError> {
        let services =
            SERVICES.iter().map(|(name, display)| Service::of_windows(name, display)).chain(spec.services.iter().map(Service::new));
        let addresses: Vec<_> = spec.nics.iter().flat_map(|nic| nic.addresses.iter().map(ipnet::IpNet::addr)).collect();
        let mut software = spec.setup.software(cx.now);
        software.features.entry("Microsoft-Hyper-V".to_owned()).or_insert(FeatureState::Enabled);
        let windows = Windows {
            computer_name: spec.computer_name.clone(),
            pending_name: None,
            version: spec.version.clone(),
            caption: spec.caption.clone(),
            membership: Membership::Workgroup("WORKGROUP".to_owned()),
            pending_membership: None,
            hosts_domain: None,
            services: services.collect(),
            rules: spec.firewall_rules.clone(),
            accounts: spec.accounts.clone(),
            winrm: spec.winrm.clone(),
            failures: Failures::default(),
            adapters: Vec::new(),
            last_boot: cx.now,
            installed: cx.now,
            listener: cx.ids.identity(&spec.computer_name, &addresses)?,
            published: BTreeMap::new(),
            received: BTreeMap::new(),
            setup: Setup::new(&spec.setup, &spec.version),
            certificates: CertificateStores::default(),
            software,
            activity: Activity::default(),
            log: EventLog::default(),
        };
        let mut host = Self {
            name: spec.name.clone(),
            uuid: cx.ids.guid(),
            windows,
            sockets: spec.sockets,
            cores_per_socket: spec.cores_per_socket,
            memory: spec.memory_gib << 10,
            taken_memory: 0,
            volumes: spec.volumes.clone(),
            nics: spec.nics.iter().map(|n| build_nic(n, cx.ids)).collect(),
            switches: Vec::new(),
            files: BTreeMap::new(),
            machines: Vec::new(),
            jobs: Vec::new(),
            planned_failures: Vec::new(),
            down_until: None,
            ran_before: Vec::new(),
            cluster: spec.cluster.clone(),
            cut_off_until: None,
        };
        // The NICs are seen before a switch hides them, so that their settings have a place.
        let plugged = host.plugged();
        host.windows.boot(cx.now, &plugged, cx.ids);
        for (spec, nic) in spec.nics.iter().zip(&host.nics) {
            if let Some(adapter) = host.windows.adapters.iter_mut().find(|a| a.mac == nic.mac) {
                adapter.set_static(spec.addresses.clone());
                adapter.gateways = spec.gateway.into_iter().collect();
                adapter.dns.clone_from(&spec.dns);
            }
        }
        spec.switches.iter().for_each(|s| host.build_switch(s, cx));
        host.files = spec.files.iter().map(|f| (FileKey::new(&f.path), build_file(f, cx))).collect();
        spec.machines.iter().for_each(|m| host.build_machine(m, cx));
        Ok(host)
    }

    fn build_switch(&mut self, spec: &SwitchSpec, cx: &mut Surroundings<'_>) {
        let nic = spec.nic.as_ref().and_then(|name| self.nics.iter().find(|n| n.name == *name)).map(|n| n.id.clone());
        let has_host = match spec.kind {
            SwitchKind::External => spec.allow_management_os,
            SwitchKind::Internal => true,
            SwitchKind::Private => false,
        };
        let id = spec.id.as_ref().map_or_else(|| cx.ids.guid(), |id| id.to_ascii_uppercase());
        let host_port = has_host.then(|| HostPort { port: cx.ids.guid(), name: spec.name.clone(), mac: cx.ids.mac(), vlan: spec.vlan });
        let uplink = nic.map(|nic| Uplink { port: cx.ids.guid(), nic });
        let mac = host_port.as_ref().map(|p| p.mac.clone());
        self.apply_define_switch(Switch { id, name: spec.name.clone(), notes: Vec::new(), uplink, host_port });
        self.find_new_adapters(cx);
        if spec.kind == SwitchKind::Internal
            && let Some(adapter) = self.windows.adapters.iter_mut().find(|a| Some(&a.mac) == mac.as_ref())
        {
            adapter.set_static(spec.addresses.clone());
        }
    }

    fn build_machine(&mut self, spec: &MachineSpec, cx: &mut Surroundings<'_>) {
        let id = spec.id.as_ref().map_or_else(|| cx.ids.guid(), |id| id.to_ascii_uppercase());
        let generation = if spec.generation == 1 { Generation::One } else { Generation::Two };
        let mut machine = VirtualMachine::new(id.clone(), &spec.name, generation, cx.now);
        machine.notes.clone_from(&spec.notes);
        machine.processor.count = spec.processors;
        machine.memory.startup = spec.memory_mib;
        match generation {
            // As Hyper-V Manager and New-VM leave it.
            Generation::One => machine.controllers[1].drives.push(Drive { slot: 0, kind: DriveKind::Dvd, medium: None }),
            Generation::Two => machine.controllers.push(Controller::scsi(cx.ids.guid())),
        }
        let drives = spec.disks.iter().zip(0..).map(|(path, slot)| Drive { slot, kind: DriveKind::Disk, medium: Some(path.clone()) });
        machine.controllers[0].drives = drives.collect();
        for nic in &spec.adapters {
            let switch = nic.switch.as_ref().and_then(|name| self.switches.iter().find(|s| s.name == *name));
            let (switch, switch_name) = switch.map(|s| (s.id.clone(), s.name.clone())).unzip();
            let connection = switch.is_some().then_some(Connection { switch, switch_name, enabled: true, vlan: None });
            let mac = nic.mac.as_deref().and_then(|m| input::mac(m).ok());
            let mac_origin = if mac.is_some() { MacOrigin::Static } else { MacOrigin::Dynamic };
            let mac = mac.unwrap_or_else(|| cx.ids.mac());
            machine.adapters.push(VirtualNic { id: cx.ids.guid(), name: "Network Adapter".to_owned(), mac, mac_origin, connection });
        }
        if spec.state == MachineState::Running {
            machine.power = Power::Running;
            machine.run = Some(Run { process_id: cx.ids.process_id(), started: cx.now, system: System::Absent });
        }
        machine.replication = spec.replication.map(Replication::of);
        machine.clustered = spec.clustered;
        self.machines.push(machine);
        for name in &spec.checkpoints {
            self.take_checkpoint(&id, name, cx);
        }
        if spec.state == MachineState::Running {
            self.system_comes_up(&id, cx);
            self.set_addresses(&id, spec);
        }
    }

    fn set_addresses(&mut self, vm: &str, spec: &MachineSpec) {
        let macs: Vec<_> = self.machine(vm).map(|m| m.adapters.iter().map(|a| a.mac.clone()).collect()).unwrap_or_default();
        let Some(guest) = self.guest_mut(vm) else { return };
        for (mac, nic) in macs.iter().zip(&spec.adapters) {
            if let Some(adapter) = guest.windows.adapters.iter_mut().find(|a| a.mac == *mac) {
                adapter.set_static(nic.addresses.clone());
            }
        }
    }
}

fn build_nic(spec: &NicSpec, ids: &mut Ids) -> PhysicalNic {
    let mac = spec.mac.as_deref().and_then(|m| input::mac(m).ok()).unwrap_or_else(|| ids.mac());
    PhysicalNic { id: ids.guid(), name: spec.name.clone(), mac, network: spec.network.clone() }
}

fn build_file(spec: &FileSpec, cx: &mut Surroundings<'_>) -> File {
    let is_disk = matches!(disk::extension(&spec.path).as_deref(), Some("vhd" | "vhdx"));
    let kind = spec.parent.as_ref().map_or(DiskKind::Dynamic, |parent| DiskKind::Differencing { parent: parent.clone(), parent_id: None });
    let disk = is_disk.then(|| Disk { id: cx.ids.guid(), kind, size: 127 << 30, image: spec.image.clone(), guest: None });
    let content = spec.content.as_ref().map_or(Content::Opaque, |text| Content::Bytes(text.clone().into_bytes()));
    let given = spec.content.as_ref().map(|text| u64::try_from(text.len()).unwrap_or(u64::MAX));
    File { path: spec.path.replace('/', "\\"), bytes: given.unwrap_or((spec.gib << 30).max(FRESH_BYTES)), created: cx.now, disk, content }
}

/// Collects what does not fit together.
struct Check {
    problems: Vec<String>,
}

impl Check {
    fn of(file: &WorldFile) -> Vec<String> {
        let mut check = Self { problems: Vec::new() };
        check.unique("networks", file.networks.iter().map(|n| n.name.as_str()));
        check.unique("images", file.images.iter().map(|i| i.name.as_str()));
        check.unique("hosts", file.hosts.iter().map(|h| h.name.as_str()));
        check.unique("hosts, by computerName,", file.hosts.iter().map(|h| h.computer_name.as_str()));
        let mut addresses = BTreeMap::new();
        for (host, nic) in file.hosts.iter().flat_map(|host| host.nics.iter().map(move |nic| (host, nic))) {
            for address in nic.addresses.iter().map(ipnet::IpNet::addr) {
                if let Some(other) = addresses.insert((&nic.network, address), &host.name) {
                    check.say(&format!("hosts[{}].nics[{}]", host.name, nic.name), &format!("{address} is an address of {other} already"));
                }
            }
        }
        for image in &file.images {
            let place = format!("images[{}]", image.name);
            check.computer_name(&place, &image.computer_name);
            check.lengths(&place, &[("firstBoot", image.first_boot), ("boot", image.boot), ("shutdown", image.shutdown)]);
            check.services(&place, &guest::SERVICES, &image.services);
        }
        for host in &file.hosts {
            check.host(file, host);
        }
        check.problems
    }

    fn say(&mut self, place: &str, problem: &str) {
        self.problems.push(format!("{place}: {problem}"));
    }

    fn unique<'a>(&mut self, place: &str, names: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for name in names {
            if !seen.insert(name.to_ascii_lowercase()) {
                self.say(place, &format!("two are called `{name}`"));
            }
        }
    }

    fn lengths(&mut self, place: &str, lengths: &[(&str, SignedDuration)]) {
        for (key, _) in lengths.iter().filter(|(_, length)| length.is_negative()) {
            self.say(place, &format!("`{key}` is negative: nothing ends before it begins"));
        }
    }

    fn services(&mut self, place: &str, own: &[(&str, &str)], services: &[ServiceSpec]) {
        self.unique(&format!("{place}.services"), services.iter().map(|s| s.name.as_str()));
        for service in services {
            let place = format!("{place}.services[{}]", service.name);
            let restarts = service.restarts_after.unwrap_or_default();
            self.lengths(&place, &[("startTakes", service.start_takes), ("stopTakes", service.stop_takes), ("restartsAfter", restarts)]);
            let is_there = |name: &str| {
                services
                    .iter()
                    .map(|s| s.name.as_str())
                    .chain(own.iter().map(|(name, _)| *name))
                    .any(|there| there.eq_ignore_ascii_case(name))
            };
            for name in service.depends_on.iter().filter(|name| !is_there(name)) {
                self.say(&place, &format!("no service is called `{name}`"));
            }
        }
    }

    fn computer_name(&mut self, place: &str, name: &str) {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if name.is_empty() || name.len() > 15 || !name.chars().all(good) {
            self.say(place, &format!("`{name}` is no computer name: 1 to 15 letters, digits and hyphens"));
        }
    }

    fn guid(&mut self, place: &str, id: Option<&String>) {
        if let Some(id) = id.filter(|id| uuid::Uuid::try_parse(id).is_err()) {
            self.say(place, &format!("`{id}` is no GUID"));
        }
    }

    fn mac(&mut self, place: &str, mac: Option<&String>) {
        if let Some(mac) = mac.filter(|m| input::mac(m).is_err()) {
            self.say(place, &format!("`{mac}` is no hardware address: 12 hex digits"));
        }
    }

    fn host(&mut self, file: &WorldFile, host: &HostSpec) {
        let place = format!("hosts[{}]", host.name);
        self.computer_name(&place, &host.computer_name);
        if host.sockets == 0 || host.cores_per_socket == 0 || host.memory_gib < 4 {
            self.say(&place, "a host has sockets, cores, and at least 4 GiB of memory");
        }
        let mut letters = BTreeSet::new();
        for letter in host.volumes.iter().map(|volume| volume.letter.to_ascii_uppercase()) {
            if !letters.insert(letter) {
                self.say(&format!("{place}.volumes"), &format!("two have the letter {letter}"));
            }
        }
        if host.accounts.is_empty() {
            self.say(&format!("{place}.accounts"), "nobody could ever log on: name one");
        }
        self.unique(&format!("{place}.nics"), host.nics.iter().map(|n| n.name.as_str()));
        self.unique(&format!("{place}.switches"), host.switches.iter().map(|s| s.name.as_str()));
        self.unique(&format!("{place}.files"), host.files.iter().map(|f| f.path.as_str()));
        for nic in &host.nics {
            let place = format!("{place}.nics[{}]", nic.name);
            self.mac(&place, nic.mac.as_ref());
            if let Some(name) = nic.network.as_ref().filter(|name| !file.networks.iter().any(|n| n.name == **name)) {
                self.say(&place, &format!("no network is called `{name}`"));
            }
            let network = nic.network.as_ref().and_then(|name| file.networks.iter().find(|n| n.name == *name));
            for address in nic.addresses.iter().filter(|a| network.is_some_and(|n| !n.subnet.contains(&a.addr()))) {
                self.say(&place, &format!("{address} is not in the network's subnet"));
            }
            if let Some(gateway) = nic.gateway.filter(|gateway| !nic.addresses.iter().any(|address| address.contains(gateway))) {
                self.say(&place, &format!("the gateway {gateway} is in the subnet of none of its addresses"));
            }
        }
        let mut bound = BTreeSet::new();
        for switch in &host.switches {
            let place = format!("{place}.switches[{}]", switch.name);
            self.guid(&place, switch.id.as_ref());
            self.switch(&place, host, switch, &mut bound);
        }
        self.services(&place, &SERVICES, &host.services);
        for volume in &host.volumes {
            let lies_there = |f: &&FileSpec| disk::volume_of(&f.path).is_some_and(|letter| volume.letter.eq_ignore_ascii_case(&letter));
            let held = host.files.iter().filter(lies_there).fold(0u64, |held, f| held.saturating_add(f.gib));
            if held > volume.gib {
                self.say(&place, &format!("the files on {}: have {held} GiB, the volume {}", volume.letter, volume.gib));
            }
        }
        for spec in &host.files {
            self.file(&format!("{place}.files[{}]", spec.path), file, host, spec);
        }
        for machine in &host.machines {
            self.machine(&format!("{place}.machines[{}]", machine.name), host, machine);
        }
    }

    fn switch<'a>(&mut self, place: &str, host: &HostSpec, switch: &'a SwitchSpec, bound: &mut BTreeSet<&'a str>) {
        match (switch.kind, &switch.nic) {
            (SwitchKind::External, None) => self.say(place, "an external switch needs `nic`"),
            (SwitchKind::External, Some(nic)) => {
                if !host.nics.iter().any(|n| n.name == *nic) {
                    self.say(place, &format!("no NIC is called `{nic}`"));
                }
                if !bound.insert(nic) {
                    self.say(place, &format!("`{nic}` carries another switch already"));
                }
            }
            (SwitchKind::Internal | SwitchKind::Private, Some(_)) => self.say(place, "only an external switch has `nic`"),
            (SwitchKind::Internal | SwitchKind::Private, None) => {}
        }
        if switch.vlan.is_some_and(|id| !(1..=4094).contains(&id)) {
            self.say(place, "a VLAN's id is 1 to 4094");
        }
        if switch.allow_management_os && switch.kind != SwitchKind::External {
            self.say(place, "only an external switch has `allowManagementOs`");
        }
        if !switch.addresses.is_empty() && switch.kind != SwitchKind::Internal {
            self.say(place, "only an internal switch has `addresses`; an external one takes those of its NIC");
        }
    }

    fn file(&mut self, place: &str, file: &WorldFile, host: &HostSpec, spec: &FileSpec) {
        match disk::volume_of(&spec.path) {
            None => self.say(place, "the path is not absolute"),
            Some(letter) if !host.volumes.iter().any(|v| v.letter.eq_ignore_ascii_case(&letter)) => {
                self.say(place, &format!("the host has no volume {letter}:"));
            }
            Some(_) => {}
        }
        if let Some(name) = spec.image.as_ref().filter(|name| !file.images.iter().any(|i| i.name == **name)) {
            self.say(place, &format!("no image is called `{name}`"));
        }
        let is_disk = matches!(disk::extension(&spec.path).as_deref(), Some("vhd" | "vhdx"));
        if !is_disk && (spec.image.is_some() || spec.parent.is_some()) {
            self.say(place, "only a .vhdx or .vhd has `image` or `parent`");
        }
        if let Some(parent) = spec.parent.as_ref().filter(|p| !host.files.iter().any(|f| FileKey::new(&f.path) == FileKey::new(p))) {
            self.say(place, &format!("the parent `{parent}` is not among the files"));
        }
    }

    fn machine(&mut self, place: &str, host: &HostSpec, machine: &MachineSpec) {
        self.guid(place, machine.id.as_ref());
        if !matches!(machine.generation, 1 | 2) {
            self.say(place, "the generation is 1 or 2");
        }
        if machine.clustered && host.cluster.is_none() {
            self.say(place, "only a host with `cluster` has VMs that are `clustered`");
        }
        let slots = if machine.generation == 1 { 2 } else { 64 };
        if machine.disks.len() > slots {
            self.say(place, &format!("generation {} takes {slots} disks here", machine.generation));
        }
        for path in &machine.disks {
            if !host.files.iter().any(|f| FileKey::new(&f.path) == FileKey::new(path)) {
                self.say(place, &format!("the disk `{path}` is not among the files"));
            }
        }
        for nic in &machine.adapters {
            self.mac(place, nic.mac.as_ref());
            if let Some(name) = nic.switch.as_ref().filter(|name| !host.switches.iter().any(|s| s.name == **name)) {
                self.say(place, &format!("no switch is called `{name}`"));
            }
        }
    }
}
