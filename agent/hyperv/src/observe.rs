//! One look at one appliance: its host, its VMs, their guests.
//!
//! Guarantees: a constant number of requests for the host and for each guest, whatever the number of VMs, services or files; all
//! issued concurrently, within a bound. A class that fails is `Unknown` where it would have been told, never an absence. What every
//! observation needs (which VMs there are, whose they are, the host itself) is an error when it fails.
//! Deliberately absent: any judgement.

pub(crate) mod adapter;
pub(crate) mod address;
pub(crate) mod boot;
pub(crate) mod cluster;
pub(crate) mod door;
pub(crate) mod file;
pub(crate) mod guest;
pub(crate) mod integration;
pub(crate) mod job;
pub(crate) mod machine;
pub(crate) mod pulse;
pub(crate) mod roster;
pub(crate) mod sight;
pub(crate) mod switch;
pub(crate) mod vitals;
pub(crate) mod vlan;
pub(crate) mod vm;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::cause::chain;
use model::desired::Desired;
use model::names::{InstanceId, RoleName};
use model::observed::{ForeignVm, Observed, ObservedGuest, ObservedHost, ObservedVm, PowerState, Remarks, UnreadableObject};
use model::seen::{Cause, Seen};
use tokio::task::JoinSet;

use crate::classes;
use crate::error::ObserveError;
use crate::host::Host;
use crate::peer::{Peer, TalkError};
use crate::row::Malformed;
use cluster::WasAsked;
use door::Door;
use guest::{PendingJoin, Watched};
use roster::{OurVm, Roster, TheirVm, Unreadable};
use sight::{Asked, Sight};
use vitals::{Told, Vitals, of_vm};
use vm::Untold;

type GuestKey = (InstanceId, RoleName);

impl Host {
    /// Looks at the appliance that `desired` is the wish for.
    ///
    /// # Errors
    /// `ObserveError` when the host cannot be talked to, or what must be known to plan anything could not be read.
    pub async fn observe(&self, desired: &Desired) -> Result<Observed, ObserveError> {
        let at = self.context().clock.now();
        let unseen = |source| ObserveError::Host { appliance: desired.appliance.clone(), source };
        let paths = file::named(desired);
        let boot_orders = desired.roles.iter().any(|role| !role.boot_order.is_empty());
        let asked = Asked { paths: &paths, boot_orders, cluster: self.cluster_query() };
        let was_asked = if asked.cluster.is_some() { WasAsked::Yes } else { WasAsked::No };
        let mut sight = Sight::take(self.peer(), asked).await.map_err(unseen)?;
        self.settle_cluster(was_asked, &mut sight).await;
        let roster = Roster::of(desired, std::mem::take(&mut sight.settings)).beside(std::mem::take(&mut sight.untold), desired);
        let bad_vm = |bad: &Unreadable| UnreadableObject::Vm { name: bad.name.clone(), says: chain(&bad.why) };
        let untold_vm = |vm: &Untold| UnreadableObject::Vm { name: vm.name.clone(), says: chain(&vm.malformed()) };
        let mut unreadable: Vec<_> = roster.unreadable.iter().map(bad_vm).chain(roster.untold.iter().map(untold_vm)).collect();
        let switches = sight.switches().unwrap_or_else(|(name, why)| {
            unreadable.push(UnreadableObject::Switch { name, says: chain(&why) });
            Err(Cause::NotObserved)
        });
        let foreign = roster.theirs.iter().map(|vm| foreign(vm, &sight)).collect::<Told<Vec<_>>>();
        let foreign = foreign.map_err(|cause| ObserveError::OthersUnseen { appliance: desired.appliance.clone(), cause })?;
        let (mut guests, mut offers) =
            tokio::join!(self.look_into(desired, &roster, &sight.vitals), self.offers(desired, &roster, &sight.vitals));
        let mut observed = Observed {
            appliance: desired.appliance.clone(),
            at,
            host: ObservedHost {
                name: sight.machine.name.clone(),
                version: sight.machine.version.clone(),
                booted_at: Seen::Known(sight.machine.booted_at),
                processors: sight.machine.processors,
                memory: sight.machine.memory,
                free_memory: sight.machine.free_memory.clone(),
                switches: switches.map_or_else(Seen::Unknown, Seen::Known),
                files: sight.files.clone().unwrap_or_else(|cause| file::unseen(&paths, &cause)),
                cluster: match &sight.cluster {
                    Ok(Some(roles)) => Seen::Known(roles.iter().map(|one| one.role.clone()).collect()),
                    Ok(None) => Seen::Absent,
                    Err(cause) => Seen::Unknown(cause.clone()),
                },
                jobs: sight.jobs.clone().map_or_else(Seen::Unknown, Seen::Known),
            },
            instances: BTreeMap::new(),
            foreign,
            duplicates: roster.duplicates(),
            unreadable,
        };
        for ((instance, role), vms) in &roster.ours {
            // Of several with one mark the first stands for all; `duplicates` says so, and nobody plans on it.
            let Some(vm) = vms.first() else { continue };
            let guest = guests.remove(&(instance.clone(), role.clone())).unwrap_or(Seen::Unknown(Cause::NotObserved));
            // A VM with settings and no state was made or deleted between two queries: neither there nor absent.
            let gone = Malformed::Missing { class: classes::COMPUTER_SYSTEM.to_owned(), property: "EnabledState" };
            let power = sight.vitals.power(&vm.guid).ok_or(gone);
            let power = self.peer().read(classes::COMPUTER_SYSTEM, power).map_err(unseen)?;
            let mut seen = ours(vm, &sight, power, guest);
            seen.integration_services = offers.remove(&vm.guid).unwrap_or_default();
            observed.instances.entry(instance.clone()).or_default().vms.insert(role.clone(), seen);
        }
        Ok(observed)
    }

    /// Looks into every guest that a door leads to, all at once.
    async fn look_into(&self, desired: &Desired, roster: &Roster, vitals: &Vitals) -> BTreeMap<GuestKey, Seen<ObservedGuest>> {
        let mut seen = BTreeMap::new();
        let mut looks = JoinSet::new();
        for key in roster.ours.keys() {
            let Some(vm) = roster.find(&key.0, &key.1) else { continue };
            match self.prepare(desired, key, vm, vitals) {
                Ok(look) => {
                    let key = key.clone();
                    looks.spawn(async move { (key, look.take().await) });
                }
                Err(cause) => {
                    seen.insert(key.clone(), Seen::Unknown(cause));
                }
            }
        }
        while let Some(ended) = looks.join_next().await {
            // A look that panicked leaves its guest not observed; nothing is taken for absent.
            if let Ok((key, ended)) = ended {
                let guest = self.remember(desired, &key, ended);
                seen.insert(key, guest);
            }
        }
        seen
    }

    /// Remembers which door opened, or that the guest refused us.
    fn remember(&self, desired: &Desired, key: &GuestKey, ended: Ended) -> Seen<ObservedGuest> {
        match ended {
            Ended::Opened(door, peer, guest) => {
                self.admitted(key, &peer);
                self.memory().doors.insert(key.clone(), door);
                Seen::Known(*guest)
            }
            Ended::Refused(door, peer, cause) => {
                self.refused(key, (&door, &peer), &desired.recovery);
                Seen::Unknown(cause)
            }
            // A guest whose heart does not beat may still be behind its last door: that one stays known while the VM runs.
            Ended::Silent(cause) => Seen::Unknown(cause),
            Ended::Shut(cause) => {
                self.memory().doors.remove(key);
                Seen::Unknown(cause)
            }
        }
    }

    fn prepare(&self, desired: &Desired, key: &GuestKey, vm: &OurVm, vitals: &Vitals) -> Result<Look, Cause> {
        let role = guest::role(desired, &key.1).ok_or(Cause::NotObserved)?;
        if let Some(until) = self.rests(key, &role.credential) {
            let (name, credential) = (&vm.settings.name, &role.credential);
            let says = format!(
                "the guest of `{name}` refused credential `{credential}` and is asked again at {until:.0}, or once it holds another password"
            );
            return Err(Cause::Refused(says));
        }
        let known = || self.memory().doors.get(key).cloned();
        // The integration services may be silent in a guest that serves: its last door is asked before they are believed.
        let (doors, otherwise) = match (door::doors(desired, &key.0, role, (&vm.guid, vitals)), known()) {
            (Ok(doors), _) => (doors, None),
            (Err(cause), Some(door)) if cause != Cause::PoweredOff => (vec![door], Some(cause)),
            (Err(cause), _) => return Err(cause),
        };
        let mut ways = Vec::new();
        for door in doors {
            let peer = self.guest(&door, role).map_err(|error| Cause::Failed(chain(&error)))?;
            ways.push((door, peer));
        }
        let sent = self.memory().joins.get(&vm.guid).cloned();
        Ok(Look { ways, otherwise, watched: Watched::of(role), sent })
    }
}

/// A look into one guest that is about to be taken.
struct Look {
    ways: Vec<(Door, Arc<Peer>)>,
    /// Why nothing can be seen when no door opens, where the host tells.
    otherwise: Option<Cause>,
    watched: Watched,
    sent: Option<PendingJoin>,
}

impl Look {
    /// Takes it through the first door that opens. One guest is behind all of them: who is refused at one tries no other.
    async fn take(self) -> Ended {
        let mut last = Cause::NotObserved;
        for (door, peer) in self.ways {
            match guest::look(&peer, door.reach, &self.watched, self.sent.as_ref()).await {
                Ok(guest) => return Ended::Opened(door, peer, Box::new(guest)),
                Err(error @ TalkError::Refused { .. }) => return Ended::Refused(door, peer, error.cause()),
                Err(error) => last = error.cause(),
            }
        }
        self.otherwise.map_or(Ended::Shut(last), Ended::Silent)
    }
}

/// How a look into one guest ended.
enum Ended {
    Opened(Door, Arc<Peer>, Box<ObservedGuest>),
    Refused(Door, Arc<Peer>, Cause),
    Shut(Cause),
    /// Not even the host knows whether it is up.
    Silent(Cause),
}

fn ours(vm: &OurVm, sight: &Sight, power: PowerState, guest: Seen<ObservedGuest>) -> ObservedVm {
    let OurVm { guid, settings, mark } = vm;
    ObservedVm {
        name: settings.name.clone(),
        mark: mark.clone(),
        remarks: Remarks::read(&settings.notes),
        power,
        processors: of_vm(&sight.processors, guid),
        memory: of_vm(&sight.memory, guid),
        dynamic_memory: of_vm(&sight.dynamic_memory, guid),
        secure_boot: settings.secure_boot.clone(),
        boot_order: of_vm(&sight.boot_orders, guid),
        integration_services: BTreeMap::new(),
        checkpoints: settings.checkpoints.clone(),
        replica: sight.vitals.replica(guid),
        clustered: cluster::has(&sight.cluster, guid, &settings.name),
        disks: match &sight.disks {
            Ok(disks) => Seen::Known(disks.get(guid).cloned().unwrap_or_default()),
            Err(cause) => Seen::Unknown(cause.clone()),
        },
        adapters: sight.vitals.adapters(guid),
        start_action: settings.start_action.clone(),
        stop_action: settings.stop_action.clone(),
        listener: sight.vitals.listener(guid),
        guest,
        services_had: BTreeSet::new(),
    }
}

/// A VM that is not ours, with all that could be in our way. What cannot be seen of it is an error here: it could hide a conflict.
fn foreign(vm: &TheirVm, sight: &Sight) -> Told<ForeignVm> {
    let disks = sight.disks.as_ref().map_err(Clone::clone)?.get(&vm.guid).cloned().unwrap_or_default();
    let adapters = sight.vitals.adapters.as_ref().map_err(Clone::clone)?;
    let mut addresses: Vec<std::net::IpAddr> =
        of_vm(&sight.vitals.pairs, &vm.guid).known().map(|pairs| pairs.addresses.clone()).unwrap_or_default();
    addresses.sort();
    addresses.dedup();
    Ok(ForeignVm {
        name: vm.name.clone(),
        mark: vm.mark.clone(),
        disks,
        macs: adapters.iter().filter(|adapter| adapter.vm == vm.guid).filter_map(|adapter| adapter.mac).collect(),
        addresses,
    })
}
