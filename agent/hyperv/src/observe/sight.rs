//! All that a host told in one look, decoded, class by class.
//!
//! Guarantees: twenty-one queries at most, twenty where a host was lately in no cluster, none of them per VM: one `SELECT *` per class,
//! joined by GUID afterwards.

use std::collections::BTreeMap;

use model::desired::BootDevice;
use model::mark::UnreadableMark;
use model::names::{HostPath, SwitchName};
use model::observed::{ObservedFile, ObservedSwitch, UnfinishedJob};
use model::seen::{Cause, Seen};
use model::units::MemorySize;

use crate::classes;
use crate::guid::Guid;
use crate::observe::machine::{self, Machine};
use crate::observe::switch::{self, HostAdapter, HostPort, Parts};
use crate::observe::vitals::{Told, Vitals, told};
use crate::observe::vm::{self, Settings, Untold};
use crate::observe::{boot, cluster, file, job};
use crate::peer::{Peer, TalkError};
use crate::wql::Query;

/// See the module.
#[derive(Debug)]
pub(crate) struct Sight {
    pub(crate) machine: Machine,
    pub(crate) settings: BTreeMap<Guid, Settings>,
    /// VMs that stand without.
    pub(crate) untold: Vec<Untold>,
    pub(crate) vitals: Vitals,
    pub(crate) processors: Told<BTreeMap<Guid, u32>>,
    pub(crate) memory: Told<BTreeMap<Guid, MemorySize>>,
    pub(crate) dynamic_memory: Told<BTreeMap<Guid, bool>>,
    pub(crate) boot_orders: Told<BTreeMap<Guid, Vec<BootDevice>>>,
    pub(crate) cluster: cluster::Roles,
    pub(crate) disks: Told<BTreeMap<Guid, Vec<HostPath>>>,
    pub(crate) files: Told<BTreeMap<HostPath, Seen<ObservedFile>>>,
    pub(crate) jobs: Told<Vec<UnfinishedJob>>,
    switch_notes: Told<BTreeMap<Guid, String>>,
    host_ports: Told<Vec<HostPort>>,
    host_adapters: Told<Vec<HostAdapter>>,
}

/// What of a look depends on the wish, and on what earlier looks were told.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    /// Files by name.
    pub(crate) paths: &'a [HostPath],
    /// Whether any boot order is wished for.
    pub(crate) boot_orders: bool,
    /// The question for the host's cluster; `None` where it was told lately that there is none.
    pub(crate) cluster: Option<Query>,
}

impl Sight {
    /// Asks the host for everything.
    pub(crate) async fn take(peer: &Peer, asked: Asked<'_>) -> Result<Self, TalkError> {
        let Asked { paths, boot_orders, cluster } = asked;
        let hyperv = |class| Query::hyperv(class);
        let windows = |class| Query::windows(class);
        let (settings, processors, memory, disks) =
            (hyperv(classes::SYSTEM_SETTINGS), hyperv(classes::PROCESSOR), hyperv(classes::MEMORY), hyperv(classes::STORAGE));
        let (switch_settings, ports) = (hyperv(classes::SWITCH_SETTINGS), hyperv(classes::INTERNAL_PORT));
        let (system, computer, ip) =
            (windows(classes::OPERATING_SYSTEM), windows(classes::WINDOWS_COMPUTER), windows(classes::IP_CONFIGURATION));
        let (files, [jobs, storage_jobs]) = (file::query(paths), job::queries());
        let (vitals, settings, processors, memory, disks, switch_settings, ports, system, computer, ip, files, jobs, storage_jobs, cluster) = tokio::join!(
            Vitals::of_all(peer),
            peer.select(&settings),
            peer.select(&processors),
            peer.select(&memory),
            peer.select(&disks),
            peer.select(&switch_settings),
            peer.select(&ports),
            peer.select(&system),
            peer.select(&computer),
            peer.select(&ip),
            peer.select(&files),
            peer.select(&jobs),
            peer.select(&storage_jobs),
            cluster::ask(peer, cluster.as_ref()),
        );
        let jobs = told(&jobs, job::unfinished).and_then(|mut jobs| {
            jobs.extend(told(&storage_jobs, job::unfinished)?);
            Ok(jobs)
        });
        let settings = settings?;
        let snapshots = peer.read(classes::SYSTEM_SETTINGS, vm::snapshots(&settings))?;
        let boot_orders = boot_orders.then(|| told(&disks, |disks| boot::orders(&settings, disks)));
        let (settings, vitals) = (peer.read(classes::SYSTEM_SETTINGS, vm::settings(&settings))?, vitals?);
        let sight = Self {
            untold: vitals.untold(&settings),
            machine: peer.read(classes::OPERATING_SYSTEM, machine::machine(&system?, &computer?))?,
            settings,
            vitals,
            processors: told(&processors, vm::processors),
            memory: told(&memory, vm::memory),
            dynamic_memory: told(&memory, vm::dynamic_memory),
            boot_orders: boot_orders.unwrap_or(Err(Cause::NotObserved)),
            cluster: cluster.as_ref().map_or(Ok(None), cluster::told),
            disks: told(&disks, |rows| Ok(vm::with_snapshots(vm::disks(rows)?, &snapshots))),
            files: told(&files, |rows| file::files(paths, rows)),
            jobs,
            switch_notes: told(&switch_settings, switch::notes),
            host_ports: told(&ports, switch::host_ports),
            host_adapters: told(&ip, switch::host_adapters),
        };
        Ok(sight)
    }

    /// The switches; one class that failed leaves all of them unknown, since the kind, owner and address of each need it.
    pub(crate) fn switches(&self) -> Result<Told<BTreeMap<SwitchName, ObservedSwitch>>, (SwitchName, UnreadableMark)> {
        let parts = (|| {
            Ok(Parts {
                names: self.vitals.switches.as_ref().map_err(Clone::clone)?,
                notes: self.switch_notes.as_ref().map_err(Clone::clone)?,
                connections: self.vitals.connections.as_ref().map_err(Clone::clone)?,
                ports: self.host_ports.as_ref().map_err(Clone::clone)?,
                adapters: self.host_adapters.as_ref().map_err(Clone::clone)?,
            })
        })();
        match parts {
            Ok(parts) => switch::switches(&parts).map(Ok),
            Err(cause) => Ok(Err(cause)),
        }
    }
}
