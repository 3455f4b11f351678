//! What the host knows of the inside of its VMs: whether they run, beat, publish a listener, and how their adapters are set.
//!
//! Guarantees: eight queries for one VM or for all, two for one whose guest is not up. A class that failed is an error of its own
//! part, never an absence.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::cause::chain;
use model::names::SwitchName;
use model::observed::{AdapterConfig, ObservedAdapter, PowerState, ReplicaRole};
use model::seen::{Cause, Seen};
use model::units::MacAddress;
use wsman::cim::CimInstance;

use crate::classes;
use crate::guid::Guid;
use crate::observe::adapter::{self, Adapter, Connection};
use crate::observe::pulse::{self, Pairs};
use crate::observe::vlan::{self, Vlan};
use crate::observe::vm::{Settings, Untold};
use crate::observe::{switch, vm};
use crate::peer::{Peer, TalkError};
use crate::row::Malformed;
use crate::wql::Query;

/// The answer to one query.
pub(crate) type Rows = Result<Vec<CimInstance>, TalkError>;

/// What a class told, or why it could not.
pub(crate) type Told<T> = Result<T, Cause>;

/// Decodes what a query brought.
pub(crate) fn told<T>(rows: &Rows, decode: impl FnOnce(&[CimInstance]) -> Result<T, Malformed>) -> Told<T> {
    let rows = rows.as_ref().map_err(TalkError::cause)?;
    decode(rows).map_err(|malformed| Cause::Failed(chain(&malformed)))
}

/// What is told of one VM.
pub(crate) fn of_vm<T: Clone>(told: &Told<BTreeMap<Guid, T>>, vm: &Guid) -> Seen<T> {
    match told {
        Ok(all) => all.get(vm).cloned().into(),
        Err(cause) => Seen::Unknown(cause.clone()),
    }
}

/// Whether VMs run and their guests are up.
#[derive(Debug)]
struct Pulse {
    /// How each VM stands.
    states: BTreeMap<Guid, vm::State>,
    /// Those that are replicated.
    replicas: Told<BTreeMap<Guid, ReplicaRole>>,
    heartbeats: Told<BTreeMap<Guid, bool>>,
}

impl Pulse {
    async fn ask(peer: &Peer, systems: &Query, heartbeats: &Query) -> Result<Self, TalkError> {
        let (systems, heartbeats) = tokio::join!(peer.select(systems), peer.select(heartbeats));
        let replicas = told(&systems, vm::replicas);
        let states = peer.read(classes::COMPUTER_SYSTEM, vm::states(&systems?))?;
        Ok(Self { states, replicas, heartbeats: told(&heartbeats, pulse::heartbeats) })
    }

    fn silence(&self, vm: &Guid) -> Option<Cause> {
        let Some(state) = self.states.get(vm) else { return Some(Cause::NotObserved) };
        if let Some(cause) = vm::silent(state.enabled) {
            return Some(cause);
        }
        match of_vm(&self.heartbeats, vm) {
            Seen::Known(true) => None,
            Seen::Known(false) | Seen::Absent => Some(Cause::Booting),
            Seen::Unknown(cause) => Some(cause),
        }
    }
}

/// What leads into guests that are up.
struct Rest {
    pairs: Told<BTreeMap<Guid, Pairs>>,
    adapters: Told<Vec<Adapter>>,
    connections: Told<Vec<Connection>>,
    switches: Told<BTreeMap<Guid, SwitchName>>,
    configs: Told<BTreeMap<(Guid, Guid), AdapterConfig>>,
    vlans: Told<BTreeMap<(Guid, Guid), Vlan>>,
}

impl Rest {
    async fn ask(peer: &Peer, key_values: Query, settings: impl Fn(&'static str) -> Query) -> Self {
        let (adapters, connections, vlans) = (settings(classes::ADAPTER), settings(classes::CONNECTION), settings(classes::VLAN));
        let (switches, networks) = (Query::hyperv(classes::SWITCH), Query::hyperv(classes::GUEST_NETWORK));
        let (pairs, adapters, connections, switches, configs, vlans) = tokio::join!(
            peer.select(&key_values),
            peer.select(&adapters),
            peer.select(&connections),
            peer.select(&switches),
            peer.select(&networks),
            peer.select(&vlans),
        );
        Self {
            pairs: told(&pairs, pulse::pairs),
            adapters: told(&adapters, adapter::adapters),
            connections: told(&connections, adapter::connections),
            switches: told(&switches, switch::names),
            configs: told(&configs, adapter::guest_configs),
            vlans: told(&vlans, vlan::vlans),
        }
    }

    /// Nobody asked, for this reason.
    fn untold(cause: &Cause) -> Self {
        let cause = || cause.clone();
        Self {
            pairs: Err(cause()),
            adapters: Err(cause()),
            connections: Err(cause()),
            switches: Err(cause()),
            configs: Err(cause()),
            vlans: Err(cause()),
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Vitals {
    pulse: Pulse,
    pub(crate) pairs: Told<BTreeMap<Guid, Pairs>>,
    pub(crate) adapters: Told<Vec<Adapter>>,
    pub(crate) connections: Told<Vec<Connection>>,
    pub(crate) switches: Told<BTreeMap<Guid, SwitchName>>,
    pub(crate) configs: Told<BTreeMap<(Guid, Guid), AdapterConfig>>,
    vlans: Told<BTreeMap<(Guid, Guid), Vlan>>,
}

impl Vitals {
    /// Asks for all VMs: eight queries at once.
    pub(crate) async fn of_all(peer: &Peer) -> Result<Self, TalkError> {
        let (systems, heartbeats) = (Query::hyperv(classes::COMPUTER_SYSTEM), Query::hyperv(classes::HEARTBEAT));
        let (pulse, rest) =
            tokio::join!(Pulse::ask(peer, &systems, &heartbeats), Rest::ask(peer, Query::hyperv(classes::KEY_VALUES), Query::hyperv));
        Ok(Self::of(pulse?, rest))
    }

    /// Asks for one VM. A guest that cannot be looked into costs two queries, so that waiting for one is cheap.
    pub(crate) async fn of_one(peer: &Peer, vm: &Guid) -> Result<Self, TalkError> {
        let systems = Query::hyperv(classes::COMPUTER_SYSTEM).equal("Name", vm.as_str());
        let heartbeats = Query::hyperv(classes::HEARTBEAT).equal("SystemName", vm.as_str());
        let pulse = Pulse::ask(peer, &systems, &heartbeats).await?;
        let rest = match pulse.silence(vm) {
            Some(cause) => Rest::untold(&cause),
            None => {
                let key_values = Query::hyperv(classes::KEY_VALUES).equal("SystemName", vm.as_str());
                Rest::ask(peer, key_values, |class| Query::hyperv(class).of(vm)).await
            }
        };
        Ok(Self::of(pulse, rest))
    }

    fn of(pulse: Pulse, rest: Rest) -> Self {
        let Rest { pairs, adapters, connections, switches, configs, vlans } = rest;
        Self { pulse, pairs, adapters, connections, switches, configs, vlans }
    }

    /// The VMs that the host has a state of, and that none of these settings tell of.
    pub(crate) fn untold(&self, settings: &BTreeMap<Guid, Settings>) -> Vec<Untold> {
        vm::untold(&self.pulse.states, settings)
    }

    /// The power state of `vm`.
    pub(crate) fn power(&self, vm: &Guid) -> Option<PowerState> {
        self.pulse.states.get(vm).map(|state| vm::power(state.enabled))
    }

    /// When the configuration of `vm` last changed, where the host tells.
    pub(crate) fn configured(&self, vm: &Guid) -> Option<Timestamp> {
        self.pulse.states.get(vm)?.configured
    }

    /// What `vm` is to Hyper-V Replica.
    pub(crate) fn replica(&self, vm: &Guid) -> Seen<ReplicaRole> {
        of_vm(&self.pulse.replicas, vm)
    }

    /// Why nothing can be seen of the guest, as far as the host can tell; `None` when its heart beats.
    pub(crate) fn silence(&self, vm: &Guid) -> Option<Cause> {
        self.pulse.silence(vm)
    }

    /// The thumbprint that the guest publishes.
    pub(crate) fn listener(&self, vm: &Guid) -> Seen<String> {
        if let Some(cause) = self.silence(vm) {
            return Seen::Unknown(cause);
        }
        match of_vm(&self.pairs, vm) {
            Seen::Known(pairs) if pairs.spoken => pairs.listener.into(),
            Seen::Known(_) | Seen::Absent => Seen::Unknown(Cause::Booting),
            Seen::Unknown(cause) => Seen::Unknown(cause),
        }
    }

    /// The adapters of `vm`, by hardware address.
    pub(crate) fn adapters(&self, vm: &Guid) -> Seen<BTreeMap<MacAddress, ObservedAdapter>> {
        let adapters = match &self.adapters {
            Ok(adapters) => adapters,
            Err(cause) => return Seen::Unknown(cause.clone()),
        };
        let mine = adapters.iter().filter(|adapter| adapter.vm == *vm);
        Seen::Known(
            mine.filter_map(|adapter| {
                let (switch, vlan, config) = (self.switch(adapter), self.vlan(adapter), self.config(adapter));
                Some((adapter.mac?, ObservedAdapter { name: adapter.name.clone(), switch, vlan, config }))
            })
            .collect(),
        )
    }

    fn switch(&self, adapter: &Adapter) -> Seen<SwitchName> {
        let connections = match &self.connections {
            Ok(connections) => connections,
            Err(cause) => return Seen::Unknown(cause.clone()),
        };
        match adapter::connection_of(adapter, connections).and_then(Connection::switch) {
            None => Seen::Absent,
            Some(switch) => of_vm(&self.switches, switch),
        }
    }

    fn vlan(&self, adapter: &Adapter) -> Seen<u16> {
        match (&self.vlans, &adapter.device) {
            (Err(cause), _) => Seen::Unknown(cause.clone()),
            (Ok(vlans), Some(device)) => vlans.get(&(adapter.vm.clone(), device.clone())).map_or(Seen::Absent, Vlan::access),
            (Ok(_), None) => Seen::Absent,
        }
    }

    fn config(&self, adapter: &Adapter) -> Seen<AdapterConfig> {
        if let Some(cause) = self.silence(&adapter.vm) {
            return Seen::Unknown(cause);
        }
        match (&self.configs, &adapter.device) {
            (Err(cause), _) => Seen::Unknown(cause.clone()),
            (Ok(configs), Some(device)) => configs.get(&(adapter.vm.clone(), device.clone())).cloned().into(),
            (Ok(_), None) => Seen::Absent,
        }
    }
}
