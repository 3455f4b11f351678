//! What the host knows of the inside of its VMs: whether they run, beat, publish a listener, and how their adapters are set.
//!
//! Guarantees: seven queries for one VM or for all. A class that failed is an error of its own part, never an absence.

use std::collections::BTreeMap;

use model::names::SwitchName;
use model::observed::{AdapterConfig, ObservedAdapter, PowerState};
use model::seen::{Cause, Seen};
use model::units::MacAddress;
use wsman::cim::CimInstance;

use crate::classes;
use crate::guid::Guid;
use crate::observe::adapter::{self, Adapter, Connection};
use crate::observe::pulse::{self, Pairs};
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
    decode(rows).map_err(|malformed| Cause::Failed(crate::error::chain(&malformed)))
}

/// What is told of one VM.
pub(crate) fn of_vm<T: Clone>(told: &Told<BTreeMap<Guid, T>>, vm: &Guid) -> Seen<T> {
    match told {
        Ok(all) => all.get(vm).cloned().into(),
        Err(cause) => Seen::Unknown(cause.clone()),
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Vitals {
    /// `EnabledState` by VM.
    pub(crate) states: BTreeMap<Guid, u16>,
    pub(crate) heartbeats: Told<BTreeMap<Guid, bool>>,
    pub(crate) pairs: Told<BTreeMap<Guid, Pairs>>,
    pub(crate) adapters: Told<Vec<Adapter>>,
    pub(crate) connections: Told<Vec<Connection>>,
    pub(crate) switches: Told<BTreeMap<Guid, SwitchName>>,
    pub(crate) configs: Told<BTreeMap<(Guid, Guid), AdapterConfig>>,
}

impl Vitals {
    /// Asks for all VMs.
    pub(crate) async fn of_all(peer: &Peer) -> Result<Self, TalkError> {
        Self::ask(peer, Query::hyperv, Query::hyperv).await
    }

    /// Asks for one VM.
    pub(crate) async fn of_one(peer: &Peer, vm: &Guid) -> Result<Self, TalkError> {
        Self::ask(peer, |class| Query::hyperv(class).of(vm), |class| Query::hyperv(class).equal("SystemName", vm.as_str())).await
    }

    async fn ask(
        peer: &Peer,
        settings: impl Fn(&'static str) -> Query,
        components: impl Fn(&'static str) -> Query,
    ) -> Result<Self, TalkError> {
        let (systems, heartbeat, key_values, adapters, connections, switches, networks) = (
            Query::hyperv(classes::COMPUTER_SYSTEM),
            components(classes::HEARTBEAT),
            components(classes::KEY_VALUES),
            settings(classes::ADAPTER),
            settings(classes::CONNECTION),
            Query::hyperv(classes::SWITCH),
            Query::hyperv(classes::GUEST_NETWORK),
        );
        let (systems, heartbeats, pairs, adapters, connections, switches, configs) = tokio::join!(
            peer.select(&systems),
            peer.select(&heartbeat),
            peer.select(&key_values),
            peer.select(&adapters),
            peer.select(&connections),
            peer.select(&switches),
            peer.select(&networks),
        );
        Ok(Self {
            states: peer.read(classes::COMPUTER_SYSTEM, vm::states(&systems?))?,
            heartbeats: told(&heartbeats, pulse::heartbeats),
            pairs: told(&pairs, pulse::pairs),
            adapters: told(&adapters, adapter::adapters),
            connections: told(&connections, adapter::connections),
            switches: told(&switches, switch::names),
            configs: told(&configs, adapter::guest_configs),
        })
    }

    /// The power state of `vm`.
    pub(crate) fn power(&self, vm: &Guid) -> Option<PowerState> {
        self.states.get(vm).map(|state| vm::power(*state))
    }

    /// Why nothing can be seen of the guest, as far as the host can tell; `None` when its heart beats.
    pub(crate) fn silence(&self, vm: &Guid) -> Option<Cause> {
        let Some(state) = self.states.get(vm) else { return Some(Cause::NotObserved) };
        if let Some(cause) = vm::silent(*state) {
            return Some(cause);
        }
        match of_vm(&self.heartbeats, vm) {
            Seen::Known(true) => None,
            Seen::Known(false) | Seen::Absent => Some(Cause::Booting),
            Seen::Unknown(cause) => Some(cause),
        }
    }

    /// The thumbprint that the guest publishes.
    pub(crate) fn listener(&self, vm: &Guid) -> Seen<String> {
        if let Some(cause) = self.silence(vm) {
            return Seen::Unknown(cause);
        }
        match of_vm(&self.pairs, vm) {
            Seen::Known(pairs) => pairs.listener.into(),
            Seen::Absent => Seen::Unknown(Cause::Booting),
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
                let observed = ObservedAdapter { name: adapter.name.clone(), switch: self.switch(adapter), config: self.config(adapter) };
                Some((adapter.mac?, observed))
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
